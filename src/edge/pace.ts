/**
 * A gate that does not slow anybody down. Where an origin stays well with all that comes in a rush, taking turns would cost more than it is worth: then
 * requests pass, are counted, and only every so many takes a place as a probe of how the origin is. The gate closes again with the request
 * that goes beyond what was found to be well, or with the probes that come back late.
 */

/** Requests are counted by stretches of this many seconds. */
const TICK_SECONDS = 0.05;
/** Of a stretch; of a site with few requests each is a probe. */
const PROBES_PER_TICK = 20;
/** What came while the origin was well, this many times, is still let pass. */
const BEYOND_TIMES = 2;
/** Of the highest count found well, each second: it is forgotten by half within half a minute. */
const LEVEL_KEPT = 0.98;
/** Fewer probes at the origin at once say nothing about how many requests are there. */
const STRAIN_PROBES_MIN = 8;
/** Below this share of the bound with which the gate was opened, the origin is not as well any more. */
const BOUND_SHARE_MIN = 0.8;

export type Pace = {
  isOpen: boolean;
  /** Of this stretch, and of the highest one since the last look. */
  count: number;
  countedFrom: number;
  peak: number;
  /** Requests of one stretch that pass. */
  level: number;
  /** The bound when it was opened. */
  boundThen: number;
  every: number;
  untilProbe: number;
};

export function newPace(now: number): Pace {
  return {
    isOpen: false,
    count: 0,
    countedFrom: now,
    peak: 0,
    level: 0,
    boundThen: 0,
    every: 1,
    untilProbe: 1,
  };
}

/** For each request that wants to go to the origin. True: it may pass without a place. */
export function passes(pace: Pace, now: number): boolean {
  if (now - pace.countedFrom >= TICK_SECONDS) {
    if (pace.count > pace.peak) pace.peak = pace.count;
    pace.every = Math.max(1, Math.floor(pace.count / PROBES_PER_TICK));
    pace.count = 0;
    pace.countedFrom = now;
  }
  pace.count += 1;
  if (!pace.isOpen) return false;
  if (pace.count > pace.level) {
    pace.isOpen = false;
    return false;
  }
  pace.untilProbe -= 1;
  if (pace.untilProbe > 0) return true;
  // What comes may have become much more within one stretch.
  if (pace.count > 2 * PROBES_PER_TICK * pace.every) pace.every *= 2;
  pace.untilProbe = pace.every;
  return false;
}

/** The highest count of a stretch since the last look. */
export function takePeak(pace: Pace, now: number): number {
  const peak = Math.max(pace.peak, pace.count);
  pace.peak = 0;
  // Where nothing comes any more, nobody ends the last stretch.
  if (now - pace.countedFrom >= TICK_SECONDS) pace.count = 0;
  return peak;
}

/** Once a second while the origin is well. `usual`: requests of one stretch on calm days; `peak`: of the second that is over. */
export function openPace(pace: Pace, peak: number, usual: number, bound: number): void {
  pace.level = Math.max(usual, BEYOND_TIMES * peak, pace.level * LEVEL_KEPT);
  if (!pace.isOpen) pace.boundThen = bound;
  pace.isOpen = true;
}

/** The origin was not well with what came: nothing of it counts as well. */
export function closePace(pace: Pace): void {
  pace.isOpen = false;
  pace.level = 0;
  pace.peak = 0;
}

/**
 * Whether the probes say that the origin is in trouble. `probes`: those that are there now, each of which stands for others; `alone`: requests that took a place
 * before the gate was opened, and stand for themselves; `bound`: how many requests may be there.
 */
export function isStrained(
  pace: Pace,
  { probes, alone, bound }: { readonly probes: number; readonly alone: number; readonly bound: number },
): boolean {
  if (!pace.isOpen) return false;
  if (probes >= STRAIN_PROBES_MIN && probes * pace.every + alone > bound) return true;
  return bound < pace.boundThen * BOUND_SHARE_MIN;
}
