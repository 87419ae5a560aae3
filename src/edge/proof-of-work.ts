/**
 * The proof that a browser brings: a nonce such that SHA-256 (FIPS 180-4) over a block and the nonce begins with as many zero bits as the challenge
 * asks for. The block is exactly one block of SHA-256, so that who looks for a nonce hashes it once. It holds the challenge, which nobody can
 * know before the edge gave it out (`clearance.ts`): nothing can be computed ahead. Domain separation is by the block's first line. The page computes
 * the same in `contract/challenge-script.ts`.
 */

export const PROOF_BLOCK_BYTES = 64;
export const NONCE_CHARS = 12;

const FIRST_LINE = "parapet-proof-1\n";
/** What fits into one block behind the first line, with at least one line feed behind it. */
export const CHALLENGE_CHARS_MAX = PROOF_BLOCK_BYTES - FIRST_LINE.length - 1;

/** What is hashed before the nonce. `challenge`: at most CHALLENGE_CHARS_MAX characters, none of them a line feed. */
export function proofBlock(challenge: string): string {
  let block = FIRST_LINE + challenge;
  while (block.length < PROOF_BLOCK_BYTES) block = block + "\n";
  return block;
}

/** Twelve letters from "a" to "p": any other way of writing one is no nonce, so that each has one spelling. */
export function isNonce(text: string): boolean {
  if (text.length !== NONCE_CHARS) return false;
  for (let i = 0; i < NONCE_CHARS; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x61 || code > 0x70) return false;
  }
  return true;
}

/** `digest`: bytes, a character each. */
export function hasZeroBits(digest: string, bits: number): boolean {
  const whole = Math.floor(bits / 8);
  if (whole >= digest.length) return false;
  for (let i = 0; i < whole; i++) if (digest.charCodeAt(i) !== 0) return false;
  return digest.charCodeAt(whole) < 2 ** (8 - (bits - whole * 8));
}
