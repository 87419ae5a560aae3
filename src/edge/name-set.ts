/** Lists as the request path asks them: sets of names, and numbers as nginx writes them in its variables. */

export type NameSet = Record<string, true | undefined>;

/** Undefined for an empty list, which asks nothing. */
export function nameSet(values: readonly string[]): NameSet | undefined {
  if (values.length === 0) return undefined;
  const set: NameSet = {};
  for (const value of values) set[value] = true;
  return set;
}

/** A whole number below 2^32 in digits. Lua would write a large one with an exponent. */
export function digits(value: number): string {
  let text = "";
  let left = value;
  while (left >= 10) {
    text = "0123456789".charAt(left % 10) + text;
    left = Math.floor(left / 10);
  }
  return "0123456789".charAt(left) + text;
}
