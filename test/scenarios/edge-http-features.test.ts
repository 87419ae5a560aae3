import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { request, type IncomingMessage, type RequestListener } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { openOrigin, openStage, policyFor, until, type Origin, type Stage } from "./edge-stage.ts";
import { converse } from "./raw-visitor.ts";

// What HTTP can do, through the real edge: each feature as an application uses it.

const GIB = 1024 ** 3;
const TEXT = "0123456789".repeat(100);

/** Origins of this file count and hash what they get, and never hold it. */
const listener: RequestListener = (asked, answer) => {
  const path = asked.url ?? "";
  if (path === "/events") {
    answer.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    answer.write("data: 0\n\n");
    events.push((text) => answer.write(text));
    return;
  }
  if (path === "/trailers") {
    answer.writeHead(200, { trailer: "X-Checksum" });
    answer.write("body");
    answer.addTrailers({ "X-Checksum": "abc" });
    return void answer.end();
  }
  if (path === "/range") return void answerRange(asked, answer);
  if (path.startsWith("/status/")) {
    answer.writeHead(Number(path.slice(8)), { "x-own": "kept" });
    return void answer.end();
  }
  answer.end(TEXT);
};
const events: ((text: string) => void)[] = [];

function answerRange(asked: IncomingMessage, answer: Parameters<RequestListener>[1]): void {
  const ranges = /^bytes=(.+)$/.exec(asked.headers.range ?? "")?.[1]?.split(",") ?? [];
  const parts = ranges.map((range) => range.trim().split("-").map(Number) as [number, number]);
  if (parts.length === 0) return void answer.end(TEXT);
  if (parts.some(([from]) => from >= TEXT.length)) {
    answer.writeHead(416, { "content-range": `bytes */${TEXT.length}` });
    return void answer.end();
  }
  const [[from, to] = [0, 0]] = parts;
  if (parts.length === 1) {
    answer.writeHead(206, { "content-range": `bytes ${from}-${to}/${TEXT.length}` });
    return void answer.end(TEXT.slice(from, to + 1));
  }
  answer.writeHead(206, { "content-type": "multipart/byteranges; boundary=x" });
  answer.end(parts.map(([a, b]) => `--x\r\n\r\n${TEXT.slice(a, b + 1)}\r\n`).join("") + "--x--\r\n");
}

describe("HTTP through the edge", () => {
  let origin: Origin;
  let stage: Stage;
  before(async () => {
    origin = await openOrigin(listener);
    stage = await openStage({ workers: 2 });
    const ack = await stage.apply(policyFor(origin.port, { hostnames: ["forum.example"] }));
    assert.equal(ack.ok, true, JSON.stringify(ack));
  });
  after(async () => {
    await origin.end();
    await stage.end();
  });

  test("a WebSocket carries large messages, pings and the reason of its end", async () => {
    const sockets = new WebSocketServer({ server: origin.server, maxPayload: 16 * 1024 * 1024 });
    sockets.on("connection", (socket) => {
      socket.on("message", (bytes, binary) => socket.send(bytes, { binary }));
      socket.on("pong", () => socket.close(4001, "had enough"));
    });
    try {
      const client = new WebSocket(`ws://${stage.node.address}/chat`, {
        headers: { host: "forum.example" },
        maxPayload: 16 * 1024 * 1024,
      });
      await once(client, "open");
      const large = Buffer.alloc(8 * 1024 * 1024, "abc");
      client.send(large);
      const [back] = (await once(client, "message")) as [Buffer];
      assert.ok(back.equals(large));
      client.ping("are you there");
      const [pong] = (await once(client, "pong")) as [Buffer];
      assert.equal(pong.toString(), "are you there");
      for (const socket of sockets.clients) socket.ping();
      const [code, reason] = (await once(client, "close")) as [number, Buffer];
      assert.deepEqual([code, reason.toString()], [4001, "had enough"]);
    } finally {
      sockets.close();
    }
  });

  test("each event of a stream arrives before the next one is sent", async () => {
    const [host, port] = stage.node.address.split(":");
    const asking = request({ host, port, path: "/events", headers: { host: "forum.example" }, agent: false });
    asking.end();
    const [answer] = (await once(asking, "response")) as [IncomingMessage];
    assert.equal(answer.headers["content-type"], "text/event-stream");
    for (let i = 0; i < 20; i++) {
      const [event] = (await once(answer, "data")) as [Buffer];
      assert.equal(event.toString(), `data: ${i}\n\n`);
      events.at(-1)?.(`data: ${i + 1}\n\n`);
    }
    asking.destroy();
  });

  test("ranges pass as they were asked, and so do the answers to them", async () => {
    const ranged = (range: string): ReturnType<Stage["send"]> =>
      stage.send({ host: "forum.example", path: "/range", headers: { range } });
    const one = await ranged("bytes=10-19");
    assert.deepEqual(
      [one.status, one.body, one.headers["content-range"]],
      [206, "0123456789", "bytes 10-19/1000"],
    );
    const beyond = await ranged("bytes=5000-5001");
    assert.deepEqual([beyond.status, beyond.headers["content-range"]], [416, "bytes */1000"]);
    const many = await ranged("bytes=0-1, 5-6");
    assert.equal(many.status, 206);
    assert.match(String(many.headers["content-type"]), /^multipart\/byteranges/);
    assert.ok(many.body.includes("01") && many.body.includes("56"));
  });

  test("a client that waits with its body is told to go on by the edge", async () => {
    const seen = origin.requests.length;
    const [host, port] = stage.node.address.split(":");
    const asking = request({
      host,
      port,
      method: "POST",
      headers: { host: "forum.example", expect: "100-continue", "content-length": "4" },
      agent: false,
    });
    asking.flushHeaders();
    await once(asking, "continue");
    assert.equal(origin.requests.length, seen, "the origin is not bothered before the body is there");
    asking.end("body");
    const [answer] = (await once(asking, "response")) as [IncomingMessage];
    answer.resume();
    assert.equal(answer.statusCode, 200);
    const heard = origin.requests.at(-1);
    assert.deepEqual([heard?.body, heard?.headers.expect], ["body", undefined]);
  });

  test("a client that waits with a body that is too large is refused before it sends it", async () => {
    const { text } = await converse(
      stage.node.address,
      "POST / HTTP/1.1\r\nHost: forum.example\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n",
    );
    assert.match(text, /^HTTP\/1\.1 413 /);
    assert.ok(!text.includes("100 Continue"));
    assert.ok(text.includes("Connection: close\r\n"), "nobody knows whether the body still comes");
  });

  test("HEAD, OPTIONS, and statuses without a body keep the connection in step", async () => {
    const line = (method: string, path: string): string =>
      `${method} ${path} HTTP/1.1\r\nHost: forum.example\r\n`;
    const { text } = await converse(
      stage.node.address,
      [
        `${line("HEAD", "/")}\r\n`,
        `${line("OPTIONS", "/")}\r\n`,
        `${line("GET", "/status/204")}\r\n`,
        `${line("GET", "/status/304")}\r\n`,
        `${line("DELETE", "/status/205")}Content-Length: 0\r\n\r\n`,
        `${line("GET", "/last")}Connection: close\r\n\r\n`,
      ].join(""),
    );
    const statuses = Array.from(text.matchAll(/HTTP\/1\.1 (\d+) /g), ([, status]) => Number(status));
    assert.deepEqual(statuses, [200, 200, 204, 304, 205, 200]);
    assert.equal(text.split(TEXT).length, 3, "OPTIONS and the last have bodies, HEAD has none");
  });

  test("trailers of an answer are left out, and the answer ends where it ends", async () => {
    const { text } = await converse(
      stage.node.address,
      "GET /trailers HTTP/1.1\r\nHost: forum.example\r\nTE: trailers\r\nConnection: close\r\n\r\n",
    );
    assert.ok(text.endsWith("4\r\nbody\r\n0\r\n\r\n"), text);
  });
});

describe("much through the edge", () => {
  let server: ReturnType<typeof openCounting> | undefined;
  let stage: Stage;
  before(async () => {
    server = openCounting();
    const { port } = await server;
    stage = await openStage({ workers: 1 });
    const ack = await stage.apply(policyFor(port, { hostnames: ["forum.example"], bodyBytesMax: 2 * GIB }));
    assert.equal(ack.ok, true, JSON.stringify(ack));
  });
  after(async () => {
    await (await server)?.end();
    await stage.end();
  });

  const GROWTH_MB_MAX = 16;
  const residentMb = async (): Promise<number> => {
    let kb = 0;
    for (const { pid } of (await stage.node.status()).workers) {
      kb += Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? NaN);
    }
    assert.ok(kb > 0);
    return kb / 1024;
  };
  /** The most that workers hold while `work` runs, against what they held before. */
  async function growthMb(work: Promise<unknown>): Promise<number> {
    const before = await residentMb();
    let most = before;
    const done = work.then(() => true);
    const look = (): Promise<boolean> => new Promise((resolve) => setTimeout(() => resolve(false), 50));
    do most = Math.max(most, await residentMb());
    while (!(await Promise.race([done, look()])));
    return most - before;
  }

  test("1 GiB up is counted and hashed at both ends, and the workers do not grow", async (t) => {
    const work = sendMuch(stage.node.address, GIB);
    const grown = await growthMb(work);
    const { told, hash } = await work;
    assert.deepEqual(told, { bytes: GIB, hash });
    assert.ok(grown < GROWTH_MB_MAX, `${grown} MB`);
    t.diagnostic(`workers grew by ${grown.toFixed(1)} MB`);
  });

  test("1 GiB down is counted and hashed at both ends, and neither the workers nor the disk grow", async (t) => {
    const spool = readFileSync(join(stage.dataDir, "edge/spool-folder"), "utf8");
    let disk = 0;
    const watch = setInterval(() => (disk = Math.max(disk, bytesBelow(spool))), 50);
    const work = receiveMuch(stage.node.address, `/down/${GIB}`);
    const grown = await growthMb(work);
    clearInterval(watch);
    const { bytes, hash, told } = await work;
    assert.deepEqual([bytes, hash], [GIB, told]);
    assert.ok(grown < GROWTH_MB_MAX, `${grown} MB`);
    assert.ok(disk <= 80 * 1024 ** 2, `${disk} bytes on disk`);
    t.diagnostic(`workers grew by ${grown.toFixed(1)} MB, ${(disk / 1024 ** 2).toFixed(0)} MB on disk`);
  });

  test("who reads slowly holds 64 MB of disk at most, and the origin waits", async () => {
    const counting = await server;
    assert.ok(counting !== undefined);
    const [host = "", port] = stage.node.address.split(":");
    const reader = connect(Number(port), host);
    reader.write(`GET /down/${GIB} HTTP/1.1\r\nHost: forum.example\r\nConnection: close\r\n\r\n`);
    await once(reader, "data");
    reader.pause();
    const spool = readFileSync(join(stage.dataDir, "edge/spool-folder"), "utf8");
    let last = -1;
    await until(async () => {
      const sent = counting.sentBytes();
      const still = sent === last && sent > 0;
      last = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return still;
    }, 20_000);
    assert.ok(last < 200 * 1024 ** 2, `the origin has sent ${last} bytes`);
    assert.ok(bytesBelow(spool) <= 80 * 1024 ** 2);
    assert.equal(
      (await stage.send({ host: "forum.example", path: "/down/10" })).status,
      200,
      "others are served",
    );
    reader.destroy();
  });
});

function bytesBelow(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    try {
      bytes += statSync(join(entry.parentPath, entry.name)).blocks * 512;
    } catch {
      // It was a body's, and the body is through.
    }
  }
  return bytes;
}

/** An origin that counts and hashes, and sends as much as it is asked for. */
async function openCounting(): Promise<{ port: number; sentBytes(): number; end(): Promise<void> }> {
  const { createServer } = await import("node:http");
  const piece = Buffer.alloc(1024 * 1024, "parapet ");
  let sent = 0;
  const server = createServer((asked, answer) => {
    const hash = createHash("sha1");
    if (asked.method === "POST") {
      let bytes = 0;
      asked.on("data", (part: Buffer) => {
        bytes += part.length;
        hash.update(part);
      });
      asked.on("end", () => answer.end(JSON.stringify({ bytes, hash: hash.digest("hex") })));
      return;
    }
    let left = Number(asked.url?.slice("/down/".length));
    sent = 0;
    answer.writeHead(200); // Of unknown length.
    const pour = (): void => {
      while (left > 0) {
        const part = left >= piece.length ? piece : piece.subarray(0, left);
        left -= part.length;
        sent += part.length;
        hash.update(part);
        if (!answer.write(part)) return void answer.once("drain", pour);
      }
      hashes.set(asked.url ?? "", hash.digest("hex"));
      answer.end();
    };
    pour();
  });
  server.on("clientError", (_, socket) => void socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    sentBytes: () => sent,
    end: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
const hashes = new Map<string, string>();

async function sendMuch(address: string, size: number): Promise<{ told: unknown; hash: string }> {
  const [host, port] = address.split(":");
  const piece = Buffer.alloc(1024 * 1024, "upwards ");
  const hash = createHash("sha1");
  const asking = request({
    host,
    port,
    method: "POST",
    path: "/up",
    headers: { host: "forum.example", "content-length": size },
    agent: false,
  });
  for (let left = size; left > 0; left -= piece.length) {
    hash.update(piece);
    if (!asking.write(piece)) await once(asking, "drain");
  }
  asking.end();
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  let text = "";
  for await (const part of answer) text += String(part);
  return { told: JSON.parse(text) as unknown, hash: hash.digest("hex") };
}

async function receiveMuch(
  address: string,
  path: string,
): Promise<{ bytes: number; hash: string; told: string | undefined }> {
  const [host, port] = address.split(":");
  const asking = request({ host, port, path, headers: { host: "forum.example" }, agent: false });
  asking.end();
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  const hash = createHash("sha1");
  let bytes = 0;
  for await (const part of answer) {
    bytes += (part as Buffer).length;
    hash.update(part as Buffer);
  }
  return { bytes, hash: hash.digest("hex"), told: hashes.get(path) };
}
