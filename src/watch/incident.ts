/**
 * The account of one incident: when it began, peaked, was met and ended, what it asked, what was let through, what it cost. It only counts; what
 * happens is decided elsewhere. Its size is bounded however long it lasts. Pure.
 */
import {
  FLOOD_SERIES_MAX,
  FLOOD_SIGNATURES_MAX,
  type FloodMode,
  type FloodReport,
  type FloodTrigger,
  type ResponseCounts,
  type SiteCounts,
} from "../contract/flood.ts";
import type { NodeId } from "../contract/ids.ts";
import type { Mitigation } from "./mitigation.ts";
import { allOf } from "./window.ts";

const REPORT_EVERY_MS = 1000;

export class Incident {
  readonly incidentId: string;
  readonly #siteId: SiteCounts["siteId"];
  readonly #nodeId: NodeId;
  readonly #usualPerSecond: number;
  readonly #usualOriginSeconds: number;
  readonly beganAtMs: number;
  readonly #triggers = new Set<FloodTrigger>();
  #mitigations: Mitigation[] = [];
  kind: "flood" | "surge" = "surge";
  mitigatedAtMs: number | null = null;
  endedAtMs: number | null = null;
  #peak = 0;
  #requests = 0;
  #passed = 0;
  #challenged = 0;
  #challengesPassed = 0;
  #blocked = 0;
  #throttled = 0;
  #banned = 0;
  #originErrors = 0;
  #originSecondsExtra = 0;
  #sentBytes = 0;
  #series: [number, number, number][] = [];
  #pointMs = 1000;
  #countedToMs: number;
  #second = { fromMs: 0, requests: 0, passed: 0 };
  #reportedAtMs = -Infinity;
  #isChanged = true;

  constructor(of: {
    readonly incidentId: string;
    readonly siteId: SiteCounts["siteId"];
    readonly nodeId: NodeId;
    readonly beganAtMs: number;
    readonly usualPerSecond: number;
    /** Seconds of the origin's work per second before. */
    readonly usualOriginSeconds: number;
  }) {
    this.incidentId = of.incidentId;
    this.#siteId = of.siteId;
    this.#nodeId = of.nodeId;
    this.beganAtMs = of.beganAtMs;
    this.#usualPerSecond = of.usualPerSecond;
    this.#usualOriginSeconds = of.usualOriginSeconds;
    this.#second.fromMs = of.beganAtMs;
    this.#countedToMs = of.beganAtMs;
  }

  get mitigations(): readonly Mitigation[] {
    return this.#mitigations;
  }

  trigger(triggers: Iterable<FloodTrigger>): void {
    for (const trigger of triggers) this.#triggers.add(trigger);
  }

  /** The oldest lifted ones make room. */
  addMitigation(mitigation: Mitigation): void {
    this.#mitigations.push(mitigation);
    while (this.#mitigations.length > FLOOD_SIGNATURES_MAX) {
      const lifted = this.#mitigations.findIndex(({ isLifted }) => isLifted);
      this.#mitigations.splice(Math.max(0, lifted), 1);
    }
    this.#isChanged = true;
  }

  touch(): void {
    this.#isChanged = true;
  }

  count(counts: SiteCounts, atMs: number): void {
    const all = allOf(counts);
    this.#requests += all;
    this.#passed += counts.passed;
    this.#challenged += counts.challenged;
    this.#challengesPassed += counts.challengesPassed;
    this.#blocked += counts.blocked;
    this.#throttled += counts.throttled + counts.limited;
    this.#banned += counts.banned;
    this.countTick(all, { passed: counts.passed, atMs });
  }

  /** Of the moments before it was known as an incident there are only these two. */
  countBefore(all: number, { passed, atMs }: { readonly passed: number; readonly atMs: number }): void {
    this.#requests += all;
    this.#passed += passed;
    this.countTick(all, { passed, atMs });
  }

  countTick(all: number, { passed, atMs }: { readonly passed: number; readonly atMs: number }): void {
    this.#countedToMs = Math.max(this.#countedToMs, atMs);
    const second = this.#second;
    second.requests += all;
    second.passed += passed;
    const lasted = atMs - second.fromMs;
    if (lasted < 1000) return;
    this.#peak = Math.max(this.#peak, (second.requests * 1000) / lasted);
    this.#point([Math.round(second.fromMs), Math.round(second.requests), Math.round(second.passed)]);
    this.#second = { fromMs: atMs, requests: 0, passed: 0 };
    this.#isChanged = true;
  }

  #point(point: [number, number, number]): void {
    const last = this.#series.at(-1);
    if (last !== undefined && point[0] - last[0] < this.#pointMs) {
      last[1] += point[1];
      last[2] += point[2];
      return;
    }
    this.#series.push(point);
    if (this.#series.length <= FLOOD_SERIES_MAX) return;
    const merged: [number, number, number][] = [];
    for (let i = 0; i < this.#series.length; i += 2) {
      const a = this.#series[i]!;
      const b = this.#series[i + 1] ?? [0, 0, 0];
      merged.push([a[0], a[1] + b[1], a[2] + b[2]]);
    }
    this.#series = merged;
    this.#pointMs *= 2;
  }

  answers({ originErrors, originSecondsSum, sentBytes }: ResponseCounts): void {
    this.#originErrors += originErrors;
    this.#originSecondsExtra += Math.max(0, originSecondsSum - this.#usualOriginSeconds);
    this.#sentBytes += sentBytes;
    this.#isChanged = true;
  }

  /** At most one a second, and only when something changed; `final` in any case. */
  report(
    nowMs: number,
    { mode, final }: { readonly mode: FloodMode; readonly final: boolean },
  ): FloodReport | null {
    if (!final && (!this.#isChanged || nowMs - this.#reportedAtMs < REPORT_EVERY_MS)) return null;
    this.#reportedAtMs = nowMs;
    this.#isChanged = false;
    const { requests, passed, fromMs } = this.#second;
    // Visitors go on asking all the while, and are no flood.
    const usual = (this.#usualPerSecond * (this.#countedToMs - this.beganAtMs)) / 1000;
    const beyond = Math.max(0, this.#requests - usual);
    const rest =
      requests > 0 ? [[Math.round(fromMs), Math.round(requests), Math.round(passed)] as const] : [];
    return {
      schema: 1,
      incidentId: this.incidentId,
      nodeId: this.#nodeId,
      siteId: this.#siteId,
      kind: this.kind,
      mode,
      triggers: [...this.#triggers],
      beganAtMs: Math.round(this.beganAtMs),
      mitigatedAtMs: this.mitigatedAtMs,
      endedAtMs: this.endedAtMs,
      usualPerSecond: tenth(this.#usualPerSecond),
      peakPerSecond: tenth(this.#peak),
      requests: Math.round(beyond),
      passed: Math.round(Math.min(beyond, Math.max(0, this.#passed - usual))),
      challenged: Math.round(this.#challenged),
      challengesPassed: Math.round(this.#challengesPassed),
      blocked: Math.round(this.#blocked),
      throttled: Math.round(this.#throttled),
      banned: Math.round(this.#banned),
      originErrors: Math.round(this.#originErrors),
      originSecondsExtra: tenth(this.#originSecondsExtra),
      sentBytes: Math.round(this.#sentBytes),
      signatures: this.#mitigations.map((mitigation) => mitigation.toSignature()),
      series: [...this.#series.map((point) => [...point] as const), ...(final ? rest : [])].slice(
        -FLOOD_SERIES_MAX,
      ),
    };
  }
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
