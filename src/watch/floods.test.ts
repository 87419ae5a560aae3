import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressFrom,
  any,
  chanceOf,
  outcome,
  population,
  Stage,
  START_MS,
  type Shape,
  type Values,
} from "./testing.ts";

const SEEDS = 50;
const CALM_MS = 25_000;
const FLOOD_MS = 8_000;
const AFTER_MS = 55_000;

const ODD: Shape = {
  headers: "odd-order",
  userAgent: "Mozilla/5.0 (flood)",
  accept: "*/*",
  language: "",
  tls: "t-odd",
  http: "1.1",
};

type Scene = {
  readonly chance: () => number;
  readonly places: readonly ReturnType<typeof addressFrom>[];
  readonly common: Shape;
};
type Scenario = {
  readonly name: string;
  readonly addresses: number;
  readonly perSecond: number;
  readonly make: (scene: Scene) => Partial<Values>;
};

const SCENARIOS: readonly Scenario[] = [
  {
    name: "(a) 2,000 addresses with a query that changes each time",
    addresses: 2000,
    perSecond: 2000,
    make: ({ chance, places }) => ({ ...ODD, ...any(places, chance), queryShape: "*=hex" }),
  },
  {
    name: "(a) the same in the clothes of the most common browser",
    addresses: 2000,
    perSecond: 1500,
    make: ({ chance, places, common }) => ({ ...common, ...any(places, chance), queryShape: "*=hex" }),
  },
  {
    name: "(b) 50 addresses below any limit, with an odd order of header fields",
    addresses: 50,
    perSecond: 400,
    make: ({ chance, places, common }) => ({
      ...common,
      headers: "odd-order",
      ...any(places, chance),
      path: any(["/", "/page/1", "/page/2", "/page/3"], chance),
    }),
  },
  {
    name: "(c) POSTs to the login page",
    addresses: 500,
    perSecond: 300,
    make: ({ chance, places }) => ({
      ...ODD,
      ...any(places, chance),
      method: "POST",
      path: "/login",
      pathShape: "/login",
    }),
  },
  {
    name: "(c) the same in the clothes of the most common browser",
    addresses: 500,
    perSecond: 300,
    make: ({ chance, places, common }) => ({
      ...common,
      ...any(places, chance),
      method: "POST",
      path: "/login",
      pathShape: "/login",
    }),
  },
];

function mostCommon(shapes: () => Shape): Shape {
  const counts = new Map<string, { shape: Shape; count: number }>();
  for (let i = 0; i < 500; i++) {
    const shape = shapes();
    const key = JSON.stringify(shape);
    const found = counts.get(key) ?? { shape, count: 0 };
    found.count += 1;
    counts.set(key, found);
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count)[0]!.shape;
}

export function run(scenario: Scenario, seed: number, floodMs = FLOOD_MS) {
  const stage = new Stage(seed, { capacity: 300 });
  const { traffic } = stage;
  const chance = chanceOf(seed + 1000);
  const shapes = population(chance);
  const common = mostCommon(shapes);
  const fromMs = START_MS + CALM_MS + Math.floor(chance() * 10) * 100;
  const untilMs = fromMs + floodMs;
  const endMs = untilMs + AFTER_MS;
  traffic.visitors(START_MS, { untilMs: endMs, perSecond: 1 + chance() * 6, shapes });
  const places = Array.from({ length: scenario.addresses }, () => addressFrom(chance, 100));
  const scene = { chance, places, common };
  traffic.flood(fromMs, { untilMs, perSecond: scenario.perSecond, make: () => scenario.make(scene) });
  stage.runUntil(endMs);
  return { stage, fromMs, untilMs, ...outcome(stage.seen, { fromMs, untilMs }) };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

for (const scenario of SCENARIOS) {
  test(`${scenario.name}: understood within a second, visitors unharmed, gone within a minute`, (t) => {
    const runs = Array.from({ length: SEEDS }, (_, seed) => run(scenario, seed + 1));
    const times = runs.map(({ mitigateMs }) => mitigateMs);
    const passed = Math.max(...runs.map(({ passedShare }) => passedShare));
    const hurt = Math.max(...runs.map(({ goodHurt }) => goodHurt));
    const lift = Math.max(...runs.map(({ liftMs }) => liftMs));
    t.diagnostic(
      `median ${median(times)} ms, most ${Math.max(...times)} ms, passed ${(100 * passed).toFixed(2)} %, hurt ${(100 * hurt).toFixed(2)} %, lifted after ${lift} ms`,
    );
    assert.ok(
      median(times) <= 1000 && Math.max(...times) <= 3000,
      `${times.toSorted((a, b) => a - b).join(" ")}`,
    );
    assert.ok(passed < 0.05, `${passed} of a flood came through`);
    assert.ok(hurt < 0.01, `${hurt} of good requests were stopped`);
    assert.ok(lift <= 60_000, `the last mitigation was lifted after ${lift} ms`);
    for (const { stage } of runs) {
      const reports = [...stage.reports.values()];
      assert.equal(reports.length, 1);
      assert.equal(reports[0]!.kind, "flood");
      assert.notEqual(reports[0]!.mitigatedAtMs, null);
      assert.notEqual(reports[0]!.endedAtMs, null);
    }
  });
}
