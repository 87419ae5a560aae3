import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { createLocalBus } from "../bus/bus.ts";
import { readSettings } from "../cli/settings.ts";
import { CACHE_LIFE_SECONDS_MAX, CACHE_PURGES_MAX } from "../contract/cache.ts";
import { Fault } from "../contract/fault.ts";
import type { SiteId } from "../contract/ids.ts";
import { POLICY_BYTES_MAX, type SitePolicy } from "../contract/policy.ts";
import { POLICY_TOPICS } from "../contract/topics.ts";
import { openTestDb } from "../store/testing.ts";
import { openSites } from "./open-sites.ts";
import { PURGE_VALUE_CHARS_MAX, purgeValue } from "./purges.ts";

const BY = { name: "Ada", userId: "user-ada" };
const HOSTS = ["shop.example", "*.pages.example"];

test("a purge names one thing of the site's own, in one spelling, or is refused with what to write", () => {
  const table: readonly (readonly ["url" | "prefix" | "tag", string, string | null])[] = [
    ["url", "https://shop.example/a?b=1#part", "https://shop.example/a?b=1"],
    ["url", "HTTP://SHOP.example", "http://shop.example/"],
    ["url", "https://one.pages.example/x", "https://one.pages.example/x"],
    ["url", "https://shop.example:8443/x", "https://shop.example/x"],
    ["url", "https://other.example/x", null],
    ["url", "https://one.two.pages.example/x", null],
    ["url", "https://shop.example@other.example/x", null],
    ["url", "https://ada@shop.example/x", null],
    ["url", "/x", null],
    ["url", "javascript:alert(1)", null],
    ["prefix", "shop.example/news/", "shop.example/news/"],
    ["prefix", "https://shop.example/news", "shop.example/news"],
    ["prefix", "shop.example/news?a=1", null],
    ["prefix", "other.example/", null],
    ["tag", "product-7", "product-7"],
    ["tag", "a,b", null],
    ["tag", "a b", null],
    ["tag", "é", null],
    ["tag", "x".repeat(129), null],
    ["url", `https://shop.example/${"x".repeat(PURGE_VALUE_CHARS_MAX)}`, null],
    ["url", " ", null],
  ];
  for (const [kind, value, expected] of table) {
    if (expected === null) {
      assert.throws(() => purgeValue({ kind, value }, HOSTS), /^Fault|Cannot purge/, `${kind} ${value}`);
    } else assert.equal(purgeValue({ kind, value }, HOSTS), expected, `${kind} ${value}`);
  }
});

test("no text makes a purge fail other than by a refusal, and none reaches another site's hostname", () => {
  const input = fc.record({ kind: fc.constantFrom("url", "prefix", "tag"), value: fc.string() });
  fc.assert(
    fc.property(input, (request) => {
      let value: string;
      try {
        value = purgeValue(request as never, HOSTS);
      } catch (error) {
        assert.ok(error instanceof Fault && error.code === "input.invalid", String(error));
        return;
      }
      if (request.kind !== "tag")
        assert.match(value, /^(https?:\/\/)?(shop\.example|[^/.]+\.pages\.example)\//);
    }),
  );
});

test("purges travel in the policy, become one of everything when they are too many, and are forgotten in time", async () => {
  const t = await openTestDb();
  const server = createServer((_, response) => void response.end("<title>A harbour</title>"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bus = createLocalBus({ onError: (error) => assert.fail(String(error)) });
  const policies: SitePolicy[] = [];
  bus.subscribe(POLICY_TOPICS, ({ value }) => void policies.push(value as SitePolicy));
  let now = Date.now();
  const sites = await openSites({
    db: t.db,
    bus,
    settings: readSettings({ dataDir: t.dataDir, overrides: {} }),
    now: () => now,
    random: randomBytes,
    onAlarm: () => undefined,
  });
  const { port } = server.address() as AddressInfo;
  const { siteId } = await sites.protect({
    hostname: "shop.example",
    originUrl: `http://127.0.0.1:${port}`,
    account: "shop",
  });
  const inPolicy = (): SitePolicy["cache"] => policies.at(-1)!.cache;
  try {
    const first = await sites.purges.purge(siteId, { kind: "url", value: "https://shop.example/a" }, BY);
    await sites.purges.purge(siteId, { kind: "tag", value: "news" }, BY);
    assert.deepEqual([first.number, first.what, first.by], [1, "url https://shop.example/a", "Ada"]);
    assert.equal(inPolicy().generation, 0);
    assert.deepEqual(inPolicy().purges, [
      { kind: "url", value: "https://shop.example/a", number: 1 },
      { kind: "tag", value: "news", number: 2 },
    ]);
    await sites.purges.purge(siteId, { kind: "all" }, BY);
    assert.deepEqual([inPolicy().generation, inPolicy().purges], [3, []]);
    await sites.purges.purge(siteId, { kind: "prefix", value: "shop.example/news/" }, BY);
    assert.equal(inPolicy().purges.length, 1);
    now += CACHE_LIFE_SECONDS_MAX * 1000 + 1000;
    await sites.purges.purge(siteId, { kind: "url", value: "https://shop.example/b" }, BY);
    assert.deepEqual(
      inPolicy().purges.map(({ number }) => number),
      [5],
      "no answer is as old as purge 4",
    );
    await fillUp(sites, siteId, inPolicy);
    const { items, total } = await sites.purges.list(siteId);
    assert.equal(items[0]?.number, total);
    await assert.rejects(
      sites.purges.purge("site_00000000000000000000000000" as SiteId, { kind: "all" }, BY),
      /no such site/,
    );
  } finally {
    await sites.close();
    await bus.close();
    server.closeAllConnections();
    server.close();
    await t.close();
  }
});

async function fillUp(
  sites: Awaited<ReturnType<typeof openSites>>,
  siteId: SiteId,
  inPolicy: () => SitePolicy["cache"],
): Promise<void> {
  // Long ones, so that the bound in bytes comes before the bound in number.
  const long = "x".repeat(1900);
  const before = inPolicy().purges.length;
  let folded = false;
  for (let i = 0; i < CACHE_PURGES_MAX && !folded; i++) {
    await sites.purges.purge(siteId, { kind: "url", value: `https://shop.example/${i}/${long}` }, BY);
    assert.ok(JSON.stringify(inPolicy()).length < POLICY_BYTES_MAX / 2);
    folded = inPolicy().generation > 3;
  }
  assert.ok(folded, "they became one purge of everything");
  assert.ok(before > 0 && inPolicy().purges.length === 0);
}
