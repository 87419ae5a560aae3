/**
 * What clients do over HTTP/2 to cost a server more than themselves, against real nginx: rapid resets (CVE-2023-44487), heads that never end, floods of SETTINGS and PING,
 * empty frames, windows that never open, more streams than are allowed. Each ends its own connection or counts as requests; a neighbour is served all
 * the while, and the workers' memory does not grow with what was sent.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { after, before, beforeEach, describe, test } from "node:test";
import { newSiteId, openOrigin, openStage, policyFor, until, type Origin, type Stage } from "./edge-stage.ts";
import { frame, PREFACE, text } from "./raw-http2.ts";
import { askTls, certificateFor, giveCertificate, newIssuer } from "./tls-stage.ts";

const HOST = "forum.example";
const [DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION] = [0, 1, 2, 3, 4, 6, 7, 9];
const END_STREAM = 1;
const END_HEADERS = 4;
const RATE = 200;
const GROWTH_KB_MAX = 24 * 1024;
const NOTHING = Buffer.alloc(0);
const CANCEL = Buffer.from([0, 0, 0, 8]);
/** :method GET, :scheme https, then path and authority as literals (RFC 7541 appendix A). */
const headOf = (path: string): Buffer =>
  Buffer.concat([Buffer.of(0x82, 0x87, 0x04), text(path), Buffer.of(0x01), text(HOST)]);

/** One connection that writes frames as it likes, and notes what it is told. */
class Raw {
  readonly socket: TLSSocket;
  isClosed = false;
  goAways = 0;
  resets = 0;
  heads = 0;
  bodyBytes = 0;
  #rest = Buffer.alloc(0);

  constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("close", () => (this.isClosed = true));
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
  }

  #take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 9 && this.#rest.length >= 9 + this.#rest.readUIntBE(0, 3)) {
      const length = this.#rest.readUIntBE(0, 3);
      const type = this.#rest[3];
      if (type === GOAWAY) this.goAways += 1;
      if (type === RST_STREAM) this.resets += 1;
      if (type === HEADERS) this.heads += 1;
      if (type === DATA) this.bodyBytes += length;
      this.#rest = this.#rest.subarray(9 + length);
    }
  }

  /** False when nobody takes it any more. */
  write(...frames: readonly Buffer[]): boolean {
    if (this.isClosed || this.socket.destroyed || this.goAways > 0) return false;
    this.socket.write(Buffer.concat(frames));
    return true;
  }

  /** Writes again and again, giving way to answers in between, until the other side ends it. */
  async flood(batch: (round: number) => Buffer, rounds: number): Promise<boolean> {
    for (let round = 0; round < rounds; round++) {
      if (!this.write(batch(round))) return true;
      if (this.socket.writableLength > 1024 * 1024) {
        await until(() => this.socket.writableLength === 0 || this.isClosed || this.goAways > 0, 20_000);
      } else await new Promise((resolve) => setImmediate(resolve));
    }
    const isEnded = (): boolean => this.isClosed || this.goAways > 0;
    await until(() => isEnded() || this.socket.writableLength === 0, 20_000);
    // All of it is on its way: what the other side says to it may be as well.
    await until(isEnded, 5000).catch(() => undefined);
    return isEnded();
  }
}

describe("HTTP/2 as a weapon", () => {
  let stage: Stage;
  let origin: Origin;
  const open: Raw[] = [];
  let next = 0;
  let from = "";

  before(async () => {
    origin = await openOrigin((asked, answer) => {
      answer.end(asked.url === "/large" ? Buffer.alloc(4 * 1024 * 1024, "a") : "served");
    });
    stage = await openStage({ listenTls: "127.0.0.1:0", workers: 1 });
    const siteId = newSiteId();
    const limit = { requestsPerSecond: RATE, burst: RATE };
    await stage.apply(policyFor(origin.port, { siteId, hostnames: [HOST], limit }));
    await giveCertificate(stage, certificateFor(siteId, [HOST], newIssuer().issue([HOST])));
  });
  beforeEach(() => {
    next += 1;
    from = `127.0.61.${next}`;
  });
  after(async () => {
    for (const raw of open) raw.socket.destroy();
    await stage.end();
    await origin.end();
  });

  async function connected(settings: Buffer = NOTHING): Promise<Raw> {
    const [host = "", port] = (stage.node.tlsAddress ?? "").split(":");
    const plain = connectPlain({ host, port: Number(port), localAddress: from });
    plain.on("error", () => undefined);
    const socket = connect({
      socket: plain,
      servername: HOST,
      ALPNProtocols: ["h2"],
      rejectUnauthorized: false,
    });
    const raw = new Raw(socket);
    open.push(raw);
    await new Promise((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("close", () => reject(new Error("no connection")));
    });
    raw.write(Buffer.from(PREFACE, "latin1"), frame(SETTINGS, 0, 0, settings));
    return raw;
  }

  async function workerKb(): Promise<number> {
    const { workers } = await stage.node.status();
    const status = readFileSync(`/proc/${workers[0]?.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
  }

  /** The neighbour is served while it goes on, and memory stays. */
  async function endures(attack: () => Promise<void>): Promise<void> {
    const before = await workerKb();
    const attacked = { isOver: false };
    const neighbour = (async () => {
      let served = 0;
      do {
        const answer = await askTls(stage.node.tlsAddress ?? "", { host: HOST });
        assert.equal(answer.status, 200);
        served += 1;
        // Far below its own limit.
        await new Promise((resolve) => setTimeout(resolve, 30));
      } while (!attacked.isOver);
      return served;
    })();
    await attack().finally(() => (attacked.isOver = true));
    assert.ok((await neighbour) > 0);
    const grown = (await workerKb()) - before;
    assert.ok(grown < GROWTH_KB_MAX, `${grown} kB more`);
  }

  test("streams that are reset at once are requests: the client's limit ends them, and few reach the origin", () =>
    endures(async () => {
      const before = origin.requests.length;
      const head = headOf("/reset");
      let streams = 0;
      for (let connection = 0; connection < 4; connection++) {
        const raw = await connected();
        let id = 1;
        await raw.flood(() => {
          const parts: Buffer[] = [];
          for (let i = 0; i < 50; i++, id += 2, streams += 1) {
            parts.push(frame(HEADERS, END_STREAM + END_HEADERS, id, head), frame(RST_STREAM, 0, id, CANCEL));
          }
          return Buffer.concat(parts);
        }, 100);
      }
      assert.ok(streams > 1000, `${streams} streams`);
      const reached = origin.requests.slice(before).filter(({ url }) => url === "/reset").length;
      assert.ok(reached <= 4 * RATE, `${reached} of ${streams} reached the origin`);
    }));

  test("a head that never ends is ended (CONTINUATION)", () =>
    endures(async () => {
      const raw = await connected();
      raw.write(frame(HEADERS, END_STREAM, 1, headOf("/endless")));
      const field = Buffer.concat([Buffer.of(0), text("x-a"), text("b".repeat(1000))]);
      const lines = Buffer.concat(Array.from({ length: 15 }, () => field));
      assert.equal(await raw.flood(() => frame(CONTINUATION, 0, 1, lines), 2000), true);
    }));

  test("empty CONTINUATION frames without end are no request", () =>
    endures(async () => {
      const raw = await connected();
      raw.write(frame(HEADERS, END_STREAM, 1, headOf("/endless")));
      const many = Buffer.concat(Array.from({ length: 500 }, () => frame(CONTINUATION, 0, 1, NOTHING)));
      await raw.flood(() => many, 500);
      // Whether or not it is ended at once: nothing of it is a request.
      assert.ok(!origin.requests.some(({ url }) => url === "/endless"));
    }));

  for (const [name, flooding] of [
    ["SETTINGS", frame(SETTINGS, 0, 0, Buffer.of(0, 3, 0, 0, 0, 100))],
    ["PING", frame(PING, 0, 0, Buffer.alloc(8))],
    ["PRIORITY", frame(PRIORITY, 0, 1, Buffer.of(0, 0, 0, 0, 1))],
    ["empty DATA", frame(DATA, 0, 1, NOTHING)],
  ] as const) {
    test(`a flood of ${name} ends its connection`, () =>
      endures(async () => {
        const raw = await connected();
        if (name === "empty DATA") {
          raw.write(
            frame(HEADERS, END_HEADERS, 1, Buffer.concat([Buffer.of(0x83), headOf("/form").subarray(1)])),
          );
        }
        const many = Buffer.concat(Array.from({ length: 1000 }, () => flooding));
        assert.equal(await raw.flood(() => many, 2000), true, `${name} went on`);
      }));
  }

  test("windows that never open hold no more streams than are allowed, for no longer than answers may wait", () =>
    endures(async () => {
      // INITIAL_WINDOW_SIZE 0: no byte of a body may be sent.
      const raw = await connected(Buffer.of(0, 4, 0, 0, 0, 0));
      for (let id = 1; id < 2 * 150; id += 2) {
        raw.write(frame(HEADERS, END_STREAM + END_HEADERS, id, headOf("/large")));
      }
      await until(() => raw.resets > 0 || raw.isClosed || raw.goAways > 0, 10_000);
      assert.ok(raw.heads <= 64, `${raw.heads} streams are open`);
      assert.equal(raw.bodyBytes, 0);
      // send_timeout is 30 s.
      await until(() => raw.isClosed || raw.goAways > 0 || raw.resets >= 100, 60_000);
    }));
});
