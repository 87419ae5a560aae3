/** What a ban's address becomes, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../contract/fault.ts";
import { toEdgeBans } from "./bans.ts";

test("an address becomes the bytes that nginx compares: four of IPv4, a /64 of IPv6", () => {
  for (const [address, hex] of [
    ["192.0.2.7", "c0000207"],
    ["::ffff:192.0.2.7", "c0000207"],
    ["2001:db8:1:2:3:4:5:6", "20010db800010002"],
  ] as const) {
    assert.equal(toEdgeBans([{ siteId: null, address, seconds: 1 }])[0]?.addressHex, hex);
  }
});

test("what is no address, too long or too much is refused with what to do", () => {
  const ban = { siteId: null, address: "192.0.2.7", seconds: 60 };
  for (const bans of [
    [{ ...ban, address: "192.0.2" + ".".repeat(500) }],
    [{ ...ban, address: "example.org" }],
    [{ ...ban, seconds: -1 }],
    [{ ...ban, seconds: Number.NaN }],
    [{ ...ban, seconds: 8 * 24 * 3600 }],
    Array.from({ length: 1001 }, () => ban),
  ]) {
    assert.throws(
      () => toEdgeBans(bans),
      (error: unknown) => error instanceof Fault && error.code === "input.invalid",
    );
  }
});
