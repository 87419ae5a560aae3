/** Floods that were prepared: by asking early and seldom, and by filling every place with small ones. And an app's own crowd, which is none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MITIGATION_PER_SECOND_MAX } from "../contract/flood.ts";
import { keptOf } from "./decide.ts";
import { addressFrom, any, chanceOf, population, program, Stage, START_MS } from "./testing.ts";

const SEEDS = [1, 2, 3];

function stageOf(seed: number, perSecond: number) {
  const stage = new Stage(seed);
  const chance = chanceOf(seed + 500);
  const shapes = population(chance);
  return {
    stage,
    chance,
    visitors: (untilMs: number) => stage.traffic.visitors(START_MS, { untilMs, perSecond, shapes }),
    places: (count: number) => Array.from({ length: count }, () => addressFrom(chance, 100)),
  };
}

function sums(stage: Stage, fromMs: number, untilMs: number) {
  const all = { flood: 0, floodPassed: 0, good: 0, goodHurt: 0 };
  for (const tick of stage.seen) {
    if (tick.ms < fromMs || tick.ms >= untilMs) continue;
    all.flood += tick.flood;
    all.floodPassed += tick.floodPassed;
    all.good += tick.good;
    all.goodHurt += tick.goodHurt;
  }
  return all;
}

for (const asked of [0, 0.01, 0.03, 0.1]) {
  test(`a shape of which ${100 * asked} % of all requests were all along has no free passage`, () => {
    for (const seed of SEEDS) {
      const { stage, chance, visitors, places } = stageOf(seed, 1);
      const fromMs = START_MS + 600_000;
      const untilMs = fromMs + 30_000;
      visitors(untilMs);
      const bots = places(2000);
      const make = () => ({ ...program("bot"), ...any(bots, chance) });
      if (asked > 0) stage.traffic.flood(START_MS, { untilMs: fromMs, perSecond: 12 * asked, make });
      stage.traffic.flood(fromMs, { untilMs, perSecond: 3000, make });
      stage.runUntil(untilMs);
      const { flood, floodPassed, good, goodHurt } = sums(stage, fromMs + 3000, untilMs);
      assert.ok(floodPassed < 0.02 * flood, `seed ${seed}: ${floodPassed} of ${flood} came through`);
      assert.ok(goodHurt < 0.01 * good, `seed ${seed}: ${goodHurt} of ${good} were hurt`);
      const actions = new Set(stage.orders.filter(({ seconds }) => seconds > 0).map(({ action }) => action));
      if (asked >= 0.03) assert.deepEqual([...actions], ["throttle"], `seed ${seed}`);
    }
  });
}

test("what comes through of a known shape is what a node takes, however small or busy the site", () => {
  assert.deepEqual([0, 0.1, 3, 1e9].map(keptOf), [5, 5, 30, MITIGATION_PER_SECOND_MAX]);
});

test("small floods that fill every place give way to a great one, and none of them changes places by turns", () => {
  for (const seed of SEEDS) {
    const { stage, chance, visitors, places } = stageOf(seed, 3);
    const fromMs = START_MS + 120_000;
    const greatMs = fromMs + 20_000;
    const untilMs = fromMs + 100_000;
    visitors(untilMs);
    const bots = places(500);
    const bot = (i: number) => ({
      ...program(`bot${i}`),
      language: `l${i}`,
      referrer: `r${i}`,
      http: "2",
      ...any(bots, chance),
    });
    for (let wave = 0; wave < 12; wave++) {
      stage.traffic.flood(fromMs + wave * 1500, {
        untilMs: fromMs + wave * 1500 + 1200,
        perSecond: 500,
        make: () => bot(wave * 2 + Math.floor(chance() * 2)),
      });
    }
    stage.traffic.flood(fromMs + 1500, {
      untilMs,
      perSecond: 24 * 5,
      make: () => bot(Math.floor(chance() * 24)),
    });
    stage.traffic.flood(greatMs, { untilMs, perSecond: 3000, make: () => bot(999) });
    stage.runUntil(greatMs);
    assert.equal(stage.inForce.length, 16, `seed ${seed}: all places are taken`);
    stage.runUntil(untilMs);
    assert.ok(stage.inForce.length <= 16);
    const { flood, floodPassed, goodHurt } = sums(stage, greatMs + 3000, untilMs);
    assert.ok(floodPassed < 0.05 * flood, `seed ${seed}: ${floodPassed} of ${flood} came through`);
    assert.equal(goodHurt, 0, `seed ${seed}`);
    const ids = new Set(stage.orders.map(({ mitigationId }) => mitigationId));
    assert.ok(ids.size < 60, `seed ${seed}: ${ids.size} mitigations`);
  }
});

test("an app whose clients all wake up at once goes on, until it is many times what the whole site ever had", () => {
  for (const seed of SEEDS) {
    const { stage, chance, visitors, places } = stageOf(seed, 4);
    const fromMs = START_MS + 600_000;
    const untilMs = fromMs + 60_000;
    visitors(untilMs);
    const phones = places(3000);
    const make = () => ({ ...program("app"), ...any(phones, chance) });
    stage.traffic.flood(START_MS, { untilMs: fromMs, perSecond: 2, make, isGood: true });
    stage.traffic.flood(fromMs, { untilMs, perSecond: 60, make, isGood: true });
    stage.runUntil(untilMs);
    const { good, goodHurt } = sums(stage, fromMs, untilMs);
    assert.equal(goodHurt, 0, `seed ${seed}: ${goodHurt} of ${good}`);
  }
});
