/**
 * The offline proof of C2SP tlog-proof, "c2sp.org/tlog-proof@v1": index, inclusion hashes, and the checkpoint verbatim. With
 * the log's key and the entry's bytes it is all that anybody needs. The `extra` line is not authenticated, so nothing here
 * acts on it.
 */
import type { Parsed } from "../../contract/fault.ts";
import { openCheckpoint, type Checkpoint } from "./checkpoint.ts";
import { HASH_BYTES, leafHash, PROOF_HASHES_MAX, verifyInclusion } from "./merkle.ts";
import { NOTE_BYTES_MAX, type VerifierKey } from "./note.ts";
import { decodeBase64, decodeDecimal, encodeBase64 } from "./strict-text.ts";

const FIRST_LINE = "c2sp.org/tlog-proof@v1";
const EXTRA_CHARS_MAX = 64 * 1024;
export const TLOG_PROOF_CHARS_MAX = NOTE_BYTES_MAX + EXTRA_CHARS_MAX + (PROOF_HASHES_MAX + 4) * 50;

export type TlogProof = {
  readonly index: number;
  /** From the leaf's sibling up. */
  readonly hashes: readonly Uint8Array[];
  /** The signed note, verbatim. */
  readonly checkpoint: string;
  /** Not authenticated by anything. */
  readonly extra?: Uint8Array;
};

export function formatTlogProof(proof: TlogProof): string {
  const lines = [FIRST_LINE];
  if (proof.extra !== undefined) lines.push(`extra ${encodeBase64(proof.extra)}`);
  lines.push(`index ${proof.index}`, ...proof.hashes.map(encodeBase64), "");
  return `${lines.join("\n")}\n${proof.checkpoint}`;
}

export function parseTlogProof(text: string): Parsed<TlogProof> {
  if (text.length > TLOG_PROOF_CHARS_MAX) return { ok: false, why: "The proof is too large" };
  const split = text.indexOf("\n\n");
  if (split < 0) return { ok: false, why: "The proof has no empty line before its checkpoint" };
  const lines = text.slice(0, split).split("\n");
  const checkpoint = text.slice(split + 2);
  if (lines.shift() !== FIRST_LINE)
    return { ok: false, why: `The proof does not begin with "${FIRST_LINE}"` };
  let extra: Uint8Array | undefined;
  if (lines[0]?.startsWith("extra ") === true) {
    const bytes = decodeBase64(lines[0].slice(6));
    if (bytes === null || bytes.length === 0) {
      return { ok: false, why: "The proof's extra line is not canonical base64" };
    }
    extra = bytes;
    lines.shift();
  }
  const indexLine = lines.shift() ?? "";
  const index = indexLine.startsWith("index ") ? decodeDecimal(indexLine.slice(6)) : null;
  if (index === null) return { ok: false, why: "The proof has no index line" };
  if (lines.length > PROOF_HASHES_MAX) return { ok: false, why: "The proof has too many hashes" };
  const hashes: Uint8Array[] = [];
  for (const line of lines) {
    const hashed = decodeBase64(line);
    if (hashed === null || hashed.length !== HASH_BYTES) {
      return { ok: false, why: "A line of the proof is not a hash in canonical base64" };
    }
    hashes.push(hashed);
  }
  return { ok: true, value: { index, hashes, checkpoint, ...(extra === undefined ? {} : { extra }) } };
}

/** Holds when the log of `key` signed a checkpoint that contains `entry` at the proof's index. */
export function verifyTlogProof(
  proofText: string,
  options: { readonly entry: Uint8Array; readonly key: VerifierKey },
): Parsed<{ readonly index: number; readonly checkpoint: Checkpoint }> {
  const proof = parseTlogProof(proofText);
  if (!proof.ok) return proof;
  const checkpoint = openCheckpoint(proof.value.checkpoint, options.key);
  if (!checkpoint.ok) return checkpoint;
  const { size, root } = checkpoint.value;
  const claim = { leaf: leafHash(options.entry), index: proof.value.index, size, root };
  if (!verifyInclusion(claim, proof.value.hashes)) {
    return { ok: false, why: "The proof does not lead from the entry to the signed root" };
  }
  return { ok: true, value: { index: proof.value.index, checkpoint: checkpoint.value } };
}
