import assert from "node:assert/strict";
import { test } from "node:test";
import type { SiteId } from "../contract/ids.ts";
import { newPolicy } from "../contract/new-policy.ts";
import { singleOrigin, type OriginPool } from "../contract/origin-pool.ts";
import { peersOf, tlsNameOf, tlsPlacesOf } from "./peers.ts";

const policyOf = (origin: Partial<OriginPool>, hostnames = ["forum.example"]): ReturnType<typeof newPolicy> =>
  newPolicy({
    siteId: "site_1" as SiteId,
    version: 1,
    hostnames,
    origin: { ...singleOrigin("https", "192.0.2.1", 443), ...origin },
  });
const server = (host: string, weight = 1, backup = false): OriginPool["servers"][number] => ({
  host,
  port: 443,
  weight,
  backup,
});
const addresses: Record<string, string[]> = {
  "one.example": ["192.0.2.1"],
  "three.example": ["192.0.2.2", "192.0.2.3", "[2001:db8::1]"],
  "none.example": [],
};
const facts = (down: readonly string[] = []): Parameters<typeof peersOf>[1] => ({
  addressesOf: ({ host }) => addresses[host] ?? [host],
  isDown: (_, address) => down.includes(address),
});

test("a server's share is divided among its addresses", () => {
  const peers = peersOf(
    policyOf({ servers: [server("one.example", 2), server("three.example", 1)] }),
    facts(),
  );
  const total = peers.reduce((sum, { weight }) => sum + weight, 0);
  assert.equal(peers.length, 4);
  assert.equal(peers[0]!.weight / total, 2 / 3);
  assert.deepEqual(new Set(peers.slice(1).map(({ weight }) => weight)), new Set([840]));
});

test("addresses that are down leave, the rest share what they had; when all are down all stay", () => {
  const policy = policyOf({ servers: [server("one.example"), server("three.example", 1, true)] });
  const names = (down: readonly string[]): string[] =>
    peersOf(policy, facts(down)).map(({ address }) => address);
  assert.deepEqual(names(["192.0.2.1"]), ["192.0.2.2", "192.0.2.3", "[2001:db8::1]"]);
  assert.deepEqual(names(["192.0.2.2"]), ["192.0.2.1", "192.0.2.3", "[2001:db8::1]"]);
  assert.equal(names(["192.0.2.1", "192.0.2.2", "192.0.2.3", "[2001:db8::1]"]).length, 4);
  assert.deepEqual(peersOf(policyOf({ servers: [server("none.example")] }), facts()), []);
});

test("the name that a certificate must carry: the given one, the server's, the Host that is asked for, or the only hostname", () => {
  const tls = { verify: "strict" as const, clientCertificateId: null };
  const one = server("192.0.2.1");
  assert.equal(tlsNameOf(policyOf({ tls: { ...tls, name: "given.example" } }), one), "given.example");
  assert.equal(tlsNameOf(policyOf({}), server("one.example")), "one.example");
  assert.equal(tlsNameOf(policyOf({ hostHeader: "asked.example:8443" }), one), "asked.example");
  assert.equal(tlsNameOf(policyOf({}), one), "forum.example");
  assert.equal(tlsNameOf(policyOf({}, ["a.example", "b.example"]), one), "");
  assert.equal(tlsNameOf(policyOf({}, ["*.example.org"]), one), "");
});

test("a site whose name changes with the visitor's keeps no connections", () => {
  const several = policyOf({}, ["a.example", "b.example"]);
  assert.deepEqual(tlsPlacesOf(several, peersOf(several, facts()), ""), []);
  const one = policyOf({});
  assert.deepEqual(tlsPlacesOf(one, peersOf(one, facts()), "abc"), [
    { at: "192.0.2.1:443", identity: "strict forum.example abc" },
  ]);
  const plain = policyOf({ scheme: "http" });
  assert.deepEqual(tlsPlacesOf(plain, peersOf(plain, facts()), ""), []);
});
