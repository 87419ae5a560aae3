/**
 * nginx as a supervised child. The agent may die and nginx goes on serving; the next agent finds the orphan by its pid file and by
 * what its processes hold open below our folder, ends it, and starts its own. A process is only ever ended after /proc showed
 * that it is ours. A child that dies is started again, with a pause that doubles up to its bound.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";

const PAUSE_MS_MAX = 10_000;
const TAIL_BYTES = 2000;

/** Processes of an nginx that was started in `stateDir`, masters first. */
export function findOurNginx(stateDir: string): number[] {
  const masters: number[] = [];
  const workers: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const cmdline = readText(`/proc/${name}/cmdline`).replaceAll("\0", " ");
    if (!cmdline.includes("nginx")) continue;
    const pid = Number(name);
    if (cmdline.includes(`-p ${stateDir} `)) masters.push(pid);
    else if (cmdline.startsWith("nginx: ") && holdsOpen(pid, `${stateDir}/`)) workers.push(pid);
  }
  return [...masters, ...workers];
}

/** Ends whatever nginx still runs from `stateDir`. Resolves with how many processes there were. */
export async function endOrphans(stateDir: string): Promise<number> {
  const found = findOurNginx(stateDir);
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const left = findOurNginx(stateDir);
    if (left.length === 0) break;
    for (const pid of left) trySignal(pid, signal);
    const deadline = Date.now() + 3000;
    while (findOurNginx(stateDir).length > 0 && Date.now() < deadline) await pause(20);
  }
  const left = findOurNginx(stateDir);
  if (left.length > 0)
    throw new Error(`nginx ${left.join(", ")} of an earlier run does not end: end it by hand`);
  return found.length;
}

export type NginxProcessOptions = {
  readonly bin: string;
  readonly stateDir: string;
  readonly confPath: string;
  /** Called before each start, to put fresh files in place. */
  readonly prepare: () => void;
  /** Called when nginx ended although nobody asked for it. */
  readonly onDeath: (why: string) => void;
  readonly socketPath: string;
};

export class NginxProcess {
  #options: NginxProcessOptions;
  #child: ChildProcess | null = null;
  #stopping = false;
  #pauseMs = 100;
  #startedAt = 0;

  constructor(options: NginxProcessOptions) {
    this.#options = options;
  }

  /** 0 while it does not run. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  start(): void {
    this.#options.prepare();
    rmSync(this.#options.socketPath, { force: true }); // A killed nginx leaves its socket behind.
    let tail = "";
    // Own session: a Ctrl-C in the terminal is the agent's to handle, and nginx outlives a killed agent.
    const child = spawn(this.#options.bin, ["-p", this.#options.stateDir, "-c", this.#options.confPath], {
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    this.#startedAt = Date.now();
    child.stderr?.on("data", (bytes: Buffer) => {
      tail = (tail + bytes.toString("utf8")).slice(-TAIL_BYTES);
    });
    child.on("error", (error) => {
      tail += error.message;
    });
    child.on("close", (code, signal) => {
      if (this.#child !== child) return;
      this.#child = null;
      if (this.#stopping) return;
      this.#options.onDeath(`nginx ended by itself (${signal ?? code}): ${lastLine(tail)}`);
      if (Date.now() - this.#startedAt > 60_000) this.#pauseMs = 100;
      const wait = this.#pauseMs;
      this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX);
      setTimeout(() => void this.#restart(), wait);
    });
  }

  async #restart(): Promise<void> {
    if (this.#stopping) return;
    try {
      // Workers outlive a master that was killed, and hold its port.
      await endOrphans(this.#options.stateDir);
      if (!this.#stopping) this.start();
    } catch (error) {
      this.#options.onDeath(String(error));
      setTimeout(() => void this.#restart(), PAUSE_MS_MAX);
    }
  }

  /** Ends nginx: first politely, so that answers on their way arrive, then for good. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child !== null && child.exitCode === null) {
      const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
      for (const [signal, waitMs] of [
        ["SIGQUIT", 1000],
        ["SIGTERM", 3000],
        ["SIGKILL", 3000],
      ] as const) {
        child.kill(signal);
        if (await Promise.race([closed.then(() => true), pause(waitMs).then(() => false)])) break;
      }
    }
    await endOrphans(this.#options.stateDir);
  }
}

export function isAlive(pid: number): boolean {
  const stat = readText(`/proc/${pid}/stat`);
  return stat !== "" && !/\) Z /.test(stat);
}

function holdsOpen(pid: number, prefix: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(join(`/proc/${pid}/fd`, fd)).startsWith(prefix);
      } catch {
        return false;
      }
    });
  } catch {
    return false; // Somebody else's process: not ours to look into.
  }
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in between.
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
