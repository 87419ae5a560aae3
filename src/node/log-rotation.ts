/**
 * Keeps nginx's logs bounded (design law 11): a file that has grown past its bound is copied aside, over the copy before it, and cut
 * to nothing. nginx opens its logs for appending, so it writes on at the new end; its unprivileged workers could not open a
 * new file in a folder that is closed to them. Lines written between the copy and the cut are lost: the log is for looking
 * back, no decision stands on it.
 */
import { copyFile, stat, truncate } from "node:fs/promises";

export const LOG_BYTES_MAX = 64 * 1024 * 1024;

/** Rotates each of `files` that is larger than `bytesMax`. Returns those it rotated. A file that is not there is not large. */
export async function rotateLogs(files: readonly string[], bytesMax: number): Promise<readonly string[]> {
  const rotated: string[] = [];
  for (const file of files) {
    const size = await stat(file).then(
      (found) => found.size,
      () => 0,
    );
    if (size <= bytesMax) continue;
    await copyFile(file, `${file}.1`);
    await truncate(file, 0);
    rotated.push(file);
  }
  return rotated;
}
