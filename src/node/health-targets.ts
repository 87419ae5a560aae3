/** Which addresses of a site are checked, and how each is asked: exactly as the site's own requests would ask it. Pure. */
import type { OriginReport } from "../contract/origin-health.ts";
import type { NodeId } from "../contract/ids.ts";
import type { OriginServer } from "../contract/origin-pool.ts";
import type { SitePolicy } from "../contract/policy.ts";
import type { AddressHealth, HealthTarget } from "./health.ts";
import type { ClientCertificate } from "./origin-client.ts";
import { tlsNameOf } from "./peers.ts";
import { signatureFields } from "./request-signature.ts";

export function healthTargets(
  policy: SitePolicy,
  facts: {
    addressesOf(server: OriginServer): readonly string[];
    readonly client: ClientCertificate | null;
    readonly now: () => number;
  },
): HealthTarget[] {
  const { origin, siteId, signingKey } = policy;
  const check = origin.health;
  if (check === null || policy.hostnames.length === 0) return [];
  const host = origin.hostHeader ?? nameOf(policy.hostnames[0] ?? "");
  const signed =
    origin.signed && signingKey !== null
      ? (): Readonly<Record<string, string>> =>
          signatureFields(signingKey, {
            siteId,
            method: "GET",
            authority: host,
            target: check.path,
            createdSeconds: Math.floor(facts.now() / 1000),
          })
      : null;
  return origin.servers.flatMap((server) =>
    facts.addressesOf(server).map((address) => ({
      siteId,
      address,
      port: server.port,
      check,
      scheme: origin.scheme,
      host,
      tlsName: tlsNameOf(policy, server) || nameOf(policy.hostnames[0] ?? ""),
      verify: origin.tls.verify,
      client: facts.client,
      signed,
    })),
  );
}

/** What this node tells of the site's origin. */
export function originReport(
  policy: SitePolicy,
  facts: {
    readonly nodeId: NodeId;
    readonly atMs: number;
    addressesOf(server: OriginServer): readonly string[];
    healthOf(server: OriginServer, address: string): AddressHealth | null;
  },
): OriginReport {
  const servers = policy.hostnames.length === 0 ? [] : policy.origin.servers;
  return {
    nodeId: facts.nodeId,
    siteId: policy.siteId,
    atMs: facts.atMs,
    servers: servers.map((server) => ({
      host: server.host,
      port: server.port,
      addresses: facts.addressesOf(server).map((address) => ({
        address,
        ...(facts.healthOf(server, address) ?? { state: "unchecked", sinceMs: 0, why: null }),
      })),
    })),
  };
}

/** A name that a wildcard stands for, as a check has to ask for one. */
const nameOf = (hostname: string): string => hostname.replace(/^\*\./, "www.");
