import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { openOrigin, openStage, policyFor, until, type Origin, type Stage } from "./edge-stage.ts";
import { answerPlainly, openRawOrigin, type RawOrigin } from "./raw-origin.ts";
import { converse } from "./raw-visitor.ts";

// Origins that lie about their answers, and what becomes of it: the visitor gets the page that says whose fault it is, or a connection that is cut
// where the answer was; a neighbour at the same address never gets a byte of it; and a site with an origin of its own does not notice.

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const EVIL = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL";
const slowly = (socket: Socket, text: string, ms: number): void => {
  let i = 0;
  const timer = setInterval(() => {
    if (socket.destroyed || i >= text.length) clearInterval(timer);
    else socket.write(text.charAt(i++));
  }, ms);
  socket.on("close", () => clearInterval(timer));
};
const pour = (socket: Socket, piece: string, times: number): void => {
  let left = times;
  const go = (): void => {
    while (left-- > 0 && !socket.destroyed) {
      if (!socket.write(piece)) return void socket.once("drain", go);
    }
  };
  go();
};

type Lie = (socket: Socket) => void;
const says =
  (text: string | Buffer): Lie =>
  (socket) =>
    void socket.write(text, "latin1" as BufferEncoding);
const saysAndEnds =
  (text: string | Buffer): Lie =>
  (socket) =>
    void socket.end(text, "latin1" as BufferEncoding);

/** No answer at all: a page of the edge, at once. */
const NO_ANSWER: Record<string, Lie> = {
  "closes without a word": (socket) => void socket.end(),
  "resets the connection": (socket) => void socket.resetAndDestroy(),
  "closes within its head": saysAndEnds("HTTP/1.1 200 OK\r\nContent-Le"),
  "a line that does not end": (socket) => pour(socket, `HTTP/1.1 200 OK\r\nX-A: ${"x".repeat(65_536)}`, 1000),
  "100 MB of fields": (socket) =>
    pour(socket, `HTTP/1.1 200 OK\r\n${"X-A: bbbbbbbb\r\n".repeat(7_000)}`, 1000),
  "5,000 fields": says(`HTTP/1.1 200 OK\r\n${"X-A: b\r\n".repeat(5000)}\r\nok`),
  "a folded field": says("HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok"),
  "NUL in a field": says("HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nok"),
  "bare CR in a field": says("HTTP/1.1 200 OK\r\nX-A: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok"),
  "a space before a colon": says("HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok"),
  "status 99": says("HTTP/1.1 99 X\r\nContent-Length: 2\r\n\r\nok"),
  "status 000": says("HTTP/1.1 000 X\r\nContent-Length: 2\r\n\r\nok"),
  "status 1000": says("HTTP/1.1 1000 X\r\nContent-Length: 2\r\n\r\nok"),
  "status -20": says("HTTP/1.1 -20 X\r\nContent-Length: 2\r\n\r\nok"),
  "a version that is not known": says("HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  "words without a head": saysAndEnds("just words\n"),
  "a blank before the status line": says(` ${EVIL}`),
  "bytes of nothing": says(Buffer.from([0, 1, 2, 3])),
  "an alert of TLS": saysAndEnds(Buffer.from([0x15, 3, 1, 0, 2, 2, 0x46])),
  "a greeting of SSH": says("SSH-2.0-OpenSSH_9.2\r\n"),
  "100 before its answer": says(`HTTP/1.1 100 Continue\r\n\r\n${OK}`),
  "103 before its answer": says(`HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n${OK}`),
  "a flood of 103": (socket) => pour(socket, "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000), 100),
  "101 that nobody asked for": says(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n${EVIL}`,
  ),
};

/** An answer that cannot be what it says: the visitor gets what came, cut off, and never a byte of what was not announced. */
const HALF_AN_ANSWER: Record<string, Lie> = {
  "a length that is too long": saysAndEnds("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
  "a chunk that is cut": saysAndEnds("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok"),
  "a size that is none": says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n"),
  "a size below nothing": says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n-1\r\n"),
  "a size beyond 2^64": says(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n10000000000000001\r\nEVIL",
  ),
};

/** More than one answer: the visitor gets the first, and nobody the second. */
const TOO_MUCH: Record<string, Lie> = {
  "a length that is too short": says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokEVIL"),
  "a second answer": says(OK + EVIL),
  "an answer behind the last chunk": says(
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${EVIL}`,
  ),
  "an empty line behind its answer": says(`${OK}\r\n`),
  "a length and chunks": says(
    `HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${EVIL}`,
  ),
  "two codings": says(
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${EVIL}`,
  ),
  "204 with a body": says(`HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nEVIL`),
  "304 with a body": says(`HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nEVIL`),
};

describe("an origin that lies", () => {
  let lie: Lie = says(OK);
  let liar: RawOrigin;
  let honest: Origin;
  let stage: Stage;
  before(async () => {
    liar = await openRawOrigin((request, socket) =>
      request.target.startsWith("/lie") ? lie(socket) : answerPlainly(request, socket),
    );
    honest = await openOrigin();
    stage = await openStage({ workers: 1, everyHead: true, originReadSeconds: 2, originConnectSeconds: 2 });
    for (const [port, host] of [
      [liar.port, "liar.example"],
      [liar.port, "neighbour.example"],
      [honest.port, "honest.example"],
    ] as const) {
      assert.equal((await stage.apply(policyFor(port, { hostnames: [host] }))).ok, true);
    }
  });
  after(async () => {
    await Promise.all([liar.end(), honest.end()]);
    await stage.end();
  });

  /** What a visitor of the liar gets, who then asks the liar's neighbour and somebody else on the same node. */
  async function endure(name: string, told: Lie, method = "GET"): Promise<string> {
    lie = told;
    const asked = `${method} /lie HTTP/1.1\r\nHost: liar.example\r\nAccept: text/html\r\nConnection: close\r\n\r\n`;
    const waiting = converse(stage.node.address, asked, { quietMs: 8000 });
    const elsewhere = await stage.send({ host: "honest.example" });
    assert.deepEqual([elsewhere.status, elsewhere.body], [200, "hello from the origin"], name);
    const { text, closed } = await waiting;
    assert.ok(closed, `${name}: the visitor is left waiting`);
    for (let i = 0; i < 4; i++) {
      const next = await stage.send({ host: "neighbour.example", path: `/mine/${i}` });
      assert.deepEqual(
        [next.status, next.body],
        [200, `origin heard GET /mine/${i}`],
        `${name}: the neighbour`,
      );
    }
    assert.equal((await stage.send({ host: "honest.example" })).status, 200, name);
    return text;
  }

  test("with no answer gets its visitor the edge's page, in time, and every neighbour their own answers", async () => {
    for (const [name, told] of Object.entries(NO_ANSWER)) {
      const text = await endure(name, told);
      assert.match(text, /^HTTP\/1\.1 502 Bad Gateway\r\n/, `${name}: ${text.slice(0, 200)}`);
      assert.ok(text.includes("origin.down") && text.includes("</html>"), name);
      assert.equal(text.split("HTTP/1.1 ").length, 2, `${name}: one answer`);
      assert.ok(!text.includes("EVIL") && !text.includes("Set-Cookie"), name);
    }
  });

  test("with half an answer gets it cut, so that nobody takes it for whole", async () => {
    for (const [name, told] of Object.entries(HALF_AN_ANSWER)) {
      const text = await endure(name, told);
      const body = text.split("\r\n\r\n").slice(1).join("\r\n\r\n");
      assert.ok(!text.includes("EVIL"), `${name}: ${text}`);
      const announced = Number(/^Content-Length: (\d+)/im.exec(text)?.[1] ?? -1);
      const whole = announced >= 0 ? body.length >= announced : body.endsWith("0\r\n\r\n");
      assert.ok(text === "" || !whole, `${name}: ${JSON.stringify(text)}`);
    }
  });

  test("with more than one answer is heard once, and the rest goes to nobody", async () => {
    for (const [name, told] of Object.entries(TOO_MUCH)) {
      for (let turn = 0; turn < 3; turn++) {
        const text = await endure(name, told);
        assert.match(text, /^HTTP\/1\.1 (200|204|304) /, `${name}: ${text.slice(0, 100)}`);
        assert.ok(!text.includes("EVIL"), `${name}: ${text}`);
      }
    }
  });

  test("with a second answer that comes later loses the connection, and nobody gets it", async () => {
    // It comes while the connection is kept. Behind a request that was sent already, nobody could tell it from that request's answer.
    const closed: boolean[] = [];
    lie = (socket) => {
      socket.write(OK);
      socket.on("close", () => closed.push(true));
      setTimeout(() => socket.write(EVIL), 20);
    };
    for (let turn = 1; turn <= 5; turn++) {
      const answer = await stage.send({ host: "liar.example", path: "/lie" });
      assert.deepEqual([answer.status, answer.body], [200, "ok"]);
      await until(() => closed.length === turn);
      const next = await stage.send({ host: "neighbour.example", path: "/mine" });
      assert.deepEqual([next.status, next.body], [200, "origin heard GET /mine"]);
    }
  });

  test("with an answer to HEAD that has a body gives the body to nobody", async () => {
    const text = await endure(
      "HEAD with a body",
      says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"),
      "HEAD",
    );
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.ok(!text.includes("EVIL"));
  });

  test("that says its answer byte by byte is heard to the end", async () => {
    const text = await endure("byte by byte", (socket) => slowly(socket, OK, 2));
    assert.ok(text.startsWith("HTTP/1.1 200 OK") && text.endsWith("\r\n\r\nok"), text);
  });

  test("that says nothing, or stops within its head, is given up in time with the page that says so", async () => {
    for (const [name, told] of [
      ["silence", () => undefined],
      ["half a head", says("HTTP/1.1 200 OK\r\nX-A: b\r\n")],
    ] as const) {
      const text = await endure(name, told);
      assert.match(text, /^HTTP\/1\.1 504 /, name);
      assert.ok(text.includes("origin.slow"), name);
    }
  });

  test("that holds a hundred visitors does not hold those of other sites", async () => {
    lie = () => undefined;
    const asked = "GET /lie HTTP/1.1\r\nHost: liar.example\r\nConnection: close\r\n\r\n";
    const held = Array.from({ length: 100 }, () => converse(stage.node.address, asked, { quietMs: 15_000 }));
    for (let i = 0; i < 50; i++) {
      const startedAt = performance.now();
      assert.equal((await stage.send({ host: "honest.example" })).status, 200);
      assert.ok(performance.now() - startedAt < 1500, "an honest site's answer waits for a liar's");
    }
    // Those at the origin are told that it is slow; those that the gate kept before it that very many are here.
    const told = (await Promise.all(held)).map(({ text }) =>
      /^HTTP\/1\.1 (504|503) [^]*(origin\.slow|site\.busy)/.exec(text),
    );
    assert.ok(told.every((found) => found !== null));
    assert.ok(told.some((found) => found?.[2] === "origin.slow"));
  });
});
