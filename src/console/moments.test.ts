import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, countdown, fromLocalField, moment, span, SOON_MS, toLocalField } from "./moments.ts";
import { ENGLISH } from "./words/english.ts";
import { FRENCH } from "./words/french.ts";

const t = ENGLISH.time;
const NOW = Date.parse("2026-11-22T03:00:00.000Z");
const at = (ms: number): string => new Date(NOW + ms).toISOString();

test("spans show two units and round down", () => {
  const table: [number, string][] = [
    [0, "0 s"],
    [999, "0 s"],
    [59_999, "59 s"],
    [60_000, "1 min 00 s"],
    [252_000, "4 min 12 s"],
    [3_599_999, "59 min 59 s"],
    [3_600_000, "1 h 00 min"],
    [11_100_000, "3 h 05 min"],
    [86_400_000, "1 d 0 h"],
    [-252_000, "4 min 12 s"],
  ];
  for (const [ms, text] of table) assert.equal(span(ms, t), text);
  assert.equal(span(90_000_000, FRENCH.time), "1 j 1 h");
});

test("a clock turns soon at a quarter of an hour, and over at its moment", () => {
  const now = { now: NOW, t };
  assert.deepEqual(countdown(at(SOON_MS + 1000), now), { text: "15 min 01 s left", urgency: "calm" });
  assert.deepEqual(countdown(at(SOON_MS), now), { text: "15 min 00 s left", urgency: "soon" });
  assert.deepEqual(countdown(at(0), now), { text: "overdue by 0 s", urgency: "over" });
  assert.deepEqual(countdown(at(-7_200_000), now), { text: "overdue by 2 h 00 min", urgency: "over" });
  assert.deepEqual(countdown("garbage", now), { text: "garbage", urgency: "calm" });
});

test("what has passed is told in one unit", () => {
  const table: [number, string][] = [
    [0, "now"],
    [4_999, "now"],
    [30_000, "30 s ago"],
    [720_000, "12 min ago"],
    [7_300_000, "2 h ago"],
    [200_000_000, "2 d ago"],
  ];
  for (const [ms, text] of table) assert.equal(ago(at(-ms), { now: NOW, t }), text);
  assert.equal(ago("garbage", { now: NOW, t }), "garbage");
});

test("a local field keeps its minute on the way to UTC and back, and an empty one is null", () => {
  assert.equal(fromLocalField(toLocalField(NOW)), "2026-11-22T03:00:00.000Z");
  assert.equal(fromLocalField(""), null);
  assert.equal(fromLocalField("yesterday"), null);
});

test("a moment that cannot be read is shown as it is", () => assert.equal(moment("soon", t), "soon"));
