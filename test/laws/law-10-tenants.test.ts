/**
 * Design law 10, over HTTP: tenants never meet. Every endpoint of a site is tried by its owner, an editor, a viewer, a customer of another
 * account and somebody who has not signed in. To a stranger an existing site and one that does not exist give the same bytes.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  browserOf,
  enrol,
  expectOk,
  startControl,
  type Browser,
  type TestControl,
} from "../../src/api/testing.ts";
import { ENDPOINTS, type Page, type Problem, type SiteView } from "../../src/contract/http.ts";
import {
  SITE_ROLE_NEEDED,
  SITE_ROLES,
  type MemberView,
  type SiteRole,
} from "../../src/contract/http-sites.ts";
import { PROTECTION_ROLE_NEEDED } from "../../src/contract/http-protection.ts";
import type { SiteId } from "../../src/contract/ids.ts";
import { singleOrigin } from "../../src/contract/origin-pool.ts";
import { newSiteSettings } from "../../src/contract/site-settings.ts";

const NO_SITE = `site_${"0".repeat(26)}`;

const SETTINGS = newSiteSettings({
  origin: singleOrigin("http", "192.0.2.1", 80),
  limit: null,
  bodyBytesMax: 1024,
});

/** Well-formed, and without effect where somebody is let through: what is asked for is not there, or not right. */
const BODIES: Readonly<Partial<Record<string, unknown>>> = {
  "PUT /sites/{siteId}/settings": { revision: 999, settings: SETTINGS, note: "" },
  "POST /sites/{siteId}/revisions/{revision}/restore": { note: "" },
  "POST /sites/{siteId}/hostnames": { hostname: "co.uk" },
  "PUT /sites/{siteId}/members": { email: "viewer@x.example", role: "viewer" },
  "POST /sites/{siteId}/leave": { confirm: "wrong.example" },
  "POST /sites/{siteId}/certificates": { kind: "server", chainPem: "none", keyPem: "none" },
  "POST /sites/{siteId}/bans": { kind: "address", value: "none", seconds: 60, reason: "x", force: false },
  "PUT /sites/{siteId}/under-attack": { on: true, paths: [], endsAt: "2020-01-01T00:00:00.000Z", note: "" },
  "PUT /sites/{siteId}/notifications": { mail: ["nobody"], surges: false, webhook: null },
  "POST /sites/{siteId}/purges": { kind: "url", value: "http://elsewhere.example/" },
};
const PARAMS: Readonly<Record<string, string>> = {
  revision: "99",
  hostname: "nobodys.example",
  userId: "nobody",
  banId: `bann_${"0".repeat(26)}`,
  incidentId: `inci_${"0".repeat(26)}`,
  nodeId: `node_${"0".repeat(26)}`,
  certificateId: `cert_${"0".repeat(26)}`,
};

const ROLE_NEEDED = { ...SITE_ROLE_NEEDED, ...PROTECTION_ROLE_NEEDED };
type Key = keyof typeof ROLE_NEEDED;
const KEYS = (Object.keys(ROLE_NEEDED) as Key[]).filter((key) =>
  (ENDPOINTS as readonly string[]).includes(key),
);

let server: TestControl;
let siteId: SiteId;
const people = new Map<SiteRole | "stranger", Browser>();

before(async () => {
  server = await startControl();
  const { sites, originUrl } = server;
  siteId = (await sites.protect({ hostname: "shop.example", originUrl, account: "shop" })).siteId;
  await sites.protect({ hostname: "forum.example", originUrl, account: "forum" });
  const person = async (name: string, account?: string): Promise<Browser> => {
    const given = { name, email: `${name}@x.example`, roles: ["customer" as const] };
    return (await enrol(server, account === undefined ? given : { ...given, account })).browser;
  };
  people.set("owner", await person("owner", "shop"));
  people.set("stranger", await person("stranger", "forum"));
  for (const role of ["viewer", "editor"] as const) {
    people.set(role, await person(role));
    const body = { email: `${role}@x.example`, role };
    await expectOk(of("owner").send("PUT", `/api/v1/sites/${siteId}/members`, body));
  }
});
after(() => server.close());

function of(who: SiteRole | "stranger"): Browser {
  const browser = people.get(who);
  assert.ok(browser, `${who} has enrolled`);
  return browser;
}

async function call(
  browser: Browser,
  key: Key,
  site: string,
): Promise<{ status: number; problem: Problem | null }> {
  const [method = "", path = ""] = key.split(" ");
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    name === "siteId" ? site : (PARAMS[name] ?? "1"),
  );
  const at = `/api/v1${filled}`;
  const answer =
    method === "GET" ? await browser.get(at) : await browser.send(method, at, BODIES[key] ?? null);
  const json = (await answer.json()) as object;
  return { status: answer.status, problem: "code" in json ? (json as Problem) : null };
}

test("every endpoint of a site lets in whom its role allows, and nobody else", async () => {
  assert.ok(KEYS.length >= 34, `${KEYS.length} endpoints were tried`);
  for (const key of KEYS) {
    const needed = SITE_ROLES.indexOf(ROLE_NEEDED[key]);
    for (const role of SITE_ROLES) {
      const { status, problem } = await call(of(role), key, siteId);
      const may = SITE_ROLES.indexOf(role) >= needed;
      assert.notEqual(status, 500, `${role} on ${key}`);
      assert.notEqual(problem?.detail, "There is no such site", `${role} on ${key}`);
      assert.equal(
        problem?.code === "auth.forbidden",
        !may,
        `${role} on ${key}: ${status} ${problem?.detail ?? ""}`,
      );
    }
  }
});

test("to a stranger a site of somebody else is as one that is not there", async () => {
  for (const key of KEYS) {
    const theirs = await call(of("stranger"), key, siteId);
    const nowhere = await call(of("stranger"), key, NO_SITE);
    assert.equal(theirs.status, 404, `${key}: ${theirs.problem?.detail ?? ""}`);
    assert.deepEqual(theirs, nowhere, key);
    assert.equal((await call(browserOf(server.url), key, siteId)).status, 401, key);
  }
});

test("lists and claims tell a customer nothing of others", async () => {
  const stranger = of("stranger");
  const list = (await (await stranger.get("/api/v1/sites")).json()) as Page<SiteView>;
  assert.deepEqual(
    list.items.map((site) => site.hostnames),
    [["forum.example"]],
  );
  const into = { hostname: "mine.example", originUrl: server.originUrl, account: "shop" };
  assert.equal((await stranger.send("POST", "/api/v1/sites", into)).status, 403);
  const own = list.items[0]?.siteId ?? "";
  const claimed = await expectOk(
    stranger.send("POST", `/api/v1/sites/${own}/hostnames`, { hostname: "shop.example" }),
  );
  assert.doesNotMatch(await claimed.text(), new RegExp(`owner|${siteId}|"shop"`));
  const seen = ((await (await of("viewer").get(`/api/v1/sites/${siteId}/hostnames`)).json()) as Page<unknown>)
    .items;
  assert.equal(seen.length, 1, "a claim of others is not among the site's names");
});

test("somebody who is put on a site is seen by name once they came in, and not before", async () => {
  await enrol(server, {
    name: "Secret Name",
    email: "quiet@x.example",
    roles: ["customer"],
    account: "forum",
  });
  const answers: MemberView[] = [];
  for (const email of ["quiet@x.example", "unknown@x.example"]) {
    const given = await expectOk(
      of("owner").send("PUT", `/api/v1/sites/${siteId}/members`, { email, role: "viewer" }),
    );
    answers.push((await given.json()) as MemberView);
  }
  assert.deepEqual(
    answers.map((member) => member.name),
    ["quiet@x.example", "unknown@x.example"],
  );
});

test("a viewer of one site gains nothing on another of the same account", async () => {
  const { siteId: second } = await server.sites.protect({
    hostname: "second.example",
    originUrl: server.originUrl,
    account: "shop",
  });
  assert.equal((await of("owner").get(`/api/v1/sites/${second}/members`)).status, 200);
  assert.equal((await of("viewer").get(`/api/v1/sites/${second}/members`)).status, 404);
  const again = { hostname: "shop.example", originUrl: server.originUrl, account: "shop" };
  assert.equal((await of("viewer").send("POST", "/api/v1/sites", again)).status, 403);
});
