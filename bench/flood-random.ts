/** Chance from a seed, so that a run of the flood bench can be had again: the same addresses, browsers, pages and pauses. Nothing here is a secret. */

export type Random = () => number;

/** mulberry32: numbers from 0 up to 1, the same for the same seed. `purpose` keeps streams apart that grow from one seed. */
export function seededRandom(seed: number, purpose: string): Random {
  let state = seed | 0;
  for (let i = 0; i < purpose.length; i++) state = Math.imul(state ^ purpose.charCodeAt(i), 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** From `from` to `to`, both included. */
export const whole = (random: Random, [from, to]: readonly [number, number]): number =>
  from + Math.floor(random() * (to - from + 1));

export function oneOf<T>(random: Random, list: readonly T[]): T {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new Error("There is nothing to choose from.");
  return found;
}

/** One of them, as often as its share says. */
export function byShare<T extends { readonly share: number }>(random: Random, list: readonly T[]): T {
  let left = random() * list.reduce((sum, { share }) => sum + share, 0);
  for (const item of list) {
    left -= item.share;
    if (left < 0) return item;
  }
  return oneOf(random, list);
}

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
export function letters(random: Random, count: number): string {
  let text = "";
  for (let i = 0; i < count; i++) text += LETTERS[Math.floor(random() * LETTERS.length)];
  return text;
}

/** Different addresses all over 127.0.0.0/8, so that no prefix tells one kind of client from another. 127.0.0.0/16 is left to servers. */
export function addresses(
  random: Random,
  options: { readonly count: number; readonly taken: Set<string> },
): string[] {
  const found: string[] = [];
  while (found.length < options.count) {
    const address = `127.${whole(random, [1, 254])}.${whole(random, [0, 255])}.${whole(random, [1, 254])}`;
    if (options.taken.has(address)) continue;
    options.taken.add(address);
    found.push(address);
  }
  return found;
}
