/**
 * Law 1, its second sentence: opening a sealed identity takes two officers and a written purpose, and leaves a mark in the public
 * log. Each test is an attempt to get at an identity with less than that, on a real desk, a real log and a real vault.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openVaultFile } from "../../src/cli/vault-open.ts";
import { OPENING_HOLD_MS } from "../../src/contract/desk-states.ts";
import type { OpeningView, SealedIdentity } from "../../src/contract/http.ts";
import type { CaseId, ReportId } from "../../src/contract/ids.ts";
import { createVault, openSealed } from "../../src/desk/vault.ts";
import { commit } from "../../src/ledger/core/commitment.ts";
import { parseEntry } from "../../src/ledger/core/entry.ts";
import { verifyLogFiles } from "../../src/ledger/verify-log.ts";
import { addAccountMember } from "../../src/store/desk-conflicts.ts";
import { ALICE, BRUNO, CLARA, faultOf, officer, openBench, type Bench } from "./desk-bench.ts";

const IDENTITY = { name: "Wanda Zimtstern", email: "wanda@reporter.example", phone: "+49 30 23125 001" };
const PURPOSE = "Warn the reporter, whom the thread begins to guess, before tonight.";
const reason = "The thread names her street by now; she has to be warned.";
const ask = { ground: "danger-to-reporter", purpose: PURPOSE } as const;

async function sealedReport(
  bench: Bench,
  over: { readonly path?: string; readonly language?: "en" | "fr"; readonly name?: string } = {},
): Promise<{ caseId: CaseId; reportId: ReportId; code: string }> {
  const { name, ...rest } = over;
  const made = await bench.report({ ...rest, identity: { ...IDENTITY, name: name ?? IDENTITY.name } });
  const rows = await bench.t.db.query<{ id: ReportId }>(
    `select report_id as id from report where case_id = $1 order by received_at desc, report_id limit 1`,
    [made.caseId],
  );
  const reportId = rows[0]?.id;
  assert.ok(reportId !== undefined);
  return { caseId: made.caseId, reportId, code: made.code };
}

async function approved(
  bench: Bench,
  of: { readonly caseId: CaseId; readonly reportId: ReportId },
): Promise<OpeningView> {
  const asked = await bench.desk.requestOpening(ALICE, of.caseId, { reportId: of.reportId, ...ask });
  return await bench.desk.actOnOpening(BRUNO, asked.openingId, { action: "approve", reason });
}

const opensWith = async (
  bench: Bench,
  file: SealedIdentity,
  shares: readonly [number, number],
): Promise<string> =>
  new TextDecoder().decode(
    await openSealed(bench.shares[shares[0]] ?? "", bench.shares[shares[1]] ?? "", {
      sealed: Buffer.from(file.sealed, "base64"),
      associated: file.associatedData,
    }),
  );

const openingOf = async (bench: Bench, caseId: CaseId): Promise<OpeningView> => {
  const opening = (await bench.desk.case(ALICE, caseId)).openings[0];
  assert.ok(opening !== undefined);
  return opening;
};

test("two officers, a purpose and the log's mark open an identity; the reporter learns when and why", async (t) => {
  const bench = await openBench(t);
  const of = await sealedReport(bench);
  const opening = await approved(bench, of);
  assert.equal(opening.state, "approved");
  assert.equal(opening.sealed.ok, false, "the log does not hold it yet");
  await bench.until(async () => (await openingOf(bench, of.caseId)).logIndex !== null);
  const before = await bench.desk.mailbox(of.code);
  assert.ok(!before.messages.some(({ text }) => text.includes("handed out")));

  const file = await bench.desk.sealedForOpening(ALICE, opening.openingId);
  assert.deepEqual(Object.keys(file).sort(), ["associatedData", "logIndex", "schema", "sealed", "sealedTo"]);
  for (const value of Object.values(IDENTITY)) {
    assert.ok(!JSON.stringify(file).includes(value));
    assert.ok(!Buffer.from(file.sealed, "base64").includes(value));
  }
  // The same parts that `./parapet vault open` puts together.
  const opened = await openVaultFile(JSON.stringify(file), [bench.shares[0], bench.shares[2]]);
  assert.deepEqual(opened.identity, IDENTITY);
  const report = (await bench.desk.case(ALICE, of.caseId)).reportList[0];
  assert.equal(opened.originalSha256, report?.sha256, "the original is the one that the console shows");

  const told = (await bench.desk.mailbox(of.code)).messages.at(-1);
  assert.match(told?.text ?? "", /handed out to be opened on \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
  assert.match(told?.text ?? "", /to protect you from danger/);
  assert.match(told?.text ?? "", new RegExp(`entry ${file.logIndex}`));
  for (const secret of [ALICE.name, BRUNO.name, PURPOSE, reason]) assert.ok(!told?.text.includes(secret));

  const entry = await bench.services.ledger.entry(file.logIndex);
  assert.ok(entry !== null);
  const parsed = parseEntry(entry.entry);
  assert.ok(parsed.ok);
  assert.deepEqual([parsed.value.kind, parsed.value.signers], ["opening", 2]);
  const record = await bench.desk.publicRecord(file.logIndex);
  assert.ok(record !== null);
  const { salt, ...payload } = record;
  assert.equal(payload["ground"], "danger-to-reporter");
  assert.equal(commit(payload, salt ?? ""), parsed.value.public);
  for (const secret of [PURPOSE, reason, of.reportId, ALICE.userId, BRUNO.userId])
    assert.ok(!JSON.stringify(record).includes(secret), secret);
  const court = await bench.t.db.query<{ payload: string }>(
    `select court_payload as payload from desk_log where log_index = $1`,
    [file.logIndex],
  );
  for (const kept of [PURPOSE, reason, of.reportId, ALICE.userId, BRUNO.userId])
    assert.ok(court[0]?.payload.includes(kept), kept);
  const verdict = await verifyLogFiles(async (path) => await bench.services.ledger.file(path), {
    vkey: bench.vkey,
  });
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
  const counts = await bench.desk.transparency({ from: "2020-01-01", until: "2100-01-01" });
  assert.deepEqual(counts.openings, { requested: 1, approved: 1, refused: 0, handedOut: 1 });
});

test("a reporter who wrote in French is told in French", async (t) => {
  const bench = await openBench(t);
  const of = await sealedReport(bench, { language: "fr" });
  const { openingId } = await approved(bench, of);
  await bench.until(async () => (await openingOf(bench, of.caseId)).logIndex !== null);
  await bench.desk.sealedForOpening(BRUNO, openingId);
  const told = (await bench.desk.mailbox(of.code)).messages.at(-1);
  assert.match(told?.text ?? "", /identité scellée a été remise .* vous protéger d'un danger/);
});

test("every way around the second officer fails, and nothing is handed out", async (t) => {
  const bench = await openBench(t);
  const of = await sealedReport(bench);
  const site = await bench.services.sites.facts(bench.t.db, bench.siteId);
  assert.ok(site !== null);
  const owner = officer("owner");
  await bench.t.db.transaction((tx) =>
    addAccountMember(tx, { accountId: site.accountId, userId: owner.userId }),
  );
  const request = (who: typeof ALICE, over: object = {}): Promise<string> =>
    faultOf(() =>
      bench.desk.requestOpening(who, of.caseId, { reportId: of.reportId, ...ask, ...over } as never),
    );
  const plain = await bench.report({ path: "/thread/9", statement: "Nothing of myself in this one." });
  const other = await bench.t.db.query<{ id: ReportId }>(
    `select report_id as id from report where case_id = $1`,
    [plain.caseId],
  );
  const anonymous = other[0]?.id;
  assert.ok(anonymous !== undefined);
  const before: readonly (readonly [string, Promise<string>, string])[] = [
    ["a member of the site's account asks", request(owner), "auth.conflict-of-interest"],
    ["somebody without the role asks", request({ ...BRUNO, roles: ["operator"] }), "auth.forbidden"],
    ["without a ground", request(ALICE, { ground: "curiosity" }), "input.invalid"],
    ["with a purpose of three words", request(ALICE, { purpose: "I am curious" }), "input.invalid"],
    ["for a report of another case", request(ALICE, { reportId: anonymous }), "state.not-found"],
    [
      "for an identity that was never given",
      faultOf(() => bench.desk.requestOpening(ALICE, plain.caseId, { reportId: anonymous, ...ask })),
      "state.conflict",
    ],
  ];
  for (const [what, attempt, code] of before) assert.equal(await attempt, code, what);

  const { openingId } = await bench.desk.requestOpening(ALICE, of.caseId, { reportId: of.reportId, ...ask });
  await bench.desk.declareConflict(CLARA, of.caseId, { reason: "I know the person." });
  const step = (who: typeof ALICE, action: string, why = reason): Promise<string> =>
    faultOf(() => bench.desk.actOnOpening(who, openingId, { action: action as never, reason: why }));
  const fetch = (who: typeof ALICE): Promise<string> =>
    faultOf(() => bench.desk.sealedForOpening(who, openingId));
  const attempts: readonly (readonly [string, () => Promise<string>, string])[] = [
    ["the requester approves", () => step(ALICE, "approve"), "auth.two-humans"],
    [
      "the requester approves under another name",
      () => step({ ...ALICE, name: "not alice" }, "approve"),
      "auth.two-humans",
    ],
    ["the requester refuses to clear the field", () => step(ALICE, "refuse"), "auth.two-humans"],
    ["a member of the site's account approves", () => step(owner, "approve"), "auth.conflict-of-interest"],
    ["somebody who declared a conflict approves", () => step(CLARA, "approve"), "auth.conflict-of-interest"],
    ["an operator approves", () => step({ ...BRUNO, roles: ["operator"] }, "approve"), "auth.forbidden"],
    ["approved without a reason", () => step(BRUNO, "approve", " \n "), "input.invalid"],
    ["another officer withdraws it", () => step(BRUNO, "withdraw"), "auth.forbidden"],
    ["a person plays the clock", () => step(BRUNO, "close"), "state.conflict"],
    ["a second request for the same identity", () => request(BRUNO), "state.conflict"],
    ["the requester fetches alone", () => fetch(ALICE), "state.conflict"],
    ["the other officer fetches before approving", () => fetch(BRUNO), "state.conflict"],
  ];
  for (const [what, attempt, code] of attempts) assert.equal(await attempt(), code, what);
  await bench.desk.advance();
  // Past the program, straight at the table: the database itself refuses.
  for (const second of [null, ALICE.userId]) {
    await assert.rejects(
      bench.t.db.query(
        `update identity_opening set state = 'approved', second_id = $2, second_name = 'x', second_reason = 'x',
                settled_at = now(), closes_at = now() where opening_id = $1`,
        [openingId, second],
      ),
      /identity_opening|opening_two_humans/,
    );
  }
  assert.equal((await bench.t.db.query(`select intent_id from desk_log`)).length, 0);
  assert.equal((await openingOf(bench, of.caseId)).handedOut, 0);
  await bench.desk.actOnOpening(BRUNO, openingId, { action: "refuse", reason });
  assert.equal(await step(CLARA, "approve"), "state.conflict", "a refused request stays refused");
  assert.equal(await fetch(ALICE), "state.conflict");
});

test("of two approvals at the same moment one counts, and the log has one entry", async (t) => {
  const bench = await openBench(t);
  const of = await sealedReport(bench);
  const { openingId } = await bench.desk.requestOpening(ALICE, of.caseId, { reportId: of.reportId, ...ask });
  const other = await bench.reopen();
  const outcomes = await Promise.allSettled([
    bench.desk.actOnOpening(BRUNO, openingId, { action: "approve", reason }),
    other.actOnOpening(CLARA, openingId, { action: "approve", reason }),
    other.actOnOpening(ALICE, openingId, { action: "withdraw", reason }),
  ]);
  assert.equal(outcomes.filter((outcome) => outcome.status === "fulfilled").length, 1);
  const opening = await openingOf(bench, of.caseId);
  const entries = await bench.t.db.query(`select intent_id from desk_log where kind = 'opening'`);
  assert.equal(entries.length, opening.state === "approved" ? 1 : 0);
});

test("no log entry, no opening: while nothing is published nothing is handed out, not even after a restart", async (t) => {
  const bench = await openBench(t);
  const of = await sealedReport(bench);
  const { openingId } = await approved(bench, of);
  for (const desk of [bench.desk, await bench.reopen()]) {
    for (const who of [ALICE, BRUNO])
      assert.equal(await faultOf(() => desk.sealedForOpening(who, openingId)), "ledger.behind");
  }
  assert.equal((await openingOf(bench, of.caseId)).handedOut, 0);
  await bench.until(async () => (await openingOf(bench, of.caseId)).sealed.ok);
  await bench.desk.sealedForOpening(ALICE, openingId);
  // A log that answers with the entry of something else is not believed.
  const decoy = await bench.reopen({
    ledger: {
      ...bench.services.ledger,
      sequenced: async () => await bench.services.ledger.entry(0),
    },
  });
  await assert.rejects(decoy.sealedForOpening(ALICE, openingId), /is of something else/);
});

test("the two officers named get the bytes, each time counted; a third never; nobody after 24 hours", async (t) => {
  const bench = await openBench(t);
  const of = await sealedReport(bench);
  const { openingId } = await approved(bench, of);
  const fetch = (who: typeof ALICE): Promise<string> =>
    faultOf(() => bench.desk.sealedForOpening(who, openingId));
  await bench.until(async () => (await openingOf(bench, of.caseId)).logIndex !== null);
  assert.equal(await fetch(CLARA), "auth.forbidden");
  assert.equal(await fetch({ ...ALICE, roles: ["operator", "customer"] }), "auth.forbidden");
  assert.equal(await fetch(ALICE), "nothing");
  assert.equal(await fetch(BRUNO), "nothing");
  const seen = await bench.desk.case(CLARA, of.caseId);
  assert.equal(seen.openings[0]?.handedOut, 2);
  const lines = seen.timeline.filter(({ what }) => what.includes("Took the sealed identity"));
  assert.deepEqual(
    lines.map(({ who, what }) => [who, /hand-out (\d)/.exec(what)?.[1]]),
    [
      ["alice", "1"],
      ["bruno", "2"],
    ],
  );
  const mails = (await bench.desk.mailbox(of.code)).messages.filter(({ text }) =>
    text.includes("handed out"),
  );
  assert.equal(mails.length, 1, "the reporter is told once");
  await bench.desk.declareConflict(BRUNO, of.caseId, { reason: "I have met her since." });
  assert.equal(await fetch(BRUNO), "auth.conflict-of-interest", "a conflict found later counts");
  await bench.tick(OPENING_HOLD_MS - 1);
  assert.equal(await fetch(ALICE), "nothing", "in the last millisecond");
  await bench.tick(1);
  assert.equal(await fetch(ALICE), "state.gone", "before the clock has run");
  await bench.desk.advance();
  assert.equal((await openingOf(bench, of.caseId)).state, "closed");
  assert.equal(await fetch(ALICE), "state.gone");
  assert.equal((await openingOf(bench, of.caseId)).handedOut, 3);
  // The way is free for a new request, with a purpose of its own.
  await bench.desk.requestOpening(ALICE, of.caseId, { reportId: of.reportId, ...ask });
});

test("ciphertext opens with two different shares of its own vault, for its own report, and in no other way", async (t) => {
  const bench = await openBench(t);
  const of = await sealedReport(bench);
  const other = await sealedReport(bench, { path: "/thread/8", name: "Olga Nebelhorn" });
  const one = await approved(bench, of);
  const two = await approved(bench, other);
  await bench.until(async () => (await openingOf(bench, other.caseId)).sealed.ok);
  const file = await bench.desk.sealedForOpening(ALICE, one.openingId);
  const file2 = await bench.desk.sealedForOpening(ALICE, two.openingId);
  for (const pair of [
    [0, 1],
    [0, 2],
    [2, 1],
  ] as const)
    assert.match(await opensWith(bench, file, pair), /Wanda Zimtstern/);

  const stranger = await createVault((bytes) => new Uint8Array(randomBytes(bytes)));
  const [a, b] = bench.shares;
  const wrong = `${a.slice(0, -1)}${a.endsWith("0") ? "1" : "0"}`;
  const bytes = Buffer.from(file.sealed, "base64");
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  const text = JSON.stringify(file);
  const attempts: readonly (readonly [string, string, readonly [string, string], string, RegExp])[] = [
    ["one share alone", text, [a, ""], "input.invalid", /second share/],
    ["the same share twice", text, [a, a], "auth.two-humans", /one share twice/],
    ["the same share, typed differently", text, [a, ` ${a.toUpperCase()} `], "auth.two-humans", /twice/],
    ["a letter wrong", text, [a, wrong], "input.invalid", /second share.*(letter|paper)/],
    [
      "one share of another vault",
      text,
      [a, stranger.shares[1]],
      "input.invalid",
      /second share.*another vault/,
    ],
    [
      "two shares of another vault",
      text,
      [stranger.shares[0], stranger.shares[1]],
      "input.invalid",
      /first share.*another vault/,
    ],
    [
      "another vault's shares, and a file that claims to be its",
      JSON.stringify({ ...file, sealedTo: stranger.fingerprint }),
      [stranger.shares[0], stranger.shares[1]],
      "input.invalid",
      /altered/,
    ],
    [
      "another report's ciphertext",
      JSON.stringify({ ...file, sealed: file2.sealed }),
      [a, b],
      "input.invalid",
      /altered/,
    ],
    [
      "this ciphertext under another report's name",
      JSON.stringify({ ...file, associatedData: file2.associatedData }),
      [a, b],
      "input.invalid",
      /altered/,
    ],
    [
      "one bit of the ciphertext",
      JSON.stringify({ ...file, sealed: bytes.toString("base64") }),
      [a, b],
      "input.invalid",
      /altered/,
    ],
    ["half of the file", text.slice(0, text.length / 2), [a, b], "input.invalid", /download it again/],
    ["no file at all", "", [a, b], "input.invalid", /download it again/],
  ];
  for (const [what, given, shares, code, why] of attempts) {
    await assert.rejects(
      openVaultFile(given, shares),
      (fault: { code?: string; detail?: string }) => {
        assert.equal(fault.code, code, what);
        assert.match(fault.detail ?? "", why, what);
        assert.ok(!(fault.detail ?? "").includes("Wanda"));
        return true;
      },
      what,
    );
  }
});

test("after an opening the database still holds no identity, and no log line, page or mail does", async (t) => {
  const bench = await openBench(t);
  const of = await sealedReport(bench);
  const { openingId } = await approved(bench, of);
  await bench.until(async () => (await openingOf(bench, of.caseId)).sealed.ok);
  await bench.desk.sealedForOpening(ALICE, openingId);
  const dump = mkdtempSync(join(tmpdir(), "parapet-dump-"));
  t.after(async () => rmSync(dump, { recursive: true, force: true }));
  const tables = await bench.t.db.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' order by 1`,
  );
  assert.ok(tables.length > 20);
  let bytes = 0;
  for (const { name } of tables) {
    const rows = await bench.t.db.query<{ row: string }>(`select x::text as row from "${name}" x`);
    for (const { row } of rows) {
      bytes += row.length;
      for (const part of ["Wanda", "Zimtstern", "wanda@reporter", "23125 001", hex("Zimtstern")])
        assert.ok(!row.includes(part), `${name} holds ${part}`);
    }
  }
  assert.ok(bytes > 5000, `only ${bytes} characters were searched`);
  const leaving = JSON.stringify([
    await bench.desk.case(ALICE, of.caseId),
    await bench.desk.mailbox(of.code),
    bench.mails,
    bench.alarms,
  ]);
  for (const part of ["Zimtstern", "wanda@reporter", "23125 001"]) assert.ok(!leaving.includes(part), part);
});

const hex = (text: string): string => Buffer.from(text).toString("hex");
