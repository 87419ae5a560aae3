/** An owner's rules on real nginx: who may come, by every kind of match, and what visitors and origins get to see of it. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { AI_CRAWLERS } from "../../src/edge/ai-crawlers.ts";
import type { SiteId } from "../../src/contract/ids.ts";
import { singleOrigin } from "../../src/contract/origin-pool.ts";
import { SITE_RULES_DEFAULT, type AccessRule, type SiteRules } from "../../src/contract/site-rules.ts";
import { SITE_RULES_SCHEMA } from "../../src/contract/site-schema.ts";
import { makeReceipt } from "../../src/ledger/core/testing.ts";
import { writeMmdb } from "../mmdb-writer.ts";
import {
  ask,
  newSiteId,
  openOrigin,
  openStage,
  policyFor,
  recordFor,
  sendRaw,
  until,
  type Answer,
  type Ask,
  type Origin,
  type Stage,
} from "./edge-stage.ts";
import { newAuthority, openTlsOrigin } from "./tls-origins.ts";

const FRANCE = "127.1.0.5";
const GERMANY = "127.2.0.5";
const NOWHERE = "127.9.0.5";
const GPTBOT = "Mozilla/5.0 (compatible; GPTBot/1.3; +https://openai.com/gptbot)";
const TLS_SITE = newSiteId();
const HTML = { accept: "text/html" };
const match: AccessRule = { paths: [], methods: [], networks: [], asns: [], countries: [], action: "deny" };

const folder = mkdtempSync(join(tmpdir(), "parapet-rules-"));
const databases = { countryDatabase: join(folder, "country.mmdb"), asnDatabase: join(folder, "asn.mmdb") };
writeFileSync(
  databases.countryDatabase,
  writeMmdb("Test-Country", [
    { network: "127.1.0.0/16", value: { country: { iso_code: "FR" } } },
    { network: "127.2.0.0/16", value: { country: { iso_code: "DE" } } },
  ]),
);
writeFileSync(
  databases.asnDatabase,
  writeMmdb("Test-ASN", [
    { network: "127.1.0.0/16", value: { autonomous_system_number: 4_200_000_001 } },
    { network: "127.2.0.0/16", value: { autonomous_system_number: 64_500 } },
  ]),
);
after(() => rmSync(folder, { recursive: true, force: true }));

/** Asks from one of the loopback's many addresses. */
function askFrom(address: string, from: string, input: Ask): Promise<Answer> {
  return ask(address, { ...input, localAddress: from });
}

describe("rules of a site", () => {
  let stage: Stage;
  let origin: Origin;
  let siteId: SiteId;
  const host = "forum.example";

  before(async () => {
    stage = await openStage(databases);
    siteId = newSiteId();
    origin = await openOrigin((asked, answer) => {
      answer.setHeader("X-Powered-By", "old software");
      answer.setHeader("Content-Type", "text/plain");
      if (asked.url === "/robots.txt") return void answer.end("User-agent: *\nDisallow: /private\n");
      answer.end(`origin says ${asked.url}`);
    });
  });
  after(async () => {
    await origin.end();
    await stage.end();
  });

  async function set(
    rules: Partial<SiteRules>,
    changes: Parameters<typeof policyFor>[1] = {},
  ): Promise<void> {
    const whole = { ...SITE_RULES_DEFAULT, ...rules };
    assert.ok(SITE_RULES_SCHEMA.safeParse(whole).success);
    const ack = await stage.apply(policyFor(origin.port, { siteId, rules: whole, ...changes }));
    assert.equal(ack.ok, true, JSON.stringify(ack));
  }
  const from = (address: string, path = "/", input: Partial<Ask> = {}): Promise<Answer> =>
    askFrom(stage.node.address, address, { host, path, ...input });
  const statuses = async (path = "/"): Promise<number[]> => [
    (await from(FRANCE, path)).status,
    (await from(GERMANY, path)).status,
    (await from(NOWHERE, path)).status,
  ];

  test("both databases were taken without a word", () => {
    assert.deepEqual(stage.alarms, []);
  });

  test("access by country, network, autonomous system, path and method, the first rule that matches", async () => {
    const table: [string, readonly Partial<AccessRule>[], string, number[]][] = [
      ["nothing set", [], "/", [200, 200, 200]],
      ["a country kept out", [{ countries: ["FR"] }], "/", [403, 200, 200]],
      ["a country alone", [{ countries: ["FR"], action: "allow" }, {}], "/", [200, 403, 403]],
      ["a number above 2^31", [{ asns: [4_200_000_001] }], "/", [403, 200, 200]],
      ["one of several numbers", [{ asns: [1, 64_500] }], "/", [200, 403, 200]],
      ["a network", [{ networks: ["127.2.0.0/17"] }], "/", [200, 403, 200]],
      ["a mapped network", [{ networks: ["::ffff:127.2.0.0/113"] }], "/", [200, 403, 200]],
      ["no IPv4 in IPv6's everything", [{ networks: ["::/0"] }], "/", [200, 200, 200]],
      ["a path", [{ paths: ["/admin*"] }], "/admin/x", [403, 403, 403]],
      ["another spelling", [{ paths: ["/admin*"] }], "/x/../%61dmin//x", [403, 403, 403]],
      ["another path", [{ paths: ["/admin*"] }], "/adm", [200, 200, 200]],
      ["all that is said", [{ paths: ["/admin*"], countries: ["FR"] }], "/admin", [403, 200, 200]],
      [
        "the first decides",
        [{ countries: ["FR"], action: "allow" }, { paths: ["/a*"] }],
        "/a",
        [200, 403, 403],
      ],
    ];
    for (const [what, access, path, expected] of table) {
      await set({ access: access.map((rule) => ({ ...match, ...rule })) });
      assert.deepEqual(await statuses(path), expected, what);
    }
    await set({ access: [{ ...match, methods: ["POST"] }] });
    const table2: [string, number][] = [
      ["GET", 200],
      ["POST", 403],
      ["PUT", 200],
    ];
    for (const [method, status] of table2)
      assert.equal((await from(FRANCE, "/", { method, body: "x" })).status, status, method);
    await set({ access: [{ ...match, methods: ["GET"] }] });
    assert.equal((await from(FRANCE, "/", { method: "HEAD" })).status, 403);
  });

  test("who is kept out is told why, reaches no origin, and stands in the site's log", async () => {
    await set({ access: [{ ...match, paths: ["/shut"] }] });
    const asked = origin.requests.length;
    const page = await from(FRANCE, "/shut", { method: "POST", body: "x=1" });
    assert.equal(page.status, 403);
    assert.match(page.body, /access\.denied/);
    const json = await from(FRANCE, "/shut", { headers: { accept: "application/json" } });
    assert.equal((JSON.parse(json.body) as { code: string }).code, "access.denied");
    assert.equal(origin.requests.length, asked);
    const requestId = (JSON.parse(json.body) as { requestId: string }).requestId;
    await until(() => log().some((line) => line["request"] === requestId));
    const line = log().find((entry) => entry["request"] === requestId);
    assert.deepEqual(
      [line?.["site"], line?.["verdict"], line?.["reason"], line?.["status"]],
      [siteId, "block", "access.denied", 403],
    );
  });

  function log(): Record<string, unknown>[] {
    const text = readFileSync(join(stage.dataDir, "edge", "access.log"), "utf8");
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  test("maintenance: 503 with a time, in the visitor's language, and those who work on it pass", async () => {
    const maintenance = {
      on: true,
      messageEn: "Back at noon. <b>Really</b>",
      messageFr: "De retour à midi.",
      allowNetworks: ["127.1.0.0/16"],
      retryAfterSeconds: 1200,
    };
    await set({ maintenance });
    assert.equal((await from(FRANCE)).status, 200);
    const english = await from(GERMANY);
    assert.deepEqual([english.status, english.headers["retry-after"]], [503, "1200"]);
    assert.match(english.body, /Back at noon\. &lt;b&gt;Really/);
    assert.match(english.body, /site\.maintenance/);
    const french = await from(GERMANY, "/", { headers: { "accept-language": "fr" } });
    assert.match(french.body, /De retour à midi\./);
    const json = await from(GERMANY, "/", { headers: { accept: "application/json" } });
    assert.match((JSON.parse(json.body) as { detail: string }).detail, /Back at noon/);
    await set({ maintenance: { ...maintenance, messageEn: "", messageFr: "", allowNetworks: [] } });
    const own = await from(FRANCE);
    assert.deepEqual([own.status, /working on it/.test(own.body)], [503, true]);
    await set({});
    assert.equal((await from(GERMANY)).status, 200);
  });

  test("a notice of the desk stands before any rule of the owner", async () => {
    const measure = makeReceipt(recordFor(siteId, { scope: "path" }));
    await set({ maintenance: { ...SITE_RULES_DEFAULT.maintenance, on: true } }, { measures: [measure] });
    assert.equal((await from(FRANCE, "/threads/7")).status, 451);
    assert.equal((await from(FRANCE, "/")).status, 503);
  });

  test("AI crawlers: asked in robots.txt, refused by their name, and let read why", async () => {
    const robots = { mode: "text", text: "User-agent: *\nDisallow: /private", aiCrawlers: "block" } as const;
    await set({ robots });
    const file = await from(FRANCE, "/robots.txt", { headers: { "user-agent": GPTBOT } });
    assert.equal(file.status, 200);
    assert.match(String(file.headers["content-type"]), /^text\/plain/);
    assert.ok(file.body.startsWith("User-agent: *\nDisallow: /private\n"));
    for (const { token } of AI_CRAWLERS) assert.ok(file.body.includes(`\nUser-agent: ${token}\n`), token);
    const refused = await from(FRANCE, "/page", { headers: { "user-agent": GPTBOT } });
    assert.equal(refused.status, 403);
    assert.match(refused.body, /access\.crawler/);
    assert.equal((await from(FRANCE, "/page", { headers: { "user-agent": "NotGPTBot/1" } })).status, 200);
    assert.equal((await from(FRANCE, "/robots.txt", { method: "HEAD" })).body, "");
    await set({ robots: { ...robots, aiCrawlers: "disallow" } });
    assert.equal((await from(FRANCE, "/page", { headers: { "user-agent": GPTBOT } })).status, 200);
    await set({ robots: { mode: "origin", text: "", aiCrawlers: "disallow" } });
    assert.match((await from(FRANCE, "/robots.txt")).body, /^#.*\nUser-agent: /);
    await set({});
    assert.equal((await from(FRANCE, "/robots.txt")).body, "User-agent: *\nDisallow: /private\n");
  });

  test("redirects keep to the site, to the header line, and to what was asked", async () => {
    const rule = { status: 302 as const, keepQuery: true };
    await set({
      redirects: [
        { ...rule, from: "/old/*", to: "/new/$1", status: 308 },
        { ...rule, from: "/go*", to: "/$1" },
        { ...rule, from: "/away/*", to: "https://elsewhere.example/$1", status: 301 },
        { ...rule, from: "/search/*", to: "/find?q=$1", keepQuery: false, status: 307 },
      ],
    });
    const table: [string, number, string | undefined][] = [
      ["/old/a/b?x=%2B&y=1", 308, "/new/a/b?x=%2B&y=1"],
      ["/old/caf%C3%A9%20%0d%0aSet-Cookie:%20a=b", 308, "/new/caf%C3%A9%20%0D%0ASet-Cookie:%20a=b"],
      ["/go//evil.example/", 302, "/evil.example/"],
      ["/go/%2F%2Fevil.example", 302, "/evil.example"],
      ["/go%5Cevil.example", 302, "/%5Cevil.example"],
      ["/go/%5C%5Cevil.example", 302, "/%5C%5Cevil.example"],
      ["/away/@evil.example", 301, "https://elsewhere.example/@evil.example"],
      ["/search/a&b=c?d=e", 307, "/find?q=a%26b%3Dc"],
      ["/other", 200, undefined],
    ];
    for (const [path, status, location] of table) {
      const answer = await from(FRANCE, path);
      assert.deepEqual([answer.status, answer.headers.location], [status, location], path);
      assert.equal(answer.headers["set-cookie"], undefined);
    }
    const raw = await sendRaw(
      stage.node.address,
      `GET /old/x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    assert.match(raw, /^HTTP\/1\.1 308 [^]*\r\nLocation: \/new\/x\r\n/);
    assert.match(raw, /<a href="\/new\/x">/);
    assert.equal((await from(FRANCE, "/old/x", { method: "POST", body: "kept by 308" })).status, 308);
    await until(() => log().some((line) => line["reason"] === "site.redirect"));
    assert.equal(log().find((line) => line["reason"] === "site.redirect")?.["verdict"], "pass");
  });

  test("header fields towards the origin and towards the visitor, on every way and from the cache", async () => {
    const headers = [
      { on: "request", action: "set", name: "X-Tenant", value: "forum" },
      { on: "request", action: "remove", name: "Cookie", value: "" },
      { on: "response", action: "set", name: "X-Frame-Options", value: "DENY" },
      { on: "response", action: "set", name: "Content-Security-Policy", value: "default-src 'self'" },
      { on: "response", action: "remove", name: "X-Powered-By", value: "" },
    ] as const;
    const ways: [string, Parameters<typeof policyFor>[1]][] = [
      ["plain", {}],
      ["another Host", { origin: { ...singleOrigin("http", "127.0.0.1", origin.port, "inside.example") } }],
      [
        "signed",
        {
          origin: { ...singleOrigin("http", "127.0.0.1", origin.port), signed: true },
          signingKey: "A".repeat(43),
        },
      ],
    ];
    for (const [what, changes] of ways) {
      await set({ headers }, changes);
      for (const path of ["/page", "/style.css", "/style.css"]) {
        const answer = await from(FRANCE, path, { headers: { cookie: "session=1", "x-tenant": "forged" } });
        assert.equal(answer.status, 200, `${what} ${path}`);
        assert.deepEqual(
          [
            answer.headers["x-frame-options"],
            answer.headers["content-security-policy"],
            answer.headers["x-powered-by"],
          ],
          ["DENY", "default-src 'self'", undefined],
          `${what} ${path}`,
        );
        assert.ok(answer.headers["x-request-id"]);
      }
      const heard = origin.requests.at(-1)?.headers;
      assert.deepEqual([heard?.["x-tenant"], heard?.cookie], ["forum", undefined], what);
      const posted = await from(FRANCE, "/page", {
        method: "POST",
        headers: { "transfer-encoding": "chunked" },
        body: "abc",
      });
      assert.deepEqual([posted.status, posted.headers["x-frame-options"]], [200, "DENY"], `${what}, chunked`);
      assert.equal(origin.requests.at(-1)?.body, "abc");
    }
    await set({});
    const plain = await from(FRANCE, "/page", { headers: { cookie: "session=1" } });
    assert.deepEqual(
      [plain.headers["x-frame-options"], plain.headers["x-powered-by"]],
      [undefined, "old software"],
    );
    assert.equal(origin.requests.at(-1)?.headers.cookie, "session=1");
  });

  test("a change is in force when it is confirmed, on kept connections as well", async () => {
    for (let i = 0; i < 10; i++) {
      await set({ access: i % 2 === 0 ? [match] : [] });
      assert.deepEqual(await statuses(), i % 2 === 0 ? [403, 403, 403] : [200, 200, 200]);
    }
  });
});

describe("an owner's own pages", () => {
  let stage: Stage;
  let origin: Origin;
  const host = "forum.example";
  const page = (what: string): string => `<h1>${what}</h1><script src=/own.js></script><p>No. {{request_id}}`;

  before(async () => {
    stage = await openStage({ originReadSeconds: 1, originConnectSeconds: 1 });
    origin = await openOrigin((asked, answer) => {
      if (asked.url?.startsWith("/slow") === true) return;
      if (asked.url?.startsWith("/cut") === true) return void asked.socket.destroy();
      if (asked.url === "/own") answer.statusCode = 502;
      answer.end("origin");
    });
  });
  after(async () => {
    await origin.end();
    await stage.end();
  });

  test("stand in place of the edge's, with the request's number and nothing that a visitor sent", async () => {
    const siteId = newSiteId();
    const reasons = [
      "origin.down",
      "origin.slow",
      "limit.client",
      "access.denied",
      "site.maintenance",
    ] as const;
    const errorPages = reasons.map((reason) => ({ reason, html: page(reason) }));
    const rules: SiteRules = { ...SITE_RULES_DEFAULT, errorPages, access: [{ ...match, paths: ["/shut"] }] };
    const pool = { ...singleOrigin("http", "127.0.0.1", origin.port), connectSeconds: 1, readSeconds: 1 };
    const apply = async (changes: Parameters<typeof policyFor>[1]): Promise<void> =>
      assert.equal(
        (await stage.apply(policyFor(origin.port, { siteId, rules, origin: pool, ...changes }))).ok,
        true,
      );
    const get = (path: string, headers: Record<string, string> = HTML): Promise<Answer> =>
      stage.send({ host, path, headers });
    await apply({});
    const table: [string, number, string][] = [
      ["/cut", 502, "origin.down"],
      ["/cut.css", 502, "origin.down"],
      ["/slow", 504, "origin.slow"],
      ["/shut", 403, "access.denied"],
    ];
    for (const [path, status, reason] of table) {
      const answer = await get(`${path}?<script>`);
      assert.equal(answer.status, status, path);
      const number = String(answer.headers["x-request-id"]);
      assert.equal(answer.body, page(reason).replace("{{request_id}}", number), path);
      assert.match(number, /^[0-9a-f]{16,32}$/);
      assert.equal(answer.headers["content-security-policy"], undefined);
      assert.equal(answer.headers["cache-control"], "no-store");
      const json = await get(path, { accept: "application/json" });
      assert.equal((JSON.parse(json.body) as { code: string }).code, reason);
    }
    assert.equal((await get("/own")).body, "origin", "the origin's own error is its own");
    await apply({ rules: { ...rules, maintenance: { ...rules.maintenance, on: true } } });
    const closed = await get("/");
    assert.deepEqual([closed.status, closed.headers["retry-after"]], [503, "600"]);
    assert.match(closed.body, /<h1>site\.maintenance<\/h1>/);
    await apply({ limit: { requestsPerSecond: 0.1, burst: 3 } });
    assert.equal((await get("/")).status, 200);
    for (let i = 0; i < 4; i++) await get("/");
    const over = await get("/");
    assert.equal(over.status, 429);
    assert.match(over.body, /<h1>limit\.client<\/h1>/);
    assert.ok(over.headers["retry-after"]);
  });

  test("of one site are never shown by another", async () => {
    const ack = await stage.apply(policyFor(origin.port, { hostnames: ["other.example"] }));
    assert.equal(ack.ok, true);
    const answer = await stage.send({ host: "other.example", path: "/cut", headers: HTML });
    assert.equal(answer.status, 502);
    assert.match(answer.body, /origin\.down/);
    assert.ok(!answer.body.includes("own.js"));
    const unknown = await stage.send({ host: "nobody.example", headers: HTML });
    assert.equal(unknown.status, 421);
  });
});

test("rules by network and country hold for visitors over IPv6", async (t) => {
  const countryDatabase = join(folder, "six.mmdb");
  const entry = { country: { iso_code: "CA" } };
  writeFileSync(
    countryDatabase,
    writeMmdb("Test-Country", [
      { network: "::1/128", value: entry },
      { network: "127.0.0.0/8", value: entry },
    ]),
  );
  const stage = await openStage({ listen: "[::1]:0", countryDatabase });
  t.after(() => stage.end());
  const origin = await openOrigin();
  t.after(() => origin.end());
  const siteId = newSiteId();
  const table: [Partial<AccessRule>, number][] = [
    [{ networks: ["::1/128"] }, 403],
    [{ networks: ["::/127"] }, 403],
    [{ networks: ["2001:db8::/32", "0.0.0.0/0"] }, 200],
    [{ countries: ["CA"] }, 403],
    [{ countries: ["FR"] }, 200],
  ];
  for (const [rule, status] of table) {
    const rules = { ...SITE_RULES_DEFAULT, access: [{ ...match, ...rule }] };
    assert.equal((await stage.apply(policyFor(origin.port, { siteId, rules }))).ok, true);
    const answer = await askFrom(stage.node.address, "::1", { host: "forum.example" });
    assert.equal(answer.status, status, JSON.stringify(rule));
  }
  assert.deepEqual(stage.alarms, []);
});

test("header fields towards an origin over TLS, verified or not, and back from it", async (t) => {
  const authority = newAuthority();
  t.after(() => authority.end());
  const stage = await openStage({ originCaFile: authority.caFile });
  t.after(() => stage.end());
  const heard: (string | undefined)[] = [];
  const origin = await openTlsOrigin({
    certificates: { "inner.example": authority.issue("inner.example") },
    listener: (asked, answer) => {
      heard.push(asked.headers["x-tenant"] as string | undefined);
      answer.setHeader("X-Powered-By", "old software");
      asked.resume().on("end", () => answer.end("over TLS"));
    },
  });
  t.after(() => origin.end());
  const headers = [
    { on: "request", action: "set", name: "X-Tenant", value: "forum" },
    { on: "response", action: "remove", name: "X-Powered-By", value: "" },
    { on: "response", action: "set", name: "X-Frame-Options", value: "DENY" },
  ] as const;
  for (const verify of ["strict", "off"] as const) {
    const pool = singleOrigin("https", "127.0.0.1", origin.port);
    const tls = { verify, name: "inner.example", clientCertificateId: null };
    const rules = { ...SITE_RULES_DEFAULT, headers };
    const policy = policyFor(origin.port, { siteId: TLS_SITE, rules, origin: { ...pool, tls } });
    assert.equal((await stage.apply(policy)).ok, true);
    for (const [path, body] of [
      ["/page", undefined],
      ["/style.css", undefined],
      ["/page", "abc"],
    ] as const) {
      const answer = await stage.send({
        host: "forum.example",
        path,
        method: body === undefined ? "GET" : "POST",
        ...(body === undefined ? {} : { body, headers: { "transfer-encoding": "chunked" } }),
      });
      assert.deepEqual(
        [answer.status, answer.body, answer.headers["x-frame-options"], answer.headers["x-powered-by"]],
        [200, "over TLS", "DENY", undefined],
        `${verify} ${path}`,
      );
    }
  }
  assert.ok(heard.length >= 5 && heard.every((value) => value === "forum"), JSON.stringify(heard));
});

test("a broken database costs its feature and an alarm: the edge serves, and rules by country let in", async (t) => {
  const bad = join(folder, "bad.mmdb");
  writeFileSync(bad, readFileSync(databases.countryDatabase).subarray(0, 200));
  const stage = await openStage({ countryDatabase: bad, asnDatabase: databases.asnDatabase });
  t.after(() => stage.end());
  const origin = await openOrigin();
  t.after(() => origin.end());
  const access = [
    { ...match, countries: ["FR"] },
    { ...match, countries: ["DE"], action: "allow" as const },
    { ...match, paths: ["/shut"] },
    { ...match, asns: [64_500] },
  ];
  const ack = await stage.apply(policyFor(origin.port, { rules: { ...SITE_RULES_DEFAULT, access } }));
  assert.equal(ack.ok, true);
  assert.deepEqual(
    stage.alarms.map(({ code }) => code),
    ["edge.geo-unusable"],
  );
  const ask = (from: string, path: string): Promise<Answer> =>
    askFrom(stage.node.address, from, { host: "forum.example", path });
  assert.equal((await ask(FRANCE, "/")).status, 200);
  assert.equal(
    (await ask(GERMANY, "/shut")).status,
    200,
    "the rule that allows speaks for whoever it may be about",
  );
  await origin.end();
  await stage.end();
});
