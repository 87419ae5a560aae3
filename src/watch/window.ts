/**
 * The last three seconds of one site, tick by tick: exact counts, and samples of which at most TICK_SAMPLES_MAX a tick are kept, each then standing for
 * more. What leaves the window has had three seconds to prove innocent; only then is it learned from. `open`: requests that reached site or
 * cache and that no mitigation in force would hold, which is what is left to understand.
 */
import type { EdgeMitigation, FloodSample, SiteCounts } from "../contract/flood.ts";
import { matches } from "./shape.ts";

export const WINDOW_TICKS = 30;
const TICK_SAMPLES_MAX = 150;

export type Tick = {
  readonly seconds: number;
  readonly toMs: number;
  /** Everything that came. */
  readonly all: number;
  readonly passed: number;
  readonly assets: number;
  readonly samples: readonly FloodSample[];
  open: number;
};

export type Span = {
  readonly ticks: number;
  readonly seconds: number;
  readonly all: number;
  readonly passed: number;
  readonly open: number;
};

export class Window {
  readonly #ticks: Tick[] = [];

  get ticks(): readonly Tick[] {
    return this.#ticks;
  }

  /** Returns the tick that left the window, if one did. */
  push(
    counts: SiteCounts | undefined,
    {
      samples,
      seconds,
      toMs,
      armed,
    }: {
      readonly samples: readonly FloodSample[];
      readonly seconds: number;
      readonly toMs: number;
      readonly armed: readonly EdgeMitigation["where"][];
    },
  ): Tick | undefined {
    const passed = counts?.passed ?? 0;
    const tick: Tick = {
      seconds,
      toMs,
      all: counts === undefined ? 0 : allOf(counts),
      passed,
      assets: counts?.assets ?? 0,
      samples: thinned(samples),
      open: passed,
    };
    if (armed.length > 0) tick.open = openOf(tick, armed);
    this.#ticks.push(tick);
    return this.#ticks.length > WINDOW_TICKS ? this.#ticks.shift() : undefined;
  }

  /** After a mitigation began or ended. */
  recount(armed: readonly EdgeMitigation["where"][]): void {
    for (const tick of this.#ticks) tick.open = openOf(tick, armed);
  }

  /** Sums of the newest `ticks`. */
  span(ticks: number): Span {
    const from = Math.max(0, this.#ticks.length - ticks);
    let seconds = 0;
    let all = 0;
    let passed = 0;
    let open = 0;
    for (let i = from; i < this.#ticks.length; i++) {
      const tick = this.#ticks[i]!;
      seconds += tick.seconds;
      all += tick.all;
      passed += tick.passed;
      open += tick.open;
    }
    return { ticks: this.#ticks.length - from, seconds, all, passed, open };
  }

  samples(ticks: number): FloodSample[] {
    const found: FloodSample[] = [];
    for (let i = Math.max(0, this.#ticks.length - ticks); i < this.#ticks.length; i++) {
      for (const sample of this.#ticks[i]!.samples) found.push(sample);
    }
    return found;
  }
}

export function allOf(counts: SiteCounts): number {
  const { passed, challenged, throttled, blocked, banned, limited } = counts;
  return passed + challenged + throttled + blocked + banned + limited;
}

/** What came through, is not known for good, and would come through again. */
export function isOpen(sample: FloodSample, armed: readonly EdgeMitigation["where"][]): boolean {
  if (sample.passage !== "passed" || sample.isCleared) return false;
  for (const where of armed) if (matches(where, sample.values)) return false;
  return true;
}

function openOf(tick: Tick, armed: readonly EdgeMitigation["where"][]): number {
  if (armed.length === 0) return tick.passed;
  let open = 0;
  let passed = 0;
  for (const sample of tick.samples) {
    if (sample.passage !== "passed") continue;
    passed += sample.weight;
    if (isOpen(sample, armed)) open += sample.weight;
  }
  return passed === 0 ? 0 : (tick.passed * open) / passed;
}

/** Every n-th, each standing for n times as many. */
function thinned(samples: readonly FloodSample[]): readonly FloodSample[] {
  if (samples.length <= TICK_SAMPLES_MAX) return samples;
  const step = samples.length / TICK_SAMPLES_MAX;
  return Array.from({ length: TICK_SAMPLES_MAX }, (_, i) => {
    const sample = samples[Math.floor(i * step)]!;
    return { ...sample, weight: sample.weight * step };
  });
}
