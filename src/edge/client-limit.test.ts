import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { allowanceOf, judge, type Allowance } from "./client-limit.ts";

/** A client's number as the edge keeps it: one addition, and what its judgement says. */
function newClient(allowance: Allowance): (now: number) => boolean {
  let number: number | undefined;
  return (now) => {
    const used = (number ?? now) + allowance.costSeconds;
    const judged = judge(used, now, allowance);
    if (judged === "refuse") number = used - allowance.costSeconds;
    else number = judged === "renew" ? now + allowance.costSeconds : used;
    return judged !== "refuse";
  };
}

const limits = fc.record({
  rate: fc.constantFrom(1, 2, 3, 7, 10, 33, 100, 1000),
  burst: fc.integer({ min: 1, max: 200 }),
  /** When requests came before, as parts of the time that a whole burst takes. */
  earlier: fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { maxLength: 40 }),
});

test("who comes from rest has the whole burst at once, and never more than a quarter on top", () => {
  fc.assert(
    fc.property(limits, ({ rate, burst, earlier }) => {
      const allowance = allowanceOf(rate, burst);
      const whole = burst / rate;
      const ask = newClient(allowance);
      let now = 1_800_000_000;
      for (const gap of earlier) {
        now += gap * whole;
        ask(now);
      }
      // As long as it takes to pay for everything, so that nothing is owed.
      now += whole + 0.0001;
      let passed = 0;
      for (let n = 0; n < burst * 2; n++) if (ask(now)) passed += 1;
      assert.ok(passed >= burst, `${passed} of ${burst}`);
      assert.ok(passed <= burst * 1.25 + 0.01, `${passed} for ${burst}`);
    }),
    { numRuns: 2000 },
  );
});

test("who keeps to the rate is never refused, with a burst of one too", () => {
  for (const rate of [1, 3, 10, 100]) {
    const ask = newClient(allowanceOf(rate, 1));
    for (let n = 0; n < 1000; n++)
      assert.ok(ask(1_800_000_000 + n / rate), `request ${n} at ${rate} a second`);
  }
});
