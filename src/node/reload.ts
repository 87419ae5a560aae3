/**
 * Has nginx read its configuration anew, without a refused connection: the new file is tried by a second nginx first, then the master starts new
 * workers and lets the old ones go. Shared memory stays as it is. Old workers take no new connections and live until their last one ends, so a
 * WebSocket outlives a reload. The number of such generations is bounded: the oldest is ended when there are too many. A trial loads no Lua, so the
 * master may still refuse: then the file before is put back, and whoever starts nginx next finds what it ran with.
 */
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { EdgeWorker } from "../contract/edge-site.ts";
import { Fault } from "../contract/fault.ts";
import { askStatus } from "./feed-client.ts";
import { MasterLog } from "./master-log.ts";
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
/** Reading the configuration takes a second of one core, and a busy machine may have none to spare for long. */
const TAKEN_MS = 60_000;
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
    const pid = options.pid();
    if (pid === 0) throw failed("nginx does not run just now");
    await tryConf(options);
    const before = await workersNow(options);
    if (before === null) throw failed("nginx's workers do not answer");
    const log = new MasterLog(join(options.stateDir, "error.log"), pid);
    const saved = putInPlace(options.confPath);
    const outcome = await hangUp(options, { pid, log, before: before.map((worker) => worker.pid) });
    // Once any new worker came, the new file is what nginx runs with, however long the rest takes.
    if (outcome.isTaken) rmSync(saved, { force: true });
    else putBack(options.confPath, saved);
    if (outcome.why !== null) throw failed(outcome.why);
    this.#old.push(before.map((worker) => worker.pid));
    endOldest(this.#old);
  }
}

/** Lets an nginx of its own read the new configuration: all but its Lua. One that is not good is kept aside for whoever wants to see why. */
async function tryConf(options: ReloadOptions): Promise<void> {
  const fresh = `${options.confPath}.new`;
  writeFileSync(fresh, options.conf, { mode: 0o600 });
  try {
    await promisify(execFile)(options.bin, ["-t", "-q", "-p", options.stateDir, "-c", fresh], {
      timeout: TEST_MS,
      killSignal: "SIGKILL",
    });
  } catch (error) {
    renameSync(fresh, `${options.confPath}.refused`);
    const said = String((error as { stderr?: unknown }).stderr ?? error);
    const why = said.split("\n").find((line) => line.includes("[emerg]")) ?? said.trim();
    throw failed(`the new configuration is not good: ${why.slice(0, 300)}`);
  }
}

/** Returns where the file before lies. A crash before it is put back does no harm: whoever starts a node writes the file anew. */
function putInPlace(confPath: string): string {
  const saved = `${confPath}.before`;
  copyFileSync(confPath, saved);
  renameSync(`${confPath}.new`, confPath);
  return saved;
}

function putBack(confPath: string, saved: string): void {
  if (!existsSync(saved)) return;
  renameSync(confPath, `${confPath}.refused`);
  renameSync(saved, confPath);
}

/** Signals the master and waits until only new workers take connections. `why` is null when that is so. */
async function hangUp(
  options: ReloadOptions,
  { pid, log, before }: { readonly pid: number; readonly log: MasterLog; readonly before: readonly number[] },
): Promise<{ readonly isTaken: boolean; readonly why: string | null }> {
  if (!trySignal(pid, "SIGHUP")) return { isTaken: false, why: "nginx ended meanwhile" };
  const deadline = Date.now() + TAKEN_MS;
  let isTaken = false;
  for (;;) {
    const refused = log.whyRefused();
    if (refused !== null && !isTaken) return { isTaken, why: `nginx did not take it: ${refused}` };
    const workers = (await workersNow(options)) ?? [];
    const fresh = workers.filter((worker) => !before.includes(worker.pid));
    isTaken ||= fresh.length > 0;
    const areGoing = before.every((old) => !isAlive(old) || (isShuttingDown(old) && !isListed(workers, old)));
    if (fresh.length >= options.workers && areGoing) return { isTaken, why: null };
    if (options.pid() !== pid) return { isTaken, why: "nginx ended meanwhile" };
    if (Date.now() > deadline) return { isTaken, why: whyLate(options, fresh.length) };
    await pause(STEP_MS);
  }
}

function whyLate({ stateDir, workers }: ReloadOptions, fresh: number): string {
  return `${fresh} of ${workers} new workers came within ${TAKEN_MS / 1000} s; ${stateDir}/error.log says why`;
}

const isListed = (workers: readonly EdgeWorker[], pid: number): boolean =>
  workers.some((worker) => worker.pid === pid);

/** Null when none answers just now. */
async function workersNow({ socketPath }: ReloadOptions): Promise<readonly EdgeWorker[] | null> {
  try {
    return (await askStatus(socketPath)).workers;
  } catch {
    return null;
  }
}

function endOldest(old: (readonly number[])[]): void {
  for (let i = old.length - 1; i >= 0; i--) {
    if (!old[i]!.some(isShuttingDown)) old.splice(i, 1);
  }
  while (old.length > OLD_GENERATIONS_MAX) {
    for (const pid of old.shift() ?? []) if (isShuttingDown(pid)) trySignal(pid, "SIGTERM");
  }
}

/** False when it ended in between. */
function trySignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
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
