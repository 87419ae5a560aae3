import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createLocalBus, type Bus } from "../bus/bus.ts";
import { readSettings } from "../cli/settings.ts";
import { Fault } from "../contract/fault.ts";
import type { NodeId } from "../contract/ids.ts";
import type { SitePolicy } from "../contract/policy.ts";
import { ackTopic, helloTopic, POLICY_TOPICS } from "../contract/topics.ts";
import { openTestDb, type TestDb } from "../store/testing.ts";
import { openSites } from "./open-sites.ts";
import type { Sites } from "./sites.ts";

type Rig = {
  t: TestDb;
  bus: Bus;
  sites: Sites;
  policies: SitePolicy[];
  origin: string;
  reopen(): Promise<Sites>;
  close(): Promise<void>;
};

async function rig(page: string): Promise<Rig> {
  const t = await openTestDb();
  const server: Server = createServer((request, response) => {
    response.statusCode = request.url === "/" ? 200 : 404;
    response.end(request.url === "/" ? page : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = readSettings({ dataDir: t.dataDir });
  const failures: unknown[] = [];
  let bus = createLocalBus({ onError: (error) => failures.push(error) });
  const policies: SitePolicy[] = [];
  const open = async (): Promise<Sites> => {
    bus.subscribe(POLICY_TOPICS, ({ value }) => {
      policies.push(value as SitePolicy);
    });
    return openSites({
      db: t.db,
      bus,
      settings,
      now: Date.now,
      random: randomBytes,
      onAlarm: () => undefined,
    });
  };
  const made: Rig = {
    t,
    bus,
    sites: await open(),
    policies,
    origin,
    async reopen() {
      bus = createLocalBus({ onError: (error) => failures.push(error) });
      made.bus = bus;
      policies.length = 0;
      return open();
    },
    async close() {
      await bus.close();
      server.closeAllConnections();
      server.close();
      await t.close();
      assert.deepEqual(failures, []);
    },
  };
  return made;
}

const PAGE = `<title>A forum of the coast</title><main>${"boats and weather and old stories from the harbour ".repeat(10)}</main>`;

test("a protected site becomes a policy on the bus, and a second call moves its origin", async () => {
  const r = await rig(PAGE);
  const site = await r.sites.protect({ hostname: "Forum.Example", originUrl: r.origin, account: "coast" });
  assert.equal(site.state, "active");
  assert.deepEqual(site.hostnames, ["forum.example"]);
  const again = await r.sites.protect({ hostname: "forum.example", originUrl: r.origin, account: "coast" });
  assert.equal(again.siteId, site.siteId);
  await r.bus.close();
  assert.deepEqual(
    r.policies.map((policy) => policy.version),
    [1, 2],
  );
  await r.close();
});

test("in force counts the living edges that confirmed this version", async () => {
  const r = await rig(PAGE);
  const nodeId = "node_00000000000000000000000000" as NodeId;
  const site = await r.sites.protect({ hostname: "forum.example", originUrl: r.origin, account: "coast" });
  assert.deepEqual((await r.sites.inForce(site.siteId, 1)).of, 0);
  await r.bus.publish(helloTopic(nodeId), {
    nodeId,
    name: "n",
    startedAtMs: 0,
    seenAtMs: Date.now(),
    nginxVersion: "1",
    workers: 1,
    sites: 1,
    pinnedVkey: "",
  });
  await r.bus.publish(ackTopic(nodeId, site.siteId), {
    nodeId,
    siteId: site.siteId,
    version: 1,
    atMs: Date.now() + 7,
    ok: true,
    workers: 1,
  });
  const deadline = Date.now() + 5000;
  let state = await r.sites.inForce(site.siteId, 1);
  while (state.acked === 0 && Date.now() < deadline) state = await r.sites.inForce(site.siteId, 1);
  assert.equal(state.acked, 1);
  assert.ok(state.ms !== null && state.ms >= 0);
  assert.equal((await r.sites.inForce(site.siteId, 2)).acked, 0);
  await r.close();
});

test("after a restart every policy is on the bus again, also one whose publication was cut off", async () => {
  const r = await rig(PAGE);
  const site = await r.sites.protect({ hostname: "forum.example", originUrl: r.origin, account: "coast" });
  await r.t.db.transaction((tx) => r.sites.touch(tx, site.siteId)); // The crash: committed, never published.
  const sites = await r.reopen();
  await r.bus.close();
  assert.equal(r.policies.at(-1)?.version, 2);
  assert.deepEqual(await sites.publish(), { published: 0 });
  await r.close();
});

test("a name belongs to one account; a released name can be taken again", async () => {
  const r = await rig(PAGE);
  await r.sites.protect({ hostname: "forum.example", originUrl: r.origin, account: "coast" });
  await assert.rejects(
    r.sites.protect({ hostname: "forum.example", originUrl: r.origin, account: "somebody else" }),
    (error) => error instanceof Fault && error.code === "site.hostname-taken",
  );
  await r.sites.unprotect("forum.example");
  await r.bus.close();
  assert.deepEqual(r.policies.at(-1)?.hostnames, []);
  const bus = await r.reopen();
  assert.equal(
    (await bus.protect({ hostname: "forum.example", originUrl: r.origin, account: "somebody else" })).state,
    "active",
  );
  await r.close();
});

test("a withdrawn site that returns under another name and account is held, and a human may release it", async () => {
  const r = await rig(PAGE);
  const first = await r.sites.protect({ hostname: "forum.example", originUrl: r.origin, account: "coast" });
  await r.sites.rememberLook(first.siteId, { caseNumber: "2026-000001" });
  const back = await r.sites.protect({
    hostname: "forum-again.example",
    originUrl: r.origin,
    account: "new friends",
  });
  assert.equal(back.state, "held");
  assert.match(back.heldBecause.join("\n"), /2026-000001/);
  await assert.rejects(r.sites.release(back.siteId, { by: "officer", reason: "ok" }), Fault);
  const released = await r.sites.release(back.siteId, {
    by: "officer",
    reason: "A mirror run by the press, checked by phone",
  });
  assert.equal(released.state, "active");
  await r.bus.close();
  assert.deepEqual(
    r.policies.filter((policy) => policy.siteId === back.siteId).map((policy) => policy.hostnames.length),
    [0, 1],
  );
  await r.close();
});

test("unusable origins are refused and leave nothing behind", async () => {
  const r = await rig(PAGE);
  const table: readonly [string, string][] = [
    ["http://127.0.0.1:1", "site.origin-unreachable"],
    ["http://127.0.0.1:8080", "site.origin-loop"],
    ["http://192.168.7.7:80", "site.origin-unusable"],
    ["http://169.254.169.254", "site.origin-unusable"],
    ["http://no-such-name.invalid", "site.origin-unreachable"],
    ["gopher://x.example", "site.origin-unusable"],
  ];
  for (const [originUrl, code] of table) {
    await assert.rejects(
      r.sites.protect({ hostname: "forum.example", originUrl, account: "coast" }),
      (error) => error instanceof Fault && error.code === code,
      originUrl,
    );
  }
  assert.equal((await r.sites.list()).total, 0);
  await r.close();
});

test("the sites of a customer are listed beside ten thousand of others", async () => {
  const r = await rig(PAGE);
  const { siteId } = await r.sites.protect({
    hostname: "forum.example",
    originUrl: r.origin,
    account: "coast",
  });
  const copy = (table: string, changes: string): Promise<unknown> =>
    r.t.db.query(
      `insert into ${table} select (jsonb_populate_record(null::${table}, to_jsonb(one) || ${changes})).*
         from ${table} one, generate_series(1, 1200) n where one.site_id = $1`,
      [siteId],
    );
  await copy("site", `jsonb_build_object('site_id', 'site_' || n, 'created_at', '2020-01-01T00:00:00Z')`);
  await copy("site_revision", `jsonb_build_object('site_id', 'site_' || n)`);
  const own = await r.sites.list({ among: new Set([siteId]) });
  assert.deepEqual([own.items.map((site) => site.siteId), own.total], [[siteId], 1]);
  assert.equal((await r.sites.list()).total, 1201);
  await r.close();
});

test("nobody slips a name under another account's wildcard, or a wildcard over another account's names", async () => {
  const r = await rig("<title>Tenants</title>");
  const add = (hostname: string, account: string): Promise<unknown> =>
    r.sites.protect({ hostname, originUrl: r.origin, account });
  const taken = (error: unknown): boolean => error instanceof Fault && error.code === "site.hostname-taken";
  await add("*.harbour.example", "harbour");
  await add("shop.coast.example", "coast");
  await add("island.example", "island");
  await assert.rejects(add("login.harbour.example", "thief"), taken);
  await assert.rejects(add("*.coast.example", "thief"), taken);
  await assert.rejects(add("*.island.example", "thief"), taken);
  await add("login.harbour.example", "harbour");
  await add("*.coast.example", "coast");
  await add("deep.er.harbour.example", "neighbour"); // A wildcard stands for one label.
  await add("*.shop.example", "neighbour");
  await r.close();
});
