import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { areaPath, linePath, nearest, roundCeiling, scaleOf, timeTicks, xOf, yOf } from "./chart-scale.ts";

const BOX = { width: 600, height: 180, left: 50, top: 10 };
const points = (...rows: [number, number, number][]) =>
  rows.map(([atMs, came, passed]) => ({ atMs, came, passed }));

test("an axis ends at a small whole number times a power of ten, never below the highest value", () => {
  const table: [number, number][] = [
    [0, 1],
    [1, 1],
    [1.1, 2],
    [3, 3],
    [7, 8],
    [200, 200],
    [201, 300],
    [9_400, 10_000],
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1],
  ];
  for (const [value, ceiling] of table) assert.equal(roundCeiling(value), ceiling, String(value));
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (value) => {
      const ceiling = roundCeiling(value);
      assert.ok(ceiling >= value && (value <= 1 || ceiling < value * 2.000001), `${value} ${ceiling}`);
    }),
  );
});

test("the usual rate is in sight even where every point lies below it", () => {
  assert.equal(scaleOf(points([0, 3, 3], [1000, 4, 4]), 45).ceiling, 50);
});

test("no point and one point are charts too", () => {
  const none = scaleOf([], 0);
  assert.equal(none.toMs - none.fromMs, 1000);
  assert.equal(areaPath([], { what: "came", scale: none, box: BOX }), "");
  const one = points([5000, 10, 0]);
  const scale = scaleOf(one, 0);
  assert.equal(areaPath(one, { what: "came", scale, box: BOX }), "M50 10L50 190L50 190Z");
});

test("an area goes along the values and back along the ground", () => {
  const rows = points([0, 0, 0], [1000, 10, 5], [2000, 5, 5]);
  const scale = scaleOf(rows, 0);
  assert.equal(linePath(rows, { what: "came", scale, box: BOX }), "M50 190L350 10L650 100");
  assert.equal(
    areaPath(rows, { what: "passed", scale, box: BOX }),
    "M50 190L350 100L650 100L650 190L50 190Z",
  );
});

test("whatever the points say, nothing leaves the box", () => {
  const value = fc.oneof(fc.double({ noNaN: true }), fc.integer());
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer(), value, value), { maxLength: 50 }), (rows) => {
      const given = rows.sort(([a], [b]) => a - b).map(([atMs, came, passed]) => ({ atMs, came, passed }));
      const scale = scaleOf(given, 0);
      for (const point of given)
        for (const what of ["came", "passed"] as const) {
          const [x, y] = [xOf(point.atMs, { scale, box: BOX }), yOf(point[what], { scale, box: BOX })];
          assert.ok(x >= 50 && x <= 650 && y >= 10 && y <= 190, `${x} ${y}`);
        }
    }),
    {
      examples: [
        [
          [
            [0, 1.0000000000000002e308, 0],
            [0, 0, -Infinity],
          ],
        ],
      ],
    },
  );
});

test("the axis of time has both ends, and at least them", () => {
  const scale = { fromMs: 0, toMs: 9000, ceiling: 1 };
  assert.deepEqual(timeTicks(scale, 4), [0, 3000, 6000, 9000]);
  assert.deepEqual(timeTicks(scale, 0), [0, 9000]);
});

test("where somebody looks is the nearest point, the earlier of two equally near", () => {
  const rows = points([0, 1, 1], [1000, 1, 1], [2000, 1, 1]);
  assert.equal(nearest(rows, 1600), 2);
  assert.equal(nearest(rows, 500), 0);
  assert.equal(nearest(rows, -9), 0);
  assert.equal(nearest([], 1), -1);
});
