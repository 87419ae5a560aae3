/** The plainest policy: what a site has before its owner sets anything. */
import {
  CACHE_ANSWERS_DEFAULT,
  CACHE_BYTES_DEFAULT,
  CACHE_SETTINGS_DEFAULT,
  type PolicyCache,
} from "./cache.ts";
import type { SitePolicy } from "./policy.ts";
import { PROTECTION_DEFAULT } from "./protection.ts";
import { SITE_RULES_DEFAULT } from "./site-rules.ts";
import { SITE_TLS_DEFAULT } from "./site-settings.ts";

export const POLICY_CACHE_DEFAULT: PolicyCache = {
  ...CACHE_SETTINGS_DEFAULT,
  bytesMax: CACHE_BYTES_DEFAULT,
  answersMax: CACHE_ANSWERS_DEFAULT,
  generation: 0,
  purges: [],
};

export function newPolicy(
  given: Pick<SitePolicy, "siteId" | "version" | "hostnames" | "origin"> & Partial<SitePolicy>,
): SitePolicy {
  return {
    schema: 3,
    preview: null,
    signingKey: null,
    tls: SITE_TLS_DEFAULT,
    wellKnown: [],
    limit: null,
    bodyBytesMax: 1024 * 1024,
    cache: POLICY_CACHE_DEFAULT,
    rules: SITE_RULES_DEFAULT,
    protection: PROTECTION_DEFAULT,
    measures: [],
    ...given,
  };
}
