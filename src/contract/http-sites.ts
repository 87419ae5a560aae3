/**
 * The HTTP contract of what an owner does with a site: settings and their history, hostnames and proof of ownership, certificates,
 * origins, cache, members, leaving. Every endpoint here is for the operator and for members of the site (SITE_ROLE_NEEDED says which); to
 * everybody else the site does not exist (design law 10).
 */
import type { CertificateId, NodeId, SiteId, UserId } from "./ids.ts";
import type { InForce, Page, SiteView } from "./http.ts";
import type { ProtectionExport } from "./http-protection.ts";
import type { SiteDeed } from "./site-deeds.ts";
import type { SiteSettings } from "./site-settings.ts";

// --- members

export const SITE_ROLES = ["viewer", "editor", "owner"] as const;
/** viewer: sees. editor: also changes settings, purges, uploads certificates. owner: also members, hostnames, leaving. */
export type SiteRole = (typeof SITE_ROLES)[number];

export type MemberView = {
  readonly userId: UserId;
  readonly name: string;
  readonly email: string;
  readonly role: SiteRole;
  readonly since: string;
};

// --- settings

export type SettingsView = {
  readonly revision: number;
  readonly settings: SiteSettings;
  readonly changedAt: string;
  readonly changedBy: string;
  readonly inForce: InForce;
  /** What should be looked at, each a sentence that says what to do. */
  readonly warnings: readonly string[];
};

/** One changed value: `path` like "cache.rules.0.action"; null where one side has nothing. */
export type SettingChange = { readonly path: string; readonly before: unknown; readonly after: unknown };

export type RevisionRow = {
  readonly revision: number;
  readonly at: string;
  readonly by: string;
  readonly note: string;
  /** Against the revision before; at most 200. */
  readonly changes: readonly SettingChange[];
};

// --- hostnames and ownership

export const HOSTNAME_STATES = ["unproven", "proven", "lapsing", "conflict"] as const;
/** lapsing: the proof was not found at the last check; served until `lapsesAt`. conflict: another account shows a proof of it, too; a holder is served until `lapsesAt`. */
export type HostnameState = (typeof HOSTNAME_STATES)[number];

export const PROOF_METHODS = ["dns-txt", "http-token", "operator"] as const;
export type ProofMethod = (typeof PROOF_METHODS)[number];

export const CERTIFICATE_STATES = [
  "none",
  "waiting",
  "issuing",
  "valid",
  "expiring",
  "expired",
  "failed",
] as const;
export type CertificateState = (typeof CERTIFICATE_STATES)[number];

export type DnsRecord = {
  readonly type: "A" | "AAAA" | "CNAME" | "TXT" | "MX" | "CAA" | "NS";
  readonly name: string;
  readonly value: string;
};

export type HostnameView = {
  readonly hostname: string;
  readonly state: HostnameState;
  readonly provenBy: ProofMethod | null;
  readonly checkedAt: string | null;
  readonly lapsesAt: string | null;
  /** Why the last check did not find the proof; null when it did. */
  readonly why: string | null;
  /** Either of these proves it. */
  readonly proof: {
    readonly txt: { readonly name: string; readonly value: string };
    readonly http: { readonly url: string; readonly body: string };
  };
  /** Whether visitors' DNS leads to this edge. */
  readonly leadsHere: "yes" | "no" | "unknown";
  readonly certificate: {
    readonly state: CertificateState;
    readonly notAfter: string | null;
    readonly why: string | null;
  };
};

/** What was read of a name before it is added: a proposal, nothing is changed. */
export type HostnamePlan = {
  readonly hostname: string;
  readonly found: readonly DnsRecord[];
  /** "https://192.0.2.1" or null when the name leads nowhere. */
  readonly proposedOriginUrl: string | null;
  /** Records to set so that visitors come here, and what must stay (mail). */
  readonly toSet: readonly DnsRecord[];
  readonly toKeep: readonly DnsRecord[];
  readonly warnings: readonly string[];
  /** Why it cannot be added at all; null when it can. */
  readonly refusedBecause: string | null;
};

// --- certificates

export type CertificateView = {
  readonly certificateId: CertificateId;
  readonly hostnames: readonly string[];
  readonly source: "acme" | "uploaded" | "origin-client";
  readonly state: CertificateState;
  readonly notBefore: string | null;
  readonly notAfter: string | null;
  readonly issuer: string | null;
  /** SHA-256 of the leaf, hex. */
  readonly fingerprint: string | null;
  readonly nextTryAt: string | null;
  readonly why: string | null;
  /** Edges that hold it, of those alive. */
  readonly inForce: { readonly acked: number; readonly of: number };
};

// --- origins and cache

export type OriginHealthView = {
  readonly host: string;
  readonly port: number;
  readonly addresses: readonly string[];
  readonly nodes: readonly {
    readonly nodeId: NodeId;
    readonly state: "up" | "down" | "unchecked";
    readonly since: string;
    readonly why: string | null;
  }[];
};
export type OriginsView = {
  readonly servers: readonly OriginHealthView[];
  /** Whether the origin answers the public directly, past the edge; null: not checked yet. */
  readonly exposed: { readonly at: string; readonly exposed: boolean; readonly what: string } | null;
};

export type PurgeView = {
  readonly number: number;
  readonly at: string;
  readonly by: string;
  readonly what: string;
  readonly inForce: InForce;
};
export type PurgeRequest =
  { readonly kind: "all" } | { readonly kind: "url" | "prefix" | "tag"; readonly value: string };

// --- leaving

/** Everything that Parapet holds for a site, for its owner to take along. */
export type SiteExport = {
  readonly schema: 1;
  readonly siteId: SiteId;
  readonly hostnames: readonly string[];
  readonly settings: SiteSettings;
  readonly history: readonly RevisionRow[];
  readonly members: readonly MemberView[];
  readonly certificates: readonly {
    readonly hostnames: readonly string[];
    readonly chainPem: string;
    readonly keyPem: string;
  }[];
  /** Access log lines of the site that nodes still hold, newest last, as far as they could be had. */
  readonly log: readonly string[];
  readonly protection: ProtectionExport;
  /** The newest first, at most DEEDS_EXPORTED_MAX. */
  readonly deeds: readonly SiteDeed[];
  readonly madeAt: string;
};

export const DEEDS_EXPORTED_MAX = 1000;

// --- endpoints, by who serves them

export type SettingsEndpoints = {
  "GET /sites/{siteId}": { body: null; answer: SiteView & { readonly role: SiteRole | "operator" } };
  "GET /sites/{siteId}/settings": { body: null; answer: SettingsView };
  /** `revision` is the one that the change was made from: another one in between is a conflict, and nothing is changed. */
  "PUT /sites/{siteId}/settings": {
    body: { revision: number; settings: SiteSettings; note: string };
    answer: SettingsView;
  };
  "GET /sites/{siteId}/revisions": { body: null; answer: Page<RevisionRow> };
  "GET /sites/{siteId}/revisions/{revision}": {
    body: null;
    answer: RevisionRow & { readonly settings: SiteSettings };
  };
  /** Makes a new revision with the content of an old one. */
  "POST /sites/{siteId}/revisions/{revision}/restore": { body: { note: string }; answer: SettingsView };
};
export type OwnershipEndpoints = {
  "POST /hostname-plans": { body: { hostname: string }; answer: HostnamePlan };
  "GET /sites/{siteId}/hostnames": { body: null; answer: Page<HostnameView> };
  "POST /sites/{siteId}/hostnames": { body: { hostname: string }; answer: HostnameView };
  "POST /sites/{siteId}/hostnames/{hostname}/check": { body: null; answer: HostnameView };
  "DELETE /sites/{siteId}/hostnames/{hostname}": { body: null; answer: SiteView };
  "GET /sites/{siteId}/members": { body: null; answer: Page<MemberView> };
  "PUT /sites/{siteId}/members": { body: { email: string; role: SiteRole }; answer: MemberView };
  "DELETE /sites/{siteId}/members/{userId}": { body: null; answer: Page<MemberView> };
  /** Who did what beside the settings, the newest first, DEEDS_PAGE at a time; `before` asks for older ones. */
  "GET /sites/{siteId}/deeds": { body: null; answer: Page<SiteDeed> };
  "GET /sites/{siteId}/preview": {
    body: null;
    answer: { readonly url: string | null; readonly whyNot: string | null };
  };
  "GET /sites/{siteId}/export": { body: null; answer: SiteExport };
  /** `confirm` repeats the first hostname. The answer is the export; after it nothing of the site is served. */
  "POST /sites/{siteId}/leave": { body: { confirm: string }; answer: SiteExport };
};
export type CertificateEndpoints = {
  "GET /sites/{siteId}/certificates": { body: null; answer: Page<CertificateView> };
  "POST /sites/{siteId}/certificates": {
    body: { kind: "server" | "origin-client"; chainPem: string; keyPem: string };
    answer: CertificateView;
  };
  "DELETE /sites/{siteId}/certificates/{certificateId}": { body: null; answer: Page<CertificateView> };
  /** Tries again now, within what the authority allows. */
  "POST /sites/{siteId}/certificates/{certificateId}/renew": { body: null; answer: CertificateView };
};
export type OriginEndpoints = {
  "GET /sites/{siteId}/origins": { body: null; answer: OriginsView };
  "POST /sites/{siteId}/origins/exposure-check": { body: null; answer: OriginsView };
};
export type CacheEndpoints = {
  "GET /sites/{siteId}/purges": { body: null; answer: Page<PurgeView> };
  "POST /sites/{siteId}/purges": { body: PurgeRequest; answer: PurgeView };
};
export type SiteEndpoints = SettingsEndpoints &
  OwnershipEndpoints &
  CertificateEndpoints &
  OriginEndpoints &
  CacheEndpoints;

/** The least role that may call each; reading is for viewers. */
export const SITE_ROLE_NEEDED: Readonly<
  Record<Exclude<keyof SiteEndpoints, "POST /hostname-plans">, SiteRole>
> = {
  "GET /sites/{siteId}": "viewer",
  "GET /sites/{siteId}/settings": "viewer",
  "PUT /sites/{siteId}/settings": "editor",
  "GET /sites/{siteId}/revisions": "viewer",
  "GET /sites/{siteId}/revisions/{revision}": "viewer",
  "POST /sites/{siteId}/revisions/{revision}/restore": "editor",
  "GET /sites/{siteId}/hostnames": "viewer",
  "POST /sites/{siteId}/hostnames": "owner",
  "POST /sites/{siteId}/hostnames/{hostname}/check": "editor",
  "DELETE /sites/{siteId}/hostnames/{hostname}": "owner",
  "GET /sites/{siteId}/members": "viewer",
  "PUT /sites/{siteId}/members": "owner",
  "DELETE /sites/{siteId}/members/{userId}": "owner",
  "GET /sites/{siteId}/deeds": "viewer",
  "GET /sites/{siteId}/preview": "viewer",
  "GET /sites/{siteId}/export": "owner",
  "POST /sites/{siteId}/leave": "owner",
  "GET /sites/{siteId}/certificates": "viewer",
  "POST /sites/{siteId}/certificates": "editor",
  "DELETE /sites/{siteId}/certificates/{certificateId}": "editor",
  "POST /sites/{siteId}/certificates/{certificateId}/renew": "editor",
  "GET /sites/{siteId}/origins": "viewer",
  "POST /sites/{siteId}/origins/exposure-check": "editor",
  "GET /sites/{siteId}/purges": "viewer",
  "POST /sites/{siteId}/purges": "editor",
};
