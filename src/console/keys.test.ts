import assert from "node:assert/strict";
import { test } from "node:test";
import { matchKey, SEQUENCE_MS } from "./keys.ts";

const names = ["j", "k", "g q", "g o", "?"];

test("a single key runs at once", () => {
  assert.deepEqual(matchKey("j", { names, memory: null, nowMs: 0 }), { run: "j", memory: null });
  assert.deepEqual(matchKey("z", { names, memory: null, nowMs: 0 }), { run: null, memory: null });
});

test("a sequence runs within its time, up to the last millisecond, and not after", () => {
  const first = matchKey("g", { names, memory: null, nowMs: 100 });
  assert.deepEqual(first, { run: null, memory: { prefix: "g", atMs: 100 } });
  for (const [nowMs, run] of [
    [100 + SEQUENCE_MS, "g q"],
    [101 + SEQUENCE_MS, null],
  ] as const)
    assert.equal(matchKey("q", { names, memory: first.memory, nowMs }).run, run);
});

test("a wrong second key forgets the first, and may be a key of its own", () => {
  const memory = { prefix: "g", atMs: 0 };
  assert.deepEqual(matchKey("j", { names, memory, nowMs: 1 }), { run: "j", memory: null });
  assert.deepEqual(matchKey("x", { names, memory, nowMs: 1 }), { run: null, memory: null });
});
