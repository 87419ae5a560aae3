/** The figures of `bench flood`, where a mistake would flatter: when a flood is stopped, what a good visit is, what a percentile counts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BUCKET_MS,
  figuresOf,
  isSuccess,
  medianOrNever,
  mitigatedAfterMs,
  originFigures,
  type Series,
  type Visit,
} from "../../bench/flood-figures.ts";

const SECOND = 1000 / BUCKET_MS;
const series = (
  fromMs: number,
  ...parts: readonly (readonly [seconds: number, perBucket: number])[]
): Series => ({
  fromMs,
  counts: parts.flatMap(([seconds, count]) => Array.from({ length: seconds * SECOND }, () => count)),
});

const FLOOD = series(0, [20, 200]);

const MOMENTS: readonly (readonly [string, Series, Series, number | null])[] = [
  ["nothing ever arrives", FLOOD, series(0, [20, 0]), 0],
  ["all of it arrives", FLOOD, series(0, [20, 200]), null],
  ["exactly one in twenty still arrives", FLOOD, series(0, [20, 10]), null],
  ["just under one in twenty arrives", FLOOD, series(0, [20, 9]), 0],
  ["it is stopped after two seconds", FLOOD, series(0, [2, 200], [18, 0]), 2000],
  ["it comes back after four quiet seconds", FLOOD, series(0, [2, 200], [4, 0], [1, 200], [13, 0]), 7000],
  [
    "it comes back after seven quiet seconds, and the moment stays what it was",
    FLOOD,
    series(0, [2, 200], [7, 0], [11, 200]),
    2000,
  ],
  ["it ends before it was stopped for five seconds", series(0, [6, 200]), series(0, [2, 200], [4, 0]), null],
  ["the origin's clock began earlier", FLOOD, series(-5000, [7, 200], [18, 0]), 2000],
  [
    "the flood began later than its record",
    series(0, [3, 0], [17, 200]),
    series(0, [3, 0], [1, 200], [16, 0]),
    1000,
  ],
  [
    "the senders wait, and what was held still arrives",
    series(0, [2, 200], [18, 1]),
    series(0, [20, 30]),
    null,
  ],
  ["a flood of which nothing was sent", series(0, [20, 0]), series(0, [20, 0]), null],
];

for (const [what, sent, arrived, expected] of MOMENTS) {
  test(`the moment a flood is stopped: ${what}`, () => {
    const found = mitigatedAfterMs(sent, arrived);
    if (expected === null || found === null) assert.equal(found, expected);
    // A second that begins before the moment may hold so little of the flood that it already counts as quiet: one bucket at most.
    else assert.ok(Math.abs(found - expected) <= BUCKET_MS, `${found} instead of ${expected}`);
  });
}

test("a flood that was never stopped makes the median worse, not better", () => {
  assert.equal(medianOrNever([100, null, null]), null);
  assert.equal(medianOrNever([100, 300, null]), 300);
  assert.equal(medianOrNever([100, null]), null);
  assert.equal(medianOrNever([]), null);
});

const visit = (changes: Partial<Visit>): Visit => ({
  atMs: 0,
  ms: 100,
  failed: null,
  challenged: false,
  refusedWith: [],
  isGuest: false,
  ...changes,
});

test("a visit is a success only when everything arrived, and within ten seconds", () => {
  assert.ok(isSuccess(visit({ ms: 10_000 })));
  assert.ok(!isSuccess(visit({ ms: 10_001 })));
  assert.ok(!isSuccess(visit({ failed: "a file is missing" })));
});

test("a failed visit counts as the longest wait, so that quick refusals never make a percentile look good", () => {
  const visits = [
    ...Array.from({ length: 90 }, () => visit({})),
    ...Array.from({ length: 10 }, () => visit({ ms: 1, failed: "503" })),
  ];
  const found = figuresOf(visits, { fromMs: 0, toMs: 1 });
  assert.equal(found.success, 0.9);
  assert.equal(found.p99Ms, 10_000);
  assert.deepEqual(found.failures, { "503": 10 });
});

test("visits belong to the time in which they began, and no visit at all is no figure", () => {
  const visits = [visit({ atMs: 999 }), visit({ atMs: 1000, ms: 500 }), visit({ atMs: 2000, failed: "503" })];
  assert.equal(figuresOf(visits, { fromMs: 1000, toMs: 2000 }).medianMs, 500);
  assert.throws(() => figuresOf(visits, { fromMs: 3000, toMs: 4000 }), /no visit/);
});

test("a second in which requests waited or were refused is a saturated one", () => {
  const zeros = (): number[] => Array.from({ length: 5 * SECOND }, () => 0);
  const quiet = {
    fromMs: 0,
    flood: zeros(),
    good: zeros(),
    unknown: zeros(),
    refused: zeros(),
    waitMs: zeros(),
    busy: zeros(),
  };
  assert.equal(originFigures(quiet, { fromMs: 0, toMs: 5000 }).saturatedSeconds, 0);
  const refused = zeros();
  refused[1] = 1;
  const waitMs = zeros();
  waitMs[4 * SECOND] = 300;
  const found = originFigures({ ...quiet, refused, waitMs }, { fromMs: 0, toMs: 5000 });
  assert.equal(found.saturatedSeconds, 2);
  assert.equal(found.saturatedSecondsLater, 1);
});
