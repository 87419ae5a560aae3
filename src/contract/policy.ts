/**
 * All that an edge knows of one site. The control plane compiles it from settings and measures; the node agent checks
 * it (schema, size, receipts) and feeds it to nginx. Versions count up per site; a node never goes back. A removed site is
 * a policy whose `hostnames` is empty, so that removal travels the same road as any other change.
 */
import type { PolicyCache } from "./cache.ts";
import type { NodeId, SiteId } from "./ids.ts";
import type { ReceiptedMeasure } from "./measure.ts";
import type { OriginPool } from "./origin-pool.ts";
import type { ProtectionSettings } from "./protection.ts";
import type { SiteRules } from "./site-rules.ts";

/** A client's allowance, counted per site and client address. */
export type PolicyLimit = { readonly requestsPerSecond: number; readonly burst: number };

export type SiteTls = {
  /** Plain requests are sent to https, save those of ACME and of ownership checks. */
  readonly redirectToHttps: boolean;
  /** Strict-Transport-Security (RFC 6797) on answers over TLS; 0 for none. */
  readonly hstsSeconds: number;
  readonly hstsSubdomains: boolean;
  readonly hstsPreload: boolean;
};

/** An answer to a check that asks this site over HTTP: ACME HTTP-01 (RFC 8555 §8.3) or proof of ownership. */
export type WellKnownAnswer = {
  /** Begins with "/.well-known/". */
  readonly path: string;
  readonly body: string;
};

/** A name of the operator's under which the site can be looked at before its own names lead here. */
export type PolicyPreview = {
  readonly hostname: string;
  /** The site's hostname that the origin is asked for. */
  readonly as: string;
};

export type SitePolicy = {
  readonly schema: 3;
  readonly siteId: SiteId;
  /** Counts up per site, from 1. */
  readonly version: number;
  /** Lower-case A-labels; "*.example.org" stands for exactly one label (RFC 9525 §6.3). Empty: the site is removed. */
  readonly hostnames: readonly string[];
  readonly preview: PolicyPreview | null;
  readonly origin: OriginPool;
  /** 32 bytes, base64url, of this site alone: signs requests to the origin. */
  readonly signingKey: string | null;
  readonly tls: SiteTls;
  readonly wellKnown: readonly WellKnownAnswer[];
  readonly limit: PolicyLimit | null;
  readonly bodyBytesMax: number;
  readonly cache: PolicyCache;
  readonly rules: SiteRules;
  readonly protection: ProtectionSettings;
  readonly measures: readonly ReceiptedMeasure[];
};

/** Bounds that the node agent enforces before anything reaches nginx. Over one of them the policy is refused whole. */
export const POLICY_BYTES_MAX = 512 * 1024;
export const POLICY_HOSTNAMES_MAX = 100;
export const POLICY_MEASURES_MAX = 100;
export const POLICY_WELL_KNOWN_MAX = 200;
export const HOSTNAME_CHARS_MAX = 253;
export const BODY_BYTES_MAX_MAX = 4 * 1024 * 1024 * 1024;

/** A node's answer to one version of one policy. */
export type PolicyAck = {
  readonly nodeId: NodeId;
  readonly siteId: SiteId;
  readonly version: number;
  /** Milliseconds since the Unix epoch at which every worker had picked it up, or it was refused. */
  readonly atMs: number;
} & (
  | { readonly ok: true; readonly workers: number }
  | {
      readonly ok: false;
      readonly why: string;
      /** The version that stays in force, 0 for none. */ readonly keptVersion: number;
    }
);

/** What a node tells of itself, kept as the last value. */
export type NodeHello = {
  readonly nodeId: NodeId;
  readonly name: string;
  readonly startedAtMs: number;
  readonly seenAtMs: number;
  readonly nginxVersion: string;
  readonly workers: number;
  readonly sites: number;
  /** The vkey (C2SP signed-note) that this node accepts receipts from. */
  readonly pinnedVkey: string;
};

/** Something a person has to know. `what` is a sentence that says what to do. */
export type Alarm = {
  readonly nodeId: NodeId;
  readonly atMs: number;
  readonly code: string;
  readonly what: string;
};
