import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DANGER_LEVELS, DIMENSIONS, type Dimension, type Score, type Scores } from "../../contract/danger.ts";
import { raiseOnly, rate, RULES, settleLevels, UNKNOWN_SCORES, type Sign } from "./danger.ts";

const scores = (text: string): Scores => {
  const out: Record<Dimension, Score | null> = { ...UNKNOWN_SCORES };
  for (const pair of text.split(" ").filter(Boolean))
    out[pair.charAt(0) as Dimension] = Number(pair.slice(1)) as Score;
  return out;
};
const base = { credibility: 1, harm: "harassment", confirmed: false } as const;
const level = (text: string, over: Partial<Parameters<typeof rate>[0]> = {}): string =>
  rate({ ...base, scores: scores(text), ...over }).level;

test("each rule of the rubric fires where it says, and one step below it does not", () => {
  const rows: readonly (readonly [string, string, Partial<Parameters<typeof rate>[0]>?])[] = [
    ["H3 T2 S3", "IMMINENT"],
    ["H3 T2 C3", "IMMINENT"],
    ["H3 T2 A3", "IMMINENT"],
    ["T3 E3 M3", "IMMINENT"],
    ["", "IMMINENT", { signs: ["attempt-under-way"] }],
    ["", "IMMINENT", { signs: ["swatting-announced"] }],
    ["C3", "IMMINENT", { harm: "swatting" }],
    ["", "IMMINENT", { signs: ["minor-in-present-danger"] }],
    ["H3 T2 S2", "HIGH"],
    ["H2 T2 S3", "HIGH"],
    ["H2 T2 C2", "HIGH"],
    ["H2 T2 A2", "HIGH"],
    ["E3 M2", "HIGH"],
    ["E3 A2", "HIGH"],
    ["", "HIGH", { signs: ["prior-swatting"] }],
    ["", "HIGH", { harm: "child-safety" }],
    ["E3 M1 A1", "ELEVATED"],
    ["H2 T2 S1 C1 A1", "ELEVATED"],
    ["M2 T2", "ELEVATED"],
    ["A2 V2", "ELEVATED"],
    ["A2 C1", "ELEVATED"],
    ["V2 C1", "ELEVATED"],
    ["E2", "MODERATE"],
    ["H1 T1", "MODERATE"],
    ["H3 T1", "MODERATE"],
    ["A1", "MODERATE", { signs: ["persistent"] }],
    ["V1", "MODERATE"],
    ["A1", "LOW"],
    ["H1", "LOW"],
    ["E1 T1", "LOW"],
    ["", "LOW"],
  ];
  for (const [text, expected, over] of rows)
    assert.equal(level(text, over), expected, `${text} ${JSON.stringify(over)}`);
});

test("the worked examples of the rubric come out as written", () => {
  assert.equal(level("H3 T3 E3 S2 C2 M3 A3"), "IMMINENT");
  assert.equal(level("H0 V1"), "MODERATE");
  assert.equal(level("E1 T1"), "LOW");
});

test("a contradicted report is capped at MODERATE until a human confirms it", () => {
  for (const text of ["H3 T3 S3", "T3 E3 M3", "E3 M2"]) {
    assert.equal(level(text, { credibility: 0 }), "MODERATE");
  }
  assert.equal(level("T3 E3 M3", { credibility: 0, confirmed: true }), "IMMINENT");
  assert.equal(level("H3 T2 S3", { credibility: 0, confirmed: true }), "HIGH", "K>=1 is part of that rule");
});

test("unknown is named, fires nothing, and an unread language raises by one, never to IMMINENT", () => {
  assert.deepEqual(rate({ ...base, scores: scores("H0 T2") }).unknown, ["E", "S", "C", "M", "A", "V"]);
  assert.equal(level("E3", { unread: true }), "HIGH");
  assert.equal(level("E3 M2", { unread: true }), "HIGH");
  assert.equal(level("E3", { unread: true, confirmed: true }), "ELEVATED");
});

const score = fc.constantFrom<Score | null>(null, 0, 1, 2, 3);
const anyScores = fc.record(
  Object.fromEntries(Object.keys(DIMENSIONS).map((d) => [d, score])) as Record<Dimension, typeof score>,
);

test("raising a score, learning an unknown one, or adding a sign never lowers the level", () => {
  const rank = (text: string): number => (DANGER_LEVELS as readonly string[]).indexOf(text);
  fc.assert(
    fc.property(
      anyScores,
      fc.constantFrom(...(Object.keys(DIMENSIONS) as Dimension[])),
      fc.constantFrom<Score>(0, 1, 2, 3),
      (from, dimension, to) => {
        const known = from[dimension];
        fc.pre(known === null || to >= known);
        const more = { ...from, [dimension]: to } as Scores;
        const signs: Sign[] = ["persistent"];
        assert.ok(rank(rate({ ...base, scores: more }).level) >= rank(rate({ ...base, scores: from }).level));
        assert.ok(
          rank(rate({ ...base, scores: from, signs }).level) >= rank(rate({ ...base, scores: from }).level),
        );
      },
    ),
    { seed: 1, numRuns: 3000 },
  );
});

test("a detector may only raise", () => {
  fc.assert(
    fc.property(anyScores, anyScores, (standing, proposed) => {
      const after = raiseOnly(standing, proposed);
      for (const dimension of Object.keys(DIMENSIONS) as Dimension[]) {
        const before = standing[dimension];
        if (before !== null) assert.ok((after[dimension] ?? -1) >= before);
        if (before === null && proposed[dimension] === null) assert.equal(after[dimension], null);
      }
    }),
    { seed: 2, numRuns: 500 },
  );
});

test("two who differ by two levels wait for a third at the higher of the two", () => {
  const by = (...levels: string[]): { by: string; level: never }[] =>
    levels.map((text, i) => ({ by: `u${i}`, level: text as never }));
  assert.deepEqual(settleLevels([]), { level: null, thirdNeeded: false });
  assert.deepEqual(settleLevels(by("HIGH")), { level: "HIGH", thirdNeeded: false });
  assert.deepEqual(settleLevels(by("HIGH", "ELEVATED")), { level: "ELEVATED", thirdNeeded: false });
  assert.deepEqual(settleLevels(by("HIGH", "LOW")), { level: "HIGH", thirdNeeded: true });
  assert.deepEqual(settleLevels(by("LOW", "IMMINENT")), { level: "IMMINENT", thirdNeeded: true });
  assert.deepEqual(settleLevels(by("HIGH", "LOW", "LOW")), { level: "LOW", thirdNeeded: false });
});

test("every level has a rule, and the last one always fires", () => {
  assert.deepEqual(new Set(RULES.map((rule) => rule.level)), new Set(DANGER_LEVELS));
  assert.equal(RULES.at(-1)?.level, "LOW");
});
