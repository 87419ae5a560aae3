import assert from "node:assert/strict";
import { test } from "node:test";
import {
  APPEAL_STATES,
  DECISION_ACTIONS,
  DECISION_KINDS,
  DECISION_STATES,
  DECISION_STEPS,
  MEASURE_STATES,
} from "../contract/desk-states.ts";
import type { MeasureId } from "../contract/ids.ts";
import { DANGER_LEVELS } from "../contract/danger.ts";
import {
  appealButton,
  byDanger,
  byUrgency,
  caseButtons,
  CASE_ACTS,
  consequence,
  decisionButtons,
  inMotion,
  levelRank,
  liftButton,
  isOnlyCustomer,
} from "./buttons.ts";
import { ENGLISH as W } from "./words/english.ts";
import { FRENCH } from "./words/french.ts";

const officer = { mayDecide: true, whyNot: null };
const all = DECISION_ACTIONS.map((action) => ({ action, ok: true, why: null }));

test("every decision state draws exactly the table's steps, and never a step of the clock", () => {
  for (const state of DECISION_STATES) {
    const wanted = Object.entries(DECISION_STEPS[state])
      .filter(([, step]) => step.actor !== "clock")
      .map(([action]) => action);
    const drawn = decisionButtons({ state, allowed: all }, W);
    assert.deepEqual(drawn.map((b) => b.name as string).sort(), wanted.sort(), state);
    assert.ok(drawn.every((b) => b.ok && b.why === null));
  }
});

test("an action that the server does not name, or refuses, is off with a reason", () => {
  const silent = decisionButtons({ state: "proposed", allowed: [] }, W);
  assert.equal(silent.length, 3);
  for (const b of silent) assert.ok(!b.ok && b.why);
  const told = decisionButtons(
    { state: "proposed", allowed: [{ action: "confirm", ok: false, why: "You proposed it." }] },
    W,
  );
  assert.deepEqual(told[0], { name: "confirm", ok: false, why: "You proposed it." });
});

test("an action that the state does not know is not drawn, whatever the server says", () => {
  for (const state of ["confirmed", "rejected", "withdrawn", "released", "lapsed"] as const)
    assert.deepEqual(decisionButtons({ state, allowed: all }, W), []);
});

test("every action names a consequence, and a confirmation names a different one for each kind", () => {
  for (const words of [W, FRENCH])
    for (const action of ["confirm", "reject", "withdraw", "ratify", "release"] as const)
      for (const kind of DECISION_KINDS) assert.ok(consequence({ action, kind }, words).length > 40);
  const texts = (["measure", "lift", "refusal"] as const).map((kind) =>
    consequence({ action: "confirm", kind }, W),
  );
  assert.equal(new Set(texts).size, 3);
});

test("the brake is off with the server's reason, and everything is off for someone who may not decide", () => {
  const view = { state: "in_review", brake: { ok: false, why: "The level is HIGH." } } as const;
  const mine = caseButtons({ view, me: officer }, W);
  assert.deepEqual(mine.brake, { name: "brake", ok: false, why: "The level is HIGH." });
  assert.ok(mine.propose.ok);
  for (const me of [null, { mayDecide: false, whyNot: "Set up a second factor." }]) {
    const off = caseButtons({ view: { state: "new", brake: { ok: true, why: null } }, me }, W);
    for (const act of CASE_ACTS) assert.ok(!off[act].ok && off[act].why, act);
  }
  const closed = caseButtons({ view: { state: "closed", brake: { ok: true, why: null } }, me: officer }, W);
  for (const act of CASE_ACTS) assert.ok(!closed[act].ok);
});

test("lifting can be proposed only while the measure stands and no lifting waits", () => {
  const measureId = "meas_1" as MeasureId;
  const on = MEASURE_STATES.filter(
    (state) => liftButton({ measure: { measureId, state }, decisions: [], me: officer }, W).ok,
  );
  assert.deepEqual(on, ["sent", "in_force"]);
  const decisions = [{ liftsMeasureId: measureId, state: "proposed" as const }];
  assert.ok(!liftButton({ measure: { measureId, state: "in_force" }, decisions, me: officer }, W).ok);
});

test("an appeal is decided only while open, and not by someone who took part", () => {
  for (const state of APPEAL_STATES)
    assert.equal(appealButton({ state, allowed: { ok: true, why: null } }, W).ok, state === "open");
  assert.deepEqual(appealButton({ state: "open", allowed: { ok: false, why: "You took part." } }, W), {
    name: "decide",
    ok: false,
    why: "You took part.",
  });
});

test("the queue runs from danger to calm, the overdue before the due", () => {
  const row = (level: (typeof DANGER_LEVELS)[number], overdue: boolean, decisionDueAt: string) => ({
    level,
    overdue,
    decisionDueAt,
  });
  const sorted = byDanger([
    row("LOW", true, "2026-11-01T00:00:00Z"),
    row("IMMINENT", false, "2026-11-22T05:00:00Z"),
    row("HIGH", false, "2026-11-22T04:00:00Z"),
    row("IMMINENT", true, "2026-11-22T09:00:00Z"),
    row("HIGH", false, "2026-11-22T03:00:00Z"),
  ]);
  assert.deepEqual(
    sorted.map((r) => `${r.level} ${r.decisionDueAt.slice(11, 13)}`),
    ["IMMINENT 09", "IMMINENT 05", "HIGH 03", "HIGH 04", "LOW 00"],
  );
  assert.deepEqual(DANGER_LEVELS.map(levelRank), [1, 2, 3, 4, 5]);
});

test("decisions that wait stand first, the others newest first", () => {
  const decision = (state: (typeof DECISION_STATES)[number], day: number) => ({
    state,
    madeAt: `2026-11-0${day}T00:00:00Z`,
  });
  const sorted = byUrgency([
    decision("confirmed", 1),
    decision("rejected", 4),
    decision("proposed", 2),
    decision("braked", 3),
    decision("lapsed", 5),
  ]);
  assert.deepEqual(
    sorted.map((d) => d.state),
    ["braked", "proposed", "lapsed", "rejected", "confirmed"],
  );
});

test("a quiet case is not in motion", () => {
  assert.equal(inMotion({ decisions: [], referrals: [] }), false);
});

test("only who has sites and no part in the desk is spared the desk's screens", () => {
  assert.equal(isOnlyCustomer({ roles: ["customer"] }), true);
  assert.equal(isOnlyCustomer({ roles: ["customer", "operator"] }), false);
  assert.equal(isOnlyCustomer({ roles: ["officer"] }), false);
  assert.equal(isOnlyCustomer({ roles: [] }), false);
});
