/**
 * Numbers by chance from a seed (sfc32, Chris Doty-Humphrey, PractRand): fast enough for one a sample, and the same again for the same seed, so that a
 * decision can be looked into. Nothing secret hangs on it.
 */

/** A source of numbers of at least 0 and under 1. `seed`: at least 16 bytes. */
export function chanceFrom(seed: Uint8Array): () => number {
  const view = new DataView(seed.buffer, seed.byteOffset, seed.byteLength);
  let a = view.getUint32(0, true) | 0;
  let b = view.getUint32(4, true) | 0;
  let c = view.getUint32(8, true) | 0;
  let d = view.getUint32(12, true) | 0;
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return (t >>> 0) / 4294967296;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** Letters and digits by chance, 5 bits each. */
export function nameFrom(chance: () => number, chars: number): string {
  let name = "";
  for (let i = 0; i < chars; i++) name += ALPHABET.charAt(Math.floor(chance() * 32));
  return name;
}
