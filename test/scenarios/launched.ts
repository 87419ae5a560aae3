/**
 * An instance started as its operator starts it: a process of its own, a data folder of its own, free ports. For the
 * scenarios that kill it, stop it and look at what it leaves behind.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../src/node/free-port.ts";
import { templateFolder } from "../../src/store/testing.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const READY_MS = 60_000;

export function freePorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, () => freePort()));
}

export type Folder = {
  readonly dataDir: string;
  readonly edge: string;
  readonly url: string;
  readonly demo: string;
  remove(): void;
};

/** A data folder with settings of its own; the database's cluster is copied, as making one takes seconds. */
export async function makeFolder(settings: Readonly<Record<string, unknown>> = {}): Promise<Folder> {
  const dataDir = mkdtempSync(join(tmpdir(), "parapet-up-"));
  const [control, edge, demo] = await freePorts(3);
  cpSync(await templateFolder(), join(dataDir, "database"), { recursive: true });
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(
    join(dataDir, "parapet.json"),
    JSON.stringify({
      controlListen: `127.0.0.1:${control}`,
      edgeListen: `127.0.0.1:${edge}`,
      edgeListenTls: "",
      demoListen: `127.0.0.1:${demo}`,
      edgeWorkers: 2,
      ...settings,
    }),
  );
  return {
    dataDir,
    edge: `127.0.0.1:${edge}`,
    url: `http://localhost:${control}`,
    demo: `127.0.0.1:${demo}`,
    remove() {
      for (const pid of processesOf(dataDir)) process.kill(pid, "SIGTERM"); // Left by a test that failed half-way. An nginx ends its workers.
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export type Launched = {
  readonly child: ChildProcess;
  readonly pid: number;
  output(): string;
  /** Resolves with the exit code, or the signal. */
  readonly gone: Promise<number | NodeJS.Signals>;
};

/** Runs a verb and resolves when its output has `ready` in it. */
export async function launch(
  args: readonly string[],
  options: { readonly ready: string },
): Promise<Launched> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PARAPET_SETTINGS: undefined },
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const gone = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const launched: Launched = { child, pid: child.pid ?? 0, output: () => text, gone };
  const deadline = Date.now() + READY_MS;
  while (!text.includes(options.ready)) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the process ended before it was ready:\n${text}`);
    if (Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`not ready after a minute:\n${text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return launched;
}

/** Runs a verb to its end. */
export async function call(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

/** Processes whose command line or environment names the folder: what a stop must leave none of. */
export function processesOf(dataDir: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return (
          existsSync(`/proc/${pid}/exe`) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(dataDir)
        );
      } catch {
        return false; // It ended while we looked.
      }
    })
    .map(Number);
}

export async function until<T>(what: string, look: () => Promise<T | null> | T | null): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const seen = await look();
    if (seen !== null) return seen;
    if (Date.now() > deadline) throw new Error(`waited 15 s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
