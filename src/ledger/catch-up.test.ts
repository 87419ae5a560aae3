import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { verifyLog } from "../cli/verify.ts";
import { Fault } from "../contract/fault.ts";
import { catchUpLog } from "./catch-up.ts";
import { beginTestLog, intendMany, type TestLog } from "./testing.ts";

/**
 * Two databases of one log: `old` stopped at 5 entries, `ahead` went on to 300. What `old` is left with is exactly a
 * restored backup beside files that were published after it.
 */
async function setBack(): Promise<{ old: TestLog; ahead: TestLog }> {
  const [old, ahead] = [await beginTestLog(), await beginTestLog()];
  for (const log of [old, ahead]) {
    const ledger = await log.open();
    await intendMany(log, ledger, { from: 1, to: 5 });
    await ledger.sequence();
    await ledger.close();
  }
  assert.equal(
    readFileSync(join(old.dir, "checkpoint"), "utf8"),
    readFileSync(join(ahead.dir, "checkpoint"), "utf8"),
  );
  const ledger = await ahead.open();
  for (const [from, to] of [
    [5, 9],
    [9, 300],
  ] as const) {
    await intendMany(ahead, ledger, { from, to });
    await ledger.sequence();
  }
  await ledger.close();
  rmSync(old.dir, { recursive: true });
  cpSync(ahead.dir, old.dir, { recursive: true });
  return { old, ahead };
}

const refused = async (work: Promise<unknown>, code: string): Promise<string> => {
  const error = await work.then(
    () => assert.fail("it was not refused"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Fault && error.code === code, String(error));
  return error.detail;
};

test("A database that was set back refuses to open, catches up from the published files, and goes on", async () => {
  const { old, ahead } = await setBack();
  assert.match(await refused(old.open(), "ledger.behind"), /knows 5 entries while a checkpoint over 300/);
  // An intent that was in the lost part, and still waits in the restored one, gets its old index and not a second one.
  const waiting = await old.testDb.db.query<{ entry: Uint8Array }>(
    "insert into ledger_entry (entry) values ($1) returning intent_id",
    [await entryAt(ahead, 7)],
  );
  assert.equal(waiting.length, 1);
  assert.deepEqual(await catchUpLog(old.options), { from: 5, to: 300 });
  assert.deepEqual(await catchUpLog(old.options), { from: 300, to: 300 });
  const ledger = await old.open();
  assert.equal((await ledger.checkpoint())?.size, 300);
  const kept = readFileSync(join(ahead.dir, "checkpoint"), "utf8");
  assert.equal((await ledger.checkpoint())?.note, kept);
  const [row] = await old.testDb.db.query<{ intent_id: string }>(
    "select intent_id from ledger_entry where entry_index = 7",
  );
  assert.equal((await ledger.sequenced(Number(row?.intent_id)))?.index, 7);
  await intendMany(old, ledger, { from: 300, to: 301 });
  assert.deepEqual(await ledger.sequence(), { size: 301, added: 1 });
  await ledger.close();
  const verdict = await verifyLog(old.dir, { vkey: old.vkey, older: kept });
  assert.deepEqual(verdict.problems, []);
  await old.close();
  await ahead.close();
});

async function entryAt(log: TestLog, index: number): Promise<Uint8Array> {
  const ledger = await log.open();
  const found = await ledger.entry(index);
  await ledger.close();
  assert.ok(found);
  return found.entry;
}

test("Nothing is taken from files that are damaged or of another history, and the database stays as it was", async () => {
  const { old, ahead } = await setBack();
  const bundle = join(old.dir, "tile/entries/000");
  const good = readFileSync(bundle);
  const bad = Buffer.from(good);
  bad.write("2026-01-03", good.indexOf("day 2026-01-02", 200 * 514) + 4);
  writeFileSync(bundle, bad);
  assert.match(await refused(catchUpLog(old.options), "ledger.forked"), /two histories/);
  writeFileSync(bundle, good.subarray(0, -1));
  assert.match(await refused(catchUpLog(old.options), "ledger.forked"), /damaged/);
  rmSync(bundle);
  assert.match(await refused(catchUpLog(old.options), "ledger.forked"), /missing or damaged/);
  await refused(old.open(), "ledger.behind");
  writeFileSync(bundle, good);
  writeFileSync(join(old.dir, "checkpoint"), "rubbish");
  assert.match(await refused(catchUpLog(old.options), "ledger.forked"), /not one of ours/);
  cpSync(join(ahead.dir, "checkpoint"), join(old.dir, "checkpoint"));
  // The database went another way meanwhile: its five are not the published five.
  const other = await beginTestLog();
  const ledger = await other.open();
  await intendMany(other, ledger, { from: 50, to: 53 });
  await ledger.sequence();
  await ledger.close();
  const mixed = { ...other.options, dir: old.dir };
  assert.match(await refused(catchUpLog(mixed), "ledger.forked"), /two histories/);
  await other.close();
  await old.close();
  await ahead.close();
});
