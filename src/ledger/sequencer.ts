/**
 * The one place that lets the log grow. Order of durability, and what a crash leaves after each step:
 *
 *  1. decide: one transaction gives pending intents their indexes, stores the grown tiles, notes the new size and root as a
 *     checkpoint without signature, and swaps the tree's row if it still is the one that was read. A crash before its commit
 *     leaves nothing. From the commit on the order of entries is settled for ever.
 *  2. sign: only now is the root signed, as it stands in the database. Ed25519 is deterministic, so whoever repeats
 *     this step signs the same bytes: two inconsistent checkpoints cannot be signed, because two trees cannot be decided.
 *  3. tiles: every new tile and entry bundle is written and synced. A crash leaves some of them; the old checkpoint
 *     does not speak of them, and the next run writes the same bytes again.
 *  4. publish: the checkpoint file is replaced. A crash before leaves the old one, after it the new one, whose tiles all stand.
 *  5. mark: the database learns that it is published. Until then no receipt under this checkpoint is handed out. A crash
 *     before leaves a published checkpoint that the next run publishes again, the same to the byte.
 *
 * Recovery is no other code: every run first finishes what is decided and not marked, from step 2 on.
 */
import { Fault } from "../contract/fault.ts";
import type { Db, Queryable, Tx } from "../store/db.ts";
import {
  assignIndexes,
  entriesBetween,
  insertCheckpoint,
  lockLog,
  markPublished,
  newestPublished,
  pendingIntents,
  readTiles,
  swapTree,
  unpublishedCheckpoints,
  upsertTiles,
  type CheckpointRow,
  type LogRow,
} from "../store/ledger.ts";
import { openCheckpoint, signCheckpoint } from "./core/checkpoint.ts";
import { HASH_BYTES, leafHash, rootHash } from "./core/merkle.ts";
import { verifierOf, type Signer } from "./core/note.ts";
import { decodeBase64, encodeBase64 } from "./core/strict-text.ts";
import {
  encodeBundle,
  growTiles,
  hashAtTiles,
  hashesAtLevel,
  TILE_WIDTH,
  tilePath,
  tilesBetween,
  tilesForProof,
  type Tile,
} from "./core/tile.ts";
import { CHECKPOINT_PATH, publishCheckpoint, publishTile, readPublished } from "./published-files.ts";

/** Bounds one transaction; a longer queue takes several checkpoints. */
const BATCH_ENTRIES_MAX = 1000;

/** The names of the moments between two steps, for those who want to crash there. */
export const SEQUENCER_MOMENTS = [
  "decided",
  "signed",
  "tile-written",
  "tiles-written",
  "published",
  "marked",
] as const;
export type SequencerMoment = (typeof SEQUENCER_MOMENTS)[number];

export type SequencerParts = {
  readonly db: Db;
  readonly dir: string;
  readonly signer: Signer;
  readonly now: () => number;
  /** Called at each moment. Tests throw here. */
  readonly onMoment: (moment: SequencerMoment) => void;
};

/** Finishes what is decided, then decides and finishes until no intent waits. The caller holds the sequencer's lock. */
export async function sequenceAll(parts: SequencerParts): Promise<{ size: number; added: number }> {
  await finishDecided(parts);
  let added = 0;
  for (;;) {
    const decided = await decide(parts.db);
    if (decided.added === 0) return { size: decided.size, added };
    parts.onMoment("decided");
    added += decided.added;
    await finishDecided(parts);
  }
}

/** Step 1. */
async function decide(db: Db): Promise<{ size: number; added: number }> {
  return db.transaction(async (tx) => {
    const log = await lockLog(tx);
    if (log === null) throw new Error("the log's row is gone");
    const intents = await pendingIntents(tx, BATCH_ENTRIES_MAX);
    if (intents.length === 0) return { size: log.size, added: 0 };

    const grown = await growLog(
      tx,
      log,
      intents.map((intent) => intent.entry),
    );
    await assignIndexes(
      tx,
      intents.map((intent) => intent.intentId),
      log.size,
    );
    return { size: grown.size, added: intents.length };
  });
}

/** The tree's part of step 1: tiles, new root, checkpoint without signature, compare and swap. Entries are the caller's. */
export async function growLog(
  tx: Tx,
  log: LogRow,
  entries: readonly Uint8Array[],
): Promise<{ readonly size: number; readonly root: string }> {
  await requireRoot(tx, log);
  const grown = growTiles(entries.map(leafHash), { size: log.size, edge: await readEdge(tx, log.size) });
  await upsertTiles(tx, grown.tiles);
  const to = { size: grown.size, root: encodeBase64(await rootOf(tx, grown.size)) };
  await insertCheckpoint(tx, to);
  if (!(await swapTree(tx, log, to))) {
    throw new Fault("ledger.behind", "Cannot log now as somebody else did at the same moment: try again", {
      retryAfterMs: 100,
    });
  }
  return to;
}

/** Steps 2 to 5 for every checkpoint that is decided and not marked, oldest first. */
async function finishDecided(parts: SequencerParts): Promise<void> {
  for (const checkpoint of await unpublishedCheckpoints(parts.db)) {
    const before = (await newestPublished(parts.db))?.size ?? 0;
    const signedAt = new Date(parts.now());
    const note = signRow(checkpoint, parts.signer);
    parts.onMoment("signed");
    for (const tile of tilesBetween(before, checkpoint.size)) {
      publishTile(parts.dir, tilePath(tile), await tileBytes(parts.db, tile));
      parts.onMoment("tile-written");
    }
    parts.onMoment("tiles-written");
    await publishUnlessSmaller(parts, { note, size: checkpoint.size });
    parts.onMoment("published");
    await markPublished(parts.db, { size: checkpoint.size, note, signedAt });
    parts.onMoment("marked");
  }
}

/** Signs the newest tree again, so that its age tells that the log is alive. Same tree, same bytes. */
export async function refreshCheckpoint(parts: SequencerParts): Promise<void> {
  await sequenceAll(parts);
  const newest = await newestPublished(parts.db);
  if (newest === null) return;
  const note = signRow(newest, parts.signer);
  await publishUnlessSmaller(parts, { note, size: newest.size });
  await markPublished(parts.db, { size: newest.size, note, signedAt: new Date(parts.now()) });
}

/** Writes the tiles that the folder lacks out of what the database holds: a lost or older folder grows back. */
export async function publishMissing(parts: SequencerParts, tiles: readonly Tile[]): Promise<void> {
  for (const tile of tiles) publishTile(parts.dir, tilePath(tile), await tileBytes(parts.db, tile));
  const newest = await newestPublished(parts.db);
  if (newest !== null) {
    await publishUnlessSmaller(parts, { note: signRow(newest, parts.signer), size: newest.size });
  }
}

/** The root of the tree over the first `size` entries, from the database's tiles. */
export async function rootOf(q: Queryable, size: number): Promise<Uint8Array> {
  const rows = size === 0 ? [] : await readTiles(q, tilesForProof(size - 1, size));
  return rootHash(
    size,
    hashAtTiles((level, index) => rows.find((row) => row.level === level && row.index === index)?.bytes),
  );
}

/** Refuses when the stored tiles do not lead to the stored root: the database was damaged or meddled with. */
export async function requireRoot(
  q: Queryable,
  log: { readonly size: number; readonly root: string },
): Promise<void> {
  if (encodeBase64(await rootOf(q, log.size)) === log.root) return;
  throw new Fault(
    "ledger.forked",
    `Cannot go on with the log as the hashes in the database do not lead to its root over ${log.size} entries: restore the database from your newest backup`,
  );
}

async function tileBytes(q: Queryable, tile: Tile): Promise<Uint8Array> {
  if (tile.level === "entries") {
    const from = tile.index * TILE_WIDTH;
    const entries = await entriesBetween(q, { from, to: from + tile.width });
    if (entries.length !== tile.width) throw new Error(`the database lacks entries of ${tilePath(tile)}`);
    return encodeBundle(entries);
  }
  const [row] = await readTiles(q, [{ level: tile.level, index: tile.index }]);
  const bytes = row?.bytes.subarray(0, tile.width * HASH_BYTES);
  if (bytes?.length !== tile.width * HASH_BYTES) throw new Error(`the database lacks ${tilePath(tile)}`);
  return bytes;
}

async function readEdge(q: Queryable, size: number): Promise<Uint8Array[]> {
  const edge: Uint8Array[] = [];
  for (let level = 0; hashesAtLevel(size, level) > 0; level++) {
    const hashes = hashesAtLevel(size, level);
    const width = hashes % TILE_WIDTH;
    edge.push(
      width === 0
        ? new Uint8Array(0)
        : await tileBytes(q, { level, index: Math.floor(hashes / TILE_WIDTH), width }),
    );
  }
  return edge;
}

function signRow(checkpoint: CheckpointRow, signer: Signer): string {
  const root = decodeBase64(checkpoint.root);
  if (root === null) throw new Error("the database holds a root that is not base64");
  return signCheckpoint({ origin: signer.name, size: checkpoint.size, root }, signer);
}

/** Another process may have published further between our reading and now; a checkpoint file never goes back. */
async function publishUnlessSmaller(
  parts: SequencerParts,
  checkpoint: { readonly note: string; readonly size: number },
): Promise<void> {
  const standing = await readPublished(parts.dir, CHECKPOINT_PATH);
  if (standing !== null) {
    const opened = openCheckpoint(Buffer.from(standing).toString("utf8"), verifierOf(parts.signer));
    if (!opened.ok) {
      throw new Fault(
        "ledger.forked",
        `Cannot publish a checkpoint over one that is not ours (${opened.why}): find out who wrote ${parts.dir}/checkpoint`,
      );
    }
    if (opened.value.size > checkpoint.size) return;
  }
  publishCheckpoint(parts.dir, checkpoint.note);
}
