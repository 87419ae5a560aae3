/**
 * All that an edge knows of one site. The control plane compiles it from settings and measures; the node agent checks
 * it (schema, size, receipts) and feeds it to nginx. Versions count up per site; a node never goes back. A removed site is
 * a policy whose `hostnames` is empty, so that removal travels the same road as any other change.
 */
import type { NodeId, SiteId } from "./ids.ts";
import type { ReceiptedMeasure } from "./measure.ts";

export type OriginScheme = "http" | "https";

export type PolicyOrigin = {
  readonly scheme: OriginScheme;
  /** A name or an address literal, without brackets. */
  readonly host: string;
  readonly port: number;
  /** What the origin gets as Host; null keeps the visitor's. */
  readonly hostHeader: string | null;
};

/** A client's allowance, counted per site and client address. */
export type PolicyLimit = { readonly requestsPerSecond: number; readonly burst: number };

export type SitePolicy = {
  readonly schema: 1;
  readonly siteId: SiteId;
  /** Counts up per site, from 1. */
  readonly version: number;
  /** Lower-case A-labels; "*.example.org" stands for exactly one label (RFC 9525 §6.3). Empty: the site is removed. */
  readonly hostnames: readonly string[];
  readonly origin: PolicyOrigin;
  readonly limit: PolicyLimit | null;
  readonly bodyBytesMax: number;
  readonly measures: readonly ReceiptedMeasure[];
};

/** Bounds that the node agent enforces before anything reaches nginx. Over one of them the policy is refused whole. */
export const POLICY_BYTES_MAX = 512 * 1024;
export const POLICY_HOSTNAMES_MAX = 100;
export const POLICY_MEASURES_MAX = 100;
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
