/** Pools of origins on real nginx: shares, backups, failover, what is repeated and what never is, signatures, checks, and origins that misbehave. */
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import type { OriginReport } from "../../src/contract/origin-health.ts";
import { singleOrigin, type OriginPool } from "../../src/contract/origin-pool.ts";
import type { SitePolicy } from "../../src/contract/policy.ts";
import { healthTopic } from "../../src/contract/topics.ts";
import { openDns } from "./dns-server.ts";
import { newSiteId, openOrigin, openStage, policyFor, until, type Origin, type Stage } from "./edge-stage.ts";
import { newAuthority, openTlsOrigin } from "./tls-origins.ts";

type Server = OriginPool["servers"][number];
const server = (port: number, changes: Partial<Server> = {}): Server => ({
  host: "127.0.0.1",
  port,
  weight: 1,
  backup: false,
  ...changes,
});

function poolPolicy(
  hostname: string,
  servers: readonly Server[],
  changes: Partial<OriginPool> = {},
  policy: Partial<SitePolicy> = {},
): SitePolicy {
  const origin = { ...singleOrigin("http", "127.0.0.1", 1), servers, ...changes };
  return policyFor(1, { hostnames: [hostname], origin, ...policy });
}

async function mustApply(stage: Stage, policy: SitePolicy): Promise<void> {
  const ack = await stage.apply(policy);
  assert.equal(ack.ok, true, ack.ok ? "" : ack.why);
}

/** A port that nobody listens on. */
async function deadPort(): Promise<number> {
  const socket = createTcpServer();
  await new Promise<void>((resolve) => socket.listen(0, "127.0.0.1", resolve));
  const { port } = socket.address() as { port: number };
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

/** A server of bytes: `speak` gets each connection with its first bytes. */
async function openTcp(
  speak: (socket: Socket, head: string) => void,
): Promise<{ port: number; heads: string[]; end(): void }> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const tcp: TcpServer = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", (bytes) => {
      heads.push(bytes.toString("latin1"));
      speak(socket, bytes.toString("latin1"));
    });
  });
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  const { port } = tcp.address() as { port: number };
  return {
    port,
    heads,
    end: () => {
      for (const socket of sockets) socket.destroy();
      tcp.close();
    },
  };
}

describe("a pool of origins", () => {
  let stage: Stage;
  let a: Origin;
  let b: Origin;

  before(async () => {
    // One worker, so that turns can be counted.
    stage = await openStage({ workers: 1 });
    a = await openOrigin((_, answer) => void answer.end("a"));
    b = await openOrigin((_, answer) => void answer.end("b"));
  });
  after(async () => {
    await a.end();
    await b.end();
    await stage.end();
  });

  const bodies = async (host: string, times: number): Promise<string[]> => {
    const seen: string[] = [];
    for (let n = 0; n < times; n++) {
      const { status, body } = await stage.send({ host });
      seen.push(status === 200 ? body : String(status));
    }
    return seen;
  };

  test("shares follow the weights, smoothly", async () => {
    await mustApply(stage, poolPolicy("shares.example", [server(a.port, { weight: 3 }), server(b.port)]));
    const seen = await bodies("shares.example", 40);
    assert.equal(seen.filter((body) => body === "a").length, 30);
    assert.equal(seen.filter((body) => body === "b").length, 10);
    assert.ok(!seen.join("").includes("bb") && !seen.join("").includes("aaaa"), seen.join(""));
  });

  test("a backup is asked only while no main server is usable", async () => {
    await mustApply(stage, poolPolicy("backup.example", [server(a.port), server(b.port, { backup: true })]));
    assert.deepEqual(new Set(await bodies("backup.example", 10)), new Set(["a"]));
    const dead = await deadPort();
    await mustApply(stage, poolPolicy("fallen.example", [server(dead), server(b.port, { backup: true })]));
    assert.deepEqual(new Set(await bodies("fallen.example", 10)), new Set(["b"]), "no visitor notices");
  });

  test("while one server dies no GET fails, and it is left alone for a while", async () => {
    const dying = await openOrigin((_, answer) => void answer.end("dying"));
    await mustApply(stage, poolPolicy("failover.example", [server(dying.port), server(a.port)]));
    const sent = Array.from({ length: 8 }, async () => {
      const seen: string[] = [];
      for (let n = 0; n < 60; n++) {
        const { status, body } = await stage.send({ host: "failover.example" });
        seen.push(status === 200 ? body : String(status));
      }
      return seen;
    });
    await until(() => dying.requests.length > 20);
    await dying.end();
    const all = (await Promise.all(sent)).flat();
    assert.equal(all.length, 480);
    assert.deepEqual(new Set(all), new Set(["dying", "a"]));
    const again = a.requests.length;
    await bodies("failover.example", 10);
    assert.equal(a.requests.length, again + 10);
  });

  test("a server that comes back gets its share again", async () => {
    const port = await deadPort();
    await mustApply(stage, poolPolicy("back.example", [server(port), server(a.port)], { connectSeconds: 1 }));
    assert.deepEqual(new Set(await bodies("back.example", 4)), new Set(["a"]));
    const back = await openOrigin((_, answer) => void answer.end("back"));
    await back.end();
    const revived = await new Promise<TcpServer>((resolve) => {
      const tcp = createTcpServer((socket) => {
        socket.on("error", () => undefined);
        socket.on("data", () =>
          socket.end("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nback"),
        );
      });
      tcp.listen(port, "127.0.0.1", () => resolve(tcp));
    });
    await until(async () => (await bodies("back.example", 2)).includes("back"), 20_000);
    await until(
      async () => (await bodies("back.example", 4)).filter((body) => body === "back").length === 2,
      20_000,
    );
    revived.close();
  });

  test("what was sent is not sent again unless its method is idempotent; what was not sent may be", async () => {
    const cutting = await openTcp((socket) => socket.destroy());
    const dead = await deadPort();
    const ask = async (first: number, method: string, body?: string): Promise<[number, number]> => {
      const host = `retry-${method.toLowerCase()}-${first}.example`;
      // The first server has nearly every turn.
      const servers = [server(first, { weight: 100 }), server(a.port)];
      await mustApply(stage, poolPolicy(host, servers, {}, { hostnames: [host] }));
      const before = a.requests.length;
      const { status } = await stage.send({ host, method, ...(body === undefined ? {} : { body }) });
      return [status, a.requests.length - before];
    };
    for (const method of ["GET", "HEAD", "OPTIONS", "DELETE"])
      assert.deepEqual(await ask(cutting.port, method), [200, 1], method);
    assert.deepEqual(await ask(cutting.port, "PUT", "x"), [200, 1], "PUT");
    for (const method of ["POST", "PATCH", "REPORT", "PURGE"]) {
      const sent = cutting.heads.length;
      assert.deepEqual(await ask(cutting.port, method, "x"), [502, 0], method);
      assert.equal(cutting.heads.length, sent + 1, `${method} reached the origin once`);
    }
    assert.deepEqual(
      await ask(dead, "POST", "x"),
      [200, 1],
      "a POST that nobody heard goes to the next server",
    );
    cutting.end();
  });

  test("a request that nobody may repeat is not repeated on a kept connection that was closed under it either", async () => {
    let closing = false;
    const keeping = await openTcp((socket) => {
      const answer = (): void => {
        if (closing) return void socket.destroy();
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      };
      answer();
      socket.on("data", (bytes) => {
        keeping.heads.push(bytes.toString("latin1"));
        answer();
      });
    });
    await mustApply(stage, poolPolicy("kept.example", [server(keeping.port)]));
    for (const method of ["POST", "REPORT"]) {
      closing = false;
      assert.equal((await stage.send({ host: "kept.example" })).status, 200);
      const before = keeping.heads.length;
      closing = true;
      const { status } = await stage.send({ host: "kept.example", method });
      assert.equal(status, 502, method);
      assert.equal(keeping.heads.length, before + 1, `${method} was sent once`);
    }
    keeping.end();
  });

  test("how long an origin may take is the site's own, and others are not held up by it", async () => {
    const silent = await openTcp(() => undefined);
    await mustApply(stage, poolPolicy("slow.example", [server(silent.port)], { readSeconds: 1 }));
    await mustApply(stage, poolPolicy("quick.example", [server(a.port)]));
    const slow = stage.send({ host: "slow.example" });
    assert.deepEqual(new Set(await bodies("quick.example", 20)), new Set(["a"]));
    assert.equal((await slow).status, 504);
    silent.end();
  });

  test("origins that lie, cut off and flood headers are answered for with an error; the others do not notice", async () => {
    const said = {
      "headers.example": `HTTP/1.1 200 OK\r\nX-Long: ${"x".repeat(200_000)}\r\n\r\n`,
      "half.example": "HTTP/1.1 200 OK\r\nContent-Le",
    };
    for (const [host, bytes] of Object.entries(said)) {
      const liar = await openTcp((socket) => socket.end(bytes));
      await mustApply(stage, poolPolicy(host, [server(liar.port)]));
      const { status, body } = await stage.send({ host });
      assert.equal(status, 502, host);
      assert.ok(body.includes("origin.down"), host);
      assert.deepEqual(await bodies("quick.example", 3), ["a", "a", "a"]);
      liar.end();
    }
  });

  test("a signed request can be checked by its origin, and a visitor's own signature does not pass for it", async () => {
    const key = randomBytes(32);
    const siteId = newSiteId();
    const signed = poolPolicy(
      "signed.example",
      [server(a.port)],
      { signed: true },
      {
        siteId,
        signingKey: key.toString("base64url"),
      },
    );
    await mustApply(stage, signed);
    for (const [path, method, body] of [
      ["/x/%C3%A9?a=1&b=%20", "GET", undefined],
      ["/", "POST", "hello"],
      ["/?", "GET", undefined],
      ["/many?a?b", "HEAD", undefined],
    ] as const) {
      const { status } = await stage.send({
        host: "Signed.example:80",
        path,
        method,
        headers: { signature: "parapet=:AAAA:", "signature-input": "parapet=()" },
        ...(body === undefined ? {} : { body }),
      });
      assert.equal(status, 200, path);
      const heard = a.requests.at(-1);
      assert.equal(heard?.url, path);
      const input = String(heard?.headers["signature-input"]);
      const params = input.replace(/^parapet=/, "");
      const created = Number(/;created=(\d+);/.exec(params)?.[1]);
      assert.ok(Math.abs(created - Date.now() / 1000) < 30);
      assert.ok(params.includes(`keyid="${siteId}"`) && params.includes('alg="hmac-sha256"'));
      assert.equal(heard?.raw.filter((name) => /^signature/i.test(name)).length, 2);
      const url = new URL(path, "http://origin.invalid");
      const query = path.includes("?") ? path.slice(path.indexOf("?")) : "?";
      const base = `"@method": ${method}\n"@authority": signed.example\n"@path": ${path.split("?")[0]}\n"@query": ${query}\n"@signature-params": ${params}`;
      assert.ok(url.pathname !== "");
      const wanted = createHmac("sha256", key).update(base).digest("base64");
      assert.equal(heard?.headers["signature"], `parapet=:${wanted}:`, path);
    }
    // A body of unannounced length, and a site that signs nothing: a visitor's signature is the origin's own business there.
    await stage.send({
      host: "signed.example",
      method: "POST",
      body: "x",
      headers: { "transfer-encoding": "chunked" },
    });
    assert.match(String(a.requests.at(-1)?.headers["signature"]), /^parapet=:[A-Za-z0-9+/]{43}=:$/);
    await stage.send({ host: "quick.example", headers: { signature: "sig=:AAAA:" } });
    assert.equal(a.requests.at(-1)?.headers["signature"], "sig=:AAAA:");
  });

  test("a signed request over TLS is signed for the Host that the origin is asked for", async () => {
    const authority = newAuthority();
    const strict = await openStage({ workers: 1, originCaFile: authority.caFile });
    const heard: string[] = [];
    const origin = await openTlsOrigin({
      certificates: { "inner.example": authority.issue("inner.example") },
      listener: (asked, answer) => {
        heard.push(String(asked.headers["signature-input"]), String(asked.headers["signature"]));
        answer.end();
      },
    });
    try {
      const key = randomBytes(32);
      await mustApply(
        strict,
        poolPolicy(
          "outer.example",
          [server(origin.port)],
          { scheme: "https", hostHeader: "inner.example:443", signed: true },
          { signingKey: key.toString("base64url") },
        ),
      );
      assert.equal((await strict.send({ host: "outer.example", path: "/p" })).status, 200);
      const params = heard[0]!.replace(/^parapet=/, "");
      const base = `"@method": GET\n"@authority": inner.example\n"@path": /p\n"@query": ?\n"@signature-params": ${params}`;
      assert.equal(heard[1], `parapet=:${createHmac("sha256", key).update(base).digest("base64")}:`);
    } finally {
      await origin.end();
      await strict.end();
      authority.end();
    }
  });

  test("checks take a server out before a visitor meets it, bring it back, and tell what they saw", async () => {
    let sick = false;
    const checked = await openOrigin((asked, answer) => {
      if (asked.url === "/up") answer.statusCode = sick ? 503 : 200;
      answer.end("checked");
    });
    const policy = poolPolicy("checked.example", [server(checked.port), server(b.port)], {
      health: {
        path: "/up",
        intervalSeconds: 2,
        timeoutSeconds: 1,
        statusMin: 200,
        statusMax: 299,
        rise: 1,
        fall: 2,
      },
    });
    const reports: OriginReport[] = [];
    const off = stage.bus.subscribe(
      healthTopic(stage.options.nodeId, policy.siteId),
      ({ value }) => void reports.push(value as OriginReport),
    );
    const state = (): string | undefined => reports.at(-1)?.servers[0]?.addresses[0]?.state;
    await mustApply(stage, policy);
    await until(() => state() === "up", 20_000);
    assert.deepEqual(new Set(await bodies("checked.example", 10)), new Set(["checked", "b"]));
    sick = true;
    await until(() => state() === "down", 30_000);
    await until(async () => !(await bodies("checked.example", 6)).includes("checked"));
    assert.match(
      String(reports.at(-1)?.servers[0]?.addresses[0]?.why),
      /answered 503 to \/up, not 200 to 299/,
    );
    sick = false;
    await until(() => state() === "up", 30_000);
    await until(async () => (await bodies("checked.example", 6)).includes("checked"));
    const asked = checked.requests.filter(({ url }) => url === "/up");
    assert.ok(asked.every(({ headers }) => headers.host === "checked.example"));
    off();
    await checked.end();
  });

  test("when checks find every server down, all are asked all the same", async () => {
    const policy = poolPolicy("all-down.example", [server(a.port), server(b.port)], {
      health: {
        path: "/",
        intervalSeconds: 2,
        timeoutSeconds: 1,
        statusMin: 500,
        statusMax: 500,
        rise: 1,
        fall: 1,
      },
    });
    const reports: OriginReport[] = [];
    const off = stage.bus.subscribe(
      healthTopic(stage.options.nodeId, policy.siteId),
      ({ value }) => void reports.push(value as OriginReport),
    );
    await mustApply(stage, policy);
    await until(
      () => reports.at(-1)?.servers.every(({ addresses }) => addresses[0]?.state === "down") === true,
      20_000,
    );
    assert.deepEqual(new Set(await bodies("all-down.example", 6)), new Set(["a", "b"]));
    off();
  });
});

test("an origin whose name moves is followed, and one whose name turns inwards is answered for by the edge", async () => {
  const dns = await openDns({ "origin.example": { a: ["127.0.0.1"], ttl: 5 } });
  const stage = await openStage({
    workers: 1,
    dnsServers: [dns.address],
    originPrivateRanges: ["127.0.0.1/32", "127.0.0.3/32"],
  });
  const origin = await openOrigin((_, answer) => void answer.end("here"));
  try {
    await mustApply(stage, poolPolicy("named.example", [server(origin.port, { host: "origin.example" })]));
    assert.equal((await stage.send({ host: "named.example" })).status, 200);
    const status = async (): Promise<number> => (await stage.send({ host: "named.example" })).status;
    dns.table["origin.example"] = { a: ["127.0.0.2"], ttl: 5 };
    await until(async () => (await status()) === 502, 30_000);
    const before = origin.requests.length;
    await status();
    assert.equal(origin.requests.length, before);
    assert.ok(stage.alarms.some(({ what }) => what.includes("127.0.0.2 is not public")));
    dns.table["origin.example"] = { a: ["127.0.0.1"], ttl: 5 };
    await until(async () => (await status()) === 200, 30_000);
  } finally {
    await origin.end();
    await stage.end();
    await dns.end();
  }
});
