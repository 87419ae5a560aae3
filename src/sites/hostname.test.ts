import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseHostname, wildcardOver } from "./hostname.ts";

test("hostnames as people type them become lower-case A-labels", () => {
  const table: readonly [string, string][] = [
    ["Shop.Example", "shop.example"],
    ["shop.example.", "shop.example"],
    [" forum.example ", "forum.example"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["*.shop.example", "*.shop.example"],
    [`${"a".repeat(63)}.example`, `${"a".repeat(63)}.example`],
    ["demo.localhost", "demo.localhost"],
  ];
  for (const [typed, expected] of table)
    assert.deepEqual(parseHostname(typed), { ok: true, value: expected }, typed);
});

test("what is not a hostname is refused with a sentence that quotes it", () => {
  const table = [
    "",
    "localhost",
    "http://shop.example",
    "shop.example:8080",
    "shop.example/path",
    "user@shop.example",
    "192.0.2.1",
    "[2001:db8::1]",
    "shop..example",
    "-shop.example",
    "shop_1.example",
    "*",
    "*.*.example",
    "a*.shop.example",
    `${"a".repeat(64)}.example`,
    `${"a.".repeat(130)}example`,
    "x".repeat(10_000),
    "shop.example\r\nx",
  ];
  for (const typed of table) {
    const parsed = parseHostname(typed);
    assert.equal(parsed.ok, false, typed);
    assert.match(parsed.ok ? "" : parsed.why, /^Cannot /);
  }
});

test("any text gives a valid name or a refusal, never an exception", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.domain()), (typed) => {
      const parsed = parseHostname(typed);
      if (parsed.ok) {
        assert.match(parsed.value, /^(\*\.)?[a-z0-9.-]+$/);
        assert.deepEqual(parseHostname(parsed.value), parsed);
      }
    }),
  );
});

test("a wildcard stands for exactly one label", () => {
  assert.equal(wildcardOver("a.shop.example"), "*.shop.example");
  assert.equal(wildcardOver("a.b.shop.example"), "*.b.shop.example");
  assert.equal(wildcardOver("shop.example"), null);
});
