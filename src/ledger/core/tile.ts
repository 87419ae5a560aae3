/**
 * The tree cut into tiles, as C2SP tlog-tiles publishes it: paths, widths, the growth of the right edge, and a `HashAt` over
 * tiles. A full tile holds 256 hashes and never changes again; a partial one is named by its width, so that nothing that
 * was published is ever overwritten. Any path that is not exactly one of these is refused.
 */
import type { Parsed } from "../../contract/fault.ts";
import { HASH_BYTES, nodeHash, type HashAt } from "./merkle.ts";
import { decodeDecimal } from "./strict-text.ts";

export const TILE_HEIGHT = 8;
export const TILE_WIDTH = 256;
export const LEVEL_MAX = 63;
/** Enough for every index below 2^53 in groups of three digits, and no more. */
const PATH_CHARS_MAX = 60;

export type Tile = {
  /** 0 for leaf hashes, "entries" for entry bundles. */
  readonly level: number | "entries";
  readonly index: number;
  /** 1 to 256; 256 is a full tile. */
  readonly width: number;
};

/** "tile/0/x001/x234/067" or "tile/entries/000.p/5" (tlog-tiles, "Merkle Tree" and "Log Entries"). */
export function tilePath(tile: Tile): string {
  if (tile.width < 1 || tile.width > TILE_WIDTH) throw new Error(`a tile of width ${tile.width} has no path`);
  const groups: string[] = [];
  let rest = tile.index;
  do {
    groups.unshift(String(rest % 1000).padStart(3, "0"));
    rest = Math.floor(rest / 1000);
  } while (rest > 0);
  const name = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${tile.level}/${name}${tile.width < TILE_WIDTH ? `.p/${tile.width}` : ""}`;
}

/** Reads a path that a stranger asked for. Only the exact spelling of `tilePath` passes. */
export function parseTilePath(path: string): Parsed<Tile> {
  const refuse = { ok: false, why: "The path is not that of a tile" } as const;
  if (path.length > PATH_CHARS_MAX) return refuse;
  const match = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(path);
  if (!match) return refuse;
  const [, levelText = "", name = "", widthText] = match;
  const level = levelText === "entries" ? "entries" : decodeDecimal(levelText);
  const index = Number(name.replaceAll(/[x/]/g, ""));
  const width = widthText === undefined ? TILE_WIDTH : decodeDecimal(widthText);
  if (level === null || width === null || !Number.isSafeInteger(index)) return refuse;
  if (level !== "entries" && level > LEVEL_MAX) return refuse;
  if (width < 1 || (widthText !== undefined && width >= TILE_WIDTH)) return refuse;
  const tile: Tile = { level, index, width };
  return tilePath(tile) === path ? { ok: true, value: tile } : refuse;
}

/** How many hashes the whole tree of `size` has at `level`: floor(size / 256^level). */
export function hashesAtLevel(size: number, level: number): number {
  let count = size;
  for (let i = 0; i < level && count > 0; i++) count = Math.floor(count / TILE_WIDTH);
  return count;
}

/** Every tile and entry bundle that a log of `size` serves, full ones and the partial right edge. */
export function tilesOfSize(size: number): Generator<Tile> {
  return tilesBetween(0, size);
}

/** The tiles and entry bundles that a log of `size` serves and one of `oldSize` did not. */
export function* tilesBetween(oldSize: number, size: number): Generator<Tile> {
  for (let level = 0; ; level++) {
    const hashes = hashesAtLevel(size, level);
    const oldHashes = hashesAtLevel(oldSize, level);
    if (hashes === oldHashes) return;
    for (let index = Math.floor(oldHashes / TILE_WIDTH); index * TILE_WIDTH < hashes; index++) {
      const width = Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH);
      if (level === 0) yield { level: "entries", index, width };
      yield { level, index, width };
    }
  }
}

/** The tiles whose hashes a proof for entry `index` in a tree of `size` is made of: its column and the right edge. */
export function tilesForProof(index: number, size: number): { level: number; index: number }[] {
  const tiles: { level: number; index: number }[] = [];
  for (let level = 0; hashesAtLevel(size, level) > 0; level++) {
    const hashes = hashesAtLevel(size, level);
    const column = Math.floor(hashesAtLevel(index, level) / TILE_WIDTH);
    const edge = Math.floor(hashes / TILE_WIDTH);
    if (column * TILE_WIDTH < hashes) tiles.push({ level, index: column });
    if (edge !== column && edge * TILE_WIDTH < hashes) tiles.push({ level, index: edge });
  }
  return tiles;
}

/** The tiles of a consistency proof between two sizes. */
export function tilesForConsistency(oldSize: number, size: number): { level: number; index: number }[] {
  const all = new Map<string, { level: number; index: number }>();
  for (const index of [Math.max(0, oldSize - 1), Math.min(oldSize, Math.max(0, size - 1))]) {
    for (const tile of tilesForProof(index, size)) all.set(`${tile.level}/${tile.index}`, tile);
  }
  return [...all.values()];
}

/** Hashes of complete subtrees out of tiles. `read` gives a tile's bytes, at least as wide as needed, or undefined. */
export function hashAtTiles(read: (level: number, index: number) => Uint8Array | undefined): HashAt {
  return (height, index) => {
    const level = Math.floor(height / TILE_HEIGHT);
    const width = 2 ** (height % TILE_HEIGHT);
    const first = index * width;
    const tileIndex = Math.floor(first / TILE_WIDTH);
    const bytes = read(level, tileIndex);
    const from = (first % TILE_WIDTH) * HASH_BYTES;
    const part = bytes?.subarray(from, from + width * HASH_BYTES);
    if (part === undefined || part.length < width * HASH_BYTES) {
      throw new Error(`the tile ${level}/${tileIndex} does not hold hash ${index} of height ${height}`);
    }
    return completeRoot(part);
  };
}

export type GrownTile = { readonly level: number; readonly index: number; readonly bytes: Uint8Array };

/**
 * Appends leaf hashes to the right edge of a tree of `size`. `edge[level]` holds the partial tile's bytes at that level (empty
 * when the level ends on a full tile). Returns every tile that changed, at its final width, and the new edge.
 */
export function growTiles(
  leaves: readonly Uint8Array[],
  options: { readonly size: number; readonly edge: readonly Uint8Array[] },
): { readonly size: number; readonly edge: Uint8Array[]; readonly tiles: GrownTile[] } {
  const edge: Uint8Array[][] = [];
  const counts: number[] = [];
  const changed = new Set<number>();
  const tiles: GrownTile[] = [];
  const levelOf = (level: number): Uint8Array[] => {
    let hashes = edge[level];
    if (hashes === undefined) {
      hashes = splitHashes(options.edge[level] ?? new Uint8Array(0));
      counts[level] = hashesAtLevel(options.size, level);
      if (hashes.length !== (counts[level] ?? 0) % TILE_WIDTH) {
        throw new Error(`the edge of level ${level} does not fit a tree of ${options.size}`);
      }
      edge[level] = hashes;
    }
    return hashes;
  };
  const push = (level: number, hashed: Uint8Array): void => {
    const hashes = levelOf(level);
    hashes.push(hashed);
    counts[level] = (counts[level] ?? 0) + 1;
    changed.add(level);
    if (hashes.length < TILE_WIDTH) return;
    const bytes = joinHashes(hashes);
    tiles.push({ level, index: (counts[level] ?? 0) / TILE_WIDTH - 1, bytes });
    edge[level] = [];
    changed.delete(level);
    push(level + 1, completeRoot(bytes));
  };
  for (let level = 0; level < options.edge.length; level++) levelOf(level);
  for (const leaf of leaves) push(0, leaf);
  for (const level of changed) {
    const hashes = levelOf(level);
    tiles.push({
      level,
      index: Math.floor((counts[level] ?? 0) / TILE_WIDTH),
      bytes: joinHashes(hashes),
    });
  }
  return { size: options.size + leaves.length, edge: edge.map(joinHashes), tiles };
}

/** An entry bundle: for each entry its length as big-endian uint16, then its bytes (tlog-tiles, "Log Entries"). */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > 0xffff) throw new Error("an entry has at most 65,535 bytes");
    parts.push(Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** Reads a bundle of exactly `count` entries; a byte too few or too many is refused. */
export function parseBundle(bytes: Uint8Array, count: number): Parsed<Uint8Array[]> {
  const entries: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const high = bytes[at];
    const low = bytes[at + 1];
    if (high === undefined || low === undefined) {
      return { ok: false, why: `The bundle ends before entry ${i + 1} of ${count}` };
    }
    const entry = bytes.subarray(at + 2, at + 2 + high * 256 + low);
    if (entry.length !== high * 256 + low)
      return { ok: false, why: `The bundle ends inside entry ${i + 1} of ${count}` };
    entries.push(entry);
    at += 2 + entry.length;
  }
  if (at !== bytes.length) return { ok: false, why: `The bundle goes on after its ${count} entries` };
  return { ok: true, value: entries };
}

/** The root over a power of two of hashes, laid end to end. */
function completeRoot(bytes: Uint8Array): Uint8Array {
  let row = splitHashes(bytes);
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i + 1 < row.length; i += 2) {
      const left = row[i];
      const right = row[i + 1];
      if (left !== undefined && right !== undefined) above.push(nodeHash(left, right));
    }
    row = above;
  }
  const [root] = row;
  if (root === undefined) throw new Error("a tile is never empty");
  return root;
}

function splitHashes(bytes: Uint8Array): Uint8Array[] {
  if (bytes.length % HASH_BYTES !== 0)
    throw new Error(`a tile of ${bytes.length} bytes is not made of hashes`);
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += HASH_BYTES) hashes.push(bytes.slice(at, at + HASH_BYTES));
  return hashes;
}

function joinHashes(hashes: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(hashes));
}
