/**
 * How many requests of one site may be at its origin at once while far more come than usual. The bound begins where the site's own past says that it
 * was well, grows while answers come as fast as ever, and shrinks when they come late (additive increase, multiplicative decrease, as in
 * RFC 5681 §3.1): an origin with room to spare serves a rush of visitors, and one without is not driven into the ground while nobody knows yet what the rush is.
 * Some pages are slow on the best of days, and anybody can ask for those: an answer is late only when the quicker ones are late as well.
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
/** A quarter of the answers are quicker than `quickSeconds`: a step up for each slower one, three steps down for each quicker one. */
const STEP_UP = 1.1;
const STEP_DOWN = 1.331;
const QUICK_SECONDS_MIN = 0.001;
/** Each second in which no more came than on calm days. */
const RAISE_TIMES = 1.5;

export type Flow = {
  bound: number;
  /** The bound shrinks no further: it rises while no more comes than on calm days. */
  floor: number;
  /** The lower quartile of the last answers. */
  quickSeconds: number;
};

export function newFlow(atOnce: number, usualSeconds: number): Flow {
  return { bound: atOnce, floor: GATE_AT_ONCE_MIN, quickSeconds: usualOf(usualSeconds) };
}

/** One more answer, which took `seconds`. `isSound`: the origin itself answered, and not with an error. */
export function noteAnswer(flow: Flow, seconds: number, usualSeconds: number, isSound: boolean): void {
  const step = seconds > flow.quickSeconds ? STEP_UP : 1 / STEP_DOWN;
  flow.quickSeconds = Math.max(QUICK_SECONDS_MIN, flow.quickSeconds * step);
  const late = usualOf(usualSeconds) * LATE_TIMES + LATE_SECONDS_MIN;
  if (seconds > late) {
    if (flow.quickSeconds > late) setBound(flow, flow.bound * SHRINK);
  } else if (isSound) setBound(flow, flow.bound + GROWTH / flow.bound);
}

/** No more comes than on calm days: whatever answers are like, the origin is to get it. */
export function raiseFloor(flow: Flow): void {
  flow.floor = Math.min(GATE_AT_ONCE_MAX, Math.max(flow.floor, flow.bound) * RAISE_TIMES);
  setBound(flow, flow.bound);
}

export function dropFloor(flow: Flow): void {
  flow.floor = GATE_AT_ONCE_MIN;
}

/** How long an origin works on for a client that left. */
export function workSeconds(usualSeconds: number): number {
  return usualOf(usualSeconds) * LATE_TIMES;
}

function setBound(flow: Flow, bound: number): void {
  flow.bound = Math.max(flow.floor, Math.min(GATE_AT_ONCE_MAX, bound));
}

function usualOf(usualSeconds: number): number {
  return usualSeconds > 0 ? usualSeconds : UNKNOWN_SECONDS;
}
