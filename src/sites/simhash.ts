/**
 * 64-bit SimHash (Charikar 2002): texts that share most of their features get hashes that differ in few bits. Used to
 * recognise copies of a report and the return of a site. Features are hashed with SHA-256, cut to 64 bits: nobody
 * can choose features that collide cheaply.
 */
import { createHash } from "node:crypto";

const BITS = 64;
const FEATURES_MAX = 20_000;

/** Words of a text, lower-cased and without accents, in any script. */
export function words(text: string): string[] {
  return (
    text
      .normalize("NFKD")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu)
      ?.slice(0, FEATURES_MAX) ?? []
  );
}

/** Runs of `width` neighbours, so that order counts. Short texts give one shingle. */
export function shingles(tokens: readonly string[], width: number): string[] {
  if (tokens.length <= width) return tokens.length === 0 ? [] : [tokens.join(" ")];
  const out: string[] = [];
  for (let i = 0; i + width <= tokens.length && i < FEATURES_MAX; i++)
    out.push(tokens.slice(i, i + width).join(" "));
  return out;
}

/** 16 hex digits; all zeros for no features at all. */
export function simhash(features: readonly string[]): string {
  const counts = Array.from<number>({ length: BITS }).fill(0);
  for (const feature of features) {
    const digest = createHash("sha256").update(feature).digest();
    for (let bit = 0; bit < BITS; bit++) {
      const set = ((digest[bit >> 3] ?? 0) >> (bit & 7)) & 1;
      counts[bit] = (counts[bit] ?? 0) + (set === 1 ? 1 : -1);
    }
  }
  const bytes = Buffer.alloc(BITS / 8);
  for (let bit = 0; bit < BITS; bit++) {
    if ((counts[bit] ?? 0) > 0) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
  }
  return bytes.toString("hex");
}

/** Number of differing bits, 0–64. */
export function hamming(a: string, b: string): number {
  const left = Buffer.from(a, "hex");
  const right = Buffer.from(b, "hex");
  let bits = 0;
  for (let i = 0; i < BITS / 8; i++) {
    let difference = (left[i] ?? 0) ^ (right[i] ?? 0);
    while (difference !== 0) {
      bits += difference & 1;
      difference >>= 1;
    }
  }
  return bits;
}
