/** Law 4: evidence moves the level, numbers don't. Campaigns are thrown at one case; the level must not move, the count must be honest. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ALICE, BRUNO, ESCALATION, openBench } from "./desk-bench.ts";

const CALL =
  "This blog doxxes people and you have to take it down at once, it publishes home addresses and destroys the lives of innocent people";

test("forty copies of one report count as one source, are called a brigade, and move nothing", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await bench.report({ statement: CALL });
  const before = await bench.desk.case(ALICE, caseId);
  const greetings = ["Hello", "Dear Sir or Madam", "URGENT", "Please", "Bonjour"];
  for (let i = 0; i < 40; i++) {
    const again = await bench.report({
      statement: `${greetings[i % greetings.length]}, ${CALL}${"!".repeat(i % 4)}`,
    });
    assert.equal(again.caseId, caseId);
  }
  const after = await bench.desk.case(ALICE, caseId);
  assert.equal(after.level, before.level);
  assert.equal(after.decisionDueAt, before.decisionDueAt);
  assert.deepEqual(after.danger.scores, before.danger.scores);
  assert.deepEqual([after.reports, after.sources, after.brigade], [41, 1, true]);
  assert.equal(after.danger.credibility, 1);
});

test("one report with evidence moves what forty could not", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await bench.report({ statement: CALL });
  for (let i = 0; i < 6; i++) await bench.report({ statement: CALL });
  assert.equal((await bench.desk.case(ALICE, caseId)).level, "MODERATE");
  await bench.report({
    harm: "threat-to-life",
    statement: "The last lines of that page name a time.",
    quoted: ESCALATION,
  });
  const after = await bench.desk.case(ALICE, caseId);
  assert.equal(after.level, "IMMINENT");
  assert.ok(after.danger.evidence.every((pointer) => pointer.quote !== "" && pointer.line >= 1));
  const rows = await bench.desk.queueByLevel();
  assert.deepEqual(rows[0], { level: "IMMINENT", open: 1, overdue: 0 });
});

test("copies of the evidence itself, forty times, are still one source", async (t) => {
  const bench = await openBench(t);
  const quoted = "she lives at 12 Harbour Street and works at the harbour";
  const { caseId } = await bench.report({ statement: "They posted where she lives, please look.", quoted });
  const before = await bench.desk.case(ALICE, caseId);
  for (let i = 0; i < 10; i++)
    await bench.report({ statement: "They posted where she lives, please look.", quoted });
  const after = await bench.desk.case(ALICE, caseId);
  assert.deepEqual([after.level, after.sources, after.danger.credibility], [before.level, 1, 1]);
});

test("a threat that a reporter tells of in their own words is not scored as a threat", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await bench.report({ harm: "harassment", statement: ESCALATION });
  const found = await bench.desk.case(ALICE, caseId);
  assert.equal(found.danger.scores.H, null);
  assert.equal(found.level, "MODERATE");
});

test("no score without a line: an officer's pointer is held to the text it points at", async (t) => {
  const bench = await openBench(t);
  bench.setPage(
    "/thread/7",
    "<ul><li>boats</li><li>someone should shoot her tonight</li></ul><script>evil()</script>",
  );
  const { caseId } = await bench.report();
  const evidence = await bench.desk.capture(ALICE, caseId, { url: "https://forum.example/thread/7" });
  assert.deepEqual(evidence.lines, ["boats", "someone should shoot her tonight"]);
  const scores = { H: 3, T: null, E: null, S: null, C: null, M: null, A: null, V: null } as const;
  const pointer = {
    dimension: "H",
    score: 3,
    certainty: "seen",
    source: evidence.evidenceId,
    line: 2,
    quote: "someone should shoot her tonight",
    why: "names killing",
  } as const;
  const reason = "I read the capture.";
  const rate = (over: object[]): Promise<unknown> =>
    bench.desk.assess(ALICE, caseId, { scores, credibility: 2, evidence: over as never, reason });
  await assert.rejects(rate([]), { code: "input.invalid" });
  for (const wrong of [
    { line: 1 },
    { line: 99 },
    { line: 0 },
    { quote: "shoot him" },
    { quote: " " },
    { source: "evid_x" },
    { why: " " },
  ]) {
    await assert.rejects(rate([{ ...pointer, ...wrong }]), { code: "input.invalid" }, JSON.stringify(wrong));
  }
  await assert.rejects(
    bench.desk.assess(ALICE, caseId, { scores, credibility: 2, evidence: [pointer], reason: " " }),
    { code: "input.invalid" },
  );
  await rate([pointer]);
  assert.equal((await bench.desk.case(BRUNO, caseId)).levelConfirmed, true);
});

test("a capture reaches no machine but our own edge", async (t) => {
  const bench = await openBench(t);
  const { caseId } = await bench.report();
  for (const url of [
    "http://127.0.0.1:22/",
    "http://[::1]/",
    "http://169.254.10.10/latest/meta-data",
    "file:///etc/passwd",
    "https://user:secret@forum.example/",
    "https://other.example/",
    "gopher://forum.example/",
    "",
    `https://forum.example/${"a".repeat(3000)}`,
  ]) {
    await assert.rejects(
      bench.desk.capture(ALICE, caseId, { url }),
      { code: "input.invalid" },
      url.slice(0, 60),
    );
  }
});
