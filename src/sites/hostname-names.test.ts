import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { baseOf, parseClaim, registrableOf } from "./hostname-names.ts";

const OWN = {
  publicUrl: "https://desk.shield.example:8443",
  edgeAddresses: ["203.0.113.7", "edge.shield.example"],
  previewDomain: "look.shield.example",
};

test("names that may be claimed, in their one spelling", () => {
  const table: readonly [string, string][] = [
    ["Shop.Example", "shop.example"],
    ["shop.example.", "shop.example"],
    ["*.shop.example", "*.shop.example"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["XN--BCHER-KVA.example", "xn--bcher-kva.example"],
    ["someone.github.io", "someone.github.io"],
    ["github.io", "github.io"],
    ["www.shop.co.uk", "www.shop.co.uk"],
    ["*.shop.co.uk", "*.shop.co.uk"],
    ["other.shield.example", "other.shield.example"],
  ];
  for (const [typed, expected] of table) {
    const parsed = parseClaim(typed, OWN);
    assert.deepEqual(parsed, { ok: true, value: expected }, typed);
  }
});

test("names that nobody may claim, each with a reason", () => {
  const table: readonly [string, RegExp][] = [
    ["co.uk", /public suffix/],
    ["*.co.uk", /different owners/],
    ["*.CO.UK.", /different owners/],
    ["*.github.io", /different owners/],
    ["desk.shield.example", /operator's own/],
    ["*.shield.example", /operator's own/],
    ["edge.shield.example", /operator's own/],
    ["a.b.edge.shield.example", /operator's own/],
    ["x.look.shield.example", /operator's own/],
    ["*.look.shield.example", /operator's own/],
    ["203.0.113.7", /address/],
    ["localhost", /two labels/],
    ["*.*.shop.example", /valid/],
  ];
  for (const [typed, why] of table) {
    const parsed = parseClaim(typed, OWN);
    assert.equal(parsed.ok, false, typed);
    if (!parsed.ok) assert.match(parsed.why, why, typed);
  }
});

test("whatever is typed, what comes out is its own only spelling and never the operator's", () => {
  const typed = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.domain(),
    fc.domain().map((name) => `*.${name.toUpperCase()}.`),
  );
  fc.assert(
    fc.property(typed, (text) => {
      const parsed = parseClaim(text, OWN);
      if (!parsed.ok) return;
      assert.deepEqual(parseClaim(parsed.value, OWN), parsed);
      assert.equal(parsed.value, parsed.value.toLowerCase());
      assert.ok(baseOf(parsed.value).endsWith(registrableOf(parsed.value)));
    }),
  );
});
