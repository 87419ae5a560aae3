/**
 * One site's settings and measures become one `SitePolicy`. Pure: what it is given decides what comes out. A site that
 * is not active compiles to a policy without hostnames, which every edge takes as "let go of it".
 */
import {
  POLICY_BYTES_MAX,
  POLICY_MEASURES_MAX,
  type PolicyPreview,
  type SitePolicy,
  type WellKnownAnswer,
} from "../contract/policy.ts";
import { newPolicy, POLICY_CACHE_DEFAULT } from "../contract/new-policy.ts";
import type { ReceiptedMeasure } from "../contract/measure.ts";
import { Fault } from "../contract/fault.ts";
import type { SiteSettings } from "../contract/site-settings.ts";
import type { PurgeParts } from "./purges.ts";
import type { SiteRow } from "../store/sites.ts";

/** What a policy is made of, beside the row of the site. */
export type PolicyParts = {
  readonly settings: SiteSettings;
  /** The key that requests to the origin are signed with; null for a site that never signed. */
  readonly signingKey: string | null;
  readonly preview: PolicyPreview | null;
  readonly measures: readonly ReceiptedMeasure[];
  readonly purged: PurgeParts;
  /** Answers to checks that ask the site over HTTP. */
  readonly wellKnown: readonly WellKnownAnswer[];
};

export function compilePolicy(site: SiteRow, parts: PolicyParts): SitePolicy {
  const { settings, measures } = parts;
  if (measures.length > POLICY_MEASURES_MAX) {
    throw new Fault(
      "policy.refused",
      `Cannot put ${measures.length} measures on one site: an edge takes ${POLICY_MEASURES_MAX}, so use one wider measure`,
    );
  }
  const policy: SitePolicy = newPolicy({
    siteId: site.site_id,
    version: site.version,
    // Nothing is served under a name before its proof holds.
    hostnames: site.state === "active" ? site.proven : [],
    preview: site.state === "active" ? parts.preview : null,
    origin: settings.origin,
    signingKey: settings.origin.signed ? parts.signingKey : null,
    tls: settings.tls,
    wellKnown: site.state === "active" ? parts.wellKnown : [],
    limit: settings.limit,
    bodyBytesMax: settings.bodyBytesMax,
    cache: { ...POLICY_CACHE_DEFAULT, ...settings.cache, ...parts.purged },
    rules: settings.rules,
    protection: settings.protection,
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
