import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { newSiteId, openStage, policyFor, type Stage } from "./edge-stage.ts";
import { askByFrames, type Http2Answer } from "./raw-http2.ts";
import { openRawOrigin, type RawOrigin } from "./raw-origin.ts";
import { certificateFor, giveCertificate, newIssuer, type Issuer } from "./tls-stage.ts";

// The same quarrel over HTTP/2: what a visitor writes into frames becomes a request of HTTP/1.1 on its way to the origin, and nothing of it may become
// more than one, or another one than was judged.

type Fields = readonly (readonly [string, string])[];
const BODY_BYTES_MAX = 1000;

/** A plain request with some of its pseudo-fields changed, or left out by null, and others behind it. */
function asked(changes: Readonly<Record<string, string | null>> = {}, more: Fields = []): Fields {
  const plain = { ":method": "GET", ":scheme": "https", ":authority": "forum.example", ":path": "/g" };
  return [
    ...Object.entries({ ...plain, ...changes }).filter((one): one is [string, string] => one[1] !== null),
    ...more,
  ];
}
const POST = { ":method": "POST" };

const REFUSED: Record<string, readonly [Fields, (readonly string[])?]> = {
  "a name in capitals": [asked({}, [["X-A", "b"]])],
  "a name with a colon": [asked({}, [["x:a", "b"]])],
  "a name with a space": [asked({}, [["x a", "b"]])],
  "a name with CRLF": [asked({}, [["x\r\na", "b"]])],
  "no name": [asked({}, [["", "b"]])],
  "a value with CRLF": [asked({}, [["x-a", "b\r\nx-c: d"]])],
  "a value with LF": [asked({}, [["x-a", "b\nc"]])],
  "a value with CR": [asked({}, [["x-a", "b\rc"]])],
  "a value with NUL": [asked({}, [["x-a", "b\0c"]])],
  "a value with SOH": [asked({}, [["x-a", "b\x01c"]])],
  "a value with DEL": [asked({}, [["x-a", "b\x7fc"]])],
  "a value behind a space": [asked({}, [["x-a", " b"]])],
  "a value before a tab": [asked({}, [["x-a", "b\t"]])],
  Connection: [asked({}, [["connection", "close"]])],
  "Keep-Alive": [asked({}, [["keep-alive", "5"]])],
  "Proxy-Connection": [asked({}, [["proxy-connection", "close"]])],
  Upgrade: [asked({}, [["upgrade", "websocket"]])],
  "Transfer-Encoding": [asked({}, [["transfer-encoding", "chunked"]])],
  "Transfer-Encoding with a body": [asked(POST, [["transfer-encoding", "chunked"]]), ["0\r\n\r\n"]],
  "Host beside :authority": [asked({}, [["host", "forum.example"]])],
  "another Host than :authority": [asked({}, [["host", "other.example"]])],
  "neither Host nor :authority": [asked({ ":authority": null })],
  "two of :authority": [[...asked(), [":authority", "forum.example"]]],
  "two of :path": [[...asked(), [":path", "/x"]]],
  "two of :method": [[...asked(), [":method", "POST"]]],
  "a pseudo-field that is not known": [[...asked(), [":x", "y"]]],
  "a pseudo-field of answers": [[...asked(), [":status", "200"]]],
  "no :method": [asked({ ":method": null })],
  "no :scheme": [asked({ ":scheme": null })],
  "no :path": [asked({ ":path": null })],
  "an empty :path": [asked({ ":path": "" })],
  "a :path without its slash": [asked({ ":path": "g" })],
  "a :path with a space": [asked({ ":path": "/g x" })],
  "a :path with a line break": [asked({ ":path": "/g HTTP/1.1\r\nX-A: b" })],
  "a :path with a fragment": [asked({ ":path": "/g#x" })],
  "a :path with SOH": [asked({ ":path": "/g\x01" })],
  "a :path with another host": [asked({ ":path": "http://other.example/g" })],
  "a :method with a request line": [asked({ ":method": "GET /x HTTP/1.1" })],
  "a :method with a line break": [asked({ ":method": "GET\r\n" })],
  "a :method in small letters": [asked({ ":method": "get" })],
  "an :authority with a line break": [asked({ ":authority": "forum.example\r\nX-A: b" })],
  "an :authority with a user": [asked({ ":authority": "a@forum.example" })],
  "an :authority that this node does not serve": [asked({ ":authority": "nobody.example" })],
  "a :scheme that is none": [asked({ ":scheme": "x y" })],
  CONNECT: [
    [
      [":method", "CONNECT"],
      [":authority", "forum.example"],
    ],
  ],
  TRACE: [asked({ ":method": "TRACE" })],
  "a length that is too long": [asked(POST, [["content-length", "9"]]), ["abc"]],
  "a length that is too short": [asked(POST, [["content-length", "1"]]), ["abc"]],
  "a length and no body": [asked({}, [["content-length", "5"]])],
  "two equal lengths": [
    asked(POST, [
      ["content-length", "3"],
      ["content-length", "3"],
    ]),
    ["abc"],
  ],
  "a length with plus": [asked(POST, [["content-length", "+3"]]), ["abc"]],
  "a body larger than the site's": [asked(POST, [["content-length", "1001"]]), ["x".repeat(1001)]],
  "a body larger than the site's, not announced": [asked(POST), ["x".repeat(600), "y".repeat(401)]],
  "a body larger than the site's with GET": [asked(), ["x".repeat(600), "y".repeat(401)]],
  "101 fields": [
    asked(
      {},
      Array.from({ length: 101 }, () => ["x-a", "b"] as const),
    ),
  ],
  "a field of 70 kB": [asked({}, [["x-a", "a".repeat(70_000)]])],
};

const PASSED: Record<string, readonly [Fields, string, (readonly string[])?]> = {
  "a plain one": [asked(), "GET /g"],
  "Host in the place of :authority": [asked({ ":authority": null }, [["host", "forum.example"]]), "GET /g"],
  "a field before a pseudo-field": [[...asked({ ":path": null }), ["x-a", "b"], [":path", "/g"]], "GET /g"],
  TE: [asked({}, [["te", "trailers"]]), "GET /g"],
  "a body of the site's size": [
    asked(POST, [["content-length", "1000"]]),
    `POST /g ${"x".repeat(1000)}`,
    ["x".repeat(1000)],
  ],
  "a body of the site's size, not announced": [
    asked(POST),
    `POST /g ${"x".repeat(1000)}`,
    ["x".repeat(999), "x"],
  ],
  "a body that looks like a request": [
    asked(POST),
    "POST /g GET /hidden HTTP/1.1\r\n\r\n",
    ["GET /hidden HTTP/1.1\r\n\r\n"],
  ],
};

describe("a request over HTTP/2", () => {
  let origin: RawOrigin;
  let issuer: Issuer;
  let stage: Stage;
  before(async () => {
    origin = await openRawOrigin();
    issuer = newIssuer();
    stage = await openStage({ workers: 1, listenTls: "127.0.0.1:0" });
    const siteId = newSiteId();
    const hostnames = ["forum.example"];
    assert.equal(
      (await stage.apply(policyFor(origin.port, { siteId, hostnames, bodyBytesMax: BODY_BYTES_MAX }))).ok,
      true,
    );
    assert.equal(
      (await giveCertificate(stage, certificateFor(siteId, hostnames, issuer.issue(hostnames)))).ok,
      true,
    );
  });
  after(async () => {
    await origin.end();
    issuer.end();
    await stage.end();
  });

  const ask = (fields: Fields, data?: readonly string[]): Promise<Http2Answer> => {
    origin.forget();
    const common = { fields, servername: "forum.example" };
    return askByFrames(stage.node.tlsAddress ?? "", data === undefined ? common : { ...common, data });
  };

  test("that means two things, or nothing, is refused, and nothing of it reaches the origin", async () => {
    assert.equal(Object.keys(REFUSED).length, 56);
    for (const [name, [fields, data]] of Object.entries(REFUSED)) {
      const answer = await ask(fields, data);
      assert.ok(
        (answer.status >= 400 && answer.status < 500) || answer.broken !== "no",
        `${name}: ${answer.status}`,
      );
      assert.equal(origin.bytesSeen(), "", name);
    }
  });

  test("that can be read arrives as one request", async () => {
    for (const [name, [fields, heard, data]] of Object.entries(PASSED)) {
      const answer = await ask(fields, data);
      assert.equal(answer.status, 200, name);
      assert.deepEqual(origin.breaches, [], name);
      const seen = origin.requests.map(
        ({ method, target, body }) => `${method} ${target} ${body.toString("latin1")}`,
      );
      assert.deepEqual(seen, [heard.split(" ").length === 2 ? `${heard} ` : heard], name);
    }
  });
});
