/** The book of bans without nginx: what it feeds and when, what survives on disk, its bounds, and what it tells whoever hangs on it. */
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { BanRecord, EdgeBan } from "../contract/ban.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import { AllowList, isInRanges } from "./allow-list.ts";
import { BanBook, type BanBookOptions } from "./ban-book.ts";

const NODE = `node_${"a".repeat(26)}` as NodeId;
const OTHER = `node_${"b".repeat(26)}` as NodeId;
const SITE = `site_${"a".repeat(26)}` as SiteId;

type Rig = {
  book: BanBook;
  readonly stateDir: string;
  readonly fed: EdgeBan[];
  readonly said: BanRecord[];
  readonly alarms: string[];
  readonly hooked: string[];
  nowMs: number;
  isAway: boolean;
  refuses: (ban: EdgeBan) => boolean;
  again(): BanBook;
};

function rig(t: TestContext, changes: Partial<BanBookOptions> = {}): Rig {
  const stateDir = mkdtempSync(join(tmpdir(), "parapet-book-"));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  let ids = 0;
  const made: Rig = {
    stateDir,
    fed: [],
    said: [],
    alarms: [],
    hooked: [],
    nowMs: 1_800_000_000_000,
    isAway: false,
    refuses: () => false,
    again: () => {
      made.book = new BanBook({
        nodeId: NODE,
        stateDir,
        now: () => made.nowMs,
        newBanId: () => `own_${(ids += 1)}`,
        feed: async (bans) => {
          if (made.isAway) throw new Error("nginx is away");
          made.fed.push(...bans);
          return bans.flatMap((ban, i) => (made.refuses(ban) ? [i] : []));
        },
        publish: async (_, value) => void made.said.push(value as BanRecord),
        alarm: (code) => void made.alarms.push(code),
        onBan: ({ value }) => void made.hooked.push(`+${value}`),
        onLift: ({ value }) => void made.hooked.push(`-${value}`),
        ...changes,
      });
      return made.book;
    },
    book: undefined as never,
  };
  made.again();
  return made;
}

let numbers = 0;
function recordAt(r: Rig, changes: Partial<BanRecord>): BanRecord {
  return {
    schema: 1,
    banId: `ban_${(numbers += 1)}`,
    siteId: null,
    kind: "address",
    value: "192.0.2.7",
    reason: "why",
    by: "Ada",
    nodeId: null,
    createdAtMs: r.nowMs,
    endsAtMs: r.nowMs + 60_000,
    liftedAtMs: null,
    ...changes,
  };
}

test("a ban is fed with what is left of it, told, kept, and ends by itself; hooks hear of both ends", async (t) => {
  const r = rig(t);
  await r.book.ban([{ siteId: SITE, address: "192.0.2.7", seconds: 60, reason: "It scraped." }]);
  assert.deepEqual(r.fed, [{ siteId: SITE, addressHex: "c0000207", seconds: 60 }]);
  assert.deepEqual(
    r.said.map(({ value, reason, nodeId }) => [value, reason, nodeId]),
    [["192.0.2.7", "It scraped.", NODE]],
  );
  r.nowMs += 20_000;
  const second = r.again();
  second.load();
  await second.feedAll();
  assert.deepEqual(r.fed.at(-1), { siteId: SITE, addressHex: "c0000207", seconds: 40 });
  r.nowMs += 41_000;
  await second.tick();
  assert.equal(second.size, 0);
  assert.deepEqual(second.search("192.0.2.7"), []);
  assert.deepEqual(r.hooked, ["+192.0.2.7", "+192.0.2.7", "-192.0.2.7"]);
  const third = r.again();
  third.load();
  assert.equal(third.size, 0, "what has ended is not taken from disk");
  assert.deepEqual(r.alarms, []);
});

test("asked again for the same client, its own ban is prolonged and stays one record", async (t) => {
  const r = rig(t);
  for (const seconds of [60, 600, 30]) await r.book.ban([{ siteId: null, address: "2001:db8::1", seconds }]);
  assert.equal(r.book.size, 1);
  assert.equal(new Set(r.said.map(({ banId }) => banId)).size, 1);
  assert.equal(r.fed.at(-1)?.seconds, 30, "the last word counts");
});

test("other nodes' bans are not this one's; wrong records are refused and told a few times", (t) => {
  const r = rig(t);
  r.book.receive(recordAt(r, { nodeId: OTHER }));
  assert.equal(r.book.size, 0);
  for (let i = 0; i < 50; i++) r.book.receive({ schema: 1, banId: "x" });
  assert.equal(r.alarms.length, 10);
  r.book.receive(recordAt(r, { nodeId: NODE }));
  assert.equal(r.book.size, 1);
});

test("while nginx is away bans wait, and the newest word is fed when it is back", async (t) => {
  const r = rig(t);
  r.isAway = true;
  const long = recordAt(r, { value: "192.0.2.9" });
  r.book.receive(long);
  r.book.receive(recordAt(r, { value: "192.0.2.10" }));
  r.book.receive({ ...long, liftedAtMs: r.nowMs });
  const done = r.book.flush();
  r.isAway = false;
  await done;
  assert.deepEqual(r.fed.map(({ addressHex, seconds }) => [addressHex, seconds]).sort(), [
    ["c0000209", 0],
    ["c000020a", 60],
  ]);
  await r.book.close();
});

test("over its bound the book drops what would have ended first, says so, and stays bounded on disk", async (t) => {
  const r = rig(t, { bansMax: 200 });
  for (let i = 0; i < 400; i++) {
    r.book.receive(
      recordAt(r, { value: `10.0.${i >> 8}.${i & 255}`, endsAtMs: r.nowMs + 60_000 + i * 1000 }),
    );
  }
  assert.ok(r.book.size <= 200 && r.book.size >= 190, String(r.book.size));
  assert.equal(r.book.search("10.0.0.0").length, 0);
  assert.equal(r.book.search("10.0.1.143").length, 1, "the one that ends last");
  assert.ok(r.alarms.includes("edge.bans-full"));
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 200; i++)
      r.book.receive(
        recordAt(r, { banId: "one", value: "10.9.9.9", endsAtMs: r.nowMs + 90_000 + i + round }),
      );
    await r.book.tick();
  }
  const lines = readFileSync(join(r.stateDir, "bans.log"), "utf8").split("\n").length;
  assert.ok(lines < 2 * 2 * (200 * 2 + 2000), `${lines} lines`);
  const second = r.again();
  second.load();
  assert.ok(second.size <= 200 && second.search("10.9.9.9").length === 1);
});

test("a flood's bans never wash out what people decided", async (t) => {
  const r = rig(t, { bansMax: 200 });
  for (let i = 0; i < 50; i++)
    r.book.receive(recordAt(r, { value: `192.0.2.${i}`, endsAtMs: r.nowMs + 60_000 }));
  for (let i = 0; i < 400; i++) {
    await r.book.ban([{ siteId: SITE, address: `10.0.${i >> 8}.${i & 255}`, seconds: 86_400 }]);
  }
  assert.ok(r.book.size <= 200);
  for (let i = 0; i < 50; i++) assert.equal(r.book.search(`192.0.2.${i}`).length, 1);
  await r.book.close();
});

test("damaged lines cost themselves alone; a file that cannot be read costs an alarm and no start", (t) => {
  const r = rig(t);
  r.book.receive(recordAt(r, { value: "192.0.2.1" }));
  appendFileSync(join(r.stateDir, "bans.log"), '0123456789abcdef {"schema":1}\nhalf a li');
  r.book.receive(recordAt(r, { value: "192.0.2.2" }));
  const second = r.again();
  second.load();
  assert.equal(second.size, 2);
  assert.deepEqual(r.alarms, ["edge.bans-damaged"]);
  rmSync(join(r.stateDir, "bans.log"));
  mkdirSync(join(r.stateDir, "bans.log"));
  r.again().load();
  assert.deepEqual(r.alarms, ["edge.bans-damaged", "edge.bans-damaged"]);
});

test("what cannot be written is in force all the same, told once, and written when it can be", async (t) => {
  const r = rig(t);
  mkdirSync(join(r.stateDir, "bans.log"));
  for (const value of ["192.0.2.1", "192.0.2.2"]) r.book.receive(recordAt(r, { value }));
  assert.deepEqual(r.alarms, ["edge.not-durable"]);
  assert.equal(r.book.size, 2);
  rmSync(join(r.stateDir, "bans.log"), { recursive: true });
  await r.book.tick();
  const second = r.again();
  second.load();
  assert.equal(second.size, 2);
});

test("what nginx has no room for is told to whoever asked, and fed again later", async (t) => {
  const r = rig(t);
  r.refuses = ({ addressHex }) => addressHex === "c0000202";
  await assert.rejects(
    r.book.ban([
      { siteId: null, address: "192.0.2.1", seconds: 60 },
      { siteId: null, address: "192.0.2.2", seconds: 60 },
    ]),
    /Only 1 of 2/,
  );
  r.refuses = () => false;
  const before = r.fed.length;
  await r.book.tick();
  assert.deepEqual(
    r.fed.slice(before).map(({ addressHex }) => addressHex),
    ["c0000202"],
  );
});

test("a ban longer than nginx takes at once is told to it again in time", async (t) => {
  const r = rig(t);
  r.book.receive(recordAt(r, { kind: "asn", value: "64500", endsAtMs: r.nowMs + 30 * 86_400_000 }));
  await r.book.flush();
  assert.deepEqual(r.fed, [{ siteId: null, addressHex: "", asn: 64_500, seconds: 7 * 86_400 }]);
  r.nowMs += 5 * 86_400_000;
  await r.book.tick();
  assert.equal(r.fed.length, 1);
  r.nowMs += 1.5 * 86_400_000;
  await r.book.tick();
  assert.deepEqual(r.fed[1], { siteId: null, addressHex: "", asn: 64_500, seconds: 7 * 86_400 });
});

test("the search finds every kind of ban that speaks of an address", (t) => {
  const r = rig(t);
  const all = [
    recordAt(r, { value: "2001:db8:1:2::9" }),
    recordAt(r, { kind: "network", value: "2001:db8::/33", siteId: SITE, endsAtMs: r.nowMs + 59_000 }),
    recordAt(r, { kind: "asn", value: "64500", endsAtMs: r.nowMs + 58_000 }),
    recordAt(r, { kind: "country", value: "FR", endsAtMs: r.nowMs + 57_000 }),
  ];
  for (const record of all) r.book.receive(record);
  assert.deepEqual(r.book.search("2001:db8:1:2:ffff::1", { asn: 64_500, country: "FR" }), all);
  assert.deepEqual(r.book.search("2001:db8:1:3::1"), [all[1]]);
  assert.deepEqual(r.book.search("2001:db8:8000::1", { asn: 1, country: "DE" }), []);
  for (const wrong of ["", "example.org", "1.2.3.4/8"]) assert.deepEqual(r.book.search(wrong), []);
});

test("the allow-list knows ranges of both kinds, in either's clothes, and whose they are", () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ["192.0.2.7", "192.0.2.0/24", true],
    ["::ffff:192.0.2.7", "192.0.2.0/24", true],
    ["192.0.2.7", "::ffff:192.0.2.0/120", true],
    ["192.0.3.7", "192.0.2.0/24", false],
    ["192.0.2.7", "::/0", false],
    ["2001:db8::1", "2001:db8::/32", true],
    ["2001:db9::1", "2001:db8::/32", false],
    ["nonsense", "192.0.2.0/24", false],
    ["192.0.2.7", "nonsense", false],
  ];
  for (const [address, range, expected] of table)
    assert.equal(isInRanges(address, [range]), expected, `${address} ${range}`);
  const list = new AllowList({
    ranges: ["198.51.100.0/24"],
    sites: () => [SITE],
    rangesOf: (siteId) => (siteId === SITE ? ["203.0.113.0/24"] : []),
  });
  assert.deepEqual(
    ["198.51.100.9", "203.0.113.9", "192.0.2.9"].map((a) => [
      list.allows(a, SITE),
      list.allows(a, null),
      list.allowsEverywhere(a),
    ]),
    [
      [true, true, true],
      [true, true, false],
      [false, false, false],
    ],
  );
});
