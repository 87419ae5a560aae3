/**
 * Finds proofs of work, as a worker thread: a nonce of twelve letters so that the SHA-256 of one block with the challenge, and the nonce behind it, begins with as many zero
 * bits as are asked for (src/edge/proof-of-work.ts). One after the other; says how many it had to try.
 */
import { hash, randomInt } from "node:crypto";
import { parentPort } from "node:worker_threads";

export type ProofAsk = { readonly id: number; readonly challenge: string; readonly bits: number };
export type ProofFound = { readonly id: number; readonly nonce: string; readonly hashes: number };

const BLOCK_BYTES = 64;
const NONCE_CHARS = 12;
const A = "a".charCodeAt(0);

parentPort?.on("message", ({ id, challenge, bits }: ProofAsk) => {
  const text = Buffer.alloc(BLOCK_BYTES + NONCE_CHARS, "\n");
  text.write(`parapet-proof-1\n${challenge}`, "latin1");
  const start = randomInt(2 ** 32);
  for (let hashes = 1; ; hashes++) {
    let left = start + hashes;
    for (let i = 0; i < NONCE_CHARS; i++) {
      text[BLOCK_BYTES + i] = A + (left % 16);
      left = Math.floor(left / 16);
    }
    const digest = hash("sha256", text, "buffer");
    if (Math.clz32(digest.readUInt32BE(0)) < bits) continue;
    const found: ProofFound = { id, nonce: text.toString("latin1", BLOCK_BYTES), hashes };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Threads have no origin.
    parentPort?.postMessage(found);
    return;
  }
});
