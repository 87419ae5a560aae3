import assert from "node:assert/strict";
import { test } from "node:test";
import { isOwnListener, literal, splitListen, whyAddressRefused } from "./origin-address.ts";

test("an address is refused with a sentence that says what to do", () => {
  assert.match(whyAddressRefused("10.1.2.3", []) ?? "", /not public \(private\): open its range/);
  assert.match(whyAddressRefused("168.63.129.16", []) ?? "", /cloud's own services: give/);
  assert.match(whyAddressRefused("nonsense", []) ?? "", /is not an address/);
  assert.equal(whyAddressRefused("10.1.2.3", ["10.1.0.0/16"]), null);
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
