/**
 * Who holds how much of the cache, and keeping each site to its share. nginx evicts what was not asked for the longest, whoever it belongs to, so a tenant
 * who invents addresses would push out everybody else. This keeper walks the cache's folders in the background, a few files at a time,
 * reads each file's tenant from its key, and removes a site's own oldest answers when the site holds more than it may, or, when the disk's
 * bound is near, more than its fair share. A removed file is a miss for nginx and nothing worse.
 */
import type { Dirent } from "node:fs";
import { open, readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";

export type CacheBounds = { readonly bytes: number; readonly answers: number };
export type CacheUse = { readonly bytes: number; readonly answers: number };

export type CacheKeeperOptions = {
  readonly folder: string;
  /** Null for a site that is not there any more: all of it goes. */
  readonly boundsOf: (siteId: string) => CacheBounds | null;
  readonly whole: CacheBounds;
  /** Awaited between two folders, so that a walk never takes the disk for itself. */
  readonly breathe: () => Promise<void>;
};

type Answer = { readonly siteId: string; readonly bytes: number; readonly atMs: number };

/** Enough for nginx's binary head and the longest key: "KEY: " stands behind 336 bytes. */
const HEAD_BYTES = 1024;
/** When all sites together hold this part of the whole, shares are made fair. */
const NEAR_PART = 0.9;
const FILE = /^[0-9a-f]{32}$/;

export class CacheKeeper {
  readonly #options: CacheKeeperOptions;
  /** Who a file belongs to: its name is the hash of its key, so the answer never changes. */
  #owners = new Map<string, string>();
  #use = new Map<string, CacheUse>();

  constructor(options: CacheKeeperOptions) {
    this.#options = options;
  }

  /** As of the last walk. */
  useOf(siteId: string): CacheUse {
    return this.#use.get(siteId) ?? { bytes: 0, answers: 0 };
  }

  /** One walk and what follows from it. Answers how many files were removed. */
  async round(): Promise<number> {
    const bySite = await this.#walk();
    const use = new Map<string, CacheUse>();
    for (const [siteId, answers] of bySite) use.set(siteId, sum(answers.map(([, answer]) => answer)));
    const shares = fairShares(use, this.#options);
    let removed = 0;
    for (const [siteId, answers] of bySite) {
      const bounds = shares.get(siteId) ?? { bytes: 0, answers: 0 };
      const held = { ...(use.get(siteId) ?? { bytes: 0, answers: 0 }) };
      answers.sort(([, a], [, b]) => a.atMs - b.atMs);
      for (const [path, answer] of answers) {
        if (held.bytes <= bounds.bytes && held.answers <= bounds.answers) break;
        if (!(await remove(path))) continue;
        held.bytes -= answer.bytes;
        held.answers -= 1;
        removed += 1;
        if (removed % 100 === 0) await this.#options.breathe();
      }
      use.set(siteId, held);
    }
    this.#use = use;
    return removed;
  }

  async #walk(): Promise<Map<string, [string, Answer][]>> {
    const bySite = new Map<string, [string, Answer][]>();
    const owners = new Map<string, string>();
    const { folder, breathe } = this.#options;
    for (const first of await foldersIn(folder)) {
      for (const second of await foldersIn(first)) {
        for (const entry of await entriesOf(second)) {
          if (!entry.isFile() || !FILE.test(entry.name)) continue;
          const path = join(second, entry.name);
          const siteId = this.#owners.get(entry.name) ?? (await ownerOf(path));
          if (siteId === null) continue; // Being written, or gone.
          const answer = await answerAt(path, siteId);
          if (answer === null) continue;
          owners.set(entry.name, siteId);
          const list = bySite.get(siteId) ?? [];
          list.push([path, answer]);
          bySite.set(siteId, list);
        }
        await breathe();
      }
    }
    this.#owners = owners;
    return bySite;
  }
}

/**
 * What each site may hold: its own bound, and, when the whole is nearly full, no more than its max-min fair share: whoever asks for less than an
 * equal part gets it all, and the rest is divided among the others in the same way.
 */
export function fairShares(
  use: ReadonlyMap<string, CacheUse>,
  options: Pick<CacheKeeperOptions, "boundsOf" | "whole">,
): Map<string, CacheBounds> {
  const wanted = new Map<string, CacheUse>();
  for (const [siteId, held] of use) {
    const bounds = options.boundsOf(siteId) ?? { bytes: 0, answers: 0 };
    wanted.set(siteId, {
      bytes: Math.min(held.bytes, bounds.bytes),
      answers: Math.min(held.answers, bounds.answers),
    });
  }
  const sites = [...wanted.keys()];
  const bytes = maxMin(
    sites.map((siteId) => wanted.get(siteId)?.bytes ?? 0),
    options.whole.bytes * NEAR_PART,
  );
  const answers = maxMin(
    sites.map((siteId) => wanted.get(siteId)?.answers ?? 0),
    options.whole.answers * NEAR_PART,
  );
  return new Map(sites.map((siteId, i) => [siteId, { bytes: bytes[i] ?? 0, answers: answers[i] ?? 0 }]));
}

/** Of `whole`, what each gets who wants `wants[i]`: nobody gets more than they want, and nobody less than anybody who gets less than they want. */
export function maxMin(wants: readonly number[], whole: number): number[] {
  const order = wants.map((want, i) => ({ want, i })).sort((a, b) => a.want - b.want);
  const given = wants.map(() => 0);
  let left = whole;
  for (const [n, { want, i }] of order.entries()) {
    const part = Math.min(want, left / (order.length - n));
    given[i] = part;
    left -= part;
  }
  return given;
}

function sum(answers: readonly Answer[]): CacheUse {
  return { bytes: answers.reduce((all, { bytes }) => all + bytes, 0), answers: answers.length };
}

async function foldersIn(folder: string): Promise<string[]> {
  return (await entriesOf(folder))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch {
    return []; // nginx removed it meanwhile.
  }
}

async function answerAt(path: string, siteId: string): Promise<Answer | null> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { siteId, bytes: size, atMs: mtimeMs };
  } catch {
    return null;
  }
}

async function remove(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch {
    return false;
  }
}

async function ownerOf(path: string): Promise<string | null> {
  try {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return ownerInHead(buffer.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}

/** The site that a cached file's key begins with; null for anything that is no file of this cache. */
export function ownerInHead(head: Buffer): string | null {
  const at = head.indexOf("\nKEY: ");
  if (at < 0) return null;
  const found = /^(site_[0-9a-z]{26})[ .tpi/]/.exec(head.toString("latin1", at + 6, at + 6 + 64));
  return found?.[1] ?? null;
}
