/**
 * Crashes between any two writes. A run is played with a machine that dies at its n-th touch of the database, the log or the
 * policies; then the desk is opened again on what is left and carried on. Whatever n was, the end is the same: the measure stands on
 * the edge with one log entry, one notice and one message a reporter; or, if the crash came before the decision was acknowledged,
 * nothing happened and it can be decided again.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ALICE,
  BRUNO,
  ESCALATION,
  imminentCase,
  openBench,
  proposal,
  type Bench,
  type Services,
} from "../../test/laws/desk-bench.ts";
import type { DecisionId } from "../contract/ids.ts";
import type { Db, Tx } from "../store/db.ts";

class PowerCut extends Error {}

/** Every third touch, from a seed: PARAPET_TEST_SEED=0, 1 and 2 together play all of them, half a minute each. */
const STRIDE = 3;
const FIRST = Number(process.env["PARAPET_TEST_SEED"] ?? 1) % STRIDE;

/** Services that work for `lasts` touches and never again after. `touches` counts them. */
function mortal(services: Services, lasts: number): Services & { readonly count: { touches: number } } {
  const count = { touches: 0 };
  const touch = (): void => {
    count.touches += 1;
    if (count.touches > lasts) throw new PowerCut("the power went");
  };
  const db: Db = {
    ...services.db,
    async query(text, values) {
      touch();
      return await services.db.query(text, values);
    },
    async transaction(work) {
      touch();
      const result = await services.db.transaction(async (tx) => {
        const dying: Tx = {
          inTransaction: true,
          async query(text, values) {
            touch();
            return await tx.query(text, values);
          },
        };
        const value = await work(dying);
        touch(); // before the commit
        return value;
      });
      touch(); // after the commit, before anybody heard of it
      return result;
    },
  };
  return {
    db,
    count,
    mail: services.mail,
    ledger: {
      ...services.ledger,
      async sequence() {
        touch();
        const done = await services.ledger.sequence();
        touch();
        return done;
      },
    },
    sites: {
      ...services.sites,
      async publish() {
        touch();
        const done = await services.sites.publish();
        touch();
        return done;
      },
    },
  };
}

const reason = "I read the lines and agree.";

async function endState(bench: Bench, decisionId: DecisionId): Promise<unknown> {
  const one = async (text: string): Promise<unknown> => (await bench.t.db.query(text, [decisionId]))[0];
  return {
    decision: await one(`select state from decision where decision_id = $1`),
    measures: await one(
      `select count(*)::integer as n, min(state) as state from measure where decision_id = $1`,
    ),
    entries: await one(
      `select count(*)::integer as n, count(log_index)::integer as logged from desk_log where decision_id = $1`,
    ),
    notices: await one(`select count(*)::integer as n from mail_out where about = 'decision ' || $1`),
    tokens: await one(`select count(*)::integer as n from statement_token where decision_id = $1`),
    messages: await one(
      `select count(*)::integer as n from report_message where sender = 'desk' and text like 'A measure%' and $1 <> ''`,
    ),
    enforced: bench.standing.map((record) => record.decisionId),
    receiptsRefused: bench.refused.length,
  };
}

test("a decision survives a power cut at any touch of the database, the log or the policies", async (t) => {
  const bench = await openBench(t, { smtp: false });
  const play = async (lasts: number): Promise<{ touches: number; crashed: boolean }> => {
    const path = `/thread/${lasts === Infinity ? "all" : lasts}`;
    const { caseId } = await bench.report({ harm: "threat-to-life", path, quoted: ESCALATION });
    const subject = { siteId: bench.siteId, hostname: bench.hostname, path };
    const { decisionId } = await bench.desk.propose(ALICE, caseId, proposal(bench, { subject }));
    await bench.t.db.query(`delete from report_message`);
    const services = mortal(bench.services, lasts);
    const dying = await bench.reopen(services);
    let crashed = false;
    try {
      await dying.act(BRUNO, decisionId, { action: "confirm", reason });
      await dying.advance();
      await dying.advance();
    } catch (error) {
      assert.ok(error instanceof PowerCut, String(error));
      crashed = true;
    }
    const touches = services.count.touches;
    // The machine is on again. What was not acknowledged may have to be decided once more.
    if (
      (
        await bench.t.db.query(
          `select 1 as one from decision where decision_id = $1 and state = 'proposed'`,
          [decisionId],
        )
      ).length > 0
    ) {
      assert.deepEqual(
        await bench.t.db.query(`select 1 as one from measure where decision_id = $1`, [decisionId]),
        [],
      );
      await bench.desk.act(BRUNO, decisionId, { action: "confirm", reason });
    }
    await bench.until(
      async () =>
        (
          await bench.t.db.query(
            `select 1 as one from measure where state = 'in_force' and told_at is not null`,
          )
        ).length === 1,
    );
    assert.deepEqual(
      await endState(bench, decisionId),
      {
        decision: { state: "confirmed" },
        measures: { n: 1, state: "in_force" },
        entries: { n: 1, logged: 1 },
        notices: { n: 1 },
        tokens: { n: 1 },
        messages: { n: 1 },
        enforced: [decisionId],
        receiptsRefused: 0,
      },
      `after a power cut at touch ${lasts}`,
    );
    // Off the table, so that the next round finds an empty site.
    await bench.t.db.query(
      `update measure set state = 'ended', ended_because = 'lifted', end_told_at = now()`,
    );
    await bench.t.db.transaction((tx) => bench.services.sites.touch(tx, bench.siteId));
    await bench.services.sites.publish();
    return { touches, crashed: crashed || touches > lasts };
  };
  const whole = await play(Infinity);
  assert.ok(whole.touches > 40, `${whole.touches} touches`);
  let crashes = 0;
  const rounds = Math.floor((whole.touches - 1 - FIRST) / STRIDE);
  for (let round = 0; round <= rounds; round++) {
    if ((await play(FIRST + round * STRIDE)).crashed) crashes += 1;
  }
  assert.ok(crashes >= rounds - 1, `${crashes} crashes in ${rounds} rounds`);
});

test("a brake survives a power cut between its end and the edges, and lapses once", async (t) => {
  const bench = await openBench(t, { smtp: false });
  const { caseId } = await imminentCase(bench);
  const brake = await bench.desk.brake(ALICE, caseId, proposal(bench));
  await bench.until(() => bench.standing.length === 1);
  await bench.tick(3_600_000);
  const measureId = brake.measure?.measureId;
  assert.ok(measureId !== undefined);
  for (let lasts = 0; lasts < 60; lasts++) {
    const dying = await bench.reopen(mortal(bench.services, lasts));
    await dying.advance().catch((error: unknown) => assert.ok(error instanceof PowerCut));
  }
  await bench.until(async () => (await bench.desk.measure(measureId)).state === "ended");
  const entries = await bench.t.db.query<{ kind: string }>(`select kind from desk_log order by intent_id`);
  assert.deepEqual(
    entries.map((row) => row.kind),
    ["brake", "lapse"],
  );
  assert.equal(bench.standing.length, 0);
});
