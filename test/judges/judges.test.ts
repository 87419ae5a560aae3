/**
 * Two judges that share no code with Parapet read logs that Parapet wrote: one in Go, on the code of the Go checksum database,
 * one in Python, from the specifications alone. Both accept what is whole, and reject every kind of tampering that they can
 * see. They need Debian's golang-go, golang-golang-x-mod-dev and python3-cryptography; without them these tests fail.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { CaseId, DecisionId, MeasureId, SiteId } from "../../src/contract/ids.ts";
import type { MeasureRecord, ReceiptedMeasure } from "../../src/contract/measure.ts";
import { verifyLog } from "../../src/cli/verify.ts";
import { signCheckpoint } from "../../src/ledger/core/checkpoint.ts";
import { cosign, cosignerOf } from "../../src/ledger/core/cosignature.ts";
import { EMPTY_ROOT } from "../../src/ledger/core/merkle.ts";
import { formatVkey } from "../../src/ledger/core/note.ts";
import { verifyReceipt } from "../../src/ledger/core/receipt.ts";
import { encodeBase64 } from "../../src/ledger/core/strict-text.ts";
import { entryFor, makeReceipt, testSigner, vkeyOf } from "../../src/ledger/core/testing.ts";
import { readKey } from "../../src/ledger/key-file.ts";
import { beginTestLog, intendMany, LOG_ORIGIN, type TestLog } from "../../src/ledger/testing.ts";

const SIZES = [1, 255, 256, 257, 600];
const BUILD = fileURLToPath(new URL("../../build/", import.meta.url));
const PYTHON = fileURLToPath(new URL("./verify_log.py", import.meta.url));
const GO_SOURCE = fileURLToPath(new URL("./verify_log.go", import.meta.url));

let home: string;
let log: TestLog;
let go: string;
let receipt: ReceiptedMeasure;
const kept: string[] = [];

const record: MeasureRecord = {
  schema: 1,
  measureId: `meas_${"0".repeat(26)}` as MeasureId,
  decisionId: `deci_${"0".repeat(26)}` as DecisionId,
  caseId: `case_${"0".repeat(26)}` as CaseId,
  caseNumber: "2026-000012",
  kind: "withhold",
  scope: "url",
  subject: { siteId: `site_${"0".repeat(26)}` as SiteId, hostname: "forum.example", path: "/t/5?p=\u00e9" },
  clause: "life-threat",
  facts: 'A named person is threatened "at a known place": \u20ac, \ud83d\ude00, tab \t and all.',
  territory: ["*"],
  startsAt: "2026-11-22T10:00:00.000Z",
  endsAt: null,
  reviewAt: "2026-12-22T10:00:00.000Z",
  appealBy: ["customer"],
  appealUrl: "https://desk.example/appeals",
  blockedByUrl: "https://desk.example/",
  operatorName: "Example Edge",
  brake: false,
};

before(async () => {
  home = mkdtempSync(join(tmpdir(), "parapet-judges-"));
  go = buildGo();
  log = await beginTestLog();
  const ledger = await log.open();
  const salt = "a7".repeat(32);
  let receiptIntent = 0;
  for (const [i, size] of SIZES.entries()) {
    const from = SIZES[i - 1] ?? 1;
    if (size === 257) {
      const entry = { ...entryFor(record, salt), caseTag: "ab".repeat(16) };
      receiptIntent = (await log.testDb.db.transaction((tx) => ledger.intend(tx, entry))).intentId;
    } else if (size > 1) await intendMany(log, ledger, { from, to: size });
    await ledger.sequence();
    const copy = join(home, `size-${size}`);
    cpSync(log.dir, copy, { recursive: true });
    kept.push(join(copy, "checkpoint"));
  }
  const sequenced = await ledger.sequenced(receiptIntent);
  assert.ok(sequenced);
  receipt = { record, salt, entry: encodeBase64(sequenced.entry), proof: sequenced.proof };
  await ledger.close();
});
after(async () => {
  await log.close();
  rmSync(home, { recursive: true, force: true });
});

/** Compiled once per source; without modules and without a network. */
function buildGo(): string {
  const source = readFileSync(GO_SOURCE);
  const target = join(BUILD, `judge-${createHash("sha256").update(source).digest("hex").slice(0, 16)}`);
  if (existsSync(target)) return target;
  mkdirSync(BUILD, { recursive: true });
  const making = `${target}.${process.pid}`;
  const built = spawnSync("go", ["build", "-o", making, GO_SOURCE], {
    encoding: "utf8",
    env: {
      PATH: process.env["PATH"] ?? "",
      GO111MODULE: "off",
      GOPATH: "/usr/share/gocode",
      GOCACHE: join(BUILD, "go-cache"),
      CGO_ENABLED: "0",
    },
  });
  assert.equal(built.status, 0, `go build: ${built.stderr} ${String(built.error ?? "")}`);
  cpSync(making, target);
  rmSync(making);
  return target;
}

type Answer = { readonly accepts: boolean; readonly says: string };

function run(command: string, args: readonly string[]): Answer {
  const done = spawnSync(command, args, { encoding: "utf8" });
  assert.ok(done.status === 0 || done.status === 1, `${command}: ${done.stderr} ${String(done.error ?? "")}`);
  assert.match(done.stdout, done.status === 0 ? /^verified / : /^not verified: /);
  return { accepts: done.status === 0, says: done.stdout };
}
const askGo = (folder: string, vkey = log.vkey, older: readonly string[] = []): Answer =>
  run(go, [folder, vkey, ...older]);
const askPython = (folder: string, vkey = log.vkey, more: readonly string[] = []): Answer =>
  run("python3", [PYTHON, folder, vkey, ...more]);
const askOurselves = async (folder: string, vkey = log.vkey): Promise<Answer> => {
  const verdict = await verifyLog(folder, { vkey });
  return { accepts: verdict.ok, says: verdict.problems.join("; ") };
};

test("Both judges accept the log at every boundary size, and count its entries", async () => {
  for (const size of SIZES) {
    const folder = join(home, `size-${size}`);
    assert.equal(askGo(folder).says, `verified ${size} entries, 0 other files\n`);
    assert.equal(askPython(folder).says, `verified ${size} entries, 0 other files\n`);
    assert.equal((await askOurselves(folder)).accepts, true);
  }
});

test("Both judges find every older checkpoint contained in the newest log", () => {
  const older = kept.flatMap((path) => ["--older", path]);
  assert.ok(askGo(log.dir, log.vkey, kept).accepts);
  assert.ok(askPython(log.dir, log.vkey, older).accepts);
  assert.equal(kept.length, SIZES.length);
});

test("A checkpoint of another history is caught by both, though its signature is right", () => {
  const signer = readKey(log.options.keyFile, LOG_ORIGIN);
  const forked = join(home, "forked");
  writeFileSync(forked, signCheckpoint({ origin: LOG_ORIGIN, size: 255, root: EMPTY_ROOT }, signer));
  assert.ok(!askGo(log.dir, log.vkey, [forked]).accepts);
  assert.ok(!askPython(log.dir, log.vkey, ["--older", forked]).accepts);
});

test("Both judges and we ourselves reject every tampering", async () => {
  const flip = (at: number) => (bytes: Buffer) => {
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  };
  const signer = readKey(log.options.keyFile, LOG_ORIGIN);
  const table: readonly [string, string, (bytes: Buffer) => Buffer | null][] = [
    ["a byte of the first entry", "tile/entries/000", flip(40)],
    ["a byte of the last entry's padding", "tile/entries/002.p/88", flip(88 * 514 - 5)],
    ["a length prefix", "tile/entries/001", flip(1)],
    ["a bundle cut short", "tile/entries/002.p/88", (bytes) => bytes.subarray(0, -1)],
    ["a byte after the bundle", "tile/entries/002.p/88", (bytes) => Buffer.concat([bytes, Buffer.of(0)])],
    ["a bundle gone", "tile/entries/001", () => null],
    ["a leaf hash", "tile/0/000", flip(5)],
    ["a leaf hash of the partial tile", "tile/0/002.p/88", flip(88 * 32 - 1)],
    ["a hash of the upper tile", "tile/1/000.p/2", flip(33)],
    ["a tile gone", "tile/0/001", () => null],
    [
      "the checkpoint's size",
      "checkpoint",
      (bytes) => Buffer.from(bytes.toString().replace("\n600\n", "\n599\n")),
    ],
    ["the checkpoint's signature", "checkpoint", (bytes) => flip(bytes.length - 40)(bytes)],
    [
      "an older checkpoint's root under the new size",
      "checkpoint",
      () => Buffer.from(signCheckpoint({ origin: LOG_ORIGIN, size: 600, root: EMPTY_ROOT }, signer)),
    ],
    [
      "the checkpoint signed by another key of that name",
      "checkpoint",
      () =>
        Buffer.from(
          signCheckpoint({ origin: LOG_ORIGIN, size: 0, root: EMPTY_ROOT }, testSigner(LOG_ORIGIN, 3)),
        ),
    ],
  ];
  for (const [name, path, change] of table) {
    const folder = join(home, "tampered");
    rmSync(folder, { recursive: true, force: true });
    cpSync(log.dir, folder, { recursive: true });
    const changed = change(readFileSync(join(folder, path)));
    if (changed === null) rmSync(join(folder, path));
    else writeFileSync(join(folder, path), changed);
    assert.equal(askGo(folder).accepts, false, `Go: ${name}`);
    assert.equal(askPython(folder).accepts, false, `Python: ${name}`);
    assert.equal((await askOurselves(folder)).accepts, false, `we: ${name}`);
  }
  const other = vkeyOf(testSigner(LOG_ORIGIN, 3));
  assert.equal(askGo(log.dir, other).accepts, false);
  assert.equal(askPython(log.dir, other).accepts, false);
  assert.equal((await askOurselves(log.dir, other)).accepts, false);
});

test("A witness's cosignature is the one that the Python judge expects, and only over this checkpoint", () => {
  const witness = testSigner("witness.test/w1", 9);
  const vkey = formatVkey(cosignerOf(witness));
  const folder = join(home, "cosigned");
  cpSync(log.dir, folder, { recursive: true });
  const file = join(folder, "checkpoint");
  const note = readFileSync(file, "utf8");
  assert.match(askPython(folder, log.vkey, ["--witness", vkey]).says, /has not cosigned/);
  writeFileSync(file, note + cosign(note, { signer: witness, time: 1_795_000_000 }));
  assert.ok(askPython(folder, log.vkey, ["--witness", vkey]).accepts);
  assert.ok(askGo(folder).accepts, "others read past it");
  const other = readFileSync(kept[1] ?? "", "utf8");
  writeFileSync(file, note + cosign(other, { signer: witness, time: 1_795_000_000 }));
  assert.match(askPython(folder, log.vkey, ["--witness", vkey]).says, /cosignature does not verify/);
});

test("A receipt that an edge accepts opens for the Python judge too, and a changed one for neither", () => {
  assert.deepEqual(verifyReceipt(receipt, { vkey: log.vkey }), { ok: true, index: 256 });
  const other = makeReceipt(
    { ...record, facts: "other" },
    { signer: readKey(log.options.keyFile, LOG_ORIGIN) },
  );
  const table: readonly [string, ReceiptedMeasure, boolean][] = [
    ["as given", receipt, true],
    ["other facts", { ...receipt, record: { ...record, facts: "other" } }, false],
    ["other scope", { ...receipt, record: { ...record, scope: "site" } }, false],
    ["other salt", { ...receipt, salt: "00".repeat(32) }, false],
    ["other entry", { ...receipt, entry: other.entry }, false],
    ["other proof", { ...receipt, proof: other.proof }, false],
    ["other index", { ...receipt, proof: receipt.proof.replace("index 256", "index 255") }, false],
  ];
  for (const [name, measure, accepted] of table) {
    const file = join(home, "receipt.json");
    writeFileSync(file, JSON.stringify(measure));
    assert.equal(askPython(log.dir, log.vkey, ["--receipt", file]).accepts, accepted, `Python: ${name}`);
    assert.equal(verifyReceipt(measure, { vkey: log.vkey }).ok, accepted, `edge: ${name}`);
  }
});
