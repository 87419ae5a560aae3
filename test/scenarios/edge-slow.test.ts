/**
 * Clients that hold connections and do nothing with them, against real nginx with few slots: hoards, slow heads, slow bodies, slow reading.
 * Others are served meanwhile, and whoever is slow for honest reasons is not cut.
 */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { ask, openOrigin, openStage, policyFor, until, type Origin, type Stage } from "./edge-stage.ts";

const HOST = "forum.example";
const SLOTS = 512;
const LARGE = Buffer.alloc(24 * 1024 * 1024, "a");

/** Sockets of one client, each after saying the same; what became of them is counted. */
class Hoard {
  readonly #sockets: Socket[] = [];
  closed = 0;
  readonly #address: string;
  readonly #from: string;

  constructor(address: string, from: string) {
    this.#address = address;
    this.#from = from;
  }

  hold(count: number, says: string | Buffer): void {
    const [host = "", port] = this.#address.split(":");
    for (let i = 0; i < count; i++) {
      const socket = connect({ host, port: Number(port), localAddress: this.#from });
      socket.on("error", () => undefined);
      socket.on("close", () => (this.closed += 1));
      socket.on("data", () => undefined);
      if (says.length > 0) socket.write(says);
      this.#sockets.push(socket);
    }
  }

  get open(): number {
    return this.#sockets.length - this.closed;
  }

  write(bytes: string): void {
    for (const socket of this.#sockets) if (!socket.destroyed) socket.write(bytes);
  }

  end(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe("connections that are held", () => {
  let stage: Stage;
  let origin: Origin;
  let hoards: Hoard[] = [];

  before(async () => {
    origin = await openOrigin((_, answer) => answer.end("served"));
    stage = await openStage({ workers: 1, connectionsPerWorker: SLOTS, allowNetworks: ["127.88.0.0/16"] });
    await stage.apply(policyFor(origin.port, { hostnames: [HOST] }));
  });
  after(async () => {
    for (const hoard of hoards) hoard.end();
    await stage.end();
    await origin.end();
  });

  function hoardFrom(from: string): Hoard {
    const hoard = new Hoard(stage.node.address, from);
    hoards.push(hoard);
    return hoard;
  }
  function clear(): void {
    for (const hoard of hoards) hoard.end();
    hoards = [];
  }
  const isServed = async (from: string): Promise<boolean> =>
    (await ask(stage.node.address, { host: HOST, localAddress: from }).catch(() => null))?.status === 200;

  test("one client's hoard is cut to a quarter while others keep what they have", async () => {
    const neighbour = hoardFrom("127.0.31.2");
    neighbour.hold(6, "");
    const hoard = hoardFrom("127.0.31.1");
    hoard.hold(220, `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-A: `);
    await until(() => hoard.open <= SLOTS / 4, 10_000);
    assert.equal(neighbour.closed, 0);
    assert.ok(hoard.open >= 100, `${hoard.open} are left, a quarter is its share`);
    assert.ok(await isServed("127.0.31.3"));
    clear();
  });

  test("many clients that take all slots do not keep anybody out: who asks for nothing goes first", async () => {
    for (let i = 0; i < 60; i++) {
      hoardFrom(`127.0.32.${1 + i}`).hold(12, `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-A: `);
      // Each of the heads has begun before the next come: nginx itself takes few of them back.
      await isServed("127.0.33.1");
    }
    // nginx itself keeps a sixteenth free, and gives a head 15 s.
    const open = (): number => hoards.reduce((sum, hoard) => sum + hoard.open, 0);
    await until(() => open() <= (SLOTS * 3) / 4, 8000);
    let served = 0;
    for (let i = 0; i < 20; i++) served += (await isServed(`127.0.33.${2 + i}`)) ? 1 : 0;
    assert.equal(served, 20);
    clear();
  });

  test("whoever the operator always lets in is not bounded", async () => {
    const friend = hoardFrom("127.88.0.1");
    friend.hold(200, "");
    const other = hoardFrom("127.0.34.1");
    other.hold(200, "");
    await until(() => other.closed >= 60, 10_000);
    assert.equal(friend.closed, 0);
    clear();
  });
});

describe("drop by drop", () => {
  let stage: Stage;
  let origin: Origin;
  const open: Socket[] = [];

  before(async () => {
    origin = await openOrigin((asked, answer) => {
      if (asked.url === "/large") return answer.end(LARGE);
      if (asked.url === "/events") {
        answer.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
        return answer.write("data: one\n\n");
      }
      answer.end("served");
    });
    const sockets = new WebSocketServer({ server: origin.server });
    sockets.on("connection", (socket) => socket.on("message", (said) => socket.send(`${said} back`)));
    stage = await openStage({ workers: 1 });
    await stage.apply(policyFor(origin.port, { hostnames: [HOST] }));
  });
  after(async () => {
    for (const socket of open) socket.destroy();
    await stage.end();
    await origin.end();
  });

  function connected(from: string): Socket {
    const [host = "", port] = stage.node.address.split(":");
    const socket = connect({ host, port: Number(port), localAddress: from });
    socket.on("error", () => undefined);
    open.push(socket);
    return socket;
  }

  test("bodies and answers that trickle are cut within a minute or so; slow ones, events and WebSockets live on", async () => {
    // So many connections that somebody looks.
    for (let i = 0; i < 40; i++)
      connected("127.0.41.9").write(`GET /events HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);

    let bodiesCut = 0;
    const bodies = Array.from({ length: 5 }, () => {
      const socket = connected("127.0.41.1");
      socket.on("close", () => (bodiesCut += 1));
      socket.write(`POST /form HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 100000\r\n\r\n`);
      return socket;
    });
    let readersCut = 0;
    const readers = Array.from({ length: 5 }, () => {
      const socket = connected("127.0.41.2");
      socket.on("close", () => (readersCut += 1));
      socket.pause();
      socket.write(`GET /large HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
      return socket;
    });
    const slow = connected("127.0.41.3");
    let slowReceived = 0;
    slow.write(`GET /large HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    slow.on("data", (part: Buffer) => {
      slowReceived += part.length;
      slow.pause();
    });
    const slowBody = connected("127.0.41.4");
    let slowAnswer = "";
    slowBody.on("data", (part: Buffer) => (slowAnswer += part.toString()));
    slowBody.write(`POST /form HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 45000\r\n\r\n`);
    const page = new WebSocket(`ws://${stage.node.address}/chat`, { headers: { host: HOST } });
    await new Promise((resolve) => page.once("open", resolve));
    const events = connected("127.0.41.5");
    let told = "";
    let eventsClosed = false;
    events.on("close", () => (eventsClosed = true));
    events.on("data", (part: Buffer) => (told += part.toString()));
    events.write(`GET /events HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await until(() => told.includes("data: one"));

    let ticks = 0;
    const ticking = setInterval(() => {
      ticks += 1;
      for (const socket of bodies) if (!socket.destroyed) socket.write("x");
      // Who does not read learns of a reset by writing.
      for (const socket of readers) if (!socket.destroyed) socket.write("\r\n");
      if (ticks <= 45) slowBody.write("y".repeat(1000));
      slow.resume();
    }, 1000);
    try {
      await until(() => bodiesCut === 5 && readersCut === 5, 110_000);
      await until(() => slowAnswer.includes("served"), 90_000);
    } finally {
      clearInterval(ticking);
    }
    assert.ok(slowReceived > 100_000 && !slow.destroyed, `${slowReceived} bytes of a slow download`);
    assert.equal(eventsClosed, false);
    page.send("still here");
    const answered = await new Promise((resolve) => page.once("message", (said) => resolve(String(said))));
    assert.equal(answered, "still here back");
    page.terminate();
  });
});
