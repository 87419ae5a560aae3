/** Sliding windows on counters of their own, for vectors and properties: requests in, who was let through out. */
import { addToPart, beforePart, partAt, secondsUntilRoom, type Counters } from "./sliding-window.ts";

type Entry = { value: number; endsAt: number };

/**
 * `moments` in seconds, ascending. For each request whether it was let through or, if asked, the seconds that it is told to wait.
 * `takesBack`: a refused request costs nothing.
 */
export function windowRun(
  moments: readonly number[],
  limit: number,
  windowSeconds: number,
  takesBack: boolean,
  isFull = false,
  tellsWait = false,
): (boolean | number)[] {
  const kept: Record<string, Entry | undefined> = {};
  let now = 0;
  const counters: Counters = {
    add: (key, by, seconds) => {
      if (isFull) return undefined;
      const entry = kept[key];
      if (entry !== undefined && entry.endsAt > now) {
        entry.value += by;
        return entry.value;
      }
      kept[key] = { value: by, endsAt: now + seconds };
      return by;
    },
    read: (key) => {
      const entry = kept[key];
      return entry !== undefined && entry.endsAt > now ? entry.value : 0;
    },
  };
  const out: (boolean | number)[] = [];
  for (const at of moments) {
    now = at;
    const part = partAt(now, windowSeconds);
    const here = addToPart(counters, "k", part, windowSeconds, 1);
    const isOver = here !== undefined && here + beforePart(counters, "k", part, limit) > limit;
    if (isOver && takesBack) addToPart(counters, "k", part, windowSeconds, -1);
    const wait = isOver && tellsWait ? secondsUntilRoom(counters, "k", now, windowSeconds, limit) : 0;
    out.push(isOver ? (tellsWait ? wait : false) : true);
  }
  return out;
}
