/**
 * One flood against one server in front of one origin: visitors alone for a while, then visitors and flood, then what is left to end. The same for the edge and for
 * whatever it is compared with, from the same seed.
 */
import { Child } from "./flood-children.ts";
import type { BotsReport } from "./flood-bots.ts";
import {
  BUCKET_MS,
  figuresOf,
  mitigatedAfterMs,
  originFigures,
  type OriginFigures,
  type Visit,
  type VisitFigures,
} from "./flood-figures.ts";
import type { GoodReport } from "./flood-good.ts";
import type { OriginReport } from "./flood-origin.ts";
import { addresses, seededRandom } from "./flood-random.ts";
import type { FloodScenario } from "./flood-scenarios.ts";
import { microsOfTicks, rounded, ticksBelow } from "./measure.ts";

export const SEATS = 60;
const GOOD_ADDRESSES = 400;
/** The first moments of a calm, until everybody sits. */
const SETTLE_MS = 3000;

export const nowMs = (): number => performance.timeOrigin + performance.now();
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export type Front = {
  readonly name: string;
  readonly port: number;
  /** The server's first process. */
  readonly pid: number;
};

export type Stage = {
  readonly origin: Child;
  readonly front: Front;
  readonly host: string;
  readonly seed: number;
  readonly seats: number;
};

export type Crowd = {
  readonly child: Child;
  readonly stage: Stage;
  readonly floodAddresses: readonly string[];
  readonly guestAddresses: readonly string[];
  readonly startedMs: number;
};

/** Visitors come; the origin learns whose address is whose. */
export async function startCrowd(
  stage: Stage,
  { flood, guests }: { readonly flood: number; readonly guests: number },
): Promise<Crowd> {
  const random = seededRandom(stage.seed, `addresses ${stage.host}`);
  const taken = new Set<string>();
  const good = addresses(random, { count: GOOD_ADDRESSES, taken });
  const guestAddresses = addresses(random, { count: guests, taken });
  const floodAddresses = addresses(random, { count: flood, taken });
  const { host, seed, seats, front } = stage;
  await stage.origin.ask(
    { ask: "site", host, seed, flood: floodAddresses, good: [...good, ...guestAddresses] },
    "opened",
  );
  const child = new Child("good");
  await child.ask({ ask: "begin", port: front.port, host, seed, seats, addresses: good }, "begun");
  return { child, stage, floodAddresses, guestAddresses, startedMs: nowMs() };
}

export async function endCrowd(crowd: Crowd): Promise<GoodReport> {
  const report = await crowd.child.ask<GoodReport>({ ask: "end" }, "report");
  await crowd.child.end();
  return report;
}

export const originReport = (stage: Stage): Promise<OriginReport> =>
  stage.origin.ask<OriginReport>({ ask: "report", host: stage.host }, "report");

export type Phase = { readonly fromMs: number; readonly toMs: number };

/** What a crowd saw and an origin bore in calm and in a flood. */
export type Seen = {
  readonly calm: VisitFigures;
  readonly flood: VisitFigures;
  readonly p99Ratio: number;
  readonly originCalm: OriginFigures;
  readonly originFlood: OriginFigures;
};

export function seenBy(
  visits: readonly Visit[],
  { calm, flood, origin }: { readonly calm: Phase; readonly flood: Phase; readonly origin: OriginReport },
): Seen {
  const inCalm = figuresOf(visits, { ...calm, fromMs: calm.fromMs + SETTLE_MS });
  const inFlood = figuresOf(visits, flood);
  const originFlood = originFigures(origin, flood);
  if (originFlood.unknownRequests > 0)
    throw new Error("Somebody came to the origin whom the bench does not know.");
  return {
    calm: inCalm,
    flood: inFlood,
    p99Ratio: rounded(inFlood.p99Ms / inCalm.p99Ms),
    originCalm: originFigures(origin, calm),
    originFlood,
  };
}

export type FloodRun = Seen & {
  readonly mitigatedMs: number | null;
  /** Of the whole flood, the share that reached the origin; and of what came after the third second. */
  readonly reachedShare: number;
  readonly reachedShareLater: number;
  readonly sent: number;
  readonly sentPerSecond: number;
  readonly withheld: number;
  readonly answers: Readonly<Record<string, number>>;
  /** Share of one processor. */
  readonly cpu: { readonly front: number; readonly bots: number };
  readonly firstMs: number;
  readonly lastMs: number;
};

/** The flood itself; the crowd goes on. */
export async function runFlood(
  crowd: Crowd,
  { scenario, seconds }: { readonly scenario: FloodScenario; readonly seconds: number },
): Promise<{ readonly bots: BotsReport; readonly phase: Phase; readonly frontCpu: number }> {
  const { stage } = crowd;
  const bots = new Child("bots");
  const ticks = ticksBelow(stage.front.pid);
  const fromMs = nowMs();
  await bots.ask(
    {
      ask: "begin",
      port: stage.front.port,
      host: stage.host,
      seed: stage.seed,
      shape: scenario.shape,
      addresses: crowd.floodAddresses,
      requestsPerSecond: scenario.requestsPerSecond,
    },
    "begun",
  );
  await pause(seconds * 1000);
  const report = await bots.ask<BotsReport>({ ask: "end" }, "report");
  const toMs = nowMs();
  const frontCpu = microsOfTicks(ticksBelow(stage.front.pid) - ticks) / ((toMs - fromMs) * 1000);
  await bots.end();
  return { bots: report, phase: { fromMs, toMs }, frontCpu: rounded(frontCpu) };
}

export function floodFigures(
  { bots, phase, frontCpu }: Awaited<ReturnType<typeof runFlood>>,
  rest: { readonly visits: readonly Visit[]; readonly calm: Phase; readonly origin: OriginReport },
): FloodRun {
  const sum = (list: readonly number[]): number => list.reduce((all, one) => all + one, 0);
  const sent = sum(bots.counts);
  if (sent === 0) throw new Error("Not a single request of the flood was sent.");
  const arrived = rest.origin.flood;
  const firstMs = bots.fromMs + bots.counts.findIndex((count) => count > 0) * BUCKET_MS;
  const later = originFigures(rest.origin, { fromMs: firstMs + 3000, toMs: phase.toMs }).floodRequests;
  const sentLater = sum(bots.counts.slice(Math.round((firstMs + 3000 - bots.fromMs) / BUCKET_MS)));
  return {
    ...seenBy(rest.visits, { calm: rest.calm, flood: phase, origin: rest.origin }),
    mitigatedMs: mitigatedAfterMs(bots, { fromMs: rest.origin.fromMs, counts: arrived }),
    reachedShare: rounded(sum(arrived) / sent),
    reachedShareLater: rounded(later / Math.max(1, sentLater)),
    sent,
    sentPerSecond: Math.round(sent / ((bots.lastMs - firstMs) / 1000)),
    withheld: bots.withheld,
    answers: bots.statuses,
    cpu: { front: frontCpu, bots: rounded(bots.cpuMicros / ((phase.toMs - phase.fromMs) * 1000)) },
    firstMs,
    lastMs: bots.lastMs,
  };
}
