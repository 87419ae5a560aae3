/**
 * All that an owner sets for one site, as one document. It is stored whole with every change (who, when, why), so that any two
 * revisions can be compared and any of them brought back in one step. Hostnames, members and certificates have lives of their own
 * and are not in it.
 */
import { CACHE_SETTINGS_DEFAULT, type CacheSettings } from "./cache.ts";
import type { OriginPool } from "./origin-pool.ts";
import type { PolicyLimit, SiteTls } from "./policy.ts";
import { PROTECTION_DEFAULT, type ProtectionSettings } from "./protection.ts";
import { SITE_RULES_DEFAULT, type SiteRules } from "./site-rules.ts";

export type SiteSettings = {
  readonly origin: OriginPool;
  readonly tls: SiteTls;
  readonly limit: PolicyLimit | null;
  readonly bodyBytesMax: number;
  readonly cache: CacheSettings;
  readonly rules: SiteRules;
  readonly protection: ProtectionSettings;
};

export const SITE_TLS_DEFAULT: SiteTls = {
  redirectToHttps: false,
  hstsSeconds: 0,
  hstsSubdomains: false,
  hstsPreload: false,
};

/** What a new site starts with. */
export function newSiteSettings(
  given: Pick<SiteSettings, "origin" | "limit" | "bodyBytesMax">,
): SiteSettings {
  return {
    ...given,
    tls: SITE_TLS_DEFAULT,
    cache: CACHE_SETTINGS_DEFAULT,
    rules: SITE_RULES_DEFAULT,
    protection: PROTECTION_DEFAULT,
  };
}
