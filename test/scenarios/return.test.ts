/**
 * A withheld site comes back (design §1 step 6), on a real desk: by every way of leading a harmless site to the old server. Each ends with what
 * the edge would serve, which is nothing before a person has looked.
 */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { SiteId } from "../../src/contract/ids.ts";
import type { SiteSettings } from "../../src/contract/site-settings.ts";
import { Fault } from "../../src/contract/fault.ts";
import { ALICE, BRUNO, faultOf, imminentCase, openBench, proposal, type Bench } from "../laws/desk-bench.ts";
import { newAuthority } from "./tls-origins.ts";

const BY = { name: "zoe", userId: "user-zoe" };
const FORUM = `<title>Harbour talk</title><p>${"boats weather harbour tide anchor rope sail storm crew night port lamp ".repeat(5)}`;

type Stage = {
  readonly bench: Bench;
  /** The withheld site's own server. */
  readonly old: string;
  /** Cakes, and the old forum to whoever asks for it by its name. */
  readonly harmless: string;
  readonly asked: string[];
  change(
    siteId: SiteId,
    change: (origin: SiteSettings["origin"]) => SiteSettings["origin"],
  ): Promise<unknown>;
};

/** A forum that two officers have withheld as a whole, and a server of cakes. */
async function stageOf(t: { after(work: () => Promise<void>): void }): Promise<Stage> {
  const bench = await openBench(t);
  bench.setPage("/", FORUM);
  const { caseId } = await imminentCase(bench);
  const reasonWider = "The whole site is built for this and moves its pages every hour.";
  const subject = { siteId: bench.siteId };
  const made = await bench.desk.propose(
    ALICE,
    caseId,
    proposal(bench, { scope: "site", subject, reasonWider }),
  );
  await bench.desk.act(BRUNO, made.decisionId, { action: "confirm", reason: "I read the lines and agree." });
  await bench.until(async () => (await bench.t.db.query(`select 1 from look`)).length > 0);
  const asked: string[] = [];
  const cakes: Server = createServer((request, response) => {
    asked.push(`${request.headers.host} ${request.url}`);
    response.end(
      request.headers.host === "harbour.example" ? FORUM : "<title>Cakes</title><p>Cakes and more cakes",
    );
  });
  await new Promise<void>((resolve) => cakes.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    cakes.closeAllConnections();
    cakes.close();
  });
  const { sites } = bench.services;
  return {
    bench,
    old: (await sites.view(bench.siteId)).originUrl,
    harmless: `http://127.0.0.1:${(cakes.address() as AddressInfo).port}`,
    asked,
    async change(siteId, change) {
      const { revision, settings } = await sites.settings.read(siteId);
      const changed = { ...settings, origin: change(settings.origin) };
      return sites.settings.change(siteId, { revision, settings: changed, note: "", by: BY });
    },
  };
}

const serverOf = (url: string): SiteSettings["origin"]["servers"][number] => ({
  host: new URL(url).hostname,
  port: Number(new URL(url).port),
  weight: 1,
  backup: false,
});

async function isHeld({ bench }: Stage, siteId: SiteId): Promise<void> {
  const view = await bench.services.sites.view(siteId);
  assert.equal(view.state, "held");
  assert.match(view.heldBecause.join("\n"), /Looks like the site of case .*\n[^]*The title is the same/);
  const { warnings } = await bench.services.sites.settings.read(siteId);
  assert.match(warnings.join("\n"), /held and served nowhere until a person has looked at it/);
}

test("a harmless site that is led to a withheld site's server is held, by whatever way", async (t) => {
  const stage = await stageOf(t);
  const { sites } = stage.bench.services;
  const add = async (hostname: string): Promise<SiteId> => {
    const view = await sites.protect({ hostname, originUrl: stage.harmless, account: hostname });
    assert.equal(view.state, "active");
    return view.siteId;
  };

  const again = await add("again.example");
  await sites.protect({ hostname: "again.example", originUrl: stage.old, account: "again.example" });
  await isHeld(stage, again);
  assert.equal(
    await faultOf(() =>
      sites.protect({ hostname: "again.example", originUrl: stage.harmless, account: "again.example" }),
    ),
    "site.held",
    "nobody but a person lets it go on",
  );

  const moved = await add("moved.example");
  await stage.change(moved, (origin) => ({ ...origin, servers: [serverOf(stage.old)] }));
  await isHeld(stage, moved);

  const second = await add("second.example");
  await stage.change(second, (origin) => ({
    ...origin,
    servers: [...origin.servers, { ...serverOf(stage.old), backup: true }],
  }));
  await isHeld(stage, second);

  const byHost = await add("by-host.example");
  await stage.change(byHost, (origin) => ({ ...origin, hostHeader: "harbour.example" }));
  await isHeld(stage, byHost);

  // A revision from before the forum was withheld: nobody has looked at it since.
  const restored = await add("restored.example");
  const { settings } = await sites.settings.read(restored);
  const old = { ...settings, origin: { ...settings.origin, servers: [serverOf(stage.old)] } };
  await stage.bench.t.db.query(`update site_revision set settings = $2 where site_id = $1 and revision = 1`, [
    restored,
    JSON.stringify(old),
  ]);
  await stage.bench.t.db.query(
    `insert into site_revision (site_id, revision, settings, changes, changed_by, changed_by_user, changed_at, note)
     select site_id, 2, $2, changes, changed_by, changed_by_user, changed_at, note from site_revision where site_id = $1`,
    [restored, JSON.stringify(settings)],
  );
  await stage.bench.t.db.query(`update site set revision = 2 where site_id = $1`, [restored]);
  await sites.settings.restore(restored, 1, { note: "", by: BY });
  await isHeld(stage, restored);
  const released = await sites.release(restored, { by: "officer", reason: "A mirror run by the press" });
  assert.equal(released.state, "active", "a person may let it go on");
});

test("what leads where it led before is not looked at again, and what cannot be looked at is refused", async (t) => {
  const stage = await stageOf(t);
  const { sites } = stage.bench.services;
  const account = "cakes";
  const { siteId } = await sites.protect({
    hostname: "cakes.example",
    originUrl: stage.harmless,
    account,
  });
  const looks = stage.asked.length;
  assert.ok(looks > 0);
  await sites.protect({ hostname: "cakes.example", originUrl: stage.harmless, account });
  await stage.change(siteId, (origin) => ({ ...origin, readSeconds: 7, signed: true }));
  await sites.protection.setUnderAttack(siteId, { on: true, paths: [], endsAt: null, note: "" }, BY);
  assert.equal(stage.asked.length, looks);

  const before = await sites.settings.read(siteId);
  const gone = "http://127.0.0.1:1";
  assert.equal(
    await faultOf(() => sites.protect({ hostname: "cakes.example", originUrl: gone, account })),
    "site.origin-unreachable",
  );
  await assert.rejects(
    stage.change(siteId, (origin) => ({ ...origin, servers: [...origin.servers, serverOf(gone)] })),
    (error) =>
      error instanceof Fault &&
      error.code === "site.origin-unreachable" &&
      error.fields?.["origin.servers.1.host"] !== undefined,
  );
  const after = await sites.settings.read(siteId);
  assert.deepEqual([after.revision, after.settings], [before.revision, before.settings]);
  assert.equal((await sites.view(siteId)).state, "active");
});

test("no name is added to a harmless site under which its server shows the withheld one", async (t) => {
  const stage = await stageOf(t);
  const { sites } = stage.bench.services;
  const account = "cakes";
  const { siteId } = await sites.protect({ hostname: "cakes.example", originUrl: stage.harmless, account });
  await assert.rejects(
    sites.hostnames.add(siteId, { hostname: "harbour.example", vouch: true }),
    (error) => error instanceof Fault && error.code === "site.held" && /a site of its own/.test(error.detail),
  );
  await sites.hostnames.add(siteId, { hostname: "pies.example", vouch: true });
  const view = await sites.view(siteId);
  assert.deepEqual([view.state, view.hostnames], ["active", ["cakes.example", "pies.example"]]);
  const own = await sites.protect({ hostname: "harbour.example", originUrl: stage.harmless, account });
  assert.equal(own.state, "held");
});

test("a server is looked at whatever certificate it shows, and one that shows itself to no stranger is refused", async (t) => {
  const stage = await stageOf(t);
  const { sites } = stage.bench.services;
  const authority = newAuthority();
  const { chainPem, keyPem } = authority.issue("harbour.example");
  const open = async (options: ServerOptions): Promise<SiteSettings["origin"]["servers"][number]> => {
    const server = createTlsServer({ ...options, cert: chainPem, key: keyPem }, (_, response) =>
      response.end(FORUM),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(async () => {
      server.closeAllConnections();
      server.close();
    });
    return serverOf(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  };
  t.after(async () => authority.end());
  const { siteId } = await sites.protect({
    hostname: "cakes.example",
    originUrl: stage.harmless,
    account: "cakes",
  });
  const closed = await open({ requestCert: true, rejectUnauthorized: true, ca: authority.caPem });
  const to = (one: SiteSettings["origin"]["servers"][number]): Promise<unknown> =>
    stage.change(siteId, (origin) => ({
      ...origin,
      scheme: "https",
      servers: [one],
      tls: { ...origin.tls, verify: "off" },
    }));
  await assert.rejects(
    to(closed),
    (error) =>
      error instanceof Fault &&
      error.code === "site.origin-unreachable" &&
      /for a first look also without the edge's certificate/.test(error.detail),
  );
  assert.equal((await sites.view(siteId)).state, "active");
  await to(await open({}));
  await isHeld(stage, siteId);
});

test("a withheld site moves its own server without being taken for a return of itself", async (t) => {
  const stage = await stageOf(t);
  const { sites } = stage.bench.services;
  const copy = createServer((_, response) => void response.end(FORUM));
  await new Promise<void>((resolve) => copy.listen(0, "127.0.0.1", resolve));
  t.after(async () => void copy.close());
  const originUrl = `http://127.0.0.1:${(copy.address() as AddressInfo).port}`;
  const moved = await sites.protect({ hostname: stage.bench.hostname, originUrl, account: "coast" });
  assert.deepEqual([moved.state, moved.originUrl], ["active", originUrl]);
  await stage.bench.until(() => stage.bench.standing.length === 1);
});

test("a site sends its servers no name of another account, and none that a measure stands on", async (t) => {
  const stage = await stageOf(t);
  const { bench, harmless } = stage;
  const { sites } = bench.services;
  const add = async (hostname: string, account: string): Promise<SiteId> =>
    (await sites.protect({ hostname, originUrl: harmless, account })).siteId;
  const refuses = async (siteId: SiteId, hostHeader: string, why: RegExp): Promise<void> => {
    const { revision } = await sites.settings.read(siteId);
    await assert.rejects(
      stage.change(siteId, (origin) => ({ ...origin, hostHeader })),
      (error) =>
        error instanceof Fault &&
        error.code === "input.invalid" &&
        why.test(error.fields?.["origin.hostHeader"] ?? ""),
      hostHeader,
    );
    assert.equal((await sites.settings.read(siteId)).revision, revision);
  };
  const cakes = await add("cakes.example", "cakes");
  await add("shop.example", "neighbour");
  await add("*.tenants.example", "neighbour");
  const mine = await add("mine.example", "coast");

  await refuses(cakes, bench.hostname, /another account has this name/);
  await refuses(cakes, "shop.example", /another account has this name/);
  await refuses(cakes, "shop.example:8443", /another account has this name/);
  await refuses(cakes, "one.tenants.example", /another account has this name/);
  await refuses(mine, bench.hostname, /a measure stands on this name/);
  const looks = stage.asked.length;
  await refuses(cakes, "shop.example", /send a name of your own/);
  assert.equal(stage.asked.length, looks, "no server is asked under a name that is refused");

  // The revision is there, and the name was free when it was made.
  await stage.change(cakes, (origin) => ({ ...origin, hostHeader: "free.example" }));
  await stage.change(cakes, (origin) => ({ ...origin, hostHeader: null }));
  await add("free.example", "neighbour");
  assert.equal(await faultOf(() => sites.settings.restore(cakes, 2, { note: "", by: BY })), "input.invalid");

  await sites.leave(bench.siteId);
  await refuses(cakes, bench.hostname, /a measure stands on this name/);
  await refuses(mine, bench.hostname, /a measure stands on this name/);
  await stage.change(cakes, (origin) => ({ ...origin, hostHeader: "cakes.example" }));
  await stage.change(cakes, (origin) => ({ ...origin, hostHeader: "inside.example:8080" }));
});
