/** A length of time as people type it: "90s", "45m", "2h", "7d". */
import { Fault } from "../contract/fault.ts";

const SECONDS = { s: 1, m: 60, h: 3600, d: 24 * 3600 } as const;

export function durationSeconds(text: string): number {
  const found = /^([1-9]\d{0,6})([smhd])$/.exec(text.trim());
  if (found === null) {
    throw new Fault(
      "input.invalid",
      `Cannot read "${text.slice(0, 20)}" as a length of time: write 90s, 45m, 2h or 7d`,
    );
  }
  return Number(found[1]) * SECONDS[found[2] as keyof typeof SECONDS];
}
