/**
 * How many requests of one site may be at its origin at once while far more come than usual. The bound begins where the site's own past says that it
 * was well, grows while answers come as fast as ever, and shrinks when they come late (additive increase, multiplicative decrease, as in
 * RFC 5681 §3.1): an origin with room to spare serves a rush of visitors, and one without is not driven into the ground while nobody knows yet what the rush is.
 */

import { GATE_AT_ONCE_MAX, GATE_AT_ONCE_MIN } from "../contract/gate.ts";

/** An answer is late beyond this many times the usual, and a moment that no origin is blamed for. */
const LATE_TIMES = 2.5;
const LATE_SECONDS_MIN = 0.05;
/** How much a bound grows within one round of answers. */
const GROWTH = 2;
const SHRINK = 0.97;
/** Taken for usual where nothing is known. */
const UNKNOWN_SECONDS = 0.4;

/** The bound after one more answer, which took `seconds`. */
export function nextBound(bound: number, seconds: number, usualSeconds: number): number {
  const usual = usualSeconds > 0 ? usualSeconds : UNKNOWN_SECONDS;
  const next = seconds > usual * LATE_TIMES + LATE_SECONDS_MIN ? bound * SHRINK : bound + GROWTH / bound;
  return Math.max(GATE_AT_ONCE_MIN, Math.min(GATE_AT_ONCE_MAX, next));
}
