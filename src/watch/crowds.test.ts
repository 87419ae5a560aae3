import assert from "node:assert/strict";
import { test } from "node:test";
import { addressFrom, chanceOf, pathFrom, population, Stage, START_MS, type Shape } from "./testing.ts";

const SEEDS = 50;
const CALM_MS = 25_000;
const HOUR_MS = 3_600_000;

function calm(stage: Stage): void {
  assert.deepEqual(
    stage.orders.map(({ where, action }) => `${action} ${JSON.stringify(where)}`),
    [],
  );
}

test("(e) a burst of real visitors from a link is never held, whatever they bring, and is told as a surge", (t) => {
  let surges = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const stage = new Stage(seed, { capacity: seed % 3 === 0 ? 60 : 1e9 });
    const { traffic } = stage;
    const chance = chanceOf(seed + 2000);
    const shapes = population(chance);
    // Half of them come in an app's own browser, which nobody used here before.
    const inApp = population(chance, { kinds: 3, name: "app" });
    const fromMs = START_MS + CALM_MS;
    const untilMs = fromMs + 25_000;
    traffic.visitors(START_MS, { untilMs: untilMs + 20_000, perSecond: 1 + chance() * 5, shapes });
    traffic.visitors(fromMs, {
      untilMs,
      // At once for some, swelling for others.
      perSecond: (ms) => (seed % 2 === 0 ? 60 : Math.min(80, (ms - fromMs) / 80)),
      shapes: () => (chance() < (seed % 4) / 6 ? inApp() : shapes()),
      place: () => addressFrom(chance, 50),
      landing: "/page/42",
      referrer: "news.example",
      ...(seed % 5 === 0 ? { query: "fbclid=token" } : {}),
    });
    stage.runUntil(untilMs + 20_000);
    calm(stage);
    for (const { kind, signatures } of stage.reports.values()) {
      assert.equal(kind, "surge");
      assert.deepEqual(signatures, []);
      surges += 1;
    }
  }
  t.diagnostic(`${surges} surges told of in ${SEEDS} bursts`);
  assert.ok(surges > SEEDS / 2);
});

test("a product launch at the top of the hour, many in one app and from one country, is never held", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const stage = new Stage(seed, { capacity: seed % 2 === 0 ? 80 : 1e9 });
    const { traffic } = stage;
    const chance = chanceOf(seed + 3000);
    const shapes = population(chance, { kinds: 3 });
    const fromMs = START_MS + 30_000;
    traffic.visitors(START_MS, { untilMs: fromMs + 15_000, perSecond: 2, shapes });
    const inApp = population(chance, { kinds: 1, name: "shop-app" });
    traffic.visitors(fromMs, {
      untilMs: fromMs + 15_000,
      perSecond: (ms) => (ms < fromMs + 500 ? 300 : 60),
      shapes: () => (chance() < 0.6 ? inApp() : shapes()),
      place: () => ({ ...addressFrom(chance, 51), country: "FR" }),
      landing: "/launch",
    });
    stage.runUntil(fromMs + 20_000);
    calm(stage);
  }
});

test("two simulated days with nights, crawlers, a feed reader and a few busy people: nothing is held", () => {
  for (const seed of [1, 2]) {
    const stage = new Stage(seed);
    const { traffic } = stage;
    const chance = chanceOf(seed + 4000);
    const shapes = population(chance);
    const bot: Shape = {
      headers: "bot",
      userAgent: "Bot/1.0",
      accept: "*/*",
      language: "",
      tls: "b",
      http: "1.1",
    };
    const hours = 24;
    const start = START_MS;
    for (let hour = 0; hour < hours * 2; hour++) {
      const fromMs = start + hour * HOUR_MS;
      // One minute of each hour is looked at closely; what lies between is silence, which must not alarm either.
      const rate = 0.2 + 3 * (1 + Math.sin((2 * Math.PI * hour) / 24));
      traffic.visitors(fromMs, { untilMs: fromMs + 60_000, perSecond: rate, shapes });
      const crawler = addressFrom(chance, 66);
      traffic.flood(fromMs, {
        untilMs: fromMs + 60_000,
        perSecond: 4,
        isGood: true,
        make: () => ({ ...bot, ...crawler, path: pathFrom(chance) }),
      });
      stage.nowMs = fromMs;
      stage.runUntil(fromMs + 60_000);
    }
    calm(stage);
    assert.equal(stage.reports.size, 0);
  }
});

test("four hours on end of an ordinary site, and of one with a request a minute: nothing is held or told", () => {
  for (const [seed, perSecond] of [
    [1, 2],
    [2, 1 / 900],
    [3, 0.02],
  ] as const) {
    const stage = new Stage(seed);
    const chance = chanceOf(seed + 5000);
    stage.traffic.visitors(START_MS, {
      untilMs: START_MS + 4 * HOUR_MS,
      perSecond,
      shapes: population(chance),
    });
    stage.runUntil(START_MS + 4 * HOUR_MS);
    calm(stage);
    assert.equal(stage.reports.size, 0);
  }
});

test("a campus behind one address opens a page together, on machines that are all alike: it is let through", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const stage = new Stage(seed);
    const { traffic } = stage;
    const chance = chanceOf(seed + 6000);
    const shapes = population(chance);
    const untilMs = START_MS + CALM_MS + 10_000;
    traffic.visitors(START_MS, { untilMs, perSecond: 3, shapes });
    const one = shapes();
    const place = addressFrom(chance, 77);
    traffic.visitors(START_MS + CALM_MS, {
      untilMs,
      perSecond: 30,
      shapes: () => (seed % 2 === 0 ? one : shapes()),
      place: () => place,
      landing: "/course",
    });
    stage.runUntil(untilMs);
    calm(stage);
  }
});

test("a site of programs alone, whose app wakes everywhere at once, is let through", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const stage = new Stage(seed);
    const { traffic } = stage;
    const chance = chanceOf(seed + 7000);
    const app: Shape = {
      headers: "app",
      userAgent: "App/3.1",
      accept: "json",
      language: "",
      tls: "a",
      http: "2",
    };
    const older: Shape = { ...app, userAgent: "App/3.0" };
    const fromMs = START_MS + CALM_MS;
    const untilMs = fromMs + 15_000;
    const make = (first: number) => () => ({
      ...(chance() < 0.8 ? app : older),
      ...addressFrom(chance, first),
      path: chance() < 0.5 ? "/api/feed" : "/api/state",
      accept: "json",
    });
    traffic.flood(START_MS, { untilMs, perSecond: 20, isGood: true, make: make(10) });
    traffic.flood(fromMs, { untilMs, perSecond: 400, isGood: true, make: make(20) });
    stage.runUntil(untilMs);
    calm(stage);
  }
});

test("a new site's first visitors, in a crowd, are let through before anything was learned", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const stage = new Stage(seed);
    const chance = chanceOf(seed + 8000);
    const shapes = population(chance, { kinds: 4 });
    stage.traffic.visitors(START_MS, { untilMs: START_MS + 20_000, perSecond: 40, shapes, landing: "/" });
    stage.runUntil(START_MS + 20_000);
    calm(stage);
  }
});
