/**
 * A commitment puts a payload on record without showing it: c = SHA-256("parapet/opening/v1\n" || r || payload), with 32 random
 * bytes r for each commitment and the payload in canonical JSON. Whoever holds r and the payload (the opening) can prove what was
 * meant; once both are destroyed, nobody can, and nothing in the log has to change. Identifiers are guessable, so a
 * commitment without r would not hide them: r is never shared between two commitments.
 */
import { hash } from "node:crypto";
import { canonicalBytes } from "./canonical.ts";
import { decodeHex, encodeHex, encodeUtf8 } from "./strict-text.ts";

export const SALT_BYTES = 32;
const DOMAIN = encodeUtf8("parapet/opening/v1\n");

/** The commitment, 64 hex digits. `salt` is 64 hex digits of fresh randomness. Throws when the payload has no canonical form. */
export function commit(payload: unknown, salt: string): string {
  const saltBytes = decodeHex(salt, SALT_BYTES);
  if (saltBytes === null) throw new Error("a salt is 64 lower-case hex digits");
  const bytes = canonicalBytes(payload);
  if (!bytes.ok) throw new Error(`a payload that cannot be committed to: ${bytes.why}`);
  return hash("sha256", Buffer.concat([DOMAIN, saltBytes, bytes.value]), "hex");
}

/** Fresh salt. `random(n)` returns n unpredictable bytes. */
export function newSalt(random: (bytes: number) => Uint8Array): string {
  return encodeHex(random(SALT_BYTES));
}

/** Whether `salt` and `payload` are the opening of `commitment`. Never throws. */
export function opens(
  commitment: string,
  opening: { readonly salt: string; readonly payload: unknown },
): boolean {
  if (decodeHex(commitment, 32) === null || decodeHex(opening.salt, SALT_BYTES) === null) return false;
  if (!canonicalBytes(opening.payload).ok) return false;
  return commit(opening.payload, opening.salt) === commitment;
}
