/** What grows slowly: a flood that hopes to be learned on the way, and a site's own visitors and programs, which are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addressFrom, any, population, program, Stage, START_MS } from "./testing.ts";

const HOUR_MS = 3_600_000;
const CAPACITY = 150;

for (const { perMinute, hours, passedMax } of [
  { perMinute: 0.05, hours: 12, passedMax: 0.4 },
  { perMinute: 0.1, hours: 3, passedMax: 0.4 },
  { perMinute: 0.2, hours: 3, passedMax: 0.1 },
  { perMinute: 0.4, hours: 1.5, passedMax: 0.1 },
]) {
  test(`a flood that grows by ${100 * perMinute} % a minute is met before the origin falls`, (t) => {
    const stage = new Stage(3, { capacity: CAPACITY });
    const { chance } = stage.traffic;
    const fromMs = START_MS + hours * HOUR_MS;
    const untilMs = fromMs + (Math.log(200) / Math.log(1 + perMinute)) * 60_000;
    stage.traffic.visitors(START_MS, { untilMs, perSecond: 1, shapes: population(chance) });
    const places = Array.from({ length: 2000 }, () => addressFrom(chance, 77));
    stage.traffic.flood(fromMs, {
      untilMs,
      perSecond: (ms) => 2 * (1 + perMinute) ** ((ms - fromMs) / 60_000),
      make: () => ({ ...program("bot"), path: "/", pathShape: "/", ...any(places, chance) }),
    });
    stage.runUntil(untilMs);
    let most = 0;
    let good = 0;
    let hurt = 0;
    for (let i = 0; i < stage.seen.length; i += 10) {
      const second = stage.seen.slice(i, i + 10);
      most = Math.max(
        most,
        second.reduce((sum, { floodPassed }) => sum + floodPassed, 0),
      );
      good += second.reduce((sum, tick) => sum + tick.good, 0);
      hurt += second.reduce((sum, { goodHurt }) => sum + goodHurt, 0);
    }
    const last = stage.seen.filter(({ ms }) => ms >= untilMs - 120_000);
    const flood = last.reduce((sum, tick) => sum + tick.flood, 0);
    const passed = last.reduce((sum, { floodPassed }) => sum + floodPassed, 0);
    t.diagnostic(`at most ${most} of it a second, ${Math.round((100 * passed) / flood)} % at the end`);
    assert.ok(most < CAPACITY, `${most} in a second`);
    assert.ok(passed < passedMax * flood, `${passed} of ${flood} at the end`);
    assert.ok(hurt < 0.005 * good, `${hurt} of ${good} hurt`);
  });
}

test("visitors who come to be eight times as many within an hour, and the programs among them, are let be and learned", () => {
  const stage = new Stage(5);
  const { chance } = stage.traffic;
  const fromMs = START_MS + 3 * HOUR_MS;
  const untilMs = fromMs + 2 * HOUR_MS;
  const growth = (ms: number): number => 1 + 7 * Math.max(0, Math.min(1, (ms - fromMs) / HOUR_MS));
  stage.traffic.visitors(START_MS, {
    untilMs,
    perSecond: (ms) => 0.8 * growth(ms),
    shapes: population(chance),
  });
  const phones = Array.from({ length: 500 }, () => addressFrom(chance, 77));
  for (const [name, share] of [
    ["app", 1],
    ["feeds", 0.2],
    ["checks", 0.05],
  ] as const) {
    stage.traffic.flood(START_MS, {
      untilMs,
      perSecond: (ms) => share * growth(ms),
      make: () => ({ ...program(name), ...any(phones, chance) }),
      isGood: true,
    });
  }
  stage.runUntil(untilMs);
  assert.deepEqual(stage.orders, []);
  assert.equal(
    stage.seen.reduce((sum, { goodHurt }) => sum + goodHurt, 0),
    0,
  );
  const { baseline } = stage.engine.sites.get(stage.siteId)!;
  const lately = stage.seen.slice(-3000);
  const perSecond = lately.reduce((sum, { good }) => sum + good, 0) / 300;
  assert.ok(baseline.expected(untilMs).perSecond > perSecond / 3, "most of it is expected by then");
  assert.equal([...stage.reports.values()].filter(({ kind }) => kind === "flood").length, 0);
});
