import assert from "node:assert/strict";
import { test } from "node:test";
import { playStory } from "../../src/cli/story/play.ts";
import { SCENES } from "../../src/cli/story/scenes.ts";

test("the story of the design runs end to end on real parts", async () => {
  const told: string[] = [];
  const result = await playStory({
    onScene: ({ name, ok, lines }) => told.push(`${ok ? "ok" : "NOT OK"} ${name}\n  ${lines.join("\n  ")}`),
  });
  assert.ok(result.ok, told.join("\n"));
  assert.equal(result.steps.length, SCENES.length);
  assert.equal(result.reporterLeaks, 0);
  assert.equal(result.ledgerVerified, true);
  assert.ok(result.inForceMs !== null && result.liftMs !== null);
});
