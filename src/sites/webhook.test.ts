import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import {
  newWebhookSecret,
  readWebhookUrl,
  sendWebhook,
  signWebhook,
  type WebhookMessage,
} from "./webhook.ts";

const LOOPBACK = ["127.0.0.0/8"];
const SECRET = newWebhookSecret((bytes) => new Uint8Array(bytes).fill(7));

type Got = { readonly url: string; readonly headers: IncomingHttpHeaders; readonly body: string };
let got: Got[] = [];
let answer: (response: ServerResponse) => void = (response) => response.end("ok");
const server = createServer((request, response) => {
  let body = "";
  request.on("data", (part: Buffer) => (body += part.toString()));
  request.on("end", () => {
    got.push({ url: request.url ?? "", headers: request.headers, body });
    answer(response);
  });
});
let port = 0;
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const message = (path = "/hook"): WebhookMessage => ({
  url: `http://127.0.0.1:${port}${path}`,
  secret: SECRET,
  id: "msg_1",
  timestamp: 1_700_000_000,
  body: '{"type":"webhook.test"}',
});

test("a message is signed as Standard Webhooks says", async () => {
  got = [];
  answer = (response) => response.end("ok");
  const tried = await sendWebhook(message(), { privateRanges: LOOPBACK });
  assert.deepEqual(tried, { status: 200, why: null, isFinal: true });
  const [one] = got;
  assert.ok(one);
  assert.equal(one.body, '{"type":"webhook.test"}');
  const key = Buffer.from(SECRET.slice("whsec_".length), "base64");
  const expected = createHmac("sha256", key).update(`msg_1.1700000000.${one.body}`).digest("base64");
  assert.equal(one.headers["webhook-signature"], `v1,${expected}`);
  assert.equal(one.headers["webhook-id"], "msg_1");
  assert.equal(one.headers["webhook-timestamp"], "1700000000");
});

test("the published example of Standard Webhooks has the signature that it says", () => {
  // Test vector of the reference libraries (standard-webhooks/standard-webhooks, libraries/).
  const signed = signWebhook({
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    timestamp: 1614265330,
    body: '{"test": 2432232314}',
  });
  assert.equal(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});

test("redirects are not followed, and statuses say whether to try again", async () => {
  got = [];
  const table: [number, boolean][] = [
    [301, false],
    [404, false],
    [410, true],
    [500, false],
  ];
  for (const [status, isFinal] of table) {
    answer = (response) => response.writeHead(status, { location: `http://127.0.0.1:${port}/other` }).end();
    const tried = await sendWebhook(message(), { privateRanges: LOOPBACK });
    assert.deepEqual([tried.status, tried.isFinal, tried.why === null], [status, isFinal, false]);
  }
  assert.ok(got.every(({ url }) => url === "/hook"));
});

test("an endless answer is cut, and one that does not come is given up", async () => {
  answer = (response) => {
    response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed && response.write("x".repeat(10_000)));
    };
    response.on("drain", more);
    more();
  };
  assert.equal((await sendWebhook(message(), { privateRanges: LOOPBACK })).why, null);
  answer = () => undefined;
  const tried = await sendWebhook(message(), { privateRanges: LOOPBACK, timeoutMs: 200 });
  assert.deepEqual(tried, { status: null, why: "It did not answer in time", isFinal: false });
});

test("no message goes to an address inside, whatever name leads there and whenever", async () => {
  got = [];
  const named = { ...message(), url: `https://hooks.example.org:${port}/hook` };
  const inside = [
    "127.0.0.1",
    "10.0.0.1",
    "169.254.169.254",
    "::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "0.0.0.0",
  ];
  for (const address of inside) {
    const tried = await sendWebhook(named, { privateRanges: [], lookUp: async () => [address] });
    assert.match(tried.why ?? "", /not a public address/, address);
    const literal = address.includes(":") ? `[${address}]` : address;
    assert.equal(readWebhookUrl(`https://${literal}/`, []).ok, false, address);
  }
  // One good address does not excuse another.
  const mixed = await sendWebhook(named, {
    privateRanges: [],
    lookUp: async () => ["203.0.114.1", "127.0.0.1"],
  });
  assert.match(mixed.why ?? "", /127\.0\.0\.1/);
  // A name that changes its answer: it is asked once, and the connection goes where that answer said.
  let asked = 0;
  const rebinding = async (): Promise<readonly string[]> => (asked++ === 0 ? ["127.0.0.2"] : ["127.0.0.1"]);
  const tried = await sendWebhook(named, {
    privateRanges: ["127.0.0.2/32"],
    lookUp: rebinding,
    timeoutMs: 2000,
  });
  assert.equal(asked, 1);
  assert.notEqual(tried.why, null);
  assert.equal(got.length, 0);
});

test("addresses that are none, or carry passwords, are refused with what to write", () => {
  const bad = [
    "",
    "hooks.example.org",
    "ftp://hooks.example.org/",
    "http://hooks.example.org/",
    "https://u:p@hooks.example.org/",
    "https://hooks.example.org/#x",
    "https://127.0.0.1/",
    "https://0x7f.1/",
    "https://2130706433/",
    `https://hooks.example.org/${"x".repeat(1000)}`,
  ];
  for (const url of bad) assert.equal(readWebhookUrl(url, []).ok, false, url);
  assert.ok(readWebhookUrl("https://hooks.example.org/parapet?x=1", []).ok);
});
