/** An incident that goes on is told of again and again: whoever hears nothing of it for a minute takes its node for dead, and the incident for over. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addressFrom, chanceOf, population, Stage, START_MS } from "./testing.ts";

const CALM_MS = 25_000;
const FLOOD_MS = 180_000;
/** A quarter of what the control plane waits for (SILENT_MS in sites/incidents.ts). */
const GAP_MS_MAX = 15_000;

for (const perSecond of [400, 60]) {
  test(`a flood of ${perSecond} a second is reported at least every ${GAP_MS_MAX / 1000} s while it lasts`, () => {
    const stage = new Stage(7);
    const chance = chanceOf(8);
    const fromMs = START_MS + CALM_MS;
    const untilMs = fromMs + FLOOD_MS;
    stage.traffic.visitors(START_MS, { untilMs, perSecond: 4, shapes: population(chance) });
    const places = Array.from({ length: 200 }, () => addressFrom(chance, 100));
    stage.traffic.flood(fromMs, {
      untilMs,
      perSecond,
      make: () => ({
        headers: "odd-order",
        userAgent: "Mozilla/5.0 (flood)",
        accept: "*/*",
        ...places[Math.floor(chance() * places.length)],
        path: "/page/3",
      }),
    });
    let told = fromMs;
    let last: unknown;
    let reports = 0;
    for (let ms = fromMs; ms <= untilMs; ms += 500) {
      stage.runUntil(ms);
      const [report] = [...stage.reports.values()];
      if (report !== last) {
        last = report;
        told = ms;
        reports += 1;
        assert.equal(stage.reports.size, 1);
      }
      assert.ok(ms - told <= GAP_MS_MAX, `nothing was told for ${ms - told} ms`);
    }
    assert.ok(reports >= FLOOD_MS / GAP_MS_MAX);
  });
}
