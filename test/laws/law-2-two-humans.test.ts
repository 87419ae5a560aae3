/**
 * Law 2: no restrictive measure without two different people, neither of them in conflict of interest. Each test is an attempt to
 * get around it, and ends with a look at what the edge enforces: nothing that two people did not decide.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BRAKE_HOLD_MS } from "../../src/contract/measure.ts";
import { addAccountMember, conflictOf } from "../../src/store/desk-conflicts.ts";
import {
  ALICE,
  BRUNO,
  CLARA,
  DAY_MS,
  ESCALATION,
  faultOf,
  imminentCase,
  officer,
  openBench,
  proposal,
} from "./desk-bench.ts";

const reason = "I read the lines and agree.";

test("a measure that two officers decided is enforced, logged, told and lifted by two again", async (t) => {
  const bench = await openBench(t);
  const { caseId, code } = await imminentCase(bench);
  const proposed = await bench.desk.propose(ALICE, caseId, proposal(bench));
  assert.equal(proposed.state, "proposed");
  assert.equal(bench.standing.length, 0);
  const confirmed = await bench.desk.act(BRUNO, proposed.decisionId, { action: "confirm", reason });
  assert.equal(confirmed.state, "confirmed");
  assert.equal(confirmed.measure?.state, "pending");
  const measureId = confirmed.measure.measureId;
  await bench.until(async () => (await bench.desk.measure(measureId)).state === "in_force");
  const standing = await bench.desk.measure(measureId);
  assert.deepEqual([standing.inForce.acked, standing.inForce.of], [1, 1]);
  assert.equal(typeof standing.inForce.ms, "number");
  assert.equal(typeof standing.logIndex, "number");
  assert.deepEqual(
    bench.standing.map((record) => record.measureId),
    [measureId],
  );
  await bench.until(async () => (await bench.services.mail.deliver()).waiting === 0);
  assert.equal(bench.mails.length, 1);
  assert.match(bench.mails[0]?.source ?? "", /https:\/\/desk\.example\/statement\//);
  assert.equal((await bench.desk.mailbox(code)).state, "measure-taken");

  const lift = await bench.desk.proposeLift(BRUNO, measureId, { reason: "The page is gone." });
  assert.equal(
    await faultOf(() => bench.desk.act(BRUNO, lift.decisionId, { action: "confirm", reason })),
    "auth.two-humans",
  );
  await bench.desk.act(ALICE, lift.decisionId, { action: "confirm", reason });
  await bench.until(async () => (await bench.desk.measure(measureId)).state === "ended");
  assert.equal((await bench.desk.measure(measureId)).endedBecause, "lifted");
  assert.equal(bench.standing.length, 0);
  assert.deepEqual(bench.refused, []);
});

test("every way for one person to stand for two fails, and nothing is enforced", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const { decisionId } = await bench.desk.propose(ALICE, caseId, proposal(bench));
  const site = await bench.services.sites.facts(bench.t.db, bench.siteId);
  assert.ok(site !== null);
  const owner = officer("owner");
  await bench.t.db.transaction((tx) =>
    addAccountMember(tx, { accountId: site.accountId, userId: owner.userId }),
  );
  await bench.desk.declareConflict(CLARA, caseId, { reason: "I know the person." });
  assert.notEqual(await conflictOf(bench.t.db, { caseId, userId: CLARA.userId }), null);
  const confirm = (who: typeof ALICE): Promise<string> =>
    faultOf(() => bench.desk.act(who, decisionId, { action: "confirm", reason }));
  const attempts: readonly (readonly [string, () => Promise<string>, string])[] = [
    ["the author confirms", () => confirm(ALICE), "auth.two-humans"],
    [
      "the author in a second session, with another name",
      () => confirm({ ...ALICE, name: "not alice" }),
      "auth.two-humans",
    ],
    ["somebody without the role", () => confirm({ ...BRUNO, roles: ["operator"] }), "auth.forbidden"],
    ["a customer", () => confirm({ ...BRUNO, roles: ["customer"] }), "auth.forbidden"],
    ["a member of the site's account", () => confirm(owner), "auth.conflict-of-interest"],
    ["somebody who declared a conflict", () => confirm(CLARA), "auth.conflict-of-interest"],
    [
      "the author rejects their own to clear the field",
      () => faultOf(() => bench.desk.act(ALICE, decisionId, { action: "reject", reason })),
      "auth.two-humans",
    ],
    [
      "another officer withdraws it",
      () => faultOf(() => bench.desk.act(BRUNO, decisionId, { action: "withdraw", reason })),
      "auth.forbidden",
    ],
    [
      "ratify, which is for brakes",
      () => faultOf(() => bench.desk.act(BRUNO, decisionId, { action: "ratify", reason })),
      "state.conflict",
    ],
    [
      "confirm without a reason",
      () => faultOf(() => bench.desk.act(BRUNO, decisionId, { action: "confirm", reason: " \n " })),
      "input.invalid",
    ],
    [
      "a member of the site's account proposes",
      () => faultOf(() => bench.desk.propose(owner, caseId, proposal(bench))),
      "auth.conflict-of-interest",
    ],
  ];
  for (const [what, attempt, code] of attempts) assert.equal(await attempt(), code, what);
  // Past the program, straight at the table: the database itself refuses.
  for (const second of [null, ALICE.userId]) {
    await assert.rejects(
      bench.t.db.query(
        `update decision set state = 'confirmed', second_id = $2, second_name = 'x', settled_at = now() where decision_id = $1`,
        [decisionId, second],
      ),
      /two_humans/,
    );
  }
  await bench.desk.advance();
  assert.deepEqual(bench.standing, []);
  const measures = await bench.t.db.query(`select measure_id from measure`);
  assert.equal(measures.length, 0);
});

test("of two confirmations at the same moment one counts, and the log has one entry", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const { decisionId } = await bench.desk.propose(ALICE, caseId, proposal(bench));
  const other = await bench.reopen();
  const outcomes = await Promise.allSettled([
    bench.desk.act(BRUNO, decisionId, { action: "confirm", reason }),
    other.act(CLARA, decisionId, { action: "confirm", reason }),
    other.act(BRUNO, decisionId, { action: "confirm", reason }),
  ]);
  assert.equal(outcomes.filter((outcome) => outcome.status === "fulfilled").length, 1);
  await bench.until(() => bench.standing.length === 1);
  const entries = await bench.t.db.query(`select intent_id from desk_log where decision_id = $1`, [
    decisionId,
  ]);
  assert.equal(entries.length, 1);
  assert.equal(
    await faultOf(() => bench.desk.act(CLARA, decisionId, { action: "confirm", reason })),
    "state.conflict",
  );
});

test("the brake holds for an hour by one officer, lapses by the clock, and cannot be pulled again without new evidence", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const brake = await bench.desk.brake(ALICE, caseId, proposal(bench));
  assert.equal(brake.state, "braked");
  assert.equal(await faultOf(() => bench.desk.brake(BRUNO, caseId, proposal(bench))), "state.conflict");
  assert.equal(
    await faultOf(() => bench.desk.act(ALICE, brake.decisionId, { action: "ratify", reason })),
    "auth.two-humans",
  );
  await bench.until(() => bench.standing.length === 1);
  assert.equal(bench.standing[0]?.brake, true);
  assert.equal(bench.standing[0].endsAt, new Date(bench.now() + BRAKE_HOLD_MS).toISOString());
  await bench.tick(BRAKE_HOLD_MS - 1);
  await bench.desk.advance();
  assert.equal(bench.standing.length, 1);
  await bench.tick(1);
  assert.equal(
    await faultOf(() => bench.desk.act(BRUNO, brake.decisionId, { action: "ratify", reason })),
    "state.conflict",
    "a ratification after the hour",
  );
  const measureId = brake.measure?.measureId;
  assert.ok(measureId !== undefined);
  await bench.until(async () => (await bench.desk.measure(measureId)).state === "ended");
  assert.equal((await bench.desk.measure(measureId)).endedBecause, "lapsed");
  assert.equal(bench.standing.length, 0);
  assert.equal(await faultOf(() => bench.desk.brake(BRUNO, caseId, proposal(bench))), "desk.brake-spent");
  // The same words again are nothing new; other words are.
  await bench.tick(1000);
  await imminentCase(bench);
  assert.equal(await faultOf(() => bench.desk.brake(BRUNO, caseId, proposal(bench))), "desk.brake-spent");
  await bench.report({
    harm: "threat-to-life",
    statement: "They have found the hotel where she hides and wait in front of it with a car.",
    quoted:
      "Erika Musterfrau moved, she is staying at the hotel by the station, i'm outside her hotel right now",
  });
  assert.equal((await bench.desk.brake(BRUNO, caseId, proposal(bench))).state, "braked");
});

test("a ratified brake gets a second entry and a record without end, reviewed within 72 hours", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const brake = await bench.desk.brake(ALICE, caseId, proposal(bench));
  await bench.until(() => bench.standing[0]?.brake === true);
  await bench.tick(20 * 60_000);
  const ratified = await bench.desk.act(BRUNO, brake.decisionId, { action: "ratify", reason });
  assert.equal(ratified.state, "confirmed");
  await bench.until(() => bench.standing[0]?.brake === false);
  const record = bench.standing[0];
  assert.ok(record !== undefined);
  assert.equal(record.endsAt, null);
  assert.equal(record.reviewAt, new Date(bench.now() + 3 * DAY_MS).toISOString());
  const kinds = await bench.t.db.query<{ kind: string }>(`select kind from desk_log order by intent_id`);
  assert.deepEqual(
    kinds.map((row) => row.kind),
    ["brake", "ratification"],
  );
  await bench.tick(BRAKE_HOLD_MS);
  await bench.desk.advance();
  assert.equal(bench.standing.length, 1, "the hour is over, and the measure stands");
  assert.deepEqual(bench.refused, []);
});

test("below IMMINENT, and for anything but withholding, there is no brake", async (t) => {
  const bench = await openBench(t);
  const calm = await bench.report({ harm: "doxxing", quoted: "she works at the harbour office" });
  assert.equal(
    await faultOf(() => bench.desk.brake(ALICE, calm.caseId, proposal(bench))),
    "desk.level-too-low",
  );
  const { caseId } = await imminentCase(bench);
  for (const kind of ["warn", "restrict", "withdraw"] as const) {
    assert.equal(
      await faultOf(() => bench.desk.brake(ALICE, caseId, proposal(bench, { kind }))),
      "input.invalid",
      kind,
    );
  }
  assert.equal(
    await faultOf(() => bench.desk.brake({ ...ALICE, roles: [] }, caseId, proposal(bench))),
    "auth.forbidden",
  );
});

test("a released brake leaves the edge at once", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  const brake = await bench.desk.brake(ALICE, caseId, proposal(bench));
  await bench.until(() => bench.standing.length === 1);
  await bench.desk.act(ALICE, brake.decisionId, { action: "release", reason: "I misread the thread." });
  await bench.until(() => bench.standing.length === 0);
  assert.equal((await bench.desk.case(ALICE, caseId)).state, "in_review");
});

test("no officer re-arms the brake alone: not by our own notice, the same page again, or a reporter's greeting", async (t) => {
  const bench = await openBench(t);
  bench.setPage("/thread/7", `<p>${ESCALATION}</p>`);
  const { caseId, code } = await imminentCase(bench);
  const url = `https://${bench.hostname}/thread/7`;
  await bench.desk.capture(ALICE, caseId, { url });
  const brake = await bench.desk.brake(ALICE, caseId, proposal(bench));
  await bench.until(() => bench.standing.length === 1);
  await bench.tick(1000);
  assert.equal((await bench.desk.capture(ALICE, caseId, { url })).status, 451);
  await bench.desk.act(ALICE, brake.decisionId, { action: "release", reason });
  await bench.until(() => bench.standing.length === 0);
  const again = (): Promise<string> => faultOf(() => bench.desk.brake(ALICE, caseId, proposal(bench)));
  assert.equal(await again(), "desk.brake-spent", "after a capture of the notice");
  await bench.tick(1000);
  assert.equal((await bench.desk.capture(ALICE, caseId, { url })).status, 200);
  assert.equal(await again(), "desk.brake-spent", "after a capture of the same words");
  await bench.tick(1000);
  await bench.desk.mailboxWrite(code, "Hello, is anybody there?");
  assert.equal(await again(), "desk.brake-spent", "after a message");
  bench.setPage("/thread/7", `<p>${ESCALATION}</p><p>we moved it to 22:00, bring two cars</p>`);
  await bench.tick(1000);
  await bench.desk.capture(ALICE, caseId, { url });
  assert.equal(await again(), "nothing", "after a capture of new words");
});

test("a clock that was set back does not lengthen a brake's hour", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await imminentCase(bench);
  await bench.tick(DAY_MS);
  const brake = await bench.desk.brake(ALICE, caseId, proposal(bench));
  await bench.until(() => bench.standing.length === 1);
  await bench.tick(-DAY_MS);
  await bench.until(() => bench.standing.length === 0);
  const ratify = (): Promise<string> =>
    faultOf(() => bench.desk.act(BRUNO, brake.decisionId, { action: "ratify", reason }));
  assert.equal(await ratify(), "state.conflict");
});
