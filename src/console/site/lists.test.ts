import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asnsOf, bytesOf, bytesText, listOf, numberOf, typedOf, upperOf } from "./lists.ts";

test("items are apart by commas, spaces, semicolons or lines; doubles and empty ones go", () => {
  assert.deepEqual(listOf("192.0.2.0/24, 2001:db8::/32\n192.0.2.0/24;;  /a*"), [
    "192.0.2.0/24",
    "2001:db8::/32",
    "/a*",
  ]);
  assert.deepEqual(listOf(" \n,"), []);
});

test("a list that was shown is read back as it was", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z0-9/.:*_-]{1,20}$/)), (items) => {
      assert.deepEqual(listOf(typedOf(items)), items);
    }),
  );
});

test("AS numbers with and without their letters; letters alone are no number", () => {
  assert.deepEqual(asnsOf("AS64496 64497, as64498"), [64496, 64497, 64498]);
  assert.ok(Number.isNaN(asnsOf("ASX")[0]));
  assert.deepEqual(upperOf("fr, be"), ["FR", "BE"]);
});

test("only digits are a number: no sign, no exponent, no text after it", () => {
  assert.equal(numberOf(" 12 "), 12);
  assert.equal(numberOf("0,5"), 0.5);
  for (const no of ["", "-1", "1e9", "12 s", "0x10", "Infinity"]) assert.ok(Number.isNaN(numberOf(no)), no);
});

test("sizes are written in the largest whole unit and read back the same", () => {
  assert.equal(bytesText(100 * 1024 * 1024), "100 MiB");
  assert.equal(bytesText(1000), "1000 B");
  assert.equal(bytesOf("5 Go"), 5 * 1024 ** 3);
  assert.equal(bytesOf("5g"), 5 * 1024 ** 3);
  for (const no of ["", "-1 MB", "1.5 MB", "much"]) assert.ok(Number.isNaN(bytesOf(no)), no);
  fc.assert(fc.property(fc.nat(2 ** 31), (n) => assert.equal(bytesOf(bytesText(n)), n)));
});
