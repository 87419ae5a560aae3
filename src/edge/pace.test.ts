/** The open gate: who passes, what closes it, and what it remembers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { closePace, isStrained, newPace, openPace, passes, takePeak, type Pace } from "./pace.ts";

/** A little more than a stretch. */
const TICK = 0.0505;
const USUAL = 15;
const BOUND = 64;

/** How many of `count` requests within one stretch had to take a place. */
function stretch(pace: Pace, at: number, count: number): number {
  let probes = 0;
  for (let n = 0; n < count; n++) if (!passes(pace, at)) probes += 1;
  return probes;
}

/** Seconds of `perTick` requests a stretch, well all the time. */
function well(pace: Pace, from: number, perTick: number, seconds = 1): number {
  let at = from;
  for (let second = 0; second < seconds; second++) {
    for (let tick = 0; tick < 20; tick++, at += TICK) stretch(pace, at, perTick);
    openPace(pace, takePeak(pace, at - TICK), USUAL, BOUND);
  }
  return at;
}

test("a closed gate lets nobody pass without a place", () => {
  const pace = newPace(0);
  assert.equal(stretch(pace, 0, 100), 100);
});

test("once open, a few are probes and the others pass", () => {
  const pace = newPace(0);
  const at = well(pace, 0, 400);
  const probes = stretch(pace, at + TICK, 400);
  assert.ok(probes >= 15 && probes <= 25, `${probes} probes`);
});

test("also where a rush comes all at once after a pause", () => {
  const pace = newPace(0);
  well(pace, 0, 2000);
  const probes = stretch(pace, 10, 2000);
  assert.ok(probes < 200, `${probes} probes`);
});

test("of a quiet site each request is a probe", () => {
  const pace = newPace(0);
  const at = well(pace, 0, 10);
  assert.equal(stretch(pace, at + TICK, 10), 10);
  assert.equal(pace.isOpen, true);
});

test("twice of what was well passes, and the next one closes it", () => {
  const pace = newPace(0);
  const at = well(pace, 0, 100);
  stretch(pace, at + TICK, 200);
  assert.equal(pace.isOpen, true);
  stretch(pace, at + 2 * TICK, 201);
  assert.equal(pace.isOpen, false);
});

test("as much as on calm days always passes", () => {
  const pace = newPace(0);
  openPace(pace, 0, USUAL, BOUND);
  stretch(pace, TICK, USUAL);
  assert.equal(pace.isOpen, true);
});

test("what was well is forgotten within minutes", () => {
  const pace = newPace(0);
  let at = well(pace, 0, 1000);
  assert.equal(pace.level, 2000);
  at = well(pace, at, 0, 36);
  assert.ok(pace.level < 1000);
  well(pace, at, 0, 300);
  assert.equal(pace.level, USUAL);
});

test("probes that pile up, or a bound that falls, are strain; a few at once are none", () => {
  const pace = newPace(0);
  well(pace, 0, 400);
  stretch(pace, 2, 400);
  stretch(pace, 3, 1);
  assert.equal(pace.every, 20);
  assert.equal(isStrained(pace, { probes: 7, alone: 0, bound: BOUND }), false);
  assert.equal(isStrained(pace, { probes: 8, alone: 0, bound: BOUND }), true);
  assert.equal(isStrained(pace, { probes: 8, alone: 0, bound: 200 }), false);
  // Who was there before stands for nobody else.
  assert.equal(isStrained(pace, { probes: 0, alone: BOUND, bound: BOUND }), false);
  assert.equal(isStrained(pace, { probes: 8, alone: 39, bound: 200 }), false);
  assert.equal(isStrained(pace, { probes: 8, alone: 41, bound: 200 }), true);
  assert.equal(isStrained(pace, { probes: 0, alone: 0, bound: BOUND * 0.81 }), false);
  assert.equal(isStrained(pace, { probes: 0, alone: 0, bound: BOUND * 0.79 }), true);
  closePace(pace);
  assert.equal(isStrained(pace, { probes: 8, alone: 0, bound: BOUND }), false);
  assert.equal(pace.level, 0);
});

test("whatever comes: an open gate never lets more pass in a stretch than its level", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 300 }), { maxLength: 200 }), (counts) => {
      const pace = newPace(0);
      let at = 0;
      for (const [n, count] of counts.entries()) {
        at += TICK;
        const { level, isOpen } = pace;
        const passed = count - stretch(pace, at, count);
        assert.ok(passed <= (isOpen ? level : 0));
        if (n % 20 === 19) openPace(pace, takePeak(pace, at), USUAL, BOUND);
      }
    }),
  );
});
