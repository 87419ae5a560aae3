/** Which addresses are connected to for customers: one table for nodes and control plane. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { kindRefused } from "./public-address.ts";

test("only public addresses are taken, in whatever spelling they come", () => {
  const refused =
    "127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 100.100.100.200 168.63.129.16 ::ffff:168.63.129.16 0.0.0.0 " +
    "192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::a00:1 ::ffff:127.0.0.1 " +
    "::ffff:7f00:1 64:ff9b::7f00:1 2002:7f00:1:: fe80::1 fec0::1 fc00::1 fd00:ec2::254 ff02::1 2001::1 2001:db8::1 100::1 nonsense 0x7f.1 2130706433";
  for (const address of refused.split(" ")) assert.notEqual(kindRefused(address, []), null, address);
  for (const address of ["8.8.8.8", "11.0.0.5", "::ffff:8.8.8.8", "2606:4700::1"])
    assert.equal(kindRefused(address, []), null, address);
});

test("a range that the operator opened is taken, also in IPv6 clothes, and no other", () => {
  assert.equal(kindRefused("10.1.2.3", ["10.1.0.0/16"]), null);
  assert.equal(kindRefused("::ffff:10.1.2.3", ["10.1.0.0/16"]), null);
  assert.notEqual(kindRefused("10.2.2.3", ["10.1.0.0/16", "fd00::/8"]), null);
  assert.notEqual(kindRefused("10.0.0.5", ["::1/128"]), null);
});
