/** A WebSocket and an event stream are held through a policy change and through reloads of nginx, while new requests are served without a failure. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeReceipt } from "../../src/ledger/core/testing.ts";
import { OLD_GENERATIONS_MAX } from "../../src/node/reload.ts";
import { newSiteId, openOrigin, openStage, policyFor, recordFor, until, type Stage } from "./edge-stage.ts";

type Held = {
  readonly said: () => string;
  say?(text: string): void;
  readonly ended: () => boolean;
  end(): void;
};

function openEvents(address: string, host: string): Promise<Held> {
  const [hostname, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const asking = get(
      { hostname, port, path: "/events", headers: { host }, agent: false },
      (answer: IncomingMessage) => {
        let said = "";
        let ended = false;
        answer.setEncoding("utf8");
        answer.on("data", (text: string) => (said += text));
        answer.on("close", () => (ended = true));
        answer.on("error", () => (ended = true));
        resolve({ said: () => said, ended: () => ended, end: () => asking.destroy() });
      },
    );
    asking.on("error", reject);
  });
}

/** A WebSocket as bytes (RFC 6455): the upgrade, then whatever is sent comes back. */
function openWebSocket(address: string, host: string): Promise<Held> {
  const [hostname = "", port] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(Number(port), hostname);
    let said = "";
    let ended = false;
    socket.on("error", reject);
    socket.on("close", () => (ended = true));
    socket.on("data", (bytes) => {
      const isFirst = said === "";
      said += bytes.toString("latin1");
      if (isFirst)
        resolve({
          said: () => said,
          say: (text) => void socket.write(text),
          ended: () => ended,
          end: () => socket.destroy(),
        });
    });
    socket.write(
      `GET /socket HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
  });
}

/** An origin that says hello, keeps event streams open, and says back whatever a WebSocket says. */
async function openStreamingOrigin(): Promise<{
  port: number;
  push(word: string): void;
  end(): Promise<void>;
}> {
  const streams = new Set<ServerResponse>();
  const upgraded = new Set<Socket>();
  const origin = await openOrigin((asked, answer) => {
    if (asked.url !== "/events") return void answer.end("hello from the origin");
    answer.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
    answer.write("data: begin\n\n");
    streams.add(answer);
    answer.on("close", () => streams.delete(answer));
  });
  const accepted = createHash("sha1")
    .update("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    .digest("base64");
  origin.server.on("upgrade", (_, socket: Socket) => {
    upgraded.add(socket);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accepted}\r\n\r\n`,
    );
    socket.on("data", (bytes) => socket.write(bytes));
    socket.on("error", () => undefined);
    socket.on("close", () => upgraded.delete(socket));
  });
  return {
    port: origin.port,
    push: (word) => {
      for (const answer of streams) answer.write(`data: ${word}\n\n`);
    },
    async end() {
      // A server does not close while a connection that was upgraded lives.
      for (const socket of upgraded) socket.destroy();
      await origin.end();
    },
  };
}

/** Asks without a pause on connections of their own until it is told to stop. */
function openVisitors(
  stage: Stage,
  host: string,
): { stop(): Promise<{ served: number; failures: string[] }> } {
  const asking = new AbortController();
  let served = 0;
  const failures: string[] = [];
  const visitors = [1, 2, 3].map(async () => {
    while (!asking.signal.aborted) {
      try {
        const { status } = await stage.send({ host });
        if (status === 200) served += 1;
        else failures.push(String(status));
      } catch (error) {
        failures.push(String(error));
      }
    }
  });
  return {
    async stop() {
      asking.abort();
      await Promise.all(visitors);
      return { served, failures };
    },
  };
}

/** Living workers of this node's nginx, of whatever generation. */
function workersOf(master: number): number[] {
  return readFileSync(`/proc/${master}/task/${master}/children`, "utf8")
    .split(" ")
    .filter((pid) => pid !== "" && isWorker(Number(pid)))
    .map(Number);
}

function isWorker(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("nginx: worker process");
  } catch {
    return false;
  }
}

test("a WebSocket and an event stream outlive a policy change and a reload; new requests never fail", async () => {
  const origin = await openStreamingOrigin();
  const stage = await openStage({ workers: 2 });
  const host = "forum.example";
  const siteId = newSiteId();
  await stage.apply(policyFor(origin.port, { siteId }));
  const visitors = openVisitors(stage, host);
  const held: Held[] = [];
  try {
    const master = stage.node.nginxPid;
    const events = await openEvents(stage.node.address, host);
    const socket = await openWebSocket(stage.node.address, host);
    held.push(events, socket);
    const lives = async (word: string): Promise<void> => {
      origin.push(word);
      socket.say?.(word);
      await until(() => events.said().includes(`data: ${word}`) && socket.said().endsWith(word));
      assert.deepEqual([events.ended(), socket.ended()], [false, false], word);
    };
    await lives("before");
    assert.ok((await stage.apply(policyFor(origin.port, { siteId, bodyBytesMax: 4096 }))).ok);
    await lives("after-a-change");
    const first = (await stage.node.status()).workers.map(({ pid }) => pid);
    await stage.node.reload();
    const second = (await stage.node.status()).workers.map(({ pid }) => pid);
    assert.equal(second.length, 2);
    assert.ok(
      second.every((pid) => !first.includes(pid)),
      "all workers are new",
    );
    assert.equal(stage.node.nginxPid, master);
    await lives("after-a-reload");
    // What was in force is in force, and a change still reaches every worker that takes connections.
    const ack = await stage.apply(policyFor(origin.port, { siteId, bodyBytesMax: 8192 }));
    assert.ok(ack.ok && ack.workers === 2, JSON.stringify(ack));
    await lives("after-another-change");
    const { served, failures } = await visitors.stop();
    assert.deepEqual(failures, []);
    assert.ok(served > 50, `only ${served} requests`);
    assert.deepEqual(stage.alarms, []);
  } finally {
    await visitors.stop();
    for (const one of held) one.end();
    await stage.end();
    await origin.end();
  }
});

test("reload after reload, each with a stream held before it: the oldest generation is ended, the newer ones live, no request fails", async () => {
  const origin = await openStreamingOrigin();
  const stage = await openStage({ workers: 2 });
  const host = "forum.example";
  const siteId = newSiteId();
  await stage.apply(policyFor(origin.port, { siteId }));
  const visitors = openVisitors(stage, host);
  const held: Held[] = [];
  try {
    const master = stage.node.nginxPid;
    const reloads = OLD_GENERATIONS_MAX + 3;
    for (let round = 0; round < reloads; round++) {
      // More than one, so that each worker of this generation holds some.
      const now = [await openWebSocket(stage.node.address, host), await openEvents(stage.node.address, host)];
      held.push(...now);
      await stage.node.reload();
      const ack = await stage.apply(policyFor(origin.port, { siteId, bodyBytesMax: 4096 + round }));
      assert.ok(ack.ok && ack.workers === 2, `${round}: ${JSON.stringify(ack)}`);
      const endedRounds = Math.max(0, round + 1 - OLD_GENERATIONS_MAX);
      await until(() => held.slice(0, endedRounds * 2).every((one) => one.ended()));
      origin.push(`round-${round}`);
      for (const one of held.slice(endedRounds * 2)) {
        one.say?.(`round-${round}`);
        await until(() => one.said().includes(`round-${round}`));
        assert.equal(one.ended(), false, `round ${round}`);
      }
      await until(() => workersOf(master).length <= 2 * (OLD_GENERATIONS_MAX + 1));
    }
    assert.equal(stage.node.nginxPid, master);
    const { served, failures } = await visitors.stop();
    assert.deepEqual(failures, []);
    assert.ok(served > 50, `only ${served} requests`);
    assert.deepEqual(stage.alarms, []);
    // Once nobody holds on any more, the generations before end by themselves.
    for (const one of held) one.end();
    await until(() => workersOf(master).length === 2, 20_000);
  } finally {
    await visitors.stop();
    for (const one of held) one.end();
    await stage.end();
    await origin.end();
  }
});

test("a reload whose request path does not load is told at once; nginx runs on, and finds the file before if it has to start", async () => {
  const origin = await openOrigin();
  const folder = mkdtempSync(join(tmpdir(), "parapet-broken-edge-"));
  chmodSync(folder, 0o755);
  const stage = await openStage();
  try {
    await stage.apply(policyFor(origin.port));
    const workers = (await stage.node.status()).workers.map(({ pid }) => pid);
    const master = stage.node.nginxPid;
    const confPath = join(stage.dataDir, "edge/nginx.conf");
    const good = readFileSync(confPath, "utf8");
    const edgeLuaDir = stage.options.edgeLuaDir;
    cpSync(edgeLuaDir, folder, { recursive: true });
    writeFileSync(join(folder, "edge/nginx/start.lua"), "local broken = \n");
    // The configuration itself is good: only nginx's master finds out, when it loads the code.
    (stage.options as { edgeLuaDir: string }).edgeLuaDir = folder;
    const began = performance.now();
    await assert.rejects(
      stage.node.reload(),
      /Cannot reload nginx as nginx did not take it: init_by_lua error:.*start\.lua:2/,
    );
    assert.ok(performance.now() - began < 30_000, "it does not wait for workers that never come");
    assert.equal(readFileSync(confPath, "utf8"), good);
    assert.match(readFileSync(`${confPath}.refused`, "utf8"), new RegExp(folder));
    assert.ok(!existsSync(`${confPath}.before`));
    assert.deepEqual(
      (await stage.node.status()).workers.map(({ pid }) => pid),
      workers,
    );
    assert.equal((await stage.send({ host: "forum.example" })).status, 200);
    // Something that nginx can see by itself is refused before the master hears of it.
    (stage.options as { edgeLuaDir: string }).edgeLuaDir = edgeLuaDir;
    const readSeconds = stage.options.originReadSeconds;
    (stage.options as { originReadSeconds?: number }).originReadSeconds = -1;
    await assert.rejects(stage.node.reload(), /the new configuration is not good: .*\[emerg\].*invalid/);
    (stage.options as { originReadSeconds?: number | undefined }).originReadSeconds = readSeconds;
    assert.equal(readFileSync(confPath, "utf8"), good);
    assert.ok((await stage.apply(policyFor(origin.port, { hostnames: ["second.example"] }))).ok);
    // nginx dies: its successor starts from the file before.
    process.kill(master, "SIGKILL");
    await until(() => stage.node.nginxPid !== 0 && stage.node.nginxPid !== master, 20_000);
    await until(async () => {
      try {
        return (await stage.send({ host: "second.example" })).status === 200;
      } catch {
        return false;
      }
    }, 20_000);
    await stage.node.reload();
    assert.equal((await stage.send({ host: "forum.example" })).status, 200);
  } finally {
    await stage.end();
    await origin.end();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a change that is confirmed holds for a connection that an old worker took before the reload and that asks after it", async () => {
  const origin = await openStreamingOrigin();
  const stage = await openStage({ workers: 2 });
  const host = "forum.example";
  const siteId = newSiteId();
  const sockets: Socket[] = [];
  try {
    await stage.apply(policyFor(origin.port, { siteId }));
    const [hostname = "", port] = stage.node.address.split(":");
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const socket = connect(Number(port), hostname);
        sockets.push(socket);
        let said = "";
        socket.on("data", (bytes) => (said += bytes.toString("latin1")));
        await new Promise((resolve) => socket.once("connect", resolve));
        // Half a request: a worker has taken the connection and reads.
        socket.write(`GET /threads/7 HTTP/1.1\r\nHost: ${host}\r\n`);
        return { socket, said: () => said };
      }),
    );
    // Each worker has looked at its connections once it answers a later one.
    for (let i = 0; i < 20; i++) await stage.send({ host });
    const before = (await stage.node.status()).workers.map(({ pid }) => pid);
    await stage.node.reload();
    assert.ok(
      before.some((pid) => isWorker(pid)),
      "an old worker still holds them",
    );
    const record = recordFor(siteId, { subject: { siteId, hostname: host, path: "/threads/7" } });
    const ack = await stage.apply(policyFor(origin.port, { siteId, measures: [makeReceipt(record)] }));
    assert.ok(ack.ok && ack.workers === 2, JSON.stringify(ack));
    for (const { socket } of answers) socket.write("\r\n");
    for (const { said } of answers) {
      await until(() => said() !== "");
      assert.match(said(), /^HTTP\/1\.1 451 /);
    }
  } finally {
    for (const socket of sockets) socket.destroy();
    await stage.end();
    await origin.end();
  }
});

test("changes that arrive while nginx reloads are confirmed only once no worker that takes connections serves what was before", async () => {
  const origin = await openStreamingOrigin();
  const stage = await openStage({ workers: 2 });
  const host = "forum.example";
  const siteId = newSiteId();
  const wanted = (round: number): { path: string; body: string } => ({
    path: "/.well-known/acme-challenge/round",
    body: `round ${round}`,
  });
  try {
    let round = 0;
    await stage.apply(policyFor(origin.port, { siteId, wellKnown: [wanted(round)] }));
    const stale: string[] = [];
    for (let reloads = 0; reloads < 3; reloads++) {
      const progress = { isOver: false };
      const reloading = stage.node.reload().finally(() => (progress.isOver = true));
      while (!progress.isOver) {
        round += 1;
        const ack = await stage.apply(policyFor(origin.port, { siteId, wellKnown: [wanted(round)] }));
        assert.ok(ack.ok && ack.workers === 2, JSON.stringify(ack));
        // On connections of their own, so that whichever workers listen take some of them.
        const answers = await Promise.all(
          Array.from({ length: 8 }, () => stage.send({ host, path: wanted(round).path })),
        );
        stale.push(...answers.map(({ body }) => body).filter((body) => body !== wanted(round).body));
      }
      await reloading;
    }
    assert.deepEqual(stale, []);
    assert.ok(round > 10, `only ${round} changes`);
  } finally {
    await stage.end();
    await origin.end();
  }
});
