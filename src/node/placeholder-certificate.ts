/**
 * nginx wants a certificate in its configuration, although each handshake here gets its own or ends: nobody ever sees this one, for the
 * name "placeholder.invalid" (RFC 6761 §6.4). But nginx binds sessions to it, so nodes that open each other's tickets need the same one. It
 * follows from a seed alone: Ed25519 (RFC 8410), whose signatures have no randomness, and dates that never change. X.509 (RFC 5280 §4.1)
 * is written out by hand, since nothing on an edge should need a certificate tool.
 */
import { createPrivateKey, createPublicKey, sign } from "node:crypto";

const NAME = "placeholder.invalid";
export const PLACEHOLDER_SEED_BYTES = 32;
/** PKCS#8 of an Ed25519 key, up to its 32 bytes (RFC 8410 §7). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

export function makePlaceholder(seed: Uint8Array): { readonly certPem: string; readonly keyPem: string } {
  if (seed.length !== PLACEHOLDER_SEED_BYTES) throw new Error("A placeholder's seed has 32 bytes.");
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
  const ed25519 = sequence(oid([0x2b, 0x65, 0x70]));
  const name = sequence(set(sequence(oid([0x55, 0x04, 0x03]), der(0x0c, Buffer.from(NAME)))));
  const body = sequence(
    der(0x02, Buffer.from([1])),
    ed25519,
    name,
    sequence(time("20260101000000Z"), time("99991231235959Z")), // No end (RFC 5280 §4.1.2.5).
    name,
    createPublicKey(key).export({ type: "spki", format: "der" }),
  );
  const signature = sign(null, body, key);
  const certificate = sequence(body, ed25519, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    certPem: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    keyPem: key.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function der(tag: number, content: Buffer): Buffer {
  if (content.length < 128) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length =
    content.length < 256 ? [0x81, content.length] : [0x82, content.length >> 8, content.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, Buffer.concat(parts));
const set = (part: Buffer): Buffer => der(0x31, part);
const oid = (bytes: readonly number[]): Buffer => der(0x06, Buffer.from(bytes));
/** GeneralizedTime. */
const time = (text: string): Buffer => der(0x18, Buffer.from(text));
