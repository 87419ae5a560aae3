import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EDGE_OUT, underLuaJit } from "../../test/edge-runtimes.ts";
import { buildEdge } from "../cli/build-edge.ts";
import { trimmed } from "./trimmed.ts";

test("white space goes at both ends alone", () => {
  const text = fc.string({ unit: fc.constantFrom(..." \t\r\n\v\fab,"), maxLength: 20 });
  fc.assert(fc.property(text, (one) => assert.equal(trimmed(one), one.trim())));
});

test("a long run of blanks inside costs what its length costs", async () => {
  await buildEdge({ outDir: EDGE_OUT });
  // In the square of its length this would be a hundred billion steps.
  const text = `a${" ".repeat(300_000)}b`;
  const [found] = underLuaJit([{ name: "trimmedLength", args: [text] }]);
  assert.equal(found, text.length);
});
