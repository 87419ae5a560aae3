import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProtectionRule } from "../../contract/protection.ts";
import { PROTECTION_SCHEMA } from "../../contract/site-schema.ts";
import { PROTECTION_DEFAULT } from "../../contract/protection.ts";
import { ENGLISH } from "../words/english.ts";
import { FRENCH } from "../words/french.ts";
import {
  COUNT_KEYS,
  countKeyOf,
  FIELD_STATES,
  fieldState,
  isOver,
  NEW_RULE,
  ruleInWords,
  speaksOfAll,
  withState,
} from "./protection-rule.ts";

const ruleOf = (given: Partial<ProtectionRule>): ProtectionRule => ({ ...NEW_RULE, ...given });
const match = NEW_RULE.match;

test("a new rule only counts: it is in shadow, and complete as soon as it has a name", () => {
  assert.equal(NEW_RULE.isShadow, true);
  const rules = [{ ...NEW_RULE, name: "First" }];
  assert.equal(PROTECTION_SCHEMA.safeParse({ ...PROTECTION_DEFAULT, rules }).success, true);
  assert.equal(PROTECTION_SCHEMA.safeParse({ ...PROTECTION_DEFAULT, rules: [NEW_RULE] }).success, false);
});

test("a rule in words names what it speaks of, how many are too many and what is done", () => {
  const table: [Partial<ProtectionRule>, string][] = [
    [{ rate: null, action: "block" }, "Every request: blocked"],
    [
      {
        match: { ...match, paths: ["/login"], methods: ["POST"] },
        rate: { key: { by: "address" }, requests: 10, windowSeconds: 60, statuses: [401, 403] },
        action: "block",
        holdSeconds: 600,
      },
      "Requests with POST, for /login: more than 10 in 60 seconds answered with 401, 403 from one address: blocked, and for 600 seconds after",
    ],
    [
      {
        match: { ...match, asns: [64496], countries: ["NL"], networks: ["192.0.2.0/24"] },
        rate: { key: { by: "cookie", name: "sid" }, requests: 1, windowSeconds: 1, statuses: [] },
        action: "throttle",
      },
      "Requests from 192.0.2.0/24, from AS64496, from NL: more than 1 in 1 second with one value of the cookie sid: asked to come back later",
    ],
    [
      {
        match: {
          ...match,
          headers: [
            { name: "Accept", value: null, isAbsent: false },
            { name: "User-Agent", value: "*bot*", isAbsent: false },
            { name: "Referer", value: null, isAbsent: true },
          ],
        },
        rate: null,
        action: "challenge",
      },
      "Requests with the field Accept, whose field User-Agent says “*bot*”, without the field Referer: asked for a browser",
    ],
  ];
  for (const [given, said] of table) assert.equal(ruleInWords(ruleOf(given), ENGLISH), said);
});

test("every key and every state of a field has its words in both languages", () => {
  for (const words of [ENGLISH, FRENCH])
    for (const by of COUNT_KEYS)
      for (const state of FIELD_STATES) {
        const field = withState({ name: "X-Name", value: "here", isAbsent: false }, state);
        const said = ruleInWords(
          ruleOf({
            match: { ...match, headers: [field], cookies: [field] },
            rate: { key: countKeyOf(by, "X-Key"), requests: 5, windowSeconds: 5, statuses: [] },
          }),
          words,
        );
        assert.match(said, /X-Name/);
        assert.equal(said.includes("X-Key"), by === "header" || by === "cookie");
        assert.doesNotMatch(said, /undefined|null/);
      }
});

test("a field is there, says something or is absent, and what is absent has no value", () => {
  const says = { name: "A", value: "1", isAbsent: false };
  assert.equal(fieldState(says), "is");
  for (const state of FIELD_STATES) assert.equal(fieldState(withState(says, state)), state);
  assert.deepEqual(withState(says, "absent"), { name: "A", value: null, isAbsent: true });
  assert.deepEqual(withState(withState(says, "absent"), "is"), { name: "A", value: "", isAbsent: false });
});

test("a rule speaks of all requests only while no list says anything", () => {
  assert.equal(speaksOfAll(match), true);
  for (const name of Object.keys(match) as (keyof typeof match)[])
    assert.equal(speaksOfAll({ ...match, [name]: ["x"] }), false, name);
});

test("an end is over from its very moment on; without one, never", () => {
  const now = Date.parse("2026-11-22T03:00:00Z");
  assert.equal(isOver(null, now), false);
  assert.equal(isOver("2026-11-22T03:00:00Z", now), true);
  assert.equal(isOver("2026-11-22T03:00:01Z", now), false);
});
