/**
 * A site's pool as nginx gets it: an address for each name, weights shared out among a server's addresses, servers that failed their checks
 * left out, and the TLS identity of each. Pure: addresses and health come in.
 */
import ipaddr from "ipaddr.js";
import type { EdgePeer } from "../contract/edge-site.ts";
import type { OriginServer } from "../contract/origin-pool.ts";
import type { SitePolicy } from "../contract/policy.ts";
import { isAddress } from "../contract/public-address.ts";
import { literal } from "./origin-address.ts";
import { tlsIdentity, type Place } from "./slots.ts";

/** Divisible by every number of addresses up to ten, so that weights stay whole. */
const WEIGHT_SCALE = 2520;

export type PeerFacts = {
  /** Literals for nginx. */
  addressesOf(server: OriginServer): readonly string[];
  /** Whether checks found the address down. */
  isDown(server: OriginServer, address: string): boolean;
};

/**
 * The peers of a site. When checks found every one down all of them stay: the check itself may be what is wrong, a visitor's request
 * finds out the same within a moment, and an edge must not take a site off the air by itself.
 */
export function peersOf(policy: SitePolicy, facts: PeerFacts): EdgePeer[] {
  const all = policy.origin.servers.map((server) => ({ server, addresses: facts.addressesOf(server) }));
  const up = all.map(({ server, addresses }) => ({
    server,
    addresses: addresses.filter((address) => !facts.isDown(server, address)),
  }));
  const chosen = up.some(({ addresses }) => addresses.length > 0) ? up : all;
  return chosen.flatMap(({ server, addresses }) =>
    addresses.map((address) => ({
      address,
      port: server.port,
      tlsName: tlsNameOf(policy, server),
      weight: Math.max(1, Math.round((server.weight * WEIGHT_SCALE) / addresses.length)),
      backup: server.backup,
    })),
  );
}

/** The name in SNI that a server's certificate must carry; "" for the visitor's hostname, where a site has several. */
export function tlsNameOf(policy: Pick<SitePolicy, "origin" | "hostnames">, server: OriginServer): string {
  const { origin, hostnames } = policy;
  if (origin.tls.name !== null) return origin.tls.name;
  if (!isAddress(server.host)) return server.host;
  // An address has no name to verify: then the origin must carry the name that it is asked for.
  if (origin.hostHeader !== null) return origin.hostHeader.split(":")[0] ?? "";
  const [only = "", ...others] = hostnames;
  return others.length === 0 && !only.startsWith("*.") ? only : "";
}

/** Where the site's kept TLS connections would lie; empty when it can keep none, as its name changes with the visitor's. */
export function tlsPlacesOf(policy: SitePolicy, peers: readonly EdgePeer[], client: string): Place[] {
  if (policy.origin.scheme !== "https" || peers.some(({ tlsName }) => tlsName === "")) return [];
  return peers.map(({ address, port, tlsName }) => ({
    at: placeAt(address, port),
    identity: tlsIdentity({ verify: policy.origin.tls.verify, name: tlsName, client }),
  }));
}

/** Where the site's kept connections over plain HTTP would lie: nothing is verified, so each site is an identity of its own. */
export function plainPlacesOf(policy: SitePolicy, peers: readonly EdgePeer[]): Place[] {
  if (policy.origin.scheme !== "http") return [];
  return peers.map(({ address, port }) => ({ at: placeAt(address, port), identity: policy.siteId }));
}

/** nginx compares addresses as numbers, so two ways to write one address must be one place. */
function placeAt(address: string, port: number): string {
  return `${literal(ipaddr.process(address.replace(/^\[|\]$/g, "")).toNormalizedString())}:${port}`;
}
