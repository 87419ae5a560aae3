/** What nginx tells the watch: added up, bounded, and nothing but what it should be, whatever comes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FEATURES, type EdgeMitigation } from "../contract/flood.ts";
import type { SiteId } from "../contract/ids.ts";
import { checkKept, checkMitigations, readWatch, WATCH_SAMPLES_MAX } from "./watch-feed.ts";

const SITE = "site_p0j0we285ks041f2j74bncrf05";
const values = FEATURES.map((feature) => feature);
const sample = [SITE, 1000, "0123456789abcdef", 7, values, "host accept", false, true, "passed"];
const counts = [SITE, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const batch = {
  counts: [0, counts],
  samples: [0, sample],
  held: [0, ["m-1", 3]],
  persistent: [0, [SITE, "192.0.2.7", 31, true]],
  dropped: 2,
};

test("what several workers tell of a site is one account", () => {
  const read = readWatch({ fromMs: 1, toMs: 2, batches: [batch, batch] });
  assert.deepEqual(read.counts, [
    {
      siteId: SITE,
      passed: 10,
      challenged: 2,
      throttled: 4,
      blocked: 6,
      banned: 8,
      limited: 10,
      assets: 12,
      cleared: 14,
      challengesPassed: 16,
      challengesFailed: 18,
    },
  ]);
  assert.deepEqual(read.held, [{ mitigationId: "m-1", requests: 6 }]);
  assert.equal(read.samples.length, 2);
  assert.deepEqual(read.samples[0], {
    siteId: SITE,
    atMs: 1000,
    requestId: "0123456789abcdef",
    weight: 7,
    values,
    headerNames: "host accept",
    isAsset: false,
    isCleared: true,
    passage: "passed",
  });
  assert.deepEqual(read.persistent[0], { siteId: SITE, address: "192.0.2.7", refusals: 31, isShared: true });
  assert.equal(read.droppedSamples, 4);
  assert.deepEqual(read.responses, []);
});

test("a part that is not as it should be is left out, and a sample counts as dropped", () => {
  const wrong: unknown[] = [
    ["site_x", ...sample.slice(1)],
    [SITE, -1, ...sample.slice(2)],
    [...sample.slice(0, 3), 0, ...sample.slice(4)],
    [...sample.slice(0, 4), values.slice(1), ...sample.slice(5)],
    [...sample.slice(0, 4), values.map(() => "x".repeat(201)), ...sample.slice(5)],
    [...sample.slice(0, 8), "eaten"],
    sample.slice(1),
    null,
    "text",
  ];
  const read = readWatch({ fromMs: 1, toMs: 2, batches: [{ samples: [0, ...wrong] }, null, 7] });
  assert.equal(read.samples.length, 0);
  assert.equal(read.droppedSamples, wrong.length);
  const odd = [
    [SITE, 1],
    [...counts, 1],
    [SITE, ...counts.slice(2), -1],
    ["a b", ...counts.slice(1)],
    [SITE, ...counts.slice(2), 0.5],
  ];
  assert.deepEqual(
    readWatch({ fromMs: 1, toMs: 2, batches: [{ counts: [0, ...odd], held: [0, ["a b", 1], ["m", -1]] }] })
      .counts,
    [],
  );
  const many = Array.from({ length: WATCH_SAMPLES_MAX + 5 }, () => sample);
  const bounded = readWatch({ fromMs: 1, toMs: 2, batches: [{ samples: [0, ...many] }] });
  assert.equal(bounded.samples.length, WATCH_SAMPLES_MAX);
  assert.equal(bounded.droppedSamples, 5);
});

test("an answer that is none throws, and any other is read without a failure", () => {
  for (const answer of [
    null,
    7,
    "text",
    [],
    {},
    { fromMs: 1, toMs: 2 },
    { fromMs: "1", toMs: 2, batches: [] },
  ]) {
    assert.throws(() => readWatch(answer), /nginx's account/);
  }
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.jsonValue(),
          fc.record({ counts: fc.jsonValue(), samples: fc.jsonValue(), held: fc.jsonValue() }),
        ),
      ),
      (batches) => {
        const read = readWatch({ fromMs: 1, toMs: 2, batches });
        assert.ok(read.droppedSamples >= 0 && read.counts.every(({ passed }) => passed >= 0));
      },
    ),
    { numRuns: 500 },
  );
});

test("a list of mitigations is kept whole or refused whole", () => {
  const good: EdgeMitigation = {
    mitigationId: "m-1",
    siteId: SITE as SiteId,
    where: [{ feature: "path", value: "/" }],
    action: "block",
    difficultyBits: 0,
    perSecond: 0,
    seconds: 10,
  };
  checkMitigations([good, { ...good, seconds: 0, where: [] }, { ...good, action: "challenge", where: [] }]);
  assert.throws(() => checkMitigations([good, { ...good, seconds: -1 }]), /within 120 seconds/);
  checkKept({ refused: [] });
  assert.throws(() => checkKept({ refused: ["m-1"] }), /too many/);
  assert.throws(() => checkKept(null), /did not say/);
});
