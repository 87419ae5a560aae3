/**
 * Says when one of this node's folders runs out of room, once each time it does. A full disk stops nobody by itself: policies stay in
 * force in memory, logs lose lines, and bodies that do not fit memory are refused. A person has to make room all the same. Room that is
 * reserved for root does not count, since nginx's workers are not root.
 */
import { statfs } from "node:fs/promises";

/** Less than this is short, and less than this share of a small file system. */
const FREE_BYTES_MIN = 64 * 1024 * 1024;
const FREE_SHARE_MIN = 0.05;

export class DiskRoom {
  readonly #short = new Set<string>();

  /** Sentences for the folders that have become short since the last call. A folder that cannot be asked is not short. */
  async newlyShort(folders: readonly string[]): Promise<readonly string[]> {
    const told: string[] = [];
    for (const folder of folders) {
      const room = await statfs(folder).catch(() => null);
      if (room === null) continue;
      const freeBytes = room.bavail * room.bsize;
      if (freeBytes >= Math.min(FREE_BYTES_MIN, room.blocks * room.bsize * FREE_SHARE_MIN)) {
        this.#short.delete(folder);
      } else if (!this.#short.has(folder)) {
        this.#short.add(folder);
        told.push(`${folder} has ${Math.floor(freeBytes / 1024)} KiB left: make room on its disk`);
      }
    }
    return told;
  }
}
