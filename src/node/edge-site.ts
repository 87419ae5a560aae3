/** A checked policy as nginx gets it: without proofs, with addresses for names and milliseconds for times. */
import type { EdgePeer, EdgeSite } from "../contract/edge-site.ts";
import type { SitePolicy } from "../contract/policy.ts";
import { isAddress } from "./origin-address.ts";

export function toEdgeSite(policy: SitePolicy, peers: readonly EdgePeer[], slot: number): EdgeSite {
  const { origin } = policy;
  const host = origin.servers[0]?.host ?? "";
  const hostHeader = origin.hostHeader ?? "";
  return {
    siteId: policy.siteId,
    version: policy.version,
    hostnames: policy.hostnames,
    preview: policy.preview,
    scheme: origin.scheme,
    peers,
    hostHeader,
    // An address has no name to verify: then the origin must carry the name that it is asked for.
    tlsName: origin.tls.name ?? (isAddress(host) ? (hostHeader.split(":")[0] ?? "") : host),
    verify: origin.tls.verify,
    slot,
    clientCertificateId: origin.tls.clientCertificateId ?? "",
    connectSeconds: origin.connectSeconds,
    readSeconds: origin.readSeconds,
    signingKey: origin.signed ? (policy.signingKey ?? "") : "",
    tls: policy.tls,
    wellKnown: policy.wellKnown,
    limit: policy.limit,
    bodyBytesMax: policy.bodyBytesMax,
    cache: policy.cache,
    rules: policy.rules,
    measures: policy.measures.map(({ record }) => ({
      record,
      startsAtMs: Date.parse(record.startsAt),
      endsAtMs: record.endsAt === null ? 0 : Date.parse(record.endsAt),
    })),
  };
}
