import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Fault } from "../contract/fault.ts";
import { addressAllowed, askOrigin, checkOrigin, originUrl, parseOrigin } from "./origin.ts";

test("origin addresses are parsed to scheme, host and port", () => {
  const table: readonly [string, string][] = [
    ["http://203.0.113.10", "http://203.0.113.10:80"],
    ["https://origin.example/", "https://origin.example:443"],
    ["http://127.0.0.1:3000", "http://127.0.0.1:3000"],
    ["http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080"],
  ];
  for (const [typed, expected] of table) {
    const parsed = parseOrigin(typed);
    assert.ok(parsed.ok, typed);
    assert.equal(originUrl(parsed.value), expected);
  }
});

test("what cannot be an origin is refused", () => {
  const table = [
    "",
    "origin.example",
    "ftp://origin.example",
    "file:///etc/passwd",
    "http://user:secret@origin.example",
    "http://origin.example/path",
    "http://origin.example/?q",
    "http://origin.example:0",
    "http://origin.example:70000",
    `http://${"a".repeat(3000)}.example`,
  ];
  for (const typed of table) {
    const parsed = parseOrigin(typed);
    assert.equal(parsed.ok, false, typed);
    assert.ok(!parsed.ok && !parsed.why.includes("secret"), "a password is not repeated");
  }
});

test("private, loopback, link-local, metadata and mapped addresses are refused unless their range is allowed", () => {
  const refused = [
    "127.0.0.1",
    "10.0.0.5",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "not an address",
  ];
  for (const address of refused) assert.equal(addressAllowed(address, []), false, address);
  assert.equal(addressAllowed("10.0.0.5", ["10.0.0.0/8"]), true);
  assert.equal(addressAllowed("::ffff:10.0.0.5", ["10.0.0.0/8"]), true);
  assert.equal(addressAllowed("11.0.0.5", []), true);
  assert.equal(addressAllowed("10.0.0.5", ["::1/128"]), false);
});

test("an origin that is the edge itself is refused as a loop", async () => {
  const privateRanges = ["127.0.0.0/8"];
  for (const [edgeListen, host] of [
    ["127.0.0.1:8080", "127.0.0.1"],
    ["0.0.0.0:8080", "127.0.0.1"],
    ["0.0.0.0:8080", "127.0.0.9"],
  ] as const) {
    await assert.rejects(
      checkOrigin({ scheme: "http", host, port: 8080 }, { privateRanges, edgeListen }),
      (error) => error instanceof Fault && error.code === "site.origin-loop",
    );
  }
  assert.equal(
    await checkOrigin(
      { scheme: "http", host: "127.0.0.1", port: 8081 },
      { privateRanges, edgeListen: "127.0.0.1:8080" },
    ),
    "127.0.0.1",
  );
});

test("an origin that is down, or floods, gives a clear end", async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    const chunk = Buffer.alloc(256 * 1024, 120);
    const push = (): void => {
      if (!response.destroyed && response.write(chunk)) setImmediate(push);
      else if (!response.destroyed) response.once("drain", push);
    };
    push();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const origin = { scheme: "http", host: "127.0.0.1", port } as const;
  const answer = await askOrigin(origin, { address: "127.0.0.1", hostname: "shop.example", path: "/" });
  assert.ok(answer.body.length <= 1024 * 1024);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(
    askOrigin(origin, { address: "127.0.0.1", hostname: "shop.example", path: "/" }),
    (error) =>
      error instanceof Fault &&
      error.code === "site.origin-unreachable" &&
      error.detail.includes("ECONNREFUSED"),
  );
});
