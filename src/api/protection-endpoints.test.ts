import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Page, Problem } from "../contract/http.ts";
import type { RevisionRow, SiteExport } from "../contract/http-sites.ts";
import {
  PROTECTION_ROLE_NEEDED,
  type BanMade,
  type BanView,
  type CursorPage,
  type DeliveryView,
  type IncidentRow,
  type NotificationsView,
  type ProtectionView,
} from "../contract/http-protection.ts";
import type { SiteId } from "../contract/ids.ts";
import { signWebhook } from "../sites/webhook.ts";
import { banEndpoints } from "./ban-endpoints.ts";
import { endpoints } from "./endpoints.ts";
import { incidentEndpoints } from "./incident-endpoints.ts";
import { protectionEndpoints } from "./protection-endpoints.ts";
import { enrol, startControl, type Browser, type TestControl } from "./testing.ts";

let server: TestControl;
let owner: Browser;
let stranger: Browser;
let operator: Browser;
let siteId: SiteId;
let at: string;

before(async () => {
  server = await startControl();
  const protect = (hostname: string, account: string): Promise<{ siteId: SiteId }> =>
    server.sites.protect({ hostname, originUrl: server.originUrl, account });
  siteId = (await protect("shop.example", "shop")).siteId;
  await protect("forum.example", "forum");
  at = `/api/v1/sites/${siteId}`;
  const person = async (name: string, account: string): Promise<Browser> =>
    (await enrol(server, { name, email: `${name}@x.example`, roles: ["customer"], account })).browser;
  owner = await person("Ada", "shop");
  stranger = await person("Bob", "forum");
  operator = (await enrol(server, { name: "Op", email: "op@x.example", roles: ["operator"] })).browser;
});
after(() => server.close());

async function read<T>(browser: Browser, path: string): Promise<T> {
  const answer = await browser.get(path);
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as T;
}
async function send<T>(browser: Browser, [method, path]: [string, string], body: unknown): Promise<T> {
  const answer = await browser.send(method, path, body);
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as T;
}

const BAN = { kind: "address", value: "192.0.2.7", seconds: 3600, reason: "Tries passwords", force: false };

test("An owner bans on their own site, finds it by the address, and lifts it; an operator sees all", async () => {
  const { ban } = await send<BanMade>(owner, ["POST", `${at}/bans`], BAN);
  assert.deepEqual([ban.siteName, ban.by, ban.state], ["shop.example", "Ada", "in-force"]);
  const net = { ...BAN, siteId: null, kind: "network", value: "192.0.2.0/24" };
  const wide = await send<BanMade>(operator, ["POST", "/api/v1/bans"], net);
  const found = await read<CursorPage<BanView>>(operator, "/api/v1/bans?q=192.0.2.7&state=in-force");
  assert.deepEqual(found.items.map(({ value }) => value).sort(), ["192.0.2.0/24", "192.0.2.7"]);
  assert.equal(
    (await read<CursorPage<BanView>>(owner, `${at}/bans`)).total,
    1,
    "bans of all sites are no site's",
  );
  const foreign = await owner.send("POST", `${at}/bans/${wide.ban.banId}/lift`, null);
  assert.equal(foreign.status, 404);
  assert.equal((await owner.send("POST", "/api/v1/bans", net)).status, 403);
  const lifted = await send<BanView>(owner, ["POST", `${at}/bans/${ban.banId}/lift`], null);
  assert.deepEqual([lifted.state, lifted.liftedBy], ["lifted", "Ada"]);
  assert.equal((await owner.send("POST", `${at}/bans/${ban.banId}/lift`, null)).status, 409);
  await send<BanView>(operator, ["POST", `/api/v1/bans/${wide.ban.banId}/lift`], null);
});

test("A ban that would keep out who makes it has to be confirmed", async () => {
  const own = { ...BAN, value: "127.0.0.1" };
  const answer = await owner.send("POST", `${at}/bans`, own);
  assert.equal(answer.status, 409);
  assert.ok(((await answer.json()) as Problem).fields?.["force"]);
  const { ban } = await send<BanMade>(owner, ["POST", `${at}/bans`], { ...own, force: true });
  await send<BanView>(owner, ["POST", `${at}/bans/${ban.banId}/lift`], null);
});

test("The switch is a change of settings: who, when and why stand in the history", async () => {
  const soon = new Date(Date.now() + 3600_000).toISOString();
  const on = await send<ProtectionView>(owner, ["PUT", `${at}/under-attack`], {
    on: true,
    paths: ["/login*"],
    endsAt: soon,
    note: "Flood of log-ins",
  });
  assert.equal(on.isUnderAttackNow, true);
  assert.deepEqual(on.protection.underAttack, { on: true, paths: ["/login*"], endsAt: soon });
  const [newest] = (await read<Page<RevisionRow>>(owner, `${at}/revisions`)).items;
  assert.deepEqual([newest?.by, newest?.note, newest?.revision], ["Ada", "Flood of log-ins", on.revision]);
  assert.ok(newest?.changes.some(({ path }) => path === "protection.underAttack.on"));
  const off = { on: false, paths: [], endsAt: null, note: "" };
  assert.equal(
    (await send<ProtectionView>(owner, ["PUT", `${at}/under-attack`], off)).isUnderAttackNow,
    false,
  );
});

test("A test message reaches the webhook, signed, and what became of it is shown", async () => {
  const got: { headers: IncomingHttpHeaders; body: string }[] = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      got.push({ headers: request.headers, body });
      response.end("ok");
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
    const given = { mail: [], surges: false, webhook: { url, newSecret: false } };
    const put = await send<NotificationsView & { secret: string | null }>(
      owner,
      ["PUT", `${at}/notifications`],
      given,
    );
    assert.match(put.secret ?? "", /^whsec_/);
    const delivery = await send<DeliveryView>(owner, ["POST", `${at}/notifications/test`], null);
    assert.deepEqual([delivery.state, delivery.status, delivery.tries], ["delivered", 200, 1]);
    const [message] = got;
    assert.ok(message && put.secret !== null);
    const id = String(message.headers["webhook-id"]);
    const timestamp = Number(message.headers["webhook-timestamp"]);
    const { body } = message;
    assert.equal(
      message.headers["webhook-signature"],
      signWebhook({ secret: put.secret, id, timestamp, body }),
    );
    assert.equal((JSON.parse(body) as { type: string }).type, "webhook.test");
    const shown = await read<NotificationsView>(owner, `${at}/notifications`);
    assert.deepEqual([shown.webhook?.secretEnd, shown.deliveries.length], [put.secret.slice(-4), 1]);
    assert.ok(!JSON.stringify(shown).includes(put.secret.slice(6, 20)));
    const taken = await read<SiteExport>(owner, `${at}/export`);
    assert.equal(taken.protection.notifications.webhook?.secret, put.secret);
    assert.equal(taken.protection.bans.length, 2);
  } finally {
    receiver.close();
  }
});

test("Incidents of all sites are for operators, and every endpoint names who may call it", async () => {
  assert.equal((await owner.get("/api/v1/incidents")).status, 403);
  assert.equal((await read<CursorPage<IncidentRow>>(operator, "/api/v1/incidents")).total, 0);
  assert.equal((await stranger.get(`${at}/incidents`)).status, 404);
  assert.equal((await owner.get(`${at}/incidents?cursor=x`)).status, 422);
  assert.equal((await owner.get(`${at}/bans?state=all`)).status, 422);
  const served = { ...banEndpoints, ...incidentEndpoints, ...protectionEndpoints };
  const keys = Object.keys(served) as (keyof typeof served)[];
  assert.equal(keys.length, 16);
  for (const key of keys) {
    assert.equal(endpoints[key].run, served[key].run);
    assert.equal(key.includes("/sites/"), key in PROTECTION_ROLE_NEEDED, key);
  }
});
