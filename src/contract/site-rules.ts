/**
 * What a site's owner wants done with requests before and after the origin: who may come, where to send them, header fields, robots,
 * maintenance, own error pages. Rules are data: the request path prepares them once per change and runs them in order.
 */
import type { ReasonCode } from "./verdict.ts";

/** What a request must be for a rule to speak of it. An empty list says nothing; all that is said must hold. */
export type RequestMatch = {
  /** Paths; "*" stands for any run of characters. Compared with the decoded, normalised path. */
  readonly paths: readonly string[];
  readonly methods: readonly string[];
  /** CIDR ranges. */
  readonly networks: readonly string[];
  /** Autonomous system numbers; needs the operator's ASN database. */
  readonly asns: readonly number[];
  /** ISO 3166-1 alpha-2, upper case; needs the operator's country database. */
  readonly countries: readonly string[];
};

/** The first that matches decides; none lets the request in. */
export type AccessRule = RequestMatch & { readonly action: "allow" | "deny" };

export type RedirectRule = {
  /** A path; a trailing "*" stands for the rest, which "$1" in `to` repeats. */
  readonly from: string;
  /** A path of this site or an absolute https or http URL. */
  readonly to: string;
  readonly status: 301 | 302 | 307 | 308;
  readonly keepQuery: boolean;
};

export type HeaderRule = {
  /** request: towards the origin. response: towards the visitor. */
  readonly on: "request" | "response";
  readonly action: "set" | "remove";
  readonly name: string;
  /** "" for remove. */
  readonly value: string;
};

export type Maintenance = {
  readonly on: boolean;
  /** Shown to visitors, in their language where there is one; "" for the edge's own words. */
  readonly messageEn: string;
  readonly messageFr: string;
  /** CIDR ranges that see the site all the same. */
  readonly allowNetworks: readonly string[];
  readonly retryAfterSeconds: number;
};

/** A page of the site's own, shown in place of the edge's. `{{request_id}}` in it is replaced. */
export type ErrorPage = { readonly reason: OwnPageReason; readonly html: string };
export const OWN_PAGE_REASONS = [
  "origin.down",
  "origin.slow",
  "limit.client",
  "access.denied",
  "site.maintenance",
] as const satisfies readonly ReasonCode[];
export type OwnPageReason = (typeof OWN_PAGE_REASONS)[number];

export type RobotsSettings = {
  /** origin: as the origin answers. text: `text` is served as /robots.txt. */
  readonly mode: "origin" | "text";
  readonly text: string;
  /** origin: nothing is done. disallow: asked to stay away in robots.txt. block: also refused by their User-Agent. */
  readonly aiCrawlers: "origin" | "disallow" | "block";
};

export type SiteRules = {
  readonly access: readonly AccessRule[];
  readonly redirects: readonly RedirectRule[];
  readonly headers: readonly HeaderRule[];
  readonly maintenance: Maintenance;
  readonly errorPages: readonly ErrorPage[];
  readonly robots: RobotsSettings;
};

export const ACCESS_RULES_MAX = 100;
export const REDIRECTS_MAX = 200;
/** Of a Location: a longer one no client reads, so nothing is redirected there. */
export const LOCATION_CHARS_MAX = 8192;
export const HEADER_RULES_MAX = 50;
export const MATCH_ITEMS_MAX = 200;
/** Of all access rules together: characters of paths that are searched for, between the first "*" and the last. Bounds the work a request can cause. */
export const GLOB_CHARS_MAX = 4096;
export const ERROR_PAGE_BYTES_MAX = 32 * 1024;
export const ROBOTS_BYTES_MAX = 32 * 1024;

export const SITE_RULES_DEFAULT: SiteRules = {
  access: [],
  redirects: [],
  headers: [],
  maintenance: { on: false, messageEn: "", messageFr: "", allowNetworks: [], retryAfterSeconds: 600 },
  errorPages: [],
  robots: { mode: "origin", text: "", aiCrawlers: "origin" },
};
