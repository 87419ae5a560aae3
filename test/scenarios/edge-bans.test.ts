/**
 * Clients that are kept out: one address, a network, a system, a country; on one site, on all, for a time, and let in again; what they are told; and
 * that bans outlive nginx, the node and a silent control plane, and are never pushed out by what clients invent.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { BanRecord } from "../../src/contract/ban.ts";
import { Fault } from "../../src/contract/fault.ts";
import type { SiteId } from "../../src/contract/ids.ts";
import { MATCH_ALL, PROTECTION_DEFAULT } from "../../src/contract/protection.ts";
import { banTopic, NODE_BAN_TOPICS } from "../../src/contract/topics.ts";
import { startNode } from "../../src/node/node.ts";
import { writeMmdb } from "../mmdb-writer.ts";
import { ask, newSiteId, openOrigin, openStage, policyFor, until, type Stage } from "./edge-stage.ts";

const HOST = "forum.example";

/** The status for a client at one of the loopback's many addresses. */
async function statusFor(stage: Stage, from: string, headers: Record<string, string> = {}): Promise<number> {
  return (await ask(stage.node.address, { host: HOST, headers, localAddress: from })).status;
}

/** Whether these clients all get these statuses, often enough in a row that every worker was asked. */
async function always(stage: Stage, expected: Readonly<Record<string, number>>): Promise<boolean> {
  for (let i = 0; i < 8; i++) {
    for (const [from, status] of Object.entries(expected)) {
      if ((await statusFor(stage, from)) !== status) return false;
    }
  }
  return true;
}

let bans = 0;
function recordOf(changes: Partial<BanRecord>): BanRecord {
  bans += 1;
  return {
    schema: 1,
    banId: `ban_${bans}`,
    siteId: null,
    kind: "address",
    value: "127.0.0.1",
    reason: "It kept asking.",
    by: "Ada",
    nodeId: null,
    createdAtMs: Date.now(),
    endsAtMs: Date.now() + 600_000,
    liftedAtMs: null,
    ...changes,
  };
}

test("a banned client gets the page for it on that site alone, until the ban ends or is lifted", async () => {
  const origin = await openOrigin();
  const stage = await openStage();
  try {
    const one = policyFor(origin.port, { hostnames: ["one.example"] });
    const two = policyFor(origin.port, {
      hostnames: ["two.example"],
      limit: { requestsPerSecond: 1000, burst: 1000 },
    });
    for (const policy of [one, two]) assert.ok((await stage.apply(policy)).ok);
    const at = stage.node.address;
    const statuses = async (): Promise<number[]> => [
      (await ask(at, { host: "one.example" })).status,
      (await ask(at, { host: "two.example" })).status,
    ];
    // Often enough in a row that every worker was asked.
    const always = async (wanted: string): Promise<boolean> => {
      for (let i = 0; i < 12; i++) if ((await statuses()).join() !== wanted) return false;
      return true;
    };
    assert.deepEqual(await statuses(), [200, 200]);

    await stage.node.ban([{ siteId: one.siteId, address: "127.0.0.1", seconds: 60 }]);
    await until(() => always("403,200"));
    const heard = origin.requests.length;
    // A new second: its first refusals have a number.
    let page = await ask(at, { host: "one.example" });
    await until(async () => {
      page = await ask(at, { host: "one.example" });
      return page.headers["x-request-id"] !== undefined;
    });
    assert.match(page.body, /client\.banned/);
    assert.match(page.body, /lang=fr/);
    assert.match(String(page.headers["x-request-id"]), /^[0-9a-f]{16}$/);
    assert.equal(page.headers["cache-control"], "no-store");
    assert.match(String(page.headers["content-type"]), /^text\/html/);
    assert.equal(origin.requests.length, heard, "the origin heard nothing of it");

    // An address that begins with the same bytes is another client.
    await stage.node.ban([{ siteId: one.siteId, address: "127.0.0.1", seconds: 0 }]);
    await stage.node.ban([{ siteId: one.siteId, address: "127.0.0.10", seconds: 60 }]);
    await until(() => always("200,200"));

    await stage.node.ban([{ siteId: null, address: "127.0.0.1", seconds: 3 }]);
    await until(() => always("403,403"));
    await until(() => always("200,200"));
  } finally {
    await stage.end();
    await origin.end();
  }
});

test("a refused client is told in the page's own number when to come back", async () => {
  const origin = await openOrigin();
  const stage = await openStage();
  try {
    const policy = policyFor(origin.port, { limit: { requestsPerSecond: 0.05, burst: 1 } });
    assert.ok((await stage.apply(policy)).ok);
    await until(async () => (await ask(stage.node.address, { host: "forum.example" })).status === 429);
    const page = await ask(stage.node.address, { host: "forum.example" });
    assert.ok(Number(page.headers["retry-after"]) >= 1);
    assert.match(page.body, /limit\.client/);
    assert.ok(page.body.includes(String(page.headers["x-request-id"])));
  } finally {
    await stage.end();
    await origin.end();
  }
});

test("networks of any length, systems and countries are kept out, on one site or all, until lifted", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parapet-bans-"));
  const databases = { countryDatabase: join(folder, "country.mmdb"), asnDatabase: join(folder, "asn.mmdb") };
  writeFileSync(
    databases.countryDatabase,
    writeMmdb("Test-Country", [{ network: "127.1.0.0/16", value: { country: { iso_code: "FR" } } }]),
  );
  writeFileSync(
    databases.asnDatabase,
    writeMmdb("Test-ASN", [{ network: "127.2.0.0/16", value: { autonomous_system_number: 4_200_000_001 } }]),
  );
  const origin = await openOrigin();
  const stage = await openStage(databases);
  try {
    const policy = policyFor(origin.port);
    const { siteId } = policy;
    assert.ok((await stage.apply(policy)).ok);
    const table: readonly (readonly [Partial<BanRecord>, string, string])[] = [
      [{ kind: "network", value: "127.3.0.0/16" }, "127.3.255.1", "127.4.0.1"],
      [{ kind: "network", value: "127.4.4.0/23", siteId }, "127.4.5.255", "127.4.6.0"],
      [{ kind: "network", value: "127.5.5.129/25" }, "127.5.5.128", "127.5.5.127"],
      [{ kind: "network", value: "127.6.6.6/32", siteId }, "127.6.6.6", "127.6.6.7"],
      [{ kind: "address", value: "::ffff:127.7.7.7" }, "127.7.7.7", "127.7.7.8"],
      [{ kind: "country", value: "FR" }, "127.1.9.9", "127.2.9.9"],
      [{ kind: "asn", value: "4200000001", siteId }, "127.2.9.9", "127.9.9.9"],
    ];
    for (const [changes, inside, outside] of table) {
      const record = recordOf(changes);
      await stage.bus.publish(banTopic(record.banId), record, { keep: true });
      await until(() => always(stage, { [inside]: 403, [outside]: 200 }));
      assert.deepEqual(stage.node.searchBans(inside).bans, [record]);
      assert.deepEqual(stage.node.searchBans(outside).bans, []);
      await stage.bus.publish(banTopic(record.banId), { ...record, liftedAtMs: Date.now() }, { keep: true });
      await until(() => always(stage, { [inside]: 200 }));
      assert.deepEqual(stage.node.searchBans(inside).bans, []);
    }
    for (const kind of ["asn", "country"] as const) {
      const elsewhere = recordOf({ kind, value: kind === "asn" ? "4200000001" : "FR", siteId: newSiteId() });
      await stage.bus.publish(banTopic(elsewhere.banId), elsewhere);
    }
    const ofAll = recordOf({ kind: "network", value: "127.9.0.0/16", endsAtMs: Date.now() + 2500 });
    await stage.bus.publish(banTopic(ofAll.banId), ofAll, { keep: true });
    await until(() => always(stage, { "127.9.1.1": 403, "127.1.9.9": 200, "127.2.9.9": 200 }));
    await until(() => always(stage, { "127.9.1.1": 200 }));
    assert.ok(Date.now() >= ofAll.endsAtMs, "it ended by itself, and not before");
    assert.deepEqual(stage.alarms, []);
  } finally {
    await stage.end();
    await origin.end();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("two bans of one client hold until the later one ends, and lifting one leaves the other", async () => {
  const origin = await openOrigin();
  const stage = await openStage();
  try {
    assert.ok((await stage.apply(policyFor(origin.port))).ok);
    const long = recordOf({ value: "127.3.3.3" });
    const short = recordOf({ value: "127.3.3.3", endsAtMs: Date.now() + 1500 });
    const narrow = recordOf({ kind: "network", value: "127.3.3.0/24" });
    for (const one of [long, short, narrow])
      await stage.bus.publish(banTopic(one.banId), one, { keep: true });
    await until(() => stage.node.searchBans("127.3.3.3").bans.length === 3);
    await until(() => stage.node.searchBans("127.3.3.3").bans.length === 2);
    // A moment more, so that nginx would have let go of the shorter one as well.
    await until(() => Date.now() > short.endsAtMs + 300);
    await until(() => always(stage, { "127.3.3.3": 403, "127.3.3.4": 403 }));
    await stage.bus.publish(banTopic(narrow.banId), { ...narrow, liftedAtMs: Date.now() }, { keep: true });
    await until(() => always(stage, { "127.3.3.3": 403, "127.3.3.4": 200 }));
    await stage.bus.publish(banTopic(long.banId), { ...long, liftedAtMs: Date.now() }, { keep: true });
    await until(() => always(stage, { "127.3.3.3": 200 }));
  } finally {
    await stage.end();
    await origin.end();
  }
});

test("bans outlive the death of nginx and of the node, with the control plane dead, and end when they should", async () => {
  const origin = await openOrigin();
  const stage = await openStage();
  try {
    assert.ok((await stage.apply(policyFor(origin.port))).ok);
    const told: BanRecord[] = [];
    stage.bus.subscribe(NODE_BAN_TOPICS, ({ value }) => void told.push(value as BanRecord));
    await stage.node.ban([
      { siteId: null, address: "127.3.3.3", seconds: 600, reason: "It tried every password." },
      { siteId: null, address: "127.4.0.0/16", seconds: 600 },
      { siteId: null, address: "127.5.5.5", seconds: 600 },
    ]);
    const fromDesk = recordOf({ value: "127.6.6.6" });
    await stage.bus.publish(banTopic(fromDesk.banId), fromDesk, { keep: true });
    const lifted = recordOf({ value: "127.7.7.7" });
    await stage.bus.publish(banTopic(lifted.banId), lifted);
    await stage.node.ban([{ siteId: null, address: "127.5.5.5", seconds: 0 }]);
    await stage.bus.publish(banTopic(lifted.banId), { ...lifted, liftedAtMs: Date.now() });
    const expected = {
      "127.3.3.3": 403,
      "127.4.9.9": 403,
      "127.5.5.5": 200,
      "127.6.6.6": 403,
      "127.7.7.7": 200,
      "127.8.8.8": 200,
    };
    await until(() => always(stage, expected));
    await until(() => told.length === 4);
    assert.deepEqual(
      told.map(({ value, reason, by, nodeId, liftedAtMs }) => [
        value,
        reason !== "",
        by,
        nodeId === stage.node.nodeId,
        liftedAtMs !== null,
      ]),
      [
        ["127.3.3.3", true, "watch", true, false],
        ["127.4.0.0/16", true, "watch", true, false],
        ["127.5.5.5", true, "watch", true, false],
        ["127.5.5.5", true, "watch", true, true],
      ],
    );
    assert.equal(told[0]?.reason, "It tried every password.");

    const before = stage.node.nginxPid;
    process.kill(before, "SIGKILL");
    await until(
      async () =>
        stage.node.nginxPid !== before &&
        stage.node.nginxPid !== 0 &&
        (await always(stage, expected).catch(() => false)),
      20_000,
    );

    await stage.node.stop();
    stage.node = await startNode({ ...stage.options, bus: null });
    // From disk: there is nobody who could tell it.
    await until(() => always(stage, expected));
    const [found] = stage.node.searchBans("127.3.3.3").bans;
    assert.equal(found?.reason, "It tried every password.");
    await stage.node.ban([{ siteId: null, address: "127.3.3.3", seconds: 2 }]);
    await until(() => always(stage, { "127.3.3.3": 200 }));
    assert.deepEqual(stage.node.searchBans("127.3.3.3").bans, []);
  } finally {
    await stage.end();
    await origin.end();
  }
});

test("each prefix length costs a look, so the seventeenth is refused with what to do", async () => {
  const origin = await openOrigin();
  const stage = await openStage();
  try {
    assert.ok((await stage.apply(policyFor(origin.port))).ok);
    for (let bits = 9; bits < 25; bits++)
      await stage.node.ban([{ siteId: null, address: `10.0.0.0/${bits}`, seconds: 60 }]);
    await stage.node.ban([{ siteId: null, address: "172.16.0.0/12", seconds: 60 }]);
    await assert.rejects(
      stage.node.ban([{ siteId: null, address: "127.3.0.0/25", seconds: 60 }]),
      (error: unknown) =>
        error instanceof Fault && error.code === "limit.full" && /16 different lengths/.test(error.detail),
    );
    await stage.bus.publish(banTopic("x"), recordOf({ kind: "network", value: "127.3.0.0/25" }));
    await until(() => stage.alarms.some(({ code }) => code === "edge.ban-refused"));
    assert.ok(await always(stage, { "127.3.0.1": 200 }));
    await stage.node.ban([{ siteId: null, address: "10.0.0.0/24", seconds: 0 }]);
    await stage.node.ban([{ siteId: null, address: "127.3.0.0/25", seconds: 60 }]);
    await until(() => always(stage, { "127.3.0.1": 403, "127.3.0.129": 200 }));
  } finally {
    await stage.end();
    await origin.end();
  }
});

test("values that clients invent push out nothing but counters of rules: bans, policy and mitigations stay", async () => {
  const origin = await openOrigin();
  const stage = await openStage();
  const siteId: SiteId = newSiteId();
  try {
    const rule = {
      name: "by token",
      match: MATCH_ALL,
      rate: {
        key: { by: "header" as const, name: "X-Token" },
        requests: 2,
        windowSeconds: 3600,
        statuses: [],
      },
      action: "throttle" as const,
      isShadow: false,
      holdSeconds: 0,
      endsAt: null,
      reason: "",
    };
    const blocking = {
      ...rule,
      name: "no x",
      match: { ...rule.match, paths: ["/x"] },
      rate: null,
      action: "block" as const,
    };
    const protection = { ...PROTECTION_DEFAULT, rules: [rule, blocking] };
    assert.ok((await stage.apply(policyFor(origin.port, { siteId, protection, bodyBytesMax: 5 }))).ok);
    const banned = Array.from({ length: 300 }, (_, i) => ({
      siteId: null,
      address: `127.3.${i % 250}.${Math.floor(i / 250) + 1}`,
      seconds: 600,
    }));
    await stage.node.ban(banned);
    await stage.node.mitigate([
      {
        mitigationId: "test-1",
        siteId,
        where: [{ feature: "userAgent", value: "flood/1" }],
        action: "block",
        difficultyBits: 16,
        perSecond: 0,
        seconds: 110,
      },
    ]);
    await until(async () => (await statusFor(stage, "127.9.9.9", { "user-agent": "flood/1" })) === 403);
    const token = { "x-token": "mine" };
    for (const status of [200, 200, 429]) assert.equal(await statusFor(stage, "127.9.9.9", token), status);
    await invent(stage, 200_000);
    assert.ok(await always(stage, { "127.3.0.1": 403, "127.3.49.2": 403 }), "the bans");
    assert.equal(await statusFor(stage, "127.9.9.8"), 200);
    assert.equal(await statusFor(stage, "127.9.9.9", { "user-agent": "flood/1" }), 403, "the mitigation");
    assert.equal(
      (await ask(stage.node.address, { host: HOST, method: "POST", body: "too long" })).status,
      413,
      "the policy",
    );
    assert.equal(
      await statusFor(stage, "127.9.9.9", token),
      200,
      "its counter was pushed out: the rule fails open",
    );
    const log = readFileSync(join(stage.dataDir, "edge/error.log"), "utf8");
    assert.match(log, /parapet_rule_values is full/);
    assert.ok(log.split("parapet_rule_values is full").length <= 8, "said now and then, and not each time");
  } finally {
    await stage.end();
    await origin.end();
  }
});

/** So many requests with a value of their own each, many on one connection without waiting. A later rule blocks them, so the origin hears none. */
async function invent(stage: Stage, count: number): Promise<void> {
  const [host = "", port = ""] = stage.node.address.split(":");
  const one = (first: number, last: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(port), host);
      const head = `GET /x HTTP/1.1\r\nHost: ${HOST}\r\nX-Token: invented `;
      const heads = Array.from({ length: last - first }, (_, i) => `${head}${first + i}\r\n`);
      socket.on("data", () => undefined);
      socket.on("close", () => resolve());
      socket.on("error", reject);
      socket.write(`${heads.join("\r\n")}Connection: close\r\n\r\n`);
    });
  const perConnection = 900;
  for (let made = 0; made < count; made += perConnection * 4) {
    const firsts = [0, 1, 2, 3].map((i) => made + i * perConnection).filter((first) => first < count);
    await Promise.all(firsts.map((first) => one(first, Math.min(count, first + perConnection))));
  }
}
