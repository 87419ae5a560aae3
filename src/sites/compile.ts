/**
 * One site's settings and measures become one `SitePolicy`. Pure: what it is given decides what comes out. A site that
 * is not active compiles to a policy without hostnames, which every edge takes as "let go of it".
 */
import { POLICY_BYTES_MAX, POLICY_MEASURES_MAX, type SitePolicy } from "../contract/policy.ts";
import { newPolicy } from "../contract/new-policy.ts";
import { singleOrigin } from "../contract/origin-pool.ts";
import type { ReceiptedMeasure } from "../contract/measure.ts";
import { Fault } from "../contract/fault.ts";
import type { SiteRow } from "../store/sites.ts";

export function compilePolicy(site: SiteRow, measures: readonly ReceiptedMeasure[]): SitePolicy {
  if (measures.length > POLICY_MEASURES_MAX) {
    throw new Fault(
      "policy.refused",
      `Cannot put ${measures.length} measures on one site: an edge takes ${POLICY_MEASURES_MAX}, so use one wider measure`,
    );
  }
  const policy: SitePolicy = newPolicy({
    siteId: site.site_id,
    version: site.version,
    hostnames: site.state === "active" ? site.hostnames : [],
    origin: singleOrigin(site.origin_scheme, site.origin_host, site.origin_port, site.host_header),
    limit:
      site.limit_rps === null
        ? null
        : { requestsPerSecond: site.limit_rps, burst: site.limit_burst ?? site.limit_rps },
    bodyBytesMax: site.body_bytes_max,
    measures: site.state === "active" ? measures : [],
  });
  const bytes = Buffer.byteLength(JSON.stringify(policy));
  if (bytes > POLICY_BYTES_MAX) {
    throw new Fault(
      "policy.refused",
      `Cannot publish a policy of ${bytes} bytes: an edge takes ${POLICY_BYTES_MAX}, so use fewer hostnames or measures`,
    );
  }
  return policy;
}
