/**
 * Purges by tag against a model of the store: whatever is asked, purged, expired, changed and forgotten in whatever order, no answer is
 * served that had the tag of a purge which came after it was kept.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CachePurge } from "../contract/cache.ts";
import { prepareTagPurges, rememberTags, tagPurgeNumber } from "./cache-tags.ts";

const purgeOf = (value: string, number: number): CachePurge => ({ kind: "tag", value, number });
const numberFor = (purges: CachePurge[], remembered: string | undefined): number => {
  const prepared = prepareTagPurges(purges);
  return prepared === undefined ? 0 : tagPurgeNumber(prepared, remembered);
};

test("only what had the tag falls, letter case and blanks aside, and what nothing is known of falls too", () => {
  const news = rememberTags(undefined, 0, "News, sports");
  const blog = rememberTags(undefined, 0, "blog authors");
  const untagged = rememberTags(undefined, 0, "");
  const purges = [purgeOf("news", 3), purgeOf("NEWS", 5), purgeOf("authors", 4)];
  assert.deepEqual(
    [news, blog, untagged, undefined].map((one) => numberFor(purges, one)),
    [5, 4, 0, 5],
  );
  assert.equal(numberFor([purgeOf("new", 3)], news), 0, "a tag is a whole word");
  assert.equal(numberFor([{ kind: "prefix", value: "h.example/", number: 7 }], undefined), 0);
});

test("what is remembered only grows, is bounded, and beyond its bound is everything", () => {
  let remembered = rememberTags(undefined, 2, "a");
  remembered = rememberTags(remembered, 9, "b");
  assert.deepEqual(
    ["a", "b", "c"].map((tag) => numberFor([purgeOf(tag, 5)], remembered)),
    [5, 5, 2],
  );
  const many = Array.from({ length: 5000 }, (_, i) => `tag-${i}`);
  for (const one of [many.join(","), many.join(" "), "x".repeat(100_000)]) {
    const all = rememberTags(remembered, 0, one);
    assert.ok(all.length <= 2020, String(all.length));
    assert.equal(numberFor([purgeOf("c", 5)], all), 5);
    assert.equal(numberFor([purgeOf("c", 5)], rememberTags(all, 0, "d")), 5);
  }
});

const TAGS = ["a", "b", "c"];
const step = fc.oneof(
  // Complete: the origin did not break off, so that the store could keep it. Failing: it said nothing, and stale is better.
  {
    arbitrary: fc.record({
      do: fc.constant("ask" as const),
      origin: fc.constantFrom("complete", "complete", "broken-off", "failing"),
    }),
    weight: 5,
  },
  { arbitrary: fc.record({ do: fc.constant("purge" as const), tag: fc.constantFrom(...TAGS) }), weight: 2 },
  {
    arbitrary: fc.record({ do: fc.constant("change" as const), tags: fc.subarray(TAGS) }),
    weight: 2,
  },
  { arbitrary: fc.constant({ do: "forget" as const }), weight: 1 },
  { arbitrary: fc.constant({ do: "expire" as const }), weight: 1 },
);

test("no hit is older than a purge of one of its tags", () => {
  let hits = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const store = new Map<number, { tags: string[]; keptAt: number; isFresh: boolean }>();
      const purges: (CachePurge & { at: number })[] = [];
      let remembered: string | undefined;
      let content: string[] = [];
      for (const [now, one] of steps.entries()) {
        if (one.do === "purge") purges.push({ ...purgeOf(one.tag, purges.length + 1), at: now });
        if (one.do === "change") content = one.tags;
        if (one.do === "forget") remembered = undefined;
        if (one.do === "expire") for (const kept of store.values()) kept.isFresh = false;
        if (one.do !== "ask") continue;
        const key = numberFor(purges, remembered);
        const kept = store.get(key);
        if (kept?.isFresh === true || (kept !== undefined && one.origin === "failing")) {
          hits += 1;
          const missed = purges.find(({ value, at }) => kept.tags.includes(value) && at > kept.keptAt);
          assert.equal(missed, undefined);
          continue;
        }
        if (one.origin === "failing") continue;
        // As the hop does it: an address is remembered from a miss on.
        if (remembered !== undefined || kept === undefined)
          remembered = rememberTags(remembered, key, content.join(", "));
        if (one.origin === "complete") store.set(key, { tags: content, keptAt: now, isFresh: true });
      }
    }),
    { numRuns: 20_000 },
  );
  assert.ok(hits > 1000, "the model was asked for what it had kept");
});
