/**
 * The log's private key on disk: one line in the form of Go's note package, "PRIVATE+KEY+name+id+base64(type || seed)", readable by
 * its owner alone. A key is written exactly once and never replaced: a log that changes its key in silence is another
 * log. While a log is being created its key lies under a provisional name, so that a key under its final name always means
 * "this key may have signed something".
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { Fault } from "../contract/fault.ts";
import { KEY_ED25519, verifierOf, type Signer } from "./core/note.ts";
import { decodeBase64, encodeBase64 } from "./core/strict-text.ts";
import { syncFolder } from "./published-files.ts";

const provisional = (keyFile: string): string => `${keyFile}.new`;

/** Writes a fresh key under its provisional name, or takes up the one that an interrupted creation left. */
export function prepareKey(
  keyFile: string,
  options: { readonly origin: string; readonly random: (bytes: number) => Uint8Array },
): Signer {
  if (existsSync(provisional(keyFile))) {
    // Nothing was ever signed with it: the database, which comes first, knows no log.
    const left = parseKey(readFileSync(provisional(keyFile), "utf8"));
    if (left !== null && left.name === options.origin) return left;
  }
  const signer: Signer = { name: options.origin, seed: options.random(32).slice() };
  mkdirSync(dirname(keyFile), { recursive: true, mode: 0o700 });
  const file = openSync(provisional(keyFile), "w", 0o600);
  try {
    writeSync(file, formatKey(signer));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  syncFolder(dirname(keyFile));
  return signer;
}

/** Gives the key its final name. The log exists from the database's commit on; a crash before this line is mended by `readKey`. */
export function settleKey(keyFile: string): void {
  renameSync(provisional(keyFile), keyFile);
  syncFolder(dirname(keyFile));
}

/** The key that belongs to `vkey`'s log. */
export function readKey(keyFile: string, origin: string): Signer {
  if (!existsSync(keyFile) && existsSync(provisional(keyFile))) settleKey(keyFile);
  if (!existsSync(keyFile)) {
    throw new Fault(
      "ledger.forked",
      `Cannot open the log as its key ${keyFile} is missing: restore it from your backup, without it nothing more can be logged`,
    );
  }
  if ((statSync(keyFile).mode & 0o077) !== 0) {
    throw new Fault(
      "machine.incomplete",
      `Cannot use the log's key as others than its owner may read it: run chmod 600 ${keyFile}, and consider whether it was copied`,
    );
  }
  const signer = parseKey(readFileSync(keyFile, "utf8"));
  if (signer === null || signer.name !== origin) {
    throw new Fault(
      "ledger.forked",
      `Cannot open the log as ${keyFile} does not hold the key of "${origin}": restore it from your backup`,
    );
  }
  return signer;
}

function formatKey(signer: Signer): string {
  const id = verifierOf(signer).id.toString(16).padStart(8, "0");
  return `PRIVATE+KEY+${signer.name}+${id}+${encodeBase64(Uint8Array.of(KEY_ED25519, ...signer.seed))}\n`;
}

function parseKey(text: string): Signer | null {
  const match = /^PRIVATE\+KEY\+([^+\s]+)\+[0-9a-f]{8}\+([A-Za-z0-9+/=]{44})\n$/.exec(text);
  const bytes = decodeBase64(match?.[2] ?? "");
  if (match?.[1] === undefined || bytes?.length !== 33 || bytes[0] !== KEY_ED25519) return null;
  const signer = { name: match[1], seed: bytes.slice(1) };
  return formatKey(signer) === text ? signer : null;
}
