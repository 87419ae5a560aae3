/**
 * Keys of session tickets (RFC 5077, RFC 8446 §4.6.1), the same on every node and without a word between them: HKDF (RFC 5869) from the fleet's
 * secret and the number of a slot of twelve hours. A node makes tickets with the present slot's key, and opens those of the one before and, as
 * another node's clock may be ahead, of the one after. Whoever takes a key from a node's memory reads the sessions of a day and a half at most.
 */
import { hkdfSync } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EdgeSecrets } from "../contract/certificate.ts";

export const TICKET_SLOT_MS = 12 * 3_600_000;
/** nginx's form: name of 16 bytes, HMAC key of 32, AES-256 key of 32 (ssl_session_ticket_key). */
const KEY_BYTES = 80;
const DOMAIN = "parapet edge session ticket key 1";

export function ticketSlot(nowMs: number): number {
  return Math.floor(nowMs / TICKET_SLOT_MS);
}

export function ticketKey(ticketSecret: string, slot: number): Buffer {
  const secret = Buffer.from(ticketSecret, "base64url");
  return Buffer.from(hkdfSync("sha256", secret, "", `${DOMAIN} ${slot}`, KEY_BYTES));
}

/** For the certificate that sessions are bound to (`placeholder-certificate.ts`): it guards nothing, and is the same on every node. */
export function placeholderSeed(ticketSecret: string): Buffer {
  const secret = Buffer.from(ticketSecret, "base64url");
  return Buffer.from(hkdfSync("sha256", secret, "", "parapet edge placeholder certificate 1", 32));
}

/** Writes the keys for `slot` and says in which files they lie, the one that makes tickets first. The files are for nginx's master alone. */
export function writeTicketKeys(folder: string, secrets: EdgeSecrets, slot: number): readonly string[] {
  return [slot, slot - 1, slot + 1].map((one, i) => {
    const path = join(folder, `ticket-${i}.key`);
    rmSync(path, { force: true });
    writeFileSync(path, ticketKey(secrets.ticketSecret, one), { mode: 0o600 });
    return path;
  });
}

/** Null when it is what nodes share, else why not. */
export function whyNotSecrets(value: unknown): string | null {
  const given = (typeof value === "object" && value !== null ? value : {}) as Partial<EdgeSecrets>;
  if (given.schema !== 1) return "their schema is not 1";
  if (Object.keys(given).length !== 2) return "they have unknown fields";
  const isSecret = typeof given.ticketSecret === "string" && /^[A-Za-z0-9_-]{43}$/.test(given.ticketSecret);
  return isSecret ? null : "their ticket secret is not 32 bytes in base64url";
}
