/**
 * Creates and opens the transparency log. Creating is an explicit act that refuses to run twice. Opening compares the
 * database, the key and the published files, and refuses when they are not of one log or when something outside is
 * ahead: a log that was set back would sign a second history, and that can never be taken back. Files that are behind
 * the database are written again from it.
 */
import { existsSync } from "node:fs";
import { Fault } from "../contract/fault.ts";
import type { Db } from "../store/db.ts";
import {
  entriesBetween,
  entryOfIntent,
  insertIntent,
  insertLog,
  newestPublished,
  publishedSizes,
  readLog,
  readTiles,
  withSequencerLock,
  type LogRow,
} from "../store/ledger.ts";
import { openCheckpoint } from "./core/checkpoint.ts";
import { dayOf, encodeEntry, logStart } from "./core/entry.ts";
import { EMPTY_ROOT, HASH_BYTES, inclusionProof } from "./core/merkle.ts";
import { formatVkey, isKeyName, verifierOf, type Signer } from "./core/note.ts";
import { decodeUtf8, encodeBase64, sameBytes } from "./core/strict-text.ts";
import {
  hashAtTiles,
  hashesAtLevel,
  TILE_WIDTH,
  tilePath,
  tilesForProof,
  tilesOfSize,
  type Tile,
} from "./core/tile.ts";
import { formatTlogProof } from "./core/tlog-proof.ts";
import { prepareKey, readKey, settleKey } from "./key-file.ts";
import type { Ledger, SequencedEntry } from "./ledger.ts";
import { CHECKPOINT_PATH, prepareFolder, publishedBytes, readPublished } from "./published-files.ts";
import {
  publishMissing,
  refreshCheckpoint,
  requireRoot,
  rootOf,
  sequenceAll,
  type SequencerMoment,
  type SequencerParts,
} from "./sequencer.ts";

export type LedgerOptions = {
  readonly db: Db;
  /** Folder of published files. */
  readonly dir: string;
  /** The log's name, for ever: a schemeless URL prefix without spaces or "+". */
  readonly origin: string;
  readonly keyFile: string;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  /** Called between any two steps of sequencing, for tests that crash there. */
  readonly onMoment?: (moment: SequencerMoment) => void;
};

export interface OpenLedger extends Ledger {
  /** Signs the newest tree anew and publishes it, so that outsiders see the log is alive. Call it at a fixed period. */
  refresh(): Promise<void>;
}

/** Begins a log: key, database row and its first entry. Fault "state.conflict" if this database holds one already. */
export async function createLog(options: LedgerOptions): Promise<{ readonly vkey: string }> {
  if (!isKeyName(options.origin)) {
    throw new Fault(
      "input.invalid",
      `Cannot name a log "${options.origin}": give a name without spaces and "+", like log.example.org/parapet`,
    );
  }
  if ((await readLog(options.db)) !== null) throw alreadyThere();
  if (existsSync(options.keyFile) || publishedBytes(options.dir, CHECKPOINT_PATH) !== null) {
    throw new Fault(
      "ledger.behind",
      `Cannot begin a log as this database knows none, but ${options.keyFile} or files in ${options.dir} are left of one: restore the database from your backup, or move both away and choose a new origin`,
    );
  }
  const signer = prepareKey(options.keyFile, { origin: options.origin, random: options.random });
  const vkey = formatVkey(verifierOf(signer));
  const createdAt = new Date(options.now());
  await options.db.transaction(async (tx) => {
    const row = { origin: options.origin, vkey, size: 0, root: encodeBase64(EMPTY_ROOT), createdAt };
    const { inserted } = await insertLog(tx, row);
    if (!inserted) throw alreadyThere();
    await insertIntent(tx, encodeEntry(logStart(dayOf(options.now()))));
  });
  // The log exists. A crash here leaves the key under its provisional name; opening gives it its own.
  settleKey(options.keyFile);
  const ledger = await openLedger(options);
  await ledger.sequence();
  await ledger.close();
  return { vkey };
}

/** Opens the log, finishes what a crash interrupted, and mends files that are behind. */
export async function openLedger(options: LedgerOptions): Promise<OpenLedger> {
  const log = await readLog(options.db);
  if (log === null) {
    throw new Fault("state.not-found", "Cannot open the log as this database holds none: create it first");
  }
  if (log.origin !== options.origin) {
    throw new Fault(
      "state.conflict",
      `Cannot open the log as "${options.origin}" as it was begun as "${log.origin}": set logOrigin back, a log's origin is for ever`,
    );
  }
  const signer = readKey(options.keyFile, options.origin);
  if (formatVkey(verifierOf(signer)) !== log.vkey) {
    throw new Fault(
      "ledger.forked",
      `Cannot open the log as ${options.keyFile} is not the key it was begun with: restore that key from your backup`,
    );
  }
  const { db, dir, now, onMoment = () => undefined } = options;
  const parts: SequencerParts = { db, dir, signer, now, onMoment };
  await withSequencerLock(db, async () => {
    await refuseFork(options, signer);
    prepareFolder(dir);
    await mendFolder(parts);
    await sequenceAll(parts);
  });
  return ledgerOver(parts, log);
}

function ledgerOver(parts: SequencerParts, log: LogRow): OpenLedger {
  const { db, dir } = parts;
  // One sequencer in this process; between processes the database's lock decides.
  let tail: Promise<unknown> = Promise.resolve();
  let closed = false;
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    if (closed) return Promise.reject(new Error("the ledger is closed"));
    const turn = tail.then(() => withSequencerLock(db, work));
    tail = turn.catch(() => undefined);
    return turn;
  };
  const proven = async (entry: Uint8Array, index: number): Promise<SequencedEntry | null> => {
    const checkpoint = await newestPublished(db);
    if (checkpoint?.note == null || index >= checkpoint.size) return null;
    const { size, note } = checkpoint;
    const rows = await readTiles(db, tilesForProof(index, size));
    const at = hashAtTiles((level, i) => rows.find((row) => row.level === level && row.index === i)?.bytes);
    return {
      index,
      entry,
      proof: formatTlogProof({ index, hashes: inclusionProof(index, { size, at }), checkpoint: note }),
    };
  };
  return {
    origin: log.origin,
    vkey: log.vkey,
    async intend(tx, entry) {
      return { intentId: await insertIntent(tx, encodeEntry(entry)) };
    },
    sequence: () => inTurn(() => sequenceAll(parts)),
    refresh: () => inTurn(() => refreshCheckpoint(parts)),
    async sequenced(intentId) {
      const row = await entryOfIntent(db, intentId);
      return row === null || row.index === null ? null : proven(row.entry, row.index);
    },
    async checkpoint() {
      const newest = await newestPublished(db);
      if (newest === null || newest.note === null || newest.signedAt === null) return null;
      return { note: newest.note, size: newest.size, signedAt: newest.signedAt.toISOString() };
    },
    file: (path) => readPublished(dir, path),
    async entry(index) {
      if (!Number.isSafeInteger(index) || index < 0) return null;
      const [bytes] = await entriesBetween(db, { from: index, to: index + 1 });
      return bytes === undefined ? null : proven(bytes, index);
    },
    async close() {
      closed = true;
      await tail;
    },
  };
}

/** Compares what the database says with what the world was shown. */
async function refuseFork(options: LedgerOptions, signer: Signer): Promise<void> {
  const log = await readLog(options.db);
  if (log === null) throw new Error("the log's row is gone");
  await requireRoot(options.db, log);
  const bytes = await readPublished(options.dir, CHECKPOINT_PATH);
  if (bytes === null) return; // A new or lost folder: it is written again from the database.
  const published = openCheckpoint(decodeUtf8(bytes) ?? "", verifierOf(signer));
  if (!published.ok) {
    throw new Fault(
      "ledger.forked",
      `Cannot open the log as ${options.dir}/checkpoint is not one of ours (${published.why}): find out who wrote it, and put back the one that was published`,
    );
  }
  const { size, root } = published.value;
  if (size > log.size) {
    throw new Fault(
      "ledger.behind",
      `Cannot open the log as the database knows ${log.size} entries while a checkpoint over ${size} was published: the database was set back, restore its newest backup, or catch up from the published files; going on would sign a second history`,
    );
  }
  if (!sameBytes(await rootOf(options.db, size), root)) {
    throw new Fault(
      "ledger.forked",
      `Cannot open the log as the published checkpoint over ${size} entries has another root than the database: the two have different histories; restore the database that belongs to ${options.dir}`,
    );
  }
}

/** Writes again what the folder lacks: every tile of the published size, and the partial ones of earlier checkpoints. */
async function mendFolder(parts: SequencerParts): Promise<void> {
  const newest = await newestPublished(parts.db);
  if (newest === null) return;
  const wanted = new Map<string, Tile>();
  for (const tile of tilesOfSize(newest.size)) wanted.set(tilePath(tile), tile);
  // Partial tiles of older checkpoints are wanted until their full tile stands (tlog-tiles, "Partial Tiles").
  const span = TILE_WIDTH * TILE_WIDTH;
  for (const size of await publishedSizes(parts.db, Math.floor(newest.size / span) * span)) {
    for (const tile of partialTiles(size)) {
      const level = tile.level === "entries" ? 0 : tile.level;
      if ((tile.index + 1) * TILE_WIDTH > hashesAtLevel(newest.size, level)) wanted.set(tilePath(tile), tile);
    }
  }
  const missing = [...wanted].filter(([path, tile]) => {
    const bytes = publishedBytes(parts.dir, path);
    return bytes === null || (tile.level !== "entries" && bytes !== tile.width * HASH_BYTES);
  });
  if (missing.length > 0 || publishedBytes(parts.dir, CHECKPOINT_PATH) === null) {
    await publishMissing(
      parts,
      missing.map(([, tile]) => tile),
    );
  }
}

function* partialTiles(size: number): Generator<Tile> {
  for (let level = 0; hashesAtLevel(size, level) > 0; level++) {
    const hashes = hashesAtLevel(size, level);
    const width = hashes % TILE_WIDTH;
    const index = Math.floor(hashes / TILE_WIDTH);
    if (width > 0) yield { level, index, width };
    if (width > 0 && level === 0) yield { level: "entries", index, width };
  }
}

function alreadyThere(): Fault {
  return new Fault("state.conflict", "Cannot begin a log as this database holds one already: open it");
}
