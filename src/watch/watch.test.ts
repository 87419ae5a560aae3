import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createLocalBus } from "../bus/bus.ts";
import {
  noCounts,
  type EdgeMitigation,
  type FloodReport,
  type FloodSample,
  type WatchBatch,
} from "../contract/flood.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import { FLOOD_TOPICS } from "../contract/topics.ts";
import { WATCH_FILE } from "./kept-state.ts";
import { asked, START_MS } from "./testing.ts";
import { startWatch, type WatchSource } from "./watch.ts";

const NODE = "node_00000000000000000000000000" as NodeId;
const SITE = "site_00000000000000000000000000" as SiteId;

/** An edge whose time runs a hundred times faster: fifty calm seconds of two hundred clients, then a flood. */
function edge() {
  let tick = 0;
  const mitigations: EdgeMitigation[] = [];
  const samples = (flood: boolean, atMs: number): FloodSample[] =>
    Array.from({ length: flood ? 100 : 6 }, (_, i) => {
      const client = (tick * 7 + i * 3) % 200;
      const { values } = flood
        ? asked(
            {
              headers: "odd",
              userAgent: "flood",
              path: "/search",
              queryShape: "*=X",
              address: `192.0.2.${i}`,
            },
            { isGood: false },
          )
        : asked(
            {
              headers: `h${client % 5}`,
              userAgent: `u${client % 11}`,
              accept: "a",
              language: client % 2 === 0 ? "en" : "fr",
              path: i % 3 === 0 ? "/" : "/a.css",
              address: `198.51.100.${client}`,
            },
            { isGood: true },
          );
      return {
        siteId: SITE,
        atMs,
        requestId: "r",
        weight: 1,
        values,
        headerNames: "host user-agent",
        isAsset: !flood && i % 3 !== 0,
        isCleared: false,
        passage: "passed" as const,
      };
    });
  const source: WatchSource = {
    drain: async (): Promise<WatchBatch> => {
      const fromMs = START_MS + tick * 100;
      tick += 1;
      const isFlood = tick > 500 && mitigations.length === 0;
      const all = [...samples(false, fromMs), ...(isFlood ? samples(true, fromMs) : [])];
      return {
        fromMs,
        toMs: fromMs + 100,
        counts: [{ ...noCounts(SITE), passed: all.length, assets: 4 }],
        samples: all,
        responses: [],
        held: mitigations.slice(0, 1).map(({ mitigationId }) => ({ mitigationId, requests: 100 })),
        persistent: [
          { siteId: SITE, address: "192.0.2.9", refusals: 40, isShared: false },
          { siteId: SITE, address: "192.0.2.10", refusals: 40, isShared: true },
        ],
        droppedSamples: 0,
      };
    },
    mitigate: async (list) => void mitigations.push(...list),
  };
  return { source, mitigations };
}

async function until(is: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !is(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(is());
}

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "parapet-watch-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

test("a node holds a flood by itself, tells of it over the bus, bans who persists, and keeps what it learned", async (t) => {
  const stateDir = folder(t);
  const bus = createLocalBus({ onError: (error) => assert.fail(String(error)) });
  const told: FloodReport[] = [];
  bus.subscribe(FLOOD_TOPICS, ({ value }) => void told.push(value as FloodReport));
  const { source, mitigations } = edge();
  const bans: string[] = [];
  const watch = startWatch({
    nodeId: NODE,
    source: { ...source, ban: async (list) => void bans.push(...list.map(({ address }) => address)) },
    bus,
    stateDir,
    now: Date.now,
    random: (bytes) => randomBytes(bytes),
    onAlarm: ({ what }) => assert.fail(what),
    tickMs: 1,
  });
  await until(() => mitigations.length > 0 && told.length > 0);
  const { where, seconds, siteId, action } = mitigations[0]!;
  assert.ok(where.length > 0 && seconds > 0 && siteId === SITE && action !== "throttle");
  assert.equal(told[0]!.kind, "flood");
  assert.equal(told[0]!.nodeId, NODE);
  assert.deepEqual(watch.incidents()[0]!.incidentId, told[0]!.incidentId);
  await watch.stop();
  assert.deepEqual([...new Set(bans)], ["192.0.2.9"]);
  assert.match(readFileSync(join(stateDir, WATCH_FILE), "utf8"), /parapet-watch-2/);
  await bus.close();
});

test("without a bus the node acts alone, and what the edge did not take is told again", async (t) => {
  const { source, mitigations } = edge();
  let refused = 0;
  const watch = startWatch({
    nodeId: NODE,
    source: {
      ...source,
      mitigate: async (list) => {
        refused += 1;
        if (refused < 3) throw new Error("nginx is being started again");
        mitigations.push(...list);
      },
    },
    bus: null,
    stateDir: folder(t),
    now: Date.now,
    random: (bytes) => randomBytes(bytes),
    onAlarm: ({ what }) => assert.fail(what),
    tickMs: 1,
  });
  await until(() => mitigations.length > 0);
  await watch.stop();
  assert.ok(refused >= 3);
});

test("an edge that cannot be asked raises one alarm, and a broken file another; nothing throws", async (t) => {
  const stateDir = folder(t);
  writeFileSync(join(stateDir, WATCH_FILE), "garbage");
  const codes: string[] = [];
  const watch = startWatch({
    nodeId: NODE,
    source: {
      drain: async () => {
        throw new Error("no socket");
      },
      mitigate: async () => undefined,
    },
    bus: null,
    stateDir,
    now: Date.now,
    random: (bytes) => randomBytes(bytes),
    onAlarm: ({ code }) => void codes.push(code),
    tickMs: 1,
  });
  await until(() => codes.length >= 2);
  await watch.stop();
  assert.deepEqual(codes, ["watch.state", "watch.blind"]);
});
