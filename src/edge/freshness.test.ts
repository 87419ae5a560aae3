/** What an origin sends is a stranger's: whatever it is, the judgement comes, is bounded, and never makes one visitor's answer another's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CACHE_LIFE_SECONDS_MAX } from "../contract/cache.ts";
import { CACHE_CONTROL_CHARS_MAX, membersOf, parseCacheControl } from "./cache-control.ts";
import { keyTarget } from "./cache-key.ts";
import { preparePurges, purgeNumber } from "./cache-purges.ts";
import { globMatches } from "./cache-rules.ts";
import { ageOf, lifeOf } from "./freshness.ts";
import { parseHttpDate } from "./http-date.ts";

const NOW = 1_800_000_000;
const field = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc
    .array(
      fc.constantFrom(
        "max-age=60",
        "s-maxage=9",
        "private",
        "no-store",
        "no-cache",
        "public",
        "must-revalidate",
        '"',
        ",",
        "max-age=1e3",
        "max-age=",
        "stale-if-error=99999999",
        'x="',
        "\\",
        "max-age=99999999999999",
        " ",
        "*",
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join(", ")),
);
const facts = fc.record({
  status: fc.constantFrom(200, 203, 204, 206, 301, 304, 404, 500, 503, 599),
  cacheControl: field,
  cdnCacheControl: fc.oneof(fc.constant(""), field),
  surrogateControl: fc.oneof(fc.constant(""), field),
  expires: fc.oneof(fc.constant(""), field, fc.constant("Thu, 01 Jan 2099 00:00:00 GMT")),
  date: field,
  age: fc.oneof(fc.constant(""), fc.nat().map(String), field),
  vary: fc.oneof(fc.constant(""), field),
  lastModified: field,
  setsCookie: fc.boolean(),
  authorized: fc.boolean(),
});
const terms = fc.record({
  storeSeconds: fc.constantFrom(0, 0, 60),
  heuristic: fc.boolean(),
  staleWhileRevalidateSeconds: fc.nat(10_000_000),
  staleIfErrorSeconds: fc.nat(10_000_000),
});

test("no answer is kept longer than the bound, and none that is somebody's own", () => {
  fc.assert(
    fc.property(facts, terms, (answer, by) => {
      const life = lifeOf(answer, by, NOW);
      for (const n of [life.seconds, life.age, life.staleIfError, life.staleWhileRevalidate]) {
        assert.ok(Number.isSafeInteger(n), JSON.stringify(life));
      }
      assert.ok(life.seconds >= 0 && life.staleIfError >= 0 && life.staleWhileRevalidate >= 0);
      const whole = life.seconds + Math.max(life.staleIfError, life.staleWhileRevalidate);
      assert.ok(whole <= CACHE_LIFE_SECONDS_MAX);
      if (life.seconds === 0) return;
      assert.ok(!answer.setsCookie);
      const targeted = answer.cdnCacheControl.trim() !== "" ? answer.cdnCacheControl : null;
      if (targeted !== null) assert.ok(!parseCacheControl(targeted).isPrivate);
      else if (answer.surrogateControl.trim() === "") {
        assert.ok(!parseCacheControl(answer.cacheControl).isPrivate);
        if (answer.authorized) assert.match(answer.cacheControl, /public|must-revalidate|s-maxage/i);
      }
    }),
    { numRuns: 2000 },
  );
});

test("fields of any length are read in time, and too long ones keep nothing", () => {
  const long = "max-age=60, ".repeat(CACHE_CONTROL_CHARS_MAX);
  assert.equal(parseCacheControl(long).noStore, true);
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      for (const member of membersOf(text)) assert.equal(member, member.trim());
      assert.ok(parseHttpDate(text, NOW) >= -1);
      assert.ok(ageOf({ age: text, date: text }, NOW) >= -1);
    }),
  );
  const started = performance.now();
  globMatches(`${"*a".repeat(1000)}b`, "a".repeat(8000));
  assert.ok(performance.now() - started < 5000);
});

test("every date that a server writes is read back", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800 }), (seconds) => {
      assert.equal(parseHttpDate(new Date(seconds * 1000).toUTCString(), NOW), seconds);
    }),
  );
});

test("a key names the same parameters whatever their order, and never drops one that is not named", () => {
  const name = fc.stringMatching(/^[a-c]{1,2}$/);
  const query = fc.uniqueArray(name, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(query, fc.subarray(["a", "b*", "cc"]), (names, ignoreQuery) => {
      const parts = names.map((one, i) => `${one}=${i}`);
      const by = { ignoreQuery, sortQuery: true };
      const key = keyTarget(`/x?${parts.join("&")}`, by);
      assert.equal(keyTarget(`/x?${parts.toReversed().join("&")}`, by), key);
      const kept = names.filter(
        (one) => !ignoreQuery.some((p) => (p === "b*" ? one.startsWith("b") : p === one)),
      );
      assert.equal(key.split(/[?&]/).length - 1, kept.length);
    }),
  );
});

test("a purge holds for every spelling of its address", () => {
  const segment = fc.stringMatching(/^[a-z]{1,6}$/);
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.nat(3), (segments, spelled) => {
      const path = `/${segments.join("/")}`;
      const encoded = path.replaceAll("a", "%61");
      const value = `https://h.example${[path, encoded, path.replace("/", "//"), `/./x/..${path}`][spelled] ?? path}`;
      const cache = {
        ignoreQuery: [],
        sortQuery: false,
        purges: [{ kind: "url" as const, value, number: 9 }],
      };
      assert.equal(purgeNumber(preparePurges(cache), { host: "h.example", path, query: "" }), 9);
      assert.equal(purgeNumber(preparePurges(cache), { host: "h.example", path: `${path}0`, query: "" }), 0);
    }),
  );
});
