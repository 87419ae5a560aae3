/**
 * Has nginx read its configuration anew, without a refused connection: the new file is tried by a second nginx first, then the master starts new
 * workers and lets the old ones go. Shared memory stays as it is. Old workers take no new connections and live until their last one ends, so a
 * WebSocket outlives a reload. The number of such generations is bounded: the oldest is ended when there are too many.
 */
import { execFile } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { Fault } from "../contract/fault.ts";
import { askStatus } from "./feed-client.ts";
import { isAlive, pause } from "./nginx-process.ts";

export type ReloadOptions = {
  readonly bin: string;
  readonly stateDir: string;
  readonly confPath: string;
  readonly conf: string;
  readonly socketPath: string;
  readonly workers: number;
  /** The master's, 0 while nginx does not run. */
  readonly pid: () => number;
};

/** Generations of workers beside the one that serves. */
export const OLD_GENERATIONS_MAX = 4;
const TEST_MS = 60_000;
const TAKEN_MS = 30_000;
const STEP_MS = 20;

export class Reloads {
  readonly #old: (readonly number[])[] = [];
  #turn: Promise<void> = Promise.resolve();

  /** Resolves when new workers answer and the old ones take no more connections. One at a time. */
  reload(options: () => ReloadOptions): Promise<void> {
    const turn = this.#turn.then(() => this.#reload(options()));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #reload(options: ReloadOptions): Promise<void> {
    await replaceConf(options);
    const pid = options.pid();
    const before = (await askStatus(options.socketPath)).workers.map((worker) => worker.pid);
    if (pid === 0) throw failed("nginx does not run just now");
    process.kill(pid, "SIGHUP");
    const deadline = Date.now() + TAKEN_MS;
    for (;;) {
      const { workers } = await askStatus(options.socketPath);
      const fresh = workers.filter((worker) => !before.includes(worker.pid));
      const areGoing = before.every((old) => !isAlive(old) || isShuttingDown(old));
      if (fresh.length >= options.workers && areGoing) break;
      if (options.pid() !== pid) throw failed("nginx ended meanwhile");
      if (Date.now() > deadline) {
        throw failed(
          `no new workers came within ${TAKEN_MS / 1000} s; ${options.stateDir}/error.log says why`,
        );
      }
      await pause(STEP_MS);
    }
    this.#old.push(before);
    endOldest(this.#old);
  }
}

/** Puts the new configuration in place once an nginx of its own found it good; else the old one stays. */
async function replaceConf(options: ReloadOptions): Promise<void> {
  const fresh = `${options.confPath}.new`;
  writeFileSync(fresh, options.conf, { mode: 0o600 });
  try {
    await promisify(execFile)(options.bin, ["-t", "-q", "-p", options.stateDir, "-c", fresh], {
      timeout: TEST_MS,
      killSignal: "SIGKILL",
    });
  } catch (error) {
    const said = String((error as { stderr?: unknown }).stderr ?? error);
    throw failed(`the new configuration is not good: ${said.trim().split("\n").at(-1)?.slice(0, 300) ?? ""}`);
  }
  renameSync(fresh, options.confPath);
}

function endOldest(old: (readonly number[])[]): void {
  for (let i = old.length - 1; i >= 0; i--) {
    if (!old[i]!.some(isShuttingDown)) old.splice(i, 1);
  }
  while (old.length > OLD_GENERATIONS_MAX) {
    for (const pid of old.shift() ?? []) if (isShuttingDown(pid)) process.kill(pid, "SIGTERM");
  }
}

/** Process ids are used again: only what says that it is a worker on its way out is one of ours. */
function isShuttingDown(pid: number): boolean {
  try {
    return (
      isAlive(pid) &&
      readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("nginx: worker process is shutting down")
    );
  } catch {
    return false;
  }
}

function failed(why: string): Fault {
  return new Fault("edge.not-running", `Cannot reload nginx as ${why}: the workers before go on, try again`);
}
