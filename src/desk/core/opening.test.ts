import assert from "node:assert/strict";
import { test } from "node:test";
import {
  OPENING_ACTIONS,
  OPENING_GROUNDS,
  OPENING_HOLD_MS,
  OPENING_STATES,
  OPENING_STEPS,
  PURPOSE_CHARS_MAX,
  PURPOSE_CHARS_MIN,
  type OpeningAction,
  type OpeningStep,
} from "../../contract/desk-states.ts";
import type { UserId } from "../../contract/ids.ts";
import type { ActingOfficer } from "./decide.ts";
import {
  allowedOnOpening,
  checkRequest,
  HAND_OUTS_MAX,
  mayActOnOpening,
  mayTakeSealed,
  openingCloseMs,
} from "./opening.ts";

const AUTHOR = "user-author" as UserId;
const SECOND = "user-second" as UserId;
const who = (name: string, over: Partial<ActingOfficer> = {}): ActingOfficer => ({
  userId: `user-${name}` as UserId,
  roles: ["officer"],
  conflict: null,
  ...over,
});

test("every cell of states, actions and people is what the table says, and nothing else is allowed", () => {
  /** "state action person" of every cell that goes through: four of them. */
  const through: string[] = [];
  let cells = 0;
  for (const state of OPENING_STATES) {
    for (const action of OPENING_ACTIONS) {
      const step = (OPENING_STEPS[state] as Partial<Record<OpeningAction, OpeningStep>>)[action];
      for (const [name, actor] of [
        ["author", who("author")],
        ["other", who("other")],
        ["clock", "clock"],
        ["no-role", who("other", { roles: [] })],
        ["operator", who("other", { roles: ["operator", "customer"] })],
        ["conflicted", who("other", { conflict: "you belong to the account whose site this is about" })],
        ["conflicted author", who("author", { conflict: "you declared a conflict of interest in it" })],
      ] as const) {
        const may = mayActOnOpening({ state, action, authorId: AUTHOR, actor });
        cells += 1;
        if (may.ok) {
          assert.equal(may.value, step?.next);
          through.push(`${state} ${action} ${name}`);
        } else assert.match(may.why, /^[A-Z].*[^.]$/);
      }
    }
  }
  assert.equal(cells, 5 * 4 * 7);
  assert.deepEqual(through, [
    "requested approve other",
    "requested refuse other",
    "requested withdraw author",
    "approved close clock",
  ]);
});

test("the console draws the human steps of a state, and each that is off has its reason", () => {
  const drawn = allowedOnOpening({ state: "requested", authorId: AUTHOR, actor: who("author") });
  assert.deepEqual(
    drawn.map(({ action, ok }) => [action, ok]),
    [
      ["approve", false],
      ["refuse", false],
      ["withdraw", true],
    ],
  );
  for (const { ok, why } of drawn) assert.equal(why === null, ok);
  for (const state of ["approved", "refused", "withdrawn", "closed"] as const) {
    assert.deepEqual(allowedOnOpening({ state, authorId: AUTHOR, actor: who("other") }), []);
  }
});

test("a request has one of three grounds and a purpose of 20 to 2000 characters", () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ...OPENING_GROUNDS.map((ground) => [ground, "p".repeat(PURPOSE_CHARS_MIN), true] as const),
    ["lawful-order", "p".repeat(PURPOSE_CHARS_MAX), true],
    ["lawful-order", "p".repeat(PURPOSE_CHARS_MIN - 1), false],
    ["lawful-order", "p".repeat(PURPOSE_CHARS_MAX + 1), false],
    ["lawful-order", " ".repeat(PURPOSE_CHARS_MIN * 2), false],
    ["lawful-order", `  short${" ".repeat(PURPOSE_CHARS_MIN)}`, false],
    ["lawful-order", `a purpose with a bell\u0007 in the middle`, false],
    ["curiosity", "p".repeat(PURPOSE_CHARS_MIN), false],
    ["__proto__", "p".repeat(PURPOSE_CHARS_MIN), false],
    ["", "p".repeat(PURPOSE_CHARS_MIN), false],
  ];
  for (const [ground, purpose, ok] of table) {
    const may = checkRequest({ ground, purpose });
    assert.equal(may.ok, ok, `${ground} ${purpose.length}`);
    if (!may.ok) assert.equal(may.code, "input.invalid");
  }
});

test("the sealed bytes go to the two officers named, after the log, within 24 hours, a bounded number of times", () => {
  const approvedMs = 1_000_000;
  const good: Parameters<typeof mayTakeSealed>[0] = {
    actor: who("author"),
    state: "approved",
    authorId: AUTHOR,
    secondId: SECOND,
    closesAtMs: openingCloseMs(approvedMs),
    nowMs: approvedMs,
    logged: true,
    handedOut: 0,
  };
  const table: readonly (readonly [string, Partial<typeof good>, string | null])[] = [
    ["the one who asked", {}, null],
    ["the one who approved", { actor: who("second") }, null],
    ["in the last millisecond", { nowMs: approvedMs + OPENING_HOLD_MS - 1 }, null],
    ["when the 24 hours are over", { nowMs: approvedMs + OPENING_HOLD_MS }, "state.gone"],
    ["closed by the clock", { state: "closed" }, "state.gone"],
    ["a third officer", { actor: who("third") }, "auth.forbidden"],
    ["an officer who lost the role", { actor: who("author", { roles: [] }) }, "auth.forbidden"],
    [
      "one who found a conflict since",
      { actor: who("second", { conflict: "you declared a conflict of interest in it" }) },
      "auth.conflict-of-interest",
    ],
    ["before the log holds it", { logged: false }, "ledger.behind"],
    ["only asked for", { state: "requested", closesAtMs: null, secondId: null }, "state.conflict"],
    ["refused", { state: "refused", closesAtMs: null }, "state.conflict"],
    ["withdrawn", { state: "withdrawn", closesAtMs: null, secondId: null }, "state.conflict"],
    ["approved without an end", { closesAtMs: null }, "state.gone"],
    ["the last of the hand-outs", { handedOut: HAND_OUTS_MAX - 1 }, null],
    ["one too many", { handedOut: HAND_OUTS_MAX }, "limit.full"],
  ];
  for (const [what, over, code] of table) {
    const may = mayTakeSealed({ ...good, ...over });
    assert.equal(may.ok ? null : may.code, code, what);
  }
});
