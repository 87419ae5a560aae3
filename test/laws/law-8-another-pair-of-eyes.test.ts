/** Law 8: an appeal is decided by somebody who took no part in the decision; reporters may appeal a refusal, too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { commit } from "../../src/ledger/core/commitment.ts";
import { parseEntry } from "../../src/ledger/core/entry.ts";
import {
  ALICE,
  BRUNO,
  CLARA,
  DAY_MS,
  faultOf,
  imminentCase,
  officer,
  openBench,
  proposal,
  type Bench,
} from "./desk-bench.ts";

const reason = "I read all of it again.";

async function tokenOf(bench: Bench): Promise<string> {
  await bench.until(
    async () => (await bench.services.mail.deliver()).waiting === 0 && bench.mails.length > 0,
  );
  const source = (bench.mails[0]?.source ?? "").replace(/=\r?\n/g, "");
  const token = /statement\/([A-Za-z0-9_-]{43})/.exec(source)?.[1];
  assert.ok(token !== undefined);
  return token;
}

test("neither of the two who decided may decide the customer's appeal; a third one's grant lifts the measure", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const made = await bench.desk.propose(ALICE, caseId, proposal(bench));
  await bench.desk.act(BRUNO, made.decisionId, { action: "confirm", reason });
  await bench.until(() => bench.standing.length === 1);
  const token = await tokenOf(bench);
  const shown = await bench.desk.customerAppeal(token, "The page is gone.");
  assert.equal(shown.appeal?.state, "open");
  assert.equal(await faultOf(() => bench.desk.customerAppeal(token, "Again.")), "state.conflict");
  const appeal = (await bench.desk.appeals(CLARA)).items[0];
  assert.ok(appeal?.allowed.ok === true);
  for (const who of [ALICE, BRUNO, { ...ALICE, name: "somebody else" }]) {
    assert.equal((await bench.desk.appeals(who)).items[0]?.allowed.ok, false);
    const decide = (): Promise<unknown> =>
      bench.desk.decideAppeal(who, appeal.appealId, { outcome: "refused", reason });
    assert.equal(await faultOf(decide), "auth.conflict-of-interest");
  }
  const decided = await bench.desk.decideAppeal(CLARA, appeal.appealId, { outcome: "granted", reason });
  assert.equal(decided.state, "granted");
  const again = (): Promise<unknown> =>
    bench.desk.decideAppeal(CLARA, appeal.appealId, { outcome: "refused", reason });
  assert.equal(await faultOf(again), "state.conflict");
  await bench.until(async () => (await bench.desk.statement(token)).measures[0]?.state === "ended");
  const after = await bench.desk.statement(token);
  assert.equal(after.measures[0]?.endedBecause, "appeal");
  assert.equal(after.appeal?.decidedBy, null, "officers have no name outside");
  assert.equal(bench.standing.length, 0);
  for (const wrong of ["", "x", token.slice(1), `${token}A`, "a".repeat(43)]) {
    assert.equal(await faultOf(() => bench.desk.statement(wrong)), "state.not-found", wrong);
  }
});

test("a refusal is public with its reasons, verifiable by anybody, and the reporter's appeal opens the case again", async (t) => {
  const bench = await openBench(t);
  const { caseId, code } = await bench.report();
  assert.equal(await faultOf(() => bench.desk.reporterAppeal(code, "Why not?")), "state.conflict");
  const facts = "The page names a business and its opening hours, and no private person.";
  const made = await bench.desk.refuse(ALICE, caseId, { facts, reason });
  const own = (): Promise<unknown> => bench.desk.act(ALICE, made.decisionId, { action: "confirm", reason });
  assert.equal(await faultOf(own), "auth.two-humans");
  await bench.desk.act(BRUNO, made.decisionId, { action: "confirm", reason });
  await bench.until(async () => (await bench.desk.mailbox(code)).messages.length === 2);
  const box = await bench.desk.mailbox(code);
  assert.equal(box.state, "declined");
  assert.equal(box.outcome?.mayAppeal, true);
  assert.ok(box.outcome.text.includes(facts));

  const logIndex = (await bench.desk.case(ALICE, caseId)).decisions[0]?.logIndex;
  assert.equal(typeof logIndex, "number");
  const record = await bench.desk.publicRecord(logIndex as number);
  assert.ok(record !== null);
  const { salt, ...payload } = record;
  const entry = await bench.services.ledger.entry(logIndex as number);
  const parsed = parseEntry(entry?.entry ?? new Uint8Array());
  assert.ok(parsed.ok);
  assert.equal(commit(payload, salt ?? ""), parsed.value.public);
  assert.deepEqual([payload["facts"], payload["signers"], payload["kind"]], [facts, "2", "refusal"]);
  for (const wrong of [-1, 99, 0.5, Number.NaN, 2 ** 40])
    assert.equal(await bench.desk.publicRecord(wrong), null);

  const appealed = await bench.desk.reporterAppeal(code, "It is my home, not a business.");
  assert.equal(appealed.outcome?.mayAppeal, false);
  assert.equal(await faultOf(() => bench.desk.reporterAppeal(code, "Again.")), "state.conflict");
  const appeal = (await bench.desk.appeals(CLARA)).items[0];
  assert.ok(appeal !== undefined);
  for (const who of [ALICE, BRUNO]) {
    const decide = (): Promise<unknown> =>
      bench.desk.decideAppeal(who, appeal.appealId, { outcome: "refused", reason });
    assert.equal(await faultOf(decide), "auth.conflict-of-interest");
  }
  await bench.desk.decideAppeal(CLARA, appeal.appealId, { outcome: "granted", reason });
  assert.equal((await bench.desk.case(ALICE, caseId)).state, "in_review");
  const counts = await bench.desk.transparency({ from: "2020-01-01", until: "2029-01-01" });
  assert.deepEqual(counts.appeals, { made: 1, granted: 1, refused: 0 });
  assert.equal(counts.refusals, 1);
});

test("after six months there is nothing to appeal any more", async (t) => {
  const bench = await openBench(t);
  const { caseId, code } = await bench.report();
  const made = await bench.desk.refuse(ALICE, caseId, { facts: "Nothing of the sort is there.", reason });
  await bench.desk.act(BRUNO, made.decisionId, { action: "confirm", reason });
  await bench.tick(183 * DAY_MS);
  assert.equal(await faultOf(() => bench.desk.reporterAppeal(code, "Why not?")), "state.gone");
});

test("whoever decided an appeal against a brake cannot ratify that brake afterwards", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const brake = await bench.desk.brake(ALICE, caseId, proposal(bench));
  await bench.until(() => bench.standing.length === 1);
  await bench.desk.customerAppeal(await tokenOf(bench), "The page is gone.");
  const appeal = (await bench.desk.appeals(CLARA)).items[0];
  assert.ok(appeal !== undefined);
  await bench.desk.decideAppeal(CLARA, appeal.appealId, { outcome: "refused", reason });
  const ratify = (who: typeof CLARA): Promise<unknown> =>
    bench.desk.act(who, brake.decisionId, { action: "ratify", reason });
  assert.equal(await faultOf(() => ratify(CLARA)), "auth.conflict-of-interest");
  assert.equal(await faultOf(() => ratify(BRUNO)), "nothing");
});

test("a brake that an appeal has lifted cannot be ratified: the log would tell of what no edge enforces", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const brake = await bench.desk.brake(ALICE, caseId, proposal(bench));
  await bench.until(() => bench.standing.length === 1);
  await bench.desk.customerAppeal(await tokenOf(bench), "The page is gone.");
  const appeal = (await bench.desk.appeals(CLARA)).items[0];
  assert.ok(appeal !== undefined);
  await bench.desk.decideAppeal(CLARA, appeal.appealId, { outcome: "granted", reason });
  const ratify = (): Promise<unknown> =>
    bench.desk.act(BRUNO, brake.decisionId, { action: "ratify", reason });
  assert.equal(await faultOf(ratify), "state.conflict");
  await bench.until(() => bench.standing.length === 0);
  assert.equal(await faultOf(ratify), "state.conflict");
  const kinds = await bench.t.db.query<{ kind: string }>(`select kind from desk_log order by intent_id`);
  assert.ok(!kinds.some((row) => row.kind === "ratification"));
});

test("whoever rated the danger that the decision stands on does not decide the appeal against it", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const { danger } = await bench.desk.case(CLARA, caseId);
  await bench.desk.assess(CLARA, caseId, {
    scores: danger.scores,
    credibility: danger.credibility,
    evidence: danger.evidence,
    reason,
  });
  const made = await bench.desk.propose(ALICE, caseId, proposal(bench));
  await bench.desk.act(BRUNO, made.decisionId, { action: "confirm", reason });
  await bench.until(() => bench.standing.length === 1);
  await bench.desk.customerAppeal(await tokenOf(bench), "The page is gone.");
  const appeal = (await bench.desk.appeals(CLARA)).items[0];
  assert.ok(appeal !== undefined);
  const decide = (who: typeof CLARA): Promise<unknown> =>
    bench.desk.decideAppeal(who, appeal.appealId, { outcome: "refused", reason });
  assert.equal(await faultOf(() => decide(CLARA)), "auth.conflict-of-interest");
  assert.equal(await faultOf(() => decide(officer("dora"))), "nothing");
});
