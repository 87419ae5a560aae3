/** Who is the crawler that it says it is: by ranges, by DNS both ways, and what is never enough. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findOut, parseCrawlerRanges, reverseName, type CrawlerDns } from "./crawlers.ts";

const ranges = parseCrawlerRanges(
  '{"Googlebot":["192.0.2.0/24","2001:db8::/32"],"DuckDuckBot":["198.51.100.7/32"]}',
);
const silent: CrawlerDns = { reverse: () => Promise.resolve(null), addresses: () => Promise.resolve(null) };
const says = (names: readonly string[], addresses: readonly string[] | null): CrawlerDns => ({
  reverse: () => Promise.resolve(names),
  addresses: () => Promise.resolve(addresses),
});

test("a crawler is proved by a range, or by a name that leads back to its address", async () => {
  const cases: [string, string, CrawlerDns, boolean, number][] = [
    ["192.0.2.9", "Googlebot", silent, true, 86_400],
    ["2001:db8::5", "Googlebot", silent, true, 86_400],
    ["198.51.100.7", "DuckDuckBot", silent, true, 86_400],
    ["198.51.100.8", "DuckDuckBot", says(["x.duckduckgo.com"], ["198.51.100.8"]), false, 600],
    ["198.51.100.8", "Googlebot", says(["a.googlebot.com"], ["198.51.100.8"]), true, 86_400],
    ["198.51.100.8", "Googlebot", says(["A.GoogleBot.com."], ["203.0.113.1", "198.51.100.8"]), true, 86_400],
    ["2001:db9::1", "Googlebot", says(["a.googlebot.com"], ["2001:db9:0:0::1"]), true, 86_400],
    ["198.51.100.8", "Googlebot", says(["a.googlebot.com"], ["203.0.113.1"]), false, 600],
    ["198.51.100.8", "Googlebot", says(["a.evilgooglebot.com"], ["198.51.100.8"]), false, 600],
    ["198.51.100.8", "Googlebot", says(["googlebot.com.evil.example"], ["198.51.100.8"]), false, 600],
    ["198.51.100.8", "Googlebot", says([], []), false, 600],
    ["198.51.100.8", "Googlebot", silent, false, 30],
    ["198.51.100.8", "Googlebot", says(["a.googlebot.com"], null), false, 30],
    ["198.51.100.8", "Nobody", says(["a.googlebot.com"], ["198.51.100.8"]), false, 600],
    ["nonsense", "Googlebot", says(["a.googlebot.com"], ["nonsense"]), false, 600],
  ];
  for (const [address, name, dns, isProved, seconds] of cases) {
    const found = await findOut({ address, name }, { ranges, dns });
    assert.deepEqual(found, { address, name, isProved, seconds }, `${address} ${name}`);
  }
});

test("a name that an address is asked by is the one of the standard", () => {
  assert.equal(reverseName("192.0.2.1"), "1.2.0.192.in-addr.arpa");
  // The example of RFC 3596 §2.5.
  assert.equal(
    reverseName("4321:0:1:2:3:4:567:89ab"),
    "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa",
  );
  assert.equal(reverseName("2001:db8::1").length, 72);
});

test("a file of ranges is taken whole or refused with a reason", () => {
  for (const text of [
    "",
    "[]",
    "null",
    '{"Nobody":[]}',
    '{"Googlebot":"x"}',
    '{"Googlebot":["0.0.0.0/0"]}',
    '{"Googlebot":["192.0.2.0/33"]}',
    '{"Googlebot":[1]}',
  ]) {
    assert.throws(() => parseCrawlerRanges(text), Error, text);
  }
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      try {
        parseCrawlerRanges(text);
      } catch (error) {
        assert.ok(error instanceof Error);
      }
    }),
  );
});
