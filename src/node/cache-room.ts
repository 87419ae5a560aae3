/**
 * The folder in which nginx keeps answers. It outlives nginx and this agent: after a restart the cache is warm. With root the workers are
 * somebody else, who may have no way into the data folder, so it lies below /var/tmp and the data folder holds a note of where.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { access, constants, statfs } from "node:fs/promises";
import { join } from "node:path";
import { isRoot } from "./node-folders.ts";

const NOTE = "cache-folder";
const KEPT = /^\/var\/tmp\/parapet-cache-[A-Za-z0-9]{6}$/;

export function openCacheRoom(stateDir: string): string {
  if (!isRoot()) {
    const folder = join(stateDir, "cache");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }
  const kept = cacheRoomOf(stateDir);
  if (kept !== null) return kept;
  const folder = mkdtempSync("/var/tmp/parapet-cache-");
  chmodSync(folder, 0o700); // nginx gives it to its workers.
  writeFileSync(join(stateDir, NOTE), folder);
  return folder;
}

/** Where the note leads, if that is a folder that a run of this edge made. */
export function cacheRoomOf(stateDir: string): string | null {
  const note = join(stateDir, NOTE);
  if (!existsSync(note)) return null;
  const folder = readFileSync(note, "utf8");
  // Somebody else could have made a folder of that name after ours was removed: nginx would take it for its own.
  if (!KEPT.test(folder) || !existsSync(folder)) return null;
  return (statSync(folder).mode & 0o077) === 0 ? folder : null;
}

/** Where the cache speaks to the way to origins. With root it lies in a folder that nginx makes for its workers alone. */
export function fetchSocketOf(spoolDir: string, runDir: string): string {
  return isRoot() ? join(spoolDir, "unused", "fetch.sock") : join(runDir, "fetch.sock");
}

/** nginx breaks off an answer that it cannot write: below this much room nothing new is stored. */
export const CACHE_RESERVE_BYTES = 256 * 1024 * 1024;

/** Whether the folder can take more answers. Room that is reserved for root does not count, since nginx's workers are not root. */
export async function hasCacheRoom(folder: string, reserveBytes: number): Promise<boolean> {
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize >= reserveBytes;
  } catch {
    return false;
  }
}

/** What the cache may hold: what was asked for, and no more than half of what is free. */
export async function cacheBytesFor(folder: string, wantedBytes: number): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.max(MIN_BYTES, Math.min(wantedBytes, Math.floor((bavail * bsize) / 2)));
}
const MIN_BYTES = 16 * 1024 * 1024;
