/**
 * One incident out of several nodes' accounts of it: numbers summed, series laid on top of each other, signatures joined where they say the same. Nothing is counted twice,
 * as each node counts only what came to itself. Pure.
 */
import {
  FLOOD_SERIES_MAX,
  FLOOD_SIGNATURES_MAX,
  FLOOD_TRIGGERS,
  type FloodReport,
  type FloodSignature,
} from "../contract/flood.ts";
import { signatureInWords } from "../contract/flood-words.ts";
import type { SignatureView } from "../contract/http-protection.ts";
import type { NodeId } from "../contract/ids.ts";
import type { IncidentSummary } from "../store/incidents.ts";

/** `endedAtMs`: of a node that fell silent, when it last spoke. */
export type Account = { readonly report: FloodReport; readonly endedAtMs: number | null };

type Series = FloodReport["series"];

const KINDS = ["surge", "slow", "flood"] as const;
const MODES = ["off", "shadow", "act"] as const;

/** What an incident's list row and page are made of. At least one account. */
export function mergeAccounts(accounts: readonly Account[]): IncidentSummary {
  const [first] = accounts;
  if (first === undefined) throw new Error("an incident has no account");
  const reports = accounts.map(({ report }) => report);
  const sum = (of: (report: FloodReport) => number): number => reports.reduce((all, one) => all + of(one), 0);
  const ends = accounts.map(({ endedAtMs }) => endedAtMs);
  const mitigations = reports.map(({ mitigatedAtMs }) => mitigatedAtMs);
  const series = mergeSeries(reports.map((report) => report.series));
  const signatures = joinSignatures(accounts);
  return {
    kind: highest(
      KINDS,
      reports.map(({ kind }) => kind),
    ),
    mode: highest(
      MODES,
      reports.map(({ mode }) => mode),
    ),
    beganAt: moment(Math.min(...reports.map(({ beganAtMs }) => beganAtMs))),
    mitigatedAt: mitigations.some((at) => at === null) ? null : momentOrNull(mitigations),
    endedAt: ends.some((at) => at === null) ? null : momentOrNull(ends),
    usualPerSecond: tenth(sum(({ usualPerSecond }) => usualPerSecond)),
    peakPerSecond: tenth(peakOf(reports, series)),
    requests: sum(({ requests }) => requests),
    passed: sum(({ passed }) => passed),
    challenged: sum(({ challenged }) => challenged),
    challengesPassed: sum(({ challengesPassed }) => challengesPassed),
    blocked: sum(({ blocked }) => blocked),
    throttled: sum(({ throttled }) => throttled),
    banned: sum(({ banned }) => banned),
    originErrors: sum(({ originErrors }) => originErrors),
    originSecondsExtra: tenth(sum(({ originSecondsExtra }) => originSecondsExtra)),
    sentBytes: sum(({ sentBytes }) => sentBytes),
    triggers: FLOOD_TRIGGERS.filter((trigger) => reports.some(({ triggers }) => triggers.includes(trigger))),
    words: signatures[0]?.words ?? null,
    nodes: new Set(reports.map(({ nodeId }) => nodeId)).size,
    signatures,
    series,
  };
}

/** Those that held most come first. */
function joinSignatures(accounts: readonly Account[]): SignatureView[] {
  const joined = new Map<string, { nodes: NodeId[]; parts: (FloodSignature & { until: number | null })[] }>();
  for (const { report, endedAtMs } of accounts) {
    for (const signature of report.signatures) {
      const same = JSON.stringify([
        signature.action,
        [...signature.where].map(({ feature, value }) => [feature, value]).sort(),
      ]);
      const known = joined.get(same) ?? { nodes: [], parts: [] };
      // Of a node that fell silent nothing is in force: mitigations run out by themselves.
      known.parts.push({ ...signature, until: signature.liftedAtMs ?? endedAtMs });
      if (!known.nodes.includes(report.nodeId)) known.nodes.push(report.nodeId);
      joined.set(same, known);
    }
  }
  return [...joined.values()]
    .map(({ nodes, parts }) => viewOf(nodes, parts))
    .sort((a, b) => b.requests - a.requests)
    .slice(0, FLOOD_SIGNATURES_MAX);
}

function viewOf(
  nodes: readonly NodeId[],
  parts: readonly (FloodSignature & { readonly until: number | null })[],
): SignatureView {
  const [first] = parts;
  if (first === undefined) throw new Error("a signature has no part");
  const untils = parts.map(({ until }) => until);
  return {
    words: { en: signatureInWords(first, "en"), fr: signatureInWords(first, "fr") },
    where: first.where,
    headerNames: first.headerNames,
    action: first.action,
    cover: Math.min(...parts.map(({ cover }) => cover)),
    collateral: Math.max(...parts.map(({ collateral }) => collateral)),
    since: moment(Math.min(...parts.map(({ sinceMs }) => sinceMs))),
    liftedAt: untils.some((at) => at === null) ? null : momentOrNull(untils),
    requests: parts.reduce((all, { requests }) => all + requests, 0),
    nodes,
  };
}

/** Laid on top of each other in steps of whole seconds, as wide as the coarsest of them and as FLOOD_SERIES_MAX allows. */
export function mergeSeries(all: readonly Series[]): Series {
  const filled = all.filter((series) => series.length > 0);
  const [only] = filled;
  if (only === undefined) return [];
  if (filled.length === 1) return only;
  const from = Math.min(...filled.map((series) => series[0]?.[0] ?? 0));
  const until = Math.max(...filled.map((series) => series.at(-1)?.[0] ?? 0));
  const coarsest = Math.max(...filled.map(stepOf));
  const step = 1000 * Math.ceil(Math.max(coarsest, (until - from + 1) / FLOOD_SERIES_MAX, 1000) / 1000);
  const points: [number, number, number][] = [];
  for (const series of filled) {
    for (const [at, requests, passed] of series) {
      const i = Math.floor((at - from) / step);
      const point = points[i];
      if (point === undefined) points[i] = [from + i * step, requests, passed];
      else {
        point[1] += requests;
        point[2] += passed;
      }
    }
  }
  // Nothing in a step is a zero in the chart, not a hole.
  return Array.from({ length: points.length }, (_, i) => points[i] ?? ([from + i * step, 0, 0] as const));
}

/** The usual distance of two points: the median, as one gap says nothing. */
function stepOf(series: Series): number {
  const gaps = series.slice(1).map(([at], i) => at - (series[i]?.[0] ?? at));
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 1000;
}

/** No node's peak is lost in the steps, and peaks at different times are not added up. */
function peakOf(reports: readonly FloodReport[], series: Series): number {
  const own = Math.max(...reports.map(({ peakPerSecond }) => peakPerSecond));
  if (reports.length === 1) return own;
  const step = stepOf(series) / 1000;
  return series.reduce((peak, [, requests]) => Math.max(peak, requests / step), own);
}

function highest<T>(order: readonly T[], found: readonly T[]): T {
  const index = Math.max(...found.map((one) => order.indexOf(one)));
  const best = order[index];
  if (best === undefined) throw new Error("a report names what nobody knows");
  return best;
}

const moment = (ms: number): string => new Date(ms).toISOString();
const momentOrNull = (all: readonly (number | null)[]): string | null => {
  const latest = Math.max(...all.map((at) => at ?? 0));
  return latest === 0 ? null : moment(latest);
};
const tenth = (value: number): number => Math.round(value * 10) / 10;
