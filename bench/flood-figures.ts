/**
 * What the flood bench's figures mean, as pure functions: when a flood counts as stopped, what a visit's success is, which percentile. Each is the
 * reading that flatters least: a flood that was never stopped counts with all the time it had, a visit without its files is a failed one, and
 * a bench without visits has no figure. Times are milliseconds.
 */
import { quantile, rounded } from "./measure.ts";

export const BUCKET_MS = 100;
const WINDOW_MS = 1000;
const STAYS_MS = 5000;
const REACHES_SHARE = 0.05;
export const VISIT_MS_MAX = 10_000;

/** One count for each BUCKET_MS since `fromMs`. */
export type Series = { readonly fromMs: number; readonly counts: readonly number[] };

/**
 * Milliseconds from the first flood request to the moment from which less than 5 % of the flood reaches the origin: from there on, each second that begins
 * within the next five lets less than that through. Null when there is no such moment, or when the flood ended too soon to know.
 * `sent`: flood requests that left their sender, `arrived`: those that the origin read.
 */
export function mitigatedAfterMs(sent: Series, arrived: Series): number | null {
  const first = sent.counts.findIndex((count) => count > 0);
  const last = sent.counts.findLastIndex((count) => count > 0);
  if (first < 0) return null;
  const shift = Math.round((sent.fromMs - arrived.fromMs) / BUCKET_MS);
  const window = WINDOW_MS / BUCKET_MS;
  const isBelow = (from: number): boolean => {
    let out = 0;
    let came = 0;
    for (let i = from; i < from + window; i++) {
      out += sent.counts[i] ?? 0;
      came += arrived.counts[i + shift] ?? 0;
    }
    return came === 0 || came < out * REACHES_SHARE;
  };
  const stays = STAYS_MS / BUCKET_MS;
  let since = first;
  for (let at = first; at + window - 1 <= last; at++) {
    if (!isBelow(at)) since = at + 1;
    else if (at - since >= stays) return (since - first) * BUCKET_MS;
  }
  return null;
}

/** The median, with a flood that was never stopped counted as longer than any that was. Null when that is the median. */
export function medianOrNever(values: readonly (number | null)[]): number | null {
  if (values.length === 0) return null;
  const middle = quantile(
    values.map((value) => value ?? Number.MAX_VALUE),
    0.5,
  );
  return middle >= Number.MAX_VALUE / 4 ? null : middle;
}

export type Visit = {
  /** When the person asked for the page. */
  readonly atMs: number;
  /** Until the page and its files were there, or the person saw that they will not come. */
  readonly ms: number;
  /** Null: everything arrived whole. Otherwise what the person saw. */
  readonly failed: string | null;
  readonly challenged: boolean;
  /** Statuses with which the edge and not the origin answered. */
  readonly refusedWith: readonly number[];
  /** Came for the link that everybody followed. */
  readonly isGuest: boolean;
};

/** The page they wanted arrived whole within ten seconds, as a person would see it. */
export const isSuccess = (visit: Visit): boolean => visit.failed === null && visit.ms <= VISIT_MS_MAX;

export type VisitFigures = {
  readonly visits: number;
  readonly success: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly challenged: number;
  readonly refused: number;
  readonly failures: Readonly<Record<string, number>>;
};

/** Of the visits that began in this time. A failed visit counts as one that took as long as people wait. */
export function figuresOf(
  visits: readonly Visit[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): VisitFigures {
  const here = visits.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  if (here.length === 0) throw new Error("There was no visit in the time that was to be measured.");
  const millis = here.map((visit) => (isSuccess(visit) ? visit.ms : VISIT_MS_MAX));
  const failures: Record<string, number> = {};
  for (const visit of here) {
    if (isSuccess(visit)) continue;
    const why = visit.failed ?? "too late";
    failures[why] = (failures[why] ?? 0) + 1;
  }
  return {
    visits: here.length,
    success: rounded(here.filter(isSuccess).length / here.length),
    medianMs: rounded(quantile(millis, 0.5)),
    p99Ms: rounded(quantile(millis, 0.99)),
    challenged: here.filter(({ challenged }) => challenged).length,
    refused: here.filter(({ refusedWith }) => refusedWith.length > 0).length,
    failures,
  };
}

/** What the origin says of itself, one entry for each BUCKET_MS. */
export type OriginSeries = {
  readonly fromMs: number;
  readonly flood: readonly number[];
  readonly good: readonly number[];
  readonly unknown: readonly number[];
  /** Refused, as the queue was full. */
  readonly refused: readonly number[];
  /** The longest that a request which was begun had waited for a worker. */
  readonly waitMs: readonly number[];
  /** Worker time spent, as a share of what there is. */
  readonly busy: readonly number[];
};

const SATURATED_WAIT_MS = 250;
const SATURATED_BUSY = 0.98;

export type OriginFigures = {
  readonly floodRequests: number;
  readonly goodRequests: number;
  readonly unknownRequests: number;
  readonly peakPerSecond: number;
  readonly busyPeak: number;
  readonly waitMsMax: number;
  readonly refused: number;
  /** Seconds in which requests waited long for a worker, or were refused, or no worker was free. */
  readonly saturatedSeconds: number;
  /** Of them, those later than three seconds after the begin. */
  readonly saturatedSecondsLater: number;
};

export function originFigures(
  series: OriginSeries,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): OriginFigures {
  const from = Math.max(0, Math.floor((fromMs - series.fromMs) / BUCKET_MS));
  const to = Math.ceil((toMs - series.fromMs) / BUCKET_MS);
  const part = (list: readonly number[]): readonly number[] => list.slice(from, to);
  const sum = (list: readonly number[]): number => list.reduce((all, one) => all + one, 0);
  const width = 1000 / BUCKET_MS;
  let peakPerSecond = 0;
  let busyPeak = 0;
  let saturatedSeconds = 0;
  let saturatedSecondsLater = 0;
  for (let at = from; at < to; at += width) {
    const end = Math.min(at + width, to);
    const inSecond = (list: readonly number[]): readonly number[] => list.slice(at, end);
    const came = sum(inSecond(series.flood)) + sum(inSecond(series.good)) + sum(inSecond(series.unknown));
    const busy = sum(inSecond(series.busy)) / Math.max(1, end - at);
    peakPerSecond = Math.max(peakPerSecond, came);
    busyPeak = Math.max(busyPeak, busy);
    const isSaturated =
      busy > SATURATED_BUSY ||
      Math.max(0, ...inSecond(series.waitMs)) > SATURATED_WAIT_MS ||
      sum(inSecond(series.refused)) > 0;
    if (!isSaturated) continue;
    saturatedSeconds += 1;
    if ((at - from) * BUCKET_MS >= 3000) saturatedSecondsLater += 1;
  }
  return {
    floodRequests: sum(part(series.flood)),
    goodRequests: sum(part(series.good)),
    unknownRequests: sum(part(series.unknown)),
    peakPerSecond,
    busyPeak: rounded(busyPeak),
    waitMsMax: Math.round(Math.max(0, ...part(series.waitMs))),
    refused: sum(part(series.refused)),
    saturatedSeconds,
    saturatedSecondsLater,
  };
}
