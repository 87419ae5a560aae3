import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { createLocalBus, type Bus } from "../bus/bus.ts";
import { readSettings } from "../cli/settings.ts";
import type { BanRecord } from "../contract/ban.ts";
import type { FloodReport, FloodSignature } from "../contract/flood.ts";
import { newId, type AccountId, type NodeId, type SiteId, type UserId } from "../contract/ids.ts";
import { BAN_TOPICS, banTopic, floodTopic, nodeBanTopic } from "../contract/topics.ts";
import { addOwnerOfAccount } from "../store/site-members.ts";
import { accountByName, insertPerson } from "../store/people.ts";
import { openTestDb, type TestDb } from "../store/testing.ts";
import { BANS_MAX, minutePace, type BanScope } from "./ban-quotas.ts";
import { BY_OPERATOR } from "./site-settings.ts";
import { mergeAccounts, mergeSeries } from "./incident-merge.ts";
import { PAIR_MS } from "./incident-notices.ts";
import { SILENT_MS } from "./incidents.ts";
import { WEBHOOK_GIVE_UP_MS, WEBHOOK_RETRY_MS } from "./notifications.ts";
import { openSites } from "./open-sites.ts";
import type { Sites } from "./sites.ts";

const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));
const NODE_A = newId<NodeId>("node", random);
const NODE_B = newId<NodeId>("node", random);
const OWNER = { name: "Ada", userId: "ada" };

let t: TestDb;
let bus: Bus;
let sites: Sites;
let siteId: SiteId;
let originUrl = "";
let nowMs = Date.parse("2026-11-23T10:00:00.000Z");
let hookStatus: (type: string) => number = () => 500;
const mails: { to: string; subject: string; text: string }[] = [];
const hooks: { id: string; type: string }[] = [];
const server = createServer((request, response) => {
  if (request.method !== "POST") return void response.end("<title>A harbour</title>");
  let body = "";
  request.on("data", (part: Buffer) => (body += part.toString()));
  request.on("end", () => {
    const { type } = JSON.parse(body) as { type: string };
    hooks.push({ id: String(request.headers["webhook-id"]), type });
    response.writeHead(hookStatus(type)).end();
  });
});

async function open(): Promise<void> {
  bus = createLocalBus({ onError: (error) => assert.fail(String(error)) });
  sites = await openSites({
    db: t.db,
    bus,
    settings: readSettings({ dataDir: t.dataDir, overrides: { originPrivateRanges: ["127.0.0.0/8"] } }),
    now: () => nowMs,
    random,
    onAlarm: (_, what) => assert.fail(what),
    mail: { send: async (_, mail) => void mails.push(mail) },
  });
}

before(async () => {
  t = await openTestDb();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  originUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await open();
  siteId = (await sites.protect({ hostname: "shop.example", originUrl, account: "shop" })).siteId;
  await t.db.transaction(async (tx) => {
    const at = new Date(nowMs);
    const userId = "ada" as UserId;
    await insertPerson(tx, { userId, name: "Ada", email: "ada@shop.example", roles: ["customer"], at });
    const accountId = await accountByName(tx, "shop");
    assert.ok(accountId);
    await addOwnerOfAccount(tx, { accountId, userId, at });
  });
});
after(async () => {
  await sites.close();
  await bus.close();
  server.closeAllConnections();
  server.close();
  await t.close();
});

const lastBans = async (banId: string): Promise<BanRecord[]> =>
  (await bus.last(banTopic(banId))).map(({ value }) => value as BanRecord);

const SIGNATURE: FloodSignature = {
  mitigationId: "m1",
  where: [{ feature: "path", value: "/search" }],
  headerNames: "",
  action: "block",
  cover: 0.99,
  collateral: 0.001,
  sinceMs: 0,
  liftedAtMs: null,
  requests: 900,
};
function report(given: Partial<FloodReport>): FloodReport {
  return {
    schema: 1,
    incidentId: "f1",
    nodeId: NODE_A,
    siteId,
    kind: "flood",
    mode: "act",
    triggers: ["rate"],
    beganAtMs: nowMs,
    mitigatedAtMs: null,
    endedAtMs: null,
    usualPerSecond: 2,
    peakPerSecond: 1000,
    requests: 1000,
    passed: 100,
    challenged: 0,
    challengesPassed: 0,
    blocked: 900,
    throttled: 0,
    banned: 0,
    originErrors: 0,
    originSecondsExtra: 0,
    sentBytes: 0,
    signatures: [],
    series: [[nowMs, 1000, 100]],
    ...given,
  };
}
/** As a node tells it, carried on until it is written down. */
async function tell(given: Partial<FloodReport>): Promise<void> {
  const told = report(given);
  await bus.publish(floodTopic(told.nodeId, told.incidentId), told, { keep: true });
  await carryOn();
}
/** The bus hands over after `publish` has returned; the clock of notices looks once in half a second. */
async function carryOn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  nowMs += 1000;
  await sites.protection.advance();
}

test("a ban reaches the bus, comes back after a restart, and its lift stays there until its end", async () => {
  const heard: BanRecord[] = [];
  const off = bus.subscribe(BAN_TOPICS, ({ value }) => void heard.push(value as BanRecord));
  const ban = {
    kind: "address",
    value: "192.0.2.7",
    seconds: 3600,
    reason: "Tries passwords",
    force: false,
  } as const;
  const made = await sites.protection.bans.make({ siteId, ban, by: OWNER, client: null });
  const again = sites.protection.bans.make({ siteId, ban, by: OWNER, client: null });
  await assert.rejects(again, /banned already/);
  const { banId } = made.ban;
  assert.deepEqual(
    heard.map((record) => [record.banId, record.by, record.liftedAtMs]),
    [[banId, "Ada", null]],
  );
  off();
  await sites.close();
  await bus.close();
  await open();
  assert.equal((await bus.last(banTopic(banId))).length, 1);
  await sites.protection.bans.lift({ banId, by: BY_OPERATOR });
  const [lastBan] = await lastBans(banId);
  assert.ok(lastBan);
  assert.equal(lastBan.liftedAtMs, nowMs);
  nowMs += 3600_000 + 120_000;
  await sites.protection.advance();
  assert.deepEqual(await bus.last(banTopic(banId)), [], "nobody has to know it any more");
  assert.equal((await sites.protection.bans.list({ siteId })).total, 1, "people can still look it up");
  nowMs += 31 * 24 * 3600_000;
  await sites.protection.advance();
  assert.equal((await sites.protection.bans.list({ siteId })).total, 0);
});

test("a node's own ban is shown and lifted everywhere, and a lift is not taken back by its next word", async () => {
  const record: BanRecord = {
    schema: 1,
    banId: "own-1",
    siteId,
    kind: "address",
    value: "192.0.2.9",
    reason: "It kept asking",
    by: "watch",
    nodeId: NODE_A,
    createdAtMs: nowMs,
    endsAtMs: nowMs + 600_000,
    liftedAtMs: null,
  };
  await bus.publish(nodeBanTopic(NODE_A, "own-1"), record, { keep: true });
  await carryOn();
  const { items } = await sites.protection.bans.list({ q: "192.0.2.9" });
  assert.deepEqual(
    items.map(({ by, nodeId, state }) => [by, nodeId, state]),
    [["watch", NODE_A, "in-force"]],
  );
  await sites.protection.bans.lift({ banId: "own-1", siteId, by: OWNER });
  const [lastBan] = await lastBans("own-1");
  assert.ok(lastBan);
  assert.deepEqual([lastBan.nodeId, lastBan.liftedAtMs], [NODE_A, nowMs]);
  await bus.publish(nodeBanTopic(NODE_A, "own-1"), record);
  await carryOn();
  assert.equal((await sites.protection.bans.list({ q: "192.0.2.9" })).items[0]?.state, "lifted");
});

test("a ban that meets the allow-list is made, and says that the allow-list wins", async () => {
  const { revision, settings } = await sites.settings.read(siteId);
  const protection = { ...settings.protection, allowNetworks: ["198.51.100.0/24"] };
  await sites.settings.change(siteId, {
    revision,
    settings: { ...settings, protection },
    note: "",
    by: OWNER,
  });
  const ban = { kind: "address", value: "198.51.100.3", seconds: 60, reason: "x", force: false } as const;
  const { warnings } = await sites.protection.bans.make({ siteId, ban, by: OWNER, client: null });
  assert.match(warnings[0] ?? "", /allow-list .* wins/);
  const own = { ...ban, kind: "network", value: "203.0.113.0/24" } as const;
  const make = sites.protection.bans.make({ siteId, ban: own, by: OWNER, client: "203.0.113.9/32" });
  await assert.rejects(make, /keep yourself out/);
  await assert.rejects(
    sites.protection.bans.make({ siteId, ban: { ...ban, reason: "  " }, by: OWNER, client: null }),
    /reason/,
  );
});

test("two nodes' accounts are one incident; it is told when met, and when it is over", async () => {
  const { mail } = await sites.protection.notifications.read(siteId);
  assert.deepEqual(
    mail.map(({ wants }) => wants),
    [true],
  );
  const url = `${originUrl}/hook`;
  await sites.protection.notifications.change(siteId, {
    mail: ["ada" as UserId],
    surges: false,
    webhook: { url, newSecret: false },
  });
  const began = nowMs;
  await tell({ beganAtMs: began });
  assert.equal(mails.length, 0, "nothing is told before it is met or has lasted");
  await tell({ nodeId: NODE_B, incidentId: "f9", beganAtMs: began + 500 });
  const met = { mitigatedAtMs: began + 800, signatures: [SIGNATURE] };
  await tell({ ...met, beganAtMs: began });
  await tell({ ...met, nodeId: NODE_B, incidentId: "f9", beganAtMs: began + 500 });
  const { items, total } = await sites.protection.incidents.list({ siteId });
  const [row] = items;
  assert.ok(row);
  assert.deepEqual([total, row.nodes, row.requests, row.state], [1, 2, 2000, "active"]);
  assert.equal(row.words?.en, "requests for “/search”");
  assert.deepEqual(
    mails.map(({ to }) => to),
    ["ada@shop.example"],
  );
  assert.match(mails[0]?.subject ?? "", /a flood has begun .* inondation/);
  const now = await sites.protection.view(siteId);
  assert.deepEqual([now.incidents.length, now.mitigations.length], [1, 1]);
  const ended = { ...met, endedAtMs: nowMs };
  await tell({ ...ended, beganAtMs: began });
  assert.equal((await sites.protection.incidents.list({ siteId, state: "ended" })).total, 0);
  await tell({ ...ended, nodeId: NODE_B, incidentId: "f9", beganAtMs: began + 500 });
  await carryOn();
  assert.equal(mails.length, 2);
  assert.match(mails[1]?.subject ?? "", /the flood is over/);
  const view = await sites.protection.incidents.view({ incidentId: row.incidentId, siteId });
  assert.deepEqual([view.state, view.reports.length, view.signatures.length], ["ended", 2, 1]);
  const account = await sites.protection.incidents.report({
    incidentId: row.incidentId,
    siteId,
    nodeId: NODE_B,
  });
  assert.equal(account.incidentId, "f9");
});

test("a webhook that fails is tried again, ever more rarely and with the same id, and given up after a day", async () => {
  await sites.close(); // waits for what is being sent
  await open();
  const waiting = async (): Promise<number> =>
    (
      await t.db.query(`select 1 from webhook_delivery where state = 'waiting' and next_try_at <= $1`, [
        new Date(nowMs),
      ])
    ).length;
  /** Each site has one message under way at a time: the clock goes on until all that is due was tried. */
  const sent = (): Promise<void> =>
    until(async () => {
      await carryOn();
      return (await waiting()) === 0;
    });
  await sent();
  nowMs += WEBHOOK_RETRY_MS[0] ?? 0;
  hookStatus = (type) => (type === "flood.began" ? 200 : 500);
  await sent();
  nowMs += WEBHOOK_GIVE_UP_MS;
  await sent();
  const { deliveries } = await sites.protection.notifications.read(siteId);
  assert.deepEqual(deliveries.map(({ event, state, nextTryAt }) => [event, state, nextTryAt]).sort(), [
    ["flood.began", "delivered", null],
    ["flood.ended", "failed", null],
  ]);
  assert.match(deliveries.find(({ state }) => state === "failed")?.why ?? "", /answered 500/);
  assert.ok(deliveries.some(({ tries }) => tries >= 2));
  assert.equal(new Set(hooks.map(({ id }) => id)).size, 2, "a message keeps its id");
});

test("floods that come and go are told as one pair in ten minutes, and summed up after", async () => {
  nowMs += PAIR_MS;
  mails.length = 0;
  for (const name of ["g1", "g2", "g3"]) {
    const beganAtMs = nowMs;
    await tell({ incidentId: name, beganAtMs, mitigatedAtMs: beganAtMs + 500 });
    await tell({ incidentId: name, beganAtMs, mitigatedAtMs: beganAtMs + 500, endedAtMs: nowMs });
    await carryOn();
    nowMs += 30_000;
  }
  assert.equal(mails.length, 2, "one began, one ended");
  nowMs += PAIR_MS;
  await carryOn();
  assert.equal(mails.length, 3);
  assert.match(mails[2]?.text ?? "", /1 more came and went/);
  await carryOn();
  assert.equal(mails.length, 3);
});

test("surges are told to nobody who did not ask, and what was over at once to nobody at all", async () => {
  nowMs += PAIR_MS;
  mails.length = 0;
  await tell({ incidentId: "s1", kind: "surge", beganAtMs: nowMs - 60_000 });
  await tell({ incidentId: "s1", kind: "surge", beganAtMs: nowMs - 60_000, endedAtMs: nowMs });
  nowMs += 1000;
  await tell({ incidentId: "h1", endedAtMs: nowMs + 1000 });
  await carryOn();
  assert.equal(mails.length, 0);
});

test("a node that dies in the middle of a flood does not leave it open, and goes on where it was when it is back", async () => {
  nowMs += PAIR_MS;
  const began = nowMs;
  await tell({ incidentId: "d1", beganAtMs: began, mitigatedAtMs: began, signatures: [SIGNATURE] });
  await sites.close();
  await bus.close();
  await open();
  const active = (): Promise<number> =>
    sites.protection.incidents.list({ siteId, state: "active" }).then(({ total }) => total);
  assert.equal(await active(), 1, "it is in the database");
  nowMs += SILENT_MS + 2000;
  await carryOn();
  assert.equal(await active(), 0);
  const [row] = (await sites.protection.incidents.list({ siteId })).items;
  assert.ok(row);
  const view = await sites.protection.incidents.view({ incidentId: row.incidentId });
  assert.deepEqual([view.reports[0]?.isSilent, view.signatures[0]?.liftedAt !== null], [true, true]);
  await tell({
    incidentId: "d1",
    beganAtMs: began,
    mitigatedAtMs: began,
    requests: 5000,
    series: [[nowMs, 5, 5]],
  });
  assert.equal(await active(), 1);
  await tell({ incidentId: "d1", beganAtMs: began, requests: 5000, endedAtMs: nowMs });
  assert.equal(await active(), 0);
});

test("neither a flood's bans nor those of another account leave anybody without room for one", async () => {
  const other = await sites.protect({ hostname: "other.example", originUrl, account: "Other" });
  const fill = (prefix: string, of: string | null, node: string | null, count: number): Promise<unknown> =>
    t.db.query(
      `insert into ban (ban_id, site_id, kind, value, reason, made_by, node_id, created_at, ends_at, published)
       select $1 || i, $2, 'address', $1 || i, 'x', 'x', $3, $4, $5, true from generate_series(1, $6::int) i`,
      [prefix, of, node, new Date(nowMs), new Date(nowMs + 60_000), count],
    );
  const ban = { kind: "address", value: "192.0.2.91", seconds: 60, reason: "x", force: false } as const;
  const makeAndLift = async (of: SiteId | null): Promise<void> => {
    const made = await sites.protection.bans.make({ siteId: of, ban, by: OWNER, client: null });
    await sites.protection.bans.lift({ banId: made.ban.banId, by: OWNER });
  };
  await fill("flood-", siteId, NODE_A, 30_000);
  await makeAndLift(siteId);
  await fill("people-", siteId, null, BANS_MAX.site);
  await assert.rejects(makeAndLift(siteId), /lift some/);
  for (const scope of [other.siteId, null]) await makeAndLift(scope);
  await t.db.query("update ban set lifted_at = $1 where ban_id = 'people-1'", [new Date(nowMs)]);
  await makeAndLift(siteId);
  await fill("everywhere-", null, null, BANS_MAX.everywhere);
  await assert.rejects(makeAndLift(null), /lift some/);
  await makeAndLift(other.siteId);
  await t.db.query("delete from ban where value ~ '^(flood|people|everywhere)-' or value = '192.0.2.91'");
});

test("one account's haste in banning is not the others'", async () => {
  nowMs = Math.ceil(nowMs / 60_000) * 60_000;
  const pace = minutePace(() => nowMs);
  const of = (site: string, account: string): BanScope => ({
    siteId: site as SiteId,
    accountId: account as AccountId,
  });
  for (let n = 0; n < 60; n++) pace(of("a1", "a"));
  assert.throws(() => pace(of("a1", "a")), /Too many bans/);
  for (let n = 0; n < 60; n++) pace(of("a2", "a"));
  assert.throws(() => pace(of("a3", "a")), /Too many bans/);
  for (let n = 0; n < 480; n++) pace(of(`b${n}`, `b${n}`));
  assert.throws(() => pace(of("c", "c")), /Too many bans/);
  for (let n = 0; n < 600; n++) pace(null);
  assert.throws(() => pace(null), /Too many bans/);
  nowMs += 60_000;
  pace(of("a1", "a"));
});

test("with the site goes everything of it, and its bans are lifted", async () => {
  const ban = { kind: "address", value: "192.0.2.77", seconds: 3600, reason: "x", force: false } as const;
  const { ban: made } = await sites.protection.bans.make({ siteId, ban, by: OWNER, client: null });
  const taken = await sites.protection.exportOf(siteId);
  assert.ok(taken.incidents.length >= 5 && taken.bans.length >= 1 && taken.notifications.webhook !== null);
  await sites.leave(siteId);
  nowMs += 61_000;
  await sites.protection.advance();
  for (const table of [
    "incident",
    "incident_report",
    "webhook_delivery",
    "flood_mail",
    "flood_notice",
    "ban",
  ])
    assert.deepEqual(await t.db.query(`select 1 from ${table}`), [], table);
  assert.deepEqual(await bus.last(banTopic(made.banId)), []);
  await tell({ incidentId: "late" });
  assert.equal((await sites.protection.incidents.list({})).total, 0, "a late word about it is left out");
});

test("series of several nodes are laid on top of each other, and nothing is lost", () => {
  const one = Array.from({ length: 300 }, (_, i) => [i * 2000, 10, 1] as const);
  const other = Array.from({ length: 300 }, (_, i) => [1000 + i * 1000, 5, 5] as const);
  const merged = mergeSeries([one, other, []]);
  assert.ok(merged.length <= 300);
  assert.equal(
    merged.reduce((sum, [, requests]) => sum + requests, 0),
    4500,
  );
  assert.equal(
    merged.reduce((sum, [, , passed]) => sum + passed, 0),
    1800,
  );
  assert.ok(merged.every(([at], i) => i === 0 || at > (merged[i - 1]?.[0] ?? 0)));
  const summary = mergeAccounts([
    { report: { ...report({}), siteId: "site_x" as SiteId, kind: "surge" }, endedAtMs: null },
    { report: { ...report({ nodeId: NODE_B }), siteId: "site_x" as SiteId }, endedAtMs: null },
  ]);
  assert.deepEqual([summary.kind, summary.endedAt, summary.requests], ["flood", null, 2000]);
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, "what was waited for did not come");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
