/** What rules read of foreign text, against what it means elsewhere, and under both runtimes alike: patterns, cookies, moments, names of banned networks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { EDGE_OUT, underLuaJit } from "../../test/edge-runtimes.ts";
import { buildEdge } from "../cli/build-edge.ts";
import { cookieOf } from "./cookie.ts";
import { isoMs } from "./iso-time.ts";
import { isTextLike, prepareText, SEARCHED_CHARS } from "./text-pattern.ts";
import { decide } from "./vectors.ts";

const letters = (alphabet: readonly string[], maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...alphabet), { maxLength }).map((parts) => parts.join(""));
const pattern = letters(["a", "b", "*", "*", "\\*", "\\", "."], 12);
const text = letters(["a", "b", "*", "\\", ".", "ab"], 16);
const cookies = letters(["a", "b", "=", ";", " ", "; ", "a=", "xa=", "1", ","], 20);

test("a pattern matches what the same regular expression matches", () => {
  const asRegExp = (from: string): RegExp => {
    const parts = from.match(/\\\*|[\s\S]/g) ?? [];
    const body = parts.map((part) =>
      part === "*" ? "[^]*" : (part === "\\*" ? "*" : part).replace(/[.*\\]/g, "\\$&"),
    );
    return new RegExp(`^${body.join("")}$`);
  };
  fc.assert(
    fc.property(
      pattern,
      text,
      (from, said) => isTextLike(prepareText(from), said) === asRegExp(from).test(said),
    ),
    { numRuns: 20_000 },
  );
});

test("a long value costs no more to look through than its first part", () => {
  const hard = prepareText(`*${"a".repeat(200)}b*`);
  const began = performance.now();
  for (let i = 0; i < 200; i++) isTextLike(hard, "a".repeat(16_000));
  assert.ok(performance.now() - began < 2000);
  assert.equal(isTextLike(prepareText("*x*"), `${" ".repeat(SEARCHED_CHARS)}x`), false);
  assert.equal(isTextLike(prepareText("*x"), `${" ".repeat(SEARCHED_CHARS)}x`), true);
});

test("a moment is what Date says, and what Date would not write is none", () => {
  const moment = fc.date({
    min: new Date(0),
    max: new Date("9999-12-31T23:59:59.999Z"),
    noInvalidDate: true,
  });
  fc.assert(fc.property(moment, (at) => isoMs(at.toISOString()) === at.getTime()));
  fc.assert(
    fc.property(
      fc.string({ maxLength: 50 }),
      (said) => isoMs(said) === -1 || Number.isFinite(Date.parse(said)),
    ),
  );
});

test("whatever a Cookie field holds, one cookie's value is the first that stands behind its name", () => {
  fc.assert(
    fc.property(cookies, (field) => {
      const pairs = field.split(";").map((part, i) => (i > 0 && part.startsWith(" ") ? part.slice(1) : part));
      const first = pairs.find((pair, i) => pair.startsWith("a=") || (i === 0 && pair.startsWith(" a=")));
      const expected = first === undefined ? undefined : first.slice(first.indexOf("=") + 1).trim();
      assert.equal(cookieOf(field, "a"), expected, JSON.stringify(field));
    }),
    { numRuns: 20_000 },
  );
});

test("two addresses have one name at a prefix length exactly when they share that prefix", () => {
  const v4 = fc.ipV4();
  const named = (address: string, bits: number): unknown => decide("networkName", [address, bits]);
  fc.assert(
    fc.property(
      v4,
      v4,
      fc.integer({ min: 8, max: 32 }),
      fc.integer({ min: 0, max: 32 }),
      (one, other, bits, common) => {
        const mixed = mix(one, other, common);
        const shares = ipaddr.IPv4.parse(mixed).match(ipaddr.IPv4.parse(one), bits);
        return (named(one, bits) === named(mixed, bits)) === shares;
      },
    ),
    { numRuns: 3000 },
  );
});

test("both runtimes read all of it alike", async () => {
  await buildEdge({ outDir: EDGE_OUT });
  const vectors = [
    ...fc
      .sample(fc.tuple(pattern, text), { numRuns: 800, seed: 1 })
      .map((args) => ({ name: "isTextLike", args })),
    ...fc
      .sample(cookies, { numRuns: 800, seed: 2 })
      .map((field) => ({ name: "cookieOf", args: [field, "a"] })),
    ...fc
      .sample(letters(["2", "0", "6", "-", ":", "T", "Z", ".", "2026-11-22T", "19:30:05", ".5"], 8), {
        numRuns: 800,
        seed: 3,
      })
      .map((said) => ({ name: "isoMs", args: [said] })),
    ...fc
      .sample(fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 8, max: 32 })), {
        numRuns: 400,
        seed: 4,
      })
      .map((args) => ({ name: "networkName", args })),
  ];
  const inLua = underLuaJit(vectors);
  for (const [i, { name, args }] of vectors.entries()) {
    assert.deepEqual(inLua[i], decide(name, args), `${name}(${JSON.stringify(args)})`);
  }
  assert.equal(vectors.length, 2800);
});

/** The first bits of one address and the rest of another. */
function mix(one: string, other: string, bits: number): string {
  const value = (address: string): bigint =>
    address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const rest = 1n << BigInt(32 - bits);
  const mixed = (value(one) / rest) * rest + (value(other) % rest);
  return [24n, 16n, 8n, 0n].map((shift) => (mixed >> shift) & 255n).join(".");
}
