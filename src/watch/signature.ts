/**
 * What an excess has in common: conjunctions of (feature, value) that cover much of it and little of the site's recent good traffic. A beam search over
 * bit sets: the window's samples are drawn anew with equal weights, each value that carries a part of the excess is a literal, and conjunctions grow as long
 * as they gain. What is covered is taken out and the search goes on with the rest. It only finds; whether anything may be done about what it found is
 * decided in decide.ts. Pure.
 */
import {
  FEATURES,
  MITIGATION_CONDITIONS_MAX,
  type EdgeMitigation,
  type FloodSample,
} from "../contract/flood.ts";
import { allBits, and, bitsFor, countBits, countBoth, hasBit, remove, setBit, type Bits } from "./bits.ts";
import type { Reference } from "./reference.ts";
import { CONDITION_COST, FEATURE_COUNT, NETWORK_INDEX, ADDRESS_INDEX } from "./shape.ts";
import type { Texts } from "./texts.ts";

/** Samples that one search looks at. */
const DRAWN_MAX = 768;
const BEAM = 12;
const VALUES_PER_FEATURE = 6;
/** A value that carries less of the excess than this is no literal. */
const LITERAL_COVER_MIN = 0.03;
/** A place has to carry more: each is a signature of its own. */
const ADDRESS_COVER_MIN = 0.08;
/** Below this a smaller bound is no gain: 0 of 1,500 good samples. */
const COLLATERAL_FLOOR = 0.002;

export type Candidate = {
  readonly where: EdgeMitigation["where"];
  /** Part of the whole excess, 0 to 1. */
  readonly cover: number;
  /** Part of the good samples that it holds, as seen and at most (95 %). */
  readonly collateral: number;
  readonly collateralMax: number;
  /** Good samples that it holds, and how many of those ask for a language as browsers do. */
  readonly good: number;
  readonly goodBrowsers: number;
  /** Samples of the window that it holds. */
  readonly members: readonly FloodSample[];
  readonly perSecond: number;
};

type Literal = {
  /** Sums of these tell sets of literals apart: 40 mixed bits, so that six of them stay exact. */
  readonly mark: number;
  readonly feature: number;
  readonly value: string;
  readonly now: Bits;
  readonly good: Bits;
};

type Conjunction = {
  readonly key: number;
  readonly literals: readonly Literal[];
  readonly now: Bits;
  readonly good: Bits;
  readonly cover: number;
  readonly collateralMax: number;
  readonly score: number;
};

/**
 * A search over one window. `next()` finds the best conjunction of what is left and takes it out; null when nothing is left that a conjunction
 * of at least `coverMin` of the whole excess covers.
 */
export class SignatureSearch {
  readonly #drawn: readonly FloodSample[];
  readonly #reference: Reference;
  readonly #goodCount: number;
  readonly #pages: Bits;
  readonly #pageCount: number;
  readonly #languages: Bits;
  readonly #literals: readonly Literal[];
  readonly #left: Bits;
  /** Requests that one drawn sample stands for. */
  readonly #each: number;
  readonly #expected: number;
  readonly #extra: number;
  readonly #seconds: number;

  constructor(
    samples: readonly FloodSample[],
    {
      reference,
      texts,
      open,
      expected,
      seconds,
      random,
    }: {
      readonly reference: Reference;
      readonly texts: Texts;
      /** Requests that the samples stand for, and how many were to be expected, in so many seconds. */
      readonly open: number;
      readonly expected: number;
      readonly seconds: number;
      readonly random: () => number;
    },
  ) {
    this.#drawn = drawn(samples, random);
    this.#reference = reference;
    this.#goodCount = reference.size;
    this.#each = open / Math.max(1, this.#drawn.length);
    this.#expected = expected;
    this.#extra = Math.max(open - expected, 1e-9);
    this.#seconds = seconds;
    this.#left = allBits(this.#drawn.length);
    this.#pages = bitsFor(this.#goodCount);
    this.#languages = bitsFor(this.#goodCount);
    const none = texts.find("");
    const language = FEATURES.indexOf("language");
    for (let row = 0; row < this.#goodCount; row++) {
      if (!reference.isAssetAt(row)) setBit(this.#pages, row);
      if (reference.valueAt(row, language) !== none) setBit(this.#languages, row);
    }
    this.#pageCount = countBits(this.#pages);
    this.#literals = this.#findLiterals(texts);
  }

  /** Part of the excess that nothing found so far covers. */
  get leftShare(): number {
    const now = countBits(this.#left) * this.#each;
    return Math.max(0, (now - this.#expected) / this.#extra);
  }

  /** `collateralLimit`: what may count as narrow enough; the best is returned even when nothing is. */
  next(coverMin: number, collateralLimit: number): Candidate | null {
    const best = this.#climb(coverMin, collateralLimit);
    if (best === null) return null;
    const tight = this.#tightened(best);
    const members = this.#drawn.filter((_, i) => hasBit(tight.now, i));
    const good = countBits(tight.good);
    const candidate: Candidate = {
      where: tight.literals
        .toSorted((a, b) => a.feature - b.feature)
        .map(({ feature, value }) => ({ feature: FEATURES[feature]!, value })),
      cover: Math.min(1, tight.cover),
      collateral: this.#collateral(tight.good),
      collateralMax: tight.collateralMax,
      good,
      goodBrowsers: countBoth(tight.good, this.#languages),
      members,
      perSecond: (members.length * this.#each) / this.#seconds,
    };
    remove(this.#left, tight.now);
    return candidate;
  }

  #climb(coverMin: number, collateralLimit: number): Conjunction | null {
    const literals = this.#literals.filter(({ now }) => countBoth(now, this.#left) > 0);
    let best: Conjunction | null = null;
    let narrow: Conjunction | null = null;
    const seen = new Set<number>();
    let beam: Conjunction[] = [];
    for (let depth = 0; depth < MITIGATION_CONDITIONS_MAX; depth++) {
      const grown: Conjunction[] = [];
      for (const parent of depth === 0 ? [null] : beam) {
        for (const literal of literals) {
          if (parent?.literals.some(({ feature }) => feature === literal.feature)) continue;
          const key = (parent?.key ?? 0) + literal.mark;
          if (seen.has(key)) continue;
          seen.add(key);
          const child = this.#conjoin(parent, literal, coverMin);
          if (child !== null && (parent === null || child.score > parent.score + 1e-6)) grown.push(child);
        }
      }
      grown.sort((a, b) => b.score - a.score);
      beam = grown.slice(0, BEAM);
      for (const found of beam) {
        if (best === null || found.score > best.score) best = found;
        if (found.collateralMax <= collateralLimit && (narrow === null || found.score > narrow.score)) {
          narrow = found;
        }
      }
      if (beam.length === 0) break;
    }
    return narrow ?? best;
  }

  #conjoin(parent: Conjunction | null, literal: Literal, coverMin: number): Conjunction | null {
    const now = and(parent?.now ?? this.#left, literal.now);
    const requests = countBits(now) * this.#each;
    // Even without anything usual among them they would not do.
    if (requests < coverMin * this.#extra) return null;
    const good = parent === null ? literal.good : and(parent.good, literal.good);
    const goodCount = countBits(good);
    const usual = this.#goodCount === 0 ? 0 : (this.#expected * goodCount) / this.#goodCount;
    const cover = Math.min(1, (requests - usual) / this.#extra);
    if (cover < coverMin) return null;
    const literals = parent === null ? [literal] : [...parent.literals, literal];
    const collateralMax = this.#collateralMax(good, { goodCount, conditions: literals.length });
    const cost = literals.reduce((sum, { feature }) => sum + CONDITION_COST[feature]!, 0);
    return {
      key: (parent?.key ?? 0) + literal.mark,
      literals,
      now,
      good,
      cover,
      collateralMax,
      score: cover * Math.log(1 / Math.max(collateralMax, COLLATERAL_FLOOR)) - cost,
    };
  }

  /** One condition more where it loses nothing: who has one strange thing in common by chance rarely has two. */
  #tightened(found: Conjunction): Conjunction {
    if (found.literals.length >= 3) return found;
    const members = countBits(found.now);
    let best: Literal | null = null;
    let bestGood = Infinity;
    for (const literal of this.#literals) {
      if (CONDITION_COST[literal.feature]! > 0.2) continue;
      if (found.literals.some(({ feature }) => feature === literal.feature)) continue;
      if (countBoth(found.now, literal.now) < 0.995 * members) continue;
      const good = countBits(literal.good) * (1 + CONDITION_COST[literal.feature]!);
      if (good < bestGood) {
        best = literal;
        bestGood = good;
      }
    }
    if (best === null) return found;
    const good = and(found.good, best.good);
    const goodCount = countBits(good);
    const literals = [...found.literals, best];
    return {
      ...found,
      literals,
      now: and(found.now, best.now),
      good,
      collateralMax: this.#collateralMax(good, { goodCount, conditions: literals.length }),
    };
  }

  /** Of all good requests, or of those for pages if that is more: who takes every page takes everything. */
  #collateral(good: Bits): number {
    if (this.#goodCount === 0) return 0;
    const all = countBits(good) / this.#goodCount;
    return Math.max(all, this.#pageCount === 0 ? 0 : countBoth(good, this.#pages) / this.#pageCount);
  }

  #collateralMax(good: Bits, of: { readonly goodCount: number; readonly conditions: number }): number {
    // With nothing to compare with, each condition counts for something.
    if (this.#goodCount < 20) return 0.4 ** of.conditions;
    const bound = shareAtMost(of.goodCount, this.#goodCount);
    return of.goodCount === 0 || this.#pageCount < 30
      ? bound
      : Math.max(bound, countBoth(good, this.#pages) / this.#pageCount);
  }

  #findLiterals(texts: Texts): Literal[] {
    const literals: Literal[] = [];
    for (let feature = 0; feature < FEATURE_COUNT; feature++) {
      const counts = new Map<string, number>();
      for (const { values } of this.#drawn) {
        const value = values[feature] ?? "";
        counts.set(value, (counts.get(value) ?? 0) + 1);
      }
      const isPlace = feature === ADDRESS_INDEX || feature === NETWORK_INDEX;
      const least = (isPlace ? ADDRESS_COVER_MIN : LITERAL_COVER_MIN) * this.#extra;
      const often = [...counts].filter(([, count]) => count > 1 && count * this.#each >= least);
      // A feature that nobody knows anything of says nothing.
      if (
        often.length === 1 &&
        often[0]![0] === "" &&
        often[0]![1] === this.#drawn.length &&
        isBlank(feature)
      )
        continue;
      often.sort((a, b) => b[1] - a[1]);
      for (const [value] of often.slice(0, VALUES_PER_FEATURE)) {
        literals.push(
          this.#literal(feature, { value, id: texts.find(value), mark: markOf(literals.length) }),
        );
      }
    }
    return literals;
  }

  #literal(
    feature: number,
    of: { readonly value: string; readonly id: number; readonly mark: number },
  ): Literal {
    const { value, id, mark } = of;
    const now = bitsFor(this.#drawn.length);
    for (let i = 0; i < this.#drawn.length; i++) {
      if (this.#drawn[i]!.values[feature] === value) setBit(now, i);
    }
    const good = bitsFor(this.#goodCount);
    if (id >= 0) {
      for (let row = 0; row < this.#goodCount; row++) {
        if (this.#reference.valueAt(row, feature) === id) setBit(good, row);
      }
    }
    return { mark, feature, value, now, good };
  }
}

/** The fraction of a multiple of the golden ratio (Weyl), as 40 bits. */
function markOf(at: number): number {
  const mixed = Math.imul(at + 1, 0x9e3779b1) >>> 0;
  return mixed * 256 + (Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) >>> 24);
}

/** Features whose "" means that nobody knows, not that something is missing. */
function isBlank(feature: number): boolean {
  return ["tls", "address", "network", "asn", "country"].includes(FEATURES[feature]!);
}

/** The largest share that `found` of `count` leave likely (95 %): the rule of three for none, else Wilson's bound (1927). */
export function shareAtMost(found: number, count: number): number {
  if (count === 0) return 1;
  if (found === 0) return Math.min(1, 3 / count);
  const z = 1.645;
  const p = found / count;
  const middle = p + (z * z) / (2 * count);
  const spread = z * Math.sqrt((p * (1 - p)) / count + (z * z) / (4 * count * count));
  return Math.min(1, (middle + spread) / (1 + (z * z) / count));
}

/** At most DRAWN_MAX samples, by weight: systematic sampling, so that each stands for as many as any other. */
function drawn(samples: readonly FloodSample[], random: () => number): FloodSample[] {
  let weight = 0;
  let least = Infinity;
  let most = 0;
  for (const sample of samples) {
    weight += sample.weight;
    least = Math.min(least, sample.weight);
    most = Math.max(most, sample.weight);
  }
  if (samples.length <= DRAWN_MAX && most <= least * 1.01) return [...samples];
  const count = Math.min(DRAWN_MAX, Math.max(samples.length, 64));
  const step = weight / count;
  const found: FloodSample[] = [];
  let next = random() * step;
  let passed = 0;
  for (const sample of samples) {
    passed += sample.weight;
    for (; next < passed && found.length < count; next += step) found.push(sample);
  }
  return found;
}
