import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { verifyLog } from "../cli/verify.ts";
import { openDb } from "../store/db.ts";
import { openTestDb, templateFolder } from "../store/testing.ts";
import { createLog, openLedger } from "./open-ledger.ts";
import { SEQUENCER_MOMENTS, type SequencerMoment } from "./sequencer.ts";
import { beginTestLog, intendMany, LOG_ORIGIN, seededRandom, type TestLog } from "./testing.ts";

class Crash extends Error {}

/** Everything that was ever shown to the world must stay part of the log. */
async function requireHistory(log: TestLog, shown: ReadonlySet<string>): Promise<void> {
  for (const older of shown) {
    const verdict = await verifyLog(log.dir, { vkey: log.vkey, older });
    assert.deepEqual(verdict.problems, []);
  }
}

async function requireIntents(log: TestLog, ids: readonly number[]): Promise<void> {
  const ledger = await log.open();
  const indexes = await Promise.all(ids.map(async (id) => (await ledger.sequenced(id))?.index));
  assert.deepEqual(
    indexes,
    ids.map((_, i) => i + 1),
    "every intent once, in order",
  );
  await ledger.close();
}

test("A crash at any moment, and again during recovery, loses nothing and rewrites nothing", async () => {
  const log = await beginTestLog();
  const ids: number[] = [];
  const shown = new Set<string>();
  const crashedAt = new Set<SequencerMoment>();
  let next = 1;
  let crashes = 0;
  // The second crash hits the recovery from the first; 0 means none.
  for (const [size, crashAfter, crashAgainAfter] of [
    [254, 0, 0],
    ...Array.from({ length: 11 }, (_, i) => [3, i + 1, i % 4]),
    [250, 3, 2],
    ...Array.from({ length: 8 }, (_, i) => [2, 8 - i, 1]),
  ] as [number, number, number][]) {
    const patience = [crashAfter, crashAgainAfter];
    let countdown = patience.shift() ?? 0;
    const onMoment = (moment: SequencerMoment): void => {
      shown.add(readFileSync(join(log.dir, "checkpoint"), "utf8"));
      countdown -= 1;
      if (countdown !== 0) return;
      crashedAt.add(moment);
      crashes += 1;
      throw new Crash(moment);
    };
    const ledger = await log.open();
    ids.push(...(await intendMany(log, ledger, { from: next, to: next + size })));
    next += size;
    await ledger.close();
    for (let finished = false; !finished;) {
      try {
        // Opening sequences what waits, so the crash comes here.
        await (await log.open({ onMoment })).close();
        finished = true;
      } catch (error) {
        assert.ok(error instanceof Crash, String(error));
        countdown = patience.shift() ?? 0;
        const files = await verifyLog(log.dir, { vkey: log.vkey });
        assert.deepEqual(files.problems, [], `the files are whole right after a crash at ${error.message}`);
      }
    }
    const verdict = await verifyLog(log.dir, { vkey: log.vkey });
    assert.deepEqual([verdict.problems, verdict.size], [[], next]);
  }
  await requireHistory(log, shown);
  await requireIntents(log, ids);
  assert.ok(crashes >= 25, `${crashes} crashes`);
  assert.deepEqual(
    SEQUENCER_MOMENTS.filter((moment) => !crashedAt.has(moment)),
    [],
    "every moment was hit",
  );
  await log.close();
});

test("What a killed process had acknowledged is in the log, at its index", async () => {
  const server = process.env["PARAPET_TEST_DATABASE"] ?? "";
  const home = mkdtempSync(join(tmpdir(), "parapet-killed-"));
  const testDb = server === "" ? null : await openTestDb();
  let url = "";
  if (testDb === null) cpSync(await templateFolder(), join(home, "database"), { recursive: true });
  else {
    const [row] = await testDb.db.query<{ name: string }>("select current_database() as name");
    const address = new URL(server);
    address.pathname = `/${row?.name ?? ""}`;
    url = address.toString();
  }
  const open = async () => {
    const db = await openDb({ url, dataDir: home });
    const options = {
      db,
      dir: join(home, "log"),
      origin: LOG_ORIGIN,
      keyFile: join(home, "log.key"),
      now: () => Date.now(),
      random: seededRandom(7),
    };
    return { db, options };
  };
  const first = await open();
  const { vkey } = await createLog(first.options);
  await first.db.close();

  const acknowledged = new Map<number, number>();
  let shown: string | undefined;
  for (const killAfterLines of [1, 4, 9]) {
    const seen = await runUntilKilled({ home, url, killAfterLines, from: acknowledged.size * 10 });
    for (const [id, index] of seen) acknowledged.set(id, index);
    const { db, options } = await open();
    const ledger = await openLedger(options);
    for (const [id, index] of acknowledged) assert.equal((await ledger.sequenced(id))?.index, index);
    const verdict = await verifyLog(options.dir, { vkey, ...(shown === undefined ? {} : { older: shown }) });
    assert.deepEqual(verdict.problems, []);
    assert.ok(verdict.size > acknowledged.size);
    shown = (await ledger.checkpoint())?.note;
    await ledger.close();
    await db.close();
  }
  assert.ok(acknowledged.size >= 14 * 3, `${acknowledged.size} acknowledged`);
  await testDb?.close();
  rmSync(home, { recursive: true, force: true });
});

/** Starts a process that logs without end, kills it in the middle, and returns what it had acknowledged: intent → index. */
async function runUntilKilled(run: {
  readonly home: string;
  readonly url: string;
  readonly killAfterLines: number;
  readonly from: number;
}): Promise<[number, number][]> {
  const script = fileURLToPath(new URL("./log-until-killed.ts", import.meta.url));
  const child = spawn(process.execPath, [script, run.home, run.url, String(run.from)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const acknowledged: [number, number][] = [];
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(...(JSON.parse(line) as [number, number][]));
    lines += 1;
    // It goes on while the signal is on its way, so the kill lands anywhere in the next round.
    if (lines === run.killAfterLines) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve) => child.once("exit", resolve));
  }
  assert.equal(child.signalCode, "SIGKILL", "it was killed, it did not end by itself");
  return acknowledged;
}
