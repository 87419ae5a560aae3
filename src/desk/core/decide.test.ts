import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DECISION_ACTIONS,
  DECISION_STATES,
  DECISION_STEPS,
  type Actor,
  type DecisionAction,
  type DecisionState,
} from "../../contract/desk-states.ts";
import type { UserId } from "../../contract/ids.ts";
import { allowedActions, mayAct, mayBrake, mayDecideAppeal, type ActingOfficer } from "./decide.ts";

const AUTHOR = "user-author" as UserId;
const who = (name: string, over: Partial<ActingOfficer> = {}): ActingOfficer => ({
  userId: `user-${name}` as UserId,
  roles: ["officer"],
  conflict: null,
  ...over,
});

/** Who may take a step, by the actor that the table names. */
const TAKES: Record<Actor, { author: boolean; other: boolean; clock: boolean }> = {
  "another-officer": { author: false, other: true, clock: false },
  author: { author: true, other: false, clock: false },
  "any-officer": { author: true, other: true, clock: false },
  clock: { author: false, other: false, clock: true },
};

test("every cell of states, actions and people is what the table says, and nothing else is allowed", () => {
  let cells = 0;
  let allowed = 0;
  for (const state of DECISION_STATES) {
    for (const action of DECISION_ACTIONS) {
      const step = (
        DECISION_STEPS[state] as Partial<Record<DecisionAction, { next: DecisionState; actor: Actor }>>
      )[action];
      const people = [
        ["author", who("author")],
        ["other", who("other")],
        ["clock", "clock"],
      ] as const;
      for (const [name, actor] of people) {
        const may = mayAct({ state, action, authorId: AUTHOR, actor });
        const expected = step !== undefined && TAKES[step.actor][name];
        assert.equal(may.ok, expected, `${state} ${action} ${name}`);
        if (may.ok) assert.equal(may.value, step?.next);
        else assert.match(may.why, /^[A-Z].*[^.]$/);
        cells += 1;
        if (may.ok) allowed += 1;
      }
      for (const actor of [
        who("other", { roles: [] }),
        who("other", { roles: ["operator", "customer"] }),
        who("other", { conflict: "you belong to the account" }),
      ]) {
        assert.equal(mayAct({ state, action, authorId: AUTHOR, actor }).ok, false);
        cells += 1;
      }
    }
  }
  assert.equal(cells, DECISION_STATES.length * DECISION_ACTIONS.length * 6);
  assert.equal(allowed, 7);
});

test("the console is shown each action of a state, allowed or with the reason", () => {
  const shown = allowedActions({ state: "proposed", authorId: AUTHOR, actor: who("author") });
  assert.deepEqual(
    shown.map((item) => [item.action, item.ok]),
    [
      ["confirm", false],
      ["reject", false],
      ["withdraw", true],
    ],
  );
  assert.match(shown[0]?.why ?? "", /another officer/);
  assert.deepEqual(allowedActions({ state: "confirmed", authorId: AUTHOR, actor: who("other") }), []);
});

test("the brake asks for IMMINENT, for withholding, for something new, and for one at a time", () => {
  const good = {
    actor: who("a"),
    level: "IMMINENT",
    kind: "withhold",
    spentAtMs: null,
    evidenceAtMs: null,
    standing: false,
  };
  const rows: readonly (readonly [Partial<Parameters<typeof mayBrake>[0]>, string])[] = [
    [{}, "ok"],
    [{ level: "HIGH" }, "desk.level-too-low"],
    [{ level: "LOW" }, "desk.level-too-low"],
    [{ kind: "withdraw" }, "input.invalid"],
    [{ kind: "warn" }, "input.invalid"],
    [{ standing: true }, "state.conflict"],
    [{ spentAtMs: 10 }, "desk.brake-spent"],
    [{ spentAtMs: 10, evidenceAtMs: 9 }, "desk.brake-spent"],
    [{ spentAtMs: 10, evidenceAtMs: 10 }, "desk.brake-spent"],
    [{ spentAtMs: 10, evidenceAtMs: 11 }, "ok"],
    [{ actor: who("a", { conflict: "x" }) }, "auth.conflict-of-interest"],
    [{ actor: who("a", { roles: ["operator"] }) }, "auth.forbidden"],
  ];
  for (const [over, expected] of rows) {
    const may = mayBrake({ ...good, ...over });
    assert.equal(may.ok ? "ok" : may.code, expected, JSON.stringify(over));
  }
});

test("nobody decides an appeal about their own decision", () => {
  const tookPart = [AUTHOR, "user-second" as UserId];
  const code = (name: string, open = true): string => {
    const may = mayDecideAppeal({ actor: who(name), open, tookPart });
    return may.ok ? "ok" : may.code;
  };
  assert.deepEqual(
    [code("author"), code("second"), code("third"), code("third", false)],
    ["auth.conflict-of-interest", "auth.conflict-of-interest", "ok", "state.conflict"],
  );
});
