/**
 * Mitigations on real nginx: what they stop and what they do not, in every worker, and what survives; and what the edge tells of its requests: counts that add
 * up over the workers, samples that say what came over HTTP/1.1 and HTTP/2.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FEATURES, type EdgeMitigation, type Feature, type WatchBatch } from "../../src/contract/flood.ts";
import type { SiteId } from "../../src/contract/ids.ts";
import { PROTECTION_DEFAULT } from "../../src/contract/protection.ts";
import {
  ask,
  newSiteId,
  openOrigin,
  openStage,
  policyFor,
  sendRaw,
  until,
  type Answer,
  type Origin,
  type Stage,
} from "./edge-stage.ts";
import { askHttp2, certificateFor, giveCertificate, newIssuer } from "./tls-stage.ts";

type Where = EdgeMitigation["where"];
const BAD = { host: "forum.example", path: "/login?x8f3k=1", headers: { "user-agent": "bad/1.0" } };
const GOOD = { host: "forum.example", path: "/login?x8f3k=1", headers: { "user-agent": "Mozilla/5.0" } };
const BAD_WHERE: Where = [
  { feature: "userAgent", value: "bad/1.0" },
  { feature: "pathShape", value: "/login" },
];

function mitigationFor(siteId: SiteId, changes: Partial<EdgeMitigation> = {}): EdgeMitigation {
  return {
    mitigationId: "m-1",
    siteId,
    where: BAD_WHERE,
    action: "block",
    difficultyBits: 0,
    perSecond: 0,
    seconds: 60,
    ...changes,
  };
}

async function withStage(
  play: (stage: Stage, origin: Origin, siteId: SiteId) => Promise<void>,
  options: Parameters<typeof openStage>[0] = {},
): Promise<void> {
  const stage = await openStage(options);
  const origin = await openOrigin();
  const siteId = newSiteId();
  try {
    assert.ok((await stage.apply(policyFor(origin.port, { siteId }))).ok);
    await play(stage, origin, siteId);
  } finally {
    await stage.end();
    await origin.end();
  }
}

/** The statuses that both get, over fresh connections and so often that each worker was asked. */
async function statuses(stage: Stage, asks = [BAD, GOOD]): Promise<string> {
  const seen = new Set<string>();
  for (let i = 0; i < 12; i++) {
    const answers: Answer[] = [];
    for (const one of asks) answers.push(await ask(stage.node.address, one));
    seen.add(answers.map(({ status }) => status).join());
  }
  return [...seen].join(" or ");
}

const becomes = (stage: Stage, wanted: string, asks = [BAD, GOOD]): Promise<void> =>
  until(async () => (await statuses(stage, asks)) === wanted);

/** Drains until what came adds up. */
async function drainUntil(stage: Stage, enough: (batch: WatchBatch) => boolean): Promise<WatchBatch> {
  let sum = await stage.node.drainWatch();
  await until(async () => {
    if (enough(sum)) return true;
    sum = add(sum, await stage.node.drainWatch());
    return enough(sum);
  });
  return sum;
}

function add(a: WatchBatch, b: WatchBatch): WatchBatch {
  const counts = new Map(a.counts.map((one) => [one.siteId, { ...one }]));
  for (const more of b.counts) {
    const known = counts.get(more.siteId);
    if (known === undefined) {
      counts.set(more.siteId, { ...more });
      continue;
    }
    for (const [name, value] of Object.entries(more)) {
      if (typeof value === "number")
        Object.assign(known, { [name]: Number(known[name as "passed"]) + value });
    }
  }
  const held = new Map(a.held.map(({ mitigationId, requests }) => [mitigationId, requests]));
  for (const { mitigationId, requests } of b.held)
    held.set(mitigationId, (held.get(mitigationId) ?? 0) + requests);
  return {
    ...b,
    fromMs: a.fromMs,
    counts: [...counts.values()],
    samples: [...a.samples, ...b.samples],
    held: [...held].map(([mitigationId, requests]) => ({ mitigationId, requests })),
    persistent: [...a.persistent, ...b.persistent],
    droppedSamples: a.droppedSamples + b.droppedSamples,
  };
}

const countsOf = (batch: WatchBatch, siteId: SiteId): WatchBatch["counts"][number] | undefined =>
  batch.counts.find((one) => one.siteId === siteId);
const featureIn = (values: readonly string[], feature: Feature): string =>
  values[FEATURES.indexOf(feature)] ?? "";

describe("mitigations", () => {
  test("what has all of it is stopped in every worker and told why, and nothing else", () =>
    withStage(async (stage, origin, siteId) => {
      assert.equal(await statuses(stage), "200,200");
      const half = { ...BAD, path: "/other" };
      await stage.node.mitigate([mitigationFor(siteId)]);
      await until(async () => (await ask(stage.node.address, BAD)).status === 403);
      await becomes(stage, "403,200,200", [BAD, GOOD, half]);
      const heard = origin.requests.length;
      const page = await ask(stage.node.address, {
        ...BAD,
        headers: { ...BAD.headers, "accept-language": "fr" },
      });
      assert.equal(page.status, 403);
      assert.match(page.body, /flood\.blocked/);
      assert.match(page.body, /lang="fr"/);
      assert.match(page.body, /propriétaire du site/);
      assert.equal(page.headers["cache-control"], "no-store");
      assert.ok(page.body.includes(String(page.headers["x-request-id"])));
      assert.equal(origin.requests.length, heard, "the origin heard nothing of it");
    }));

  test("one ends by itself, is renewed, and is lifted", () =>
    withStage(async (stage, _, siteId) => {
      await stage.node.mitigate([mitigationFor(siteId, { seconds: 1 })]);
      await becomes(stage, "403,200");
      await becomes(stage, "200,200");
      await stage.node.mitigate([mitigationFor(siteId, { seconds: 2 })]);
      await becomes(stage, "403,200");
      await stage.node.mitigate([mitigationFor(siteId, { seconds: 60 })]);
      const renewedAt = performance.now();
      await until(() => performance.now() - renewedAt > 2500);
      assert.equal(await statuses(stage), "403,200");
      await stage.node.mitigate([mitigationFor(siteId, { seconds: 0 })]);
      await becomes(stage, "200,200");
    }));

  test("one survives a new policy, a reload, and a worker's death", () =>
    withStage(async (stage, origin, siteId) => {
      await stage.node.mitigate([mitigationFor(siteId)]);
      await becomes(stage, "403,200");
      assert.ok((await stage.apply(policyFor(origin.port, { siteId, bodyBytesMax: 1000 }))).ok);
      assert.equal(await statuses(stage), "403,200");
      await stage.node.reload();
      assert.equal(await statuses(stage), "403,200");
      const { workers } = await stage.node.status();
      const dead = workers[0]?.pid ?? 0;
      process.kill(dead, "SIGKILL");
      await until(async () => {
        const now = (await stage.node.status()).workers;
        return now.length === 2 && now.every(({ pid }) => pid !== dead);
      });
      assert.equal(await statuses(stage), "403,200");
    }));

  test("log and shadow mode stop nobody and are counted; off ignores; throttle says when to come back", () =>
    withStage(async (stage, origin, siteId) => {
      await stage.node.mitigate([mitigationFor(siteId, { action: "log" })]);
      await drainUntil(stage, (batch) => batch.toMs > 0);
      await drainHeld(stage, "200");
      await stage.node.mitigate([mitigationFor(siteId, { action: "throttle" })]);
      await becomes(stage, "429,200");
      assert.ok(Number((await ask(stage.node.address, BAD)).headers["retry-after"]) >= 1);
      const shadow = { ...PROTECTION_DEFAULT, floods: "shadow" as const };
      assert.ok((await stage.apply(policyFor(origin.port, { siteId, protection: shadow }))).ok);
      await drainHeld(stage, "200");
      const off = { ...PROTECTION_DEFAULT, floods: "off" as const };
      assert.ok((await stage.apply(policyFor(origin.port, { siteId, protection: off }))).ok);
      assert.equal(await statuses(stage), "200,200");
      // Told before the change: from now on nothing is held.
      await drainUntil(stage, (batch) => (countsOf(batch, siteId)?.passed ?? 0) >= 24);
      for (let i = 0; i < 10; i++) await ask(stage.node.address, BAD);
      const after = await drainUntil(stage, (batch) => (countsOf(batch, siteId)?.passed ?? 0) >= 10);
      assert.deepEqual(after.held, []);
    }));

  /** One request that is let through is counted as held. */
  async function drainHeld(stage: Stage, status: string): Promise<void> {
    await until(async () => {
      assert.equal(String((await ask(stage.node.address, BAD)).status), status);
      const { held } = await stage.node.drainWatch();
      return held.some(({ mitigationId, requests }) => mitigationId === "m-1" && requests > 0);
    });
  }

  test("each feature can be asked about, and an allow-list wins", () =>
    withStage(async (stage, origin, siteId) => {
      await ask(stage.node.address, BAD);
      const { samples } = await drainUntil(stage, ({ samples }) => samples.length > 0 || sendAnother(stage));
      const { values } = samples[0]!;
      for (const [i, feature] of FEATURES.entries()) {
        const value = values[i] ?? "";
        await stage.node.mitigate([mitigationFor(siteId, { where: [{ feature, value }] })]);
        await until(async () => (await ask(stage.node.address, BAD)).status === 403);
        const other = { feature, value: `${value}x` };
        await stage.node.mitigate([mitigationFor(siteId, { where: [other] })]);
        await until(async () => (await ask(stage.node.address, BAD)).status === 200);
      }
      await stage.node.mitigate([mitigationFor(siteId)]);
      await becomes(stage, "403,200");
      const allowing = { ...PROTECTION_DEFAULT, allowNetworks: ["127.0.0.0/8"] };
      assert.ok((await stage.apply(policyFor(origin.port, { siteId, protection: allowing }))).ok);
      assert.equal(await statuses(stage), "200,200");
    }));

  function sendAnother(stage: Stage): boolean {
    void ask(stage.node.address, BAD).catch(() => {});
    return false;
  }

  test("a challenge is asked of what matches, or of everybody; under attack of everybody at its paths until its end", () =>
    withStage(async (stage, origin, siteId) => {
      const exempt = { host: "forum.example", path: "/.well-known/security.txt", headers: GOOD.headers };
      await stage.node.mitigate([mitigationFor(siteId, { action: "challenge", difficultyBits: 12 })]);
      await becomes(stage, "403,200");
      assert.match((await ask(stage.node.address, BAD)).body, /challenge/);
      await stage.node.mitigate([
        mitigationFor(siteId, { action: "challenge", difficultyBits: 12, where: [] }),
      ]);
      await becomes(stage, "403,403,200", [BAD, GOOD, exempt]);
      await drainUntil(stage, (batch) => (countsOf(batch, siteId)?.challenged ?? 0) >= 24);
      await stage.node.mitigate([mitigationFor(siteId, { seconds: 0 })]);
      await becomes(stage, "200,200");

      const attacked = (endsInMs: number): Promise<unknown> => {
        const endsAt = new Date(Date.now() + endsInMs).toISOString();
        const protection = { ...PROTECTION_DEFAULT, underAttack: { on: true, paths: ["/log*"], endsAt } };
        return stage.apply(policyFor(origin.port, { siteId, protection }));
      };
      await attacked(60_000);
      await becomes(stage, "403,200", [GOOD, { ...GOOD, path: "/other" }]);
      await attacked(1500);
      await becomes(stage, "200,200");
    }));

  test("what cannot be kept is refused with a sentence, and nothing of it is kept", () =>
    withStage(async (stage, _, siteId) => {
      const bad: [Partial<EdgeMitigation>, RegExp][] = [
        [{ perSecond: -1 }, /0 to 100000 requests a second/],
        [{ perSecond: Number.NaN }, /0 to 100000 requests a second/],
        [{ mitigationId: "a b" }, /letters, digits and hyphens/],
        [{ mitigationId: "x".repeat(41) }, /at most 40/],
        [{ siteId: "nobody" as SiteId }, /no site's id/],
        [{ where: [] }, /without a condition/],
        [{ where: [{ feature: "nose" as Feature, value: "" }] }, /no feature/],
        [{ where: [{ feature: "path", value: "/\n" }] }, /printable/],
        [{ where: [{ feature: "path", value: "x".repeat(201) }] }, /at most 200/],
        [{ where: Array.from({ length: 7 }, () => ({ feature: "path" as const, value: "/" })) }, /at most 6/],
        [{ seconds: 121 }, /within 120 seconds/],
        [{ seconds: Number.NaN }, /within 120 seconds/],
        [{ difficultyBits: 23 }, /0 to 22/],
        [{ action: "shout" as "block" }, /no action/],
      ];
      for (const [changes, why] of bad) {
        await assert.rejects(
          stage.node.mitigate([mitigationFor(siteId), mitigationFor(siteId, changes)]),
          why,
        );
      }
      await assert.rejects(
        stage.node.mitigate(Array.from({ length: 501 }, () => mitigationFor(siteId))),
        /at most 500/,
      );
      assert.equal(await statuses(stage), "200,200");
      const many = Array.from({ length: 16 }, (_, i) => mitigationFor(siteId, { mitigationId: `m-${i}` }));
      await stage.node.mitigate(many);
      await assert.rejects(
        stage.node.mitigate([mitigationFor(siteId, { mitigationId: "m-16" })]),
        /too many/,
      );
      await stage.node.mitigate([mitigationFor(siteId, { mitigationId: "m-3", seconds: 0 })]);
      await stage.node.mitigate([mitigationFor(siteId, { mitigationId: "m-16" })]);
    }));
});

describe("what the edge tells the watch", () => {
  test("counts add up exactly over two workers, by what was done, and each drain begins anew", () =>
    withStage(async (stage, _, siteId) => {
      await stage.node.mitigate([mitigationFor(siteId)]);
      await becomes(stage, "403,200");
      await drainUntil(stage, (batch) => (countsOf(batch, siteId)?.passed ?? 0) >= 12);
      await drainUntil(stage, (batch) => batch.counts.length === 0);
      const asset = { host: "forum.example", path: "/style.css" };
      for (let i = 0; i < 100; i++) {
        const [, bad] = await Promise.all([ask(stage.node.address, GOOD), ask(stage.node.address, BAD)]);
        assert.equal(bad.status, 403);
        if (i < 30) await ask(stage.node.address, asset);
      }
      const batch = await drainUntil(
        stage,
        (sum) => (countsOf(sum, siteId)?.passed ?? 0) >= 130 && (countsOf(sum, siteId)?.blocked ?? 0) >= 100,
      );
      const { siteId: _id, ...counts } = countsOf(batch, siteId)!;
      assert.deepEqual(counts, {
        passed: 130,
        challenged: 0,
        throttled: 0,
        blocked: 100,
        banned: 0,
        limited: 0,
        assets: 30,
        cleared: 0,
        challengesPassed: 0,
        challengesFailed: 0,
      });
      assert.deepEqual(batch.held, [{ mitigationId: "m-1", requests: 100 }]);
      // What the samples stand for: all but those behind the last sample of each worker.
      const weights = batch.samples.filter(({ passage }) => passage === "passed").map(({ weight }) => weight);
      const stoodFor = weights.reduce((sum, weight) => sum + weight, 0);
      assert.ok(stoodFor > 90 && stoodFor <= 142, `${stoodFor} of 130`);
      assert.ok(batch.samples.some(({ passage }) => passage === "blocked"));
      // More than 30 refusals within ten seconds: the client is named.
      assert.deepEqual(batch.persistent, [{ siteId, address: "127.0.0.1", refusals: 31, isShared: false }]);
      assert.deepEqual((await stage.node.drainWatch()).counts, []);
    }));

  test("neither the banned nor the readers of other people's pages are named as persistent", () =>
    withStage(async (stage, _, siteId) => {
      await stage.node.mitigate([mitigationFor(siteId)]);
      const elsewhere = { ...BAD, headers: { ...BAD.headers, "sec-fetch-site": "cross-site" } };
      await becomes(stage, "403,200", [elsewhere, GOOD]);
      for (let i = 0; i < 50; i++) assert.equal((await ask(stage.node.address, elsewhere)).status, 403);
      await stage.node.ban([{ siteId, address: "127.0.0.1", seconds: 60 }]);
      await becomes(stage, "403,403", [elsewhere, GOOD]);
      for (let i = 0; i < 50; i++) assert.equal((await ask(stage.node.address, BAD)).status, 403);
      const batch = await drainUntil(stage, (sum) => (countsOf(sum, siteId)?.banned ?? 0) >= 50);
      assert.deepEqual(batch.persistent, []);
    }));

  test("samples say what came, and that of invented keys nothing is left but that they were", () =>
    withStage(async (stage) => {
      const headers = {
        "user-agent": "Mozilla/5.0 (é)",
        accept: "text/html",
        "accept-encoding": "gzip",
        "accept-language": "fr",
        referer: "https://search.example/?q=1",
        cookie: "a=b",
      };
      let n = 0;
      const shapes = new Set<string>();
      const batch = await drainUntil(stage, (sum) => {
        for (const { values } of sum.samples) shapes.add(featureIn(values, "queryShape"));
        if (sum.samples.length >= 5) return true;
        n += 1;
        void ask(stage.node.address, {
          host: "forum.example",
          path: `/threads/${n}?k${n}j9d${n}=x${n}`,
          headers,
        });
        return false;
      });
      assert.deepEqual([...shapes], ["*"]);
      const { values, headerNames, isAsset, isCleared, passage, requestId, weight } = batch.samples[0]!;
      const said = Object.fromEntries(FEATURES.map((feature, i) => [feature, values[i]]));
      assert.match(said["headers"] ?? "", /^[0-9a-f]{8}$/);
      assert.match(said["path"] ?? "", /^\/threads\/[0-9]+$/);
      assert.deepEqual(
        { ...said, headers: "", path: "" },
        {
          method: "GET",
          path: "",
          pathShape: "/threads/N",
          queryShape: "*",
          headers: "",
          // One byte, as Node writes it.
          userAgent: "Mozilla/5.0 (%e9)",
          accept: "text/html|gzip",
          language: "fr",
          referrer: "search.example",
          cookies: "some",
          http: "HTTP/1.1",
          tls: "",
          address: "127.0.0.1",
          network: "127.0.0.0/24",
          asn: "",
          country: "",
        },
      );
      assert.equal(headerNames.split(" ")[0], "host");
      assert.deepEqual(
        headerNames.split(" ").slice(1, 7).sort(),
        ["accept", "accept-encoding", "accept-language", "cookie", "referer", "user-agent"].sort(),
      );
      assert.deepEqual([isAsset, isCleared, passage], [false, false, "passed"]);
      assert.match(requestId, /^[0-9a-f]{16}$/);
      assert.ok(weight >= 1);
    }));

  test("the order of a head's fields is a feature, beyond the twenty that lie in one piece as well", () =>
    withStage(async (stage) => {
      const heads = [
        ["Accept: */*", "User-Agent: a"],
        ["User-Agent: a", "Accept: */*"],
        [...Array.from({ length: 25 }, (_, i) => `X-Field-${i}: 1`), "Accept: */*", "User-Agent: a"],
        [...Array.from({ length: 25 }, (_, i) => `X-Field-${i}: 1`), "User-Agent: a", "Accept: */*"],
      ];
      const hashes = new Map<string, string>();
      for (const head of heads) {
        const path = `/head/${hashes.size}`;
        const found = await drainUntil(stage, (sum) => {
          if (sum.samples.some(({ values }) => featureIn(values, "path") === path)) return true;
          const lines = [`GET ${path} HTTP/1.1`, "Host: forum.example", ...head, "Connection: close"];
          void sendRaw(stage.node.address, `${lines.join("\r\n")}\r\n\r\n`);
          return false;
        });
        const sample = found.samples.find(({ values }) => featureIn(values, "path") === path)!;
        hashes.set(featureIn(sample.values, "headers"), sample.headerNames);
        assert.equal(
          sample.headerNames,
          ["host", ...head.map((line) => line.split(":")[0]!.toLowerCase()), "connection"].join(" "),
        );
      }
      assert.equal(hashes.size, 4);
    }));

  test("over HTTP/2 as well, with how the client speaks TLS", async () => {
    const issuer = newIssuer();
    await withStage(
      async (stage, origin, siteId) => {
        const noTls = { redirectToHttps: false, hstsSeconds: 0, hstsSubdomains: false, hstsPreload: false };
        assert.ok((await stage.apply(policyFor(origin.port, { siteId, tls: noTls }))).ok);
        const pair = issuer.issue(["forum.example"]);
        assert.ok((await giveCertificate(stage, certificateFor(siteId, ["forum.example"], pair))).ok);
        const head = {
          ":authority": "forum.example",
          ":path": "/h2?x8f3k=1",
          "user-agent": "a",
          accept: "*/*",
        };
        let sum = await stage.node.drainWatch();
        await until(async () => {
          const [answer] = await askHttp2(stage.node.tlsAddress ?? "", "forum.example", [head]);
          assert.equal(answer?.status, 200);
          sum = add(sum, await stage.node.drainWatch());
          return sum.samples.length >= 3;
        });
        const { samples } = sum;
        const shapes = new Set(samples.map(({ values }) => featureIn(values, "tls")));
        assert.equal(shapes.size, 1);
        assert.match([...shapes][0] ?? "", /^[0-9a-f]{8,}$/);
        const { values, headerNames } = samples[0]!;
        assert.equal(featureIn(values, "http"), "HTTP/2.0");
        assert.equal(featureIn(values, "method"), "GET");
        assert.match(featureIn(values, "headers"), /^[0-9a-f]{8}$/);
        assert.equal(featureIn(values, "queryShape"), "*");
        assert.deepEqual(headerNames.split(" ").sort(), ["accept", "host", "user-agent"]);
      },
      { listenTls: "127.0.0.1:0" },
    );
    issuer.end();
  });

  test("thousands of invented keys, cookies and paths push out neither mitigations nor policy", () =>
    withStage(async (stage, _, siteId) => {
      await stage.node.mitigate([mitigationFor(siteId)]);
      await becomes(stage, "403,200");
      // Half of them refused.
      const invented = async (from: number, agent: string): Promise<void> => {
        let text = "";
        for (let i = from; i < from + 250; i++) {
          text += `GET /login?k${i}=${i} HTTP/1.1\r\nHost: forum.example\r\nUser-Agent: ${agent}\r\nCookie: c${i}=${i}\r\n\r\n`;
        }
        text +=
          "GET /login HTTP/1.1\r\nHost: forum.example\r\nUser-Agent: bad/1.0\r\nConnection: close\r\n\r\n";
        await sendRaw(stage.node.address, text, 20_000);
      };
      for (let i = 0; i < 4; i++) {
        await Promise.all([invented(i * 1000, "bad/1.0"), invented(i * 1000 + 500, `agent ${i}`)]);
      }
      assert.equal(await statuses(stage), "403,200");
      assert.equal((await stage.node.status()).workers.length, 2);
    }));
});
