/**
 * One site under watch: takes in what happened in a tick, says how urgently it wants a search, searches when it is its turn, and says what is to be done.
 * The usual is learned from quiet moments only; an excess is looked into until it is understood; an incident is opened when machines
 * are behind it (flood) or when many more visitors came than usual (surge, nothing is done), and ends by itself. Pure: time and chance come in.
 */
import {
  MITIGATIONS_PER_SITE_MAX,
  type EdgeMitigation,
  type FloodMode,
  type FloodReport,
  type FloodSample,
  type ResponseCounts,
  type SiteCounts,
} from "../contract/flood.ts";
import type { NodeId } from "../contract/ids.ts";
import { Baseline } from "./baseline.ts";
import type { ClientMemory } from "./client-memory.ts";
import { nameFrom } from "./chance.ts";
import { decide, type Decision, type Findings } from "./decide.ts";
import { Incident } from "./incident.ts";
import { Learning } from "./learning.ts";
import { Mitigation } from "./mitigation.ts";
import type { Reference } from "./reference.ts";
import { addressOf, matches } from "./shape.ts";
import type { Texts } from "./texts.ts";
import {
  EXTRA_PER_SECOND_MIN,
  excessOver,
  otherSigns,
  signsOf,
  sumAnswers,
  type Excess,
  type Signs,
} from "./triggers.ts";
import { isOpen, Window, WINDOW_TICKS } from "./window.ts";

/** Nothing is learned for this long after the last suspicion. */
const SUSPECT_MS = 5000;
/** An excess without evidence is not held against its visitors for longer than this. */
const UNDECIDED_MS = 15_000;
const PEOPLE_MS = 5000;
const GONE_MS = 15_000;
const REMEMBER_MS = 600_000;
const REMEMBERED_MAX = 16;
/** With all places taken, what holds so many times less than a new flood brings gives way to it. */
const GIVES_WAY_TIMES = 4;
/** A surge is worth telling of from this many times the usual high, for so long. */
const SURGE_TIMES = 2.5;
/** What came so long before an excess was seen was no part of it. */
const BEFORE_MS = 120_000;
const SURGE_AFTER_MS = 5000;
const SURGE_MAX_MS = 30 * 60_000;
/** An incident in which nothing was held for so long does not keep the site from learning. */
const STUCK_MS = 10 * 60_000;
/** What was looked into without result is looked into less often, the longer it lasts. */
const SEARCH_EVERY_MS = 200;
const SEARCH_EVERY_MS_MAX = 2000;
const SEARCH_OFTEN_MS = 3000;
const CLEARED_LEARNED_PER_TICK = 5;
/** Together they speak for the tick. */
const CLEARED_SECONDS = 0.1 / CLEARED_LEARNED_PER_TICK;
const SAMPLES_WANTED = 100;
/** Answers of so long ago still speak of now: they are told two or three seconds late. */
const ANSWERS_MS = 6000;

export type Shared = {
  readonly nodeId: NodeId;
  readonly texts: Texts;
  readonly clients: ClientMemory;
  readonly random: () => number;
};

export type Seen = {
  readonly counts: SiteCounts | undefined;
  readonly samples: readonly FloodSample[];
  readonly responses: readonly ResponseCounts[];
  readonly held: ReadonlyMap<string, number>;
  readonly seconds: number;
  readonly nowMs: number;
};

type Remembered = { readonly decision: Decision; readonly peak: number; readonly untilMs: number };

export class SiteWatch {
  readonly siteId: SiteCounts["siteId"];
  readonly baseline = new Baseline();
  readonly reference: Reference;
  readonly #shared: Shared;
  readonly #learning: Learning;
  readonly #window = new Window();
  readonly #armed: { readonly mitigation: Mitigation; readonly decision: Decision }[] = [];
  #remembered: Remembered[] = [];
  /** Lifted for others, and not told yet. */
  readonly #givenWay: EdgeMitigation[] = [];
  #incident: Incident | null = null;
  #signs: Signs = { triggers: [], isDistressed: false, excess: null };
  /** When the excess that lasts began. */
  #excessSinceMs: number | null = null;
  #lastExcessMs = -Infinity;
  #lastFloodMs = -Infinity;
  #fruitless = 0;
  #lastDecisionMs = -Infinity;
  #suspectUntilMs = -Infinity;
  #searchedAtMs = -Infinity;
  #findings: Findings | null = null;
  #surgeFloor = 0;
  /** The highest rate of the day before this excess began. */
  #highBefore = 0;
  #newClients: { readonly fresh: number; readonly clients: number }[] = [];
  #lastTrafficMs = -Infinity;

  constructor(siteId: SiteCounts["siteId"], reference: Reference, shared: Shared) {
    this.siteId = siteId;
    this.reference = reference;
    this.#shared = shared;
    this.#learning = new Learning({
      siteId,
      baseline: this.baseline,
      reference,
      clients: shared.clients,
      texts: shared.texts,
      random: shared.random,
    });
  }

  /** Nothing happens here that a later tick could not catch up with. */
  isAsleep(nowMs: number): boolean {
    return (
      nowMs - this.#lastTrafficMs > 4000 + WINDOW_TICKS * 100 &&
      this.#incident === null &&
      this.#armed.length === 0
    );
  }

  get incident(): Incident | null {
    return this.#incident;
  }

  get mitigations(): readonly Mitigation[] {
    return this.#armed.map(({ mitigation }) => mitigation);
  }

  /** Takes one tick in. Returns how urgently a search is wanted: extra requests per second, or 0. */
  observe({ counts, samples, responses, held, seconds, nowMs }: Seen): number {
    if (counts !== undefined) this.#lastTrafficMs = nowMs;
    const left = this.#window.push(counts, { samples, seconds, toMs: nowMs, armed: this.#wheres() });
    if (left !== undefined) this.#learning.tick(left, nowMs >= this.#suspectUntilMs);
    for (const response of responses) {
      this.#learning.answer(response);
      this.#incident?.answers(response);
    }
    this.#learning.ripen(nowMs, nowMs >= this.#suspectUntilMs);
    if (counts !== undefined) this.#incident?.count(counts, nowMs);
    else this.#incident?.countTick(0, { passed: 0, atMs: nowMs });
    for (const { mitigation } of this.#armed) {
      mitigation.hold(held.get(mitigation.mitigationId) ?? 0, nowMs);
      for (const sample of samples) mitigation.see(sample);
    }
    if (this.#armed.length > 0) this.#learnCleared(samples);
    this.#countClients(samples);
    this.#look(nowMs);
    if (this.#remembered.length > 0) this.#rearm(nowMs);
    const { excess } = this.#signs;
    if (excess === null || nowMs - this.#searchedAtMs < this.#searchEveryMs(nowMs)) return 0;
    return excess.extra / Math.max(excess.seconds, 0.1);
  }

  #searchEveryMs(nowMs: number): number {
    const sinceMs = Math.max(this.#excessSinceMs ?? nowMs, this.#lastDecisionMs);
    const idleMs = nowMs - sinceMs - SEARCH_OFTEN_MS;
    if (idleMs <= 0 || (this.#findings?.suspicion ?? 0) >= 3) return SEARCH_EVERY_MS;
    return Math.min(SEARCH_EVERY_MS_MAX, SEARCH_EVERY_MS + idleMs / 5);
  }

  /** Who proved to be a visitor is good traffic even now. A few a tick, so that no solver fills the reference. */
  #learnCleared(samples: readonly FloodSample[]): void {
    let learned = 0;
    for (const sample of samples) {
      if (!sample.isCleared || sample.passage !== "passed") continue;
      const { random } = this.#shared;
      this.reference.offer(sample, { seconds: CLEARED_SECONDS, nowMs: sample.atMs, random });
      learned += 1;
      if (learned >= CLEARED_LEARNED_PER_TICK) return;
    }
  }

  #countClients(samples: readonly FloodSample[]): void {
    // A quiet site has a handful: a set would cost more than looking through them.
    const addresses: string[] | null = samples.length <= 12 ? [] : null;
    const many = addresses === null ? new Set<string>() : null;
    let fresh = 0;
    for (const sample of samples) {
      if (sample.passage !== "passed") continue;
      const address = addressOf(sample);
      if (address === "" || (addresses?.includes(address) ?? many!.has(address))) continue;
      addresses?.push(address);
      many?.add(address);
      if (!this.#shared.clients.isKnown(this.siteId, address)) fresh += 1;
    }
    this.#newClients.push({ fresh, clients: addresses?.length ?? many!.size });
    if (this.#newClients.length > 10) this.#newClients.shift();
  }

  #look(nowMs: number): void {
    let fresh = 0;
    let clients = 0;
    for (const tick of this.#newClients) {
      fresh += tick.fresh;
      clients += tick.clients;
    }
    const recent = this.#learning.answers.filter(({ second }) => second * 1000 > nowMs - ANSWERS_MS);
    const others = otherSigns(this.baseline, {
      answers: sumAnswers(recent),
      newClients: { share: clients === 0 ? 0 : fresh / clients, clients },
    });
    const expectation = this.baseline.expected(nowMs);
    this.#signs = signsOf(this.#window, { expectation, others });
    const { excess } = this.#signs;
    if (excess !== null) {
      if (this.#excessSinceMs === null) {
        this.#excessSinceMs = nowMs - excess.seconds * 1000;
        this.#highBefore = this.baseline.highOfLate(this.#excessSinceMs - BEFORE_MS);
        // Whatever it is, it may have swelled before it was seen.
        this.baseline.rollBack(nowMs);
      }
      this.#lastExcessMs = nowMs;
      const lastedMs = nowMs - this.#excessSinceMs;
      const isPeople = this.#findings?.looksLikePeople === true && lastedMs > PEOPLE_MS;
      const isOld = lastedMs > UNDECIDED_MS && (this.#findings?.suspicion ?? 0) < 3;
      if (!isPeople && !isOld) this.#suspectUntilMs = nowMs + SUSPECT_MS;
    } else if (nowMs - this.#lastExcessMs > 3000) {
      this.#excessSinceMs = null;
      this.#findings = null;
    }
    if (this.#incident?.kind === "flood" && nowMs - this.#lastDecisionMs < STUCK_MS) {
      this.#suspectUntilMs = nowMs + SUSPECT_MS;
    }
  }

  /** A flood that was understood before is met at once. */
  #rearm(nowMs: number): void {
    this.#remembered = this.#remembered.filter(({ untilMs }) => untilMs > nowMs);
    const samples = this.#window
      .samples(3)
      .filter(({ passage, isCleared }) => passage === "passed" && !isCleared);
    if (samples.length < 5) return;
    const { seconds } = this.#window.span(3);
    for (const known of this.#remembered.slice()) {
      let weight = 0;
      for (const sample of samples)
        if (matches(known.decision.candidate.where, sample.values)) weight += sample.weight;
      const perSecond = weight / Math.max(seconds, 0.1);
      const usual = this.baseline.expected(nowMs).perSecond * known.decision.candidate.collateral;
      if (perSecond < Math.max(EXTRA_PER_SECOND_MIN, 5 * usual, 0.1 * known.peak)) continue;
      this.#remembered.splice(this.#remembered.indexOf(known), 1);
      this.#arm(known.decision, nowMs);
    }
  }

  /** Searches in a row that found nothing. */
  get fruitless(): number {
    return this.#signs.excess === null ? 0 : this.#fruitless;
  }

  get searchedAtMs(): number {
    return this.#searchedAtMs;
  }

  /** Looks for what the excess has in common, and arms what may be armed. */
  search(nowMs: number): void {
    const { excess } = this.#signs;
    if (excess === null) return;
    this.#searchedAtMs = nowMs;
    const armed = this.#wheres();
    const found = this.#spanFor(excess, { armed, nowMs });
    const findings = decide({
      ...found,
      window: this.#window.samples(WINDOW_TICKS),
      expectation: this.baseline.expected(nowMs),
      baseline: this.baseline,
      reference: this.reference,
      texts: this.#shared.texts,
      isDistressed: this.#signs.isDistressed,
      lastedMs: nowMs - (this.#excessSinceMs ?? nowMs),
      nowMs,
      random: this.#shared.random,
      room:
        MITIGATIONS_PER_SITE_MAX -
        this.#armed.length +
        this.#weakerThan(excess.extra / excess.seconds, nowMs).length,
    });
    this.#findings = findings;
    this.#fruitless = findings.decisions.length === 0 ? this.#fruitless + 1 : 0;
    for (const decision of findings.decisions) this.#arm(decision, nowMs);
  }

  /** The shortest span with enough samples. */
  #spanFor(
    excess: Excess,
    { armed, nowMs }: { readonly armed: readonly EdgeMitigation["where"][]; readonly nowMs: number },
  ): { readonly excess: Excess; readonly samples: readonly FloodSample[] } {
    const expectation = this.baseline.expected(nowMs);
    for (const ticks of [excess.ticks, 5, 10, 20, WINDOW_TICKS]) {
      if (ticks < excess.ticks) continue;
      const samples = this.#window.samples(ticks).filter((sample) => isOpen(sample, armed));
      if (samples.length < SAMPLES_WANTED && ticks < WINDOW_TICKS) continue;
      // What mitigations hold is not among the expected any more; the rest of what is usual is.
      return {
        excess: ticks === excess.ticks ? excess : excessOver(this.#window, expectation, ticks),
        samples,
      };
    }
    return { excess, samples: [] };
  }

  #arm(decision: Decision, nowMs: number): void {
    if (!this.#makeRoom(decision.candidate.perSecond, nowMs)) return;
    const mitigation = new Mitigation(decision, {
      mitigationId: `m-${nameFrom(this.#shared.random, 20)}`,
      siteId: this.siteId,
      expectedPerSecond: this.baseline.expected(nowMs).perSecond,
      nowMs,
    });
    this.#armed.push({ mitigation, decision });
    this.#window.recount(this.#wheres());
    this.#lastDecisionMs = nowMs;
    this.#lastFloodMs = nowMs;
    const incident = this.#incident ?? this.#open(nowMs);
    incident.kind = "flood";
    incident.endedAtMs = null;
    incident.addMitigation(mitigation);
  }

  /** Those in force that hold so little beside so many requests a second that they may give way, the least first. */
  #weakerThan(perSecond: number, nowMs: number): Mitigation[] {
    return this.mitigations
      .filter((one) => one.isMeasured(nowMs) && GIVES_WAY_TIMES * one.heldPerSecond < perSecond)
      .sort((a, b) => a.heldPerSecond - b.heldPerSecond);
  }

  #makeRoom(perSecond: number, nowMs: number): boolean {
    if (this.#armed.length < MITIGATIONS_PER_SITE_MAX) return true;
    const [least] = this.#weakerThan(perSecond, nowMs);
    if (least === undefined) return false;
    const at = this.#armed.findIndex(({ mitigation }) => mitigation === least);
    this.#armed.splice(at, 1);
    this.#givenWay.push(least.lift(nowMs));
    return true;
  }

  #open(nowMs: number): Incident {
    const expectation = this.baseline.expected(nowMs);
    const beganAtMs = Math.min(nowMs, this.#excessSinceMs ?? nowMs);
    const incident = new Incident({
      incidentId: `inci_${nameFrom(this.#shared.random, 26)}`,
      siteId: this.siteId,
      nodeId: this.#shared.nodeId,
      beganAtMs,
      usualPerSecond: expectation.perSecond,
      usualOriginSeconds: this.baseline.share("originSeconds") ?? 0,
    });
    for (const tick of this.#window.ticks) {
      if (tick.toMs > beganAtMs) incident.countBefore(tick.all, { passed: tick.passed, atMs: tick.toMs });
    }
    this.#incident = incident;
    this.#lastFloodMs = nowMs;
    this.#surgeFloor = expectation.usualHigh;
    return incident;
  }

  /** What is to be done and told after this tick. */
  conclude(nowMs: number, mode: FloodMode): { mitigations: EdgeMitigation[]; report: FloodReport | null } {
    const mitigations: EdgeMitigation[] = this.#givenWay.splice(0);
    this.#judgeMitigations(nowMs, mitigations);
    for (const { mitigation } of this.#armed) {
      const due = mitigation.due(nowMs);
      if (due !== null) mitigations.push(due);
    }
    this.#maybeSurge(nowMs);
    const incident = this.#incident;
    if (incident === null) return { mitigations, report: null };
    incident.trigger(this.#signs.triggers);
    this.#follow(incident, nowMs);
    const isOver = incident.endedAtMs !== null && this.#armed.length === 0;
    if (isOver) this.#incident = null;
    return { mitigations, report: incident.report(nowMs, { mode, final: isOver }) };
  }

  #judgeMitigations(nowMs: number, orders: EdgeMitigation[]): void {
    for (const item of this.#armed.slice()) {
      const { mitigation, decision } = item;
      const judgement = mitigation.judgement(EXTRA_PER_SECOND_MIN);
      if (judgement === "weaken") mitigation.weaken();
      if (judgement !== "keep") this.#incident?.touch();
      if (judgement !== "lift" && !mitigation.isQuiet(nowMs)) continue;
      this.#armed.splice(this.#armed.indexOf(item), 1);
      orders.push(mitigation.lift(nowMs));
      this.#incident?.touch();
      if (judgement === "lift" || mitigation.isBroad) continue;
      const weakened: Decision = { ...decision, action: mitigation.action };
      this.#remembered.push({
        decision: weakened,
        peak: mitigation.peakPerSecond,
        untilMs: nowMs + REMEMBER_MS,
      });
      if (this.#remembered.length > REMEMBERED_MAX) this.#remembered.shift();
    }
  }

  #maybeSurge(nowMs: number): void {
    if (this.#incident !== null || this.#signs.excess === null || this.#excessSinceMs === null) return;
    if (nowMs - this.#excessSinceMs < SURGE_AFTER_MS) return;
    const expectation = this.baseline.expected(nowMs);
    if (!expectation.isLearned) return;
    const span = this.#window.span(WINDOW_TICKS);
    const perSecond = span.all / Math.max(span.seconds, 0.1);
    const usual = Math.max(expectation.usualHigh, expectation.perSecond, this.#highBefore);
    if (perSecond < SURGE_TIMES * usual || perSecond - usual < 2 * EXTRA_PER_SECOND_MIN) return;
    const incident = this.#open(nowMs);
    // Machines that nothing narrow enough can hold: it is told as what it is.
    if ((this.#findings?.suspicion ?? 0) >= 4) incident.kind = "flood";
  }

  #follow(incident: Incident, nowMs: number): void {
    const expectation = this.baseline.expected(nowMs);
    const span = this.#window.span(WINDOW_TICKS);
    const seconds = Math.max(span.seconds, 0.1);
    const noise = Math.sqrt(expectation.variance * seconds);
    for (const { mitigation } of this.#armed) {
      mitigation.measure(Math.max(span.all / seconds - expectation.perSecond, EXTRA_PER_SECOND_MIN));
    }
    const isOn =
      incident.kind === "surge"
        ? span.all / seconds > 1.5 * this.#surgeFloor && nowMs - incident.beganAtMs < SURGE_MAX_MS
        : span.all - expectation.perSecond * seconds > Math.max(15 * seconds, 3 * noise) &&
          (this.#armed.length > 0 || nowMs - this.#lastDecisionMs < 2 * GONE_MS);
    if (isOn) {
      this.#lastFloodMs = nowMs;
      if (incident.endedAtMs !== null) incident.touch();
      incident.endedAtMs = null;
    } else if (incident.endedAtMs === null && nowMs - this.#lastFloodMs >= GONE_MS) {
      incident.endedAtMs = Math.round(this.#lastFloodMs);
      incident.touch();
    }
    if (incident.mitigatedAtMs === null && this.#armed.length > 0) this.#markMitigated(incident, nowMs);
  }

  #markMitigated(incident: Incident, nowMs: number): void {
    const { perSecond, variance } = this.baseline.expected(nowMs);
    const { all, passed, seconds } = this.#window.span(3);
    const total = all - perSecond * seconds;
    const through = passed - perSecond * seconds;
    if (total <= 0 || through >= Math.max(0.05 * total, 2 * Math.sqrt(variance * seconds))) return;
    incident.mitigatedAtMs = nowMs;
    incident.touch();
  }

  /** What could not be told to the edge is due again. */
  unsent(): void {
    for (const { mitigation } of this.#armed) mitigation.unsent();
  }

  #wheres(): EdgeMitigation["where"][] {
    return this.#armed.map(({ mitigation }) => mitigation.where);
  }
}
