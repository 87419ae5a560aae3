/**
 * How much of bare nginx is left on the edge's request path? Runs the edge (site lookup, one measure on another path, a limit for each
 * client, log) and bare nginx with the same upstream settings and the same log, in one run, by turns, with the same load. CPU of
 * the workers per request comes from /proc (user + system), requests per second from wrk. The CPU ratio is the number to trust: on a
 * machine that is shared, requests per second swing by a third. 1.0 is bare nginx; lower is worse.
 *
 * Run with: ./parapet bench path --json
 */
import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLocalBus } from "../src/bus/bus.ts";
import { buildEdge } from "../src/cli/build-edge.ts";
import {
  newId,
  type CaseId,
  type DecisionId,
  type MeasureId,
  type NodeId,
  type SiteId,
} from "../src/contract/ids.ts";
import type { MeasureRecord } from "../src/contract/measure.ts";
import { newPolicy } from "../src/contract/new-policy.ts";
import { singleOrigin } from "../src/contract/origin-pool.ts";
import type { PolicyAck, SitePolicy } from "../src/contract/policy.ts";
import { ackTopic, policyTopic } from "../src/contract/topics.ts";
import { makeReceipt, TEST_VKEY } from "../src/ledger/core/testing.ts";
import { cdnIdOf, startNode } from "../src/node/node.ts";
import { renderBare, renderOrigin } from "./path-confs.ts";

const HOST = "bench.example";
const EDGE_LUA_DIR = fileURLToPath(new URL("../build/edge", import.meta.url));
const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"]).toString());

export type PathBenchOptions = {
  readonly json: boolean;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly connections?: number;
};

type Sample = { readonly rps: number; readonly cpuMicros: number };
type Round = { readonly edge: Sample; readonly bare: Sample };

export async function bench(options: PathBenchOptions): Promise<object> {
  const { rounds = 30, seconds = 1, connections = 32 } = options;
  const say = (line: string): void =>
    void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  await buildEdge({ outDir: EDGE_LUA_DIR });
  const folder = mkdtempSync(join(tmpdir(), "parapet-bench-"));
  chmodSync(folder, 0o755);
  const children: ChildProcess[] = [];
  const ends: (() => Promise<void>)[] = [];
  try {
    const originPort = await freePort();
    const barePort = await freePort();
    children.push(startNginx(join(folder, "origin"), (at) => renderOrigin({ folder: at, port: originPort })));
    const user = process.getuid?.() === 0 ? "www-data" : null;
    const cdnId = cdnIdOf(TEST_VKEY);
    const bare = startNginx(join(folder, "bare"), (at) =>
      renderBare({ listen: `127.0.0.1:${barePort}`, originPort, folder: at, workers: 1, user, cdnId }),
    );
    children.push(bare);
    const edge = await startEdge(join(folder, "node"), originPort);
    ends.push(edge.stop);
    const sides = {
      edge: { url: `http://${edge.address}/`, pid: edge.nginxPid },
      bare: { url: `http://127.0.0.1:${barePort}/`, pid: bare.pid ?? 0 },
    };
    for (const { url, pid } of Object.values(sides)) await load(url, { pid, seconds: 1, connections });
    const measured: Round[] = [];
    for (let i = 0; i < rounds; i++) {
      // Who goes first alternates, so that a slow drift of the machine hits both alike.
      const order = i % 2 === 0 ? (["edge", "bare"] as const) : (["bare", "edge"] as const);
      const found: Partial<Record<"edge" | "bare", Sample>> = {};
      for (const side of order)
        found[side] = await load(sides[side].url, { ...sides[side], seconds, connections });
      const { edge: e, bare: b } = found;
      if (e === undefined || b === undefined) throw new Error("A side was not measured.");
      measured.push({ edge: e, bare: b });
      say(
        `round ${i + 1}: edge ${e.cpuMicros.toFixed(2)} us ${e.rps.toFixed(0)} rps, bare ${b.cpuMicros.toFixed(2)} us ${b.rps.toFixed(0)} rps, ` +
          `cpu ratio ${(b.cpuMicros / e.cpuMicros).toFixed(3)}`,
      );
    }
    return summary(measured, { seconds, connections });
  } finally {
    for (const end of ends) await end();
    for (const child of children) child.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  }
}

function summary(rounds: readonly Round[], load: { seconds: number; connections: number }): object {
  const cpuRatios = rounds.map(({ edge, bare }) => bare.cpuMicros / edge.cpuMicros);
  const rpsRatios = rounds.map(({ edge, bare }) => edge.rps / bare.rps);
  return {
    proxiedCpuRatio: round(median(cpuRatios)),
    proxiedRpsRatio: round(median(rpsRatios)),
    spread: {
      cpuRatio: [round(Math.min(...cpuRatios)), round(Math.max(...cpuRatios))],
      rpsRatio: [round(Math.min(...rpsRatios)), round(Math.max(...rpsRatios))],
    },
    median: {
      edge: {
        cpuMicros: round(median(rounds.map((r) => r.edge.cpuMicros))),
        rps: Math.round(median(rounds.map((r) => r.edge.rps))),
      },
      bare: {
        cpuMicros: round(median(rounds.map((r) => r.bare.cpuMicros))),
        rps: Math.round(median(rounds.map((r) => r.bare.rps))),
      },
    },
    checks: [
      "site lookup",
      "a measure on another path",
      "client limit",
      "origin address by Lua",
      "JSON access log on both sides",
    ],
    workers: 1,
    ...load,
    rounds: rounds.map(({ edge, bare }) => ({
      edge: { rps: Math.round(edge.rps), cpuMicros: round(edge.cpuMicros) },
      bare: { rps: Math.round(bare.rps), cpuMicros: round(bare.cpuMicros) },
    })),
  };
}

/** One stretch of load. Every answer must be a 2xx, or the number would flatter an edge that refuses. */
async function load(
  url: string,
  options: { readonly pid: number; readonly seconds: number; readonly connections: number },
): Promise<Sample> {
  const before = workerTicks(options.pid);
  const text = await run("wrk", [
    "-t1",
    `-c${options.connections}`,
    `-d${options.seconds}s`,
    "-H",
    `Host: ${HOST}`,
    url,
  ]);
  const ticks = workerTicks(options.pid) - before;
  const [, requests, inSeconds] = /(\d+) requests in ([\d.]+)s/.exec(text) ?? [];
  if (requests === undefined || inSeconds === undefined) throw new Error(`wrk said something else: ${text}`);
  if (/Non-2xx/.test(text)) throw new Error(`Not every answer was a 2xx: ${text}`);
  return {
    rps: Number(requests) / Number(inSeconds),
    cpuMicros: ((ticks / TICKS_PER_SECOND) * 1e6) / Number(requests),
  };
}

/** User and system time of the master's children, in clock ticks (proc(5)). */
function workerTicks(master: number): number {
  let ticks = 0;
  let workers = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let stat: string;
    try {
      stat = readFileSync(`/proc/${name}/stat`, "utf8");
    } catch {
      continue; // It ended in between.
    }
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(fields[1]) !== master) continue;
    ticks += Number(fields[11]) + Number(fields[12]);
    workers += 1;
  }
  if (workers === 0) throw new Error(`nginx ${master} has no workers.`);
  return ticks;
}

async function startEdge(
  dataDir: string,
  originPort: number,
): Promise<{ address: string; nginxPid: number; stop: () => Promise<void> }> {
  const random = (n: number): Uint8Array => randomBytes(n);
  const bus = createLocalBus({
    onError: (error) => {
      throw error;
    },
  });
  const nodeId = newId<NodeId>("node", random);
  const node = await startNode({
    bus,
    nodeId,
    nodeName: "bench",
    dataDir,
    listen: "127.0.0.1:0",
    workers: 1,
    edgeLuaDir: EDGE_LUA_DIR,
    pinnedVkey: TEST_VKEY,
    originPrivateRanges: ["127.0.0.0/8"],
    onAlarm: ({ what }) => process.stderr.write(`alarm: ${what}\n`),
    now: () => Date.now(),
  });
  const policy = benchPolicy(originPort, random);
  const ack = new Promise<PolicyAck>((resolve) =>
    bus.subscribe(ackTopic(nodeId, policy.siteId), ({ value }) => resolve(value as PolicyAck)),
  );
  await bus.publish(policyTopic(policy.siteId), policy, { keep: true });
  const said = await ack;
  if (!said.ok) throw new Error(said.why);
  return {
    address: node.address,
    nginxPid: node.nginxPid,
    stop: async () => {
      await node.stop();
      await bus.close();
    },
  };
}

/** Every check on: a limit too wide for the load, and a measure that stands on another path. */
function benchPolicy(originPort: number, random: (n: number) => Uint8Array): SitePolicy {
  const siteId = newId<SiteId>("site", random);
  const record: MeasureRecord = {
    schema: 1,
    measureId: newId<MeasureId>("meas", random),
    decisionId: newId<DecisionId>("deci", random),
    caseId: newId<CaseId>("case", random),
    caseNumber: "2026-000001",
    kind: "withhold",
    scope: "path",
    subject: { siteId, hostname: HOST, path: "/withheld" },
    clause: "life-threat",
    facts: "For the bench.",
    territory: ["*"],
    startsAt: "2026-01-01T00:00:00.000Z",
    endsAt: null,
    reviewAt: "2999-01-01T00:00:00.000Z",
    appealBy: ["customer"],
    appealUrl: "https://parapet.example/",
    blockedByUrl: "https://parapet.example/",
    operatorName: "Bench",
    brake: false,
  };
  return newPolicy({
    siteId,
    version: 1,
    hostnames: [HOST],
    origin: singleOrigin("http", "127.0.0.1", originPort),
    limit: { requestsPerSecond: 1_000_000, burst: 1_000_000 },
    measures: [makeReceipt(record)],
  });
}

function startNginx(folder: string, render: (folder: string) => string): ChildProcess {
  mkdirSync(folder, { recursive: true });
  const conf = join(folder, "nginx.conf");
  writeFileSync(conf, render(folder));
  return spawn("/usr/sbin/nginx", ["-p", folder, "-c", conf], { stdio: ["ignore", "ignore", "inherit"] });
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, (error, stdout) => (error === null ? resolve(stdout) : reject(error)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (bound === null || typeof bound === "string") throw new Error("The listener has no port.");
  return bound.port;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
