/**
 * Runs the `http-cache-tests` suite (Mark Nottingham; https://cache-tests.fyi) through a real edge and says how each test went, by the suite's own
 * rules for what a failure means. Its origin server is a process of its own; its client runs here, with every name leading to the edge.
 */
import { spawn } from "node:child_process";
import { Agent } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CACHE_SETTINGS_DEFAULT } from "../../src/contract/cache.ts";
import { POLICY_CACHE_DEFAULT } from "../../src/contract/new-policy.ts";
import { openStage, policyFor } from "../scenarios/edge-stage.ts";

const require = createRequire(import.meta.url);
const PACKAGE = dirname(require.resolve("http-cache-tests/package.json"));
const HOST = "cache.example";
/** Tests at once: few enough that a slow machine keeps the suite's own waits. */
const AT_ONCE = 40;

export type Kind = "required" | "optimal" | "check";
export type Outcome = "pass" | "fail" | "setup" | "dependency";
export type SuiteTest = {
  readonly id: string;
  readonly suite: string;
  readonly name: string;
  readonly kind: Kind;
  readonly outcome: Outcome;
  readonly why: string;
};

type RawTest = {
  readonly id: string;
  readonly name: string;
  readonly kind?: Kind;
  readonly browser_only?: boolean;
  readonly depends_on?: readonly string[];
};
type RawSuite = { readonly name: string; readonly tests: readonly RawTest[] };
type RawResult = true | readonly [string, string];

export async function runSuite(): Promise<readonly SuiteTest[]> {
  const origin = await startOrigin();
  const stage = await openStage({ workers: 2 });
  const agent = new Agent({
    lookup: (_name: string, options: { all?: boolean }, done: (...args: unknown[]) => void) => {
      if (options.all === true) done(null, [{ address: "127.0.0.1", family: 4 }]);
      else done(null, "127.0.0.1", 4);
    },
  } as never);
  try {
    const ack = await stage.apply(
      policyFor(origin.port, {
        hostnames: [HOST],
        cache: {
          ...POLICY_CACHE_DEFAULT,
          ...CACHE_SETTINGS_DEFAULT,
          mode: "origin",
          staleWhileRevalidateSeconds: 0,
        },
      }),
    );
    if (!ack.ok) throw new Error(ack.why);
    const suites = await loadSuites();
    const { runTests, getResults } = (await import(join(PACKAGE, "client/runner.mjs"))) as {
      runTests: (...args: unknown[]) => Promise<void>;
      getResults: () => Record<string, RawResult>;
    };
    const nodeFetch = require(require.resolve("node-fetch", { paths: [PACKAGE] })) as (
      url: string,
      init: object,
    ) => Promise<unknown>;
    const [, port] = stage.node.address.split(":");
    const fetch = (url: string, init: object): Promise<unknown> => nodeFetch(url, { ...init, agent });
    await runTests(suites, fetch, false, `http://${HOST}:${port}`, AT_ONCE);
    return judge(suites, getResults());
  } finally {
    agent.destroy();
    await stage.end();
    origin.end();
  }
}

async function loadSuites(): Promise<RawSuite[]> {
  const load = async <T>(file: string): Promise<T> =>
    ((await import(join(PACKAGE, "tests", file))) as { default: T }).default;
  return [...(await load<RawSuite[]>("index.mjs")), await load<RawSuite>("surrogate-control.mjs")];
}

/** By the suite's own reading (`lib/display.mjs`): a test that depends on one that failed tells nothing. */
function judge(suites: readonly RawSuite[], results: Record<string, RawResult>): SuiteTest[] {
  const byId = new Map(suites.flatMap(({ tests }) => tests).map((test) => [test.id, test]));
  const outcomeOf = (id: string): Outcome => {
    const test = byId.get(id);
    if (test === undefined) throw new Error(`The suite has no test "${id}".`);
    for (const needed of test.depends_on ?? []) if (outcomeOf(needed) !== "pass") return "dependency";
    const result = results[id];
    if (result === true) return "pass";
    if (result === undefined) throw new Error(`The suite did not run "${id}".`);
    return result[0] === "Setup" ? "setup" : "fail";
  };
  return suites.flatMap(({ name: suite, tests }) =>
    tests
      .filter(({ browser_only: browserOnly }) => browserOnly !== true)
      .map(({ id, name, kind = "required" }) => {
        const result = results[id];
        const why = result === undefined || result === true ? "" : result[1];
        return { id, suite, name, kind, outcome: outcomeOf(id), why };
      }),
  );
}

async function startOrigin(): Promise<{ readonly port: number; end(): void }> {
  const child = spawn(process.execPath, ["server/server.mjs"], {
    cwd: PACKAGE,
    env: {
      ...process.env,
      npm_config_protocol: "http",
      npm_config_port: "0",
      npm_config_pidfile: "/dev/null",
    },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const port = await new Promise<number>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (part: Buffer) => {
      if (text.length > 10_000) return;
      text += part.toString("utf8");
      const found = /Listening on http:\/\/[^/]*:(\d+)\//.exec(text);
      if (found !== null) resolve(Number(found[1]));
    });
    child.once("exit", (code) => reject(new Error(`The suite's server ended with ${code}.`)));
  });
  return { port, end: () => void child.kill("SIGTERM") };
}
