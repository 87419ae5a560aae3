/**
 * The scenarios at the edge. Each has a site of its own that nobody has seen before, visitors of its own, and its calm first. While the last mitigation of one
 * runs out, the next one's calm begins: an edge has many sites.
 */
import type { FloodReport } from "../src/contract/flood.ts";
import type { SiteId } from "../src/contract/ids.ts";
import { Child } from "./flood-children.ts";
import { liftedAfterMs, wordsOf, type FloodEdge } from "./flood-edge.ts";
import { figuresOf, type VisitFigures } from "./flood-figures.ts";
import type { ResetsReport } from "./flood-resets.ts";
import {
  endCrowd,
  floodFigures,
  nowMs,
  originReport,
  pause,
  runFlood,
  SEATS,
  seenBy,
  startCrowd,
  type Crowd,
  type FloodRun,
  type Phase,
  type Seen,
  type Stage,
} from "./flood-run.ts";
import type { FloodScenario } from "./flood-scenarios.ts";
import { SLOW_KINDS, type SlowReport } from "./flood-slow.ts";
import { microsOfTicks, rounded, ticksBelow } from "./measure.ts";

const LIFT_MS_MAX = 75_000;
/** After a flood nobody of whom is still to be judged: visits take ten seconds at most. */
const VISITS_END_MS = 11_000;

export type EdgeBench = {
  readonly edge: FloodEdge;
  readonly origin: Child;
  readonly calmSeconds: number;
  readonly floodSeconds: number;
  readonly say: (line: string) => void;
};

type Opened = { readonly stage: Stage; readonly crowd: Crowd; readonly siteId: SiteId };

async function open(
  b: EdgeBench,
  {
    host,
    seed,
    flood,
    guests = 1,
  }: { readonly host: string; readonly seed: number; readonly flood: number; readonly guests?: number },
): Promise<Opened> {
  const siteId = await b.edge.addSite(host);
  const { nginxPid } = b.edge.under.node;
  const stage: Stage = {
    origin: b.origin,
    front: { name: "parapet", port: b.edge.port, pid: nginxPid },
    host,
    seed,
    seats: SEATS,
  };
  const crowd = await startCrowd(stage, { flood, guests });
  return { stage, crowd, siteId };
}

async function spend(seconds: number): Promise<Phase> {
  const fromMs = nowMs();
  await pause(seconds * 1000);
  return { fromMs, toMs: nowMs() };
}

/** What the watch said of it. */
export type Said = {
  readonly words: readonly string[];
  readonly liftMs: number | null;
  readonly reports: readonly FloodReport[];
};

function saidOf(b: EdgeBench, siteId: SiteId, lastMs: number): Said {
  const reports = b.edge.reports(siteId);
  return { words: wordsOf(reports), liftMs: liftedAfterMs(reports, lastMs), reports };
}

export type EdgeFlood = FloodRun &
  Said & { readonly scenario: string; readonly seed: number; readonly thinkingMs: number };

/** Resolves when the flood is over, with the rest of the account to come. */
export async function edgeFlood(
  b: EdgeBench,
  { scenario, seed }: { readonly scenario: FloodScenario; readonly seed: number },
): Promise<{ readonly rest: Promise<EdgeFlood> }> {
  const host = `${scenario.name}-${seed}.flood.example`;
  const { stage, crowd, siteId } = await open(b, { host, seed, flood: scenario.addresses });
  const calm = await spend(b.calmSeconds);
  const flood = await runFlood(crowd, { scenario, seconds: b.floodSeconds });
  const { thinkingMs } = b.edge.watch;
  const rest = async (): Promise<EdgeFlood> => {
    await Promise.all([pause(VISITS_END_MS), b.edge.untilLifted(siteId, LIFT_MS_MAX)]);
    const { visits } = await endCrowd(crowd);
    const origin = await originReport(stage);
    const figures = floodFigures(flood, { visits, calm, origin });
    const said = saidOf(b, siteId, figures.lastMs);
    b.say(
      `(${scenario.name}) seed ${seed}: under 5 % after ${figures.mitigatedMs} ms, ${figures.flood.success} of visits, p99 ${figures.flood.p99Ms} ms ` +
        `(calm ${figures.calm.p99Ms} ms), origin busy ${figures.originFlood.busyPeak}, lifted after ${said.liftMs} ms; ${said.words.join("; ")}`,
    );
    return { ...figures, ...said, scenario: scenario.name, seed, thinkingMs: rounded(thinkingMs) };
  };
  return { rest: rest() };
}

export type Burst = Seen &
  Said & {
    readonly falseMitigations: number;
    readonly guests: VisitFigures;
    readonly guestsPerSecondPeak: number;
    readonly surges: number;
  };

/** (e): a link on a page that many read. Nobody is to be held up. */
export async function edgeBurst(
  b: EdgeBench,
  options: { readonly seed: number; readonly seconds: number; readonly visitsPerSecond: number },
): Promise<Burst> {
  const { seed, seconds, visitsPerSecond } = options;
  const host = `e-${seed}.flood.example`;
  const { stage, crowd, siteId } = await open(b, { host, seed, flood: 0, guests: visitsPerSecond * seconds });
  const calm = await spend(b.calmSeconds);
  crowd.child.tell({ ask: "link", visitsPerSecond, seconds, addresses: crowd.guestAddresses });
  const burst = await spend(seconds);
  await pause(1000);
  const { visits } = await endCrowd(crowd);
  const figures = seenBy(visits, { calm, flood: burst, origin: await originReport(stage) });
  const said = saidOf(b, siteId, burst.toMs);
  const inBurst = visits.filter(({ atMs }) => atMs >= burst.fromMs);
  const guests = inBurst.filter(({ isGuest }) => isGuest);
  // What was done by the watch, and every visit that was held up by whatever else.
  const deeds = said.reports.flatMap(({ signatures }) =>
    signatures.filter(({ action }) => action !== "log"),
  ).length;
  const heldUp = inBurst.filter(({ challenged, refusedWith }) => challenged || refusedWith.length > 0).length;
  b.say(
    `(e) ${guests.length} guests: ${deeds} mitigations, ${heldUp} visits held up, ${figures.flood.success} of visits, p99 ${figures.flood.p99Ms} ms`,
  );
  return {
    ...figures,
    ...said,
    falseMitigations: deeds + heldUp,
    guests: figuresOf(guests, burst),
    guestsPerSecondPeak: visitsPerSecond,
    surges: said.reports.filter(({ kind }) => kind === "surge").length,
  };
}

export type Slow = Seen &
  Said & {
    /** Connections wanted, of each kind; those that were held at most, and at the end. */
    readonly wanted: number;
    readonly heldMax: Readonly<Record<string, number>>;
    readonly heldAtEnd: Readonly<Record<string, number>>;
    readonly opened: Readonly<Record<string, number>>;
    readonly cpu: { readonly front: number; readonly attackers: number };
  };

const SLOW_ADDRESSES = 50;
const SLOW_PER_ADDRESS = 300;

/** (f): as many connections as would fill an nginx with two workers, from fifty addresses. */
export async function edgeSlow(
  b: EdgeBench,
  options: { readonly seed: number; readonly seconds: number },
): Promise<Slow> {
  const host = `f-${options.seed}.flood.example`;
  const { stage, crowd, siteId } = await open(b, { host, seed: options.seed, flood: SLOW_ADDRESSES });
  const calm = await spend(b.calmSeconds / 2);
  const child = new Child("slow");
  const ticks = ticksBelow(stage.front.pid);
  await child.ask(
    { ask: "begin", port: b.edge.port, host, addresses: crowd.floodAddresses, perAddress: SLOW_PER_ADDRESS },
    "begun",
  );
  const flood = await spend(options.seconds);
  const front = cpuSince(stage, ticks, flood);
  const report = await child.ask<SlowReport>({ ask: "end" }, "report");
  await child.end();
  const { visits } = await endCrowd(crowd);
  const figures = seenBy(visits, { calm, flood, origin: await originReport(stage) });
  const of = (pick: (list: readonly number[]) => number): Record<string, number> =>
    Object.fromEntries(SLOW_KINDS.map((kind) => [kind, pick(report.held[kind])]));
  const heldMax = of((list) => Math.max(0, ...list));
  const heldAtEnd = of((list) => list.at(-1) ?? 0);
  b.say(
    `(f) ${figures.flood.success} of visits, p99 ${figures.flood.p99Ms} ms, connections held at the end ${JSON.stringify(heldAtEnd)}`,
  );
  return {
    ...figures,
    ...saidOf(b, siteId, flood.toMs),
    wanted: (SLOW_ADDRESSES * SLOW_PER_ADDRESS) / SLOW_KINDS.length,
    heldMax,
    heldAtEnd,
    opened: report.opened,
    cpu: { front, attackers: shareOf(report.cpuMicros, flood) },
  };
}

export type Resets = Seen &
  Said & {
    readonly streamsPerSecond: number;
    readonly reachedShare: number;
    readonly connections: number;
    readonly goAways: number;
    readonly failures: Readonly<Record<string, number>>;
    readonly cpu: { readonly front: number; readonly attackers: number };
  };

const RESET_ADDRESSES = 20;
const STREAMS_PER_SECOND = 20_000;

/** (g): streams of HTTP/2 that are reset as soon as they are opened. The site shows a certificate. */
export async function edgeResets(
  b: EdgeBench,
  options: {
    readonly seed: number;
    readonly seconds: number;
    readonly showCertificate: (site: { siteId: SiteId; host: string }) => Promise<void>;
  },
): Promise<Resets> {
  const host = `g-${options.seed}.flood.example`;
  const { stage, crowd, siteId } = await open(b, { host, seed: options.seed, flood: RESET_ADDRESSES });
  await options.showCertificate({ siteId, host });
  const calm = await spend(b.calmSeconds / 2);
  const child = new Child("resets");
  const ticks = ticksBelow(stage.front.pid);
  const port = Number(b.edge.under.node.tlsAddress?.split(":")[1]);
  await child.ask(
    { ask: "begin", port, host, addresses: crowd.floodAddresses, streamsPerSecond: STREAMS_PER_SECOND },
    "begun",
  );
  const flood = await spend(options.seconds);
  const front = cpuSince(stage, ticks, flood);
  const report = await child.ask<ResetsReport>({ ask: "end" }, "report");
  await child.end();
  const { visits } = await endCrowd(crowd);
  const figures = seenBy(visits, { calm, flood, origin: await originReport(stage) });
  const sent = report.counts.reduce((sum, count) => sum + count, 0);
  if (sent === 0) throw new Error("Not one stream was opened.");
  const reachedShare = rounded(figures.originFlood.floodRequests / sent);
  b.say(
    `(g) ${sent} streams, ${reachedShare} at the origin, ${figures.flood.success} of visits, p99 ${figures.flood.p99Ms} ms, ${report.goAways} times told to go away`,
  );
  return {
    ...figures,
    ...saidOf(b, siteId, flood.toMs),
    streamsPerSecond: Math.round(sent / options.seconds),
    reachedShare,
    connections: report.connections,
    goAways: report.goAways,
    failures: report.failures,
    cpu: { front, attackers: shareOf(report.cpuMicros, flood) },
  };
}

function cpuSince(stage: Stage, ticks: number, phase: Phase): number {
  return shareOf(microsOfTicks(ticksBelow(stage.front.pid) - ticks), phase);
}
const shareOf = (micros: number, { fromMs, toMs }: Phase): number =>
  rounded(micros / ((toMs - fromMs) * 1000));
