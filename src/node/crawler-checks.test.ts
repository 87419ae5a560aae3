/** Many who say that they are crawlers, from zones that are dead, and one who is one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CRAWLERS_ASKED_MAX } from "../contract/crawlers.ts";
import { CrawlerChecks } from "./crawler-checks.ts";
import type { CrawlerDns, CrawlerFinding, CrawlerQuestion } from "./crawlers.ts";

const REAL = "198.51.100.8";

type Scene = {
  readonly checks: CrawlerChecks;
  readonly asked: string[];
  readonly found: CrawlerFinding[];
  /** Ends every question that hangs: nobody answered. */
  giveUp(): Promise<void>;
  round(addresses: readonly string[]): Promise<void>;
  later(ms: number): void;
};

/** Zones below 192.0.2 and 203.0.113 never answer. */
function scene(): Scene {
  let now = 0;
  let hanging: (() => void)[] = [];
  let next: CrawlerQuestion[] = [];
  const asked: string[] = [];
  const found: CrawlerFinding[] = [];
  const dns: CrawlerDns = {
    reverse(address) {
      asked.push(address);
      if (address === REAL) return Promise.resolve(["crawl-8.googlebot.com"]);
      return new Promise((resolve) => hanging.push(() => resolve(null)));
    },
    addresses: () => Promise.resolve([REAL]),
  };
  const checks = new CrawlerChecks({
    rangesFile: "",
    dns,
    ask: () => Promise.resolve({ asked: next.splice(0) }),
    tell: (some) => Promise.resolve(found.push(...some)),
    alarm: assert.fail,
    now: () => now,
  });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    checks,
    asked,
    found,
    async giveUp() {
      while (hanging.length > 0) {
        const all = hanging;
        hanging = [];
        for (const end of all) end();
        await settled();
      }
    },
    async round(addresses) {
      next = addresses.map((address) => ({ address, name: "Googlebot" }));
      await checks.round();
      await settled();
    },
    later: (ms) => void (now += ms),
  };
}

test("a crawler is proved at once beside a hundred spoofers whose zones are dead", async () => {
  const { asked, found, round, giveUp } = scene();
  const spoofers = Array.from({ length: CRAWLERS_ASKED_MAX - 1 }, (_, n) => `192.0.2.${n + 1}`);
  await round([...spoofers, REAL]);
  assert.deepEqual(found, [{ address: REAL, name: "Googlebot", isProved: true, seconds: 86_400 }]);
  assert.deepEqual(asked, ["192.0.2.1", REAL], "one question to a zone at a time");
  await giveUp();
  assert.equal(asked.length, 2, "and none while it is silent");
  assert.equal(found.length, CRAWLERS_ASKED_MAX);
  assert.equal(found.filter(({ isProved }) => isProved).length, 1);
});

test("a silent zone is asked again, later each time, and one that answers is as good as new", async () => {
  const { asked, round, giveUp, later } = scene();
  for (const [seconds, isAsked] of [
    [0, true],
    [29, false],
    [2, true],
    [59, false],
    [2, true],
    [121, true],
    [239, false],
    [2, true],
    [241, true],
  ] as const) {
    later(seconds * 1000);
    const before = asked.length;
    await round(["203.0.113.9"]);
    await giveUp();
    assert.equal(asked.length > before, isAsked, `${seconds} s after the last`);
  }
  await round([REAL]);
  await round(["198.51.100.9"]);
  await giveUp();
  await round([REAL]);
  later(31_000);
  await round([REAL]);
  await giveUp();
  later(29_000);
  await round(["198.51.100.9"]);
  await giveUp();
  assert.equal(asked.at(-1), "198.51.100.9");
  later(31_000);
  const before = asked.length;
  await round([REAL]);
  assert.equal(asked.length, before + 1, "half a minute again");
});

test("what waits is bounded, and an end forgets it", async () => {
  const { checks, asked, round, giveUp } = scene();
  const zones = Array.from({ length: 40 }, (_, n) => `203.0.${n}.1`);
  await round([...zones, "nonsense"]);
  assert.equal(asked.length, 16);
  for (let n = 0; n < 20; n++)
    await round(Array.from({ length: CRAWLERS_ASKED_MAX }, (_, i) => `192.${n}.${i}.7`));
  checks.stop();
  await giveUp();
  assert.equal(asked.length, 16);
});
