/** Who did what with a site: by name, without a gap, and nothing of what was refused. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ENDPOINTS, type Page } from "../contract/http.ts";
import type { MemberView, SiteExport } from "../contract/http-sites.ts";
import type { SiteId } from "../contract/ids.ts";
import type { SiteDeed } from "../contract/site-deeds.ts";
import { beginDeed, deedsOf, countDeeds } from "../store/site-deeds.ts";
import { DEED_OF } from "./deeds.ts";
import { enrol, expectOk, startControl, type Browser, type TestControl } from "./testing.ts";

/** Changing calls that leave their mark elsewhere, or change nothing that lasts. */
const TOLD_ELSEWHERE: Readonly<Record<string, string>> = {
  "PUT /sites/{siteId}/settings": "a revision",
  "POST /sites/{siteId}/revisions/{revision}/restore": "a revision",
  "PUT /sites/{siteId}/under-attack": "a revision",
  "POST /sites/{siteId}/purges": "the list of purges",
  "POST /sites/{siteId}/bans": "the list of bans",
  "POST /sites/{siteId}/bans/{banId}/lift": "the list of bans",
  "POST /sites/{siteId}/hostnames/{hostname}/check": "looks only",
  "POST /sites/{siteId}/origins/exposure-check": "looks only",
  "POST /sites/{siteId}/notifications/test": "the list of deliveries",
  "POST /sites/{siteId}/release": "the desk's own log",
  "POST /sites/{siteId}/refuse": "the desk's own log",
};

let server: TestControl;
let ada: Browser;
let bob: Browser;
let siteId: SiteId;
let at: string;

before(async () => {
  server = await startControl();
  const { originUrl } = server;
  siteId = (await server.sites.protect({ hostname: "shop.example", originUrl, account: "shop" })).siteId;
  await server.sites.protect({ hostname: "forum.example", originUrl, account: "forum" });
  at = `/api/v1/sites/${siteId}`;
  const person = async (name: string, account: string): Promise<Browser> =>
    (await enrol(server, { name, email: `${name.toLowerCase()}@x.example`, roles: ["customer"], account }))
      .browser;
  ada = await person("Ada", "shop");
  bob = await person("Bob", "forum");
});
after(() => server.close());

const read = async (browser = ada): Promise<readonly SiteDeed[]> =>
  ((await (await expectOk(browser.get(`${at}/deeds`))).json()) as Page<SiteDeed>).items;
const told = (deeds: readonly SiteDeed[]): string[] =>
  deeds.map(({ who, deed, about, isDone }) => `${who} ${deed} ${about}${isDone ? "" : " ?"}`.trimEnd());

test("every call that changes a site is told by name, here or in a list of its own", () => {
  const changing = ENDPOINTS.filter((key) => /^(POST|PUT|PATCH|DELETE) \/sites\/\{siteId\}\//.test(key));
  assert.ok(changing.length >= 18);
  for (const key of changing)
    assert.ok(key in DEED_OF !== key in TOLD_ELSEWHERE, `${key}: say where it is told`);
  for (const key of Object.keys(TOLD_ELSEWHERE))
    assert.ok((ENDPOINTS as readonly string[]).includes(key), key);
});

test("what is done is told with its name, the newest first, and taken along", async () => {
  assert.deepEqual(await read(), []);
  await expectOk(ada.send("PUT", `${at}/members`, { email: "Bob@x.example", role: "viewer" }));
  await expectOk(ada.send("POST", `${at}/hostnames`, { hostname: "www.shop.example" }));
  await expectOk(ada.send("DELETE", `${at}/hostnames/www.shop.example`, null));
  const webhook = { url: "https://hooks.shop.example/a-secret-path", newSecret: false };
  const isKnown = (await ada.send("PUT", `${at}/notifications`, { mail: [], surges: true, webhook: null }))
    .status;
  assert.equal(isKnown, 200);
  await ada.send("PUT", `${at}/notifications`, { mail: [], surges: true, webhook });
  const made = (await (await expectOk(ada.get(`${at}/export`))).json()) as SiteExport;
  const members = ((await (await ada.get(`${at}/members`)).json()) as Page<MemberView>).items;
  const { userId = "" } = members.find(({ email }) => email === "bob@x.example") ?? {};
  assert.ok((await read(bob)).length > 0, "members read it");
  await expectOk(ada.send("DELETE", `${at}/members/${userId}`, null));
  const deeds = told(await read());
  assert.deepEqual(
    deeds.filter((line) => line !== "Ada notifications-changed hooks.shop.example"),
    [
      "Ada member-removed bob@x.example",
      "Ada exported",
      "Ada notifications-changed",
      "Ada hostname-removed www.shop.example",
      "Ada hostname-added www.shop.example",
      "Ada member-put bob@x.example, viewer",
    ],
  );
  assert.ok(!JSON.stringify(await read()).includes("a-secret-path"));
  assert.equal(told(made.deeds)[0], "Ada exported  ?", "it runs while the export is made");
});

test("strangers and refusals leave no trace, and strangers learn nothing", async () => {
  const before = await read();
  assert.equal((await bob.get(`${at}/deeds`)).status, 404);
  assert.equal((await bob.send("PUT", `${at}/members`, { email: "x@x.example", role: "owner" })).status, 404);
  assert.equal((await bob.get(`${at}/export`)).status, 404);
  assert.equal((await ada.send("DELETE", `${at}/hostnames/shop.example`, null)).status >= 400, true);
  assert.equal(
    (await ada.send("PUT", `${at}/members`, { email: "ada@x.example", role: "viewer" })).status,
    409,
  );
  assert.equal((await ada.send("POST", `${at}/leave`, { confirm: "other.example" })).status, 422);
  assert.equal((await ada.send("DELETE", `${at}/members/user_0`, null)).status >= 400, true);
  assert.deepEqual(await read(), before);
});

test("a deed that was cut off stays, marked as such; the list is read in pages and is bounded", async () => {
  const who = { userId: "user_x" as never, name: "Ada" };
  const deed = { siteId, at: new Date(), who, deed: "exported" as const, about: "x".repeat(1000) };
  await server.db.transaction((tx) => beginDeed(tx, deed));
  const [cut] = await read();
  assert.deepEqual([cut?.isDone, cut?.about.length], [false, 300]);
  await server.db.transaction(async (tx) => {
    await tx.query(
      `insert into site_deed (site_id, at, who_id, who_name, deed, about)
       select $1, now(), 'user_x', 'Ada', 'exported', '' from generate_series(1, 6000)`,
      [siteId],
    );
    await beginDeed(tx, { ...deed, about: "the newest" });
  });
  assert.equal(await countDeeds(server.db, siteId), 5000);
  const page = await read();
  assert.equal(page.length, 100);
  assert.equal(page[0]?.about, "the newest");
  const older = await expectOk(ada.get(`${at}/deeds?before=${page.at(-1)?.number ?? 0}`));
  assert.ok(
    ((await older.json()) as Page<SiteDeed>).items.every(({ number }) => number < page.at(-1)!.number),
  );
  assert.equal((await ada.get(`${at}/deeds?before=-1`)).status, 422);
  assert.equal((await deedsOf(server.db, siteId, { before: 1, limit: 10 })).length, 0);
});

test("whole logs are read for one person only so often, and a refused export is no deed", async () => {
  const statuses: number[] = [];
  for (let n = 0; n < 12; n++) statuses.push((await ada.get(`${at}/export`)).status);
  // One was made above.
  assert.deepEqual(statuses, [...Array<number>(9).fill(200), 429, 429, 429]);
  const exported = (await read()).filter(({ deed, isDone }) => deed === "exported" && isDone);
  assert.equal(exported.length, 9);
});

test("who left is told after the site is gone", async () => {
  await expectOk(ada.send("POST", `${at}/leave`, { confirm: "shop.example" }));
  const [last] = await deedsOf(server.db, siteId, { before: null, limit: 1 });
  assert.deepEqual([last?.who, last?.deed, last?.isDone], ["Ada", "left", true]);
});
