/** The request path on real nginx: who gets which site, what the origin hears, and what a visitor sees when something is wrong. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { makeReceipt } from "../../src/ledger/core/testing.ts";
import { cdnIdOf } from "../../src/node/cdn-id.ts";
import {
  newSiteId,
  openOrigin,
  openStage,
  policyFor,
  recordFor,
  sendRaw,
  until,
  type Origin,
  type Stage,
} from "./edge-stage.ts";

describe("the request path", () => {
  let stage: Stage;
  let origin: Origin;
  const site = newSiteId();

  before(async () => {
    stage = await openStage({ originReadSeconds: 1, originConnectSeconds: 1 });
    origin = await openOrigin((asked, answer) => {
      if (asked.url === "/slow") return;
      if (asked.url === "/cut") return void asked.socket.destroy();
      if (asked.url === "/steer") answer.setHeader("X-Accel-Redirect", "/.parapet/error");
      if (asked.url === "/own-error") answer.statusCode = 404;
      answer.end(`origin says ${asked.url}`);
    });
    const ack = await stage.apply(
      policyFor(origin.port, {
        siteId: site,
        hostnames: ["forum.example", "*.pages.example", "exact.pages.example"],
      }),
    );
    assert.deepEqual([ack.ok, ack.ok && ack.workers], [true, 2]);
  });
  after(async () => {
    await origin.end();
    await stage.end();
  });

  test("hostnames find their site exactly, by one label of a wildcard, or not at all", async () => {
    const other = await openOrigin((_, answer) => void answer.end("the other site"));
    const ack = await stage.apply(
      policyFor(other.port, { hostnames: ["*.deep.pages.example", "mine.pages2.example"] }),
    );
    assert.equal(ack.ok, true);
    const table: [string, number, string][] = [
      ["forum.example", 200, "origin says /x"],
      ["FORUM.Example", 200, "origin says /x"],
      ["forum.example.", 200, "origin says /x"],
      ["forum.example:8080", 200, "origin says /x"],
      ["a.pages.example", 200, "origin says /x"],
      ["exact.pages.example", 200, "origin says /x"],
      ["a.deep.pages.example", 200, "the other site"],
      ["a.b.pages.example", 421, "No such site"],
      ["pages.example", 421, "No such site"],
      ["*.pages.example", 421, "No such site"],
      ["notforum.example", 421, "No such site"],
      ["127.0.0.1", 421, "No such site"],
      ["[::1]", 421, "No such site"],
    ];
    for (const [host, status, text] of table) {
      const answer = await stage.send({ host, path: "/x" });
      assert.equal(answer.status, status, host);
      assert.ok(answer.body.includes(text), `${host}: ${answer.body.slice(0, 200)}`);
    }
    await other.end();
  });

  test("a client cannot say who it is, and fields of one connection end with it", async () => {
    await stage.send({
      host: "forum.example",
      path: "/forged",
      headers: {
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "evil.example",
        "x-real-ip": "203.0.113.9",
        forwarded: "for=203.0.113.9",
        "x-request-id": "forged",
        "true-client-ip": "203.0.113.9",
        "cf-connecting-ip": "203.0.113.9",
        "x-original-url": "/admin",
        proxy: "http://evil.example",
        "proxy-authorization": "Basic Zm9v",
        te: "trailers",
        connection: "close, X-Hop, Cookie",
        "x-hop": "one",
        cookie: "session=1",
        "x-kept": "yes",
      },
    });
    const heard = origin.requests.at(-1)?.headers ?? {};
    assert.deepEqual(
      [heard["x-forwarded-for"], heard["x-forwarded-proto"], heard["x-forwarded-host"], heard["x-real-ip"]],
      ["127.0.0.1", "http", "forum.example", "127.0.0.1"],
    );
    for (const name of [
      "forwarded",
      "true-client-ip",
      "cf-connecting-ip",
      "x-original-url",
      "proxy",
      "proxy-authorization",
      "te",
      "x-hop",
    ]) {
      assert.equal(heard[name], undefined, name);
    }
    assert.match(String(heard["x-request-id"]), /^[0-9a-f]{16}$/);
    assert.deepEqual(
      [heard["x-kept"], heard["cookie"]],
      ["yes", "session=1"],
      "Cookie cannot be nominated away",
    );
    assert.notEqual(heard["connection"], "close", "connections to origins are kept");
  });

  test("a request that was here before is a loop, whatever other parties say", async () => {
    const own = cdnIdOf(stage.options.pinnedVkey);
    const passed = await stage.send({
      host: "forum.example",
      headers: { "cdn-loop": ["a.example", "b.example; x=1"] },
    });
    assert.equal(passed.status, 200);
    assert.equal(origin.requests.at(-1)?.headers["cdn-loop"], `a.example, b.example; x=1, ${own}`);
    for (const loop of [
      [own],
      ["a.example", own],
      [`A, ${own.toUpperCase()}; v=1`],
      [Array(30).fill("x").join(",")],
    ]) {
      const answer = await stage.send({ host: "forum.example", headers: { "cdn-loop": loop } });
      assert.equal(answer.status, 508, String(loop));
    }
  });

  test("errors say whose fault it is, carry the log's request id, and speak the visitor's language", async () => {
    const nobody = createTcpServer();
    await new Promise<void>((resolve) => nobody.listen(0, "127.0.0.1", resolve));
    const free = (nobody.address() as { port: number }).port;
    await new Promise((resolve) => nobody.close(resolve));
    const down = await stage.apply(policyFor(free, { hostnames: ["down.example"] }));
    assert.equal(down.ok, true);
    const table: [string, string, number, string][] = [
      ["down.example", "/", 502, "origin.down"],
      ["forum.example", "/slow", 504, "origin.slow"],
      ["forum.example", "/cut", 502, "origin.down"],
      ["unknown.example", "/", 421, "host.unknown"],
    ];
    for (const [host, path, status, reason] of table) {
      for (const [language, html] of [
        ["fr-CH, fr;q=0.9, en;q=0.8", 'lang="fr"'],
        ["de, en;q=0.5", 'lang="en"'],
      ] as const) {
        const answer = await stage.send({
          host,
          path,
          headers: { "accept-language": language, accept: "text/html" },
        });
        assert.equal(answer.status, status, `${host}${path}`);
        assert.ok(answer.body.includes(html) && answer.body.includes(reason), answer.body);
        assert.ok(!/<script|https?:\/\//i.test(answer.body), "no script, nothing from elsewhere");
        const id = String(answer.headers["x-request-id"]);
        assert.ok(answer.body.includes(id));
        assert.equal(answer.headers["cache-control"], "no-store");
        await until(() => readFileSync(join(stage.dataDir, "edge/access.log"), "utf8").includes(id));
        const line = readFileSync(join(stage.dataDir, "edge/access.log"), "utf8")
          .split("\n")
          .find((one) => one.includes(id));
        const logged = JSON.parse(line ?? "") as Record<string, unknown>;
        assert.deepEqual(
          [logged["reason"], logged["status"], logged["client"]],
          [reason, status, "127.0.0.0"],
        );
      }
      const problem = await stage.send({ host, path, headers: { accept: "application/json" } });
      assert.equal(problem.headers["content-type"], "application/problem+json");
      const parsed = JSON.parse(problem.body) as Record<string, unknown>;
      assert.deepEqual([parsed["status"], parsed["code"]], [status, reason]);
    }
    assert.equal(
      (await stage.send({ host: "forum.example", path: "/own-error" })).body,
      "origin says /own-error",
    );
  });

  test("an origin cannot steer the edge with fields of its answer", async () => {
    const answer = await stage.send({ host: "forum.example", path: "/steer" });
    assert.deepEqual([answer.status, answer.body], [200, "origin says /steer"]);
  });

  test("bodies pass up to the site's bound, announced or not, and not one byte more", async () => {
    await stage.apply(policyFor(origin.port, { hostnames: ["body.example"], bodyBytesMax: 100_000 }));
    const table: [number, number][] = [
      [0, 200],
      [1, 200],
      [99_999, 200],
      [100_000, 200],
      [100_001, 413],
      [300_000, 413],
    ];
    for (const [bytes, status] of table) {
      for (const chunked of [false, true]) {
        const seen = origin.requests.length;
        const answer = await stage
          .send({
            host: "body.example",
            path: "/upload",
            method: "POST",
            body: Buffer.alloc(bytes, 120),
            headers: chunked ? { "transfer-encoding": "chunked" } : { "content-length": String(bytes) },
          })
          .catch((error: NodeJS.ErrnoException) => {
            // The edge may close while a refused body is still on its way.
            assert.ok(status === 413 && ["ECONNRESET", "EPIPE"].includes(error.code ?? ""), String(error));
            return { status: 413, body: "" };
          });
        assert.equal(answer.status, status, `${bytes} bytes, chunked: ${chunked}`);
        assert.equal(origin.requests.length - seen, status === 200 ? 1 : 0);
        if (status !== 200) continue;
        const heard = origin.requests.at(-1);
        assert.equal(heard?.body.length, bytes);
        assert.equal(heard?.headers["transfer-encoding"], undefined, "the origin always knows the length");
      }
    }
  });

  test("headers that are too large or too many are refused before anybody reads them", async () => {
    const long = "x".repeat(20_000);
    const table: [string, number][] = [
      [`GET /${long} HTTP/1.1\r\nHost: forum.example\r\n\r\n`, 431],
      [`GET / HTTP/1.1\r\nHost: forum.example\r\nX-Long: ${long}\r\n\r\n`, 431],
      [`GET / HTTP/1.1\r\nHost: forum.example\r\n${"X-A: b\r\n".repeat(150)}\r\n`, 431],
      [`GET / HTTP/1.1\r\n\r\n`, 400],
      [`GET / HTTP/1.1\r\nHost: a.example\r\nHost: forum.example\r\n\r\n`, 400],
      [`BREW / HTTP/9.9\r\nHost: forum.example\r\n\r\n`, 400],
      [`GARBAGE\r\n\r\n`, 400],
      [`TRACE / HTTP/1.1\r\nHost: forum.example\r\n\r\n`, 400],
      [`GET http://forum.example/ HTTP/1.1\r\nHost: exact.pages.example\r\nConnection: close\r\n\r\n`, 400],
      [`GET http://forum.example/ok HTTP/1.1\r\nHost: forum.example\r\nConnection: close\r\n\r\n`, 200],
    ];
    for (const [bytes, status] of table) {
      const answer = await sendRaw(stage.node.address, bytes);
      const seen = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
      assert.equal(seen, status, `${bytes.slice(0, 60)} → ${answer.slice(0, 300)}`);
    }
  });

  test("two ways to say where a body ends are one too many, and a refused body is never read as a request", async () => {
    const seen = origin.requests.length;
    const smuggled = "GET /smuggled HTTP/1.1\r\nHost: forum.example\r\n\r\n";
    const table: [string, string][] = [
      [
        "both lengths",
        `POST / HTTP/1.1\r\nHost: forum.example\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      ],
      [
        "two lengths",
        `POST / HTTP/1.1\r\nHost: forum.example\r\nContent-Length: 0\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
      ],
      [
        "a coding that is not known",
        `POST / HTTP/1.1\r\nHost: forum.example\r\nTransfer-Encoding: xchunked\r\n\r\n${smuggled}`,
      ],
      ["a signed length", `POST / HTTP/1.1\r\nHost: forum.example\r\nContent-Length: +5\r\n\r\n${smuggled}`],
      [
        "a body of a host that is not here",
        `POST / HTTP/1.1\r\nHost: nobody.example\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
      ],
      [
        "a body too large",
        `POST / HTTP/1.1\r\nHost: forum.example\r\nContent-Length: 99999999\r\n\r\n${smuggled}`,
      ],
    ];
    for (const [name, bytes] of table) {
      const answer = await sendRaw(stage.node.address, bytes, 700);
      assert.match(answer, /^HTTP\/1\.1 4\d\d/, name);
      assert.ok(!answer.includes("origin says"), `${name}: ${answer}`);
    }
    assert.equal(origin.requests.length, seen, "the origin heard none of it");
  });

  test("a client over its allowance is told when to come back, and others are not hit", async () => {
    await stage.apply(
      policyFor(origin.port, { hostnames: ["busy.example"], limit: { requestsPerSecond: 1, burst: 5 } }),
    );
    const statuses: number[] = [];
    for (let i = 0; i < 9; i++) statuses.push((await stage.send({ host: "busy.example" })).status);
    const passed = statuses.filter((status) => status === 200).length;
    assert.ok(passed >= 4 && passed <= 6, statuses.join());
    const refused = await stage.send({ host: "busy.example" });
    assert.equal(refused.status, 429);
    assert.match(String(refused.headers["retry-after"]), /^[1-5]$/);
    assert.equal(
      (await stage.send({ host: "forum.example" })).status,
      200,
      "another site's allowance is untouched",
    );
    await until(async () => (await stage.send({ host: "busy.example" })).status === 200, 5000);
  });

  test("a WebSocket passes, and lives through a policy change of its own site", async () => {
    const sockets = new WebSocketServer({ server: origin.server });
    sockets.on("connection", (socket) => socket.on("message", (text) => socket.send(`echo ${String(text)}`)));
    const client = new WebSocket(`ws://${stage.node.address}/chat`, { headers: { host: "forum.example" } });
    await once(client, "open");
    const talk = async (text: string): Promise<string> => {
      client.send(text);
      const [back] = (await once(client, "message")) as [Buffer];
      return back.toString();
    };
    assert.equal(await talk("one"), "echo one");
    const ack = await stage.apply(
      policyFor(origin.port, {
        siteId: site,
        hostnames: ["forum.example", "*.pages.example", "exact.pages.example"],
      }),
    );
    assert.equal(ack.ok, true);
    assert.equal(await talk("two"), "echo two");
    client.close();
    sockets.close();
  });

  test("measures of every scope stop what they name, in any spelling, and nothing beside it", async () => {
    const id = newSiteId();
    const measure = (changes: Parameters<typeof recordFor>[1]): ReturnType<typeof makeReceipt> =>
      makeReceipt(recordFor(id, changes));
    const ack = await stage.apply(
      policyFor(origin.port, {
        siteId: id,
        hostnames: ["m.example", "h.example", "*.w.example"],
        measures: [
          measure({ scope: "path", subject: { siteId: id, hostname: "m.example", path: "/threads/7" } }),
          measure({ scope: "url", subject: { siteId: id, hostname: "m.example", path: "/page?id=9" } }),
          measure({ scope: "url", subject: { siteId: id, hostname: "m.example", path: "/caf%C3%A9" } }),
          measure({ scope: "hostname", subject: { siteId: id, hostname: "h.example" } }),
          measure({
            scope: "path",
            subject: { siteId: id, hostname: "m.example", path: "/over" },
            endsAt: new Date(Date.now() - 1000).toISOString(),
          }),
          measure({
            scope: "path",
            subject: { siteId: id, hostname: "m.example", path: "/later" },
            startsAt: new Date(Date.now() + 3_600_000).toISOString(),
          }),
        ],
      }),
    );
    assert.equal(ack.ok, true, JSON.stringify(ack));
    const table: [string, string, number][] = [
      ["m.example", "/threads/7", 451],
      ["m.example", "/threads/7/", 451],
      ["m.example", "/threads/7?page=2", 451],
      ["m.example", "/threads/7/reply", 451],
      ["m.example", "/threads/%37", 451],
      ["m.example", "//threads//7", 451],
      ["m.example", "/x/../threads/./7", 451],
      ["m.example", "/%2e/threads/7", 451],
      ["m.example", "/threads%2f7", 451],
      ["m.example", "/threads/77", 200],
      ["m.example", "/threads", 200],
      ["m.example", "/page?id=9", 451],
      ["m.example", "/page?id=%39", 451],
      ["m.example", "/page?id=99", 200],
      ["m.example", "/page", 200],
      ["m.example", "/caf%c3%a9", 451],
      ["m.example", "/over", 200],
      ["m.example", "/later", 200],
      ["h.example", "/anything", 451],
      ["a.w.example", "/threads/7", 200],
    ];
    for (const [host, path, status] of table) {
      assert.equal((await stage.send({ host, path })).status, status, `${host}${path}`);
    }
    const notice = await stage.send({
      host: "m.example",
      path: "/threads/7/secret-name",
      headers: { accept: "text/html" },
    });
    assert.equal(notice.headers["link"], '<https://parapet.example/>; rel="blocked-by"');
    assert.equal(notice.headers["cache-control"], "no-store");
    for (const text of [
      "2026-000012",
      "Threat to a person",
      "home address",
      "https://parapet.example/appeals/2026-000012",
    ]) {
      assert.ok(notice.body.includes(text.replaceAll("'", "&#39;")), text);
    }
    assert.ok(
      !notice.body.includes("/threads") && !notice.body.includes("secret-name"),
      "a notice is no signpost",
    );
    const post = await stage.send({ host: "m.example", path: "/threads/7", method: "POST", body: "a=b" });
    assert.equal(post.status, 451);
  });

  test("a measure lifts itself at its end with nobody there to lift it", async () => {
    const id = newSiteId();
    const record = recordFor(id, {
      scope: "hostname",
      subject: { siteId: id, hostname: "brake.example" },
      brake: true,
      endsAt: new Date(Date.now() + 1500).toISOString(),
    });
    await stage.apply(
      policyFor(origin.port, { siteId: id, hostnames: ["brake.example"], measures: [makeReceipt(record)] }),
    );
    assert.equal((await stage.send({ host: "brake.example" })).status, 451);
    await until(async () => (await stage.send({ host: "brake.example" })).status === 200, 4000);
    assert.ok(Date.now() >= Date.parse(record.endsAt ?? ""), "not before its end");
  });

  test("a warning can be passed without scripts, by this visitor and for this measure alone", async () => {
    const id = newSiteId();
    const warn = recordFor(id, {
      kind: "warn",
      scope: "hostname",
      subject: { siteId: id, hostname: "warn.example" },
    });
    await stage.apply(
      policyFor(origin.port, { siteId: id, hostnames: ["warn.example"], measures: [makeReceipt(warn)] }),
    );
    const page = await stage.send({
      host: "warn.example",
      path: "/read?a=1&b=2",
      headers: { accept: "text/html" },
    });
    assert.equal(page.status, 200);
    assert.ok(page.body.includes("A warning before you go on") && page.body.includes("measure.warning"));
    const href = /href="(\?[^"]+)"/.exec(page.body)?.[1]?.replaceAll("&amp;", "&") ?? "";
    const passed = await stage.send({ host: "warn.example", path: `/read${href}` });
    assert.equal(passed.status, 303);
    assert.equal(passed.headers.location, "http://warn.example/read?a=1&b=2");
    const cookie = String(passed.headers["set-cookie"]?.[0]).split(";")[0] ?? "";
    const read = await stage.send({ host: "warn.example", path: "/read?a=1&b=2", headers: { cookie } });
    assert.equal(read.body, "origin says /read?a=1&b=2");
    const token = cookie.split("=")[1] ?? "";
    for (const wrong of [
      token.slice(0, -1),
      `${token}x`,
      `9999999999${token.slice(token.indexOf("."))}`,
      "0.x",
      "",
    ]) {
      const again = await stage.send({
        host: "warn.example",
        path: "/read",
        headers: { cookie: `parapet_warning=${wrong}` },
      });
      assert.ok(again.body.includes("A warning before you go on"), wrong);
    }
    const away = await stage.send({ host: "warn.example", path: `//evil.example/${href}` });
    assert.match(String(away.headers.location), /^http:\/\/warn\.example\//);
  });
});
