/**
 * One mitigation in force: renewed while it holds what is unusual, lifted when it no longer does, weakened when those it holds turn out to be people. Which of
 * its clients passed is estimated from the 256 clients with the lowest hashes (bottom-k, Cohen and Kaplan 2007), so that a million of them cost
 * no more than a few. Pure.
 */
import type {
  EdgeMitigation,
  FloodSample,
  FloodSignature,
  MitigationAction,
  SiteCounts,
} from "../contract/flood.ts";
import type { Decision } from "./decide.ts";
import { ADDRESS_INDEX, matches } from "./shape.ts";

export const MITIGATION_SECONDS = 30;
const RENEW_MS = (MITIGATION_SECONDS * 1000) / 3;
/** It is lifted when nothing unusual was held for this long. */
const QUIET_MS = 20_000;
const HELD_SECONDS = 3;
const CLIENTS_KEPT = 256;
const CLIENTS_MIN = 20;
/** More of its clients than this are people: it is weakened. */
const PASSED_MAX = 0.2;

export class Mitigation {
  readonly mitigationId: string;
  readonly siteId: SiteCounts["siteId"];
  readonly where: EdgeMitigation["where"];
  readonly isBroad: boolean;
  readonly difficultyBits: number;
  readonly perSecond: number;
  readonly #headerNames: string;
  #cover: number;
  readonly #collateral: number;
  readonly #sinceMs: number;
  /** Good requests a second that it may be expected to hold. */
  readonly #usualPerSecond: number;
  #action: MitigationAction;
  #sentAtMs = -Infinity;
  #lastUnusualMs: number;
  #liftedAtMs: number | null = null;
  #requests = 0;
  #held: { readonly atMs: number; readonly requests: number }[] = [];
  readonly #clients = new Map<number, boolean>();
  #mostHash = Infinity;
  peakPerSecond = 0;

  constructor(
    { candidate, action, difficultyBits, perSecond, isBroad }: Decision,
    of: {
      readonly mitigationId: string;
      readonly siteId: SiteCounts["siteId"];
      readonly expectedPerSecond: number;
      readonly nowMs: number;
    },
  ) {
    this.mitigationId = of.mitigationId;
    this.siteId = of.siteId;
    this.where = candidate.where;
    this.isBroad = isBroad;
    this.difficultyBits = difficultyBits;
    this.perSecond = perSecond;
    this.#action = action;
    this.#cover = candidate.cover;
    this.#collateral = candidate.collateral;
    this.#headerNames = this.where.some(({ feature }) => feature === "headers")
      ? (candidate.members[0]?.headerNames ?? "").slice(0, 1000)
      : "";
    this.#usualPerSecond = of.expectedPerSecond * candidate.collateral;
    this.#sinceMs = of.nowMs;
    this.#lastUnusualMs = of.nowMs;
  }

  get isLifted(): boolean {
    return this.#liftedAtMs !== null;
  }

  /** It has been in force for long enough to say what it holds. */
  isMeasured(nowMs: number): boolean {
    return nowMs - this.#sinceMs >= 2 * HELD_SECONDS * 1000;
  }

  get action(): MitigationAction {
    return this.#action;
  }

  get usualPerSecond(): number {
    return this.#usualPerSecond;
  }

  /** `requests` since the last time. */
  hold(requests: number, nowMs: number): void {
    this.#requests += requests;
    if (requests > 0) this.#held.push({ atMs: nowMs, requests });
    while (this.#held.length > 0 && this.#held[0]!.atMs <= nowMs - HELD_SECONDS * 1000) this.#held.shift();
    const perSecond = this.heldPerSecond;
    this.peakPerSecond = Math.max(this.peakPerSecond, perSecond);
    const usual = this.#usualPerSecond;
    if (perSecond > Math.max(2, 3 * usual + 2 * Math.sqrt(usual))) this.#lastUnusualMs = nowMs;
  }

  /** What it holds of an excess tells more than the few samples it was decided on. */
  measure(excessPerSecond: number): void {
    if (excessPerSecond > 0) this.#cover = Math.max(this.#cover, this.heldPerSecond / excessPerSecond);
  }

  get heldPerSecond(): number {
    return this.#held.reduce((sum, { requests }) => sum + requests, 0) / HELD_SECONDS;
  }

  /** Who is held, and who came back with a proof. */
  see(sample: FloodSample): void {
    if (sample.passage === "passed" && !sample.isCleared) return;
    if (!matches(this.where, sample.values)) return;
    const hash = hashOf(sample.values[ADDRESS_INDEX] ?? "");
    if (this.#clients.has(hash)) {
      if (sample.isCleared) this.#clients.set(hash, true);
      return;
    }
    if (this.#clients.size >= CLIENTS_KEPT) {
      if (hash >= this.#mostHash) return;
      this.#clients.delete(this.#mostHash);
    }
    this.#clients.set(hash, sample.isCleared);
    if (this.#clients.size >= CLIENTS_KEPT) this.#mostHash = Math.max(...this.#clients.keys());
  }

  /** Share of its clients that are people. Null until enough were seen. */
  get passedShare(): number | null {
    if (this.#clients.size < CLIENTS_MIN) return null;
    let passed = 0;
    for (const isPassed of this.#clients.values()) if (isPassed) passed += 1;
    return passed / this.#clients.size;
  }

  /**
   * What follows from who passed: "weaken" for a block, "lift" for a challenge that mostly holds people. A challenge that also holds
   * a flood stays: lifting it would let the flood through to spare people a second.
   */
  judgement(floodPerSecond: number): "keep" | "weaken" | "lift" {
    const share = this.passedShare;
    if (share === null || share <= PASSED_MAX) return "keep";
    if (this.#action === "block") return "weaken";
    return this.heldPerSecond > Math.max(floodPerSecond, 3 * this.#usualPerSecond) ? "keep" : "lift";
  }

  weaken(): void {
    this.#action = "challenge";
    this.#clients.clear();
    this.#mostHash = Infinity;
    this.#sentAtMs = -Infinity;
  }

  isQuiet(nowMs: number): boolean {
    return nowMs - this.#lastUnusualMs >= QUIET_MS;
  }

  lift(nowMs: number): EdgeMitigation {
    this.#liftedAtMs = nowMs;
    return this.#toEdge(0);
  }

  /** What is to be told to the edge now, if anything. */
  due(nowMs: number): EdgeMitigation | null {
    if (this.isLifted || nowMs - this.#sentAtMs < RENEW_MS) return null;
    this.#sentAtMs = nowMs;
    return this.#toEdge(MITIGATION_SECONDS);
  }

  /** What was sent did not arrive: it is due again. */
  unsent(): void {
    this.#sentAtMs = -Infinity;
  }

  #toEdge(seconds: number): EdgeMitigation {
    return {
      mitigationId: this.mitigationId,
      siteId: this.siteId,
      where: this.where,
      action: this.#action,
      difficultyBits: this.#action === "challenge" ? this.difficultyBits : 0,
      perSecond: this.#action === "throttle" ? this.perSecond : 0,
      seconds,
    };
  }

  toSignature(): FloodSignature {
    return {
      mitigationId: this.mitigationId,
      where: this.where,
      headerNames: this.#headerNames,
      action: this.#action,
      cover: rounded(this.#cover),
      collateral: rounded(this.#collateral),
      sinceMs: this.#sinceMs,
      liftedAtMs: this.#liftedAtMs,
      requests: Math.round(this.#requests),
    };
  }
}

function rounded(share: number): number {
  return Math.round(Math.min(1, Math.max(0, share)) * 10_000) / 10_000;
}

/** FNV-1a with the finalizer of MurmurHash3. */
function hashOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
