/**
 * How soon is a flood stopped, and who notices? Floods of four kinds, a rush of real visitors, slow attacks, HTTP/2 resets and ten million invented keys, against an edge
 * with sites that nobody tuned, before an origin that saturates, with visitors who behave like people with browsers. The same floods against bare nginx,
 * nginx with limit_req and HAProxy with stick tables. Addresses are those of 127.0.0.0/8; the origin alone knows which of them flood. What each figure means stands
 * in flood-figures.ts.
 *
 * Run with: ./parapet bench flood --json [--quick] [--only a,b,c,d,e,f,g,m,rivals]
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../src/node/free-port.ts";
import { buildEdge } from "../src/cli/build-edge.ts";
import { makeCertificate, showCertificate } from "./bench-certificate.ts";
import { EDGE_LUA_DIR } from "./edge-under-test.ts";
import { Child } from "./flood-children.ts";
import { compareRivals, type RivalRuns } from "./flood-compare.ts";
import { EDGE_WORKERS, startFloodEdge, type FloodEdge } from "./flood-edge.ts";
import {
  edgeBurst,
  edgeFlood,
  edgeResets,
  edgeSlow,
  type Burst,
  type EdgeBench,
  type EdgeFlood,
  type Resets,
  type Slow,
} from "./flood-edge-runs.ts";
import { measureKeys, type KeysFigures } from "./flood-keys.ts";
import { FLOOD_SCENARIOS } from "./flood-scenarios.ts";
import { ORIGIN_PER_SECOND, ORIGIN_QUEUE_MAX, ORIGIN_WORKERS } from "./flood-site.ts";
import { floodTable } from "./flood-table.ts";

export type FloodBenchOptions = { readonly json: boolean; readonly quick?: boolean; readonly only?: string };

type Plan = {
  readonly seeds: readonly number[];
  readonly calmSeconds: number;
  readonly floodSeconds: number;
  readonly burstSeconds: number;
  readonly slowSeconds: number;
  readonly resetSeconds: number;
  readonly keys: number;
  readonly rivalCalmSeconds: number;
  readonly rivalFloodSeconds: number;
  readonly rivalScenarios: string;
};

const WHOLE: Plan = {
  seeds: [1, 2, 3],
  calmSeconds: 17,
  floodSeconds: 40,
  burstSeconds: 30,
  slowSeconds: 30,
  resetSeconds: 15,
  keys: 10_000_000,
  rivalCalmSeconds: 5,
  rivalFloodSeconds: 8,
  rivalScenarios: "abcd",
};
const QUICK: Plan = {
  seeds: [1],
  calmSeconds: 15,
  floodSeconds: 12,
  burstSeconds: 15,
  slowSeconds: 12,
  resetSeconds: 6,
  keys: 300_000,
  rivalCalmSeconds: 5,
  rivalFloodSeconds: 6,
  rivalScenarios: "a",
};
const GUESTS_PER_SECOND = 120;
const PARTS = ["a", "b", "c", "d", "e", "f", "g", "m", "rivals"] as const;
type Part = (typeof PARTS)[number];

export type FloodFindings = {
  readonly floods: readonly EdgeFlood[];
  readonly burst: Burst | null;
  readonly slow: Slow | null;
  readonly resets: Resets | null;
  readonly keys: KeysFigures | null;
  readonly rivals: RivalRuns | null;
};

export async function bench(options: FloodBenchOptions): Promise<object> {
  const say = (line: string): void =>
    void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  const plan = options.quick === true ? QUICK : WHOLE;
  const parts = partsOf(options.only);
  await buildEdge({ outDir: EDGE_LUA_DIR });
  // Before anything was started: on a machine that is busy with something else, latencies say little.
  const loadBefore = loadavg()[0] ?? 0;
  const folder = mkdtempSync(join(tmpdir(), "parapet-bench-"));
  chmodSync(folder, 0o755);
  const originPort = await freePort();
  const origin = new Child("origin");
  let edge: FloodEdge | undefined;
  try {
    await origin.ask({ ask: "listen", port: originPort }, "listening");
    mkdirSync(join(folder, "edge"));
    edge = await startFloodEdge(join(folder, "edge"), originPort);
    const { calmSeconds, floodSeconds } = plan;
    const b: EdgeBench = { edge, origin, calmSeconds, floodSeconds, say };
    say(
      `Seeds ${plan.seeds.join(", ")}; an origin of ${ORIGIN_WORKERS} workers, about ${ORIGIN_PER_SECOND} pages a second`,
    );
    const floods = await edgeFloods(b, { plan, parts });
    const others = await edgeOthers(b, { plan, parts, folder });
    const { alarms } = edge;
    await edge.stop();
    edge = undefined;
    const rivals = parts.has("rivals")
      ? await compareRivals({
          origin,
          originPort,
          folder,
          workers: EDGE_WORKERS,
          calmSeconds: plan.rivalCalmSeconds,
          floodSeconds: plan.rivalFloodSeconds,
          scenarios: FLOOD_SCENARIOS.filter(({ name }) => plan.rivalScenarios.includes(name)),
          seed: plan.seeds[0] ?? 1,
          say,
        })
      : null;
    const table = floodTable({ floods, ...others, rivals });
    return {
      ...table,
      alarms,
      seeds: plan.seeds,
      quick: options.quick === true,
      origin: { workers: ORIGIN_WORKERS, pagesPerSecond: ORIGIN_PER_SECOND, queueMax: ORIGIN_QUEUE_MAX },
      workers: EDGE_WORKERS,
      loadBefore,
      plan,
    };
  } finally {
    await edge?.stop();
    await origin.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function partsOf(only: string | undefined): ReadonlySet<Part> {
  if (only === undefined) return new Set(PARTS);
  const wanted = only.split(",");
  const parts = PARTS.filter((part) => wanted.includes(part));
  if (parts.length !== wanted.length)
    throw new Error(`There is no such scenario: give some of ${PARTS.join(",")}`);
  return new Set(parts);
}

type Chosen = { readonly plan: Plan; readonly parts: ReadonlySet<Part> };

/** (a) to (d). */
async function edgeFloods(b: EdgeBench, { plan, parts }: Chosen): Promise<EdgeFlood[]> {
  const rests: Promise<EdgeFlood>[] = [];
  for (const seed of plan.seeds) {
    for (const scenario of FLOOD_SCENARIOS) {
      // Of the imitation once: it is no part of the medians.
      if (!parts.has(scenario.name) || (scenario.name === "d" && seed !== plan.seeds[0])) continue;
      const { rest } = await edgeFlood(b, { scenario, seed });
      // Whoever fails is told when all are awaited.
      rest.catch(() => undefined);
      rests.push(rest);
    }
  }
  return Promise.all(rests);
}

async function edgeOthers(
  b: EdgeBench,
  { plan, parts, folder }: Chosen & { readonly folder: string },
): Promise<Omit<FloodFindings, "floods" | "rivals">> {
  const seed = plan.seeds[0] ?? 1;
  const burst = parts.has("e")
    ? await edgeBurst(b, { seed, seconds: plan.burstSeconds, visitsPerSecond: GUESTS_PER_SECOND })
    : null;
  const slow = parts.has("f") ? await edgeSlow(b, { seed, seconds: plan.slowSeconds }) : null;
  const resets = parts.has("g")
    ? await edgeResets(b, {
        seed,
        seconds: plan.resetSeconds,
        showCertificate: async ({ siteId, host }) => {
          await showCertificate(b.edge.under, {
            siteId,
            hostname: host,
            pem: await makeCertificate(folder, host),
          });
        },
      })
    : null;
  return { burst, slow, resets, keys: parts.has("m") ? await keysOf(b, { plan, folder, seed }) : null };
}

async function keysOf(
  b: EdgeBench,
  { plan, folder, seed }: { readonly plan: Plan; readonly folder: string; readonly seed: number },
): Promise<KeysFigures> {
  const host = "m.flood.example";
  const other = { host: "m-other.flood.example", siteId: await b.edge.addSite("m-other.flood.example") };
  const everyone = { seed, flood: [], good: [] };
  // What the few that ask afterwards are is of no interest here.
  for (const name of [host, other.host])
    await b.origin.ask({ ask: "site", host: name, ...everyone }, "opened");
  const found = await measureKeys(b.edge, { host, other, keys: plan.keys, seed, folder });
  b.say(
    `(m) ${found.keys} keys in ${found.seconds} s: ${JSON.stringify(found.memoryMb)} MB, bans and policy ${found.bansHeld ? "hold" : "DO NOT HOLD"}`,
  );
  return found;
}
