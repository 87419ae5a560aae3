/**
 * When to look closer. Five signs, each against what is usual for this very site; none of them decides anything, they only start the search for what the
 * excess has in common, so they may be nervous. A great excess shows within two ticks, a small one needs three seconds. When the origin suffers, or clients and
 * answers look unusual, less of an excess is enough.
 */
import type { FloodTrigger, ResponseCounts } from "../contract/flood.ts";
import type { Baseline, Expectation } from "./baseline.ts";
import type { Span, Window } from "./window.ts";

/** Nothing smaller than this many extra requests per second is called a flood, unless the origin suffers. */
export const EXTRA_PER_SECOND_MIN = 30;
const EXTRA_PER_SECOND_MIN_DISTRESS = 8;

/** Over so many ticks, so many requests more than expected, and so many times what was expected. */
const LEVELS = [
  { ticks: 2, extra: 100, times: 4 },
  { ticks: 3, extra: 75, times: 3 },
  { ticks: 5, extra: 60, times: 2 },
  { ticks: 10, extra: 50, times: 1 },
  { ticks: 20, extra: 70, times: 0.5 },
  { ticks: 30, extra: 90, times: 0.25 },
] as const;
const SIGMAS = 6;
const SIGMAS_SUPPORTED = 3;

export type Excess = Span & {
  readonly expected: number;
  /** Open requests beyond the expected ones. */
  readonly extra: number;
};

export type Signs = {
  readonly triggers: readonly FloodTrigger[];
  readonly isDistressed: boolean;
  /** Over the shortest span that shows it; null when there is nothing to look into. */
  readonly excess: Excess | null;
};

export function excessOver(window: Window, expectation: Expectation, ticks: number): Excess {
  const span = window.span(ticks);
  const expected = expectation.perSecond * span.seconds;
  return { ...span, expected, extra: span.open - expected };
}

export function signsOf(
  window: Window,
  {
    expectation,
    others,
  }: { readonly expectation: Expectation; readonly others: readonly Exclude<FloodTrigger, "rate">[] },
): Signs {
  const isDistressed = others.includes("origin-errors") || others.includes("origin-latency");
  const isSupported = others.length > 0;
  for (const level of LEVELS) {
    if (window.ticks.length < level.ticks) break;
    const excess = excessOver(window, expectation, level.ticks);
    if (excess.seconds <= 0) continue;
    const noise = Math.sqrt(expectation.variance * excess.seconds);
    const floor = isDistressed ? EXTRA_PER_SECOND_MIN_DISTRESS * Math.max(excess.seconds, 1) : level.extra;
    const needed = Math.max(
      expectation.isLearned ? floor : floor * 3,
      (isSupported ? SIGMAS_SUPPORTED : SIGMAS) * noise,
      (isSupported ? 0.5 : 1) * level.times * excess.expected,
    );
    if (excess.extra < needed) continue;
    return { triggers: ["rate", ...others], isDistressed, excess };
  }
  return { triggers: others, isDistressed, excess: null };
}

/** A few seconds of answers, together. */
export type Answers = {
  readonly seconds: number;
  readonly answers: number;
  readonly originAnswers: number;
  readonly originErrors: number;
  readonly latency: number;
  readonly cacheHits: number;
};

export function sumAnswers(responses: readonly ResponseCounts[]): Answers {
  let answers = 0;
  let originAnswers = 0;
  let originErrors = 0;
  let latency = 0;
  let cacheHits = 0;
  for (const response of responses) {
    answers += response.answers;
    originAnswers += response.originAnswers;
    originErrors += response.originErrors;
    cacheHits += response.cacheHits;
    if (response.originAnswers > 0) latency = Math.max(latency, response.originSecondsP95);
  }
  return { seconds: responses.length, answers, originAnswers, originErrors, latency, cacheHits };
}

/** What the answers and the clients say. `newClients`: the share of clients never seen before, by how many clients. */
export function otherSigns(
  baseline: Baseline,
  {
    answers,
    newClients,
  }: {
    readonly answers: Answers;
    readonly newClients: { readonly share: number; readonly clients: number };
  },
): Exclude<FloodTrigger, "rate">[] {
  const found: Exclude<FloodTrigger, "rate">[] = [];
  if (answers.originAnswers >= 10) {
    const share = answers.originErrors / answers.originAnswers;
    const usual = baseline.share("errors") ?? 0.05;
    if (answers.originErrors >= 10 && share > Math.max(0.1, 4 * usual)) found.push("origin-errors");
    const latency = baseline.share("latency");
    if (latency !== undefined && answers.latency > Math.max(3 * latency, latency + 0.3)) {
      found.push("origin-latency");
    }
  }
  if (answers.answers >= 50) {
    const usual = baseline.share("misses");
    const misses = 1 - answers.cacheHits / answers.answers;
    const noise = Math.sqrt((misses * (1 - misses)) / answers.answers);
    if (usual !== undefined && usual < 0.8 && misses > usual + 0.15 + 5 * noise) found.push("cache-misses");
  }
  if (newClients.clients >= 40) {
    const usual = baseline.share("newClients");
    const { share, clients } = newClients;
    const noise = Math.sqrt(Math.max(share * (1 - share), 0.05) / clients);
    if (usual !== undefined && share > usual + 0.2 + 4 * noise) found.push("new-clients");
  }
  return found;
}
