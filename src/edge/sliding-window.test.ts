/** Sliding windows against a full record of what was let through: no span of a window ever holds more than the limit, and nobody is refused for nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { underLuaJit } from "../../test/edge-runtimes.ts";
import { buildEdge } from "../cli/build-edge.ts";
import { EDGE_OUT } from "../../test/edge-runtimes.ts";
import { windowRun } from "./window-vectors.ts";

/** Requests over some windows, in bursts and in drips, as milliseconds. */
const runs = fc.record({
  limit: fc.integer({ min: 1, max: 12 }),
  windowSeconds: fc.integer({ min: 1, max: 60 }),
  steps: fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 30 }) },
      { weight: 2, arbitrary: fc.integer({ min: 30, max: 400 }) },
      { weight: 1, arbitrary: fc.integer({ min: 400, max: 1500 }) },
    ),
    { minLength: 1, maxLength: 120 },
  ),
});

/** Thousandths of a window as moments in seconds. */
function momentsOf(steps: readonly number[], windowSeconds: number): number[] {
  let at = 1_795_000_000;
  return steps.map((step) => (at += (step * windowSeconds) / 1000));
}

test("in no span of a window is more let through than the limit, and whoever is refused had asked more in seven sixths of it", () => {
  fc.assert(
    fc.property(runs, fc.boolean(), ({ limit, windowSeconds, steps }, takesBack) => {
      const moments = momentsOf(steps, windowSeconds);
      const passed = windowRun(moments, limit, windowSeconds, takesBack);
      const counted: number[] = [];
      for (const [i, at] of moments.entries()) {
        const inSpan = (seconds: number): number => counted.filter((one) => one > at - seconds).length;
        if (passed[i] === true) {
          assert.ok(inSpan(windowSeconds) < limit, `request ${i} was one too many`);
        } else {
          assert.ok(inSpan((windowSeconds * 7) / 6) >= limit, `request ${i} was refused for nothing`);
        }
        if (passed[i] === true || !takesBack) counted.push(at);
      }
    }),
    { numRuns: 1500, seed: 20261123 },
  );
});

test("a client at half its limit is never refused, and one that hammers gets its limit in each window", () => {
  const steady = Array.from({ length: 400 }, () => 100);
  const passed = windowRun(momentsOf(steady, 10), 20, 10, true);
  assert.ok(passed.every(Boolean));
  const hammering = Array.from({ length: 6000 }, () => 2);
  const through = windowRun(momentsOf(hammering, 10), 20, 10, true).filter(Boolean).length;
  // Twelve windows: at most twelve times the limit and one more, and no less than what seven sixths of a window lets through.
  assert.ok(through <= 13 * 20 && through >= (12 * 20 * 6) / 7 - 20, `${through} came through`);
});

test("a counter that has no room counts nothing and stops nobody", () => {
  assert.deepEqual(windowRun([1, 1, 1, 1], 1, 10, true, true), [true, true, true, true]);
});

test("both runtimes count alike, request by request", async () => {
  await buildEdge({ outDir: EDGE_OUT });
  const vectors = fc.sample(runs, { numRuns: 150, seed: 7 }).map(({ limit, windowSeconds, steps }, i) => ({
    name: "windowRun",
    args: [momentsOf(steps, windowSeconds), limit, windowSeconds, i % 2 === 0],
  }));
  const inLua = underLuaJit(vectors);
  for (const [i, { args }] of vectors.entries()) {
    const [moments, limit, windowSeconds, takesBack] = args as [number[], number, number, boolean];
    assert.deepEqual(inLua[i], windowRun(moments, limit, windowSeconds, takesBack));
  }
  assert.equal(inLua.length, 150);
});

test("told when to come back, a client that waits that long is let in, and not a part of a window earlier", () => {
  fc.assert(
    fc.property(runs, ({ limit, windowSeconds, steps }) => {
      const moments = momentsOf(steps, windowSeconds);
      const wait = windowRun(moments, limit, windowSeconds, true, false, true);
      for (const [i, seconds] of wait.entries()) {
        if (typeof seconds !== "number") continue;
        assert.ok(seconds > 0 && seconds <= (windowSeconds * 7) / 6 + 1e-6, `${seconds}`);
        const later = [...moments.slice(0, i + 1), (moments[i] ?? 0) + seconds + 1e-6];
        assert.equal(windowRun(later, limit, windowSeconds, true).at(-1), true);
        const early = (moments[i] ?? 0) + seconds - windowSeconds / 6 - 1e-6;
        if (early > (moments[i] ?? 0)) {
          assert.equal(
            windowRun([...moments.slice(0, i + 1), early], limit, windowSeconds, true).at(-1),
            false,
          );
        }
      }
    }),
    { numRuns: 400, seed: 3 },
  );
});
