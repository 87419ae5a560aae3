/**
 * How one site's usual is learned: from ticks that left the window without suspicion, second by second, and from answers that waited as long. Whoever drives
 * it says whether a moment may be learned from; moments that may not are dropped, and the baseline takes the gap for unknown, not for
 * silence.
 */
import type { FloodSample, ResponseCounts } from "../contract/flood.ts";
import type { Baseline } from "./baseline.ts";
import type { ClientMemory } from "./client-memory.ts";
import { estimatedClients } from "./evidence.ts";
import { Reference } from "./reference.ts";
import { addressOf } from "./shape.ts";
import type { Texts } from "./texts.ts";
import type { Tick } from "./window.ts";

/** They come two or three seconds late. */
const ANSWERS_WAIT_MS = 7000;
const ANSWERS_KEPT_MAX = 12;
/** A flood that swells slowly is not suspect at first: with enough good samples at hand, new ones wait for one to two of these. */
const QUARANTINE_MS = 15_000;
const QUARANTINE_SAMPLES = 128;
const QUARANTINE_FROM = 400;

/** However rarely somebody comes, what waited speaks for no longer than this. */
const WAITED_SECONDS_MAX = 60;

type Waiting = { readonly sinceMs: number; seconds: number; readonly samples: Reference };

export class Learning {
  readonly #siteId: string;
  readonly #baseline: Baseline;
  readonly #reference: Reference;
  readonly #clients: ClientMemory;
  readonly #random: () => number;
  readonly #texts: Texts;
  /** The younger takes what comes; the elder is let in when the younger is old enough. */
  #younger: Waiting | null = null;
  #elder: Waiting | null = null;
  #seconds = 0;
  #requests = 0;
  #passed = 0;
  #assets = 0;
  #pages = 0;
  #samples = 0;
  #addresses = new Set<string>();
  #newAddresses = new Set<string>();
  #answers: ResponseCounts[] = [];

  constructor(of: {
    readonly siteId: string;
    readonly baseline: Baseline;
    readonly reference: Reference;
    readonly clients: ClientMemory;
    readonly texts: Texts;
    readonly random: () => number;
  }) {
    this.#texts = of.texts;
    this.#siteId = of.siteId;
    this.#baseline = of.baseline;
    this.#reference = of.reference;
    this.#clients = of.clients;
    this.#random = of.random;
  }

  get answers(): readonly ResponseCounts[] {
    return this.#answers;
  }

  tick(tick: Tick, isGood: boolean): void {
    if (!isGood) {
      this.#forget();
      this.dropWaiting();
      // What was not learned was not silence either.
      this.#baseline.skipTo(tick.toMs);
      return;
    }
    this.#seconds += tick.seconds;
    this.#requests += tick.all;
    this.#passed += tick.passed;
    this.#assets += tick.assets;
    for (const sample of tick.samples) if (sample.passage === "passed") this.#sample(sample, tick.toMs);
    if (this.#seconds >= 0.95) this.#learn(tick.toMs);
  }

  #sample(sample: FloodSample, nowMs: number): void {
    this.#admit(sample, nowMs);
    const address = addressOf(sample);
    if (!sample.isAsset) this.#pages += sample.weight;
    this.#samples += 1;
    if (address === "" || this.#addresses.has(address)) return;
    this.#addresses.add(address);
    if (!this.#clients.isKnown(this.#siteId, address)) {
      this.#newAddresses.add(address);
      this.#clients.remember(this.#siteId, { address, nowMs });
    }
  }

  #admit(sample: FloodSample, nowMs: number): void {
    if (this.#younger !== null && nowMs - this.#younger.sinceMs >= QUARANTINE_MS) {
      this.#letIn(this.#elder);
      this.#elder = this.#younger;
      this.#elder.seconds = Math.min(WAITED_SECONDS_MAX, (nowMs - this.#elder.sinceMs) / 1000);
      this.#younger = null;
    }
    if (this.#reference.size < QUARANTINE_FROM && this.#younger === null && this.#elder === null) {
      const perSecond = Math.max(1, this.#baseline.expected(nowMs).perSecond);
      this.#offer(this.#reference, sample, sample.weight / perSecond);
      return;
    }
    if (this.#younger === null) {
      this.#younger = { sinceMs: nowMs, seconds: 0, samples: new Reference(this.#texts) };
      this.#younger.samples.shrinkTo(QUARANTINE_SAMPLES);
    }
    this.#offer(this.#younger.samples, sample, sample.weight);
  }

  #offer(to: Reference, sample: FloodSample, seconds: number): void {
    to.offer(sample, { seconds, nowMs: sample.atMs, random: this.#random });
  }

  #letIn(waiting: Waiting | null): void {
    if (waiting === null) return;
    const { samples, sinceMs } = waiting;
    const seconds = waiting.seconds / Math.max(1, samples.size);
    for (let row = 0; row < samples.size; row++) {
      this.#reference.offer(
        { values: samples.valuesAt(row), isAsset: samples.isAssetAt(row) },
        { seconds, nowMs: sinceMs, random: this.#random },
      );
    }
    samples.clear();
  }

  /** What was learned last is in doubt. */
  dropWaiting(): void {
    this.#younger?.samples.clear();
    this.#elder?.samples.clear();
    this.#younger = null;
    this.#elder = null;
  }

  #learn(nowMs: number): void {
    const seconds = this.#seconds;
    this.#baseline.learnRate(this.#requests, { seconds, nowMs });
    if (this.#passed > 0) {
      this.#baseline.learnShare("assets", this.#assets / this.#passed, Math.min(seconds, this.#passed / 3));
    }
    const clients = this.#addresses.size;
    if (clients > 0) {
      const weight = Math.min(seconds, clients / 3);
      this.#baseline.learnShare("newClients", this.#newAddresses.size / clients, weight);
      const estimate = estimatedClients(this.#samples, clients);
      this.#baseline.learnShare("perClient", this.#pages / seconds / estimate, weight);
    }
    this.#forget();
  }

  #forget(): void {
    this.#seconds = 0;
    this.#requests = 0;
    this.#passed = 0;
    this.#assets = 0;
    this.#pages = 0;
    this.#samples = 0;
    this.#addresses.clear();
    this.#newAddresses.clear();
  }

  /** Answers wait until their second has proved quiet, too. */
  answer(counts: ResponseCounts): void {
    this.#answers.push(counts);
    if (this.#answers.length > ANSWERS_KEPT_MAX) this.#answers.shift();
  }

  ripen(nowMs: number, isGood: boolean): void {
    while (this.#answers.length > 0 && this.#answers[0]!.second * 1000 < nowMs - ANSWERS_WAIT_MS) {
      const answer = this.#answers.shift()!;
      if (isGood) this.#learnAnswer(answer);
    }
  }

  #learnAnswer(answer: ResponseCounts): void {
    const { answers, originAnswers, originErrors, originSecondsSum, originSecondsP95, cacheHits } = answer;
    this.#baseline.learnShare("originSeconds", originSecondsSum, 1);
    if (answers > 0) this.#baseline.learnShare("misses", 1 - cacheHits / answers, Math.min(1, answers / 5));
    if (originAnswers === 0) return;
    const weight = Math.min(1, originAnswers / 5);
    this.#baseline.learnShare("errors", originErrors / originAnswers, weight);
    this.#baseline.learnShare("latency", originSecondsP95, weight);
  }
}
