/** The cache on real nginx: what is kept and for whom, what a purge does, what happens when the origin, nginx or the disk fails. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { PolicyCache } from "../../src/contract/cache.ts";
import type { SiteId } from "../../src/contract/ids.ts";
import { POLICY_CACHE_DEFAULT } from "../../src/contract/new-policy.ts";
import { cacheRoomOf } from "../../src/node/cache-room.ts";
import {
  newSiteId,
  openOrigin,
  openStage,
  policyFor,
  until,
  type Answer,
  type Origin,
  type Stage,
} from "./edge-stage.ts";

const HOST = "forum.example";

function filesIn(stage: Stage): string[] {
  const room = cacheRoomOf(join(stage.dataDir, "edge")) ?? join(stage.dataDir, "edge", "cache");
  if (!existsSync(room)) return [];
  return readdirSync(room, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe("the cache of a site", () => {
  let stage: Stage;
  let origin: Origin;
  let failing = "";
  const site = newSiteId();
  const asked = (url: string): number => origin.requests.filter((one) => one.url === url).length;
  const get = (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> =>
    stage.send({ host: HOST, path, headers, method });
  const apply = async (cache: Partial<PolicyCache>, siteId: SiteId = site): Promise<void> => {
    const ack = await stage.apply(
      policyFor(origin.port, {
        siteId,
        hostnames: [HOST],
        cache: { ...POLICY_CACHE_DEFAULT, mode: "origin", ...cache },
      }),
    );
    assert.deepEqual(ack.ok, true, JSON.stringify(ack));
  };

  before(async () => {
    stage = await openStage({ originConnectSeconds: 1, originReadSeconds: 5 });
    origin = await openOrigin((request, answer) => {
      const url = request.url ?? "";
      if (failing === "close") return void request.socket.destroy();
      if (failing === "503") answer.statusCode = 503;
      const seconds = url.includes("short") ? 1 : 600;
      if (!url.includes("unsaid")) answer.setHeader("Cache-Control", `max-age=${seconds}`);
      if (url.includes("strict")) answer.setHeader("Cache-Control", `max-age=${seconds}, must-revalidate`);
      if (url.includes("etag")) {
        answer.setHeader("ETag", '"one"');
        if (request.headers["if-none-match"] === '"one"') {
          answer.statusCode = 304;
          answer.setHeader("X-New", "yes");
          return void answer.end();
        }
      }
      answer.setHeader("X-Accel-Expires", "86400");
      answer.setHeader("X-Parapet-Born", "1");
      answer.end(`answer ${origin.requests.length} to ${url} ${"0123456789".repeat(10)}`);
    });
  });
  after(async () => {
    await origin.end();
    await stage.end();
  });

  test("a file is kept where nothing is set, and a page is not", async () => {
    await apply({ mode: "static" });
    const first = await get("/style.css");
    const second = await get("/style.css");
    assert.deepEqual(
      [first.headers["cache-status"], second.headers["cache-status"]],
      ["parapet; fwd=miss", "parapet; hit"],
    );
    assert.deepEqual([second.body, second.headers["cache-control"]], [first.body, "max-age=600"]);
    assert.match(String(second.headers.age), /^\d+$/);
    assert.equal(first.headers.age, undefined);
    assert.equal(second.headers.date, first.headers.date);
    assert.notEqual(second.headers["x-request-id"], first.headers["x-request-id"]);
    for (const name of Object.keys(second.headers)) assert.ok(!name.startsWith("x-parapet"), name);
    await get("/page");
    const page = await get("/page");
    assert.deepEqual([page.headers["cache-status"], asked("/page")], [undefined, 2]);
    assert.equal(asked("/style.css"), 1);
  });

  test("the origin hears of a cached request what it hears of any other, and nothing of the edge's own", async () => {
    const heard = origin.requests.find(({ url }) => url === "/style.css")?.headers ?? {};
    assert.deepEqual(
      [
        heard["x-real-ip"],
        heard["x-forwarded-for"],
        heard["x-forwarded-proto"],
        heard["x-forwarded-host"],
        heard.host,
      ],
      ["127.0.0.1", "127.0.0.1", "http", HOST, HOST],
    );
    assert.match(String(heard["cdn-loop"]), /^parapet-[0-9a-f]{16}$/);
    for (const name of Object.keys(heard)) assert.ok(!name.startsWith("x-parapet"), name);
  });

  test("mode off keeps nothing, rules by path come before the mode, cookies and fields pass by", async () => {
    await apply({ mode: "off" });
    for (let i = 0; i < 2; i++) await get("/off.css");
    assert.equal(asked("/off.css"), 2);
    await apply({
      mode: "off",
      rules: [
        { path: "/kept/private*", action: "bypass", seconds: 0 },
        { path: "/kept/*", action: "origin", seconds: 0 },
        { path: "/unsaid/*", action: "store", seconds: 60 },
      ],
      bypassCookies: ["session*"],
      bypassHeaders: ["X-Preview"],
    });
    for (const path of ["/kept/a", "/kept/private", "/unsaid/a"]) for (let i = 0; i < 2; i++) await get(path);
    assert.deepEqual(["/kept/a", "/kept/private", "/unsaid/a"].map(asked), [1, 2, 1]);
    await get("/kept/a", { cookie: "theme=dark; session_id=1" });
    await get("/kept/a", { "x-preview": "1" });
    assert.equal(asked("/kept/a"), 3);
    const hit = await get("/kept/a", { cookie: "theme=dark" });
    assert.deepEqual([asked("/kept/a"), hit.headers["cache-status"]], [3, "parapet; hit"]);
  });

  test("parameters that mean nothing are left out of the key, and their order is levelled", async () => {
    await apply({ ignoreQuery: ["utm_*"], sortQuery: true });
    for (const query of ["?a=1&b=2", "?b=2&a=1", "?utm_source=x&a=1&b=2", "?a=1&utm_x=1&b=2"])
      await get(`/q${query}`);
    await get("/q?a=2&b=1");
    assert.equal(origin.requests.filter(({ url }) => url?.startsWith("/q?")).length, 2);
  });

  test("many who ask at once for what is not there yet are one request to the origin", async () => {
    await apply({});
    const answers = await Promise.all(Array.from({ length: 20 }, () => get("/together")));
    assert.equal(asked("/together"), 1);
    assert.equal(new Set(answers.map(({ body }) => body)).size, 1);
  });

  test("ranges and HEAD come from the stored answer", async () => {
    const whole = await get("/ranged");
    const part = await get("/ranged", { range: "bytes=0-5" });
    assert.deepEqual(
      [part.status, part.body, part.headers["content-range"]?.split("/")[0]],
      [206, "answer", "bytes 0-5"],
    );
    const head = await get("/ranged", {}, "HEAD");
    assert.deepEqual([head.headers["content-length"], head.body], [whole.headers["content-length"], ""]);
    assert.equal(asked("/ranged"), 1);
  });

  test("an expired answer is asked after with its validator, and a 304 renews it with new fields", async () => {
    const first = await get("/etag-short");
    await until(async () => (await get("/etag-short")).headers["x-new"] === "yes");
    const renewed = await get("/etag-short");
    assert.equal(renewed.body, first.body);
    assert.ok(
      origin.requests.some((one) => one.url === "/etag-short" && one.headers["if-none-match"] === '"one"'),
    );
  });

  test("an origin that fails is covered by what is too old, unless the answer forbids it", async () => {
    await apply({ staleWhileRevalidateSeconds: 0, staleIfErrorSeconds: 3600 });
    for (const how of ["close", "503"]) {
      const path = `/short-${how}`;
      const first = await get(path);
      await get(`${path}-strict`);
      failing = how;
      try {
        await until(async () => (await get(path)).headers["cache-status"] === "parapet; hit; detail=stale");
        assert.equal((await get(path)).body, first.body);
        await until(async () => (await get(`${path}-strict`)).status >= 502);
        assert.equal((await get(`/never-seen-${how}`)).status, how === "close" ? 502 : 503);
      } finally {
        failing = "";
      }
    }
  });

  test("while an expired answer is fetched anew, visitors get the old one", async () => {
    await apply({ staleWhileRevalidateSeconds: 3600 });
    const first = await get("/short-swr");
    let old: Answer = first;
    await until(async () => {
      old = await get("/short-swr");
      return old.headers["cache-status"]?.includes("detail=") === true;
    });
    assert.equal(old.body, first.body);
    await until(async () => (await get("/short-swr")).body !== first.body);
  });

  test("a purge by URL, prefix, tag or of everything holds once it is confirmed, however the address is spelled", async () => {
    await apply({});
    const paths = ["/p/a?x=1", "/p/%61?x=1", "/p/b", "/other"];
    const count = (): number[] => paths.map(asked);
    const all = async (): Promise<void> => {
      for (const path of paths) await get(path);
    };
    await all();
    await all();
    assert.deepEqual(count(), [1, 1, 1, 1]);
    const url = { kind: "url", value: `https://${HOST}/p/a?x=1`, number: 1 } as const;
    await apply({ purges: [url] });
    await all();
    await all();
    assert.deepEqual(count(), [2, 2, 1, 1]);
    const prefix = { kind: "prefix", value: `${HOST}/p/`, number: 2 } as const;
    await apply({ purges: [url, prefix] });
    await all();
    await all();
    assert.deepEqual(count(), [3, 3, 2, 1]);
    await apply({ purges: [url, prefix, { kind: "tag", value: "news", number: 3 }] });
    await all();
    await apply({ generation: 4, purges: [] });
    await all();
    await all();
    assert.deepEqual(count(), [5, 5, 4, 3]);
  });

  test("a request that changes something makes the stored answer doubtful", async () => {
    await apply({});
    await get("/doubt");
    await get("/doubt");
    assert.equal(asked("/doubt"), 1);
    const posted = await stage.send({
      host: HOST,
      path: "/doubt",
      method: "POST",
      body: "x".repeat(100_000),
    });
    assert.deepEqual([posted.status, origin.requests.at(-1)?.body.length], [200, 100_000]);
    await get("/doubt");
    assert.equal(asked("/doubt"), 3);
  });

  test("a killed nginx finds its cache again, and a cache folder that is gone is no outage", async () => {
    await apply({ mode: "static" });
    await get("/warm.css");
    assert.equal((await get("/warm.css")).headers["cache-status"], "parapet; hit");
    const before = stage.node.nginxPid;
    process.kill(before, "SIGKILL");
    await until(() => stage.node.nginxPid !== before && stage.node.nginxPid !== 0, 20_000);
    await until(async () => (await get("/page").catch(() => null))?.status === 200, 20_000);
    await until(async () => (await get("/warm.css")).headers["cache-status"] === "parapet; hit");
    for (const file of filesIn(stage)) rmSync(file);
    assert.equal((await get("/warm.css")).status, 200);
  });
});

test("a tenant who invents addresses is bounded, and nobody else's answers go", async () => {
  const stage = await openStage({ cacheRoundMs: 50, cacheBytesMax: 100 * 1024 * 1024 });
  const origin = await openOrigin((_, answer) => {
    answer.setHeader("Cache-Control", "max-age=600");
    answer.end("x".repeat(2000));
  });
  try {
    const flooded = policyFor(origin.port, {
      hostnames: ["flooded.example"],
      cache: { ...POLICY_CACHE_DEFAULT, answersMax: 20, bytesMax: 1024 * 1024 },
    });
    const calm = policyFor(origin.port, { hostnames: ["calm.example"] });
    for (const policy of [flooded, calm]) assert.equal((await stage.apply(policy)).ok, true);
    for (let i = 0; i < 10; i++) await stage.send({ host: "calm.example", path: `/${i}.css` });
    for (let i = 0; i < 300; i++) {
      const answer = await stage.send({ host: "flooded.example", path: `/a.css?${i}` });
      assert.equal(answer.status, 200);
    }
    await until(() => filesIn(stage).length <= 30);
    for (let i = 0; i < 10; i++) {
      const answer = await stage.send({ host: "calm.example", path: `/${i}.css` });
      assert.equal(answer.headers["cache-status"], "parapet; hit");
    }
  } finally {
    await origin.end();
    await stage.end();
  }
});

test("a disk without room, or a cache folder that is gone, stops the storing and no site", async () => {
  const origin = await openOrigin((_, answer) => {
    answer.setHeader("Cache-Control", "max-age=600");
    answer.end("x".repeat(100_000));
  });
  const full = await openStage({ cacheRoundMs: 50, cacheReserveBytes: Number.MAX_SAFE_INTEGER });
  const gone = await openStage({ cacheRoundMs: 50 });
  try {
    for (const stage of [full, gone]) {
      assert.equal((await stage.apply(policyFor(origin.port, { hostnames: [HOST] }))).ok, true);
    }
    rmSync(cacheRoomOf(join(gone.dataDir, "edge")) ?? join(gone.dataDir, "edge", "cache"), {
      recursive: true,
    });
    for (const stage of [full, gone]) {
      await until(() => stage.alarms.some(({ code }) => code === "edge.cache-closed"));
      let n = 0;
      // From the round after the alarm on, nginx knows: then every answer is whole.
      await until(async () => {
        const answer = await stage.send({ host: HOST, path: `/try-${n++}.css` }).catch(() => null);
        return answer?.body.length === 100_000;
      });
      for (let i = 0; i < 5; i++) {
        const answer = await stage.send({ host: HOST, path: "/again.css" });
        assert.deepEqual([answer.status, answer.body.length], [200, 100_000]);
        assert.equal(answer.headers["cache-status"], "parapet; fwd=miss");
      }
    }
  } finally {
    await origin.end();
    await full.end();
    await gone.end();
  }
});
