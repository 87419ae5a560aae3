/** gRPC through the edge: calls and streams over HTTP/2 to origins that speak it with and without TLS, trailers and all. */
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  connect,
  createSecureServer,
  createServer,
  type ClientHttp2Session,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { after, before, describe, test } from "node:test";
import { singleOrigin } from "../../src/contract/origin-pool.ts";
import { newSiteId, openStage, policyFor, recordFor, type Stage } from "./edge-stage.ts";
import { makeReceipt } from "../../src/ledger/core/testing.ts";
import { certificateFor, giveCertificate, newIssuer, type Issuer } from "./tls-stage.ts";
import { newAuthority, type Authority } from "./tls-origins.ts";

type Call = {
  readonly status: number;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
};

/** Echoes each piece of a call's body as it comes, and ends with trailers. */
function serveGrpc(
  heard: IncomingHttpHeaders[],
): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  return (stream, headers) => {
    heard.push(headers);
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "grpc-message": "fine" }));
    stream.on("data", (part: Buffer) => stream.write(`echo ${part.toString()};`));
    stream.on("end", () => stream.end());
  };
}

describe("gRPC", () => {
  let stage: Stage;
  let issuer: Issuer;
  let authority: Authority;
  let plain: Http2Server;
  let secure: Http2Server;
  const heard: IncomingHttpHeaders[] = [];
  const sessions: ClientHttp2Session[] = [];

  before(async () => {
    issuer = newIssuer();
    authority = newAuthority();
    stage = await openStage({ listenTls: "127.0.0.1:0", originCaFile: authority.caFile });
    plain = createServer().on("stream", serveGrpc(heard));
    const { chainPem, keyPem } = authority.issue("grpcs.example");
    secure = createSecureServer({ cert: chainPem, key: keyPem }).on("stream", serveGrpc(heard));
    for (const server of [plain, secure])
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    for (const [host, server] of [
      ["grpc.example", plain],
      ["grpcs.example", secure],
      ["wrong.example", secure],
    ] as const) {
      const { port } = server.address() as { port: number };
      const siteId = newSiteId();
      const origin = singleOrigin(server === plain ? "http" : "https", "127.0.0.1", port);
      const ack = await stage.apply(
        policyFor(port, { siteId, hostnames: [host], origin, bodyBytesMax: 64 * 1024 }),
      );
      assert.equal(ack.ok, true, ack.ok ? "" : ack.why);
      const given = await giveCertificate(stage, certificateFor(siteId, [host], issuer.issue([host])));
      assert.equal(given.ok, true, given.ok ? "" : given.why);
    }
  });
  after(async () => {
    for (const session of sessions) session.destroy();
    plain.close();
    secure.close();
    await stage.end();
    issuer.end();
    authority.end();
  });

  function session(host: string): ClientHttp2Session {
    const made = connect(`https://${stage.node.tlsAddress}`, { servername: host, ca: issuer.caPem });
    made.on("error", () => undefined);
    sessions.push(made);
    return made;
  }
  const fields = (host: string, path = "/svc/Call"): Record<string, string> => ({
    ":method": "POST",
    ":path": path,
    ":scheme": "https",
    ":authority": host,
    "content-type": "application/grpc+proto",
    te: "trailers",
  });

  async function call(host: string, body: string, path?: string): Promise<Call> {
    const stream = session(host).request(fields(host, path));
    let status = 0;
    let text = "";
    let trailers: IncomingHttpHeaders = {};
    stream.on("response", (headers) => (status = Number(headers[":status"])));
    stream.on("trailers", (found) => (trailers = found));
    stream.on("data", (part: Buffer) => (text += part.toString()));
    stream.end(body);
    await once(stream, "close");
    return { status, body: text, trailers };
  }

  for (const host of ["grpc.example", "grpcs.example"]) {
    test(`a call to ${host} comes back with its trailers`, async () => {
      const answer = await call(host, "one");
      assert.equal(answer.status, 200);
      assert.equal(answer.body, "echo one;");
      assert.deepEqual([answer.trailers["grpc-status"], answer.trailers["grpc-message"]], ["0", "fine"]);
      const last = heard.at(-1);
      // nginx names the site in Host and not in :authority, which says the same (RFC 9113 §8.3.1).
      assert.deepEqual(
        [last?.host, last?.["te"], last?.["x-forwarded-for"], last?.["x-forwarded-proto"]],
        [host, "trailers", "127.0.0.1", "https"],
      );
      assert.match(String(last?.["cdn-loop"]), /^parapet-/);
    });

    test(`a stream to ${host} goes both ways at once`, async () => {
      const stream = session(host).request(fields(host));
      stream.setEncoding("utf8");
      for (const word of ["one", "two", "three"]) {
        stream.write(word);
        // The answer to each word comes before the next is sent.
        const [part] = (await once(stream, "data")) as [string];
        assert.equal(part, `echo ${word};`);
      }
      const trailers = once(stream, "trailers") as Promise<[IncomingHttpHeaders]>;
      stream.end();
      assert.equal((await trailers)[0]["grpc-status"], "0");
    });
  }

  test("an origin that does not verify is not called, and nothing of a call that came before leads a way in", async () => {
    assert.equal((await call("grpcs.example", "warm")).status, 200);
    const before = heard.length;
    assert.equal((await call("wrong.example", "x")).status, 502);
    assert.equal(heard.length, before);
  });

  test("a request that came by this edge before is a loop for gRPC, too", async () => {
    const own = String(heard.find((headers) => headers["cdn-loop"] !== undefined)?.["cdn-loop"]);
    const stream = session("grpc.example").request({ ...fields("grpc.example"), "cdn-loop": own });
    const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders & { ":status"?: number }];
    assert.equal(headers[":status"], 508);
    stream.close();
  });

  test("a measure stops a call like any request", async () => {
    const siteId = newSiteId();
    const { port } = plain.address() as { port: number };
    const record = recordFor(siteId, {
      subject: { siteId, hostname: "stopped.example", path: "/svc/Bad" },
    });
    const ack = await stage.apply(
      policyFor(port, { siteId, hostnames: ["stopped.example"], measures: [makeReceipt(record)] }),
    );
    assert.equal(ack.ok, true, ack.ok ? "" : ack.why);
    const given = await giveCertificate(
      stage,
      certificateFor(siteId, ["stopped.example"], issuer.issue(["stopped.example"])),
    );
    assert.equal(given.ok, true);
    const before = heard.length;
    assert.equal((await call("stopped.example", "x", "/svc/Bad")).status, 451);
    assert.equal(heard.length, before);
    assert.equal((await call("stopped.example", "x", "/svc/Good")).status, 200);
  });
});
