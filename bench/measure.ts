/**
 * How the benches measure: load from wrk, CPU of a server and all that it started from /proc (user and system, proc(5)), medians and spread. Two
 * sides are measured by turns, and who goes first alternates, so that a slow drift of the machine hits both alike. Every answer must be what
 * was asked for: a server that refuses quickly must not look fast.
 */
import { execFile, execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"]).toString());

export type Sample = { readonly rps: number; readonly cpuMicros: number };

export type Target = {
  readonly url: string;
  readonly host: string;
  /** The server's first process; its children count with it. */
  readonly pid: number;
  /** A wrk script in place of one fixed request. */
  readonly script?: string;
  /** Whether other statuses than 2xx are what is asked for. */
  readonly refuses?: boolean;
};

export type LoadOptions = { readonly seconds: number; readonly connections: number };

/** What a browser sends, so that nobody is measured on requests that nobody makes. */
const BROWSER_FIELDS = [
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language: en-US,en;q=0.5",
  "Referer: https://bench.example/",
  "Sec-Fetch-Dest: document",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-Site: same-origin",
];

/** One stretch of load. */
export async function load(target: Target, options: LoadOptions): Promise<Sample> {
  const before = ticksBelow(target.pid);
  const text = await run("wrk", [
    "-t1",
    `-c${options.connections}`,
    `-d${options.seconds}s`,
    ...(target.script === undefined ? ["-H", `Host: ${target.host}`] : ["-s", target.script]),
    ...BROWSER_FIELDS.flatMap((field) => ["-H", field]),
    target.url,
  ]);
  const ticks = ticksBelow(target.pid) - before;
  const [, requests, inSeconds] = /(\d+) requests in ([\d.]+)(?:s|m)/.exec(text) ?? [];
  if (requests === undefined || inSeconds === undefined) throw new Error(`wrk said something else: ${text}`);
  const strange = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  if (target.refuses === true ? strange !== Number(requests) : strange > 0) {
    throw new Error(`Not every answer was the one that is measured: ${text}`);
  }
  return {
    rps: Number(requests) / Number(inSeconds),
    cpuMicros: ((ticks / TICKS_PER_SECOND) * 1e6) / Number(requests),
  };
}

export type Pair = { readonly ours: Sample; readonly theirs: Sample };

/** Measures two sides by turns. */
export async function alternate(
  sides: { readonly ours: () => Promise<Sample>; readonly theirs: () => Promise<Sample> },
  rounds: number,
): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let i = 0; i < rounds; i++) {
    if (i % 2 === 0) {
      const ours = await sides.ours();
      pairs.push({ ours, theirs: await sides.theirs() });
    } else {
      const theirs = await sides.theirs();
      pairs.push({ ours: await sides.ours(), theirs });
    }
  }
  return pairs;
}

/** `cpuRatio` is their CPU per request over ours: above 1 we cost less. */
export function summary(pairs: readonly Pair[]): {
  readonly cpuRatio: number;
  readonly cpuRatioSpread: readonly [number, number];
  readonly rpsRatio: number;
  readonly ours: Sample;
  readonly theirs: Sample;
} {
  const ratios = pairs.map(({ ours, theirs }) => theirs.cpuMicros / ours.cpuMicros);
  return {
    cpuRatio: rounded(median(ratios)),
    cpuRatioSpread: [rounded(quantile(ratios, 0.25)), rounded(quantile(ratios, 0.75))],
    rpsRatio: rounded(median(pairs.map(({ ours, theirs }) => ours.rps / theirs.rps))),
    ours: middle(pairs.map(({ ours }) => ours)),
    theirs: middle(pairs.map(({ theirs }) => theirs)),
  };
}

export function middle(samples: readonly Sample[]): Sample {
  return {
    rps: Math.round(median(samples.map(({ rps }) => rps))),
    cpuMicros: rounded(median(samples.map(({ cpuMicros }) => cpuMicros))),
  };
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** By linear interpolation. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export const rounded = (value: number): number => Math.round(value * 1000) / 1000;

/** User and system time of a process and everything below it, in clock ticks. */
export function ticksBelow(pid: number): number {
  const parents = new Map<number, { parent: number; ticks: number }>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      parents.set(Number(name), {
        parent: Number(fields[1]),
        ticks: Number(fields[11]) + Number(fields[12]),
      });
    } catch {
      // It ended in between.
    }
  }
  if (!parents.has(pid)) throw new Error(`Process ${pid} is gone.`);
  const isBelow = (child: number): boolean => {
    for (let at: number | undefined = child; at !== undefined && at > 1; at = parents.get(at)?.parent) {
      if (at === pid) return true;
    }
    return false;
  };
  let ticks = 0;
  for (const [child, known] of parents) if (isBelow(child)) ticks += known.ticks;
  return ticks;
}

export const microsOfTicks = (ticks: number): number => (ticks / TICKS_PER_SECOND) * 1e6;

/** Resident and proportional memory of a process in MB (proc(5), smaps_rollup). */
export function memoryOf(pid: number): { readonly rssMb: number; readonly pssMb: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const mb = (field: string): number =>
    rounded(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN) / 1024);
  return { rssMb: mb("Rss"), pssMb: mb("Pss") };
}

export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean)
    .map(Number);
}

export function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, (error, stdout) => (error === null ? resolve(stdout) : reject(error)));
  });
}

/** Waits until something listens there. */
export async function untilAnswers(url: string, host: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      await run("curl", ["-s", "-f", "-k", "-o", "/dev/null", "-m", "2", "-H", `Host: ${host}`, url]);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
