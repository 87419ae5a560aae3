/**
 * Which measure stands on this request? The strongest one in force whose subject covers it; among equals the first.
 * Start and end are compared with the edge's own clock on every request, so a measure ends by itself, whatever became of the
 * control plane. Receipts were checked before a measure comes here (design law 3). Measures are prepared once, when a site is loaded,
 * and sorted out by hostname once per hostname, so that a request that none of them covers costs a few comparisons of text.
 */
import type { EdgeMeasure } from "../contract/edge-site.ts";
import { MEASURE_KINDS, type MeasureRecord } from "../contract/measure.ts";
import { hostnameCovers } from "./hostname.ts";
import { canonicalPath, canonicalQuery, decodedPath, queryOf } from "./request-target.ts";

export type PreparedMeasure = {
  readonly record: MeasureRecord;
  readonly startsAtMs: number;
  /** Infinity for no end. */
  readonly endsAtMs: number;
  /** Kept hostname, or "" for all of the site's. */
  readonly hostname: string;
  /** Decoded path, without a final slash if it is a prefix. "" covers every path. */
  readonly path: string;
  readonly pathAndSlash: string;
  readonly isExact: boolean;
  /** Canonical query that a url measure asks for. */
  readonly query: string;
};

/** Makes measures ready for requests: strongest first, so that the first that covers a request is the one. */
export function prepareMeasures(measures: readonly EdgeMeasure[]): PreparedMeasure[] {
  const prepared: PreparedMeasure[] = [];
  // `MEASURE_KINDS` runs from mild to severe.
  for (let rank = MEASURE_KINDS.length - 1; rank >= 0; rank--) {
    for (const measure of measures) {
      if (measure.record.kind === MEASURE_KINDS[rank]) prepared.push(prepare(measure));
    }
  }
  return prepared;
}

/**
 * Measures of one hostname, by the first segment of the paths that they cover, so that a path which none of them covers costs one
 * look-up and no loop (a loop would also keep LuaJIT from compiling ADMIT as one piece). Each list runs from strong to mild.
 */
export type MeasureMap = {
  /** Whether one of them covers every path: then each segment's list is only a part of the answer. */
  readonly everywhere: readonly PreparedMeasure[];
  readonly bySegment: Readonly<Record<string, readonly PreparedMeasure[] | undefined>>;
};

export function mapMeasures(measures: readonly PreparedMeasure[]): MeasureMap {
  const everywhere: PreparedMeasure[] = [];
  const bySegment: Record<string, PreparedMeasure[] | undefined> = {};
  for (const measure of measures) if (measure.path === "" && !measure.isExact) everywhere.push(measure);
  for (const measure of measures) {
    const segment = firstSegment(measure.path);
    if (segment === "" || bySegment[segment] !== undefined) continue;
    // Those that cover everything stand in each list too, at their rank.
    bySegment[segment] = measures.filter(
      ({ path, isExact }) => (path === "" && !isExact) || firstSegment(path) === segment,
    );
  }
  return { everywhere, bySegment };
}

/** "/threads" of "/threads/7". Two paths of which one covers the other have it in common. */
function firstSegment(path: string): string {
  const end = path.indexOf("/", 1);
  return end < 0 ? path : path.substring(0, end);
}

/** Those that may cover `path`; undefined when none does. */
export function measuresOfPath(map: MeasureMap, path: string): readonly PreparedMeasure[] | undefined {
  const found = map.bySegment[firstSegment(path)];
  if (found !== undefined) return found;
  return map.everywhere.length > 0 ? map.everywhere : undefined;
}

/** Those that can stand on a request for `host` at all. */
export function measuresOfHost(measures: readonly PreparedMeasure[], host: string): PreparedMeasure[] {
  const found: PreparedMeasure[] = [];
  for (const measure of measures) {
    if (measure.hostname === "" || hostnameCovers(measure.hostname, host)) found.push(measure);
  }
  return found;
}

/**
 * The measure that stands on a request, or null. `path` is decoded (nginx's $uri), `query` raw and without "?". Positional, as it runs for
 * every request of a site with measures and an object per request would cost more than the comparison.
 */
export function measureOn(
  measures: readonly PreparedMeasure[],
  path: string,
  query: string,
  nowMs: number,
): PreparedMeasure | null {
  for (const measure of measures) {
    if (nowMs >= measure.startsAtMs && nowMs < measure.endsAtMs && covers(measure, path, query))
      return measure;
  }
  return null;
}

function covers(measure: PreparedMeasure, path: string, query: string): boolean {
  if (measure.isExact) return path === measure.path && canonicalQuery(query) === measure.query;
  return path === measure.path || path.startsWith(measure.pathAndSlash);
}

function prepare(measure: EdgeMeasure): PreparedMeasure {
  const { scope, subject } = measure.record;
  const isWhole = scope === "site" || scope === "account";
  const isExact = scope === "url";
  const raw = scope === "path" || isExact ? (subject.path ?? "/") : "/";
  const mark = raw.indexOf("?");
  const path = decodedPath(canonicalPath(mark < 0 ? raw : raw.substring(0, mark)));
  const endsInSlash = path.charAt(path.length - 1) === "/";
  const bare = endsInSlash && !isExact ? path.substring(0, path.length - 1) : path;
  return {
    record: measure.record,
    startsAtMs: measure.startsAtMs,
    endsAtMs: measure.endsAtMs === 0 ? Infinity : measure.endsAtMs,
    // A narrow measure without a hostname covers nothing: no kept name is empty.
    hostname: isWhole ? "" : (subject.hostname ?? "-"),
    path: bare,
    pathAndSlash: bare + "/",
    isExact,
    query: isExact ? canonicalQuery(queryOf(raw)) : "",
  };
}
