/**
 * A site's recent good traffic, as a weighted sample that forgets: each sample gets the key ln(weight) + time / LIFE + Gumbel noise, and those with the highest
 * keys stay. The weight is the time that a sample speaks for, not the requests: what comes often for a short while is no larger a part than what else came in
 * that while, so that nobody becomes usual by asking more. That is sampling without replacement by weight under exponential decay (Efraimidis and Spirakis 2006 in logarithms, with forward
 * decay after Cormode et al. 2009): a site holds its last half day and something of the days before, with nothing to set. Samples of floods must
 * not come here: whoever offers waits until a moment has proved quiet.
 */
import type { FloodSample } from "../contract/flood.ts";
import { ADDRESS_INDEX, FEATURE_COUNT, NETWORK_INDEX } from "./shape.ts";
import type { Texts } from "./texts.ts";

export const REFERENCE_SAMPLES_MAX = 2000;
export const REFERENCE_SAMPLES_MIN = 64;
/** After this long a sample is e times less likely to be still there than a fresh one, if new ones come. */
const LIFE_MS = 12 * 3_600_000;
const SAMPLE_BYTES = FEATURE_COUNT * 4 + 32;

/** As it is kept on disk: where clients are is left out. */
export type KeptReference = readonly {
  readonly v: readonly string[];
  readonly a: 0 | 1;
  readonly k: number;
}[];

export class Reference {
  readonly #texts: Texts;
  /** Rows of FEATURE_COUNT numbers. */
  #values = new Uint32Array(0);
  #assets = new Uint8Array(0);
  #keys = new Float64Array(0);
  /** A binary heap of rows, the lowest key first. */
  #heap = new Int32Array(0);
  #size = 0;
  #limit = REFERENCE_SAMPLES_MAX;

  constructor(texts: Texts) {
    this.#texts = texts;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#keys.length * SAMPLE_BYTES;
  }

  get limit(): number {
    return this.#limit;
  }

  /** The number of a text in one row. */
  valueAt(row: number, feature: number): number {
    return this.#values[row * FEATURE_COUNT + feature] ?? 0;
  }

  isAssetAt(row: number): boolean {
    return this.#assets[row] === 1;
  }

  valuesAt(row: number): string[] {
    return Array.from({ length: FEATURE_COUNT }, (_, i) => this.#texts.text(this.valueAt(row, i)));
  }

  offer(
    sample: Pick<FloodSample, "values" | "isAsset">,
    {
      seconds,
      nowMs,
      random,
    }: {
      /** Of the site's time that the sample speaks for. */
      readonly seconds: number;
      readonly nowMs: number;
      readonly random: () => number;
    },
  ): void {
    const gumbel = -Math.log(-Math.log(Math.max(random(), 1e-12)));
    this.#keep(sample.values, sample.isAsset, Math.log(Math.max(seconds, 1e-9)) + nowMs / LIFE_MS + gumbel);
  }

  #keep(values: readonly string[], isAsset: boolean, key: number): void {
    if (this.#size >= this.#limit) {
      if (this.#limit === 0) return;
      if (key <= (this.#keys[this.#heap[0]!] ?? 0)) return;
      const row = this.#heap[0]!;
      this.#releaseRow(row);
      this.#fillRow(row, values, { isAsset, key });
      this.#sink(0);
      return;
    }
    if (this.#size === this.#keys.length) this.#resize(Math.min(this.#limit, Math.max(32, this.#size * 2)));
    const row = this.#size;
    this.#fillRow(row, values, { isAsset, key });
    this.#heap[this.#size] = row;
    this.#size += 1;
    this.#rise(this.#size - 1);
  }

  #fillRow(row: number, values: readonly string[], rest: { isAsset: boolean; key: number }): void {
    for (let i = 0; i < FEATURE_COUNT; i++) {
      this.#values[row * FEATURE_COUNT + i] = this.#texts.hold(values[i] ?? "");
    }
    this.#assets[row] = rest.isAsset ? 1 : 0;
    this.#keys[row] = rest.key;
  }

  #releaseRow(row: number): void {
    for (let i = 0; i < FEATURE_COUNT; i++) this.#texts.release(this.valueAt(row, i));
  }

  #resize(rows: number): void {
    const values = new Uint32Array(rows * FEATURE_COUNT);
    values.set(this.#values.subarray(0, this.#size * FEATURE_COUNT));
    this.#values = values;
    const assets = new Uint8Array(rows);
    assets.set(this.#assets.subarray(0, this.#size));
    this.#assets = assets;
    const keys = new Float64Array(rows);
    keys.set(this.#keys.subarray(0, this.#size));
    this.#keys = keys;
    const heap = new Int32Array(rows);
    heap.set(this.#heap.subarray(0, this.#size));
    this.#heap = heap;
  }

  /** Keeps at most this many from now on; those with the lowest keys go. */
  shrinkTo(samples: number): void {
    this.#limit = samples;
    if (this.#size <= samples) {
      if (this.#keys.length > samples) this.#resize(Math.max(samples, this.#size));
      return;
    }
    const rows = Array.from({ length: this.#size }, (_, row) => row).sort(
      (a, b) => this.#keys[b]! - this.#keys[a]!,
    );
    const kept = rows.slice(0, samples).map((row) => ({
      values: this.valuesAt(row),
      isAsset: this.isAssetAt(row),
      key: this.#keys[row]!,
    }));
    this.clear();
    for (const { values, isAsset, key } of kept) this.#keep(values, isAsset, key);
  }

  growTo(samples: number): void {
    this.#limit = Math.max(this.#limit, samples);
  }

  clear(): void {
    for (let row = 0; row < this.#size; row++) this.#releaseRow(row);
    this.#size = 0;
    this.#resize(0);
  }

  /** The newest by key, at most so many. */
  toKept(samples: number): KeptReference {
    const rows = Array.from({ length: this.#size }, (_, row) => row);
    rows.sort((a, b) => this.#keys[b]! - this.#keys[a]!);
    return rows.slice(0, samples).map((row) => ({
      v: this.valuesAt(row).map((text, i) => (i === ADDRESS_INDEX || i === NETWORK_INDEX ? "" : text)),
      a: this.isAssetAt(row) ? 1 : 0,
      k: this.#keys[row]!,
    }));
  }

  fromKept(kept: KeptReference): void {
    for (const { v, a, k } of kept) this.#keep(v, a === 1, k);
  }

  #rise(at: number): void {
    const heap = this.#heap;
    let child = at;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (this.#keys[heap[parent]!]! <= this.#keys[heap[child]!]!) return;
      this.#swap(parent, child);
      child = parent;
    }
  }

  #sink(at: number): void {
    const heap = this.#heap;
    let parent = at;
    for (;;) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < this.#size && this.#keys[heap[child]!]! < this.#keys[heap[least]!]!) least = child;
      }
      if (least === parent) return;
      this.#swap(parent, least);
      parent = least;
    }
  }

  #swap(a: number, b: number): void {
    const kept = this.#heap[a]!;
    this.#heap[a] = this.#heap[b]!;
    this.#heap[b] = kept;
  }
}

/** What all references together hold, bounded: the longest quiet give up samples first, and grow again when they are busy. */
export class ReferenceRoom {
  readonly texts: Texts;
  readonly #bytesMax: number;
  /** The least recently busy first. */
  readonly #references = new Map<string, Reference>();
  #rowBytes = 0;

  constructor(texts: Texts, bytesMax: number) {
    this.texts = texts;
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.texts.bytes + this.#rowBytes;
  }

  open(siteId: string): Reference {
    const reference = new Reference(this.texts);
    this.#references.set(siteId, reference);
    return reference;
  }

  close(siteId: string): void {
    this.#references.get(siteId)?.clear();
    this.#references.delete(siteId);
  }

  /** Once a second or so. `busy`: sites that had traffic since. */
  bound(busy: Iterable<string>): void {
    for (const siteId of busy) {
      const reference = this.#references.get(siteId);
      if (reference === undefined) continue;
      this.#references.delete(siteId);
      this.#references.set(siteId, reference);
    }
    this.#count();
    if (this.bytes > this.#bytesMax) {
      // Halves first, so that no site loses everything while another holds plenty.
      for (const floor of [512, REFERENCE_SAMPLES_MIN, 0]) {
        for (const reference of this.#references.values()) {
          if (this.bytes <= this.#bytesMax * 0.9) return;
          if (reference.size <= floor) continue;
          this.#rowBytes -= reference.bytes;
          reference.shrinkTo(Math.max(floor, reference.size >> 1));
          this.#rowBytes += reference.bytes;
        }
      }
      return;
    }
    if (this.bytes > this.#bytesMax * 0.7) return;
    for (const siteId of busy) {
      const reference = this.#references.get(siteId);
      if (reference !== undefined && reference.size >= reference.limit) {
        reference.growTo(
          Math.min(REFERENCE_SAMPLES_MAX, Math.max(REFERENCE_SAMPLES_MIN, reference.limit * 2)),
        );
      }
    }
  }

  #count(): void {
    let bytes = 0;
    for (const reference of this.#references.values()) bytes += reference.bytes;
    this.#rowBytes = bytes;
  }
}
