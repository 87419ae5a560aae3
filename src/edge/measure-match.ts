/**
 * Which measure stands on this request? The strongest one in force whose subject covers it; among equals the first.
 * Start and end are compared with the edge's own clock on every request, so a measure ends by itself, whatever became of the
 * control plane. Receipts were checked before a measure comes here (design law 3).
 */
import type { EdgeMeasure } from "../contract/edge-site.ts";
import { MEASURE_KINDS } from "../contract/measure.ts";
import { hostnameCovers } from "./hostname.ts";
import { canonicalPath, canonicalTarget, isAtOrBelow } from "./request-target.ts";

export type Asked = {
  /** Normalised hostname. */
  readonly host: string;
  /** The request target as sent: path and query. */
  readonly target: string;
};

export function isInForce(measure: EdgeMeasure, nowMs: number): boolean {
  if (nowMs < measure.startsAtMs) return false;
  return measure.endsAtMs === 0 || nowMs < measure.endsAtMs;
}

/** Whether the measure's subject covers what was asked, whatever the time. */
export function covers(measure: EdgeMeasure, asked: Asked): boolean {
  const scope = measure.record.scope;
  if (scope === "site" || scope === "account") return true;
  const subject = measure.record.subject;
  if (subject.hostname === undefined || !hostnameCovers(subject.hostname, asked.host)) return false;
  if (scope === "hostname") return true;
  if (subject.path === undefined) return false;
  if (scope === "path") return isAtOrBelow(canonicalPath(pathOf(asked.target)), canonicalPath(subject.path));
  return canonicalTarget(asked.target) === canonicalTarget(subject.path);
}

/** The strongest measure in force on the request, or null. `MEASURE_KINDS` runs from mild to severe. */
export function strongestMeasure(
  measures: readonly EdgeMeasure[],
  asked: Asked & { readonly nowMs: number },
): EdgeMeasure | null {
  let strongest: EdgeMeasure | null = null;
  let rank = -1;
  for (const measure of measures) {
    const itsRank = MEASURE_KINDS.indexOf(measure.record.kind);
    if (itsRank > rank && isInForce(measure, asked.nowMs) && covers(measure, asked)) {
      strongest = measure;
      rank = itsRank;
    }
  }
  return strongest;
}

function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark < 0 ? target : target.substring(0, mark);
}
