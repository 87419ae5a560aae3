import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Problem, Page } from "../contract/http.ts";
import { SITE_ROLE_NEEDED, type RevisionRow, type SettingsView } from "../contract/http-sites.ts";
import type { SiteId } from "../contract/ids.ts";
import { endpoints } from "./endpoints.ts";
import { settingsEndpoints } from "./settings-endpoints.ts";
import { enrol, startControl, type Browser, type TestControl } from "./testing.ts";

let server: TestControl;
let owner: Browser;
let stranger: Browser;
let operator: Browser;
let at: string;
const NOWHERE = `/api/v1/sites/site_${"0".repeat(26)}`;

before(async () => {
  server = await startControl();
  const protect = (hostname: string, account: string): Promise<{ siteId: SiteId }> =>
    server.sites.protect({ hostname, originUrl: server.originUrl, account });
  const { siteId } = await protect("shop.example", "shop");
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

test("An owner reads, changes, sees who changed what, and goes one step back", async () => {
  const site = await read<{ role: string; hostnames: string[] }>(owner, at);
  assert.deepEqual([site.role, site.hostnames], ["owner", ["shop.example"]]);
  assert.equal((await read<{ role: string }>(operator, at)).role, "operator");
  const now = await read<SettingsView>(owner, `${at}/settings`);
  const settings = { ...now.settings, bodyBytesMax: 77 };
  const saved = await owner.send("PUT", `${at}/settings`, { revision: now.revision, settings, note: "less" });
  assert.equal(saved.status, 200, await saved.clone().text());
  assert.equal(((await saved.json()) as SettingsView).changedBy, "Ada");
  const late = await operator.send("PUT", `${at}/settings`, { revision: now.revision, settings, note: "" });
  assert.equal(late.status, 409);
  assert.match(((await late.json()) as Problem).detail, /Reload/);
  const history = await read<Page<RevisionRow>>(owner, `${at}/revisions`);
  assert.deepEqual(
    history.items.map(({ by, note, changes }) => [by, note, changes.map(({ path }) => path)]),
    [
      ["Ada", "less", ["bodyBytesMax"]],
      ["operator", "Added", []],
    ],
  );
  assert.equal((await read<Page<RevisionRow>>(owner, `${at}/revisions?before=2`)).items.length, 1);
  const first = await read<{ settings: unknown }>(owner, `${at}/revisions/1`);
  assert.deepEqual(first.settings, now.settings);
  const back = await owner.send("POST", `${at}/revisions/1/restore`, { note: "" });
  assert.deepEqual(((await back.json()) as SettingsView).settings, now.settings);
});

test("A wrong field is named by its path, and nothing is changed", async () => {
  const { revision, settings } = await read<SettingsView>(owner, `${at}/settings`);
  const rules = {
    ...settings.rules,
    headers: [{ on: "response", action: "set", name: "Set-Cookie", value: "a=b" }],
  };
  const wrong: [unknown, string][] = [
    [{ revision, settings: { ...settings, rules }, note: "" }, "settings.rules.headers.0.name"],
    [{ revision, settings: { ...settings, bodyBytesMax: -1 }, note: "" }, "settings.bodyBytesMax"],
    [{ revision, settings: null, note: "" }, "settings"],
    [{ revision, settings, note: "x".repeat(501) }, "note"],
    [{ revision: "1", settings, note: "" }, "revision"],
    [{ settings, note: "" }, "revision"],
  ];
  for (const [body, field] of wrong) {
    const answer = await owner.send("PUT", `${at}/settings`, body);
    assert.equal(answer.status, 422, field);
    const { fields } = (await answer.json()) as Problem;
    assert.ok(Object.hasOwn(fields ?? {}, field), `${field}: ${JSON.stringify(fields)}`);
  }
  assert.equal((await owner.get(`${at}/revisions/0`)).status, 422);
  assert.equal((await owner.get(`${at}/revisions/99`)).status, 404);
  assert.equal((await owner.get(`${at}/revisions?before=x`)).status, 422);
  assert.equal((await read<SettingsView>(owner, `${at}/settings`)).revision, revision);
});

test("To a stranger another's site looks exactly like one that is not there, at every endpoint", async () => {
  const { settings } = await read<SettingsView>(owner, `${at}/settings`);
  const keys = Object.keys(settingsEndpoints) as (keyof typeof settingsEndpoints)[];
  for (const key of keys) {
    assert.equal(endpoints[key].run, settingsEndpoints[key].run);
    assert.ok(key in SITE_ROLE_NEEDED);
    const [method = "", path = ""] = key.split(" ");
    const body = method === "PUT" ? { revision: 1, settings, note: "" } : { note: "" };
    const ask = async (base: string): Promise<[number, string]> => {
      const url = base + path.replace("/sites/{siteId}", "").replace("{revision}", "1");
      const answer = method === "GET" ? await stranger.get(url) : await stranger.send(method, url, body);
      return [answer.status, (await answer.text()).replace(/"instance":"[^"]*"/, "")];
    };
    const [foreign, absent] = [await ask(at), await ask(NOWHERE)];
    assert.deepEqual(foreign, absent, key);
    assert.equal(foreign[0], 404, key);
  }
  assert.equal(keys.length, 6);
});
