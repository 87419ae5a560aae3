/**
 * How much of bare nginx is left on the edge's request path? Proxied, cached, TLS handshakes and banned clients, each against bare nginx with the
 * same settings, in one run, by turns, with the same load; the same edge with 10,000 sites against itself with one; and HAProxy, Varnish and Caddy beside
 * them. CPU of the servers per request comes from /proc (user + system). The CPU ratios are the numbers to trust: on a machine that is
 * shared, requests per second swing by a third. 1.0 is bare nginx; lower is worse.
 *
 * Run with: ./parapet bench path --json
 */
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../src/node/free-port.ts";
import { buildEdge } from "../src/cli/build-edge.ts";
import { TEST_VKEY } from "../src/ledger/core/testing.ts";
import { cdnIdOf } from "../src/node/cdn-id.ts";
import { makeCertificate, showCertificate, type Pem } from "./bench-certificate.ts";
import { benchPolicy, EDGE_LUA_DIR, plainPolicy, startEdge, type EdgeUnderTest } from "./edge-under-test.ts";
import { siteAt, writeManyHosts } from "./many-hosts.ts";
import {
  alternate,
  childrenOf,
  load,
  median,
  memoryOf,
  microsOfTicks,
  middle,
  run,
  summary,
  ticksBelow,
  untilAnswers,
  type Sample,
  type Target,
} from "./measure.ts";
import { renderBare, renderOrigin } from "./path-confs.ts";
import { startCaddy, startHaproxy, startVarnish, type Rival } from "./rivals.ts";

const HOST = "bench.example";
const CACHED_PATH = "/assets/site.css";
const SITES = 10_000;
const ASKED = 200;

/** On a shared machine a second's ratio wanders by a tenth: the two that matter most are the medians of so many times more rounds. */
const HEADLINE_TIMES = 3;

export type PathBenchOptions = {
  readonly json: boolean;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly connections?: number;
};

type Bench = {
  readonly rounds: number;
  readonly folder: string;
  readonly originPort: number;
  readonly user: string | null;
  readonly load: { readonly seconds: number; readonly connections: number };
  readonly children: ChildProcess[];
  readonly say: (line: string) => void;
};

export async function bench(options: PathBenchOptions): Promise<object> {
  const { rounds = 20, seconds = 1, connections = 32 } = options;
  const say = (line: string): void =>
    void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  await buildEdge({ outDir: EDGE_LUA_DIR });
  const folder = mkdtempSync(join(tmpdir(), "parapet-bench-"));
  chmodSync(folder, 0o755);
  const children: ChildProcess[] = [];
  const user = process.getuid?.() === 0 ? "www-data" : null;
  const originPort = await freePort();
  const b: Bench = { rounds, folder, originPort, user, load: { seconds, connections }, children, say };
  let edge: EdgeUnderTest | undefined;
  try {
    startNginx(b, "origin", (at) => renderOrigin({ folder: at, port: originPort }));
    const pem = await makeCertificate(folder, HOST);
    edge = await startEdge(join(folder, "edge"), { listenTls: "127.0.0.1:0" });
    const policy = benchPolicy(originPort, HOST);
    await edge.apply([policy]);
    const bare = await startBare(b, { pem, withRequestId: true });
    const bareWithoutId = await startBare(b, { pem, withRequestId: false });
    const pid = edge.node.nginxPid;
    const at = (port: string | number, path: string): string => `http://127.0.0.1:${port}${path}`;
    const edgePort = edge.node.address.split(":")[1] ?? "";
    const proxied: Target = { url: at(edgePort, "/"), host: HOST, pid };
    const cached: Target = { url: at(edgePort, CACHED_PATH), host: HOST, pid };

    const compare = async (
      name: string,
      ours: Target,
      theirs: Target,
      rounds = b.rounds,
    ): Promise<ReturnType<typeof summary>> => {
      for (const target of [ours, theirs]) await load(target, b.load);
      const found = summary(
        await alternate({ ours: () => load(ours, b.load), theirs: () => load(theirs, b.load) }, rounds),
      );
      say(
        `${name}: cpu ratio ${found.cpuRatio} (quartiles ${found.cpuRatioSpread.join(" to ")}), ` +
          `${found.ours.cpuMicros} us against ${found.theirs.cpuMicros} us, rps ratio ${found.rpsRatio}`,
      );
      return found;
    };
    const bareProxied: Target = { url: at(bare.port, "/"), host: HOST, pid: bare.pid };
    const bareCached: Target = { url: at(bare.port, CACHED_PATH), host: HOST, pid: bare.pid };
    const proxiedFound = await compare("proxied", proxied, bareProxied, HEADLINE_TIMES * b.rounds);
    const cachedFound = await compare("cached", cached, bareCached, HEADLINE_TIMES * b.rounds);
    const withoutId = {
      proxied: await compare("proxied, bare without request ids", proxied, {
        url: at(bareWithoutId.port, "/"),
        host: HOST,
        pid: bareWithoutId.pid,
      }),
      cached: await compare("cached, bare without request ids", cached, {
        url: at(bareWithoutId.port, CACHED_PATH),
        host: HOST,
        pid: bareWithoutId.pid,
      }),
    };
    await showCertificate(edge, { siteId: policy.siteId, hostname: HOST, pem });
    const handshake = await compareHandshakes(b, {
      ours: { port: Number(edge.node.tlsAddress?.split(":")[1]), pid },
      theirs: { port: bare.tlsPort, pid: bare.pid },
    });
    await edge.node.ban([{ siteId: policy.siteId, address: "127.0.0.1", seconds: 3600 }]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const banned = await compare("banned against a cached hit", { ...proxied, refuses: true }, bareCached);
    await edge.node.ban([{ siteId: policy.siteId, address: "127.0.0.1", seconds: 0 }]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const rivals = await measureRivals(b, { proxied, cached, bareProxied, bareCached });
    const many = await measureManySites(b, edge);
    return {
      proxiedCpuRatio: proxiedFound.cpuRatio,
      cachedCpuRatio: cachedFound.cpuRatio,
      handshakeCpuRatio: handshake.cpuRatio,
      bannedCpuRatio: banned.cpuRatio,
      startMs: many.startMs,
      workerMb: many.workerMb,
      manySitesCpuRatio: many.cpuRatio,
      manyOriginsCpuRatio: many.spreadCpuRatio,
      details: { proxied: proxiedFound, cached: cachedFound, withoutId, handshake, banned, many, rivals },
      checks: ["site look-up", "a measure on another path", "client limit", "bans", "origin address", "log"],
      workers: 1,
      rounds,
      ...b.load,
    };
  } finally {
    await edge?.stop();
    for (const child of children) child.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startBare(
  b: Bench,
  options: { readonly pem: Pem; readonly withRequestId: boolean },
): Promise<{ port: number; tlsPort: number; pid: number }> {
  const port = await freePort();
  const tlsPort = await freePort();
  const child = startNginx(b, options.withRequestId ? "bare" : "bare-without-id", (at) =>
    renderBare({
      listen: `127.0.0.1:${port}`,
      listenTls: `127.0.0.1:${tlsPort}`,
      ...options.pem,
      originPort: b.originPort,
      folder: at,
      workers: 1,
      user: b.user,
      cdnId: cdnIdOf(TEST_VKEY),
      withRequestId: options.withRequestId,
    }),
  );
  await untilAnswers(`http://127.0.0.1:${port}/`, HOST);
  return { port, tlsPort, pid: child.pid ?? 0 };
}

async function compareHandshakes(
  b: Bench,
  sides: Record<"ours" | "theirs", { readonly port: number; readonly pid: number }>,
): Promise<ReturnType<typeof summary>> {
  const program = fileURLToPath(new URL("handshakes.ts", import.meta.url));
  const one = async ({ port, pid }: { port: number; pid: number }): Promise<Sample> => {
    const before = ticksBelow(pid);
    const done = Number(await run(process.execPath, [program, String(port), HOST, "2"]));
    if (!(done > 0)) throw new Error("No handshake was completed.");
    return { rps: done / 2, cpuMicros: microsOfTicks(ticksBelow(pid) - before) / done };
  };
  const found = summary(
    await alternate(
      { ours: () => one(sides.ours), theirs: () => one(sides.theirs) },
      Math.max(4, Math.ceil(b.rounds / 2)),
    ),
  );
  b.say(
    `handshakes: cpu ratio ${found.cpuRatio}, ${found.ours.cpuMicros} us against ${found.theirs.cpuMicros} us`,
  );
  return found;
}

/** Everybody by turns, the edge and bare nginx among them, proxied and cached. */
async function measureRivals(
  b: Bench,
  sides: Record<"proxied" | "cached" | "bareProxied" | "bareCached", Target>,
): Promise<object> {
  const table: Record<string, Record<string, Sample | null>> = {};
  for (const cached of [false, true]) {
    const rivals: Rival[] = [];
    for (const start of [startHaproxy, startVarnish, startCaddy]) {
      const port = await freePort();
      rivals.push(
        start({
          folder: join(b.folder, `${start.name}-${cached ? "cached" : "proxied"}`),
          port,
          originPort: b.originPort,
          cached,
        }),
      );
    }
    b.children.push(...rivals.map(({ child }) => child));
    const path = cached ? CACHED_PATH : "/";
    const targets: [string, Target][] = [
      ["parapet", cached ? sides.cached : sides.proxied],
      ["nginx", cached ? sides.bareCached : sides.bareProxied],
    ];
    for (const rival of rivals) {
      const url = `http://127.0.0.1:${rival.port}${path}`;
      if (cached && !rival.caches) continue;
      await untilAnswers(url, HOST);
      targets.push([rival.name, { url, host: HOST, pid: rival.child.pid ?? 0 }]);
    }
    const samples = new Map<string, Sample[]>();
    for (let i = 0; i < Math.max(3, Math.ceil(b.rounds / 3)); i++) {
      for (const [name, target] of i % 2 === 0 ? targets : targets.toReversed()) {
        samples.set(name, [...(samples.get(name) ?? []), await load(target, b.load)]);
      }
    }
    const part: Record<string, Sample | null> = {};
    for (const [name, found] of samples) part[name] = middle(found);
    if (cached) part["caddy"] = null;
    table[cached ? "cached" : "proxied"] = part;
    b.say(`${cached ? "cached" : "proxied"}, by everybody: ${JSON.stringify(part)}`);
    for (const { child } of rivals) child.kill("SIGTERM");
  }
  return table;
}

/** The edge with 10,000 sites: how long it takes to start, how large a worker grows, and what a request costs against one site. */
async function measureManySites(
  b: Bench,
  one: EdgeUnderTest,
): Promise<{
  startMs: number;
  workerMb: number;
  cpuRatio: number;
  spreadCpuRatio: number;
  [more: string]: unknown;
}> {
  const dataDir = join(b.folder, "many");
  const filling = await startEdge(dataDir);
  const policies = Array.from({ length: SITES }, (_, i) => plainPolicy(b.originPort, siteAt(i)));
  const before = Date.now();
  for (let i = 0; i < SITES; i += 500) await filling.apply(policies.slice(i, i + 500));
  b.say(`${SITES} sites were taken in ${Date.now() - before} ms`);
  await filling.stop();

  const startMs: number[] = [];
  let port = 0;
  let pid = 0;
  let child: ChildProcess | undefined;
  for (let i = 0; i < 3; i++) {
    if (child !== undefined) await ended(child);
    port = await freePort();
    const started = Date.now();
    child = spawn(
      process.execPath,
      [fileURLToPath(new URL("start-edge.ts", import.meta.url)), dataDir, `127.0.0.1:${port}`],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const said = new Promise<string>((resolve) =>
      child?.stdout?.once("data", (text) => resolve(String(text))),
    );
    await untilAnswers(`http://127.0.0.1:${port}/`, siteAt(SITES - 1).hostname);
    startMs.push(Date.now() - started);
    pid = Number((await said).trim().split(" ")[1]);
  }
  if (child === undefined) throw new Error("The edge was not started.");
  b.children.push(child);
  const manyUrl = `http://127.0.0.1:${port}/`;
  const oneUrl = `http://${one.node.address}/`;
  const against = async (
    ours: Pick<Target, "host" | "script">,
    theirs: Pick<Target, "host" | "script">,
  ): Promise<ReturnType<typeof summary>> => {
    const many: Target = { url: manyUrl, pid, ...ours };
    const single: Target = { url: oneUrl, pid: one.node.nginxPid, ...theirs };
    for (let i = 0; i < 3; i++) await load(many, { ...b.load, seconds: 2 });
    await load(single, b.load);
    return summary(
      await alternate({ ours: () => load(many, b.load), theirs: () => load(single, b.load) }, b.rounds),
    );
  };
  const found = await against({ host: siteAt(SITES / 2).hostname }, { host: HOST });
  // A worse case beside it: visitors of many sites in turn, each with an origin of its own. The one site is asked in the same way, with as many
  // requests prepared.
  const script = writeManyHosts(join(b.folder, "many.lua"), { count: SITES, asked: ASKED });
  const oneScript = join(b.folder, "one.lua");
  writeFileSync(
    oneScript,
    readFileSync(script, "utf8").replace(/"site-" \.\. .* \.\. "\.bench\.example"/, `"${HOST}"`),
  );
  const spread = await against({ host: "", script }, { host: "", script: oneScript });
  const [worker = 0] = childrenOf(pid);
  const memory = memoryOf(worker);
  await ended(child);
  b.say(
    `${SITES} sites: start ${median(startMs)} ms, worker ${memory.rssMb} MB, cpu ratio to one site ${found.cpuRatio}, of ${ASKED} sites in turn ${spread.cpuRatio}`,
  );
  return {
    startMs: median(startMs),
    workerMb: memory.rssMb,
    cpuRatio: found.cpuRatio,
    spreadCpuRatio: spread.cpuRatio,
    sites: SITES,
    starts: startMs,
    memory,
    found,
    spread,
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

function startNginx(b: Bench, name: string, render: (folder: string) => string): ChildProcess {
  const folder = join(b.folder, name);
  mkdirSync(folder, { recursive: true });
  const conf = join(folder, "nginx.conf");
  writeFileSync(conf, render(folder));
  const child = spawn("/usr/sbin/nginx", ["-p", folder, "-c", conf], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  b.children.push(child);
  return child;
}
