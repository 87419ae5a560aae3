/**
 * Private keys at rest: AES-256-GCM (NIST SP 800-38D) under a key that stands in a file of the instance and never in the
 * database. The nonce is random, 12 bytes; what a key belongs to is authenticated with it, so that a row cannot be swapped for
 * another. Layout: nonce, ciphertext, tag of 16 bytes. Whoever has the file and the database has the keys; whoever has one, nothing.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const SEALING_KEY_BYTES = 32;

export type Seal = {
  /** `owner`: a certificate's id, or the directory of an account. */
  seal(text: string, owner: string): Uint8Array;
  /** Throws when the bytes were changed, belong to something else, or were sealed with another key. */
  open(sealed: Uint8Array, owner: string): string;
};

export function createSeal(key: Uint8Array, random: (bytes: number) => Uint8Array): Seal {
  if (key.length !== SEALING_KEY_BYTES) {
    throw new Error(`a sealing key has ${SEALING_KEY_BYTES} bytes, not ${key.length}`);
  }
  const associated = (owner: string): Buffer => Buffer.from(`parapet private key v1\n${owner}`);
  return {
    seal(text, owner) {
      const nonce = random(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(associated(owner));
      return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, owner) {
      if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new Error("a sealed key is too short");
      const bytes = Buffer.from(sealed);
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
        .setAAD(associated(owner))
        .setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
      const body = bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
    },
  };
}
