/** Law 7: notice at the moment of action, however much the desk has done before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ALICE, BRUNO, imminentCase, openBench, proposal } from "./desk-bench.ts";

test("a thousand measures that stand already do not keep the next customer from being told", async (t) => {
  const bench = await openBench(t);
  const { caseId, code } = await imminentCase(bench);
  const made = await bench.desk.propose(ALICE, caseId, proposal(bench));
  const reason = "I read the lines and agree.";
  await bench.desk.act(BRUNO, made.decisionId, { action: "confirm", reason });
  await bench.t.db.query(
    `insert into measure (measure_id, case_id, decision_id, site_id, kind, scope, state, created_at, sent_at, in_force_at,
                          told_at)
     select 'older ' || n, case_id, decision_id, site_id, kind, scope, 'in_force', created_at - interval '1 day',
            created_at, created_at, created_at
       from measure cross join generate_series(1, 1000) as n where decision_id = $1`,
    [made.decisionId],
  );
  await bench.until(() => bench.standing.length === 1);
  for (let round = 0; round < 3; round++) await bench.desk.advance();
  await bench.services.mail.deliver();
  assert.equal(bench.mails.length, 1);
  assert.equal((await bench.desk.mailbox(code)).messages.length, 2);
});
