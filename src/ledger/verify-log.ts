/**
 * Checks a published log from its files alone, as a stranger would: every entry bundle hashed anew, every tile recomputed and
 * compared, the signed root reached, every entry read by the rules of its kind, and every case's numbers without a gap.
 * Trusts nothing but the verifier key. What a check finds is a sentence for a person, at most PROBLEMS_MAX of them.
 */
import { openCheckpoint, type Checkpoint } from "./core/checkpoint.ts";
import { ENTRY_BYTES, ENTRY_KINDS, parseEntry, type EntryKind, type LedgerEntry } from "./core/entry.ts";
import { HASH_BYTES, leafHash, rootHash } from "./core/merkle.ts";
import { parseVkey } from "./core/note.ts";
import { decodeUtf8, sameBytes } from "./core/strict-text.ts";
import {
  growTiles,
  hashAtTiles,
  parseBundle,
  TILE_WIDTH,
  tilePath,
  tilesOfSize,
  type Tile,
} from "./core/tile.ts";

export const PROBLEMS_MAX = 50;
/** No file of a log of ours is larger: a full entry bundle. */
export const PUBLISHED_BYTES_MAX = TILE_WIDTH * (2 + ENTRY_BYTES);

/** Gives the bytes of a path, or null when there is no such file. May throw when the source cannot be reached. */
export type ReadPublished = (path: string) => Promise<Uint8Array | null>;

export type LogVerdict = {
  readonly ok: boolean;
  readonly origin: string;
  /** Entries under the signed checkpoint; 0 when there is no usable one. */
  readonly size: number;
  /** Entries that were read and hashed. */
  readonly entries: number;
  readonly kinds: Readonly<Record<EntryKind, number>>;
  readonly cases: number;
  readonly firstDay: string | null;
  readonly lastDay: string | null;
  readonly problems: readonly string[];
};

export type VerifyOptions = {
  readonly vkey: string;
  /** A checkpoint (signed note) that somebody kept from earlier: the log must still contain that tree. */
  readonly older?: string;
};

export async function verifyLogFiles(read: ReadPublished, options: VerifyOptions): Promise<LogVerdict> {
  const found = new Findings();
  const key = parseVkey(options.vkey);
  if (!key.ok) return found.verdict(null, [`The verifier key cannot be used: ${key.why}`]);
  const bytes = await read("checkpoint");
  if (bytes === null)
    return found.verdict(null, ["There is no checkpoint: is this the folder or address of a log?"]);
  const opened = openCheckpoint(decodeUtf8(bytes) ?? "", key.value);
  if (!opened.ok) return found.verdict(null, [`The checkpoint cannot be trusted: ${opened.why}`]);
  const checkpoint = opened.value;

  let grown: ReturnType<typeof growTiles> = { size: 0, edge: [], tiles: [] };
  const computed = new Map<string, Uint8Array>();
  for (let index = 0; index * TILE_WIDTH < checkpoint.size; index++) {
    const width = Math.min(TILE_WIDTH, checkpoint.size - index * TILE_WIDTH);
    const entries = await readBundle(read, { index, width, found });
    if (entries === null) return found.verdict(checkpoint); // What follows cannot be computed without it.
    entries.forEach((entry, i) => found.entry(index * TILE_WIDTH + i, entry));
    grown = growTiles(entries.map(leafHash), grown);
    for (const tile of grown.tiles) computed.set(`${tile.level}/${tile.index}`, tile.bytes);
  }
  const at = hashAtTiles((level, index) => computed.get(`${level}/${index}`));
  if (!sameBytes(rootHash(checkpoint.size, at), checkpoint.root)) {
    found.worst(
      "The entries do not lead to the root that was signed: an entry was changed, added or removed",
    );
  }
  for (const tile of tilesOfSize(checkpoint.size)) {
    if (tile.level === "entries") continue;
    const published = await readAtWidth(read, tile, HASH_BYTES);
    if (published === null) found.problem(`The file ${tilePath(tile)} is missing`);
    else if (!sameBytes(published, computed.get(`${tile.level}/${tile.index}`) ?? new Uint8Array(0))) {
      found.problem(`The file ${tilePath(tile)} does not hold the hashes of the entries`);
    }
  }
  if (options.older !== undefined) {
    const older = openCheckpoint(options.older, key.value);
    if (!older.ok) found.problem(`The older checkpoint cannot be trusted: ${older.why}`);
    else if (older.value.size > checkpoint.size) {
      found.problem(
        `The log has ${checkpoint.size} entries, fewer than the ${older.value.size} of the older checkpoint`,
      );
    } else if (!sameBytes(rootHash(older.value.size, at), older.value.root)) {
      found.problem(
        `The log was rewritten: its first ${older.value.size} entries are not those of the older checkpoint`,
      );
    }
  }
  found.closeCases();
  return found.verdict(checkpoint);
}

async function readBundle(
  read: ReadPublished,
  wanted: { readonly index: number; readonly width: number; readonly found: Findings },
): Promise<Uint8Array[] | null> {
  const { index, width, found } = wanted;
  const tile: Tile = { level: "entries", index, width };
  const exact = await read(tilePath(tile));
  // A log may drop a partial bundle once the full one stands; its beginning serves as well.
  const full =
    exact === null && width < TILE_WIDTH ? await read(tilePath({ ...tile, width: TILE_WIDTH })) : null;
  if (exact === null && full === null) {
    found.problem(`The file ${tilePath(tile)} is missing`);
    return null;
  }
  const parsed =
    exact === null ? parseBundle(full ?? new Uint8Array(0), TILE_WIDTH) : parseBundle(exact, width);
  if (!parsed.ok) {
    found.problem(`The file ${tilePath(tile)} is damaged: ${parsed.why}`);
    return null;
  }
  return parsed.value.slice(0, width);
}

async function readAtWidth(read: ReadPublished, tile: Tile, bytesEach: number): Promise<Uint8Array | null> {
  const exact = await read(tilePath(tile));
  if (exact !== null || tile.width === TILE_WIDTH) return exact;
  const full = await read(tilePath({ ...tile, width: TILE_WIDTH }));
  return full === null ? null : full.subarray(0, tile.width * bytesEach);
}

/** What has been seen so far. */
class Findings {
  readonly problems: string[] = [];
  readonly kinds = Object.fromEntries(ENTRY_KINDS.map((kind) => [kind, 0])) as Record<EntryKind, number>;
  readonly seqs = new Map<string, number[]>();
  entries = 0;
  firstDay: string | null = null;
  lastDay: string | null = null;

  problem(what: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(what);
  }

  /** What must be read even if the list is full: it comes first, and the last of the others gives way. */
  worst(what: string): void {
    this.problems.unshift(what);
    this.problems.splice(PROBLEMS_MAX);
  }

  entry(index: number, bytes: Uint8Array): void {
    this.entries += 1;
    const parsed = parseEntry(bytes);
    if (!parsed.ok) {
      this.problem(`Entry ${index} is not valid: ${parsed.why}`);
      return;
    }
    const entry: LedgerEntry = parsed.value;
    this.kinds[entry.kind] += 1;
    if (this.firstDay === null || entry.day < this.firstDay) this.firstDay = entry.day;
    if (this.lastDay === null || entry.day > this.lastDay) this.lastDay = entry.day;
    if ((entry.kind === "log-start") !== (index === 0)) {
      this.problem(
        index === 0 ? "The log does not begin with a log-start" : `Entry ${index} begins the log again`,
      );
    }
    if (entry.kind === "log-start") return;
    const seqs = this.seqs.get(entry.caseTag) ?? [];
    seqs.push(entry.seq);
    this.seqs.set(entry.caseTag, seqs);
  }

  /** Within a case the numbers run 1, 2, 3 …: a gap is an entry that was promised a place and never logged. */
  closeCases(): void {
    for (const [caseTag, seqs] of this.seqs) {
      seqs.sort((a, b) => a - b);
      const wrong = seqs.findIndex((seq, i) => seq !== i + 1);
      if (wrong >= 0) {
        this.problem(
          `The case ${caseTag} has no entry ${wrong + 1}, or one twice: it has ${seqs.length} entries`,
        );
      }
    }
  }

  verdict(checkpoint: Checkpoint | null, more: readonly string[] = []): LogVerdict {
    for (const what of more) this.problem(what);
    return {
      ok: this.problems.length === 0,
      origin: checkpoint?.origin ?? "",
      size: checkpoint?.size ?? 0,
      entries: this.entries,
      kinds: this.kinds,
      cases: this.seqs.size,
      firstDay: this.firstDay,
      lastDay: this.lastDay,
      problems: this.problems,
    };
  }
}
