import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { ENDPOINTS } from "../contract/http.ts";
import { createApi, openApiOf } from "./app.ts";
import { HEADERS_MAX, JSON_DEPTH_MAX } from "./bounds.ts";
import { endpoints } from "./endpoints.ts";
import { createSignIn } from "./sign-in.ts";
import { browserOf, enrol, expectOk, startControl, type Browser, type TestControl } from "./testing.ts";

let server: TestControl;
let officer: Browser;
let operator: Browser;
let customer: Browser;
const CASE = `case_${"0".repeat(26)}`;
const SITE = `site_${"0".repeat(26)}`;
const MARKER = "ZQX-marker-7781";

before(async () => {
  server = await startControl();
  await server.sites.protect({
    hostname: "forum.example",
    originUrl: server.originUrl,
    account: "forum",
  });
  await server.sites.protect({ hostname: "shop.example", originUrl: server.originUrl, account: "shop" });
  officer = (await enrol(server, { name: "Officer", email: "officer@desk.example", roles: ["officer"] }))
    .browser;
  operator = (await enrol(server, { name: "Operator", email: "op@desk.example", roles: ["operator"] }))
    .browser;
  const own = { name: "Customer", email: "c@shop.example", roles: ["customer"], account: "shop" } as const;
  customer = (await enrol(server, own)).browser;
});
after(() => server.close());

const json = async (response: Response): Promise<Record<string, unknown>> =>
  (await response.json()) as Record<string, unknown>;

test("The contract, the routes served and the OpenAPI document name the same endpoints", () => {
  const services = { ...server, settings: server.settings } as never;
  const signIn = createSignIn({
    db: server.db,
    settings: server.settings,
    secret: randomBytes(32),
    now: Date.now,
    random: randomBytes,
  });
  const app = createApi({ services, signIn, problems: { random: randomBytes, onUnknown: () => undefined } });
  signIn.close();
  const contract = [...ENDPOINTS].map((key) => key.replace(" ", " /api/v1")).sort();
  const document = openApiOf(app, server.url) as { paths: Record<string, Record<string, unknown>> };
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const served = app.routes
    .filter((route) => route.path.startsWith("/api/v1/") && route.path !== "/api/v1/openapi.json")
    .map((route) => `${route.method} ${route.path.replace(/:(\w+)/g, "{$1}")}`);
  assert.deepEqual(documented.sort(), contract);
  assert.deepEqual(served.sort(), contract);
  assert.ok(contract.length >= 24);
});

test("The OpenAPI document is served to anybody", async () => {
  const response = await fetch(`${server.url}/api/v1/openapi.json`);
  assert.equal(response.status, 200);
  assert.equal((await json(response))["openapi"], "3.1.0");
});

test("Every endpoint that is not public refuses a stranger, whatever is sent", async () => {
  const stranger = browserOf(server.url);
  let seen = 0;
  for (const key of ENDPOINTS) {
    if (endpoints[key].access === "public") continue;
    const [method = "", path = ""] = key.split(" ");
    const at = `/api/v1${path.replace(/\{\w+\}/g, "x")}`;
    const response = method === "GET" ? await stranger.get(at) : await stranger.send(method, at, {});
    assert.equal(response.status, 401, key);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    seen += 1;
  }
  assert.equal(seen, ENDPOINTS.length - 1);
});

test("Each role reaches its own endpoints and no others", async () => {
  const people = { officer, operator, customer };
  const params: Record<string, string> = { "{siteId}": SITE, "{caseId}": CASE };
  for (const key of ENDPOINTS) {
    const { access } = endpoints[key];
    if (typeof access === "string") continue;
    const [method = "", path = ""] = key.split(" ");
    const at = `/api/v1${path.replace(/\{\w+\}/g, (name) => params[name] ?? "x")}`;
    for (const [role, browser] of Object.entries(people)) {
      const response = method === "GET" ? await browser.get(at) : await browser.send(method, at, {});
      const admitted = (access as readonly string[]).includes(role);
      assert.equal(response.status !== 403, admitted, `${key} as ${role}: ${response.status}`);
    }
  }
});

test("An operator never decides: no deciding endpoint admits the role", () => {
  for (const key of ENDPOINTS) {
    if (!/^(?:POST \/(cases|decisions|measures|appeals)|\w+ \/openings)/.test(key)) continue;
    assert.deepEqual(endpoints[key].access, ["officer"], key);
  }
});

test("A customer sees their own sites, adds to their own account, and learns nothing of others", async () => {
  const page = (await json(await customer.get("/api/v1/sites"))) as {
    items: { hostnames: string[] }[];
    total: number;
  };
  assert.deepEqual(
    page.items.flatMap((site) => site.hostnames),
    ["shop.example"],
  );
  assert.equal(page.total, 1);
  const foreign = { hostname: "b.example", originUrl: server.originUrl, account: "forum" };
  assert.equal((await customer.send("POST", "/api/v1/sites", foreign)).status, 403);
  const own = { hostname: "b.shop.example", originUrl: server.originUrl, account: "shop" };
  const added = await customer.send("POST", "/api/v1/sites", own);
  assert.equal(added.status, 200, await added.clone().text());
});

test("A change from another page is refused although the cookie is there", async () => {
  for (const origin of ["https://evil.example", "null", ""]) {
    const body = { hostname: "x.example", originUrl: server.originUrl, account: "shop" };
    const response = await operator.send("POST", "/api/v1/sites", body, { origin });
    assert.equal(response.status, 403, origin);
  }
});

test("The overview counts, and an officer's case list reaches the desk as that officer", async () => {
  const overview = await json(await operator.get("/api/v1/overview"));
  assert.equal(overview["appealsOpen"], 1);
  assert.equal((overview["sites"] as { active: number }).active >= 2, true);
  await officer.get("/api/v1/cases");
  const asked = server.desk.asked.findLast(({ what }) => what === "cases");
  assert.deepEqual(asked?.actor?.roles, ["officer"]);
  assert.equal(asked?.actor?.name, "Officer");
});

test("What no view has a field for does not leave, even if a room adds it", async () => {
  const leaky = {
    items: [{ reporterEmail: `${MARKER}@mail.example` }],
    total: 0,
    identity: MARKER,
  };
  assert.equal(endpoints["GET /cases"].answer.safeParse(leaky).success, false);
  const parsed = endpoints["PUT /vault"].answer.parse({ fingerprint: "aa", identity: MARKER });
  assert.deepEqual(parsed, { fingerprint: "aa" });
  assert.ok(!JSON.stringify(endpoints["GET /cases"].answer.parse({ ...leaky, items: [] })).includes(MARKER));
});

test("A malformed request is a problem that names the field and never quotes it", async () => {
  const reason = { reason: MARKER };
  const good = {
    kind: "withhold",
    scope: "url",
    subject: { siteId: SITE, hostname: "forum.example", path: "/t/1" },
    clause: "life-threat",
    facts: "f",
    territory: ["*"],
    endsAt: null,
    reviewAt: "2026-12-01T00:00:00.000Z",
    reasonWider: null,
    reason: "r",
  };
  const wrong: [string, unknown, string][] = [
    ["no object", MARKER, "body"],
    ["unknown key", { ...good, extra: MARKER }, "body"],
    ["unknown clause", { ...good, clause: MARKER }, "clause"],
    ["facts too long", { ...good, facts: MARKER.repeat(2000) }, "facts"],
    ["a NUL", { ...good, facts: `${MARKER}\0` }, "facts"],
    ["an id of another kind", { ...good, subject: { siteId: CASE } }, "subject.siteId"],
    ["a day that is no moment", { ...good, endsAt: MARKER }, "endsAt"],
    ["an empty reason", { ...good, reason: "" }, "reason"],
  ];
  for (const [what, body, field] of wrong) {
    const response = await officer.send("POST", `/api/v1/cases/${CASE}/proposals`, body);
    assert.equal(response.status, 422, what);
    const text = await response.text();
    assert.ok(!text.includes(MARKER), `${what}: ${text}`);
    assert.ok(Object.hasOwn((JSON.parse(text) as { fields: object }).fields, field), `${what}: ${text}`);
  }
  assert.equal((await officer.send("POST", `/api/v1/cases/${CASE}/proposals`, good)).status, 409);
  assert.equal((await officer.send("POST", `/api/v1/cases/${MARKER}/proposals`, good)).status, 422);
  assert.equal(
    (await officer.send("POST", `/api/v1/decisions/deci_${"0".repeat(26)}/explode`, reason)).status,
    422,
  );
  assert.equal((await officer.get("/api/v1/cases?state=new&state=new")).status, 422);
  assert.equal((await officer.get("/api/v1/cases?what=1")).status, 422);
});

test("Bodies are bounded in bytes, depth, type and encoding", async () => {
  const at = `${server.url}/api/v1/cases/${CASE}/refusals`;
  const cookie = [...officer.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const post = (body: BodyInit, type = "application/json"): Promise<Response> =>
    fetch(at, { method: "POST", body, headers: { "content-type": type, cookie, origin: server.url } });
  assert.equal((await post("{}", "text/plain")).status, 422);
  assert.equal((await post("{")).status, 422);
  assert.equal((await post(new Uint8Array([0x22, 0xff, 0x22]))).status, 422);
  assert.equal((await post("[".repeat(JSON_DEPTH_MAX + 1))).status, 422);
  assert.equal((await post("[".repeat(100_000))).status, 422);
  const huge = await post(`{"facts":"${"x".repeat(1024 * 1024)}"}`).catch(() => null);
  assert.ok(huge === null || huge.status === 413, String(huge?.status));
});

test("A call that takes nothing may come without a body, and one that takes something may not", async () => {
  const cookie = [...customer.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const bare = (path: string): Promise<Response> =>
    fetch(`${server.url}/api/v1${path}`, { method: "POST", headers: { cookie, origin: server.url } });
  const site = (await server.sites.list()).items.find((each) => each.account === "shop");
  assert.ok(site);
  const checked = await bare(`/sites/${site.siteId}/hostnames/shop.example/check`);
  assert.equal(checked.status, 200, await checked.text());
  assert.equal((await bare("/sites")).status, 422);
});

test("Everybody learns the accounts that are theirs; an invitation may begin one, and no other", async () => {
  const accounts = async (who: Browser): Promise<unknown> =>
    (await json(await expectOk(who.get("/api/v1/me"))))["accounts"];
  assert.deepEqual(await accounts(customer), ["shop"]);
  assert.deepEqual(await accounts(officer), []);
  const fresh = { name: "New", email: "new@inn.example", roles: ["customer"], account: " The Inn " } as const;
  const { browser: innkeeper } = await enrol(server, fresh);
  assert.deepEqual(await accounts(innkeeper), ["The Inn"]);
  const add = (account: string): Promise<Response> =>
    innkeeper.send("POST", "/api/v1/sites", {
      hostname: "inn.example",
      originUrl: server.originUrl,
      account,
    });
  assert.equal((await add("shop")).status, 403);
  assert.equal((await add("The Inn")).status, 200);
});

test("Headers are bounded in number", async () => {
  const many = Object.fromEntries(Array.from({ length: HEADERS_MAX + 1 }, (_, i) => [`x-${i}`, "1"]));
  assert.equal((await fetch(`${server.url}/api/v1/transparency`, { headers: many })).status, 413);
});

test("A client that sends its headers byte by byte is not waited for without an end", async () => {
  // The bound itself is Node's; what is held here is that it is switched on. A whole wait would take ten seconds.
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  const answer = await new Promise<string>((resolve, reject) => {
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
    socket.write("GET /api/v1/transparency HTTP/1.1\r\nHost: x\r\n");
    socket.setTimeout(15_000, () => reject(new Error("the server waited for more than 15 s")));
  });
  assert.match(answer, /^HTTP\/1\.1 408 /);
});

test("An unknown failure shows an id and nothing else, and keeps no message", async () => {
  const broken = { ...server.desk };
  const original = server.desk.cases;
  server.desk.cases = async () => {
    throw new Error(`insert failed: (${MARKER})`, { cause: new Error(MARKER) });
  };
  try {
    const response = await officer.get("/api/v1/cases");
    assert.equal(response.status, 500);
    const text = await response.text();
    const problem = JSON.parse(text) as { code: string; instance: string };
    assert.equal(problem.code, "internal.failed");
    assert.ok(!text.includes(MARKER));
    const alarm = server.alarms.findLast(({ code }) => code === "control.failed");
    assert.ok(alarm?.what.includes(problem.instance));
    assert.match(alarm?.what ?? "", /src\/api\/app\.test\.ts/, "the position in our source is kept");
    assert.ok(!JSON.stringify(server.alarms).includes(MARKER));
  } finally {
    server.desk.cases = original;
  }
  assert.ok(broken);
});

test("Whatever JSON arrives, the answer is a problem document and never a failure of ours", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("proposals", "assessments", "referrals", "captures"),
      fc.json(),
      async (what, body) => {
        const response = await server.control.fetch(
          new Request(`${server.url}/api/v1/cases/${CASE}/${what}`, {
            method: "POST",
            body,
            headers: {
              "content-type": "application/json",
              origin: server.url,
              cookie: [...officer.cookies].map(([name, value]) => `${name}=${value}`).join("; "),
            },
          }),
          "test",
        );
        assert.equal(response.status, 422);
        assert.equal(response.headers.get("content-type"), "application/problem+json");
      },
    ),
    { numRuns: 60 },
  );
});

test("The console's files are served, and nothing outside of their folder", async () => {
  const folder = join(server.dataDir, "console");
  mkdirSync(join(folder, "assets"), { recursive: true });
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>console</title>");
  writeFileSync(join(folder, "assets/app.js"), "1");
  writeFileSync(join(server.dataDir, "secret.txt"), MARKER);
  symlinkSync(join(server.dataDir, "secret.txt"), join(folder, "assets/link.txt"));
  const index = await fetch(`${server.url}/console/cases/${CASE}`);
  assert.match(await index.text(), /console/);
  assert.match(index.headers.get("content-security-policy") ?? "", /script-src 'self'/);
  assert.equal(
    (await fetch(`${server.url}/console/assets/app.js`)).headers.get("content-type"),
    "text/javascript; charset=utf-8",
  );
  assert.equal((await fetch(`${server.url}/console/assets/gone.js`)).status, 404);
  for (const path of [
    "assets/link.txt",
    "..%2fsecret.txt",
    "%2e%2e/secret.txt",
    "assets/..%2f..%2fsecret.txt",
    ".hidden",
  ]) {
    const text = await (await fetch(`${server.url}/console/${path}`)).text();
    assert.ok(!text.includes(MARKER), path);
  }
});
