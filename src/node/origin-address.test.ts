import assert from "node:assert/strict";
import { test } from "node:test";
import { isOwnListener, literal, splitListen, whyAddressRefused } from "./origin-address.ts";

test("private, local and metadata addresses are refused unless their range was opened", () => {
  for (const address of [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
  ]) {
    assert.notEqual(whyAddressRefused(address, []), null, address);
  }
  assert.equal(whyAddressRefused("8.8.8.8", []), null);
  assert.equal(whyAddressRefused("2606:4700::1", []), null);
  assert.equal(whyAddressRefused("10.1.2.3", ["10.1.0.0/16"]), null);
  assert.equal(whyAddressRefused("::ffff:10.1.2.3", ["10.1.0.0/16"]), null);
  assert.notEqual(whyAddressRefused("10.2.2.3", ["10.1.0.0/16", "fd00::/8"]), null);
});

test("the edge's own listener is recognised in every spelling", () => {
  assert.equal(isOwnListener("127.0.0.1", 8080, "127.0.0.1:8080"), true);
  assert.equal(isOwnListener("::ffff:127.0.0.1", 8080, "127.0.0.1:8080"), true);
  assert.equal(isOwnListener("127.0.0.2", 8080, "0.0.0.0:8080"), true);
  assert.equal(isOwnListener("::1", 8080, "[::]:8080"), true);
  assert.equal(isOwnListener("127.0.0.1", 8081, "127.0.0.1:8080"), false);
  assert.equal(isOwnListener("8.8.8.8", 8080, "0.0.0.0:8080"), false);
});

test("listeners are taken apart and addresses put into brackets", () => {
  assert.deepEqual(splitListen("[::1]:80"), { host: "::1", port: 80 });
  assert.deepEqual(splitListen("127.0.0.1:0"), { host: "127.0.0.1", port: 0 });
  assert.equal(literal("::1"), "[::1]");
  assert.equal(literal("192.0.2.1"), "192.0.2.1");
});
