/**
 * When something is due: the first human, the decision, the re-score, the end of a brake, the end of the time to appeal. Pure;
 * all times are milliseconds since the Unix epoch, all spans milliseconds.
 */
import { DANGER_CLOCKS, type DangerLevel } from "../../contract/danger.ts";
import { BRAKE_HOLD_MS } from "../../contract/measure.ts";

const HOUR_MS = 3_600_000;

/** After a ratified brake, another look within three days (facts: emergency path, review ≤ 72 h). */
export const RATIFIED_REVIEW_MS_MAX = 72 * HOUR_MS;
/** Six months, as Regulation (EU) 2022/2065 Art. 20(1) asks of a complaint window. */
export const APPEAL_WINDOW_MS = 183 * 24 * HOUR_MS;
/** A receipted measure that no edge confirmed for this long is an alarm. */
export const IN_FORCE_ALARM_MS = 30_000;

const RESCORE_MS = { IMMINENT: 24, HIGH: 24, ELEVATED: 48, MODERATE: 72, LOW: 72 } as const satisfies Record<
  DangerLevel,
  number
>;

export const decisionDueMs = (level: DangerLevel, sinceMs: number): number =>
  sinceMs + DANGER_CLOCKS[level].decisionMs;

export const nextReviewMs = (level: DangerLevel, atMs: number): number => atMs + RESCORE_MS[level] * HOUR_MS;

export const brakeLapseMs = (pulledMs: number): number => pulledMs + BRAKE_HOLD_MS;

/** How far a clock may be corrected backwards before a brake that was pulled "later than now" counts as over. */
export const CLOCK_BACK_MS_MAX = 5 * 60_000;

/** Whether a brake's hour is over. A clock that was set back must not lengthen it, so one from the future is over, too. */
export function brakeIsOver(brake: {
  readonly pulledMs: number;
  readonly lapsesMs: number;
  readonly nowMs: number;
}): boolean {
  return brake.lapsesMs <= brake.nowMs || brake.pulledMs > brake.nowMs + CLOCK_BACK_MS_MAX;
}

/** The review date of a ratified brake: what was proposed, but no later than 72 hours from now. */
export function ratifiedReviewMs(proposedMs: number | null, nowMs: number): number {
  const latest = nowMs + RATIFIED_REVIEW_MS_MAX;
  return proposedMs === null || proposedMs <= nowMs ? latest : Math.min(proposedMs, latest);
}

/**
 * When a case must be decided after its level moved. A higher level starts its own clock now; a lower one never gives
 * more time than was left before a human looked, so lowering is no way to win time unless a human confirmed it.
 */
export function dueAfterLevel(input: {
  readonly level: DangerLevel;
  readonly dueMs: number;
  readonly nowMs: number;
  readonly byHuman: boolean;
}): number {
  const fresh = decisionDueMs(input.level, input.nowMs);
  return input.byHuman ? fresh : Math.min(fresh, input.dueMs);
}
