/**
 * The mildest kind of measure that answers, by danger and by clause, as data (design law 5). The desk refuses a harder one without a
 * written reason, and the console proposes this one first and asks for the reason beside a harder one.
 */
import type { DangerLevel } from "./danger.ts";
import { MEASURE_KINDS, type Clause, type MeasureKind } from "./measure.ts";

/** The mildest kind that answers a level of danger; a clause may ask for more. */
export const MILDEST_BY_LEVEL = {
  LOW: "warn",
  MODERATE: "warn",
  ELEVATED: "restrict",
  HIGH: "withhold",
  IMMINENT: "withhold",
} as const satisfies Record<DangerLevel, MeasureKind>;

/** Where a warning would still hand the harm to whoever clicks on, the mildest kind that answers is to withhold. */
export const MILDEST_BY_CLAUSE = {
  "life-threat": "warn",
  "doxxing-with-danger": "warn",
  "incitement-violence": "warn",
  ncii: "withhold",
  "child-safety": "withhold",
  trafficking: "restrict",
  phishing: "warn",
  malware: "warn",
  "court-order": "withhold",
} as const satisfies Record<Clause, MeasureKind>;

/** The harder of what the level and what the clause ask for. */
export function mildestKind(level: DangerLevel, clause: Clause): MeasureKind {
  const byLevel = MILDEST_BY_LEVEL[level];
  const byClause = MILDEST_BY_CLAUSE[clause];
  return MEASURE_KINDS.indexOf(byLevel) >= MEASURE_KINDS.indexOf(byClause) ? byLevel : byClause;
}
