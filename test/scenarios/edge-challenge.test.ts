/**
 * The challenge on a real edge: who is asked, what is accepted and what never is, what a clearance is good for and where, and who is not asked at all.
 * Proofs are computed here by Node's own SHA-256, so that the edge and the page's script agree with a third party.
 */
import assert from "node:assert/strict";
import { createHash, randomInt, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import type { SiteId } from "../../src/contract/ids.ts";
import { CHALLENGE_PATH, CLEARANCE_COOKIE, PROTECTION_DEFAULT } from "../../src/contract/protection.ts";
import type { ProtectionSettings } from "../../src/contract/protection.ts";
import { CHALLENGE_CSP } from "../../src/contract/page-csp.ts";
import { EDGE_SECRETS_TOPIC } from "../../src/contract/topics.ts";
import { openSmallDns, type SmallDns } from "./small-dns.ts";
import {
  openOrigin,
  openStage,
  policyFor,
  type Answer,
  type Ask,
  type Origin,
  type Stage,
  until,
  ask,
} from "./edge-stage.ts";

const HOST = "forum.example";
const GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const PTR = "1.0.0.127.in-addr.arpa";

const UNDER_ATTACK: ProtectionSettings = {
  ...PROTECTION_DEFAULT,
  underAttack: { on: true, paths: [], endsAt: null },
};
let stage: Stage;
let origin: Origin;
let dns: SmallDns;

let site: SiteId;
const EVERY_GET = {
  where: [{ feature: "method", value: "GET" }],
  action: "challenge",
  difficultyBits: 8,
  perSecond: 0,
  seconds: 60,
} as const;
before(async () => {
  dns = await openSmallDns();
  stage = await openStage({ dnsServers: [dns.address] });
  origin = await openOrigin();
  const settings = { ...UNDER_ATTACK, neverChallenge: ["/api/*"] };
  const policy = policyFor(origin.port, { protection: settings });
  site = policy.siteId;
  assert.equal((await stage.apply(policy)).ok, true);
});
after(async () => {
  await stage.end();
  await origin.end();
  await dns.end();
});

test("a page is asked for a proof, and whoever brings one gets the page", async () => {
  const asked = await get("/threads?page=2");
  assert.equal(asked.status, 403);
  assert.equal(asked.headers["cache-control"], "no-store");
  assert.equal(asked.headers["content-security-policy"], CHALLENGE_CSP);
  assert.match(asked.headers["x-request-id"] as string, /^[0-9a-f]{16}$/);
  assert.ok(asked.body.includes(asked.headers["x-request-id"] as string));
  assert.ok(Buffer.byteLength(asked.body) < 12_288, `${Buffer.byteLength(asked.body)} bytes`);
  const brought = await bring(asked);
  assert.equal(brought.status, 303, brought.body);
  assert.equal(brought.headers.location, "http://forum.example/threads?page=2");
  const line = brought.headers["set-cookie"]?.[0] ?? "";
  assert.match(line, /; Path=\/; Max-Age=1\d\d\d; HttpOnly; SameSite=Lax$/);
  const passed = await get("/threads?page=2", { cookie: cookieOf(brought) });
  assert.equal(passed.status, 200);
  assert.equal(passed.body, "hello from the origin");
});

test("the same solution is the same clearance, however often it is brought", async () => {
  const asked = await get("/");
  const nonce = solve(fieldOf(asked, "token"));
  const first = cookieOf(await bring(asked, { nonce }));
  for (let i = 0; i < 3; i++) assert.equal(cookieOf(await bring(asked, { nonce })), first);
});

test("one address gets as many clearances as a school may need, and no more for computing more", async () => {
  const address = "127.0.9.9";
  const bringOne = async (): Promise<{ token: string; nonce: string; status: number }> => {
    const token = fieldOf(await from(address, { host: HOST }), "token");
    const nonce = solve(token);
    const body = `token=${token}&nonce=${nonce}`;
    const { status } = await from(address, { host: HOST, path: CHALLENGE_PATH, method: "POST", body });
    return { token, nonce, status };
  };
  // Easy ones: many are wanted within a minute.
  const easy = { ...EVERY_GET, siteId: site, mitigationId: "m-easy", difficultyBits: 2 };
  await stage.node.mitigate([easy]);
  await until(async () => fieldOf(await get("/"), "token").split(".")[2] === "2");
  const first = await bringOne();
  const body = `token=${first.token}&nonce=${first.nonce}`;
  const again = { host: HOST, path: CHALLENGE_PATH, method: "POST", body };
  let refused = 0;
  for (let n = 0; n < 150 && refused < 3; n++) {
    const { status } = await bringOne();
    assert.ok(status === 200 || status === 303 || status === 429, String(status));
    if (status === 429) refused += 1;
  }
  assert.equal(refused, 3);
  assert.notEqual((await from(address, again)).status, 429, "one that was brought before is no further one");
  await stage.node.mitigate([{ ...easy, seconds: 0 }]);
});

test("what one address brings is bounded, and counted as refused beyond that", async () => {
  const body = "check=1";
  const one = { host: HOST, path: CHALLENGE_PATH, method: "POST", body };
  const refused = async (): Promise<boolean> => {
    const asked = await Promise.all(Array.from({ length: 200 }, () => from("127.0.9.10", one)));
    return asked.some(({ status }) => status === 429);
  };
  await until(refused, 50_000);
  await until(async () => (await stage.node.drainWatch()).counts.some(({ limited }) => limited > 0));
});

test("what is no proof is refused, and gives no clearance", async () => {
  const asked = await get("/");
  const token = fieldOf(asked, "token");
  const nonce = solve(token);
  const parts = token.split(".");
  const easier = [parts[0], parts[1], "0", parts[3], parts[4]].join(".");
  const forged = `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`;
  const old = [parts[0], String(Number(parts[1]) - 3600), parts[2], parts[3], parts[4]].join(".");
  for (const fields of [
    { token, nonce: "aaaaaaaaaaaa" },
    { token, nonce: nonce.toUpperCase() },
    { token, nonce: `${nonce}a` },
    { token: easier, nonce: "aaaaaaaaaaaa" },
    { token: forged, nonce: solve(forged) },
    { token: old, nonce: solve(old, 4) },
    { token: "", nonce },
    { token: `${token}\n`, nonce },
    { nonce },
    {},
    { token: easier },
    { token: "x".repeat(3000) },
  ] as Record<string, string>[]) {
    const answer = await post(fields);
    assert.equal(answer.status, 403, JSON.stringify(fields).slice(0, 100));
    assert.equal(answer.headers["set-cookie"], undefined);
  }
  assert.equal((await post({ token: "x".repeat(5000) })).status, 413);
  assert.equal((await bring(asked, { nonce })).status, 303, "the right one still passes");
});

test("nobody is led elsewhere, and what a target holds is never markup", async () => {
  for (const target of [
    "//evil.example/",
    "https://evil.example/",
    "/\\\\evil.example",
    "javascript:alert(1)",
    "/a\r\nSet-Cookie: x=1",
    '/"><script>',
  ]) {
    const asked = await get("/");
    const brought = await bring(asked, { target });
    assert.equal(brought.status, 200, `${target}: told to go back, led nowhere`);
    assert.equal(brought.headers.location, undefined);
    assert.ok(!brought.body.includes("evil") && !brought.body.includes("alert"));
  }
  const odd = await stage.send({ host: HOST, path: `/x?q="><script>alert(1)</script>` });
  assert.equal(odd.status, 403);
  assert.ok(!odd.body.includes("alert(1)"));
  assert.equal(fieldOf(odd, "target"), "/");
});

test("a clearance is good for its site and its network alone, and for its time", async () => {
  const other = policyFor(origin.port, { hostnames: ["shop.example"], protection: UNDER_ATTACK });
  assert.equal((await stage.apply(other)).ok, true);
  const asked = await get("/");
  const cookie = cookieOf(await bring(asked));
  assert.equal((await get("/", { cookie })).status, 200);
  assert.equal((await stage.send({ host: "shop.example", headers: { cookie } })).status, 403);
  const token = fieldOf(asked, "token");
  const stolen = await post({ token, nonce: solve(token) }, { host: "shop.example" });
  assert.equal(stolen.status, 403, "a challenge of another site");
  assert.equal((await from("127.0.9.1", { host: HOST, headers: { cookie } })).status, 403, "another network");
  assert.equal((await from("127.0.0.77", { host: HOST, headers: { cookie } })).status, 200, "the same /24");
  const [name, value = ""] = cookie.split("=");
  const parts = value.split(".");
  for (const made of [
    [parts[0], String(Number(parts[1]) + 60), parts[2], parts[3], parts[4]].join("."),
    [parts[0], parts[1], "t", parts[3], parts[4]].join("."),
    `1.9999999999.w.${parts[3]}.${parts[4]}`,
    `${value}~`.repeat(60),
    "~",
    "",
    `${value}.`,
    `0${value}`,
  ]) {
    const answer = await get("/", { cookie: `${name}=${made}` });
    assert.equal(answer.status, 403, made.slice(0, 80));
  }
});

test("a clearance has a budget, and who uses it up is challenged anew", async () => {
  const cookie = cookieOf(await bring(await get("/")));
  let passed = 0;
  for (let i = 0; i < 700; i++) {
    const answer = await get("/", { cookie });
    if (answer.status !== 200) break;
    passed += 1;
  }
  assert.ok(passed >= 300 && passed < 700, `${passed} requests`);
  const anew = cookieOf(await bring(await get("/", { cookie }), {}, { headers: { cookie } }));
  assert.equal((await get("/", { cookie: anew })).status, 200);
});

test("whoever computes nothing waits, and no longer than is said", async () => {
  const asked = await get("/threads");
  const fields = { token: fieldOf(asked, "token"), target: fieldOf(asked, "target") };
  const early = await post(fields);
  assert.equal(early.status, 403);
  assert.equal(fieldOf(early, "token"), fields.token, "the wait goes on");
  assert.ok(Number(early.headers["retry-after"]) <= 10);
  let answer = early;
  await until(async () => (answer = await post(fields)).status !== 403, 40_000);
  assert.equal(answer.status, 303);
  assert.equal(answer.headers.location, "http://forum.example/threads");
  const cookie = cookieOf(answer);
  assert.equal((await get("/threads", { cookie })).status, 200);
  assert.equal(cookieOf(await post(fields)), cookie, "once more is the same one");
  let given = 2;
  while (given < 60 && (await post(fields)).status === 303) given += 1;
  assert.ok(given <= 20, `${given} for one network`);
});

test("strangers who wait in hundreds leave their share to whoever was here on calm days", async () => {
  const known = "127.0.50.1";
  // What is never challenged is a visit as well; not each one is looked at.
  for (let n = 0; n < 300; n++) await from(known, { host: HOST, path: "/api/v1/orders" });
  const strangers = Array.from({ length: 16 }, (_, n) => `127.0.${60 + n}.1`);
  const tokens = await Promise.all(
    [known, ...strangers].map(async (address) => fieldOf(await from(address, { host: HOST }), "token")),
  );
  const wait = (address: string, token = ""): Promise<Answer> =>
    from(address, { host: HOST, path: CHALLENGE_PATH, method: "POST", body: `token=${token}` });
  await until(async () => (await wait(strangers[0]!, tokens[1])).status === 200, 40_000);
  const given = new Map<number, number>();
  for (const [n, address] of strangers.entries()) {
    for (let i = 0; i < 20; i++) {
      const { status } = await wait(address, tokens[n + 1]);
      given.set(status, (given.get(status) ?? 0) + 1);
    }
  }
  assert.ok((given.get(429) ?? 0) > 1, JSON.stringify([...given]));
  assert.equal((await wait("127.0.80.1", tokens[1])).status, 403, "another network's");
  assert.equal((await wait(known, tokens[0])).status, 200);
});

test("checks, feeds, icons, exempt paths and preflights are not asked", async () => {
  for (const path of [
    "/robots.txt",
    "/favicon.ico",
    "/blog/feed.xml",
    "/news.rss",
    "/.well-known/security.txt",
    "/api/v1/orders",
    "/sitemap-2.xml",
  ]) {
    assert.equal((await get(path)).status, 200, path);
  }
  const preflight = { origin: "https://app.example", "access-control-request-method": "PUT" };
  assert.equal((await stage.send({ host: HOST, method: "OPTIONS", headers: preflight })).status, 200);
  assert.equal((await stage.send({ host: HOST, method: "OPTIONS" })).status, 403);
  assert.equal((await get("/apiary")).status, 403);
});

test("no flood goes on as a feed: what looks like it is let through by the handful", async () => {
  const mitigation = { ...EVERY_GET, siteId: site, mitigationId: "m-feeds" };
  await stage.node.mitigate([mitigation]);
  let statuses: number[] = [];
  await until(async () => {
    statuses = await Promise.all(
      Array.from({ length: 300 }, (_, n) => get(`/${n}/feed/`).then(({ status }) => status)),
    );
    return statuses.filter((status) => status === 200).length < 120;
  });
  assert.ok(statuses.every((status) => status === 200 || status === 429 || status === 503));
  await until(async () => (await get("/feed/")).status === 200);
  await stage.node.mitigate([{ ...mitigation, seconds: 0 }]);
  await until(async () => {
    const asked = await Promise.all(Array.from({ length: 100 }, () => get("/feed/")));
    return asked.every(({ status }) => status === 200);
  });
});

test("what is held to so many a second lets these through, and whoever has shown not to belong to it", async () => {
  const cookie = cookieOf(await bring(await get("/")));
  const mitigation = { ...EVERY_GET, siteId: site, mitigationId: "m-known", action: "throttle" } as const;
  await stage.node.mitigate([{ ...mitigation, perSecond: 4 }]);
  const statusesOf = (headers: Record<string, string>): Promise<number[]> =>
    Promise.all(Array.from({ length: 100 }, () => get("/api/v1/orders", headers).then((x) => x.status)));
  // Each of two workers hears of it in its own time, and a second may begin in between.
  let strangers: number[] = [];
  await until(async () => {
    strangers = await statusesOf({});
    return strangers.filter((status) => status === 200).length <= 30;
  });
  assert.ok(strangers.every((status) => status === 200 || status === 429));
  assert.ok((await statusesOf({ cookie })).every((status) => status === 200));
  await until(async () => (await get("/api/v1/orders")).status === 200);
  await stage.node.mitigate([{ ...mitigation, seconds: 0 }]);
  await until(async () => (await statusesOf({})).every((status) => status === 200));
});

test("HEAD, POST and programs get an answer of their kind", async () => {
  const head = await stage.send({ host: HOST, method: "HEAD" });
  assert.equal(head.status, 403);
  assert.equal(head.body, "");
  const sent = await stage.send({ host: HOST, path: "/send", method: "POST", body: "a=1" });
  assert.equal(sent.status, 403);
  assert.match(sent.body, /data-sends/);
  assert.equal(fieldOf(sent, "target"), "");
  const program = await get("/", { accept: "application/json" });
  assert.equal(program.headers["content-type"], "application/problem+json");
  const problem = JSON.parse(program.body) as Record<string, string>;
  assert.equal(problem["code"], "challenge.asked");
  const token = problem["challenge"] ?? "";
  const brought = await post({ token, nonce: solve(token) }, { headers: { accept: "application/json" } });
  assert.equal(brought.status, 204);
  const cookie = cookieOf(brought);
  const json = { accept: "application/json" };
  assert.equal((await post({ check: "1" }, { headers: { ...json, cookie } })).status, 204);
  assert.equal((await post({ check: "1" }, { headers: json })).status, 403);
  const french = await get("/", { "accept-language": "fr" });
  assert.match(french.body, /<html lang="fr">/);
});

test("a banned client brings no proof either", async () => {
  const asked = await from("127.0.8.8", { host: HOST });
  const token = fieldOf(asked, "token");
  const proof = {
    host: HOST,
    path: CHALLENGE_PATH,
    method: "POST",
    body: `token=${token}&nonce=${solve(token)}`,
  };
  await stage.node.ban([{ address: "127.0.8.8", siteId: null, seconds: 60 }]);
  // Each worker has heard of it: a connection of its own goes to any of them.
  let refusedInARow = 0;
  await until(async () => {
    const { body } = await from("127.0.8.8", { host: HOST });
    refusedInARow = body.includes("client.banned") ? refusedInARow + 1 : 0;
    return refusedInARow === 40;
  });
  const answer = await from("127.0.8.8", proof);
  assert.equal(answer.status, 403);
  assert.equal(answer.headers["set-cookie"], undefined);
  assert.ok(answer.body.includes("client.banned"));
});

test("a crawler passes once DNS has proved it, and one that only says so never does", async () => {
  const crawler = { "user-agent": GOOGLE };
  assert.equal((await get("/", crawler)).status, 403, "nothing is known yet");
  await until(() => dns.asked.includes(`PTR ${PTR}`));
  assert.equal((await get("/", crawler)).status, 403, "no name leads there");
  const asker = "127.0.3.4";
  dns.set("4.3.0.127.in-addr.arpa", "PTR", ["crawl-4.googlebot.com"]);
  dns.set("crawl-4.googlebot.com", "A", [asker]);
  const liar = "127.0.3.5";
  dns.set("5.3.0.127.in-addr.arpa", "PTR", ["crawl-5.googlebot.com"]);
  dns.set("crawl-5.googlebot.com", "A", [asker]);
  const imitator = "127.0.3.6";
  dns.set("6.3.0.127.in-addr.arpa", "PTR", ["evilgooglebot.com"]);
  dns.set("evilgooglebot.com", "A", [imitator]);
  const status = async (address: string, agent = GOOGLE): Promise<number> =>
    (await from(address, { host: HOST, headers: { "user-agent": agent } })).status;
  for (const address of [liar, imitator]) assert.equal(await status(address), 403);
  await until(async () => (await status(asker)) === 200, 20_000);
  await until(
    () =>
      dns.asked.includes("PTR 6.3.0.127.in-addr.arpa") && dns.asked.includes("PTR 5.3.0.127.in-addr.arpa"),
  );
  for (const address of [liar, imitator]) assert.equal(await status(address), 403);
  assert.equal(await status(asker, "Mozilla/5.0 Firefox/140.0"), 403, "the address alone is nothing");
});

test("a clearance of one node holds on another, through a restart, and after the keys have changed", async () => {
  const ticketSecret = randomBytes(32).toString("base64url");
  const clock = { aheadMs: 0 };
  const now = (): number => Date.now() + clock.aheadMs;
  const [here, there] = [await openStage({ now }), await openStage({ now })];
  try {
    const policy = policyFor(origin.port, { protection: UNDER_ATTACK });
    for (const one of [here, there]) {
      assert.equal((await one.apply(policy)).ok, true);
      await one.bus.publish(EDGE_SECRETS_TOPIC, { schema: 1, ticketSecret }, { keep: true });
    }
    const cleared = async (): Promise<string> => {
      const asked = await here.send({ host: HOST });
      const token = fieldOf(asked, "token");
      return cookieOf(
        await here.send({
          host: HOST,
          path: CHALLENGE_PATH,
          method: "POST",
          body: `token=${token}&nonce=${solve(token)}`,
        }),
      );
    };
    const passes = async (one: Stage, cookie: string): Promise<boolean> =>
      (await one.send({ host: HOST, headers: { cookie } })).status === 200;
    let cookie = "";
    // Workers take up new keys within a second.
    await until(async () => {
      const asked = await here.send({ host: HOST });
      const token = fieldOf(asked, "token");
      const brought = await here.send({
        host: HOST,
        path: CHALLENGE_PATH,
        method: "POST",
        body: `token=${token}&nonce=${solve(token)}`,
      });
      if (brought.status !== 200 && brought.status !== 303) return false;
      cookie = cookieOf(brought);
      return passes(there, cookie);
    }, 30_000);
    const pid = there.node.nginxPid;
    process.kill(pid, "SIGKILL");
    await until(async () => there.node.nginxPid !== pid && there.node.nginxPid !== 0, 20_000);
    await until(async () => passes(there, cookie).catch(() => false), 20_000);
    // Half a day later the nodes speak of the next slot; nginx's own clock stays, and the slot of the clearance is still known.
    clock.aheadMs = 12 * 3_600_000;
    await until(async () => (await passes(here, cookie)) && (await passes(there, cookie)));
    assert.equal(await passes(there, await cleared()), true);
  } finally {
    await here.end();
    await there.end();
  }
});

const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  stage.send({ host: HOST, path, headers });

/** From another address of the loopback. */
function from(localAddress: string, input: Ask): Promise<Answer> {
  return ask(stage.node.address, { ...input, localAddress });
}

const fieldOf = (page: Answer, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(page.body)?.[1] ?? "";

/** A nonce with so many zero bits, found by counting from anywhere, as a browser does: two of one challenge are two. */
function solve(token: string, bits = Number(token.split(".")[2])): string {
  const block = Buffer.from(`parapet-proof-1\n${token}`.padEnd(64, "\n"));
  for (let i = randomInt(2 ** 47); ; i++) {
    const nonce = letters(i);
    const digest = createHash("sha256").update(block).update(nonce).digest();
    if (digest.readUInt32BE(0) < 2 ** (32 - bits)) return nonce;
  }
}

function letters(i: number): string {
  return [...i.toString(16).padStart(12, "0")]
    .map((digit) => String.fromCharCode(0x61 + Number.parseInt(digit, 16)))
    .join("");
}

function bring(page: Answer, changes: Record<string, string> = {}, more: Partial<Ask> = {}): Promise<Answer> {
  const token = fieldOf(page, "token");
  const fields = { token, target: fieldOf(page, "target").replaceAll("&amp;", "&"), ...changes };
  const nonce = changes["nonce"] ?? solve(token);
  return post({ ...fields, nonce }, more);
}

function post(fields: Record<string, string>, more: Partial<Ask> = {}): Promise<Answer> {
  return stage.send({
    host: "forum.example",
    path: CHALLENGE_PATH,
    method: "POST",
    body: new URLSearchParams(fields).toString(),
    ...more,
    headers: { "content-type": "application/x-www-form-urlencoded", ...more.headers },
  });
}

function cookieOf(answer: Answer): string {
  const line = answer.headers["set-cookie"]?.[0] ?? "";
  assert.ok(line.startsWith(`${CLEARANCE_COOKIE}=`), line);
  return line.split(";")[0]!;
}
