/** The console proposes by the contract's table of mildest kinds, the desk refuses by its own: they must say the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DANGER_LEVELS } from "../../src/contract/danger.ts";
import { CLAUSES, type Clause } from "../../src/contract/measure.ts";
import { mildestKind } from "../../src/contract/mildest.ts";
import { mildestKind as desksMildestKind } from "../../src/desk/core/proposal.ts";

test("console and desk agree on the mildest kind for every level and clause", () => {
  let seen = 0;
  for (const level of DANGER_LEVELS)
    for (const clause of Object.keys(CLAUSES) as Clause[]) {
      assert.equal(mildestKind(level, clause), desksMildestKind(level, clause), `${level} ${clause}`);
      seen++;
    }
  assert.equal(seen, 45);
});
