import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openStage, policyFor, type Stage } from "./edge-stage.ts";
import { openRawOrigin, type RawOrigin } from "./raw-origin.ts";
import { converse } from "./raw-visitor.ts";

// Requests that two readers could take for two different things. Each is sent as bytes, with a whole request behind it that must never
// be heard: the visitor gets 4xx and a closed connection, and the origin gets not one byte. What the edge may put in order instead stands in
// a table of its own: there the origin hears exactly one request, the one that is written down.

const HOST = "Host: forum.example\r\n";
const BEHIND = `GET /behind HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
const get = (fields: string, line = "GET /g HTTP/1.1"): string => `${line}\r\n${HOST}${fields}\r\n`;
const post = (fields: string, body: string): string => `POST /p HTTP/1.1\r\n${HOST}${fields}\r\n${body}`;
const chunked = (body: string): string => post("Transfer-Encoding: chunked\r\n", body);
const three = (lengthField: string): string => post(`${lengthField}\r\n`, "abc");

/** RFC 9112 §2.2: a line ends in CRLF, and neither of the two stands alone. */
const LINES: Record<string, string> = {
  "bare LF behind the request line": `GET /g HTTP/1.1\n${HOST}\r\n`,
  "bare LF behind a field": `GET /g HTTP/1.1\r\nHost: forum.example\nX-A: b\r\n\r\n`,
  "bare LF behind the last field": get("X-A: b\n"),
  "bare LF behind a value and a tab": get("X-A: b\t\nX-B: c\r\n"),
  "bare LF behind a value and two spaces": get("X-A: b  \nX-B: c\r\n"),
  "bare LF behind an empty value": get("X-A:\nX-B: c\r\n"),
  "bare LF behind a field that is dropped": get("X_A: b\nX-B: c\r\n"),
  "bare LF behind the last field, dropped": get("X_A: b\n"),
  "bare LF as the empty line": `GET /g HTTP/1.1\r\n${HOST}\n`,
  "bare LF everywhere": `GET /g HTTP/1.1\nHost: forum.example\n\n`,
  "an empty line of LF, then a request": `GET /g HTTP/1.1\r\n${HOST}X-A: b\n\n${BEHIND}`,
  "a field hidden behind a bare LF": post(
    "X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "0\r\n\r\n",
  ),
  "a length hidden behind a bare LF": `GET /g HTTP/1.1\r\n${HOST}X-A: b\nContent-Length: ${BEHIND.length}\r\n\r\n`,
  "bare CR in a value": get("X-A: a\rb\r\n"),
  "a field hidden behind a bare CR": get("X-A: a\rTransfer-Encoding: chunked\r\n"),
  "bare CR behind the request line": `GET /g HTTP/1.1\rX-A: b\r\n${HOST}\r\n`,
  "two CR behind the request line": `GET /g HTTP/1.1\r\r\n${HOST}\r\n`,
};

/** RFC 9112 §5: names are tokens, a colon follows at once, nothing is folded; RFC 9110 §5.5: no control characters. */
const FIELDS: Record<string, string> = {
  "a folded line": get("X-A: a\r\n b\r\n"),
  "a folded line, by a tab": get("X-A: a\r\n\tb\r\n"),
  "a folded coding": chunked("").replace(": chunked", ":\r\n chunked"),
  "a blank before the first field": `GET /g HTTP/1.1\r\n X-A: b\r\n${HOST}\r\n`,
  "a space before the colon": get("X-A : a\r\n"),
  "a tab before the colon of a length": three("Content-Length\t: 3"),
  "a space before the colon of a length": three("Content-Length : 3"),
  "a space before the colon of a coding": post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
  "a space in a name": get("X A: a\r\n"),
  "no name": get(": a\r\n"),
  "no colon": get("Xabcdef\r\n"),
  "NUL in a name": get("X\0A: a\r\n"),
  "NUL in a value": get("X-A: a\0b\r\n"),
  "SOH in a name": get("X\x01A: a\r\n"),
  "SOH in a value": get("X-A: a\x01b\r\n"),
  "ESC in a value": get("X-A: \x1b[2J\r\n"),
  "VT in a value": get("X-A: a\x0bb\r\n"),
  "FF in a value": get("X-A: a\x0cb\r\n"),
  "DEL in a value": get("X-A: a\x7fb\r\n"),
  "DEL in a name": get("X\x7fA: a\r\n"),
  "a control character deep in a long value": get(`Cookie: ${"a".repeat(700)}\x02${"b".repeat(700)}\r\n`),
  "a control character in a head of many buffers": get(
    `Cookie: ${"a".repeat(9000)}\r\nX-B: ${"b".repeat(9000)}\x02\r\n`,
  ),
  "bare LF in a head of many buffers": get(`Cookie: ${"a".repeat(9000)}\nX-B: ${"b".repeat(9000)}\r\n`),
};

/** RFC 9112 §6: one way to say where the body ends, in one spelling. */
const LENGTHS: Record<string, string> = {
  "two equal lengths": three("Content-Length: 3\r\nContent-Length: 3"),
  "two lengths": three("Content-Length: 3\r\nContent-Length: 4"),
  "a list of lengths": three("Content-Length: 3, 3"),
  "a length with plus": three("Content-Length: +3"),
  "a length below nothing": three("Content-Length: -3"),
  "a length with a blank inside": three("Content-Length: 3 3"),
  "a length with a tab before it": three("Content-Length:\t3"),
  "a length with a tab behind it": three("Content-Length: 3\t"),
  "a length in hex": three("Content-Length: 0x3"),
  "a length with a fraction": three("Content-Length: 3.0"),
  "a length with an exponent": three("Content-Length: 3e0"),
  "a length of nothing": get("Content-Length:\r\n"),
  "a length beyond 2^64": three("Content-Length: 18446744073709551619"),
  "a length of twenty digits": three("Content-Length: 00000000000000000003"),
  "a length behind VT": three("Content-Length: \x0b3"),
  "a length behind a no-break space": three("Content-Length: \xa03"),
  "a length in other digits": three("Content-Length: \xd9\xa3"),
  "CL.TE": post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"),
  "TE.CL": post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "5c\r\nGPOST\r\n0\r\n\r\n"),
  "a coding and a length of nothing": post(
    "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
    "0\r\n\r\n",
  ),
  "HTTP/1.0 with a coding": `POST /p HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
};
const CODINGS = [
  "",
  " ",
  "identity",
  "xchunked",
  "chunkedx",
  "chunked, chunked",
  "gzip, chunked",
  "chunked, identity",
  ",chunked",
  "chunked,",
  "chunked;a=b",
  '"chunked"',
  "\tchunked",
  "chunked\t",
  "\x0bchunked",
  "chunked\x0b",
  "\x0cchunked",
  "chunked\xa0",
  "chun ked",
  "chunke\u212a",
  "chunked\r\nTransfer-Encoding: chunked",
  "chunked\r\nTransfer-Encoding: identity",
  "identity\r\nTransfer-Encoding: chunked",
  "x\r\nTransfer-Encoding: chunked",
];

/** RFC 9112 §7.1: what is no chunk. */
const CHUNKS: Record<string, string> = {
  "a size below nothing": chunked("-3\r\nabc\r\n0\r\n\r\n"),
  "a size with plus": chunked("+3\r\nabc\r\n0\r\n\r\n"),
  "a size with 0x": chunked("0x3\r\nabc\r\n0\r\n\r\n"),
  "a size behind a space": chunked(" 3\r\nabc\r\n0\r\n\r\n"),
  "no size": chunked("\r\nabc\r\n0\r\n\r\n"),
  "a size that is no number": chunked("xyz\r\nabc\r\n0\r\n\r\n"),
  "a size beyond 2^63": chunked("ffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
  "a size beyond 2^64": chunked("10000000000000003\r\nabc\r\n0\r\n\r\n"),
  "a size behind which CR stands alone": chunked("3\rabc\r\n0\r\n\r\n"),
  "an extension with a bare CR": chunked("3;a\rx\r\nabc\r\n0\r\n\r\n"),
  "more than was announced": chunked("3\r\nabcdef\r\n0\r\n\r\n"),
  "something else where CRLF belongs": chunked("3\r\nabcXX0\r\n\r\n"),
};

/** RFC 9112 §3: method, target, version, one space between; RFC 9110 §7: one host. */
const TARGETS: Record<string, string> = {
  "two Hosts": `GET /g HTTP/1.1\r\n${HOST}${HOST}\r\n`,
  "two different Hosts": `GET /g HTTP/1.1\r\n${HOST}Host: other.example\r\n\r\n`,
  "no Host": "GET /g HTTP/1.1\r\n\r\n",
  "an empty Host": "GET /g HTTP/1.1\r\nHost:\r\n\r\n",
  "a list of Hosts": "GET /g HTTP/1.1\r\nHost: forum.example, other.example\r\n\r\n",
  "a Host with a path": "GET /g HTTP/1.1\r\nHost: forum.example/x\r\n\r\n",
  "a Host with NUL": "GET /g HTTP/1.1\r\nHost: forum.example\0.other.example\r\n\r\n",
  "a target that names another host": "GET http://forum.example/g HTTP/1.1\r\nHost: other.example\r\n\r\n",
  "a target with a host, and no Host": "GET http://forum.example/g HTTP/1.1\r\n\r\n",
  "a target with a user": `GET http://u:p@forum.example/g HTTP/1.1\r\n${HOST}\r\n`,
  "a target of another scheme": `GET ftp://forum.example/g HTTP/1.1\r\n${HOST}\r\n`,
  "a fragment": get("", "GET /g#x HTTP/1.1"),
  "a fragment behind a query": get("", "GET /g?a#x HTTP/1.1"),
  "a fragment that climbs": get("", "GET /g#/../h HTTP/1.1"),
  "SOH in the target": get("", "GET /g\x01x HTTP/1.1"),
  "NUL in the target": get("", "GET /g\0x HTTP/1.1"),
  "an encoded NUL in the target": get("", "GET /g%00x HTTP/1.1"),
  "a tab in the target": get("", "GET /g\tx HTTP/1.1"),
  "DEL in the target": get("", "GET /g\x7fx HTTP/1.1"),
  "a space in the target": get("", "GET /g x HTTP/1.1"),
  "two spaces before the target": get("", "GET  /g HTTP/1.1"),
  "two spaces before the version": get("", "GET /g  HTTP/1.1"),
  "a space behind the version": get("", "GET /g HTTP/1.1 "),
  "tabs in the request line": get("", "GET\t/g\tHTTP/1.1"),
  "a target without its slash": get("", "GET g HTTP/1.1"),
  "a backslash": get("", "GET \\g HTTP/1.1"),
  "percent and no hex": get("", "GET /g%zz HTTP/1.1"),
  "a path that climbs out": get("", "GET /../../g HTTP/1.1"),
  "an encoded path that climbs out": get("", "GET /%2e%2e/g HTTP/1.1"),
  "a star for GET": get("", "GET * HTTP/1.1"),
  "a star for OPTIONS": get("", "OPTIONS * HTTP/1.1"),
  CONNECT: `CONNECT forum.example:443 HTTP/1.1\r\n${HOST}\r\n`,
  TRACE: get("", "TRACE /g HTTP/1.1"),
  "a method in small letters": get("", "get /g HTTP/1.1"),
  "a method that is no token": get("", "G(T /g HTTP/1.1"),
  "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "HTTP/2.0": get("", "GET /g HTTP/2.0"),
  "HTTP/01.1": get("", "GET /g HTTP/01.1"),
  "HTTP/1.01": get("", "GET /g HTTP/1.01"),
  "http/1.1": get("", "GET /g http/1.1"),
  "HTTP/1.": get("", "GET /g HTTP/1."),
};

describe("a request that can be read in two ways", () => {
  let origin: RawOrigin;
  let stage: Stage;
  before(async () => {
    origin = await openRawOrigin();
    stage = await openStage({ workers: 1 });
    const ack = await stage.apply(
      policyFor(origin.port, { hostnames: ["forum.example"], bodyBytesMax: 100_000 }),
    );
    assert.equal(ack.ok, true, JSON.stringify(ack));
  });
  after(async () => {
    await stage.end();
    await origin.end();
  });

  /** Nothing that is odd about a request helps it past the judge, be it plain to the site's table or not. */
  async function isRefused(name: string, bytes: string, status = /^HTTP\/1\.1 (4\d\d) /): Promise<void> {
    origin.forget();
    const { text, closed } = await converse(stage.node.address, bytes + BEHIND);
    assert.ok(closed, `${name}: the connection stays open`);
    assert.match(text, status, `${name}: ${text.slice(0, 200)}`);
    assert.equal(text.split("HTTP/1.1 ").length, 2, `${name}: one answer and no more`);
    assert.equal(
      origin.bytesSeen(),
      "",
      `${name}: the origin heard ${JSON.stringify(origin.bytesSeen().slice(0, 200))}`,
    );
  }

  for (const [part, table] of Object.entries({ LINES, FIELDS, LENGTHS, CHUNKS, TARGETS })) {
    test(`is refused, and nothing of it reaches the origin: ${part.toLowerCase()}`, async () => {
      const cases = Object.entries(table);
      assert.ok(cases.length >= 12);
      for (const [name, bytes] of cases) await isRefused(name, bytes);
    });
  }

  test("is refused, and nothing of it reaches the origin: codings other than the one", async () => {
    for (const coding of CODINGS) {
      for (const length of ["", "Content-Length: 5\r\n"]) {
        await isRefused(
          JSON.stringify(coding),
          post(`Transfer-Encoding: ${coding}\r\n${length}`, "0\r\n\r\n"),
        );
      }
    }
    await isRefused(
      "chunked and a length",
      post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
    );
  });

  test("that has no version gets no answer in words, and the origin hears nothing", async () => {
    origin.forget();
    for (const line of ["GET /g\r\n", "GET /\r\n\r\n", get("", "GET /g ")]) {
      const { closed } = await converse(stage.node.address, line + BEHIND);
      assert.ok(closed);
    }
    assert.equal(origin.bytesSeen(), "");
  });

  test("is refused when its head is too large, whatever the size", async () => {
    await isRefused("a line of 20 kB", get(`X-A: ${"a".repeat(20_000)}\r\n`), /^HTTP\/1\.1 431 /);
    await isRefused(
      "a target of 200 kB",
      get("", `GET /${"a".repeat(200_000)} HTTP/1.1`),
      /^HTTP\/1\.1 431 /,
    );
    await isRefused("101 lines", get("X-A: b\r\n".repeat(101)), /^HTTP\/1\.1 431 /);
    origin.forget();
    const flood = await converse(stage.node.address, get(""), {
      pieces: Buffer.from("X-A: bbbbbbbb\r\n".repeat(5000)),
      times: 1400,
    });
    assert.ok(flood.closed && flood.sentBytes < 50_000_000, `the edge listened to ${flood.sentBytes} bytes`);
    assert.ok(origin.requests.length <= 1 && origin.breaches.length === 0);
  });
});

/** What nginx forgives and the edge lets pass, since it is put in order on the way: name → bytes, and all that the origin hears of it. */
const MENDED: Record<string, readonly [string, string]> = {
  "empty lines before it": [`\r\n\r\n${get("")}`, "GET /g"],
  "a second CR before the LF": [get("X-A: b\r\r\n"), "GET /g"],
  "one blank and a bare LF behind a value": [get("X-A: b \nX-B: c\r\n"), "GET /g"],
  "blanks around a value": [get("X-A:   b   \r\n"), "GET /g"],
  "a name that is none is dropped": [get("X(A): a\r\nX@B: b\r\nX\xe9C: c\r\n"), "GET /g"],
  "a name with an underscore is dropped": [
    get("X_Forwarded_For: 192.0.2.1\r\nContent_Length: 3\r\n"),
    "GET /g",
  ],
  "bytes beyond ASCII in a value": [get("X-A: caf\xc3\xa9\r\n"), "GET /g"],
  "bytes beyond ASCII in a target": [get("", "GET /caf\xc3\xa9 HTTP/1.1"), "GET /caf\xc3\xa9"],
  "a length with zeros before it": [post("Content-Length: 003\r\n", "abc"), "POST /p abc"],
  "a body with GET": [get("Content-Length: 3\r\n") + "abc", "GET /g abc"],
  "chunks become a length": [chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), "POST /p abcde"],
  "a coding in capitals": [post("Transfer-Encoding: CHUNKED\r\n", "3\r\nabc\r\n0\r\n\r\n"), "POST /p abc"],
  "no chunks at all": [chunked("0\r\n\r\n"), "POST /p"],
  "blanks behind a chunk's size": [chunked("3 \t\r\nabc\r\n0\r\n\r\n"), "POST /p abc"],
  "zeros before a chunk's size": [chunked(`${"0".repeat(30)}3\r\nabc\r\n0\r\n\r\n`), "POST /p abc"],
  "an extension is dropped": [chunked(`3;a="b;c"\r\nabc\r\n0;${"x".repeat(5000)}\r\n\r\n`), "POST /p abc"],
  "bare LF around chunks": [chunked("3\nabc\n0\n\n"), "POST /p abc"],
  "words behind a chunk's size": [chunked("3 xyz\r\nabc\r\n0\r\n\r\n"), "POST /p abc"],
  "trailers are dropped": [
    chunked("3\r\nabc\r\n0\r\nHost: other.example\r\nContent-Length: 9\r\n\r\n"),
    "POST /p abc",
  ],
  "a target with this very host": [get("", "GET http://forum.example/g?a=b HTTP/1.1"), "GET /g?a=b"],
  "a target with a host and no path": [get("", "GET http://forum.example HTTP/1.1"), "GET /"],
  "a later minor version": [get("", "GET /g HTTP/1.2"), "GET /g"],
  "a method that is not known": [get("", "BREW /g HTTP/1.1"), "BREW /g"],
  "an upgrade to HTTP/2 is not passed on": [
    get(
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    ),
    "GET /g",
  ],
  "an upgrade to something else is not passed on": [
    get("Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n"),
    "GET /g",
  ],
  "an expectation that is not known": [post("Expect: 200-ok\r\nContent-Length: 3\r\n", "abc"), "POST /p abc"],
  "fields for this hop alone": [
    get(
      "TE: trailers\r\nConnection: TE, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\n",
    ),
    "GET /g",
  ],
};

describe("a request with an oddity that the edge puts in order", () => {
  test("arrives as one request, and the one behind it as the next", async () => {
    const origin = await openRawOrigin();
    const stage = await openStage({ workers: 1 });
    try {
      await stage.apply(policyFor(origin.port, { hostnames: ["forum.example"], bodyBytesMax: 100_000 }));
      for (const [name, [bytes, heard]] of Object.entries(MENDED)) {
        origin.forget();
        const { text } = await converse(stage.node.address, bytes + BEHIND);
        assert.deepEqual(origin.breaches, [], name);
        const seen = origin.requests.map(({ method, target, body }) =>
          `${method} ${target} ${body.toString("latin1")}`.trimEnd(),
        );
        assert.deepEqual(seen, [heard, "GET /behind"], `${name}: ${text.slice(0, 300)}`);
        for (const { fields } of origin.requests) {
          for (const [field] of fields) {
            assert.ok(
              !/^(upgrade|http2-settings|te|x-hop|keep-alive|proxy-connection|expect|x_|content_)/i.test(
                field,
              ),
              `${name}: ${field}`,
            );
          }
        }
      }
    } finally {
      await stage.end();
      await origin.end();
    }
  });

  test("is judged by its bytes also when its host is well known and it looks plain", async () => {
    const origin = await openRawOrigin();
    const stage = await openStage({ workers: 1 });
    try {
      await stage.apply(policyFor(origin.port, { hostnames: ["forum.example"] }));
      // From here on the edge knows the host, and asks of a plain request only what costs next to nothing.
      await converse(stage.node.address, get("Connection: close\r\n"));
      for (const [name, bytes] of Object.entries(LINES)) {
        origin.forget();
        await converse(stage.node.address, bytes + BEHIND);
        assert.equal(origin.bytesSeen(), "", name);
      }
      const bare = { "no version": "GET /g\r\n", "no version, root": "GET /\r\n" };
      for (const [name, bytes] of Object.entries({ ...LENGTHS, ...CHUNKS, ...bare })) {
        origin.forget();
        await converse(stage.node.address, bytes + BEHIND);
        assert.equal(origin.bytesSeen(), "", name);
      }
    } finally {
      await stage.end();
      await origin.end();
    }
  });
});
