import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Fault } from "../contract/fault.ts";
import { encodeEntry, logStart, type LedgerEntry } from "../ledger/core/entry.ts";
import { signCheckpoint } from "../ledger/core/checkpoint.ts";
import { leafHash, rootHash } from "../ledger/core/merkle.ts";
import { otherEntry, testSigner, vkeyOf } from "../ledger/core/testing.ts";
import { encodeBundle, growTiles, hashAtTiles, tilePath } from "../ledger/core/tile.ts";
import { PROBLEMS_MAX, verifyLogFiles } from "../ledger/verify-log.ts";
import { beginTestLog, intendMany, type TestLog } from "../ledger/testing.ts";
import { verify, verifyLog } from "./verify.ts";

let log: TestLog;
let older: string;
before(async () => {
  log = await beginTestLog();
  const ledger = await log.open();
  await intendMany(log, ledger, { from: 1, to: 10 });
  await ledger.sequence();
  older = join(log.options.keyFile, "../older-checkpoint");
  cpSync(join(log.dir, "checkpoint"), older);
  await intendMany(log, ledger, { from: 10, to: 300 });
  await ledger.sequence();
  await ledger.close();
});
after(() => log.close());

async function say(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const said = { out: "", error: "" };
  const code = await verify(args, {
    out: (text) => (said.out += text),
    error: (text) => (said.error += text),
  });
  return { code, ...said };
}

test("A whole log is described in words, with what the check cannot show", async () => {
  const { code, out, error } = await say(log.dir, "--vkey", log.vkey, "--since", older);
  assert.equal(code, 0);
  assert.equal(error, "");
  assert.match(out, /^The log "log\.test\/parapet" is whole: all 300 entries are as they were signed\.\n/);
  assert.match(out, /300 entries of 299 cases, 2026-01-02 to 2026-11-22/);
  assert.match(out, /\n +1 {2}log-start\n +299 {2}referral\n/);
  assert.match(out, /still contains the older checkpoint/);
  assert.match(out, /cannot show that everything was logged/);
});

test("With --json the last line is one object", async () => {
  const { code, out } = await say(log.dir, "--vkey", log.vkey, "--json");
  assert.equal(code, 0);
  const verdict = JSON.parse(out) as Record<string, unknown>;
  assert.deepEqual(
    [verdict["ok"], verdict["size"], verdict["entries"], verdict["problems"]],
    [true, 300, 300, []],
  );
});

test("Arguments that make no sense are answered with the usage", async () => {
  for (const args of [
    [],
    [log.dir],
    ["--vkey", log.vkey],
    [log.dir, "more", "--vkey", log.vkey],
    [log.dir, "--key", "x"],
  ]) {
    const { code, out, error } = await say(...args);
    assert.deepEqual([code, out], [2, ""]);
    assert.match(error, /^Usage: /);
  }
  await assert.rejects(
    say(log.dir, "--vkey", log.vkey, "--since", "/nonexistent"),
    (e) => e instanceof Fault,
  );
});

test("What does not verify is told, with exit code 1", async () => {
  const strange = vkeyOf(testSigner("log.test/parapet", 9));
  const table: readonly [string[], RegExp][] = [
    [[log.dir, "--vkey", strange], /No known key has signed/],
    [[log.dir, "--vkey", "rubbish"], /verifier key cannot be used/],
    [["/nonexistent", "--vkey", log.vkey], /There is no checkpoint/],
  ];
  for (const [args, why] of table) {
    const { code, out } = await say(...args);
    assert.equal(code, 1);
    assert.match(out, /does NOT verify/);
    assert.match(out, why);
  }
});

test("A log that became shorter than a checkpoint somebody kept is caught", async () => {
  const copy = mkdtempSync(join(tmpdir(), "parapet-verify-"));
  cpSync(log.dir, copy, { recursive: true });
  const newest = readFileSync(join(copy, "checkpoint"), "utf8");
  cpSync(older, join(copy, "checkpoint"));
  assert.equal((await verifyLog(copy, { vkey: log.vkey })).ok, true, "the older log is whole in itself");
  const verdict = await verifyLog(copy, { vkey: log.vkey, older: newest });
  assert.match(verdict.problems.join(), /fewer than the 300/);
  const unsigned = await verifyLog(copy, { vkey: log.vkey, older: "rubbish" });
  assert.match(unsigned.problems.join(), /older checkpoint cannot be trusted/);
  rmSync(copy, { recursive: true });
});

/** A log of any entries, signed by its own honest key: what a bad operator could publish. */
function publishedBy(entries: readonly Uint8Array[]): (path: string) => Promise<Uint8Array | null> {
  const signer = testSigner();
  const grown = growTiles(entries.map(leafHash), { size: 0, edge: [] });
  const at = hashAtTiles((l, i) => grown.tiles.find((t) => t.level === l && t.index === i)?.bytes);
  const size = entries.length;
  const note = signCheckpoint({ origin: signer.name, size, root: rootHash(size, at) }, signer);
  const files = new Map<string, Uint8Array>([["checkpoint", new Uint8Array(Buffer.from(note))]]);
  for (const tile of grown.tiles) files.set(tilePath({ ...tile, width: tile.bytes.length / 32 }), tile.bytes);
  files.set(tilePath({ level: "entries", index: 0, width: size }), encodeBundle(entries));
  return async (path) => files.get(path) ?? null;
}

test("A signed log whose entries break the rules does not verify", async () => {
  const of = (change: Partial<LedgerEntry>): Uint8Array =>
    encodeEntry({ ...otherEntry(1), seq: 1, ...change });
  const start = encodeEntry(logStart("2026-01-01"));
  const lone = Buffer.from(
    Buffer.from(of({ kind: "opening", signers: 2 }))
      .toString()
      .replace("signers 2", "signers 1"),
  );
  const table: readonly [string, Uint8Array[], RegExp | null][] = [
    ["right", [start, of({}), of({ seq: 2 })], null],
    ["a gap in a case", [start, of({}), of({ seq: 3 })], /has no entry 2/],
    ["a case that begins at 2", [start, of({ seq: 2 })], /has no entry 1/],
    ["a number twice", [start, of({}), of({ seq: 1, day: "2026-02-02" })], /or one twice/],
    ["no log-start", [of({})], /does not begin with a log-start/],
    ["two log-starts", [start, start], /begins the log again/],
    ["an opening of one", [start, new Uint8Array(lone)], /Entry 1 is not valid.*2 to 9 signers/],
    ["free text", [start, new Uint8Array(Buffer.from("buy now"))], /Entry 1 is not valid/],
  ];
  for (const [name, entries, why] of table) {
    const verdict = await verifyLogFiles(publishedBy(entries), { vkey: vkeyOf(testSigner()) });
    assert.equal(verdict.ok, why === null, name);
    if (why !== null) assert.match(verdict.problems.join(), why, name);
  }
  const many = [start, ...Array.from({ length: 200 }, () => new Uint8Array(3))];
  const verdict = await verifyLogFiles(publishedBy(many), { vkey: vkeyOf(testSigner()) });
  assert.equal(verdict.problems.length, PROBLEMS_MAX, "the list of problems is bounded");
  const honest = publishedBy([start, ...Array.from({ length: 200 }, () => of({}))]);
  const lying = publishedBy(many);
  const changed = await verifyLogFiles((path) => (path === "checkpoint" ? honest(path) : lying(path)), {
    vkey: vkeyOf(testSigner()),
  });
  assert.equal(changed.problems.length, PROBLEMS_MAX);
  assert.match(changed.problems[0] ?? "", /do not lead to the root/, "the worst is told first");
});

test("A log is verified over HTTP as from its folder, and a bad server is a clear error", async () => {
  let answer: "files" | "error" | "endless" = "files";
  const server: Server = createServer((request, response) => {
    if (answer === "error") return void response.writeHead(503).end("busy");
    if (answer === "endless") {
      response.writeHead(200);
      const chunk = Buffer.alloc(65_536);
      const pump = (): void => {
        while (!response.destroyed && response.write(chunk)) continue;
        response.once("drain", pump);
      };
      return pump();
    }
    try {
      response.end(readFileSync(join(log.dir, (request.url ?? "").replace("/some/prefix/", ""))));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/some/prefix/`;
  const verdict = await verifyLog(url, { vkey: log.vkey });
  assert.deepEqual([verdict.ok, verdict.entries], [true, 300]);
  for (const bad of ["error", "endless"] as const) {
    answer = bad;
    await assert.rejects(verifyLog(url, { vkey: log.vkey }), (error) => {
      assert.ok(error instanceof Fault);
      assert.match(error.detail, /Cannot read http.*checkpoint/);
      return true;
    });
  }
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(verifyLog(url, { vkey: log.vkey }), (error) => error instanceof Fault);
});
