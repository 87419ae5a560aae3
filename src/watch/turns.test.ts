/** Turns of the search: nobody's floods keep those of others from being looked at, and where nothing is to be done nobody is banned. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { WatchBatch } from "../contract/flood.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import { Engine, type WatchOrders } from "./engine.ts";
import { addressFrom, chanceOf, population, Stage, START_MS } from "./testing.ts";

const CALM_MS = 400_000;
const NONE: WatchOrders = { mitigations: [], bans: [], reports: [] };

test("a tenant with twelve floods that nothing explains does not starve a neighbour's", () => {
  const real = new Engine({ nodeId: "node_test" as NodeId, random: chanceOf(5) });
  let parts: WatchBatch[] = [];
  const collecting = {
    sites: real.sites,
    tick: (batch: WatchBatch) => {
      parts.push(batch);
      return NONE;
    },
  } as unknown as Engine;
  const stages = Array.from(
    { length: 13 },
    (_, n) => new Stage(10 + n, { engine: collecting, site: String.fromCharCode(97 + n) }),
  );
  const neighbour = stages[12]!;
  const began = START_MS + CALM_MS;
  for (const [n, { traffic }] of stages.entries()) {
    const { chance } = traffic;
    const places = Array.from({ length: 1000 }, () => addressFrom(chance, 77));
    const make = (): object => ({
      headers: `bots ${n}`,
      userAgent: "bot",
      accept: "any",
      language: "",
      tls: "t",
      http: "1.1",
      path: "/",
      pathShape: "/",
      ...places[Math.floor(chance() * places.length)],
    });
    const untilMs = began + 10_000;
    const own = stages[n] === neighbour;
    traffic.visitors(START_MS, { untilMs, perSecond: own ? 1 : 0.3, shapes: population(chance) });
    // Asked for all along, a shape belongs to what is good of the site, and no search finds anything.
    if (!own) traffic.flood(START_MS, { untilMs: began, perSecond: 0.4, make });
    traffic.flood(own ? began : began - 2000, { untilMs, perSecond: own ? 500 : 700, make });
  }
  let metAfterMs = Infinity;
  while (neighbour.nowMs < began + 10_000 && metAfterMs === Infinity) {
    parts = [];
    for (const stage of stages) stage.step();
    const orders = real.tick(
      {
        ...parts[0]!,
        counts: parts.flatMap(({ counts }) => counts),
        samples: parts.flatMap(({ samples }) => samples),
        responses: parts.flatMap(({ responses }) => responses),
        held: parts.flatMap(({ held }) => held),
      },
      { modeOf: () => "act", shed: false },
    );
    if (orders.mitigations.some(({ siteId }) => siteId === neighbour.siteId)) {
      metAfterMs = neighbour.nowMs - began;
    }
  }
  assert.ok(metAfterMs <= 3000, `met after ${metAfterMs} ms`);
});

test("only where floods are met is anybody banned for persistence", () => {
  const siteId = `site_${"a".repeat(26)}` as SiteId;
  const batch: WatchBatch = {
    fromMs: START_MS,
    toMs: START_MS + 100,
    counts: [],
    samples: [],
    responses: [],
    held: [],
    persistent: [{ siteId, address: "192.0.2.9", refusals: 31, isShared: false }],
    droppedSamples: 0,
  };
  for (const [mode, bans] of [
    ["act", 1],
    ["shadow", 0],
    ["off", 0],
  ] as const) {
    const engine = new Engine({ nodeId: "node_test" as NodeId, random: chanceOf(1) });
    assert.equal(engine.tick(batch, { modeOf: () => mode, shed: false }).bans.length, bans, mode);
  }
});
