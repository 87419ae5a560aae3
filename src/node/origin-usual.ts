/**
 * What a site's origin is like on calm days, learned from what its answers said: how many requests it has at once, how many come in a second, how long
 * it takes. The gate of the request path begins with that when many more come (`edge/gate-rules.ts`). A second that is far from usual teaches
 * little, so that a flood does not become the usual; bounded sites, least recently seen ones are forgotten first.
 */
import type { ResponseCounts } from "../contract/flood.ts";
import { writeGateTerms } from "../contract/gate.ts";
import type { SiteId } from "../contract/ids.ts";

export type OriginTerms = { readonly siteId: SiteId; readonly terms: string };

const SITES_MAX = 20_000;
/** What is usual follows the seconds with this share of each. */
const SHARE = 0.05;
/** A peak is forgotten by half in about an hour of seconds with answers. */
const PEAK_KEPT = 0.9998;
/** A second with this many times the usual requests or time is none to learn from. */
const UNUSUAL_TIMES = 3;
const TICKS_PER_SECOND = 20;
/** Beyond the highest peak of calm days by this much the gate looks on, and this many times what was there at once may be there. */
const RUSH_TIMES = 3;
const AT_ONCE_TIMES = 3;
const AT_ONCE_MORE = 6;
/** A browser asks for a page and then for all of its files at once. */
const REQUESTS_PER_TICK_MIN = 15;
/** Seconds with answers before anything is said. */
const SECONDS_MIN = 5;

type Usual = {
  seconds: number;
  /** Requests at the origin at once, highest of late: the sum of the times of a second's answers (Little's law). */
  atOncePeak: number;
  /** Answers of a second, from the cache as well: the gate counts what comes. */
  perSecondPeak: number;
  answerSeconds: number;
  told: string;
};

export class OriginUsual {
  readonly #workers: number;
  readonly #sites = new Map<SiteId, Usual>();

  /** `workers`: of nginx; what is learned of the node is shared out among them. */
  constructor(workers: number) {
    this.#workers = workers;
  }

  learn(counts: ResponseCounts): void {
    if (counts.originAnswers <= 0) return;
    const each = counts.originSecondsSum / counts.originAnswers;
    const known = this.#sites.get(counts.siteId);
    // Re-inserted, so that the map's order is that of last use.
    this.#sites.delete(counts.siteId);
    if (known === undefined) {
      if (this.#sites.size >= SITES_MAX) this.#forgetOldest();
      this.#sites.set(counts.siteId, {
        seconds: 1,
        atOncePeak: counts.originSecondsSum,
        perSecondPeak: counts.answers,
        answerSeconds: each,
        told: "",
      });
      return;
    }
    this.#sites.set(counts.siteId, known);
    known.seconds += 1;
    const isUnusual =
      counts.originErrors * 2 > counts.originAnswers ||
      (known.seconds > SECONDS_MIN &&
        (counts.answers > known.perSecondPeak * UNUSUAL_TIMES ||
          each > known.answerSeconds * UNUSUAL_TIMES + 0.05));
    const usualEach = known.answerSeconds * UNUSUAL_TIMES + 0.05;
    known.answerSeconds +=
      (Math.min(each, usualEach) - known.answerSeconds) * (isUnusual ? SHARE / 1000 : SHARE);
    known.atOncePeak *= PEAK_KEPT;
    known.perSecondPeak *= PEAK_KEPT;
    if (isUnusual) return;
    known.atOncePeak = Math.max(known.atOncePeak, counts.originSecondsSum);
    known.perSecondPeak = Math.max(known.perSecondPeak, counts.answers);
  }

  /** What the request path does not know yet, at most `most`. Each is told again only when it changed by much. */
  news(most: number): OriginTerms[] {
    const news: OriginTerms[] = [];
    for (const [siteId, usual] of this.#sites) {
      if (news.length >= most) break;
      if (usual.seconds < SECONDS_MIN) continue;
      const terms = this.#termsOf(usual);
      if (terms === usual.told) continue;
      usual.told = terms;
      news.push({ siteId, terms });
    }
    return news;
  }

  /** nginx was started anew and knows nothing. */
  forgetTold(): void {
    for (const usual of this.#sites.values()) usual.told = "";
  }

  #termsOf(usual: Usual): string {
    const perTick = (usual.perSecondPeak * RUSH_TIMES) / TICKS_PER_SECOND / this.#workers;
    const atOnce = (usual.atOncePeak * AT_ONCE_TIMES + AT_ONCE_MORE) / this.#workers;
    return writeGateTerms({
      requestsPerTick: Math.max(REQUESTS_PER_TICK_MIN, roughly(perTick)),
      atOnce: Math.max(1, roughly(atOnce)),
      usualSeconds: roughly(usual.answerSeconds),
    });
  }

  #forgetOldest(): void {
    const [oldest] = this.#sites.keys();
    if (oldest !== undefined) this.#sites.delete(oldest);
  }
}

/** To steps of a fifth, so that small changes are none. */
function roughly(value: number): number {
  if (value <= 0) return 0;
  const step = 1.2 ** Math.round(Math.log(value) / Math.log(1.2));
  return Number(step.toPrecision(3));
}
