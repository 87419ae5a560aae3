/**
 * A folder with one file a thing, for what a node must still know after a power cut. Order of durability: a temporary file is written and
 * flushed, renamed over the old one, and the folder is flushed. A crash before the rename leaves the old file, after it the new
 * one, never half of one. Each file begins with a checksum; what does not match is moved aside, never deleted, and the others load.
 */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { CERTIFICATE_CHAIN_BYTES_MAX, CERTIFICATE_KEY_BYTES_MAX } from "../contract/certificate.ts";
import type { Parsed } from "../contract/fault.ts";
import { ID_PATTERN } from "../contract/ids.ts";
import { POLICY_BYTES_MAX } from "../contract/policy.ts";

export type Loaded = {
  readonly values: readonly { readonly file: string; readonly value: unknown }[];
  readonly broken: readonly { readonly file: string; readonly why: string }[];
};

export type KeptKind = {
  /** Of the folder. */
  readonly folder: string;
  /** The word for one of them, which is also how its file ends: "policy". */
  readonly word: string;
  /** A longer file is not read as one. */
  readonly bytesMax: number;
};

/** The last good policies, so that an edge starts and restarts without its control plane (design law 9). */
export const POLICY_FILES: KeptKind = {
  folder: "policies",
  word: "policy",
  bytesMax: POLICY_BYTES_MAX + 200,
};

/** The same for certificates. Files and folder are this user's alone, since keys lie in them. Twice: names and JSON's escapes. */
export const CERTIFICATE_FILES: KeptKind = {
  folder: "certificates",
  word: "certificate",
  bytesMax: 2 * (CERTIFICATE_CHAIN_BYTES_MAX + CERTIFICATE_KEY_BYTES_MAX),
};

export class KeptFiles {
  readonly folder: string;
  readonly quarantine: string;
  readonly #kind: KeptKind;

  constructor(stateDir: string, kind: KeptKind) {
    this.#kind = kind;
    this.folder = join(stateDir, kind.folder);
    this.quarantine = join(stateDir, "quarantine");
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    mkdirSync(this.quarantine, { recursive: true, mode: 0o700 });
    // Folders that were there before keep the mode that somebody gave them.
    chmodSync(this.folder, 0o700);
    chmodSync(this.quarantine, 0o700);
  }

  fileOf(id: string): string {
    if (!ID_PATTERN.test(id)) throw new Error(`A ${this.#kind.word} without an id cannot be a file name.`);
    return `${id}.${this.#kind.word}`;
  }

  /** Resolves when the value survives a power cut. Rejects with the system's error, for example ENOSPC; the old file then still stands. */
  async save(id: string, value: unknown): Promise<void> {
    const path = join(this.folder, this.fileOf(id));
    const fresh = `${path}.new`;
    try {
      const file = await open(fresh, "w", 0o600);
      try {
        await file.chmod(0o600); // What a crash left may have any mode.
        await file.writeFile(encodeKept(this.#kind, value));
        await file.sync();
      } finally {
        await file.close();
      }
      // If we crash here, the old file stands; the temporary one is overwritten by the next save.
      await rename(fresh, path);
      const folder = await open(this.folder, "r");
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    } catch (error) {
      await rm(fresh, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** Reads every file. Broken ones are moved aside. What is in the values is not checked yet. */
  load(): Loaded {
    const values: { file: string; value: unknown }[] = [];
    const broken: { file: string; why: string }[] = [];
    for (const name of readdirSync(this.folder).sort()) {
      if (!name.endsWith(`.${this.#kind.word}`)) continue;
      const bytes = readBounded(join(this.folder, name), this.#kind);
      const parsed =
        typeof bytes === "string" ? { ok: false as const, why: bytes } : decodeKept(this.#kind, bytes);
      if (parsed.ok) values.push({ file: name, value: parsed.value });
      else broken.push({ file: name, why: parsed.why });
    }
    for (const { file } of broken) {
      try {
        this.setAside(file);
      } catch {
        // It stays where it is, and is told of again at the next start: the others load.
      }
    }
    return { values, broken };
  }

  /** Moves a file out of the way, keeping it for whoever wants to know what happened. */
  setAside(file: string): void {
    const bytes = readBounded(join(this.folder, file), this.#kind);
    const mark = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
    renameSync(join(this.folder, file), join(this.quarantine, `${file}.${mark}`));
  }
}

/** The bytes, or why they are none of such a file: a folder, a huge file or a dangling link must not keep a node from starting. */
function readBounded(path: string, { word, bytesMax }: KeptKind): Buffer | string {
  try {
    const found = statSync(path);
    if (!found.isFile()) return "It is no file";
    if (found.size > bytesMax) return `It is larger than a ${word} may be`;
    return readFileSync(path);
  } catch (error) {
    return `It cannot be read (${(error as { code?: string }).code ?? "unknown"})`;
  }
}

/** "parapet-WORD-1 SHA256 BYTES\n" and the JSON. The hash is over the JSON's bytes alone. */
export function encodeKept({ word }: KeptKind, value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  const hash = createHash("sha256").update(json).digest("hex");
  return Buffer.concat([Buffer.from(`parapet-${word}-1 ${hash} ${json.length}\n`), json]);
}

export function decodeKept({ word, bytesMax }: KeptKind, bytes: Buffer): Parsed<unknown> {
  if (bytes.length > bytesMax) return { ok: false, why: `It is larger than a ${word} may be` };
  const end = bytes.indexOf(10);
  if (end < 0) return { ok: false, why: "Its first line is cut off" };
  const [magic, hash, length, ...rest] = bytes.subarray(0, end).toString("latin1").split(" ");
  if (magic !== `parapet-${word}-1` || rest.length > 0)
    return { ok: false, why: `It does not begin as a ${word} file does` };
  const json = bytes.subarray(end + 1);
  if (String(json.length) !== length) return { ok: false, why: `It has ${json.length} of ${length} bytes` };
  if (createHash("sha256").update(json).digest("hex") !== hash) {
    return { ok: false, why: "Its bytes do not match its checksum" };
  }
  try {
    return { ok: true, value: JSON.parse(json.toString("utf8")) };
  } catch {
    return { ok: false, why: "It is not JSON" };
  }
}
