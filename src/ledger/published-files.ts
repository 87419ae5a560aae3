/**
 * The folder of published files, laid out as C2SP tlog-tiles serves it. A file appears whole or not at all, and once it has
 * been acknowledged it survives a power cut: written beside, synced, renamed, folder synced. A tile that was published is
 * never replaced by other bytes, a checkpoint never by a smaller one. Only the paths of the specification can be read.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fault } from "../contract/fault.ts";
import { sameBytes } from "./core/strict-text.ts";
import { parseTilePath } from "./core/tile.ts";

export const CHECKPOINT_PATH = "checkpoint";
/** On the same file system as its target, so that a rename is one step; hidden, so that no web server serves it. */
const WRITING = ".writing";

/** Makes the folder and removes what an interrupted write left beside. Only for the one who sequences. */
export function prepareFolder(dir: string): void {
  makeFolder(dir);
  rmSync(join(dir, WRITING), { recursive: true, force: true });
  makeFolder(join(dir, WRITING));
}

/** Publishes a tile or an entry bundle. */
export function publishTile(dir: string, path: string, bytes: Uint8Array): void {
  const target = join(dir, path);
  if (existsSync(target)) {
    if (sameBytes(readFileSync(target), bytes)) return; // A run before us came this far.
    throw new Fault(
      "ledger.forked",
      `Cannot publish ${path} as other bytes were published there before: compare ${target} with a copy of the log that somebody else keeps, and move the wrong file away`,
    );
  }
  writeDurably(dir, path, bytes);
}

/** Publishes the signed checkpoint. The caller holds that it is not smaller than the one that stands. */
export function publishCheckpoint(dir: string, note: string): void {
  writeDurably(dir, CHECKPOINT_PATH, Buffer.from(note, "utf8"));
}

/** The bytes of a published file; null if there is none or if the path is none of the specification's. */
export async function readPublished(dir: string, path: string): Promise<Uint8Array | null> {
  if (path !== CHECKPOINT_PATH && !parseTilePath(path).ok) return null;
  try {
    return new Uint8Array(await readFile(join(dir, path)));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "EISDIR" || code === "ENOTDIR") return null;
    throw error;
  }
}

/** Size in bytes of a published file, or null. */
export function publishedBytes(dir: string, path: string): number | null {
  const stat = statSync(join(dir, path), { throwIfNoEntry: false });
  return stat?.isFile() === true ? stat.size : null;
}

export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function writeDurably(dir: string, path: string, bytes: Uint8Array): void {
  const target = join(dir, path);
  const beside = join(dir, WRITING, `${process.pid}-${path.replaceAll("/", "_")}`);
  try {
    makeFolder(join(dir, WRITING));
    makeFolder(dirname(target));
    const file = openSync(beside, "w", 0o644);
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, target);
    // The rename is durable only once the folder is.
    syncFolder(dirname(target));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code !== "ENOSPC" && code !== "EDQUOT") throw cause;
    throw new Fault(
      "limit.full",
      "Cannot publish the log as its disk is full: free some space, everything is kept and will be published then",
      { cause, retryAfterMs: 10_000 },
    );
  }
}

/** Makes a folder and those above it, each synced into its parent. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  makeFolder(parent);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  syncFolder(parent);
}
