/** What is usual is learned from calm seconds, and a flood does not become it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResponseCounts } from "../contract/flood.ts";
import { readGateTerms } from "../contract/gate.ts";
import { newId, type SiteId } from "../contract/ids.ts";
import { OriginUsual } from "./origin-usual.ts";

const siteId = newId<SiteId>("site", (n) => new Uint8Array(n).fill(3));

function second(changes: Partial<ResponseCounts> = {}): ResponseCounts {
  const originAnswers = changes.originAnswers ?? 40;
  return {
    siteId,
    second: 0,
    answers: originAnswers,
    originAnswers,
    originErrors: 0,
    originSecondsSum: originAnswers * 0.02,
    originSecondsP95: 0.03,
    sentBytes: 0,
    cacheHits: 0,
    ...changes,
  };
}

const termsOf = (usual: OriginUsual) => {
  const [news] = usual.news(10);
  return news === undefined ? undefined : readGateTerms(news.terms);
};

test("learns how many requests come, how many are there at once, and how long they take", () => {
  const usual = new OriginUsual(1);
  for (let n = 0; n < 60; n++) usual.learn(second());
  const terms = termsOf(usual);
  assert.ok(terms !== undefined);
  assert.ok(terms.usualSeconds > 0.017 && terms.usualSeconds < 0.024, String(terms.usualSeconds));
  assert.ok(terms.atOnce >= 6 && terms.atOnce <= 12, String(terms.atOnce));
  assert.ok(terms.requestsPerTick >= 15 && terms.requestsPerTick <= 16, String(terms.requestsPerTick));
});

test("a flood, a slow origin and errors do not become the usual", () => {
  const usual = new OriginUsual(1);
  for (let n = 0; n < 60; n++) usual.learn(second());
  const before = termsOf(usual);
  for (let n = 0; n < 300; n++) {
    usual.learn(second({ originAnswers: 3000, originSecondsSum: 9000 }));
    usual.learn(second({ originSecondsSum: 400 }));
    usual.learn(second({ originErrors: 39 }));
  }
  const after = usual.news(10);
  const terms = after.length === 0 ? before : readGateTerms(after[0]?.terms ?? "");
  assert.ok((terms?.atOnce ?? 0) <= (before?.atOnce ?? 0) * 1.5, JSON.stringify(terms));
  assert.ok((terms?.usualSeconds ?? 0) <= 0.4, JSON.stringify(terms));
});

test("says what changed, once, in bounded pieces, and all of it again when asked", () => {
  const usual = new OriginUsual(2);
  for (let n = 0; n < 30; n++) usual.learn(second());
  assert.equal(usual.news(10).length, 1);
  assert.equal(usual.news(10).length, 0);
  usual.forgetTold();
  assert.equal(usual.news(0).length, 0);
  assert.equal(usual.news(10).length, 1);
});

test("nothing is said of a site that nothing is known of", () => {
  const usual = new OriginUsual(1);
  usual.learn(second());
  usual.learn(second({ originAnswers: 0 }));
  assert.equal(usual.news(10).length, 0);
});
