/**
 * How many in the last so many seconds? A window is cut into six parts with a counter each, and what is counted is the part that runs now with the
 * six before it, whole. So a limit is never exceeded in any span of its window (its error in that direction is zero, save for the
 * milliseconds by which workers' clocks differ), and what is counted too much lies at most a sixth of the window further back: a client is refused
 * only if it asked more than the limit within seven sixths of the window. One atomic addition and at most six reads a request, the
 * same counters for all workers.
 */

export const WINDOW_PARTS = 6;
/** A counter outlives the last moment at which it is read, and is gone before its place in the ring comes again. */
const LIFE_PARTS = WINDOW_PARTS + 2;
const RING = 16;

/** Where counters lie. Positional, as it runs for every counted request. */
export type Counters = {
  /** Adds, and says what the counter is then; undefined when there is no room for a new one, which lives for `seconds`. */
  readonly add: (this: void, key: string, by: number, seconds: number) => number | undefined;
  readonly read: (this: void, key: string) => number;
};

const PLACES: string[] = [];
for (let i = 0; i < RING; i++) PLACES.push(String.fromCharCode(97 + i));

/** The number of the part that runs at `now`. */
export function partAt(now: number, windowSeconds: number): number {
  return Math.floor((now * WINDOW_PARTS) / windowSeconds);
}

/** Counts in the part that runs now; undefined when there is no room. `by` -1 takes one back. */
export function addToPart(
  counters: Counters,
  key: string,
  part: number,
  windowSeconds: number,
  by: number,
): number | undefined {
  return counters.add(key + placeOf(part), by, (LIFE_PARTS * windowSeconds) / WINDOW_PARTS);
}

/** What the part that runs now holds. */
export function inPart(counters: Counters, key: string, part: number): number {
  return counters.read(key + placeOf(part));
}

/** What the parts before this one hold. Stops counting above `enough`. */
export function beforePart(counters: Counters, key: string, part: number, enough: number): number {
  let sum = 0;
  for (let back = 1; back <= WINDOW_PARTS && sum <= enough; back++) {
    sum += counters.read(key + placeOf(part - back));
  }
  return sum;
}

/** Seconds until so many have left the window that one more is within `limit`. */
export function secondsUntilRoom(
  counters: Counters,
  key: string,
  now: number,
  windowSeconds: number,
  limit: number,
): number {
  const part = partAt(now, windowSeconds);
  let left = 0;
  for (let back = 0; back <= WINDOW_PARTS; back++) left += counters.read(key + placeOf(part - back));
  // The part that will run then: what lies more than a window before it counts no more.
  let then = part;
  while (left >= limit && then <= part + WINDOW_PARTS) {
    left -= counters.read(key + placeOf(then - WINDOW_PARTS));
    then += 1;
  }
  return (then * windowSeconds) / WINDOW_PARTS - now;
}

function placeOf(part: number): string {
  return PLACES[part % RING]!;
}
