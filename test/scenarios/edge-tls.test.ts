/** TLS at the edge on real nginx: which certificate a name gets, which it never gets, what survives, and what changes without a reload. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { EDGE_SECRETS_TOPIC } from "../../src/contract/topics.ts";
import { makeReceipt } from "../../src/ledger/core/testing.ts";
import { startNode } from "../../src/node/node.ts";
import { TICKET_SLOT_MS } from "../../src/node/ticket-keys.ts";
import {
  newSiteId,
  openOrigin,
  openStage,
  policyFor,
  recordFor,
  sendRaw,
  until,
  type Stage,
} from "./edge-stage.ts";
import {
  askHttp2,
  askTls,
  certificateFor,
  giveCertificate,
  newIssuer,
  serialOf,
  shake,
  type Issuer,
} from "./tls-stage.ts";

const TLS = { listenTls: "127.0.0.1:0" };
const NO_TLS = { redirectToHttps: false, hstsSeconds: 0, hstsSubdomains: false, hstsPreload: false };
const addressOf = (stage: Stage): string => stage.node.tlsAddress ?? "";

async function withStage(
  play: (stage: Stage, issuer: Issuer, originPort: number) => Promise<void>,
  options: Parameters<typeof openStage>[0] = {},
): Promise<void> {
  const origin = await openOrigin((_, answer) => {
    answer.setHeader("Strict-Transport-Security", "max-age=1");
    answer.end("hello from the origin");
  });
  const issuer = newIssuer();
  const stage = await openStage({ ...TLS, ...options });
  try {
    await play(stage, issuer, origin.port);
  } finally {
    await stage.end();
    await origin.end();
    issuer.end();
  }
}

describe("TLS at the edge", () => {
  test("a name gets its own certificate, an exact one before a wildcard; other names get none", () =>
    withStage(async (stage, issuer, port) => {
      const siteId = newSiteId();
      const hostnames = ["forum.example", "*.forum.example", "shop.forum.example"];
      await stage.apply(policyFor(port, { siteId, hostnames }));
      const forum = issuer.issue(["forum.example", "*.forum.example"]);
      const shop = issuer.issue(["shop.forum.example"], { rsa: true });
      const wide = certificateFor(siteId, ["forum.example", "*.forum.example"], forum);
      assert.deepEqual((await giveCertificate(stage, wide)).ok, true);
      assert.equal(
        (await giveCertificate(stage, certificateFor(siteId, ["shop.forum.example"], shop))).ok,
        true,
      );
      for (const [host, pair] of [
        ["forum.example", forum],
        ["www.forum.example", forum],
        ["shop.forum.example", shop],
      ] as const) {
        const answer = await askTls(addressOf(stage), { host, caPem: issuer.caPem });
        assert.equal(answer.status, 200, host);
        assert.equal(answer.serial, serialOf(pair), host);
      }
      const upper = await shake(addressOf(stage), "FORUM.Example");
      assert.ok("serial" in upper && upper.serial === serialOf(forum));
      for (const sni of [
        undefined,
        "stranger.example",
        "a.b.forum.example",
        "example",
        "forum.example.evil.test",
      ]) {
        const refused = await shake(addressOf(stage), sni);
        assert.ok("refused" in refused, `${sni}: ${JSON.stringify(refused)}`);
      }
      assert.doesNotMatch(
        readFileSync(join(stage.dataDir, "edge/error.log"), "utf8"),
        /\[(error|crit|alert)\]/,
      );
    }));

  test("two tenants never get each other's certificate, whatever is published", () =>
    withStage(async (stage, issuer, port) => {
      const [one, two] = [newSiteId(), newSiteId()];
      await stage.apply(policyFor(port, { siteId: one, hostnames: ["one.example", "*.shared.example"] }));
      await stage.apply(policyFor(port, { siteId: two, hostnames: ["two.example", "two.shared.example"] }));
      const both = issuer.issue(["one.example", "two.example", "*.shared.example", "two.shared.example"]);
      const names = ["one.example", "two.example", "*.shared.example", "two.shared.example"];
      const ack = await giveCertificate(stage, certificateFor(one, names, both));
      assert.ok(!ack.ok);
      assert.match(ack.why, /"two\.example" is not a name of its site/);
      for (const host of ["one.example", "any.shared.example"]) {
        assert.equal((await askTls(addressOf(stage), { host })).serial, serialOf(both), host);
      }
      // Both are covered by what the certificate says, and belong to another site.
      for (const host of ["two.example", "two.shared.example"]) {
        assert.ok("refused" in (await shake(addressOf(stage), host)), host);
      }
      const own = issuer.issue(["two.example", "two.shared.example"]);
      await giveCertificate(stage, certificateFor(two, ["two.example", "two.shared.example"], own));
      for (const host of ["two.example", "two.shared.example"]) {
        assert.equal((await askTls(addressOf(stage), { host })).serial, serialOf(own), host);
      }
      // A name that moves to another site takes no certificate along.
      await stage.apply(policyFor(port, { siteId: one, hostnames: ["*.shared.example"] }));
      await stage.apply(policyFor(port, { siteId: two, hostnames: ["one.example", "two.example"] }));
      assert.ok("refused" in (await shake(addressOf(stage), "one.example")));
      // The host decides whose content it is, and SNI must agree: 421 for every mixture, over HTTP/1.1 and HTTP/2.
      const mixed = await askTls(addressOf(stage), { sni: "two.example", host: "any.shared.example" });
      assert.equal(mixed.status, 421);
      assert.match(mixed.body, /host\.misdirected/);
      const [good, bad, again] = await askHttp2(addressOf(stage), "two.example", [
        { ":authority": "two.example", ":path": "/" },
        { ":authority": "any.shared.example", ":path": "/" },
        { ":authority": "two.example", ":path": "/" },
      ]);
      assert.deepEqual([good?.status, bad?.status, again?.status], [200, 421, 200]);
      assert.equal(good?.body, "hello from the origin");
    }));

  test("a renewed certificate is live without a reload; what does not fit is refused and the one before stays", () =>
    withStage(async (stage, issuer, port) => {
      const siteId = newSiteId();
      const { nginxPid } = stage.node;
      const pids = (await stage.node.status()).workers.map(({ pid }) => pid);
      const first = issuer.issue(["forum.example"]);
      // The certificate may come before the policy that has its names.
      const certificate = certificateFor(siteId, ["forum.example"], first);
      const early = await giveCertificate(stage, certificate);
      assert.ok(!early.ok);
      assert.ok("refused" in (await shake(addressOf(stage), "forum.example")));
      await stage.apply(policyFor(port, { siteId }));
      await until(async () => "serial" in (await shake(addressOf(stage), "forum.example")));
      const renewed = issuer.issue(["forum.example"], { days: 60 });
      const next = {
        ...certificate,
        ...renewed,
        version: 1_000_000,
        notAfterMs: certificateFor(siteId, [], renewed).notAfterMs,
      };
      assert.equal((await giveCertificate(stage, next)).ok, true);
      const shown = await Promise.all(
        Array.from({ length: 20 }, () => shake(addressOf(stage), "forum.example")),
      );
      assert.deepEqual(
        shown.map((one) => ("serial" in one ? one.serial : one.refused)),
        shown.map(() => serialOf(renewed)),
      );

      const ended = issuer.issue(["forum.example"], { days: -2 });
      const other = issuer.issue(["other.example"]);
      const table = [
        ["another key", { ...next, keyPem: other.keyPem }, /does not belong/],
        [
          "an ended one",
          { ...next, ...ended, notAfterMs: certificateFor(siteId, [], ended).notAfterMs },
          /ended on/,
        ],
        ["a name that it does not carry", { ...next, hostnames: ["other.example"] }, /does not carry/],
        ["another end than it says", { ...next, notAfterMs: next.notAfterMs + 9999 }, /another time/],
        ["half a chain", { ...next, chainPem: next.chainPem.slice(0, 300) }, /not made of whole/],
        ["no key", { ...next, keyPem: "" }, /cannot be read/],
        ["an older version", { ...next, hostnames: [], version: 1 }, /not newer/],
        ["another site's", { ...next, siteId: newSiteId() }, /keeps its site/],
      ] as const;
      let version = next.version;
      for (const [name, broken, why] of table) {
        version += 1;
        const given = { ...broken, version: name === "an older version" ? 1 : version };
        const ack = await giveCertificate(stage, given);
        assert.ok(!ack.ok, name);
        assert.match(ack.why, why, name);
        assert.doesNotMatch(JSON.stringify(ack), /PRIVATE/, name);
      }
      assert.ok(
        stage.alarms.filter(({ code }) => code === "edge.certificate-refused").length >= table.length,
      );
      const still = await shake(addressOf(stage), "forum.example");
      assert.ok("serial" in still && still.serial === serialOf(renewed));
      assert.equal(stage.node.nginxPid, nginxPid);
      assert.deepEqual(
        (await stage.node.status()).workers.map(({ pid }) => pid),
        pids,
      );
      // Let go of: the name has no certificate any more.
      const gone = { ...next, hostnames: [], chainPem: "", keyPem: "", version: version + 1 };
      assert.equal((await giveCertificate(stage, gone)).ok, true);
      assert.ok("refused" in (await shake(addressOf(stage), "forum.example")));
    }));

  test("restarts with the control plane dead and shows the same certificates; a broken file is set aside", async () => {
    const origin = await openOrigin();
    const issuer = newIssuer();
    const stage = await openStage(TLS);
    const siteId = newSiteId();
    const hostnames = ["forum.example", "cut.example"];
    await stage.apply(policyFor(origin.port, { siteId, hostnames }));
    const kept = issuer.issue(["forum.example"]);
    const cut = certificateFor(siteId, ["cut.example"], issuer.issue(["cut.example"]));
    assert.equal((await giveCertificate(stage, certificateFor(siteId, ["forum.example"], kept))).ok, true);
    assert.equal((await giveCertificate(stage, cut)).ok, true);
    await stage.node.stop();
    const folder = join(stage.dataDir, "edge/certificates");
    for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
    const path = join(folder, `${cut.certificateId}.certificate`);
    writeFileSync(path, readFileSync(path).subarray(0, 500));
    stage.alarms.length = 0;
    stage.node = await startNode({ ...stage.options, bus: null });
    try {
      assert.equal((await askTls(addressOf(stage), { host: "forum.example" })).serial, serialOf(kept));
      assert.ok("refused" in (await shake(addressOf(stage), "cut.example")));
      assert.equal(stage.alarms.filter(({ code }) => code === "edge.certificate-quarantined").length, 1);
      assert.ok(!existsSync(path));
      // nginx alone dies: its successor shows the same.
      const before = stage.node.nginxPid;
      process.kill(before, "SIGKILL");
      await until(() => stage.node.nginxPid !== 0 && stage.node.nginxPid !== before);
      await until(async () => "serial" in (await shake(addressOf(stage), "forum.example")));
    } finally {
      await stage.end();
      await origin.end();
      issuer.end();
    }
  });

  test("speaks TLS 1.2 and 1.3, HTTP/1.1 and HTTP/2, and nothing older", () =>
    withStage(async (stage, issuer, port) => {
      const siteId = newSiteId();
      await stage.apply(policyFor(port, { siteId }));
      await giveCertificate(
        stage,
        certificateFor(siteId, ["forum.example"], issuer.issue(["forum.example"])),
      );
      for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
        const tls = { minVersion: version, maxVersion: version };
        assert.equal((await askTls(addressOf(stage), { host: "forum.example", tls })).protocol, version);
      }
      const old = { minVersion: "TLSv1" as const, ciphers: "DEFAULT@SECLEVEL=0" };
      for (const version of ["TLSv1", "TLSv1.1"] as const) {
        const refused = await shake(addressOf(stage), "forum.example", { ...old, maxVersion: version });
        assert.ok("refused" in refused && /protocol|alert/.test(refused.refused), JSON.stringify(refused));
      }
      const weak = { maxVersion: "TLSv1.2" as const, ciphers: "AES128-SHA:ECDHE-RSA-AES128-SHA" };
      assert.ok("refused" in (await shake(addressOf(stage), "forum.example", weak)));
      const [answer] = await askHttp2(addressOf(stage), "forum.example", [
        { ":authority": "forum.example", ":path": "/x" },
      ]);
      assert.equal(answer?.status, 200);
      const plain = await sendRaw(addressOf(stage), "GET / HTTP/1.1\r\nHost: forum.example\r\n\r\n");
      assert.match(plain, /^HTTP\/1\.1 400 /);
      assert.match(plain, /request\.malformed/);
    }));

  test("Strict-Transport-Security and the way to https are the site's to choose", () =>
    withStage(async (stage, issuer, port) => {
      const siteId = newSiteId();
      const own = newSiteId();
      const hsts = { ...NO_TLS, redirectToHttps: true, hstsSeconds: 31_536_000, hstsSubdomains: true };
      const record = recordFor(siteId, {
        subject: { siteId, hostname: "forum.example", path: "/threads/7" },
      });
      await stage.apply(policyFor(port, { siteId, tls: hsts, measures: [makeReceipt(record)] }));
      await stage.apply(policyFor(port, { siteId: own, hostnames: ["own.example"] }));
      for (const [site, name] of [
        [siteId, "forum.example"],
        [own, "own.example"],
      ] as const) {
        assert.equal(
          (await giveCertificate(stage, certificateFor(site, [name], issuer.issue([name])))).ok,
          true,
        );
      }
      const field = "strict-transport-security";
      for (const path of ["/", "/threads/7"]) {
        const answer = await askTls(addressOf(stage), { host: "forum.example", path });
        assert.equal(answer.status, path === "/" ? 200 : 451);
        assert.equal(answer.headers[field], "max-age=31536000; includeSubDomains", path);
        assert.match(String(answer.headers["x-request-id"]), /^[0-9a-f]{16}$/);
      }
      // A site that sets none keeps what its origin says.
      assert.equal((await askTls(addressOf(stage), { host: "own.example" })).headers[field], "max-age=1");
      const sent = await stage.send({ host: "forum.example", path: "/a%20b/../c?q=1&x=%2F" });
      assert.equal(sent.status, 308);
      assert.equal(sent.headers.location, "https://forum.example/a%20b/../c?q=1&x=%2F");
      assert.equal(sent.headers[field], undefined);
      assert.equal(
        (await stage.send({ host: "forum.example:8080", method: "POST", body: "x" })).headers.location,
        "https://forum.example/",
      );
      assert.equal(
        (await stage.send({ host: "forum.example", path: "/threads/7" })).status,
        451,
        "a notice needs no TLS",
      );
      assert.equal((await stage.send({ host: "own.example" })).status, 200);
    }));

  test("checks below /.well-known/ are answered before everything else, and only known ones", () =>
    withStage(async (stage, issuer, port) => {
      const siteId = newSiteId();
      const path = "/.well-known/acme-challenge/token-1";
      const record = recordFor(siteId, { scope: "hostname", subject: { siteId, hostname: "forum.example" } });
      const policy = policyFor(port, {
        siteId,
        tls: { ...NO_TLS, redirectToHttps: true },
        wellKnown: [{ path, body: "token-1.thumbprint" }],
        measures: [makeReceipt(record)],
      });
      await stage.apply(policy);
      await giveCertificate(
        stage,
        certificateFor(siteId, ["forum.example"], issuer.issue(["forum.example"])),
      );
      const answer = await stage.send({ host: "forum.example", path });
      assert.deepEqual([answer.status, answer.body], [200, "token-1.thumbprint"]);
      assert.equal((await stage.send({ host: "forum.example", path, method: "HEAD" })).status, 200);
      assert.equal(
        (await askTls(addressOf(stage), { host: "forum.example", path })).body,
        "token-1.thumbprint",
      );
      for (const other of [
        `${path}x`,
        "/.well-known/acme-challenge/",
        "/.well-known/acme-challenge/constructor",
        "/",
      ]) {
        assert.equal((await stage.send({ host: "forum.example", path: other })).status, 451, other);
      }
      // Without the measure an unknown token goes on its way: here, to https and to the origin behind it.
      await stage.apply(policyFor(port, { ...policy, version: policy.version + 1_000, measures: [] }));
      assert.equal((await stage.send({ host: "forum.example", path: `${path}x` })).status, 308);
      assert.equal(
        (await askTls(addressOf(stage), { host: "forum.example", path: `${path}x` })).body,
        "hello from the origin",
      );
    }));
});

describe("session tickets", () => {
  test("a ticket of one node resumes on another, outlives one rotation, and not two", async () => {
    const origin = await openOrigin();
    const issuer = newIssuer();
    let offsetMs = 0;
    const now = (): number => Date.now() + offsetMs;
    const first = await openStage({ ...TLS, now });
    const second = await openStage({ ...TLS, now, bus: first.bus });
    try {
      const secret = randomBytes(32).toString("base64url");
      const siteId = newSiteId();
      const pair = issuer.issue(["forum.example"]);
      const policy = policyFor(origin.port, { siteId });
      const certificate = certificateFor(siteId, ["forum.example"], pair);
      await Promise.all([first.apply(policy), second.apply(policy)]);
      await Promise.all([giveCertificate(first, certificate), giveCertificate(second, certificate)]);
      await first.bus.publish(EDGE_SECRETS_TOPIC, { schema: 1, ticketSecret: "short" }, { keep: true });
      await first.bus.publish(EDGE_SECRETS_TOPIC, { schema: 1, ticketSecret: secret }, { keep: true });
      for (const version of ["TLSv1.3", "TLSv1.2"] as const) {
        const tls = { minVersion: version, maxVersion: version };
        const draw = async (): Promise<Buffer> => {
          const got = await shake(addressOf(first), "forum.example", tls);
          return "session" in got ? got.session : Buffer.alloc(0);
        };
        const resumes = async (stage: Stage, session: Buffer): Promise<boolean> => {
          const got = await shake(addressOf(stage), "forum.example", { ...tls, session });
          assert.ok("resumed" in got, JSON.stringify(got));
          return got.resumed;
        };
        // Both nodes read the fleet's secret at their next tick, and reload.
        await until(async () => resumes(second, await draw()), 30_000);
        const ticket = await draw();
        assert.equal(await resumes(first, ticket), true);
        await rotate([first, second], () => (offsetMs += TICKET_SLOT_MS));
        assert.equal(await resumes(second, ticket), true, "the key before still opens");
        await rotate([first, second], () => (offsetMs += TICKET_SLOT_MS));
        assert.equal(await resumes(second, ticket), false, "two rotations later nothing opens it");
      }
      for (const name of ["ticket-0.key", "ticket-1.key", "ticket-2.key", "secrets.json"]) {
        assert.equal(statSync(join(first.dataDir, "edge/tls", name)).mode & 0o777, 0o600);
      }
      assert.ok(first.alarms.some(({ code }) => code === "edge.secrets-refused"));
    } finally {
      await second.end();
      await first.end();
      await origin.end();
      issuer.end();
    }
  });
});

/** Moves the clock to the next slot and waits until each node has workers that read its keys. */
async function rotate(stages: readonly Stage[], move: () => void): Promise<void> {
  const pidsOf = async (stage: Stage): Promise<number[]> =>
    (await stage.node.status()).workers.map(({ pid }) => pid);
  const before = await Promise.all(stages.map(pidsOf));
  move();
  for (const [i, stage] of stages.entries()) {
    await until(async () => {
      const pids = await pidsOf(stage);
      return pids.length === 2 && pids.every((pid) => !before[i]!.includes(pid));
    }, 30_000);
  }
}
