/**
 * Lists as people type them: items apart by commas, spaces or lines, in one field. Nothing is judged here save what cannot be
 * stored at all; the server says which item is wrong.
 */

export const listOf = (typed: string): readonly string[] => [
  ...new Set(
    typed
      .split(/[\s,;]+/)
      .map((item) => item.trim())
      .filter((item) => item !== ""),
  ),
];

export const typedOf = (items: readonly (string | number)[]): string => items.join(", ");

/** Autonomous system numbers, with or without "AS" before them; what is none is NaN, which no server gets. */
export const asnsOf = (typed: string): readonly number[] =>
  listOf(typed).map((item) => numberOf(item.replace(/^as/i, "")));

export const upperOf = (typed: string): readonly string[] => listOf(typed.toUpperCase());

/** A number as typed, with a comma or a point; NaN where there is none. Nothing but digits is understood. */
export const numberOf = (typed: string): number =>
  /^\d{1,15}([.,]\d{1,6})?$/.test(typed.trim()) ? Number(typed.trim().replace(",", ".")) : Number.NaN;

const UNITS = [
  ["GiB", 1024 ** 3],
  ["MiB", 1024 ** 2],
  ["KiB", 1024],
] as const;

/** "100 MiB": whole units where the number is one, bytes otherwise. */
export function bytesText(bytes: number): string {
  for (const [unit, size] of UNITS) if (bytes >= size && bytes % size === 0) return `${bytes / size} ${unit}`;
  return `${bytes} B`;
}

/** Bytes from "100 MiB", "100 mb", "5g" or "1024"; NaN where it is none. */
export function bytesOf(typed: string): number {
  const found = /^(\d{1,15})\s*([kmg]?)(?:i?[bo])?$/i.exec(typed.trim());
  if (found === null) return Number.NaN;
  const power = ["", "k", "m", "g"].indexOf((found[2] ?? "").toLowerCase());
  return Number(found[1]) * 1024 ** power;
}
