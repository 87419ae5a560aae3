import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { createLocalBus } from "../bus/bus.ts";
import { readSettings } from "../cli/settings.ts";
import { Fault, type FaultCode } from "../contract/fault.ts";
import type { SettingsView } from "../contract/http-sites.ts";
import type { CertificateId, SiteId } from "../contract/ids.ts";
import { singleOrigin } from "../contract/origin-pool.ts";
import type { SitePolicy } from "../contract/policy.ts";
import { ACCESS_RULES_MAX, SITE_RULES_DEFAULT, type RedirectRule } from "../contract/site-rules.ts";
import { SITE_SETTINGS_SCHEMA } from "../contract/site-schema.ts";
import { newSiteSettings, type SiteSettings } from "../contract/site-settings.ts";
import { POLICY_TOPICS } from "../contract/topics.ts";
import { openDb } from "../store/db.ts";
import { migrate } from "../store/migrate.ts";
import { REVISIONS_KEPT_MAX } from "../store/site-settings.ts";
import { openTestDb, type TestDb } from "../store/testing.ts";
import { openSites } from "./open-sites.ts";
import { endlessRedirect } from "./redirect-loops.ts";
import { settingChanges } from "./settings-changes.ts";
import { settingsWarnings, type CertificateFacts } from "./settings-check.ts";
import { addRevision, REVISIONS_LISTED_MAX } from "./site-settings.ts";
import type { Sites } from "./sites.ts";

const MIGRATIONS = new URL("../store/migrations/", import.meta.url);
const OWN_CERTIFICATE = `cert_${"a".repeat(26)}` as CertificateId;
const BY = { name: "Ada", userId: "user-ada" };

type Rig = {
  readonly t: TestDb;
  readonly sites: Sites;
  readonly siteId: SiteId;
  readonly origin: string;
  readonly policies: SitePolicy[];
  save(change: (now: SiteSettings) => SiteSettings, note?: string): Promise<SettingsView>;
  close(): Promise<void>;
};

async function rig(overrides: Record<string, unknown> = {}): Promise<Rig> {
  const t = await openTestDb();
  const server: Server = createServer((_, response) => void response.end("<title>A harbour</title>"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bus = createLocalBus({ onError: (error) => assert.fail(String(error)) });
  const policies: SitePolicy[] = [];
  bus.subscribe(POLICY_TOPICS, ({ value }) => void policies.push(value as SitePolicy));
  const certificates: CertificateFacts = {
    hasForVisitors: async () => false,
    isForOrigins: async (_, __, id) => id === OWN_CERTIFICATE,
  };
  const sites = await openSites({
    db: t.db,
    bus,
    settings: readSettings({ dataDir: t.dataDir, overrides }),
    now: Date.now,
    random: randomBytes,
    onAlarm: () => undefined,
    certificates,
  });
  const { siteId } = await sites.protect({ hostname: "shop.example", originUrl: origin, account: "shop" });
  return {
    t,
    sites,
    siteId,
    origin,
    policies,
    async save(change, note = "") {
      const { revision, settings } = await sites.settings.read(siteId);
      return sites.settings.change(siteId, { revision, settings: change(settings), note, by: BY });
    },
    async close() {
      await bus.close();
      server.closeAllConnections();
      server.close();
      await t.close();
    },
  };
}

const hasCode =
  (code: FaultCode, field?: string) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof Fault, String(error));
    assert.equal(error.code, code, error.detail);
    if (field !== undefined)
      assert.ok(Object.hasOwn(error.fields ?? {}, field), JSON.stringify(error.fields));
    return true;
  };
const withRules = (now: SiteSettings, rules: Partial<SiteSettings["rules"]>): SiteSettings => ({
  ...now,
  rules: { ...now.rules, ...rules },
});
const match = { paths: [], methods: [], networks: [], asns: [], countries: [] };

test("a change becomes a revision, a policy version and a message to the edges, and says who, when and what", async () => {
  const r = await rig();
  const first = await r.sites.settings.read(r.siteId);
  assert.deepEqual([first.revision, first.changedBy], [1, "operator"]);
  assert.deepEqual(SITE_SETTINGS_SCHEMA.parse(first.settings), first.settings);
  const saved = await r.save((now) => ({ ...now, bodyBytesMax: 5000 }), "smaller uploads");
  assert.deepEqual([saved.revision, saved.changedBy, saved.settings.bodyBytesMax], [2, "Ada", 5000]);
  const history = await r.sites.settings.history(r.siteId);
  assert.equal(history.total, 2);
  assert.deepEqual(
    history.items.map(({ revision, by, note }) => [revision, by, note]),
    [
      [2, "Ada", "smaller uploads"],
      [1, "operator", "Added"],
    ],
  );
  assert.deepEqual(history.items[0]?.changes, [
    { path: "bodyBytesMax", before: first.settings.bodyBytesMax, after: 5000 },
  ]);
  await r.close();
  assert.deepEqual(
    r.policies.map(({ version, bodyBytesMax }) => [version, bodyBytesMax]),
    [
      [1, first.settings.bodyBytesMax],
      [2, 5000],
    ],
  );
});

test("of two people who change the same revision, the second is told and nothing of theirs is half kept", async () => {
  const r = await rig();
  const { revision, settings } = await r.sites.settings.read(r.siteId);
  const change = (bodyBytesMax: number): Promise<SettingsView> =>
    r.sites.settings.change(r.siteId, {
      revision,
      settings: { ...settings, bodyBytesMax },
      note: "",
      by: BY,
    });
  const outcomes = await Promise.allSettled([change(1), change(2), change(3)]);
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  for (const outcome of outcomes)
    if (outcome.status === "rejected") assert.ok(hasCode("state.conflict")(outcome.reason));
  assert.equal((await r.sites.settings.read(r.siteId)).revision, 2);
  assert.equal((await r.sites.view(r.siteId)).version, 2);
  await r.close();
});

test("an old revision comes back in one step, as a new one, and the history keeps both", async () => {
  const r = await rig();
  const first = (await r.sites.settings.read(r.siteId)).settings;
  await r.save((now) => ({ ...now, bodyBytesMax: 1, limit: null }));
  const back = await r.sites.settings.restore(r.siteId, 1, { note: " ", by: BY });
  assert.deepEqual([back.revision, back.settings], [3, first]);
  const history = await r.sites.settings.history(r.siteId);
  assert.equal(history.items[0]?.note, "Brought back revision 1");
  assert.deepEqual((await r.sites.settings.revision(r.siteId, 2)).settings.bodyBytesMax, 1);
  await assert.rejects(
    r.sites.settings.restore(r.siteId, 9, { note: "", by: BY }),
    hasCode("state.not-found"),
  );
  const same = await r.sites.settings.restore(r.siteId, 3, { note: "", by: BY });
  assert.equal(same.revision, 3, "what is the same already makes no revision");
  await r.close();
});

test("settings that cannot work are refused with the field's name, and change nothing", async () => {
  const r = await rig();
  const move = (now: SiteSettings, host: string, port = 80): SiteSettings => ({
    ...now,
    origin: singleOrigin("http", host, port),
  });
  const redirect = (from: string, to: string): RedirectRule => ({ from, to, status: 302, keepQuery: false });
  const table: readonly [string, (now: SiteSettings) => unknown, FaultCode, string?][] = [
    ["a private origin", (now) => move(now, "192.168.3.4"), "site.origin-unusable", "origin.servers.0.host"],
    ["metadata", (now) => move(now, "169.254.169.254"), "site.origin-unusable"],
    ["mapped metadata", (now) => move(now, "::ffff:169.254.169.254"), "site.origin-unusable"],
    ["the edge itself", (now) => move(now, "127.0.0.1", 8080), "site.origin-loop"],
    ["no name", (now) => move(now, "no such name"), "site.origin-unusable"],
    ["a name of nobody", (now) => move(now, "nothing.invalid"), "site.origin-unreachable"],
    [
      "countries without a database",
      (now) => withRules(now, { access: [{ ...match, countries: ["FR"], action: "deny" }] }),
      "input.invalid",
      "rules.access.0.countries",
    ],
    [
      "ASN without a database",
      (now) => withRules(now, { access: [{ ...match, asns: [64500], action: "deny" }] }),
      "input.invalid",
      "rules.access.0.asns",
    ],
    [
      "a redirect to itself",
      (now) =>
        withRules(now, { redirects: [redirect("/a", "/b"), redirect("/b", "https://shop.example/a")] }),
      "input.invalid",
      "rules.redirects",
    ],
    [
      "a header of the edge",
      (now) =>
        withRules(now, { headers: [{ on: "request", action: "set", name: "X-Forwarded-For", value: "1" }] }),
      "input.invalid",
      "rules.headers.0.name",
    ],
    [
      "a foreign certificate",
      (now) => ({
        ...now,
        origin: { ...now.origin, tls: { ...now.origin.tls, clientCertificateId: `cert_${"b".repeat(26)}` } },
      }),
      "input.invalid",
      "origin.tls.clientCertificateId",
    ],
    ["an unknown key", (now) => ({ ...now, extra: 1 }), "input.invalid", "settings"],
    ["nothing", () => null, "input.invalid"],
    [
      "more than can travel",
      (now) =>
        withRules(now, {
          access: Array.from({ length: ACCESS_RULES_MAX }, () => ({
            ...match,
            paths: Array.from({ length: 200 }, (_, i) => `/a-path-of-some-length/${i}`),
            action: "deny" as const,
          })),
        }),
      "input.too-large",
    ],
  ];
  for (const [what, change, code, field] of table) {
    await assert.rejects(r.save(change as never), hasCode(code, field), what);
  }
  assert.equal((await r.sites.settings.read(r.siteId)).revision, 1);
  assert.equal((await r.sites.view(r.siteId)).version, 1);
  const own = { verify: "strict", name: null, clientCertificateId: OWN_CERTIFICATE } as const;
  await r.save((now) => ({ ...now, origin: { ...now.origin, tls: own } }));
  await r.close();
});

test("with the operator's databases, rules by country and ASN are taken", async () => {
  const r = await rig({ countryDatabase: "/srv/country.mmdb", asnDatabase: "/srv/asn.mmdb" });
  await r.save((now) =>
    withRules(now, { access: [{ ...match, countries: ["FR"], asns: [64500], action: "deny" }] }),
  );
  await r.close();
  assert.equal(r.policies.at(-1)?.rules.access.length, 1);
});

test("a signing key is made once, reaches the policy only while it signs, and stands in no revision", async () => {
  const r = await rig();
  const sign = (signed: boolean): Promise<SettingsView> =>
    r.save((now) => ({ ...now, origin: { ...now.origin, signed } }));
  assert.equal(await r.sites.settings.signingKey(r.siteId), null);
  await sign(true);
  const key = await r.sites.settings.signingKey(r.siteId);
  assert.match(key ?? "", /^[A-Za-z0-9_-]{43}$/);
  await sign(false);
  assert.equal(await r.sites.settings.signingKey(r.siteId), null);
  await sign(true);
  assert.equal(await r.sites.settings.signingKey(r.siteId), key);
  const kept = await r.t.db.query(`select settings, changes from site_revision`);
  assert.ok(!JSON.stringify(kept).includes(key ?? "-"));
  await r.close();
  assert.deepEqual(
    r.policies.map(({ signingKey }) => signingKey === key),
    [false, true, false, true],
  );
});

test("moving the origin is a revision and leaves everything else as it was set", async () => {
  const r = await rig();
  await r.save((now) => ({
    ...now,
    origin: { ...now.origin, hostHeader: "inside.example" },
    bodyBytesMax: 9,
  }));
  const elsewhere = r.origin.replace("127.0.0.1", "127.0.0.2");
  const other = createServer((_, answer) => void answer.end("moved"));
  await new Promise<void>((resolve) => other.listen(Number(new URL(r.origin).port), "127.0.0.2", resolve));
  const view = await r.sites.protect({ hostname: "shop.example", originUrl: elsewhere, account: "shop" });
  other.close();
  assert.equal(view.originUrl, elsewhere);
  const now = await r.sites.settings.read(r.siteId);
  assert.deepEqual(
    [now.revision, now.settings.bodyBytesMax, now.settings.origin.hostHeader],
    [3, 9, "inside.example"],
  );
  assert.deepEqual(
    (await r.sites.settings.history(r.siteId)).items[0]?.changes.map(({ path, after }) => [path, after]),
    [["origin.servers.0.host", "127.0.0.2"]],
  );
  await r.close();
});

test("a site that is held or gone keeps its settings as they are", async () => {
  const r = await rig();
  await r.sites.unprotect("shop.example");
  await assert.rejects(
    r.save((now) => ({ ...now, bodyBytesMax: 1 })),
    hasCode("state.conflict"),
  );
  const unknown = `site_${"0".repeat(26)}` as SiteId;
  await assert.rejects(r.sites.settings.read(unknown), hasCode("state.not-found"));
  await r.close();
});

test("the history is bounded: the oldest revisions go, the first stays, pages reach all that is kept", async () => {
  const r = await rig();
  const { settings } = await r.sites.settings.read(r.siteId);
  await r.t.db.transaction(async (tx) => {
    for (let i = 0; i < REVISIONS_KEPT_MAX + 5; i++) {
      const next = { ...settings, bodyBytesMax: i };
      const made = { siteId: r.siteId, before: settings, settings: next, by: BY, note: "" };
      await addRevision(tx, { now: Date.now, random: randomBytes }, made);
    }
  });
  const seen: number[] = [];
  for (;;) {
    const before = seen.at(-1);
    const page = await r.sites.settings.history(r.siteId, before === undefined ? {} : { before });
    assert.ok(page.items.length <= REVISIONS_LISTED_MAX);
    assert.equal(page.total, REVISIONS_KEPT_MAX);
    if (page.items.length === 0) break;
    seen.push(...page.items.map(({ revision }) => revision));
  }
  assert.equal(seen.length, REVISIONS_KEPT_MAX);
  assert.equal(seen[0], REVISIONS_KEPT_MAX + 6);
  assert.deepEqual(seen.slice(-2), [8, 1]);
  await r.close();
});

test("sites from before there was a history come into it whole", async () => {
  const home = await openTestDb();
  const db = await openDb({ url: "", dataDir: `${home.dataDir}/before` });
  await db.script(
    "create table migration (number integer primary key, name text not null, applied_at timestamptz not null default now())",
  );
  const files = readdirSync(MIGRATIONS).sort().slice(0, 6);
  for (const [i, file] of files.entries()) {
    await db.script(readFileSync(new URL(file, MIGRATIONS), "utf8"));
    await db.query("insert into migration (number, name) values ($1, $2)", [i + 1, file]);
  }
  await db.script(`
    insert into account (account_id, name) values ('a', 'coast');
    insert into site (site_id, account_id, state, origin_scheme, origin_host, origin_port, host_header, limit_rps, limit_burst, body_bytes_max, version)
    values ('one', 'a', 'active', 'https', 'in.example', 8443, 'in.example', 5, null, 4000000000, 3),
           ('two', 'a', 'held', 'http', '192.0.2.7', 80, null, null, null, 0, 0);`);
  await migrate(db);
  const rows = await db.query<{ site_id: string; settings: SiteSettings; revision: number }>(
    `select site_revision.site_id, settings, site.revision from site_revision join site using (site_id) order by 1`,
  );
  const expected = [
    newSiteSettings({
      origin: singleOrigin("https", "in.example", 8443, "in.example"),
      limit: { requestsPerSecond: 5, burst: 5 },
      bodyBytesMax: 4_000_000_000,
    }),
    newSiteSettings({ origin: singleOrigin("http", "192.0.2.7", 80), limit: null, bodyBytesMax: 0 }),
  ];
  assert.deepEqual(
    rows.map(({ settings }) => settings),
    expected,
  );
  for (const { settings, revision } of rows) {
    assert.equal(revision, 1);
    SITE_SETTINGS_SCHEMA.parse(settings);
  }
  await db.close();
  await home.close();
});

test("warnings name what may surprise, and plain settings have none", () => {
  const plain = newSiteSettings({
    origin: singleOrigin("http", "192.0.2.7", 80),
    limit: null,
    bodyBytesMax: 0,
  });
  const warn = (settings: SiteSettings, hasCertificate = false): string =>
    settingsWarnings(settings, { hostnames: ["shop.example"], hasCertificate, nowMs: 0 }).join("\n");
  assert.equal(warn(plain), "");
  const hsts = { redirectToHttps: true, hstsSeconds: 60, hstsSubdomains: false, hstsPreload: true };
  assert.match(warn({ ...plain, tls: hsts }), /no certificate[\s\S]*no certificate[\s\S]*31536000/);
  assert.doesNotMatch(warn({ ...plain, tls: hsts }, true), /no certificate/);
  const origin = singleOrigin("https", "shop.example", 443);
  assert.match(
    warn({ ...plain, origin: { ...origin, tls: { ...origin.tls, verify: "off" } } }),
    /not verified/,
  );
  assert.match(warn({ ...plain, origin }), /run in a circle/);
  const maintenance = { ...SITE_RULES_DEFAULT.maintenance, on: true };
  assert.match(warn(withRules(plain, { maintenance })), /Maintenance is on/);
  const deny = { ...match, action: "deny" as const };
  assert.match(warn(withRules(plain, { access: [deny] })), /keeps out everybody/);
  assert.match(warn(withRules(plain, { access: [deny, deny] })), /never reached/);
  const robots = { mode: "origin", text: "", aiCrawlers: "disallow" } as const;
  assert.match(warn(withRules(plain, { robots })), /origin's own robots.txt is not seen/);
});

test("redirects that end are let be, those in a circle are found, whatever they are made of", () => {
  const rule = (from: string, to: string): RedirectRule => ({ from, to, status: 301, keepQuery: true });
  const table: readonly [readonly RedirectRule[], string | null][] = [
    [[rule("/old/*", "/new/$1")], null],
    [[rule("/*", "https://elsewhere.example/$1")], null],
    [[rule("/*", "https://shop.example/$1")], "/*"],
    [[rule("/a*", "/a/$1")], "/a*"],
    [[rule("/a", "/b"), rule("/b", "/c"), rule("/c", "/a")], "/a"],
    [[rule("/a", "/b"), rule("/b", "/c")], null],
    [[rule("/a/*", "//a/$1")], "/a/*"],
    [[rule("/a", "/b/../a")], "/a"],
    [[rule("/*", "/$1$1$1")], null],
    [[rule("/x", "/a/"), rule("/a/*", "/$1\\[")], null],
    [[rule("/*", `/${"$1".repeat(500)}`)], null],
  ];
  for (const [rules, expected] of table)
    assert.equal(endlessRedirect(rules, ["shop.example"]), expected, JSON.stringify(rules));
  const part = fc.constantFrom("/", "a", "b", "*", "$1", "..", "?", "#", "https://shop.example", "%2f");
  const text = fc.array(part, { maxLength: 6 }).map((parts) => `/${parts.join("")}`);
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 8 }), (pairs) => {
      endlessRedirect(
        pairs.map(([from, to]) => rule(from, to)),
        ["shop.example"],
      );
    }),
  );
});

test("changes: every leaf by its path, long texts cut, the number bounded, and nothing for nothing", () => {
  const plain = newSiteSettings({
    origin: singleOrigin("http", "192.0.2.7", 80),
    limit: null,
    bodyBytesMax: 0,
  });
  assert.deepEqual(settingChanges(plain, structuredClone(plain)), []);
  const limited = { ...plain, limit: { requestsPerSecond: 1, burst: 2 } };
  assert.deepEqual(settingChanges(plain, limited), [
    { path: "limit.requestsPerSecond", before: null, after: 1 },
    { path: "limit.burst", before: null, after: 2 },
  ]);
  const html = "x".repeat(5000);
  const paged = (end: string): SiteSettings =>
    withRules(plain, { errorPages: [{ reason: "origin.down", html: html + end }] });
  const [long] = settingChanges(paged("a"), paged("b"));
  assert.ok(String(long?.after).length < 300);
  const many = Array.from({ length: 100 }, (_, i) => ({
    ...match,
    paths: [`/${i}`, "/x", "/y"],
    action: "deny" as const,
  }));
  assert.equal(settingChanges(plain, withRules(plain, { access: many })).length, 200);
});
