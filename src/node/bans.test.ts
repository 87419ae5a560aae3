/** What a ban's address becomes, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fault } from "../contract/fault.ts";
import { nameOf, readBanRecord, targetOf } from "./ban-record.ts";
import { readBans } from "./bans.ts";

test("an address becomes the bytes that nginx compares: four of IPv4, a /64 of IPv6", () => {
  for (const [address, hex] of [
    ["192.0.2.7", "c0000207"],
    ["::ffff:192.0.2.7", "c0000207"],
    ["2001:db8:1:2:3:4:5:6", "20010db800010002"],
  ] as const) {
    assert.equal(readBans([{ siteId: null, address, seconds: 1 }])[0]?.target.addressHex, hex);
  }
});

test("a range is cut at its length; one that holds a single client is that client", () => {
  const table: readonly (readonly [string, object])[] = [
    ["192.0.2.77/24", { addressHex: "c0000200", bits: 24 }],
    ["192.0.2.77/27", { addressHex: "c0000240", bits: 27 }],
    ["192.0.2.7/32", { addressHex: "c0000207" }],
    ["10.255.0.0/8", { addressHex: "0a000000", bits: 8 }],
    ["::ffff:192.0.2.77/120", { addressHex: "c0000200", bits: 24 }],
    ["2001:db8:1:2:3::/48", { addressHex: "20010db800010000", bits: 48 }],
    ["2001:db8:1:23ff::/52", { addressHex: "20010db800012000", bits: 52 }],
    ["2001:db8:1:2:3::/64", { addressHex: "20010db800010002" }],
  ];
  for (const [range, expected] of table) {
    assert.deepEqual(targetOf("network", range), { ok: true, value: expected }, range);
  }
  for (const range of [
    "10.0.0.0/7",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/65",
    "::ffff:10.0.0.0/95",
    "10.0.0.0",
    "x/24",
    "1.2.3.4/33",
  ]) {
    assert.equal(targetOf("network", range).ok, false, range);
  }
});

test("systems and countries are read strictly", () => {
  assert.deepEqual(targetOf("asn", "4294967295"), {
    ok: true,
    value: { addressHex: "", asn: 4_294_967_295 },
  });
  assert.deepEqual(targetOf("country", "FR"), { ok: true, value: { addressHex: "", country: "FR" } });
  for (const asn of ["0", "4294967296", "AS1", "1.5", "-1", ""])
    assert.equal(targetOf("asn", asn).ok, false, asn);
  for (const country of ["fr", "FRA", "", "F1"])
    assert.equal(targetOf("country", country).ok, false, country);
});

test("what is no address, too long or too much is refused with what to do", () => {
  const ban = { siteId: null, address: "192.0.2.7", seconds: 60 };
  for (const bans of [
    [{ ...ban, address: "192.0.2" + ".".repeat(500) }],
    [{ ...ban, address: "example.org" }],
    [{ ...ban, address: "0.0.0.0/0" }],
    [{ ...ban, seconds: -1 }],
    [{ ...ban, seconds: Number.NaN }],
    [{ ...ban, seconds: 8 * 24 * 3600 }],
    [{ ...ban, reason: "x".repeat(301) }],
    Array.from({ length: 1001 }, () => ban),
  ]) {
    assert.throws(
      () => readBans(bans),
      (error: unknown) => error instanceof Fault && error.code === "input.invalid",
    );
  }
});

test("a record from the bus is taken as it is or refused with why, whatever it holds", () => {
  const record = {
    schema: 1,
    banId: "ban_1",
    siteId: null,
    kind: "address",
    value: "192.0.2.7",
    reason: "It scraped prices.",
    by: "Ada",
    nodeId: null,
    createdAtMs: 1,
    endsAtMs: 2,
    liftedAtMs: null,
  };
  assert.deepEqual(readBanRecord(record), { ok: true, value: record });
  for (const wrong of [
    { schema: 2 },
    { banId: "a.b" },
    { banId: "" },
    { siteId: "site_x" },
    { siteId: undefined },
    { nodeId: "site_00000000000000000000000000" },
    { kind: "hostname" },
    { value: 7 },
    { value: "192.0.2.0/24" },
    { reason: "x".repeat(501) },
    { by: null },
    { endsAtMs: "soon" },
    { endsAtMs: Number.POSITIVE_INFINITY },
    { liftedAtMs: 1.5 },
  ]) {
    assert.equal(readBanRecord({ ...record, ...wrong }).ok, false, JSON.stringify(wrong));
  }
  fc.assert(
    fc.property(fc.anything(), fc.constantFrom(...Object.keys(record)), (value, field) => {
      const one = readBanRecord(value);
      const two = readBanRecord({ ...record, [field]: value });
      return (one.ok || one.why !== "") && (two.ok || two.why !== "");
    }),
    { numRuns: 2000 },
  );
});

test("one client has one name, however it is written", () => {
  const named = (kind: "address" | "network", value: string): string => {
    const target = targetOf(kind, value);
    assert.ok(target.ok, value);
    return nameOf(null, target.value);
  };
  assert.equal(named("address", "2001:db8:0:0::1"), named("network", "2001:db8::/64"));
  assert.equal(named("address", "::ffff:192.0.2.7"), named("network", "192.0.2.7/32"));
  assert.notEqual(named("network", "192.0.2.0/24"), named("network", "192.0.2.0/25"));
});
