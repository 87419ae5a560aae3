/**
 * A whole log for a test: fresh database, folder and key, entries on demand, and a way to crash between two steps. Time is a
 * counter and randomness a seeded stream, so that a failure repeats.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTestDb, type TestDb } from "../store/testing.ts";
import { otherEntry } from "./core/testing.ts";
import type { LedgerEntry } from "./core/entry.ts";
import type { Ledger } from "./ledger.ts";
import { createLog, openLedger, type LedgerOptions, type OpenLedger } from "./open-ledger.ts";

export const LOG_ORIGIN = "log.test/parapet";

/** A stream of bytes that is the same for the same seed. */
export function seededRandom(seed: number): (bytes: number) => Uint8Array {
  let counter = 0;
  return (bytes) => {
    const out: Buffer[] = [];
    for (let have = 0; have < bytes; have += 32) {
      out.push(createHash("sha256").update(`${seed}/${counter++}`).digest());
    }
    return new Uint8Array(Buffer.concat(out).subarray(0, bytes));
  };
}

export type TestLog = {
  readonly testDb: TestDb;
  readonly dir: string;
  readonly options: LedgerOptions;
  readonly vkey: string;
  open(more?: Partial<LedgerOptions>): Promise<OpenLedger>;
  close(): Promise<void>;
};

/** A log that has just begun: one entry. */
export async function beginTestLog(seed = 1): Promise<TestLog> {
  const testDb = await openTestDb();
  const home = mkdtempSync(join(tmpdir(), "parapet-log-"));
  let nowMs = Date.parse("2026-11-22T10:00:00.000Z");
  const options: LedgerOptions = {
    db: testDb.db,
    dir: join(home, "log"),
    origin: LOG_ORIGIN,
    keyFile: join(home, "secrets/log.key"),
    now: () => (nowMs += 1000),
    random: seededRandom(seed),
  };
  const { vkey } = await createLog(options);
  return {
    testDb,
    dir: options.dir,
    options,
    vkey,
    open: (more = {}) => openLedger({ ...options, ...more }),
    async close() {
      await testDb.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** An entry of a case of its own, different for each `i`. */
export function caseEntry(i: number): LedgerEntry {
  return {
    ...otherEntry(1),
    caseTag: createHash("sha256").update(`case ${i}`).digest("hex").slice(0, 32),
    seq: 1,
  };
}

/** Intends entries [from, to) in one transaction. */
export async function intendMany(
  log: { readonly testDb: TestDb },
  ledger: Ledger,
  range: { readonly from: number; readonly to: number },
): Promise<number[]> {
  return log.testDb.db.transaction(async (tx) => {
    const ids: number[] = [];
    for (let i = range.from; i < range.to; i++) ids.push((await ledger.intend(tx, caseEntry(i))).intentId);
    return ids;
  });
}
