/** What makes kept answers doubtful, on real nginx: purges by tag, and requests that change something, also over a restart. */
import assert from "node:assert/strict";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { CachePurge } from "../../src/contract/cache.ts";
import { POLICY_CACHE_DEFAULT } from "../../src/contract/new-policy.ts";
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
const hit = "parapet; hit";

type Scene = {
  readonly stage: Stage;
  readonly origin: Origin;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  /** How the cache answered each. */
  got(paths: readonly string[]): Promise<(string | undefined)[]>;
};

/** An origin whose answers have the tags that their path names: "/page/TAG/TAG". */
async function withScene(run: (scene: Scene) => Promise<void>): Promise<void> {
  const stage = await openStage();
  const origin = await openOrigin((request, answer) => {
    const [, page = "", ...tags] = (request.url ?? "").split("?")[0]!.split("/");
    answer.setHeader("Cache-Control", "max-age=600");
    if (page.startsWith("etag")) {
      answer.setHeader("Cache-Control", "max-age=1");
      answer.setHeader("ETag", '"one"');
      if (request.headers["if-none-match"] === '"one"') {
        answer.setHeader("Cache-Tag", "added");
        answer.statusCode = 304;
        return void answer.end();
      }
    }
    if (page.startsWith("coded")) {
      answer.setHeader("Vary", "Accept-Encoding");
      if (request.headers["x-tag"] !== undefined) tags.splice(0, 1, String(request.headers["x-tag"]));
    }
    if (page.startsWith("varying")) answer.setHeader("Vary", "X-Kind");
    if (page.startsWith("drupal")) answer.setHeader("Surrogate-Key", tags.join(" "));
    else if (tags.length > 0) answer.setHeader("Cache-Tag", tags.join(", "));
    answer.end(`answer ${origin.requests.length}`);
  });
  const get: Scene["get"] = (path, headers = {}) => stage.send({ host: HOST, path, headers });
  try {
    await run({
      stage,
      origin,
      get,
      async got(paths) {
        const said: (string | undefined)[] = [];
        for (const path of paths) said.push((await get(path)).headers["cache-status"] as string | undefined);
        return said;
      },
    });
  } finally {
    await origin.end();
    await stage.end();
  }
}

const restarted = async ({ stage, get }: Scene): Promise<void> => {
  const before = stage.node.nginxPid;
  process.kill(before, "SIGKILL");
  await until(() => stage.node.nginxPid !== before && stage.node.nginxPid !== 0, 20_000);
  await until(async () => (await get("/up").catch(() => null))?.status === 200, 20_000);
};

test("a purge by tag takes what has the tag, and nothing else of the site", () =>
  withScene(async (scene) => {
    const { stage, origin, get, got } = scene;
    const siteId = newSiteId();
    const purge = async (...tags: string[]): Promise<void> => {
      const purges = tags.map((value, i): CachePurge => ({ kind: "tag", value, number: i + 1 }));
      const cache = { ...POLICY_CACHE_DEFAULT, mode: "origin" as const, purges };
      const ack = await stage.apply(policyFor(origin.port, { siteId, hostnames: [HOST], cache }));
      assert.equal(ack.ok, true, JSON.stringify(ack));
    };
    await purge();
    const paths = [
      "/a/news",
      "/a/news/sports",
      "/a/sports",
      "/drupal/node-7/news",
      "/untagged",
      "/a/news?x=1",
    ];
    // What has no tag is remembered once the site is known to have some.
    await got(paths);
    const shown = await get("/drupal/node-7/news");
    assert.deepEqual([shown.headers["cache-tag"], shown.headers["surrogate-key"]], [undefined, undefined]);
    assert.deepEqual(
      await got(paths),
      paths.map(() => hit),
    );
    const fell = async (): Promise<string[]> => {
      const said = await got(paths);
      assert.deepEqual(
        await got(paths),
        paths.map(() => hit),
        "and is kept anew",
      );
      return paths.filter((_, i) => said[i] !== hit);
    };
    await purge("sports");
    assert.deepEqual(await fell(), ["/a/news/sports", "/a/sports"]);
    await purge("sports", "NODE-7");
    assert.deepEqual(await fell(), ["/drupal/node-7/news"]);
    await purge("sports", "node-7", "new", "nobody");
    assert.deepEqual(await fell(), []);
    await purge("sports", "node-7", "new", "nobody", "news");
    assert.deepEqual(await fell(), ["/a/news", "/a/news/sports", "/drupal/node-7/news", "/a/news?x=1"]);
    // Another kind of answer may lie under the same address.
    const named = ["sports", "node-7", "new", "nobody", "news"];
    await got(["/varying/x", "/etag/x"]);
    await purge(...named, "other");
    assert.notEqual((await get("/varying/x")).headers["cache-status"], hit);
    // A 304 said that an answer has one tag more.
    await until(async () => {
      await get("/etag/x");
      return origin.requests.some(({ headers }) => headers["if-none-match"] === '"one"');
    });
    const renewed = await get("/etag/x");
    await purge(...named, "other", "added");
    assert.notEqual((await get("/etag/x")).body, renewed.body);
    // A new nginx remembers no tags, and has the answers.
    await got(paths);
    await restarted(scene);
    await purge(...named, "other", "added", "sports");
    const said = await got(["/a/sports", "/a/news/sports"]);
    assert.ok(!said.includes(hit), said.join());
  }));

test("the codings of an address are kept, and remembered, each by itself", () =>
  withScene(async (scene) => {
    const { stage, origin, get } = scene;
    const siteId = newSiteId();
    const purge = async (...tags: string[]): Promise<void> => {
      const purges = tags.map((value, i): CachePurge => ({ kind: "tag", value, number: i + 1 }));
      const cache = { ...POLICY_CACHE_DEFAULT, mode: "origin" as const, purges };
      assert.equal(
        (await stage.apply(policyFor(origin.port, { siteId, hostnames: [HOST], cache }))).ok,
        true,
      );
    };
    const gzip = { "accept-encoding": "gzip", "x-tag": "new" };
    await purge();
    const plain = await get("/coded/old");
    await restarted(scene);
    await get("/coded/old", gzip);
    await get("/coded/old", gzip);
    await purge("old");
    assert.notEqual((await get("/coded/old")).body, plain.body);
  }));

test("a change is heard whatever name the origin has, however the address was written, and by whom it was made", () =>
  withScene(async ({ stage, origin, get }) => {
    const policy = policyFor(origin.port, {
      hostnames: [HOST],
      cache: {
        ...POLICY_CACHE_DEFAULT,
        mode: "origin",
        ignoreQuery: ["utm_*"],
        bypassCookies: ["session*"],
      },
    });
    const named = { ...policy, origin: { ...policy.origin, hostHeader: "inside.example" } };
    assert.equal((await stage.apply(named)).ok, true);
    const chunked = { "transfer-encoding": "chunked" };
    for (const headers of [chunked, {}, { cookie: "session1=x" }, { cookie: "session1=x", ...chunked }]) {
      const kept = await get("/page?utm_source=a");
      assert.equal((await get("/page")).body, kept.body);
      const path = "/page?utm_medium=b";
      const changed = await stage.send({ host: HOST, path, method: "POST", headers, body: "x" });
      assert.equal(changed.status, 200);
      assert.equal(origin.requests.at(-1)?.headers["x-forwarded-host"], HOST);
      assert.equal(origin.requests.at(-1)?.headers.host, "inside.example");
      for (const one of ["/page", "/page?utm_source=a"])
        assert.notEqual((await get(one)).body, kept.body, `${JSON.stringify(headers)} ${one}`);
    }
  }));

test("a change makes kept answers doubtful: announced or not, on a site with usual settings, and over a restart", () =>
  withScene(async (scene) => {
    const { stage, origin, get, got } = scene;
    assert.equal((await stage.apply(policyFor(origin.port, { hostnames: [HOST] }))).ok, true);
    const change = async (path: string, headers: Record<string, string>): Promise<void> => {
      const answer = await stage.send({ host: HOST, path, method: "PUT", headers, body: "x".repeat(3000) });
      assert.equal(answer.status, 200);
      const arrived = origin.requests.at(-1);
      assert.deepEqual([arrived?.method, arrived?.body.length], ["PUT", 3000]);
    };
    const files = ["/a.css", "/b.css", "/c.css", "/calm.css"];
    await got(files);
    assert.deepEqual(
      await got(files),
      files.map(() => hit),
    );
    const before = await Promise.all(files.map((path) => get(path)));
    await change("/a.css", { "content-length": "3000" });
    // The first of a site is heard of by all workers within a look or two at what changed.
    await until(async () => (await get("/a.css")).body !== before[0]?.body);
    await change("/b.css", { "transfer-encoding": "chunked" });
    assert.notEqual((await get("/b.css")).body, before[1]?.body);
    assert.deepEqual(await got(["/c.css", "/calm.css"]), [hit, hit]);
    await restarted(scene);
    for (const [i, path] of ["/a.css", "/b.css"].entries())
      assert.notEqual((await get(path)).body, before[i]?.body, path);
    // And once more: what was doubtful stays so, and what came since is good.
    const since = await get("/a.css");
    const book = join(stage.dataDir, "edge", "doubtful-answers");
    const written = readFileSync(book, "utf8");
    assert.match(written, /^site_[0-9a-z]{26} \d+\n$/);
    appendFileSync(book, `${newSiteId()} 1000000000\nnonsense\n`);
    await restarted(scene);
    assert.equal(readFileSync(book, "utf8"), written, "what counts no more is left out");
    assert.notEqual((await get("/a.css")).body, since.body, "kept before a start by a site that has doubts");
    assert.equal((await got(["/a.css"]))[0], hit);
  }));

test("nothing is kept of a preview, whatever the site's rules say", () =>
  withScene(async ({ stage, origin }) => {
    const rules = [{ path: "/*", action: "store", seconds: 600 }] as const;
    const policy = policyFor(origin.port, {
      hostnames: [HOST],
      preview: { hostname: "preview.example", as: HOST },
      cache: { ...POLICY_CACHE_DEFAULT, mode: "origin", rules },
    });
    assert.equal((await stage.apply(policy)).ok, true);
    const twice = async (host: string): Promise<string[]> => [
      (await stage.send({ host, path: "/page" })).body,
      (await stage.send({ host, path: "/page" })).body,
    ];
    const [kept, again] = await twice(HOST);
    assert.equal(again, kept);
    const [first, second] = await twice("preview.example");
    assert.match(first ?? "", /^answer/);
    assert.notEqual(second, first);
  }));
