/**
 * How fast is a change in force, and who notices? A node with 10,000 sites under a steady load; 1,000 changes, each to another site, each timed
 * from the moment it is handed to the bus until a visitor's request is answered by the new origin. Stretches with and without changes alternate,
 * so that what the changes add to everybody's latency is told apart from what the machine does. Failed requests are counted over the whole run.
 *
 * Run with: ./parapet bench policy --json
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { spawn, type ChildProcess } from "node:child_process";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { freePort } from "../src/node/free-port.ts";
import { buildEdge } from "../src/cli/build-edge.ts";
import { singleOrigin } from "../src/contract/origin-pool.ts";
import type { SitePolicy } from "../src/contract/policy.ts";
import { policyTopic } from "../src/contract/topics.ts";
import { EDGE_LUA_DIR, plainPolicy, startEdge, type EdgeUnderTest } from "./edge-under-test.ts";
import type { LatencyLoad, LatencyReport } from "./latency-load.ts";
import { siteAt } from "./many-hosts.ts";
import { median, quantile, rounded } from "./measure.ts";

const SITES = 10_000;
const CHANGES = 1000;
const STRETCHES = 10;
const LOAD_RPS = 500;
const LOADED_HOSTS = 1000;
const ASK_EVERY_MS = 4;

export async function bench(options: { readonly json: boolean }): Promise<object> {
  const say = (line: string): void =>
    void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  await buildEdge({ outDir: EDGE_LUA_DIR });
  const folder = mkdtempSync(join(tmpdir(), "parapet-bench-"));
  chmodSync(folder, 0o755);
  // A process of its own: what the changes cost the agent must not look like a slow origin.
  const ports = [await freePort(), await freePort()];
  const origin = startOrigins(folder, ports);
  let edge: EdgeUnderTest | undefined;
  let worker: Worker | undefined;
  try {
    edge = await startEdge(join(folder, "node"), { workers: 2 });
    const policies = Array.from({ length: SITES }, (_, i) => plainPolicy(ports[0] ?? 0, siteAt(i)));
    for (let i = 0; i < SITES; i += 500) await edge.apply(policies.slice(i, i + 500));
    const port = Number(edge.node.address.split(":")[1]);
    const data: LatencyLoad = {
      port,
      // The changed sites are among the loaded ones: a change must not fail the requests of its own site either.
      hosts: Array.from({ length: LOADED_HOSTS }, (_, i) => siteAt(i).hostname),
      requestsPerSecond: LOAD_RPS,
    };
    worker = new Worker(new URL("latency-load.ts", import.meta.url), { workerData: data });
    await pause(5000);
    await report(worker);

    const changeMs: number[] = [];
    const quietP99: number[] = [];
    const busyP99: number[] = [];
    const failed: string[] = [];
    let requests = 0;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let stretch = 0; stretch < STRETCHES; stretch++) {
      const startedAt = performance.now();
      for (let i = 0; i < CHANGES / STRETCHES; i++) {
        const at = (stretch * CHANGES) / STRETCHES + i;
        const policy = policies[at];
        if (policy === undefined) throw new Error("There are fewer sites than changes.");
        changeMs.push(
          await changeOne(edge, { policy, port, toPort: ports[1] ?? 0, address: siteAt(at).address, agent }),
        );
      }
      const busyMs = performance.now() - startedAt;
      const busy = await report(worker);
      await pause(busyMs);
      const quiet = await report(worker);
      busyP99.push(quantile(busy.millis, 0.99));
      quietP99.push(quantile(quiet.millis, 0.99));
      failed.push(...busy.failed, ...quiet.failed);
      requests += busy.millis.length + quiet.millis.length;
      say(
        `${(stretch + 1) * (CHANGES / STRETCHES)} changes: p99 so far ${rounded(quantile(changeMs, 0.99))} ms, ` +
          `latency p99 ${rounded(busyP99.at(-1) ?? 0)} ms with changes, ${rounded(quietP99.at(-1) ?? 0)} ms without, ${failed.length} failed`,
      );
    }
    agent.destroy();
    return {
      changeMsP99: rounded(quantile(changeMs, 0.99)),
      changeMsMedian: rounded(median(changeMs)),
      changeMsMax: rounded(Math.max(...changeMs)),
      failedRequests: failed.length,
      failures: failed.slice(0, 10),
      addedP99Ms: rounded(median(busyP99.map((busy, i) => busy - (quietP99[i] ?? 0)))),
      latencyP99Ms: { withChanges: rounded(median(busyP99)), without: rounded(median(quietP99)) },
      requests,
      changes: CHANGES,
      sites: SITES,
      requestsPerSecond: LOAD_RPS,
      workers: 2,
    };
  } finally {
    await worker?.terminate();
    await edge?.stop();
    origin.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds from handing the change to the bus until a visitor gets the new origin's answer. */
async function changeOne(
  edge: EdgeUnderTest,
  change: {
    readonly policy: SitePolicy;
    readonly port: number;
    readonly toPort: number;
    readonly address: string;
    readonly agent: Agent;
  },
): Promise<number> {
  const { policy } = change;
  const next: SitePolicy = {
    ...policy,
    version: policy.version + 1,
    origin: singleOrigin("http", change.address, change.toPort),
  };
  const host = policy.hostnames[0] ?? "";
  const startedAt = performance.now();
  await edge.bus.publish(policyTopic(policy.siteId), next, { keep: true });
  for (;;) {
    if ((await ask(change.port, { host, agent: change.agent })) === "new")
      return performance.now() - startedAt;
    // Asked often enough to tell the time, and not so often that the asking is what everybody waits for.
    await pause(ASK_EVERY_MS);
    if (performance.now() - startedAt > 10_000)
      throw new Error(`The change of ${host} never came into force.`);
  }
}

function ask(port: number, options: { readonly host: string; readonly agent: Agent }): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: "127.0.0.1", port, path: "/", agent: options.agent, headers: { host: options.host } },
      (answer) => {
        let body = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => (body += part));
        answer.on("end", () => resolve(body));
      },
    );
    asking.on("error", reject);
    asking.end();
  });
}

function report(worker: Worker): Promise<LatencyReport> {
  return new Promise((resolve) => {
    worker.once("message", (value: LatencyReport) => resolve(value));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Threads have no origin.
    worker.postMessage("report");
  });
}

function startOrigins(folder: string, ports: readonly number[]): ChildProcess {
  const own = join(folder, "origin");
  mkdirSync(own);
  const servers = ["old", "new"].map(
    (answer, i) => `  server { listen ${ports[i]} backlog=4096; location / { return 200 ${answer}; } }\n`,
  );
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `  ${name}_temp_path ${own}/${name};\n`,
  );
  writeFileSync(
    join(own, "nginx.conf"),
    `daemon off;\nworker_processes 1;\npid ${own}/nginx.pid;\nerror_log ${own}/error.log warn;\nevents { worker_connections 8192; }\nhttp {\n` +
      `  access_log off;\n  keepalive_requests 1000000;\n${temporary.join("")}${servers.join("")}}\n`,
  );
  return spawn("/usr/sbin/nginx", ["-p", own, "-c", join(own, "nginx.conf")], { stdio: "ignore" });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
