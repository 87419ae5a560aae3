import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { verifyLog } from "../cli/verify.ts";
import { Fault, type FaultCode } from "../contract/fault.ts";
import { openCheckpoint, signCheckpoint } from "./core/checkpoint.ts";
import { parseEntry } from "./core/entry.ts";
import { EMPTY_ROOT } from "./core/merkle.ts";
import { parseVkey } from "./core/note.ts";
import { testSigner } from "./core/testing.ts";
import { tilePath, tilesOfSize } from "./core/tile.ts";
import { verifyTlogProof } from "./core/tlog-proof.ts";
import { readKey } from "./key-file.ts";
import { createLog } from "./open-ledger.ts";
import { beginTestLog, caseEntry, intendMany, LOG_ORIGIN, type TestLog } from "./testing.ts";

let log: TestLog;
before(async () => {
  log = await beginTestLog();
});
after(() => log.close());

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    return error;
  }
  return assert.fail("it was not refused");
}

async function requireWhole(of: TestLog, size: number): Promise<void> {
  const verdict = await verifyLog(of.dir, { vkey: of.vkey });
  assert.deepEqual([verdict.problems, verdict.size, verdict.entries], [[], size, size]);
}

function keyOf(of: TestLog) {
  const key = parseVkey(of.vkey);
  assert.ok(key.ok);
  return key.value;
}

test("A new log begins with one entry, a key that only its owner reads, and a checkpoint", async () => {
  await requireWhole(log, 1);
  assert.equal(statSync(log.options.keyFile).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(log.options.keyFile, "..")), ["log.key"]);
  const ledger = await log.open();
  const first = await ledger.entry(0);
  const entry = parseEntry(first?.entry ?? new Uint8Array(0));
  assert.ok(entry.ok && entry.value.kind === "log-start" && entry.value.day === "2026-11-22");
  assert.equal((await ledger.checkpoint())?.size, 1);
  assert.equal(ledger.vkey, log.vkey);
  await ledger.close();
});

test("A log is created once", async () => {
  assert.equal((await faultOf(createLog(log.options))).code, "state.conflict");
});

test("An intent lives and dies with its transaction, and has no proof before its checkpoint", async () => {
  const ledger = await log.open();
  const size = (await ledger.checkpoint())?.size ?? 0;
  let lost = 0;
  await assert.rejects(
    log.testDb.db.transaction(async (tx) => {
      lost = (await ledger.intend(tx, caseEntry(900))).intentId;
      throw new Error("the decision failed");
    }),
    /the decision failed/,
  );
  const [kept = 0] = await intendMany(log, ledger, { from: 901, to: 902 });
  assert.equal(await ledger.sequenced(kept), null);
  assert.equal(await ledger.entry(size), null);
  assert.deepEqual(await ledger.sequence(), { size: size + 1, added: 1 });
  assert.equal(await ledger.sequenced(lost), null);
  const sequenced = await ledger.sequenced(kept);
  assert.ok(sequenced?.index === size);
  assert.ok(verifyTlogProof(sequenced.proof, { entry: sequenced.entry, key: keyOf(log) }).ok);
  assert.deepEqual(await ledger.entry(size), sequenced);
  assert.deepEqual(await ledger.sequence(), { size: size + 1, added: 0 });
  await ledger.close();
});

test("An entry that breaks a rule takes the whole transaction with it", async () => {
  const ledger = await log.open();
  const wrong = log.testDb.db.transaction((tx) => ledger.intend(tx, { ...caseEntry(1), signers: 0 }));
  await assert.rejects(wrong, /cannot be logged/);
  await ledger.close();
});

test("The log is whole after every step of growth across tile borders, and every old receipt still verifies", async () => {
  const grown = await beginTestLog();
  const ledger = await grown.open();
  const receipts: { entry: Uint8Array; proof: string }[] = [];
  let size = 1;
  for (const target of [2, 255, 256, 257, 300, 511, 512, 513, 1800]) {
    const ids = await intendMany(grown, ledger, { from: size, to: target });
    assert.deepEqual(await ledger.sequence(), { size: target, added: target - size });
    size = target;
    await requireWhole(grown, size);
    const last = await ledger.sequenced(ids.at(-1) ?? 0);
    assert.ok(last?.index === size - 1);
    receipts.push(last);
    for (const { path } of [...tilesOfSize(size)].map((tile) => ({ path: tilePath(tile) }))) {
      assert.ok((await ledger.file(path)) !== null, path);
    }
  }
  for (const receipt of receipts) {
    assert.ok(verifyTlogProof(receipt.proof, { entry: receipt.entry, key: keyOf(grown) }).ok);
  }
  assert.ok((await ledger.file("tile/0/000.p/255")) !== null, "partial tiles of published sizes are kept");
  await ledger.close();
  await grown.close();
});

test("Nothing but the paths of the specification can be read", async () => {
  const ledger = await log.open();
  assert.ok((await ledger.file("checkpoint")) !== null);
  const paths = [
    "",
    ".",
    "..",
    "../secrets/log.key",
    "tile",
    "tile/0",
    ".writing",
    "/etc/passwd",
    "checkpoint/",
    "tile/0/000.p",
    "tile/0/../../../secrets/log.key",
    "Checkpoint",
    "checkpoint\0",
  ];
  for (const path of paths) assert.equal(await ledger.file(path), null, path);
  await ledger.close();
});

test("Many who sequence at once give every intent one index", async () => {
  const busy = await beginTestLog();
  const ledgers = await Promise.all([busy.open(), busy.open(), busy.open()]);
  const ids = await Promise.all(
    Array.from({ length: 24 }, async (_, i) => {
      const ledger = ledgers[i % 3];
      assert.ok(ledger);
      const id = await intendMany(busy, ledger, { from: i + 1, to: i + 2 });
      await ledger.sequence();
      return id[0] ?? 0;
    }),
  );
  const [ledger] = ledgers;
  assert.ok(ledger);
  const indexes = await Promise.all(ids.map(async (id) => (await ledger.sequenced(id))?.index));
  assert.deepEqual(
    indexes.toSorted((a, b) => (a ?? 0) - (b ?? 0)),
    Array.from({ length: 24 }, (_, i) => i + 1),
  );
  await requireWhole(busy, 25);
  for (const each of ledgers) await each.close();
  await busy.close();
});

test("A refreshed checkpoint is the same to the byte, and newer", async () => {
  const ledger = await log.open();
  const first = await ledger.checkpoint();
  await ledger.refresh();
  const second = await ledger.checkpoint();
  assert.equal(second?.note, first?.note);
  assert.ok((second?.signedAt ?? "") > (first?.signedAt ?? ""));
  await ledger.close();
  await assert.rejects(ledger.sequence(), /closed/);
});

test("A lost folder grows back to the same files", async () => {
  const lost = await beginTestLog();
  const ledger = await lost.open();
  for (const [from, to] of [
    [1, 100],
    [100, 254],
    [254, 256],
    [256, 300],
    [300, 310],
  ] as const) {
    await intendMany(lost, ledger, { from, to });
    await ledger.sequence();
  }
  await ledger.close();
  const listing = (): string[] =>
    readdirSync(lost.dir, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name))
      .filter((path) => !/(0|entries)\/000\.p\//.test(path))
      .sort();
  const before = listing().map((path) => [path, readFileSync(path, "hex")]);
  assert.ok(before.length > 7);
  rmSync(lost.dir, { recursive: true });
  await (await lost.open()).close();
  assert.deepEqual(
    listing().map((path) => [path, readFileSync(path, "hex")]),
    before,
  );
  rmSync(join(lost.dir, "tile/0/000"));
  rmSync(join(lost.dir, "tile/0/001.p/44"));
  assert.equal((await verifyLog(lost.dir, { vkey: lost.vkey })).ok, false);
  await (await lost.open()).close();
  assert.deepEqual(
    listing().map((path) => [path, readFileSync(path, "hex")]),
    before,
  );
  await lost.close();
});

test("Opening refuses whatever would make a second history, and says what to do", async () => {
  const signer = readKey(log.options.keyFile, LOG_ORIGIN);
  const file = join(log.dir, "checkpoint");
  const good = readFileSync(file, "utf8");
  const key = keyOf(log);
  const opened = openCheckpoint(good, key);
  assert.ok(opened.ok);
  const size = opened.value.size;
  const stranger = testSigner(LOG_ORIGIN, 99);
  const table: readonly [string, string, FaultCode][] = [
    [
      "ahead of the database",
      signCheckpoint({ origin: LOG_ORIGIN, size: size + 1, root: EMPTY_ROOT }, signer),
      "ledger.behind",
    ],
    ["another root", signCheckpoint({ origin: LOG_ORIGIN, size, root: EMPTY_ROOT }, signer), "ledger.forked"],
    [
      "another root, smaller",
      signCheckpoint({ origin: LOG_ORIGIN, size: 1, root: EMPTY_ROOT }, signer),
      "ledger.forked",
    ],
    [
      "another key",
      signCheckpoint({ origin: LOG_ORIGIN, size, root: opened.value.root }, stranger),
      "ledger.forked",
    ],
    ["rubbish", "rubbish", "ledger.forked"],
    ["empty", "", "ledger.forked"],
  ];
  for (const [name, note, code] of table) {
    writeFileSync(file, note);
    const fault = await faultOf(log.open());
    assert.equal(fault.code, code, name);
    assert.match(fault.detail, /restore|find out/, name);
    assert.equal(readFileSync(file, "utf8"), note, "what was found is left as evidence");
  }
  writeFileSync(file, good);
  await (await log.open()).close();
});

test("A log opens only with its own key and origin", async () => {
  const { keyFile } = log.options;
  assert.equal((await faultOf(log.open({ origin: "other.test/log" }))).code, "state.conflict");
  chmodSync(keyFile, 0o644);
  assert.match((await faultOf(log.open())).detail, /chmod 600/);
  chmodSync(keyFile, 0o600);
  const good = readFileSync(keyFile, "utf8");
  const other = await beginTestLog(2);
  writeFileSync(keyFile, readFileSync(other.options.keyFile));
  assert.equal((await faultOf(log.open())).code, "ledger.forked");
  writeFileSync(keyFile, good.replace("log.test", "log.tesu"));
  assert.equal((await faultOf(log.open())).code, "ledger.forked");
  writeFileSync(keyFile, good);
  renameSync(keyFile, `${keyFile}.away`);
  assert.match((await faultOf(log.open())).detail, /missing/);
  // Interrupted creation: the key still has its provisional name.
  renameSync(`${keyFile}.away`, `${keyFile}.new`);
  await (await log.open()).close();
  assert.ok(existsSync(keyFile));
  await other.close();
});

test("An empty database beside an old key or old files is refused, not begun anew", async () => {
  const fresh = await beginTestLog(3);
  const { testDb } = fresh;
  const emptied = await beginTestLog(4);
  const options = { ...emptied.options, keyFile: fresh.options.keyFile, dir: join(fresh.dir, "elsewhere") };
  await emptied.testDb.db.script("truncate ledger_log, ledger_entry, ledger_tile, ledger_checkpoint");
  assert.equal((await faultOf(createLog(options))).code, "ledger.behind");
  const files = { ...options, keyFile: join(fresh.dir, "no.key"), dir: fresh.dir };
  assert.equal((await faultOf(createLog(files))).code, "ledger.behind");
  assert.equal((await faultOf(createLog({ ...files, origin: "a b" }))).code, "input.invalid");
  assert.equal((await faultOf(emptied.open())).code, "state.not-found");
  assert.ok(testDb);
  await emptied.close();
  await fresh.close();
});

test("A database whose hashes were meddled with is refused", async () => {
  const bad = await beginTestLog(5);
  const ledger = await bad.open();
  await bad.testDb.db.script("update ledger_tile set hashes = sha256(hashes) where level = 0");
  await intendMany(bad, ledger, { from: 1, to: 2 });
  assert.equal((await faultOf(ledger.sequence())).code, "ledger.forked");
  await ledger.close();
  assert.equal((await faultOf(bad.open())).code, "ledger.forked");
  await bad.close();
});

test("A tile is never published over other bytes", async () => {
  const bad = await beginTestLog(6);
  const ledger = await bad.open();
  writeFileSync(join(bad.dir, "tile/0/000.p/2"), "x".repeat(64), { flag: "wx" });
  await intendMany(bad, ledger, { from: 1, to: 2 });
  assert.match((await faultOf(ledger.sequence())).detail, /tile\/0\/000\.p\/2/);
  rmSync(join(bad.dir, "tile/0/000.p/2"));
  assert.deepEqual(await ledger.sequence(), { size: 2, added: 0 });
  await requireWhole(bad, 2);
  await ledger.close();
  await bad.close();
});
