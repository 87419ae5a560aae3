/**
 * The way back for a log whose database was set back and has no newer backup: take the entries that the database lacks
 * from the published files. They are taken only if, appended to what the database holds, they lead to the root that
 * was published and signed; then no second history can arise. Openings that the database lost stay lost: their entries
 * are in the log and can no longer be opened. An explicit act, never done in silence.
 */
import { Fault } from "../contract/fault.ts";
import { adoptEntry, lockLog, withSequencerLock } from "../store/ledger.ts";
import { openCheckpoint } from "./core/checkpoint.ts";
import { parseEntry } from "./core/entry.ts";
import { verifierOf } from "./core/note.ts";
import { decodeUtf8, encodeBase64 } from "./core/strict-text.ts";
import { parseBundle, TILE_WIDTH, tilePath } from "./core/tile.ts";
import { readKey } from "./key-file.ts";
import type { LedgerOptions } from "./open-ledger.ts";
import { CHECKPOINT_PATH, readPublished } from "./published-files.ts";
import { growLog } from "./sequencer.ts";

/** Bounds one act; a log that lost more than this wants its backup, not this. */
const CATCH_UP_ENTRIES_MAX = 100_000;

/** Brings the database up to the published checkpoint. Afterwards `openLedger` succeeds. The ledger must not be open. */
export async function catchUpLog(
  options: Pick<LedgerOptions, "db" | "dir" | "origin" | "keyFile">,
): Promise<{ readonly from: number; readonly to: number }> {
  const signer = readKey(options.keyFile, options.origin);
  const note = await readPublished(options.dir, CHECKPOINT_PATH);
  const published = openCheckpoint(decodeUtf8(note ?? new Uint8Array(0)) ?? "", verifierOf(signer));
  if (!published.ok) throw cannot(`${options.dir}/checkpoint is not one of ours (${published.why})`);
  const { size, root } = published.value;
  return withSequencerLock(options.db, () =>
    options.db.transaction(async (tx) => {
      const log = await lockLog(tx);
      if (log === null) throw new Fault("state.not-found", "Cannot catch up as this database holds no log");
      if (size <= log.size) return { from: log.size, to: log.size };
      if (size - log.size > CATCH_UP_ENTRIES_MAX)
        throw cannot(`more than ${CATCH_UP_ENTRIES_MAX} entries are missing`);
      const entries = await readEntries(options.dir, { from: log.size, to: size });
      for (const [i, entry] of entries.entries()) await adoptEntry(tx, entry, log.size + i);
      const grown = await growLog(tx, log, entries);
      // Thrown inside the transaction: nothing of it stays.
      if (grown.root !== encodeBase64(root)) {
        throw cannot("the published entries do not continue what the database holds: they are two histories");
      }
      return { from: log.size, to: size };
    }),
  );
}

async function readEntries(
  dir: string,
  range: { readonly from: number; readonly to: number },
): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for (let index = Math.floor(range.from / TILE_WIDTH); index * TILE_WIDTH < range.to; index++) {
    const first = index * TILE_WIDTH;
    const width = Math.min(TILE_WIDTH, range.to - first);
    const path = tilePath({ level: "entries", index, width });
    const bundle = parseBundle((await readPublished(dir, path)) ?? new Uint8Array(0), width);
    if (!bundle.ok) throw cannot(`${path} is missing or damaged (${bundle.why})`);
    found.push(...bundle.value.slice(Math.max(0, range.from - first)));
  }
  for (const entry of found) {
    const parsed = parseEntry(entry);
    if (!parsed.ok) throw cannot(`a published entry is not valid (${parsed.why})`);
  }
  return found;
}

function cannot(because: string): Fault {
  return new Fault(
    "ledger.forked",
    `Cannot catch up as ${because}: restore the database's newest backup, or the published files from a mirror`,
  );
}
