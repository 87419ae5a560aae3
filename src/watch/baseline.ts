/**
 * What is usual for one site: how many requests a second and how much that varies, how each hour of its week and its latest peaks looked, how its origin
 * answers, and which share of requests are files beside pages. It learns only from moments that have proved quiet, so that a flood never becomes usual; what
 * a caller leaves out simply is not learned. Bounded: a few hundred numbers a site. Rates are requests per second.
 */
export const HOURS_OF_WEEK = 168;
const HOUR_MS = 3_600_000;
/** The level follows with this time constant once it knows that much. */
const LEVEL_SECONDS = 240;
const SHARE_SECONDS = 600;
/**
 * What grows slowly is followed by the level, whatever it is. So nothing is expected beyond so many times the mean of half a day, or of this hour in
 * other weeks: what goes beyond is looked into, and if it is people it stays what it was. From an hour of knowledge on.
 */
const SLOW_SECONDS = 12 * 3600;
const SLOW_TIMES = 4;
const SLOW_HIGH_TIMES = 3 * SLOW_TIMES;
const SLOW_KNOWN_SECONDS = 3600;
/** A site that was never seen is taken for one with a few visitors at once. */
const PRIOR_PER_SECOND = 10;
const PRIOR_SECONDS = 5;
/** Below this many learned seconds only strong evidence counts. */
export const LEARNED_SECONDS_MIN = 12;
/** Requests come in groups, a page with its files: their variance is this many times their mean until more is known. */
const PRIOR_DISPERSION = 10;
const DISPERSION_MIN = 2;
const RATE_BINS = 48;
const ROLL_BACK_MS = 30_000;
const HIGH_QUANTILE = 0.98;
const SHARE_NAMES = [
  "assets",
  "newClients",
  "misses",
  "errors",
  "latency",
  "originSeconds",
  "perClient",
] as const;
export type ShareName = (typeof SHARE_NAMES)[number];

export type Expectation = {
  readonly perSecond: number;
  /** Of the requests in one second. */
  readonly variance: number;
  /** The highest that is nothing special: of this hour in other weeks, and of late. */
  readonly usualHigh: number;
  readonly isLearned: boolean;
};

export type KeptBaseline = {
  readonly level: number;
  readonly slow: number;
  readonly variance: number;
  readonly seconds: number;
  readonly peak: number;
  readonly peakAtMs: number;
  readonly lastMs: number;
  readonly shares: readonly (readonly [number, number])[];
  readonly means: readonly number[];
  readonly highs: readonly number[];
};

export class Baseline {
  #level = 0;
  #slow = 0;
  #variance = 0;
  #seconds = 0;
  #lastMs = 0;
  #peak = 0;
  #peakAtMs = 0;
  #highOfLate = 0;
  #highOfLateAtMs = 0;
  /** Of each share its value and how much of it was seen, in seconds. */
  readonly #shares = SHARE_NAMES.map((): [number, number] => [0, 0]);
  readonly #means = new Float32Array(HOURS_OF_WEEK).fill(-1);
  readonly #highs = new Float32Array(HOURS_OF_WEEK).fill(-1);
  /** How it was a few times in the last minute. */
  readonly #marks: {
    readonly atMs: number;
    readonly level: number;
    readonly variance: number;
    readonly seconds: number;
    readonly peak: number;
    readonly peakAtMs: number;
  }[] = [];
  #hour = -1;
  #hourSum = 0;
  #hourSeconds = 0;
  readonly #hourBins = new Uint16Array(RATE_BINS);

  get seconds(): number {
    return this.#seconds;
  }

  /** `requests` in `seconds` that ended at `nowMs`. Silence since the last time is learned as such. */
  learnRate(
    requests: number,
    { seconds, nowMs }: { readonly seconds: number; readonly nowMs: number },
  ): void {
    if (seconds <= 0) return;
    this.#learnSilence(nowMs - seconds * 1000);
    this.#mark(nowMs);
    const rate = requests / seconds;
    const steps = Math.min(seconds, 5);
    const weight = Math.max(steps / (this.#seconds + steps), 1 - Math.exp(-steps / LEVEL_SECONDS));
    this.#slow +=
      Math.max(steps / (this.#seconds + steps), 1 - Math.exp(-steps / SLOW_SECONDS)) * (rate - this.#slow);
    const off = rate - this.#level;
    this.#level += weight * off;
    // Of one second: the variance of a mean over several is that much less.
    this.#variance += weight * (off * (rate - this.#level) * seconds - this.#variance);
    this.#seconds = Math.min(this.#seconds + seconds, 1e9);
    this.#lastMs = nowMs;
    this.#learnHour(rate, { seconds, nowMs });
    if (rate > this.highOfLate(nowMs)) {
      this.#highOfLate = rate;
      this.#highOfLateAtMs = nowMs;
    }
    const peak = this.#peakAt(nowMs);
    if (rate > peak) {
      this.#peak = rate;
      this.#peakAtMs = nowMs;
    }
  }

  /** Nothing is known of the time until then. */
  skipTo(nowMs: number): void {
    if (this.#lastMs !== 0) this.#lastMs = Math.max(this.#lastMs, nowMs);
  }

  /** Forgets what the last half minute changed: it may have been the swelling of what is only now seen. */
  rollBack(nowMs: number): void {
    const mark = this.#marks.findLast(({ atMs }) => nowMs - atMs >= ROLL_BACK_MS);
    if (mark === undefined || mark.seconds < ROLL_BACK_MS / 500) return;
    this.#level = mark.level;
    this.#variance = mark.variance;
    this.#peak = mark.peak;
    this.#peakAtMs = mark.peakAtMs;
    this.#marks.length = 0;
  }

  #mark(nowMs: number): void {
    if (nowMs - (this.#marks.at(-1)?.atMs ?? -Infinity) < ROLL_BACK_MS / 4) return;
    this.#marks.push({
      atMs: nowMs,
      level: this.#level,
      variance: this.#variance,
      seconds: this.#seconds,
      peak: this.#peak,
      peakAtMs: this.#peakAtMs,
    });
    if (this.#marks.length > 8) this.#marks.shift();
  }

  #learnSilence(untilMs: number): void {
    const silent = (untilMs - this.#lastMs) / 1000;
    if (this.#lastMs === 0 || silent < 1.5) return;
    const seconds = Math.min(silent, 10 * LEVEL_SECONDS);
    const left = this.#leftAfter(seconds, LEVEL_SECONDS);
    this.#slow *= this.#leftAfter(seconds, SLOW_SECONDS);
    this.#variance = left * (this.#variance + (1 - left) * this.#level * this.#level);
    this.#level *= left;
    this.#seconds = Math.min(this.#seconds + seconds, 1e9);
    this.#hourSeconds += Math.min(seconds, HOUR_MS / 1000);
  }

  /** What is left of a mean with that memory after so much silence. */
  #leftAfter(seconds: number, memory: number): number {
    const young = this.#seconds < memory ? this.#seconds / (this.#seconds + seconds) : 0;
    return Math.max(Math.exp(-seconds / memory), young);
  }

  #learnHour(rate: number, { seconds, nowMs }: { readonly seconds: number; readonly nowMs: number }): void {
    const hour = Math.floor(nowMs / HOUR_MS);
    if (hour !== this.#hour) {
      if (this.#hour >= 0) this.#closeHour(this.#hour % HOURS_OF_WEEK);
      this.#hour = hour;
      this.#hourSum = 0;
      this.#hourSeconds = 0;
      this.#hourBins.fill(0);
    }
    this.#hourSum += rate * seconds;
    this.#hourSeconds += seconds;
    const bin = Math.min(RATE_BINS - 1, Math.max(0, Math.ceil(Math.log2(rate + 1) * 2)));
    this.#hourBins[bin] = Math.min(65535, (this.#hourBins[bin] ?? 0) + 1);
  }

  #closeHour(slot: number): void {
    if (this.#hourSeconds < 60) return;
    const mean = this.#hourSum / Math.max(this.#hourSeconds, 1);
    const seen = this.#hourBins.reduce((sum, n) => sum + n, 0);
    let left = seen * (1 - HIGH_QUANTILE);
    let bin = RATE_BINS - 1;
    while (bin > 0 && left - (this.#hourBins[bin] ?? 0) >= 0) left -= this.#hourBins[bin--] ?? 0;
    const high = 2 ** (bin / 2) - 1;
    const old = this.#means[slot] ?? -1;
    this.#means[slot] = old < 0 ? mean : old + 0.3 * (mean - old);
    const oldHigh = this.#highs[slot] ?? -1;
    this.#highs[slot] = oldHigh < 0 ? high : Math.max(high, oldHigh + 0.3 * (high - oldHigh));
  }

  /** `weight`: for how many seconds' worth of evidence it stands. */
  learnShare(name: ShareName, value: number, weight: number): void {
    if (!Number.isFinite(value) || !(weight > 0)) return;
    const share = this.#shares[SHARE_NAMES.indexOf(name)]!;
    const part = Math.max(weight / (share[1] + weight), 1 - Math.exp(-weight / SHARE_SECONDS));
    share[0] += part * (value - share[0]);
    share[1] = Math.min(share[1] + weight, 1e9);
  }

  /** Undefined until enough was seen of it. */
  share(name: ShareName): number | undefined {
    const [value, weight] = this.#shares[SHARE_NAMES.indexOf(name)]!;
    return weight >= LEARNED_SECONDS_MIN ? value : undefined;
  }

  expected(nowMs: number): Expectation {
    const silent = Math.max(0, (nowMs - this.#lastMs) / 1000 - 5);
    const level = this.#lastMs === 0 ? 0 : this.#level * Math.exp(-silent / LEVEL_SECONDS);
    const prior = PRIOR_SECONDS / (PRIOR_SECONDS + this.#seconds);
    const isLearned = this.#seconds >= LEARNED_SECONDS_MIN;
    const slot = Math.floor(nowMs / HOUR_MS) % HOURS_OF_WEEK;
    const slow = this.#slowAt(slot);
    const perSecond = isLearned
      ? Math.min(level, SLOW_TIMES * slow)
      : Math.max(level, prior * PRIOR_PER_SECOND);
    const sureness = Math.min(1, this.#seconds / 90);
    const dispersion = sureness * DISPERSION_MIN + (1 - sureness) * PRIOR_DISPERSION;
    const variance = Math.max(this.#variance, dispersion * perSecond, 4);
    const usualHigh = Math.max(
      perSecond,
      this.#highs[slot] ?? -1,
      // People are early and late.
      nowMs % HOUR_MS > HOUR_MS - 120_000 ? (this.#highs[(slot + 1) % HOURS_OF_WEEK] ?? -1) : -1,
      nowMs % HOUR_MS < 600_000 ? (this.#highs[(slot + HOURS_OF_WEEK - 1) % HOURS_OF_WEEK] ?? -1) : -1,
      Math.min(this.#peakAt(nowMs), SLOW_HIGH_TIMES * slow),
    );
    return { perSecond, variance, usualHigh, isLearned };
  }

  /** The mean of half a day, or of this hour in other weeks; Infinity while too little is known. */
  #slowAt(slot: number): number {
    return this.#seconds < SLOW_KNOWN_SECONDS ? Infinity : Math.max(this.#slow, this.#means[slot] ?? -1);
  }

  /** The highest rate of a day, whatever it was: what was there an hour ago is no news, even if nobody can say yet that it is usual. */
  highOfLate(nowMs: number): number {
    if (this.#highOfLateAtMs > nowMs) return 0;
    return this.#highOfLate * Math.exp(-Math.max(0, nowMs - this.#highOfLateAtMs) / (24 * HOUR_MS));
  }

  /** The peak of late, fading within hours. */
  #peakAt(nowMs: number): number {
    return this.#peak * Math.exp(-Math.max(0, nowMs - this.#peakAtMs) / (2 * HOUR_MS));
  }

  toKept(): KeptBaseline {
    const short = (value: number): number => Number(value.toPrecision(5));
    return {
      level: short(this.#level),
      slow: short(this.#slow),
      variance: short(this.#variance),
      seconds: Math.round(this.#seconds),
      peak: short(this.#peak),
      peakAtMs: this.#peakAtMs,
      lastMs: this.#lastMs,
      shares: this.#shares.map(([value, weight]) => [short(value), Math.round(weight)] as const),
      means: Array.from(this.#means, short),
      highs: Array.from(this.#highs, short),
    };
  }

  fromKept(kept: KeptBaseline): void {
    this.#level = kept.level;
    this.#slow = kept.slow;
    this.#variance = kept.variance;
    this.#seconds = kept.seconds;
    this.#peak = kept.peak;
    this.#peakAtMs = kept.peakAtMs;
    this.#lastMs = kept.lastMs;
    for (const [i, [value, weight]] of kept.shares.entries()) this.#shares[i] = [value, weight];
    this.#means.set(kept.means);
    this.#highs.set(kept.highs);
  }
}

export const BASELINE_SHARES = SHARE_NAMES.length;
