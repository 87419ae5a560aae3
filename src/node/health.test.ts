import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { after, before, test } from "node:test";
import type { HealthCheck } from "../contract/origin-pool.ts";
import { askOnce, Health, judge, type HealthTarget } from "./health.ts";
import { signatureFields } from "./request-signature.ts";

const CHECK: HealthCheck = {
  path: "/up",
  intervalSeconds: 2,
  timeoutSeconds: 1,
  statusMin: 200,
  statusMax: 399,
  rise: 2,
  fall: 3,
};

let server: Server;
let port = 0;
let status = 200;
let silent = false;
const heard: IncomingHttpHeaders[] = [];

before(async () => {
  server = createServer((asked, answer) => {
    heard.push(asked.headers);
    if (silent) return;
    answer.statusCode = status;
    answer.end("x".repeat(1_000_000));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as { port: number }).port;
});
after(() => {
  server.close();
  server.closeAllConnections();
});

const target = (changes: Partial<HealthTarget> = {}): HealthTarget => ({
  siteId: "site_1",
  address: "127.0.0.1",
  port,
  check: CHECK,
  scheme: "http",
  host: "forum.example",
  tlsName: "",
  verify: "strict",
  client: null,
  signed: null,
  ...changes,
});

test("an address goes down after as many failures in a row as it says, and comes up after as many successes", () => {
  const watch = { state: "unchecked" as const, sinceMs: 0, why: null, streak: 0, target: { check: CHECK } };
  const steps: [string | null, boolean, string][] = [
    [null, true, "up"],
    ["no", false, "up"],
    ["no", false, "up"],
    [null, false, "up"],
    ["no", false, "up"],
    ["no", false, "up"],
    ["no", true, "down"],
    ["no", false, "down"],
    [null, false, "down"],
    ["no", false, "down"],
    [null, false, "down"],
    [null, true, "up"],
  ];
  for (const [i, [why, changed, state]] of steps.entries()) {
    assert.equal(judge(watch, why, i), changed, `step ${i}`);
    assert.equal(watch.state as string, state, `step ${i}`);
  }
});

test("what was never checked needs all its failures to be called down", () => {
  const watch = { state: "unchecked" as const, sinceMs: 0, why: null, streak: 0, target: { check: CHECK } };
  assert.deepEqual(
    ["no", "no", "no"].map((why) => judge(watch, why, 0)),
    [false, false, true],
  );
});

test("an answer within the range is healthy, another one, silence and a closed port are not, each with its reason", async () => {
  assert.equal(await askOnce(target(), ""), null);
  assert.equal(heard.at(-1)?.host, "forum.example");
  status = 503;
  assert.match(String(await askOnce(target(), "")), /answered 503 to \/up, not 200 to 399/);
  status = 200;
  silent = true;
  assert.match(String(await askOnce(target(), "")), /No answer .* within 1 s/);
  silent = false;
  assert.match(String(await askOnce(target({ port: 1 }), "")), /Cannot ask 127\.0\.0\.1:1 \(ECONNREFUSED\)/);
});

test("a check of a signed site is signed", async () => {
  const key = Buffer.alloc(32, 7).toString("base64url");
  const signed = (): Readonly<Record<string, string>> =>
    signatureFields(key, {
      siteId: "site_1",
      method: "GET",
      authority: "forum.example",
      target: "/up",
      createdSeconds: 1_795_000_000,
    });
  assert.equal(await askOnce(target({ signed }), ""), null);
  const base = `"@method": GET\n"@authority": forum.example\n"@path": /up\n"@query": ?\n"@signature-params": ("@method" "@authority" "@path" "@query");created=1795000000;keyid="site_1";alg="hmac-sha256"`;
  const wanted = createHmac("sha256", Buffer.alloc(32, 7)).update(base).digest("base64");
  assert.equal(heard.at(-1)?.["signature"], `parapet=:${wanted}:`);
});

test("a thousand targets are checked with a bounded number at once, and letting go of a site ends its checks", async () => {
  let open = 0;
  let most = 0;
  const seen = new Set<string>();
  const busy = createServer((asked, answer) => {
    open += 1;
    most = Math.max(most, open);
    seen.add(String(asked.headers.host));
    setImmediate(() => {
      open -= 1;
      answer.end();
    });
  });
  await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
  const busyPort = (busy.address() as { port: number }).port;
  const changed = new Set<string>();
  const health = new Health({
    originCaPem: "",
    now: Date.now,
    onChange: (sites) => sites.forEach((site) => changed.add(site)),
  });
  for (let n = 0; n < 1000; n++) {
    health.watch(`site_${n}`, [target({ siteId: `site_${n}`, port: busyPort, host: `h${n}.example` })]);
  }
  try {
    health.start();
    const deadline = Date.now() + 60_000;
    while (changed.size < 1000 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(changed.size, 1000);
    assert.equal(seen.size, 1000);
    assert.ok(most <= 64, `${most} at once`);
    health.watch("site_0", []);
    assert.equal(health.of({ siteId: "site_0", address: "127.0.0.1", port: busyPort }), null);
    assert.equal(health.of({ siteId: "site_1", address: "127.0.0.1", port: busyPort })?.state, "up");
  } finally {
    health.stop();
    busy.close();
    busy.closeAllConnections();
  }
});
