import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { canonicalBytes, CANONICAL_BYTES_MAX } from "./canonical.ts";
import { commit, newSalt, opens } from "./commitment.ts";

const textOf = (value: unknown): string | null => {
  const bytes = canonicalBytes(value);
  return bytes.ok ? Buffer.from(bytes.value).toString() : null;
};

test("Keys are sorted by UTF-16 code units, as in RFC 8785 §3.2.3", () => {
  const value = {
    "\u20ac": 1,
    "\r": 2,
    "\ufb33": 3,
    "1": 4,
    "\ud83d\ude00": 5,
    "\u0080": 6,
    "\u00f6": 7,
  };
  assert.equal(textOf(value), '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
});

test("Strings are spelled as in RFC 8785 §3.2.2.2", () => {
  assert.equal(
    textOf({ string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/", literals: [null, true, false] }),
    '{"literals":[null,true,false],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
  assert.equal(textOf(-0), "0");
  assert.equal(textOf([9007199254740991, -1, 0]), "[9007199254740991,-1,0]");
});

test("The order in which a value was built does not matter", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.integer()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      assert.equal(textOf(value), textOf(reversed));
      assert.deepEqual(JSON.parse(textOf(value) ?? ""), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("What has no one spelling is refused, and nothing throws", () => {
  let deep: unknown = 1;
  for (let i = 0; i < 20; i++) deep = [deep];
  const loop: unknown[] = [];
  loop.push(loop);
  const table: readonly [string, unknown][] = [
    ["fraction", 1.5],
    ["above 2^53", 2 ** 53],
    ["not a number", Number.NaN],
    ["infinite", Infinity],
    ["undefined", undefined],
    ["undefined inside", { a: undefined }],
    ["hole", [1, , 2]], // eslint-disable-line no-sparse-arrays
    ["bigint", 1n],
    ["function", () => 1],
    ["symbol", Symbol("a")],
    ["symbol key", { [Symbol("a")]: 1 }],
    ["date", new Date(0)],
    ["map", new Map()],
    ["bytes", new Uint8Array(1)],
    ["lone surrogate", "\ud800"],
    ["lone surrogate as key", { "\udc00": 1 }],
    ["deep", deep],
    ["loop", loop],
    ["too large", "a".repeat(CANONICAL_BYTES_MAX)],
    ["too large in UTF-8", "\u20ac".repeat(CANONICAL_BYTES_MAX / 2)],
    ["too many", Array.from({ length: CANONICAL_BYTES_MAX }, () => 1)],
  ];
  for (const [name, value] of table) assert.equal(textOf(value), null, name);
  assert.equal(textOf("a".repeat(CANONICAL_BYTES_MAX - 2))?.length, CANONICAL_BYTES_MAX);
  fc.assert(fc.property(fc.anything(), (value) => void canonicalBytes(value)));
});

test("A key named __proto__ is a key like any other", () => {
  assert.equal(textOf(JSON.parse('{"__proto__":{"a":1}}')), '{"__proto__":{"a":1}}');
});

test("A commitment opens with its salt and payload, and with nothing else", () => {
  const salt = newSalt((n) => new Uint8Array(n).fill(3));
  const payload = { a: 1, b: "two" };
  const commitment = commit(payload, salt);
  // SHA-256("parapet/opening/v1\n" || 03×32 || {"a":1,"b":"two"}), computed with another tool.
  assert.equal(commitment, "c342ca6c8fd86ba67263f838b6bdfe6375f42ee94eca6a17dc5599bafb2c01c7");
  assert.ok(opens(commitment, { salt, payload: { b: "two", a: 1 } }));
  assert.ok(!opens(commitment, { salt, payload: { a: 1, b: "three" } }));
  assert.ok(!opens(commitment, { salt, payload: { ...payload, c: null } }));
  assert.ok(!opens(commitment, { salt: "04".repeat(32), payload }));
  assert.ok(!opens(commitment, { salt: salt.toUpperCase().replaceAll("0", "A"), payload }));
  assert.ok(!opens(commitment, { salt: "", payload }));
  assert.ok(!opens("", { salt, payload }));
  assert.ok(!opens(commitment, { salt, payload: 1.5 }));
  assert.throws(() => commit(payload, "short"));
  assert.throws(() => commit(undefined, salt));
});
