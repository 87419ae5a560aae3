/** Protection rules on real nginx: every kind of key and match, every action, windows, holds, shadow mode, ends, and who is never stopped. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { after, before, describe, test } from "node:test";
import { FEATURES } from "../../src/contract/flood.ts";
import type { SiteId } from "../../src/contract/ids.ts";
import type { SitePolicy } from "../../src/contract/policy.ts";
import {
  MATCH_ALL,
  PROTECTION_DEFAULT,
  type ProtectionMatch,
  type ProtectionRule,
  type ProtectionSettings,
  type RuleRate,
} from "../../src/contract/protection.ts";
import { REASON_STATUS } from "../../src/contract/verdict.ts";
import { PROTECTION_SCHEMA } from "../../src/contract/site-schema.ts";
import { makeReceipt } from "../../src/ledger/core/testing.ts";
import { writeMmdb } from "../mmdb-writer.ts";
import { askTls, certificateFor, giveCertificate, newIssuer, resumesTls, tlsSessionOf } from "./tls-stage.ts";
import {
  ask,
  newSiteId,
  openOrigin,
  openStage,
  policyFor,
  recordFor,
  until,
  type Answer,
  type Ask,
  type Origin,
  type Stage,
} from "./edge-stage.ts";

const FRANCE = "127.1.0.5";
const GERMANY = "127.2.0.5";
const NOWHERE = "127.9.0.5";
const HOST = "forum.example";

const folder = mkdtempSync(join(tmpdir(), "parapet-limits-"));
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

const RULE: ProtectionRule = {
  name: "the rule",
  match: MATCH_ALL,
  rate: null,
  action: "block",
  isShadow: false,
  holdSeconds: 0,
  endsAt: null,
  reason: "for the test",
};
/** Long enough that a window does not slide away under a test. */
const RATE: RuleRate = { key: { by: "address" }, requests: 3, windowSeconds: 600, statuses: [] };

function askFrom(address: string, from: string, input: Ask): Promise<Answer> {
  return ask(address, { ...input, localAddress: from });
}

describe("protection rules", () => {
  let stage: Stage;
  let origin: Origin;
  let siteId: SiteId;

  before(async () => {
    stage = await openStage({ ...databases, allowNetworks: ["127.77.0.0/16"] });
    origin = await openOrigin((asked, answer) => {
      if (asked.url?.startsWith("/login") === true) answer.statusCode = 401;
      answer.end("origin");
    });
  });
  after(async () => {
    await origin.end();
    await stage.end();
  });

  /** A fresh site each time, so that no counter of an earlier test counts. */
  async function set(
    rules: readonly Partial<ProtectionRule>[],
    changes: Partial<ProtectionSettings> = {},
    policy: Partial<SitePolicy> = {},
  ): Promise<void> {
    const protection = {
      ...PROTECTION_DEFAULT,
      rules: rules.map((rule, i) => ({ ...RULE, name: `rule ${i}`, ...rule })),
      ...changes,
    };
    const parsed = PROTECTION_SCHEMA.safeParse(protection);
    assert.ok(parsed.success, JSON.stringify(parsed.error?.issues));
    if (siteId !== undefined) await stage.apply(policyFor(origin.port, { siteId, hostnames: [] }));
    siteId = policy.siteId ?? newSiteId();
    const ack = await stage.apply(policyFor(origin.port, { siteId, protection, ...policy }));
    assert.equal(ack.ok, true, JSON.stringify(ack));
  }
  const from = (address: string, path = "/", input: Partial<Ask> = {}): Promise<Answer> =>
    askFrom(stage.node.address, address, { host: HOST, path, ...input });
  /** How many of so many requests are let through. */
  async function through(count: number, ask: (i: number) => Promise<Answer>): Promise<number> {
    let passed = 0;
    for (let i = 0; i < count; i++) if ((await ask(i)).status === 200) passed += 1;
    return passed;
  }

  test("a rule speaks of requests by path, method, network, country, system, field and cookie", async () => {
    const curl = { headers: { "user-agent": "curl/8.4.0" } };
    const table: [string, Partial<ProtectionMatch>, [string, string, Partial<Ask>, number][]][] = [
      [
        "path",
        { paths: ["/api/*"] },
        [
          [NOWHERE, "/api/x", {}, 403],
          [NOWHERE, "/ap/../%61pi//x", {}, 403],
          [NOWHERE, "/", {}, 200],
        ],
      ],
      [
        "method",
        { methods: ["POST"] },
        [
          [NOWHERE, "/", { method: "POST" }, 403],
          [NOWHERE, "/", {}, 200],
        ],
      ],
      ["GET and HEAD", { methods: ["GET"] }, [[NOWHERE, "/", { method: "HEAD" }, 403]]],
      [
        "network",
        { networks: ["127.1.0.0/16"] },
        [
          [FRANCE, "/", {}, 403],
          [GERMANY, "/", {}, 200],
        ],
      ],
      [
        "country",
        { countries: ["FR"] },
        [
          [FRANCE, "/", {}, 403],
          [GERMANY, "/", {}, 200],
          [NOWHERE, "/", {}, 200],
        ],
      ],
      [
        "system",
        { asns: [4_200_000_001] },
        [
          [FRANCE, "/", {}, 403],
          [GERMANY, "/", {}, 200],
        ],
      ],
      [
        "field",
        { headers: [{ name: "User-Agent", value: "curl/*", isAbsent: false }] },
        [
          [NOWHERE, "/", curl, 403],
          [NOWHERE, "/", {}, 200],
        ],
      ],
      [
        "field that is there",
        { headers: [{ name: "X-Scan", value: null, isAbsent: false }] },
        [
          [NOWHERE, "/", { headers: { "x-scan": "" } }, 403],
          [NOWHERE, "/", {}, 200],
        ],
      ],
      [
        "field that is not",
        { headers: [{ name: "User-Agent", value: null, isAbsent: true }] },
        [
          [NOWHERE, "/", {}, 403],
          [NOWHERE, "/", curl, 200],
        ],
      ],
      [
        "cookie",
        { cookies: [{ name: "plan", value: "free", isAbsent: false }] },
        [
          [NOWHERE, "/", { headers: { cookie: "a=1; plan=free" } }, 403],
          [NOWHERE, "/", { headers: { cookie: "xplan=free; plan=paid" } }, 200],
        ],
      ],
      [
        "all that is said",
        { paths: ["/api/*"], countries: ["FR"] },
        [
          [FRANCE, "/api/", {}, 403],
          [FRANCE, "/", {}, 200],
          [GERMANY, "/api/", {}, 200],
        ],
      ],
      ["a TLS shape, over a plain connection", { tlsShapes: ["0123456789ab"] }, [[NOWHERE, "/", {}, 200]]],
    ];
    for (const [what, match, asks] of table) {
      await set([{ match: { ...MATCH_ALL, ...match } }]);
      for (const [address, path, input, status] of asks) {
        const answer = await from(address, path, input);
        assert.equal(answer.status, status, `${what}: ${address} ${path} ${JSON.stringify(input)}`);
      }
    }
  });

  test("whoever is stopped is told why, with a number, in words and as JSON", async () => {
    await set([{ action: "block" }]);
    const page = await from(NOWHERE, "/", { headers: { accept: "text/html", "accept-language": "fr" } });
    assert.equal(page.status, 403);
    assert.match(page.body, /rule\.blocked/);
    assert.match(page.body, /Écarté par une règle/);
    assert.ok(page.body.includes(String(page.headers["x-request-id"])));
    assert.equal(page.headers["cache-control"], "no-store");
    const problem = await from(NOWHERE, "/", { headers: { accept: "application/json" } });
    assert.equal((JSON.parse(problem.body) as { code: string }).code, "rule.blocked");
    await set([{ action: "throttle", rate: { ...RATE, requests: 1 } }]);
    await from(NOWHERE);
    const throttled = await from(NOWHERE);
    assert.equal(throttled.status, 429);
    const seconds = Number(throttled.headers["retry-after"]);
    assert.ok(seconds >= 599 && seconds <= 700, `Retry-After: ${seconds}`);
    assert.match(throttled.body, /rule\.throttled/);
  });

  test("a rate counts by each key, in both workers together, and holds in any order of clients", async () => {
    const key = (value: string): Partial<Ask> => ({ headers: { "x-key": value } });
    const cookie = (value: string): Partial<Ask> => ({ headers: { cookie: `a=b; session=${value}` } });
    await set([{ rate: RATE, action: "throttle" }]);
    assert.equal(await through(20, () => from(NOWHERE)), 3, "by address");
    assert.equal(await through(5, () => from("127.9.0.6")), 3, "another address has its own");
    await set([{ rate: { ...RATE, key: { by: "network" } }, action: "throttle" }]);
    assert.equal(await through(9, (i) => from(`127.9.0.${i + 1}`)), 3, "by network");
    assert.equal(await through(4, (i) => from(`127.9.1.${i + 1}`)), 3, "another network");
    await set([{ rate: { ...RATE, key: { by: "asn" } }, action: "throttle" }]);
    assert.equal(await through(6, (i) => from(`127.1.${i}.1`)), 3, "by system");
    assert.equal(await through(6, (i) => from(`127.9.${i}.1`)), 6, "without an entry by address");
    await set([{ rate: { ...RATE, key: { by: "country" } }, action: "throttle" }]);
    assert.equal(await through(6, (i) => from(`127.2.${i}.1`)), 3, "by country");
    await set([{ rate: { ...RATE, key: { by: "site" } }, action: "throttle" }]);
    assert.equal(await through(6, (i) => from(`127.5.${i}.1`)), 3, "by site");
    await set([{ rate: { ...RATE, key: { by: "header", name: "X-Key" } }, action: "throttle" }]);
    assert.equal(await through(6, (i) => from(`127.5.${i}.1`, "/", key("one"))), 3, "by field");
    assert.equal(await through(6, (i) => from(FRANCE, "/", key(`other ${i}`))), 6, "each value has its own");
    assert.equal(await through(6, () => from(FRANCE)), 3, "without the field by address");
    await set([{ rate: { ...RATE, key: { by: "cookie", name: "session" } }, action: "throttle" }]);
    assert.equal(await through(6, (i) => from(`127.5.${i}.1`, "/", cookie("one"))), 3, "by cookie");
    assert.equal(await through(4, (i) => from(FRANCE, "/", cookie(`s${i}`))), 4, "another cookie");
    await set([{ rate: { ...RATE, key: { by: "tls" } }, action: "throttle" }]);
    assert.equal(await through(5, () => from(NOWHERE)), 3, "without TLS by address");
  });

  test("throttling lets as many through as the window says, over and over; blocking waits for calm", async () => {
    await set([{ rate: { ...RATE, requests: 2, windowSeconds: 1 }, action: "throttle" }]);
    type Asked = { readonly sent: number; readonly done: number; readonly passed: boolean };
    const hammer = async (ms: number): Promise<Asked[]> => {
      const all: Asked[] = [];
      for (const end = Date.now() + ms; Date.now() < end;) {
        const sent = Date.now();
        const passed = (await from(NOWHERE)).status === 200;
        all.push({ sent, done: Date.now(), passed });
      }
      return all;
    };
    // A request is counted somewhere between its two moments: those that surely lie in the window before each that came through.
    const near = (all: readonly Asked[], i: number): number =>
      all.slice(0, i).filter(({ sent }) => sent > (all[i]?.done ?? 0) - 950).length;
    const came = (await hammer(3600)).filter(({ passed }) => passed);
    assert.ok(came.length >= 4, `only ${came.length} came through in 3.6 s`);
    for (const i of came.keys()) assert.ok(near(came, i) <= 1, "three within a second");
    await set([{ rate: { ...RATE, requests: 2, windowSeconds: 1 }, action: "block" }]);
    const all = await hammer(2500);
    assert.ok(all.some(({ passed }) => !passed));
    for (const [i, { passed }] of all.entries())
      assert.ok(!passed || near(all, i) <= 1, "no pause, no way in");
    await until(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1300));
      return (await from(NOWHERE)).status === 200;
    });
  });

  test("answers with a status are counted: the origin's, whichever way they come", async () => {
    const rate = { ...RATE, statuses: [401, 404] };
    for (const origins of [{}, { cache: { ...policyFor(1).cache, mode: "origin" as const } }]) {
      await set([{ rate, action: "block", match: { ...MATCH_ALL, paths: ["/login*"] } }], {}, origins);
      const statuses: number[] = [];
      for (let i = 0; i < 6; i++)
        statuses.push((await from(NOWHERE, "/login", { method: "POST", body: "x" })).status);
      assert.deepEqual(statuses, [401, 401, 401, 403, 403, 403]);
      assert.equal((await from(NOWHERE, "/")).status, 200, "elsewhere the rule says nothing");
      assert.equal((await from(FRANCE, "/login")).status, 401, "somebody else");
      const read: number[] = [];
      for (let i = 0; i < 5; i++) read.push((await from("127.9.9.9", "/login")).status);
      assert.deepEqual(read, [401, 401, 401, 403, 403], "read as well as sent");
    }
    await set([{ rate, action: "block" }]);
    assert.equal(await through(10, () => from(NOWHERE, "/")), 10, "other statuses do not count");
  });

  test("a client is held for as long as the rule says, on what the rule speaks of", async () => {
    await set([
      {
        rate: { ...RATE, requests: 1, windowSeconds: 1 },
        action: "throttle",
        holdSeconds: 3,
        match: { ...MATCH_ALL, paths: ["/a"] },
      },
    ]);
    await from(NOWHERE, "/a");
    const heldAt = Date.now();
    const held = await from(NOWHERE, "/a");
    assert.equal(held.status, 429);
    assert.ok([2, 3].includes(Number(held.headers["retry-after"])), String(held.headers["retry-after"]));
    assert.equal((await from(NOWHERE, "/b")).status, 200);
    let letIn = 0;
    await until(async () => {
      const { status } = await from(NOWHERE, "/a");
      letIn = Date.now();
      return status === 200;
    });
    assert.ok(letIn - heldAt > 2900, `held for ${letIn - heldAt} ms`);
  });

  test("in shadow mode, and with the action log, nobody is stopped; the log and the counts say what would have been", async () => {
    await set([
      { name: "shadow block", isShadow: true, action: "block", match: { ...MATCH_ALL, paths: ["/x"] } },
      { name: "shadow rate", isShadow: true, action: "throttle", rate: { ...RATE, requests: 2 } },
      { name: "log", action: "log", match: { ...MATCH_ALL, methods: ["GET"] } },
      { name: "other", action: "block", match: { ...MATCH_ALL, paths: ["/y"] } },
    ]);
    assert.equal(await through(6, (i) => from(NOWHERE, i < 2 ? "/x" : "/")), 6);
    assert.equal((await from(FRANCE, "/y")).status, 403);
    // Each worker tells what it counted once a second.
    await until(async () => {
      const counts = await stage.node.ruleCounts(siteId);
      const found = (name: string): number | undefined => counts.find(({ rule }) => rule === name)?.matched;
      return found("log") === 7 && found("other") === 1 && found("shadow block") === 2;
    });
    const counts = await stage.node.ruleCounts(siteId);
    assert.deepEqual(
      counts.map(({ rule, matched, met, stopped }) => [rule, matched, met, stopped]),
      [
        ["shadow block", 2, 2, 0],
        ["shadow rate", 7, 4, 0],
        ["log", 7, 7, 0],
        ["other", 1, 1, 1],
      ],
    );
    assert.ok((await stage.node.ruleCounts()).some((one) => one.siteId === siteId && one.rule === "log"));
    const lines: { path: string; rules: string; verdict: string; reason: string; status: number }[] = [];
    await until(async () => {
      lines.length = 0;
      for (const line of await stage.node.siteLog(siteId)) lines.push(JSON.parse(line) as (typeof lines)[0]);
      return lines.length === 7;
    });
    assert.deepEqual(lines.map(({ path, rules, verdict }) => [path, rules, verdict].join(" | ")).sort(), [
      ...Array.from({ length: 4 }, () => "/ | shadow rate, log | pass"),
      "/x | shadow block, log | pass",
      "/x | shadow block, log | pass",
      "/y | log, other | block",
    ]);
  });

  test("a rule that challenges asks for a proof; APIs that the owner names are not asked, and nobody else is let through", async () => {
    await set(
      [
        { action: "challenge", match: { ...MATCH_ALL, paths: ["/shop*"] } },
        { match: { ...MATCH_ALL, methods: ["DELETE"] } },
      ],
      {
        neverChallenge: ["/shop/api/*"],
      },
    );
    const asked = await from(NOWHERE, "/shop/basket", { headers: { accept: "text/html" } });
    assert.equal(asked.status, REASON_STATUS["challenge.asked"]);
    assert.match(asked.body, /challenge\.asked/);
    assert.equal((await from(NOWHERE, "/shop/api/x")).status, 200);
    assert.equal(
      (await from(NOWHERE, "/shop/api/x", { method: "DELETE" })).status,
      403,
      "a later rule still shuts its door",
    );
    assert.equal((await from(NOWHERE, "/")).status, 200);
    await set([{ action: "challenge", rate: { ...RATE, requests: 2 } }]);
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await from(NOWHERE)).status);
    assert.deepEqual(statuses, [200, 200, asked.status, asked.status]);
    const own = { allowNetworks: ["127.8.0.0/16"] };
    await set([{ action: "challenge" }], own);
    assert.deepEqual([(await from("127.8.1.1")).status, (await from(NOWHERE)).status], [200, asked.status]);
  });

  test("a rule ends by itself, with the control plane silent", async () => {
    const endsAt = new Date(Date.now() + 2500).toISOString();
    await set([
      { endsAt },
      { endsAt: new Date(Date.now() - 1000).toISOString(), match: { ...MATCH_ALL, paths: ["/old"] } },
    ]);
    assert.equal((await from(NOWHERE)).status, 403);
    await until(async () => (await from(NOWHERE)).status === 200);
    assert.ok(Date.now() >= Date.parse(endsAt));
    assert.equal((await from(NOWHERE, "/old")).status, 200);
  });

  test("the first rule whose action is met decides; what was only counted goes on", async () => {
    await set([
      { rate: { ...RATE, requests: 2 }, action: "throttle" },
      { rate: { ...RATE, requests: 1 }, action: "block" },
    ]);
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await from(NOWHERE)).status);
    assert.deepEqual(statuses, [200, 403, 429, 429]);
  });

  test("who is on the owner's or the operator's list is stopped by nothing but the desk", async () => {
    const everything = [{ action: "block" as const }];
    const own = { allowNetworks: ["127.8.0.0/16", "2001:db8::/32"] };
    await set(everything, own, { limit: { requestsPerSecond: 0.1, burst: 1 } });
    for (const address of ["127.8.1.1", "127.77.1.1"]) {
      for (let i = 0; i < 3; i++)
        assert.equal((await from(address)).status, 200, `${address}: rule and limit`);
    }
    assert.deepEqual([(await from(NOWHERE)).status, (await from(NOWHERE)).status], [403, 429]);
    await stage.node.ban([
      { siteId, address: "127.8.1.1", seconds: 60 },
      { siteId: null, address: "127.77.1.1", seconds: 60 },
      { siteId: null, address: "127.8.0.0/24", seconds: 60 },
      { siteId: null, address: "127.9.0.0/24", seconds: 60 },
    ]);
    await until(async () => /client\.banned/.test((await from(NOWHERE)).body));
    for (let i = 0; i < 6; i++) {
      for (const address of ["127.8.1.1", "127.77.1.1", "127.8.0.9"]) {
        assert.equal((await from(address)).status, 200, `${address}: ban`);
      }
    }
    assert.equal(stage.node.allows("127.8.1.1", siteId), true);
    assert.equal(stage.node.allows("127.8.1.1", newSiteId()), false);
    assert.equal(
      stage.node.allows("127.8.1.1", null),
      true,
      "what acts on all sites lets in who is allowed on one",
    );
    assert.equal(stage.node.allows("127.77.200.1", newSiteId()), true);
    assert.equal(stage.node.allows(NOWHERE, null), false);

    const record = recordFor(siteId, { scope: "site", subject: { siteId } });
    await set(everything, own, { siteId, measures: [makeReceipt(record)] });
    assert.equal((await from("127.8.1.9")).status, 451, "a measure of the desk");
    assert.equal((await from("127.77.1.9")).status, 451);
    await stage.node.ban([
      { siteId: null, address: "127.77.1.1", seconds: 0 },
      { siteId: null, address: "127.8.0.0/24", seconds: 0 },
      { siteId: null, address: "127.9.0.0/24", seconds: 0 },
    ]);
  });

  test("how a client speaks TLS is one shape, from any address and on a resumed session, and a rule can name it", async () => {
    const issuer = newIssuer();
    const secure = await openStage({ listenTls: "127.0.0.1:0" });
    try {
      const id = newSiteId();
      const tls = { redirectToHttps: false, hstsSeconds: 0, hstsSubdomains: false, hstsPreload: false };
      const ruled = (rule: Partial<ProtectionRule>): SitePolicy =>
        policyFor(origin.port, {
          siteId: id,
          tls,
          protection: { ...PROTECTION_DEFAULT, rules: [{ ...RULE, ...rule }] },
        });
      assert.ok(
        (await secure.apply(ruled({ rate: { ...RATE, key: { by: "tls" } }, action: "throttle" }))).ok,
      );
      const pair = issuer.issue([HOST]);
      assert.ok((await giveCertificate(secure, certificateFor(id, [HOST], pair))).ok);
      const ask = async (localAddress: string, more: ConnectionOptions = {}): Promise<number> =>
        (
          await askTls(secure.node.tlsAddress ?? "", {
            host: HOST,
            tls: { ...more, localAddress } as ConnectionOptions,
          })
        ).status;
      const other = { ciphers: "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256" };
      const session = await tlsSessionOf(secure.node.tlsAddress ?? "", HOST);
      assert.ok(await resumesTls(secure.node.tlsAddress ?? "", HOST, session));
      assert.equal(await ask("127.9.0.1"), 200);
      assert.equal(await ask("127.9.0.2", { session }), 200, "resumed");
      assert.equal(await ask("127.9.0.3"), 200);
      assert.equal(await ask("127.9.0.4"), 429, "the fourth of one shape");
      assert.equal(await ask("127.9.0.5", { session }), 429, "resumed, and still the same shape");
      assert.equal(await ask("127.9.0.6", other), 200, "another shape");
      let shape = "";
      await until(async () => {
        const { samples } = await secure.node.drainWatch();
        const found = samples.find(({ values }) => values[FEATURES.indexOf("address")] === "127.9.0.6");
        shape = found?.values[FEATURES.indexOf("tls")] ?? "";
        if (shape === "") await ask("127.9.0.6", other);
        return shape !== "";
      });
      assert.ok((await secure.apply(ruled({ match: { ...MATCH_ALL, tlsShapes: [shape] } }))).ok);
      assert.deepEqual([await ask("127.9.0.7", other), await ask("127.9.0.6")], [403, 200]);
    } finally {
      await secure.end();
      issuer.end();
    }
  });

  test("IPv6 clients count by /64", async () => {
    const six = await openStage({ listen: "[::1]:0" });
    try {
      const protection = {
        ...PROTECTION_DEFAULT,
        rules: [{ ...RULE, rate: RATE, action: "throttle" as const }],
      };
      assert.ok((await six.apply(policyFor(origin.port, { protection }))).ok);
      const at = six.node.address.lastIndexOf(":");
      const ask = (): Promise<number> =>
        new Promise((resolve, reject) => {
          const asking = request(
            { host: "::1", port: six.node.address.slice(at + 1), headers: { host: HOST }, agent: false },
            (answer) => {
              answer.resume();
              answer.on("end", () => resolve(answer.statusCode ?? 0));
            },
          );
          asking.on("error", reject);
          asking.end();
        });
      const statuses: number[] = [];
      for (let i = 0; i < 5; i++) statuses.push(await ask());
      assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
    } finally {
      await six.end();
    }
  });
});
