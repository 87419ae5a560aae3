/**
 * The folders of a node that somebody besides its agent has to enter: the control socket's, whose path has to be short, and the
 * spool of nginx's workers, who may have no way into the data folder. What a killed predecessor left is removed first.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What fits into sun_path with its final zero (unix(7)). */
const SOCKET_PATH_MAX = 107;

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

export function runFolder(stateDir: string): string {
  const folder = join(stateDir, "run");
  if (join(folder, "control.sock").length <= SOCKET_PATH_MAX) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    return folder;
  }
  return mkdtempSync(join(tmpdir(), "parapet-run-"));
}

/**
 * A folder that nginx's workers may write. Without root it lies with the rest. With root the workers are somebody else, who may have no way
 * into the data folder, so it is a fresh one below /var/tmp; the one of a killed predecessor is removed first.
 */
export function makeSpool(stateDir: string): string {
  const note = join(stateDir, "spool-folder");
  if (existsSync(note)) {
    const old = readFileSync(note, "utf8");
    if (/^\/var\/tmp\/parapet-spool-[A-Za-z0-9]{6}$/.test(old)) rmSync(old, { recursive: true, force: true });
  }
  if (!isRoot()) {
    const folder = join(stateDir, "spool");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }
  const folder = mkdtempSync("/var/tmp/parapet-spool-");
  chownSync(folder, 0, 0);
  chmodSync(folder, 0o711);
  writeFileSync(note, folder);
  return folder;
}
