/**
 * Checkpoints (C2SP tlog-checkpoint): origin, size and root of a tree, as the text of a signed note. The key's name is the
 * origin, so a checkpoint of another log cannot pass for this one. Ours never carry extension lines; those of others are
 * read past but never believed.
 */
import type { Parsed } from "../../contract/fault.ts";
import { HASH_BYTES } from "./merkle.ts";
import { isKeyName, KEY_ED25519, openNote, signNote, type Signer, type VerifierKey } from "./note.ts";
import { decodeBase64, decodeDecimal, encodeBase64 } from "./strict-text.ts";

export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Uint8Array };

const EXTENSION_LINES_MAX = 16;

/** The note's text: three lines. */
export function checkpointText(checkpoint: Checkpoint): string {
  if (!isKeyName(checkpoint.origin)) throw new Error(`"${checkpoint.origin}" cannot be the origin of a log`);
  if (!Number.isSafeInteger(checkpoint.size) || checkpoint.size < 0)
    throw new Error("a size is a safe integer");
  if (checkpoint.root.length !== HASH_BYTES) throw new Error("a root has 32 bytes");
  return `${checkpoint.origin}\n${checkpoint.size}\n${encodeBase64(checkpoint.root)}\n`;
}

export function signCheckpoint(checkpoint: Checkpoint, signer: Signer): string {
  if (signer.name !== checkpoint.origin) throw new Error("a log signs with a key of its own origin");
  return signNote(checkpointText(checkpoint), signer);
}

/** Reads a checkpoint's text. Says nothing about who signed it. */
export function parseCheckpointText(text: string): Parsed<Checkpoint> {
  if (!text.endsWith("\n")) return { ok: false, why: "The checkpoint does not end in a newline" };
  const [origin = "", sizeText = "", rootText = "", ...extensions] = text.slice(0, -1).split("\n");
  const size = decodeDecimal(sizeText);
  const root = decodeBase64(rootText);
  if (!isKeyName(origin)) return { ok: false, why: "The checkpoint's origin is empty or holds a space or +" };
  if (size === null) return { ok: false, why: "The checkpoint's size is not a decimal number" };
  if (root === null || root.length !== HASH_BYTES) {
    return { ok: false, why: "The checkpoint's root is not 32 bytes in canonical base64" };
  }
  if (extensions.length > EXTENSION_LINES_MAX || extensions.includes("")) {
    return { ok: false, why: "The checkpoint has empty or too many extension lines" };
  }
  return { ok: true, value: { origin, size, root } };
}

/** The checkpoint, if the log that holds `key` signed it. */
export function openCheckpoint(note: string, key: VerifierKey): Parsed<Checkpoint> {
  if (key.type !== KEY_ED25519) return { ok: false, why: "The log's key is not an Ed25519 key of type 1" };
  const opened = openNote(note, [key]);
  if (!opened.ok) return opened;
  const checkpoint = parseCheckpointText(opened.value.text);
  if (checkpoint.ok && checkpoint.value.origin !== key.name) {
    return { ok: false, why: "The checkpoint is of another log than the key" };
  }
  return checkpoint;
}
