/** A checked policy as nginx gets it: without proofs, with addresses for names and milliseconds for times. */
import type { EdgeSite } from "../contract/edge-site.ts";
import type { SitePolicy } from "../contract/policy.ts";
import { isAddress } from "./origin-address.ts";

export function toEdgeSite(policy: SitePolicy, addresses: readonly string[]): EdgeSite {
  const { origin } = policy;
  const hostHeader = origin.hostHeader ?? "";
  return {
    siteId: policy.siteId,
    version: policy.version,
    hostnames: policy.hostnames,
    scheme: origin.scheme,
    addresses,
    port: origin.port,
    hostHeader,
    // An address has no name to verify: then the origin must carry the name that it is asked for.
    tlsName: isAddress(origin.host) ? (hostHeader.split(":")[0] ?? "") : origin.host,
    limit: policy.limit,
    bodyBytesMax: policy.bodyBytesMax,
    measures: policy.measures.map(({ record }) => ({
      record,
      startsAtMs: Date.parse(record.startsAt),
      endsAtMs: record.endsAt === null ? 0 : Date.parse(record.endsAt),
    })),
  };
}
