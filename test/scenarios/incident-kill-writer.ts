/**
 * Tells of floods, one after the other, until it is killed: the other half of the test that no incident and no message about one is lost. It opens sites as an
 * instance does, on the database in the folder it is given. "N told" is said once everything about flood N is written down. The clock makes a great step before each
 * flood, as of floods that come soon after each other only one pair of messages goes out.
 */
import { randomBytes } from "node:crypto";
import { createLocalBus } from "../../src/bus/bus.ts";
import { readSettings } from "../../src/cli/settings.ts";
import type { FloodReport } from "../../src/contract/flood.ts";
import type { NodeId, UserId } from "../../src/contract/ids.ts";
import { floodTopic } from "../../src/contract/topics.ts";
import { openSites } from "../../src/sites/open-sites.ts";
import { openDb } from "../../src/store/db.ts";
import { accountByName, insertPerson } from "../../src/store/people.ts";
import { addOwnerOfAccount } from "../../src/store/site-members.ts";

const [dataDir = "", originUrl = "", lastText = "0"] = process.argv.slice(2);
const STEP_MS = 11 * 60_000;
const BEGIN_MS = Date.parse("2026-11-23T10:00:00.000Z");
const NODE = "node_00000000000000000000000001" as NodeId;

const db = await openDb({ url: "", dataDir });
await db.script("create table if not exists test_mail (about text not null, subject text not null)");
await db.script("create table if not exists test_flood (n integer primary key)");
const [row] = await db.query<{ n: number }>("select coalesce(max(n), 0)::int as n from test_flood");
let n = row?.n ?? 0;
let nowMs = BEGIN_MS + n * STEP_MS;
const bus = createLocalBus({
  onError: (error) => {
    throw error;
  },
});
const sites = await openSites({
  db,
  bus,
  settings: readSettings({ dataDir, overrides: { originPrivateRanges: ["127.0.0.0/8"] } }),
  now: () => nowMs,
  random: (bytes) => new Uint8Array(randomBytes(bytes)),
  onAlarm: (_, what) => process.stderr.write(`${what}\n`),
  // The outbox of mails is a table like this one, written in the same transaction.
  mail: {
    send: async (tx, { about, subject }) => {
      await tx.query("insert into test_mail (about, subject) values ($1, $2)", [about, subject]);
    },
  },
});

let site = await sites.find(db, "shop.example");
if (site === null) {
  await sites.protect({ hostname: "shop.example", originUrl, account: "shop" });
  site = await sites.find(db, "shop.example");
}
if (site === null) throw new Error("The site is not there.");
const { siteId } = site;
const ada = "ada" as UserId;
const { mail, webhook } = await sites.protection.notifications.read(siteId);
if (mail.length === 0) {
  await db.transaction(async (tx) => {
    const at = new Date(nowMs);
    await insertPerson(tx, { userId: ada, name: "Ada", email: "ada@shop.example", roles: ["customer"], at });
    const accountId = await accountByName(tx, "shop");
    if (accountId === null) throw new Error("The account is not there.");
    await addOwnerOfAccount(tx, { accountId, userId: ada, at });
  });
}
if (webhook === null) {
  await sites.protection.notifications.change(siteId, {
    mail: [ada],
    surges: false,
    webhook: { url: `${originUrl}/hook`, newSecret: false },
  });
}
process.stdout.write("ready\n");

async function carryOn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve)); // The bus hands over after `publish` has returned.
  nowMs += 1000;
  await sites.protection.advance();
}

async function tell(changes: Partial<FloodReport>): Promise<void> {
  const report: FloodReport = {
    schema: 1,
    incidentId: `flood-${n}`,
    nodeId: NODE,
    siteId,
    kind: "flood",
    mode: "act",
    triggers: ["rate"],
    beganAtMs: BEGIN_MS + n * STEP_MS,
    mitigatedAtMs: BEGIN_MS + n * STEP_MS + 500,
    endedAtMs: null,
    usualPerSecond: 2,
    peakPerSecond: 1000,
    requests: 1000,
    passed: 100,
    challenged: 900,
    challengesPassed: 1,
    blocked: 0,
    throttled: 0,
    banned: 0,
    originErrors: 0,
    originSecondsExtra: 0,
    sentBytes: 0,
    signatures: [],
    series: [[nowMs, 1000, 100]],
    ...changes,
  };
  await bus.publish(floodTopic(NODE, report.incidentId), report, { keep: true });
  await carryOn();
}

// A flood that was cut off is told anew, as its node does after a start.
while (n < Number(lastText)) {
  if (n === 0 || (await isWhole())) {
    n += 1;
    await db.query("insert into test_flood (n) values ($1)", [n]);
    nowMs = BEGIN_MS + n * STEP_MS;
  }
  await tell({});
  await tell({ endedAtMs: BEGIN_MS + n * STEP_MS + 2000 });
  await carryOn();
  if (await isWhole()) process.stdout.write(`${n} told\n`);
}
if (!(await isWhole())) {
  await tell({});
  await tell({ endedAtMs: BEGIN_MS + n * STEP_MS + 2000 });
  await carryOn();
}
// What waits for a receiver goes out.
for (let i = 0; i < 1000; i++) {
  const [left] = await db.query<{ n: number }>(
    "select count(*)::int as n from webhook_delivery where state = 'waiting'",
  );
  if (left?.n === 0) break;
  nowMs += 30_000;
  await sites.protection.advance();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
const incidents = await sites.protection.incidents.list({ siteId });
const mails = await db.query<{ about: string; subject: string }>("select about, subject from test_mail");
process.stdout.write(
  `${JSON.stringify({ floods: n, total: incidents.total, items: incidents.items, mails })}\n`,
);
await sites.close();
await bus.close();
await db.close();

async function isWhole(): Promise<boolean> {
  const found = await db.query(
    "select 1 from incident_report where node_incident_id = $1 and ended_at is not null",
    [`flood-${n}`],
  );
  return found.length > 0;
}
