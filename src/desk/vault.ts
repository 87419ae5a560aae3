/**
 * The vault of reporters' identities (design law 1). What goes in is encrypted to a public key whose private half was split
 * in three when it was made and then destroyed; any two of the three shares, in a command on somebody's own machine, open it.
 * The server holds the public key and ciphertext: it can seal, and never open. `Sealed` is how plaintext travels from the form to the
 * seal within one call: it cannot be printed, logged, cloned or put into JSON.
 *
 * HPKE base mode (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305; info "parapet/vault/v1". A sealed
 * value is the encapsulated key (32 bytes) and the ciphertext. The associated data names the report, so that no ciphertext can
 * be moved to another one. Shares: Shamir's secret sharing over GF(256), 2 of 3.
 */
import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { CipherSuite, HkdfSha256 } from "@hpke/core";
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519";
import { combine, split } from "shamir-secret-sharing";
import { Fault, type Parsed } from "../contract/fault.ts";

const HIDDEN = "[sealed]";
const KEY_BYTES = 32;
const INFO = new TextEncoder().encode("parapet/vault/v1");
const SHARES = 3;
const SHARES_NEEDED = 2;
const SHARE_PREFIX = "parapet-share-1-";
const SHARE_BYTES = 4 + KEY_BYTES + 1 + 4;
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

const suite = (): CipherSuite =>
  new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Chacha20Poly1305(),
  });

/** Plaintext that cannot be printed: every way of turning it into text or a copy gives "[sealed]" or nothing. */
export class Sealed {
  /** The one thing that a clone, a spread or a serializer finds. */
  readonly content = HIDDEN;
  readonly #bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  static of(bytes: Uint8Array): Sealed {
    return new Sealed(bytes);
  }
  /** For the seal alone. */
  static take(sealed: Sealed): Uint8Array {
    return sealed.#bytes;
  }
  toJSON(): string {
    return HIDDEN;
  }
  toString(): string {
    return HIDDEN;
  }
  [Symbol.toPrimitive](): string {
    return HIDDEN;
  }
  [inspect.custom](): string {
    return HIDDEN;
  }
}

const sha256 = (domain: string, ...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash("sha256").update(`${domain}\n`);
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** 32 hex digits that people compare aloud: SHA-256 of "parapet/vault-key/v1\n" and the key, halved. */
export const fingerprintOf = (publicKey: Uint8Array): string =>
  sha256("parapet/vault-key/v1", publicKey).subarray(0, 16).toString("hex");

export function parseVaultKey(publicKeyHex: string): Parsed<{ publicKey: Uint8Array; fingerprint: string }> {
  const text = publicKeyHex.trim().toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(text)) return { ok: false, why: "A vault's public key is 64 hex digits" };
  const publicKey = Uint8Array.from(Buffer.from(text, "hex"));
  // Points of small order would make every shared secret the same (RFC 7748 §6.1): the all-zero key is the commonest slip.
  if (publicKey.every((byte) => byte === 0))
    return { ok: false, why: "A vault's public key is never all zeros" };
  return { ok: true, value: { publicKey, fingerprint: fingerprintOf(publicKey) } };
}

/** Encrypts to the vault. Nothing on this server can undo it. */
export async function seal(
  plain: Sealed,
  options: { readonly publicKey: Uint8Array; readonly associated: string },
): Promise<Uint8Array> {
  const cipher = suite();
  try {
    const recipientPublicKey = await cipher.kem.importKey("raw", arrayOf(options.publicKey), true);
    const { ct, enc } = await cipher.seal(
      { recipientPublicKey, info: arrayOf(INFO) },
      arrayOf(Sealed.take(plain)),
      arrayOf(new TextEncoder().encode(options.associated)),
    );
    return Buffer.concat([new Uint8Array(enc), new Uint8Array(ct)]);
  } catch {
    // The cause is dropped on purpose: no error that saw the plaintext travels further.
    throw new Fault(
      "desk.no-vault",
      "The identity could not be sealed, so nothing was kept: tell the operator",
    );
  }
}

const arrayOf = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;

/** Makes a vault. Runs in a command, never in the server; the private key exists only here and only until this returns. */
export async function createVault(random: (bytes: number) => Uint8Array): Promise<{
  readonly publicKey: string;
  readonly shares: readonly [string, string, string];
  readonly fingerprint: string;
}> {
  const cipher = suite();
  const pair = await cipher.kem.deriveKeyPair(arrayOf(random(KEY_BYTES)));
  const publicKey = new Uint8Array(await cipher.kem.serializePublicKey(pair.publicKey));
  const secret = new Uint8Array(await cipher.kem.serializePrivateKey(pair.privateKey));
  const shares = (await split(secret, SHARES, SHARES_NEEDED)).map((share) => shareText(publicKey, share));
  secret.fill(0);
  const [first, second, third] = shares;
  if (first === undefined || second === undefined || third === undefined)
    throw new Error("three shares were asked for");
  return {
    publicKey: Buffer.from(publicKey).toString("hex"),
    shares: [first, second, third],
    fingerprint: fingerprintOf(publicKey),
  };
}

/** A share as people print it: which vault, the share, a checksum; base32 without look-alikes, in groups of four. */
function shareText(publicKey: Uint8Array, share: Uint8Array): string {
  const vault = sha256("parapet/vault-key/v1", publicKey).subarray(0, 4);
  const check = sha256("parapet/vault-share/v1", vault, share).subarray(0, 4);
  const text = base32(Buffer.concat([vault, share, check]));
  return SHARE_PREFIX + (text.match(/.{1,4}/g) ?? []).join("-");
}

export function parseShare(text: string): Parsed<{ readonly vault: string; readonly share: Uint8Array }> {
  const plain = text.trim().toLowerCase();
  if (!plain.startsWith(SHARE_PREFIX)) return { ok: false, why: `A share begins with "${SHARE_PREFIX}"` };
  if (plain.length > 200) return { ok: false, why: "This is longer than a share" };
  const letters = plain
    .slice(SHARE_PREFIX.length)
    .replace(/[\s-]/g, "")
    .replace(/[il]/g, "1")
    .replace(/o/g, "0");
  const bytes = unbase32(letters);
  if (bytes === null || bytes.length !== SHARE_BYTES)
    return { ok: false, why: "A letter is missing or too many" };
  const vault = bytes.subarray(0, 4);
  const share = bytes.subarray(4, -4);
  if (!sha256("parapet/vault-share/v1", vault, share).subarray(0, 4).equals(bytes.subarray(-4))) {
    return { ok: false, why: "A letter is wrong: compare the share with the paper" };
  }
  return { ok: true, value: { vault: vault.toString("hex"), share: Uint8Array.from(share) } };
}

/** Opens a sealed value with two shares. Runs in a command, never in the server. */
export async function openSealed(
  shareA: string,
  shareB: string,
  options: { readonly sealed: Uint8Array; readonly associated: string },
): Promise<Uint8Array> {
  const shares: Uint8Array[] = [];
  let vault: string | null = null;
  for (const [name, text] of [
    ["first", shareA],
    ["second", shareB],
  ] as const) {
    const parsed = parseShare(text);
    if (!parsed.ok) throw new Fault("input.invalid", `Cannot read the ${name} share: ${parsed.why}`);
    if (vault !== null && vault !== parsed.value.vault) {
      throw new Fault(
        "input.invalid",
        "These shares belong to two different vaults: take two of the same one",
      );
    }
    vault = parsed.value.vault;
    shares.push(parsed.value.share);
  }
  const [a, b] = shares;
  if (a === undefined || b === undefined || Buffer.from(a).equals(b)) {
    throw new Fault("auth.two-humans", "This is one share twice: another officer has to bring theirs");
  }
  const cipher = suite();
  const secret = await combine([a, b]);
  try {
    const recipientKey = await cipher.kem.importKey("raw", arrayOf(secret), false);
    const plain = await cipher.open(
      { recipientKey, enc: arrayOf(options.sealed.subarray(0, KEY_BYTES)), info: arrayOf(INFO) },
      arrayOf(options.sealed.subarray(KEY_BYTES)),
      arrayOf(new TextEncoder().encode(options.associated)),
    );
    return new Uint8Array(plain);
  } catch {
    throw new Fault(
      "input.invalid",
      "These shares do not open this: it was sealed to another vault, or altered",
    );
  } finally {
    secret.fill(0);
  }
}

/** Crockford's base32, most significant bits first, zero bits at the end. */
function base32(bytes: Uint8Array): string {
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      text += ALPHABET.charAt((held >> (bits - 5)) & 31);
      bits -= 5;
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET.charAt((held << (5 - bits)) & 31);
}

function unbase32(text: string): Buffer | null {
  const out: number[] = [];
  let held = 0;
  let bits = 0;
  for (const letter of text) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) return null;
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      out.push((held >> (bits - 8)) & 255);
      bits -= 8;
    }
    held &= (1 << bits) - 1;
  }
  return held === 0 ? Buffer.from(out) : null;
}
