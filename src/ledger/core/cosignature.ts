/**
 * Cosignatures of witnesses (C2SP tlog-cosignature, "cosignature/v1", Ed25519, type 0x04): "as of this time, this is the largest
 * consistent tree of this log that I have seen". The message does not name the witness, so one key serves one witness. A
 * line of a known witness that does not verify spoils the whole note.
 */
import type { Parsed } from "../../contract/fault.ts";
import {
  keyId,
  KEY_COSIGNATURE_ED25519,
  signatureLine,
  signEd25519,
  splitNote,
  verifierOf,
  verifyEd25519,
  type Signer,
  type VerifierKey,
} from "./note.ts";
import { encodeUtf8 } from "./strict-text.ts";

export type Cosignature = {
  readonly witness: string;
  /** Seconds since the Unix epoch. */ readonly time: number;
};

const COSIGNATURE_BYTES = 8 + 64;

/** The vkey fields of a witness whose seed is known. */
export function cosignerOf(signer: Signer): VerifierKey {
  const key = { ...verifierOf(signer), type: KEY_COSIGNATURE_ED25519 };
  return { ...key, id: keyId(key) };
}

/** One cosignature line for the checkpoint in `note`. The caller has checked consistency before. */
export function cosign(note: string, by: { readonly signer: Signer; readonly time: number }): string {
  const split = splitNote(note);
  if (!split.ok) throw new Error(split.why);
  const body = Buffer.alloc(COSIGNATURE_BYTES);
  body.writeBigUInt64BE(BigInt(by.time), 0);
  body.set(signEd25519(message(split.value.text, by.time), by.signer.seed), 8);
  return signatureLine(cosignerOf(by.signer), body);
}

/** The cosignatures that known witnesses put under a checkpoint, the newest of each. The log's own signature is not checked here. */
export function verifyCosignatures(note: string, witnesses: readonly VerifierKey[]): Parsed<Cosignature[]> {
  const split = splitNote(note);
  if (!split.ok) return split;
  const newest = new Map<string, Cosignature>();
  for (const { name, id, bytes } of split.value.signatures) {
    const witness = witnesses.find((known) => known.name === name && known.id === id);
    if (witness === undefined || witness.type !== KEY_COSIGNATURE_ED25519) continue;
    if (bytes.length !== COSIGNATURE_BYTES) {
      return { ok: false, why: `The cosignature of "${name}" has the wrong length` };
    }
    const time = Number(Buffer.from(bytes).readBigUInt64BE(0));
    if (!Number.isSafeInteger(time)) {
      return { ok: false, why: `The cosignature of "${name}" has an impossible time` };
    }
    const signature = bytes.slice(8);
    if (!verifyEd25519(message(split.value.text, time), { key: witness.publicKey, signature })) {
      return { ok: false, why: `The cosignature of "${name}" does not verify` };
    }
    if ((newest.get(name)?.time ?? -1) < time) newest.set(name, { witness: name, time });
  }
  return { ok: true, value: [...newest.values()] };
}

function message(text: string, time: number): Uint8Array {
  return encodeUtf8(`cosignature/v1\ntime ${time}\n${text}`);
}
