/** A checked policy as nginx gets it: without proofs, with addresses for names and milliseconds for times. */
import type { EdgePeer, EdgeSite } from "../contract/edge-site.ts";
import type { SitePolicy } from "../contract/policy.ts";
import type { ClientCertificate } from "./origin-client.ts";

/** What this node alone knows. */
export type EdgeSiteFacts = {
  readonly peers: readonly EdgePeer[];
  readonly slot: number;
  readonly client: ClientCertificate | null;
  /** The most that this node waits, whatever a site says. */
  readonly connectSecondsMax: number;
  readonly readSecondsMax: number;
};

export function toEdgeSite(policy: SitePolicy, facts: EdgeSiteFacts): EdgeSite {
  const { origin } = policy;
  return {
    siteId: policy.siteId,
    version: policy.version,
    hostnames: policy.hostnames,
    preview: policy.preview,
    scheme: origin.scheme,
    peers: facts.peers,
    hostHeader: origin.hostHeader ?? "",
    verify: origin.tls.verify,
    slot: facts.slot,
    clientChainPem: facts.client?.chainPem ?? "",
    clientKeyPem: facts.client?.keyPem ?? "",
    connectSeconds: Math.min(origin.connectSeconds, facts.connectSecondsMax),
    readSeconds: Math.min(origin.readSeconds, facts.readSecondsMax),
    signingKey: origin.signed ? (policy.signingKey ?? "") : "",
    tls: policy.tls,
    wellKnown: policy.wellKnown,
    limit: policy.limit,
    bodyBytesMax: policy.bodyBytesMax,
    cache: policy.cache,
    rules: policy.rules,
    protection: policy.protection,
    measures: policy.measures.map(({ record }) => ({
      record,
      startsAtMs: Date.parse(record.startsAt),
      endsAtMs: record.endsAt === null ? 0 : Date.parse(record.endsAt),
    })),
  };
}
