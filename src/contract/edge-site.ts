/**
 * One site as nginx holds it: what the node agent made of a `SitePolicy` once schema, size, origin and receipts were
 * checked. The request path trusts it and checks nothing again. Proofs stay with the agent; names are resolved to
 * addresses; times are milliseconds since the Unix epoch, so that nginx can lift a measure with the control plane dead.
 */
import type { MeasureRecord } from "./measure.ts";
import type { PolicyCache } from "./cache.ts";
import type { OriginScheme } from "./origin-pool.ts";
import type { PolicyLimit, PolicyPreview, SiteTls, WellKnownAnswer } from "./policy.ts";
import type { ProtectionSettings } from "./protection.ts";
import type { SiteRules } from "./site-rules.ts";

export type EdgeMeasure = {
  readonly record: MeasureRecord;
  readonly startsAtMs: number;
  /** 0 for no end. */
  readonly endsAtMs: number;
};

export type EdgeSite = {
  readonly siteId: string;
  readonly version: number;
  readonly hostnames: readonly string[];
  readonly preview: PolicyPreview | null;
  readonly scheme: OriginScheme;
  /** Where to connect to: without servers that failed their checks, unless all did. Empty: no name leads anywhere usable, so the origin counts as down. */
  readonly peers: readonly EdgePeer[];
  /** What the origin gets as Host; "" keeps the visitor's. */
  readonly hostHeader: string;
  readonly verify: "strict" | "off";
  /** The upstream whose kept connections at these addresses belong to this TLS identity alone, or over plain HTTP to this site; -1 for one that keeps none. */
  readonly slot: number;
  /** What is shown to an origin that asks who connects (PEM), "" for nothing. */
  readonly clientChainPem: string;
  readonly clientKeyPem: string;
  readonly connectSeconds: number;
  readonly readSeconds: number;
  /** Key of the signature on requests to the origin, base64url; "" for unsigned. */
  readonly signingKey: string;
  readonly tls: SiteTls;
  readonly wellKnown: readonly WellKnownAnswer[];
  readonly limit: PolicyLimit | null;
  readonly bodyBytesMax: number;
  readonly cache: PolicyCache;
  readonly rules: SiteRules;
  readonly protection: ProtectionSettings;
  readonly measures: readonly EdgeMeasure[];
};

export type EdgePeer = {
  /** An address literal, IPv6 in brackets. */
  readonly address: string;
  readonly port: number;
  /** The name that its certificate must carry (SNI and verification); "" takes the visitor's hostname. */
  readonly tlsName: string;
  /** Share of requests among the peers, scaled: a server's share is divided among its addresses. */
  readonly weight: number;
  readonly backup: boolean;
};

/** A certificate as nginx holds it: checked, for names of its own site alone. */
export type EdgeCertificateShown = {
  readonly certificateId: string;
  readonly siteId: string;
  /** For which it is the one that is shown; an exact name goes before a wildcard. */
  readonly hostnames: readonly string[];
  /** Leaf first. */
  readonly chainPem: string;
  readonly keyPem: string;
};

/** One change on its way from the agent to nginx; null removes. */
export type EdgeChange =
  | { readonly siteId: string; readonly site: EdgeSite | null; readonly certificateId?: undefined }
  | {
      readonly certificateId: string;
      readonly certificate: EdgeCertificateShown | null;
      readonly siteId?: undefined;
    };

/** nginx's answer: which changes it could not take, and which epoch each worker has seen. */
export type EdgeFeedAnswer = {
  readonly epoch: number;
  /** How many sites and certificates of the snapshot nginx could not take when it started. */
  readonly unserved: number;
  /** `id`: of the site, or of the certificate. */
  readonly refused: readonly { readonly id: string; readonly why: string }[];
  readonly workers: readonly EdgeWorker[];
};
export type EdgeWorker = { readonly id: number; readonly pid: number; readonly epoch: number };

/** Bounds of what the agent posts in one go. */
export const FEED_CHANGES_MAX = 500;
export const FEED_BYTES_MAX = 8 * 1024 * 1024;
