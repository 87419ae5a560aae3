/**
 * The log's queries. Sizes and indexes are bigint in the database and safe integers here. What has an index, a note or a
 * full width is never changed again; `swapTree` refuses unless the tree is still the one the caller read.
 */
import type { Db, Queryable, Tx } from "./db.ts";

export type LogRow = {
  readonly origin: string;
  readonly vkey: string;
  readonly size: number;
  /** base64 */
  readonly root: string;
};
export type CheckpointRow = {
  readonly size: number;
  readonly root: string;
  readonly note: string | null;
  readonly signedAt: Date | null;
};
export type TileRow = { readonly level: number; readonly index: number; readonly bytes: Uint8Array };

/** An arbitrary number that names the log's sequencer among PostgreSQL's advisory locks ("parapet" in base 36, cut). */
const SEQUENCER_LOCK = 55_021_763;

/**
 * Runs `work` while no other process sequences. PGlite has no other process. On a server the lock lives as long as the
 * transaction around `work`; should its connection die, the swap of the tree still lets only one sequencer win.
 */
export async function withSequencerLock<T>(db: Db, work: () => Promise<T>): Promise<T> {
  if (db.kind === "pglite") return work();
  return db.transaction(
    async (tx) => {
      await tx.query("select pg_advisory_xact_lock($1)", [SEQUENCER_LOCK]);
      return work();
    },
    { inLine: false },
  );
}

export async function insertLog(
  tx: Tx,
  log: LogRow & { readonly createdAt: Date },
): Promise<{ readonly inserted: boolean }> {
  const rows = await tx.query(
    `insert into ledger_log (origin, vkey, size, root, created_at) values ($1, $2, $3, $4, $5)
     on conflict (one) do nothing returning size`,
    [log.origin, log.vkey, log.size, log.root, log.createdAt],
  );
  return { inserted: rows.length === 1 };
}

export async function readLog(q: Queryable): Promise<LogRow | null> {
  const [row] = await q.query<{ origin: string; vkey: string; size: string; root: string }>(
    "select origin, vkey, size, root from ledger_log",
  );
  return row ? { origin: row.origin, vkey: row.vkey, size: Number(row.size), root: row.root } : null;
}

/** As `readLog`, and keeps every other transaction from swapping the tree until this one ends. */
export async function lockLog(tx: Tx): Promise<LogRow | null> {
  const [row] = await tx.query<{ origin: string; vkey: string; size: string; root: string }>(
    "select origin, vkey, size, root from ledger_log for update",
  );
  return row ? { origin: row.origin, vkey: row.vkey, size: Number(row.size), root: row.root } : null;
}

/** Compare and swap: false when the tree is no longer the one of `from`. */
export async function swapTree(
  tx: Tx,
  from: { readonly size: number; readonly root: string },
  to: { readonly size: number; readonly root: string },
): Promise<boolean> {
  const rows = await tx.query(
    "update ledger_log set size = $3, root = $4 where size = $1 and root = $2 returning size",
    [from.size, from.root, to.size, to.root],
  );
  return rows.length === 1;
}

export async function insertIntent(tx: Tx, entry: Uint8Array): Promise<number> {
  const [row] = await tx.query<{ intent_id: string }>(
    "insert into ledger_entry (entry) values ($1) returning intent_id",
    [entry],
  );
  if (!row) throw new Error("insert into ledger_entry returned no row");
  return Number(row.intent_id);
}

export async function pendingIntents(
  q: Queryable,
  limit: number,
): Promise<{ readonly intentId: number; readonly entry: Uint8Array }[]> {
  const rows = await q.query<{ intent_id: string; entry: Uint8Array }>(
    "select intent_id, entry from ledger_entry where entry_index is null order by intent_id limit $1",
    [limit],
  );
  return rows.map((row) => ({ intentId: Number(row.intent_id), entry: new Uint8Array(row.entry) }));
}

/** Gives intents their indexes, in order, from `first` on. */
export async function assignIndexes(tx: Tx, intentIds: readonly number[], first: number): Promise<void> {
  const rows = await tx.query(
    `update ledger_entry set entry_index = given.entry_index
       from (select intent_id, $2::bigint + ordinality - 1 as entry_index
               from unnest($1::bigint[]) with ordinality as list (intent_id, ordinality)) as given
      where ledger_entry.intent_id = given.intent_id and ledger_entry.entry_index is null
      returning ledger_entry.intent_id`,
    [intentIds, first],
  );
  if (rows.length !== intentIds.length) throw new Error("an intent was given an index twice");
}

/** Puts an entry at an index it is known to have: by the intent that still waits with these bytes, or as a row of its own. */
export async function adoptEntry(tx: Tx, entry: Uint8Array, index: number): Promise<void> {
  const rows = await tx.query(
    `update ledger_entry set entry_index = $2
      where intent_id = (select min(waiting.intent_id) from ledger_entry as waiting
                          where waiting.entry_index is null and waiting.entry = $1)
      returning intent_id`,
    [entry, index],
  );
  if (rows.length === 0) {
    await tx.query("insert into ledger_entry (entry, entry_index) values ($1, $2)", [entry, index]);
  }
}

export async function entryOfIntent(
  q: Queryable,
  intentId: number,
): Promise<{ readonly entry: Uint8Array; readonly index: number | null } | null> {
  const [row] = await q.query<{ entry: Uint8Array; entry_index: string | null }>(
    "select entry, entry_index from ledger_entry where intent_id = $1",
    [intentId],
  );
  if (!row) return null;
  return {
    entry: new Uint8Array(row.entry),
    index: row.entry_index === null ? null : Number(row.entry_index),
  };
}

/** The entries [from, to), in order. */
export async function entriesBetween(
  q: Queryable,
  range: { readonly from: number; readonly to: number },
): Promise<Uint8Array[]> {
  const rows = await q.query<{ entry: Uint8Array }>(
    "select entry from ledger_entry where entry_index >= $1 and entry_index < $2 order by entry_index",
    [range.from, range.to],
  );
  return rows.map((row) => new Uint8Array(row.entry));
}

export async function upsertTiles(tx: Tx, tiles: readonly TileRow[]): Promise<void> {
  for (const tile of tiles) {
    // A tile only ever grows: a narrower one must not replace a wider one.
    const rows = await tx.query(
      `insert into ledger_tile (level, tile_index, hashes) values ($1, $2, $3)
       on conflict (level, tile_index) do update set hashes = excluded.hashes
         where octet_length(ledger_tile.hashes) < octet_length(excluded.hashes)
       returning level`,
      [tile.level, tile.index, tile.bytes],
    );
    if (rows.length !== 1) throw new Error(`the tile ${tile.level}/${tile.index} was already as wide`);
  }
}

export async function readTiles(
  q: Queryable,
  tiles: readonly { readonly level: number; readonly index: number }[],
): Promise<TileRow[]> {
  const rows = await q.query<{ level: number; tile_index: string; hashes: Uint8Array }>(
    `select tile.level, tile.tile_index, tile.hashes
       from unnest($1::integer[], $2::bigint[]) as wanted (level, tile_index)
       join ledger_tile as tile on tile.level = wanted.level and tile.tile_index = wanted.tile_index`,
    [tiles.map((tile) => tile.level), tiles.map((tile) => tile.index)],
  );
  return rows.map((row) => ({
    level: row.level,
    index: Number(row.tile_index),
    bytes: new Uint8Array(row.hashes),
  }));
}

type RawCheckpoint = { size: string; root: string; note: string | null; signed_at: Date | null };

export async function insertCheckpoint(
  tx: Tx,
  checkpoint: { readonly size: number; readonly root: string },
): Promise<void> {
  await tx.query("insert into ledger_checkpoint (size, root) values ($1, $2)", [
    checkpoint.size,
    checkpoint.root,
  ]);
}

/** Checkpoints that are decided and not yet known to be published, oldest first. */
export async function unpublishedCheckpoints(q: Queryable): Promise<CheckpointRow[]> {
  const rows = await q.query<RawCheckpoint>(
    "select size, root, note, signed_at from ledger_checkpoint where note is null order by size",
  );
  return rows.map(readCheckpoint);
}

export async function newestPublished(q: Queryable): Promise<CheckpointRow | null> {
  const [row] = await q.query<RawCheckpoint>(
    "select size, root, note, signed_at from ledger_checkpoint where note is not null order by size desc limit 1",
  );
  return row ? readCheckpoint(row) : null;
}

/** The sizes of all published checkpoints from `from` on, ascending. */
export async function publishedSizes(q: Queryable, from: number): Promise<number[]> {
  const rows = await q.query<{ size: string }>(
    "select size from ledger_checkpoint where note is not null and size >= $1 order by size",
    [from],
  );
  return rows.map((row) => Number(row.size));
}

export async function markPublished(
  q: Queryable,
  published: { readonly size: number; readonly note: string; readonly signedAt: Date },
): Promise<void> {
  await q.query("update ledger_checkpoint set note = $2, signed_at = $3 where size = $1", [
    published.size,
    published.note,
    published.signedAt,
  ]);
}

function readCheckpoint(row: RawCheckpoint): CheckpointRow {
  return {
    size: Number(row.size),
    root: row.root,
    note: row.note,
    signedAt: row.signed_at === null ? null : new Date(row.signed_at),
  };
}
