/**
 * Signed notes (C2SP signed-note): a text, an empty line, and signature lines by named keys. A text counts only once a
 * known key has signed it; a known key whose signature fails spoils the whole note; unknown keys are ignored. Names are
 * compared exactly. Only Ed25519 (type 0x01) is signed and verified here; cosignatures have a file of their own.
 */
import { createPrivateKey, createPublicKey, hash, sign, verify } from "node:crypto";
import type { Parsed } from "../../contract/fault.ts";
import { decodeBase64, encodeBase64, encodeUtf8 } from "./strict-text.ts";

export const NOTE_BYTES_MAX = 128 * 1024;
/** The specification wants at least 16 accepted; a signature of the post-quantum kind has nearly 5 kB. */
export const NOTE_SIGNATURES_MAX = 24;
const NAME_CHARS_MAX = 255;
const VKEY_CHARS_MAX = 4096;

export const KEY_ED25519 = 0x01;
export const KEY_COSIGNATURE_ED25519 = 0x04;

/** DER before a raw Ed25519 key: SubjectPublicKeyInfo and PKCS #8 (RFC 8410 §4, §7). */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

export type VerifierKey = {
  readonly name: string;
  /** The 32-bit key ID. */
  readonly id: number;
  /** The signature type byte. */
  readonly type: number;
  readonly publicKey: Uint8Array;
};

/** A key that signs: its name and its 32-byte Ed25519 seed (RFC 8032 §5.1.5). */
export type Signer = { readonly name: string; readonly seed: Uint8Array };

export type NoteSignature = { readonly name: string; readonly id: number; readonly bytes: Uint8Array };
export type SplitNote = { readonly text: string; readonly signatures: readonly NoteSignature[] };

export function isKeyName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= NAME_CHARS_MAX &&
    name.isWellFormed() &&
    !/[\p{White_Space}+]/u.test(name) &&
    !hasControl(name)
  );
}

/** SHA-256(name || 0x0A || type || public key)[:4], big-endian (signed-note, "Signatures"). */
export function keyId(key: {
  readonly name: string;
  readonly type: number;
  readonly publicKey: Uint8Array;
}): number {
  const bytes = Buffer.concat([encodeUtf8(key.name), Uint8Array.of(0x0a, key.type), key.publicKey]);
  return hash("sha256", bytes, "buffer").readUInt32BE(0);
}

/** "name+hex(key ID)+base64(type || key)". */
export function formatVkey(key: Omit<VerifierKey, "id">): string {
  const id = keyId(key).toString(16).padStart(8, "0");
  return `${key.name}+${id}+${encodeBase64(Uint8Array.of(key.type, ...key.publicKey))}`;
}

/** Reads a vkey of a type we know, and recomputes its ID. The base64 may hold "+", so only the first two split. */
export function parseVkey(vkey: string): Parsed<VerifierKey> {
  if (vkey.length > VKEY_CHARS_MAX) return { ok: false, why: "The verifier key is too long" };
  const first = vkey.indexOf("+");
  const second = vkey.indexOf("+", first + 1);
  if (first < 0 || second < 0) return { ok: false, why: "The verifier key is not of the form name+id+key" };
  const name = vkey.slice(0, first);
  const idText = vkey.slice(first + 1, second);
  const bytes = decodeBase64(vkey.slice(second + 1));
  if (!isKeyName(name)) return { ok: false, why: "The verifier key's name is empty or holds a space" };
  if (!/^[0-9a-f]{8}$/.test(idText)) return { ok: false, why: "The verifier key's ID is not 8 hex digits" };
  if (bytes === null) return { ok: false, why: "The verifier key is not in canonical base64" };
  const type = bytes[0];
  const publicKey = bytes.slice(1);
  if (type !== KEY_ED25519 && type !== KEY_COSIGNATURE_ED25519) {
    return { ok: false, why: "The verifier key is of an unknown type: give one of type 1 or 4 (Ed25519)" };
  }
  if (publicKey.length !== 32) return { ok: false, why: "The verifier key does not have 32 bytes" };
  const id = keyId({ name, type, publicKey });
  if (id !== Number.parseInt(idText, 16))
    return { ok: false, why: "The verifier key's ID does not fit its key" };
  return { ok: true, value: { name, id, type, publicKey } };
}

/** The public half of a signer. */
export function verifierOf(signer: Signer): VerifierKey {
  const spki = createPublicKey(privateKey(signer.seed)).export({ format: "der", type: "spki" });
  const key = {
    name: signer.name,
    type: KEY_ED25519,
    publicKey: new Uint8Array(spki.subarray(SPKI_PREFIX.length)),
  };
  return { ...key, id: keyId(key) };
}

/** Signs `text`, which ends in a newline. Ed25519 is deterministic: the same text gives the same note. */
export function signNote(text: string, signer: Signer): string {
  if (!isKeyName(signer.name)) throw new Error(`"${signer.name}" cannot be a key name`);
  if (!text.endsWith("\n") || !text.isWellFormed() || hasControl(text.replaceAll("\n", ""))) {
    throw new Error("a note's text ends in a newline and holds no other control character");
  }
  const signature = sign(null, encodeUtf8(text), privateKey(signer.seed));
  return `${text}\n${signatureLine(verifierOf(signer), signature)}`;
}

export function signatureLine(
  key: { readonly name: string; readonly id: number },
  signature: Uint8Array,
): string {
  const bytes = Buffer.alloc(4 + signature.length);
  bytes.writeUInt32BE(key.id, 0);
  bytes.set(signature, 4);
  return `\u2014 ${key.name} ${encodeBase64(bytes)}\n`;
}

/** Splits at the last empty line. Says nothing yet about who signed. */
export function splitNote(note: string): Parsed<SplitNote> {
  if (note.length > NOTE_BYTES_MAX || Buffer.byteLength(note) > NOTE_BYTES_MAX) {
    return { ok: false, why: `The note is larger than ${NOTE_BYTES_MAX} bytes` };
  }
  if (!note.isWellFormed()) return { ok: false, why: "The note is not well-formed Unicode" };
  if (hasControl(note.replaceAll("\n", ""))) return { ok: false, why: "The note holds a control character" };
  const split = note.lastIndexOf("\n\n");
  if (split < 0) return { ok: false, why: "The note has no empty line before its signatures" };
  const text = note.slice(0, split + 1);
  const tail = note.slice(split + 2);
  if (tail === "" || !tail.endsWith("\n"))
    return { ok: false, why: "The note does not end in a signature line" };
  const lines = tail.slice(0, -1).split("\n");
  if (lines.length > NOTE_SIGNATURES_MAX) {
    return { ok: false, why: `The note has more than ${NOTE_SIGNATURES_MAX} signatures` };
  }
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === null) return { ok: false, why: "A signature line of the note is malformed" };
    signatures.push(signature);
  }
  return { ok: true, value: { text, signatures } };
}

/** Opens a note with the Ed25519 keys the caller trusts. `by` lists those that signed, each once. */
export function openNote(
  note: string,
  keys: readonly VerifierKey[],
): Parsed<SplitNote & { readonly by: readonly VerifierKey[] }> {
  const split = splitNote(note);
  if (!split.ok) return split;
  const by = new Set<VerifierKey>();
  for (const signature of split.value.signatures) {
    const key = keys.find((known) => known.name === signature.name && known.id === signature.id);
    if (key === undefined || key.type !== KEY_ED25519) continue;
    if (!verifyEd25519(encodeUtf8(split.value.text), { key: key.publicKey, signature: signature.bytes })) {
      return { ok: false, why: `The signature of "${key.name}" does not verify` };
    }
    by.add(key);
  }
  if (by.size === 0) return { ok: false, why: "No known key has signed the note" };
  return { ok: true, value: { ...split.value, by: [...by] } };
}

/** RFC 8032 §5.1.7, by the platform's cryptography. */
export function verifyEd25519(
  message: Uint8Array,
  by: { readonly key: Uint8Array; readonly signature: Uint8Array },
): boolean {
  if (by.key.length !== 32 || by.signature.length !== 64) return false;
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, by.key]), format: "der", type: "spki" });
  return verify(null, message, key, by.signature);
}

export function signEd25519(message: Uint8Array, seed: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, privateKey(seed)));
}

function privateKey(seed: Uint8Array): ReturnType<typeof createPrivateKey> {
  if (seed.length !== 32) throw new Error("an Ed25519 seed has 32 bytes");
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
}

function parseSignatureLine(line: string): NoteSignature | null {
  if (!line.startsWith("\u2014 ")) return null;
  const space = line.indexOf(" ", 2);
  if (space < 0) return null;
  const name = line.slice(2, space);
  const bytes = decodeBase64(line.slice(space + 1));
  if (!isKeyName(name) || bytes === null || bytes.length < 5) return null;
  return { name, id: Buffer.from(bytes).readUInt32BE(0), bytes: bytes.slice(4) };
}

function hasControl(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return /[\u0000-\u001f]/.test(text);
}
