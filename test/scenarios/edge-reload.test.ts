/** A WebSocket and an event stream are held through a policy change and through reloads of nginx, while new requests are served without a failure. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { get, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { newSiteId, openOrigin, openStage, policyFor, until } from "./edge-stage.ts";

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

test("a WebSocket and an event stream outlive a policy change and reloads; new requests never fail", async () => {
  const streams = new Set<ServerResponse>();
  const origin = await openOrigin((asked, answer) => {
    if (asked.url !== "/events") return void answer.end("hello from the origin");
    answer.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
    answer.write("data: begin\n\n");
    streams.add(answer);
  });
  const accepted = createHash("sha1")
    .update("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    .digest("base64");
  const upgraded: Socket[] = [];
  origin.server.on("upgrade", (_, socket: Socket) => {
    upgraded.push(socket);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accepted}\r\n\r\n`,
    );
    socket.on("data", (bytes) => socket.write(bytes));
    socket.on("error", () => undefined);
  });
  const stage = await openStage({ workers: 2 });
  const held: Held[] = [];
  const asking = new AbortController();
  try {
    const host = "forum.example";
    const siteId = newSiteId();
    await stage.apply(policyFor(origin.port, { siteId }));
    const master = stage.node.nginxPid;
    const events = await openEvents(stage.node.address, host);
    const socket = await openWebSocket(stage.node.address, host);
    held.push(events, socket);
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
    const lives = async (word: string): Promise<void> => {
      for (const answer of streams) answer.write(`data: ${word}\n\n`);
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
    asking.abort();
    await Promise.all(visitors);
    assert.deepEqual(failures, []);
    assert.ok(served > 50, `only ${served} requests`);

    assert.deepEqual(stage.alarms, []);
  } finally {
    asking.abort();
    for (const one of held) one.end();
    for (const one of upgraded) one.destroy();
    await stage.end();
    await origin.end();
  }
});

test("a reload that fails is said, and the workers before go on", async () => {
  const origin = await openOrigin();
  const stage = await openStage();
  try {
    await stage.apply(policyFor(origin.port));
    const before = (await stage.node.status()).workers;
    // The code of the request path is gone: the configuration itself is good, and nginx finds out when it loads it.
    (stage.options as { edgeLuaDir: string }).edgeLuaDir = "/nonexistent";
    await assert.rejects(stage.node.reload(), /Cannot reload nginx/);
    assert.deepEqual(
      (await stage.node.status()).workers.map(({ pid }) => pid),
      before.map(({ pid }) => pid),
    );
    assert.equal((await stage.send({ host: "forum.example" })).status, 200);
  } finally {
    await stage.end();
    await origin.end();
  }
});
