import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { Engine } from "./engine.ts";
import { loadKept, parseKept, saveKept, WATCH_FILE } from "./kept-state.ts";
import { addressFrom, chanceOf, outcome, population, Stage, START_MS } from "./testing.ts";
import type { NodeId } from "../contract/ids.ts";

const pause = async (): Promise<void> => undefined;

function calmStage(engine?: Engine, startMs = START_MS): Stage {
  const stage = new Stage(7, { startMs, ...(engine === undefined ? {} : { engine }) });
  const shapes = population(chanceOf(70));
  stage.traffic.visitors(startMs, { untilMs: startMs + 60_000, perSecond: 5, shapes });
  return stage;
}

test("what was learned comes back after a restart, acts at once, and holds no visitor's address", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "parapet-watch-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const before = calmStage();
  before.runUntil(START_MS + 60_000);
  await saveKept(dir, { sites: before.engine.toKept(400), pause });
  assert.deepEqual(readdirSync(dir), [WATCH_FILE]);
  assert.doesNotMatch(readFileSync(join(dir, WATCH_FILE), "utf8"), /"10\.\d+\.\d+\.\d+/);

  const { sites, why } = loadKept(dir);
  assert.equal(why, null);
  assert.equal(sites.length, 1);
  const engine = new Engine({ nodeId: "node_test" as NodeId, random: chanceOf(3) });
  engine.fromKept(sites);
  const startMs = START_MS + 90_000;
  const stage = calmStage(engine, startMs);
  const usual = engine.sites.get(stage.siteId)!.baseline.expected(startMs);
  assert.ok(usual.isLearned && usual.perSecond > 10, JSON.stringify(usual));
  const chance = chanceOf(5);
  const places = Array.from({ length: 500 }, () => addressFrom(chance, 100));
  stage.traffic.flood(startMs + 500, {
    untilMs: startMs + 5000,
    perSecond: 800,
    make: () => ({ headers: "odd", userAgent: "flood", ...places[Math.floor(chance() * 500)] }),
  });
  stage.runUntil(startMs + 5000);
  const { mitigateMs } = outcome(stage.seen, { fromMs: startMs + 500, untilMs: startMs + 5000 });
  assert.ok(mitigateMs <= 1000, `${mitigateMs}`);
});

test("no file is no fault; a broken one is set aside and kept", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "parapet-watch-"));
  t.after(() => rmSync(dir, { recursive: true }));
  assert.deepEqual(loadKept(dir), { sites: [], why: null });
  for (const text of [
    "",
    "{}",
    "parapet",
    '{"kept":"parapet-watch-1"}',
    '{"kept":"parapet-watch-1"}\n{"siteId":1}\n',
  ]) {
    writeFileSync(join(dir, WATCH_FILE), text);
    const { sites, why } = loadKept(dir);
    assert.deepEqual(sites, []);
    assert.match(why ?? "", /^(It|Its|Line)/);
    assert.ok(!existsSync(join(dir, WATCH_FILE)));
    assert.equal(readFileSync(join(dir, `${WATCH_FILE}.broken`), "utf8"), text);
  }
  mkdirSync(join(dir, WATCH_FILE));
  assert.match(loadKept(dir).why ?? "", /no file/);
});

test("of each site every number and text is looked at", () => {
  const stage = calmStage();
  stage.runUntil(START_MS + 30_000);
  const [site] = [...stage.engine.toKept(5)];
  const head = '{"kept":"parapet-watch-2"}\n';
  const parse = (value: unknown) => parseKept(`${head}${JSON.stringify(value)}\n`);
  assert.ok(parse(site).ok);
  const { baseline, reference } = site!;
  const wrong: unknown[] = [
    { ...site, siteId: "site_x" },
    { ...site, baseline: { ...baseline, level: -1 } },
    { ...site, baseline: { ...baseline, level: null } },
    { ...site, baseline: { ...baseline, slow: undefined } },
    { ...site, baseline: { ...baseline, variance: "1" } },
    { ...site, baseline: { ...baseline, means: [] } },
    { ...site, baseline: { ...baseline, highs: baseline.highs.map(() => 1e300) } },
    { ...site, baseline: { ...baseline, shares: [[1]] } },
    { ...site, reference: [{ ...reference[0], v: [] }] },
    { ...site, reference: [{ ...reference[0], v: reference[0]!.v.map(() => "x".repeat(5000)) }] },
    { ...site, reference: [{ ...reference[0], a: 2 }] },
    { ...site, reference: [{ ...reference[0], k: 1e300 }] },
    { ...site, reference: Array.from({ length: 3000 }, () => reference[0]) },
    [],
    null,
  ];
  for (const value of wrong) assert.equal(parse(value).ok, false, JSON.stringify(value).slice(0, 200));
  assert.equal(parseKept(`${head}${JSON.stringify(site)}\n${JSON.stringify(site)}\n`).ok, false);
  assert.equal(parseKept(`${head}${JSON.stringify(site)}`).ok, false);
});

test("of a file of the version before the rates are taken, and no samples", () => {
  const stage = calmStage();
  stage.runUntil(START_MS + 30_000);
  const [site] = [...stage.engine.toKept(5)];
  const { slow: _, ...baseline } = site!.baseline;
  const parsed = parseKept(`{"kept":"parapet-watch-1"}\n${JSON.stringify({ ...site, baseline })}\n`);
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.value, [
    { ...site, baseline: { ...baseline, slow: baseline.level }, reference: [] },
  ]);
});

test("whatever the file holds, reading it never throws", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json().map((json) => `{"kept":"parapet-watch-2"}\n${json}\n`),
      ),
      (text) => {
        const parsed = parseKept(text);
        assert.ok(parsed.ok || parsed.why.length > 0);
      },
    ),
    { numRuns: 500 },
  );
});
