/**
 * One site as nginx holds it: what the node agent made of a `SitePolicy` once schema, size, origin and receipts were
 * checked. The request path trusts it and checks nothing again. Proofs stay with the agent; names are resolved to
 * addresses; times are milliseconds since the Unix epoch, so that nginx can lift a measure with the control plane dead.
 */
import type { MeasureRecord } from "./measure.ts";
import type { OriginScheme, PolicyLimit } from "./policy.ts";

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
  readonly scheme: OriginScheme;
  /** Address literals to connect to, IPv6 in brackets. Empty: the origin's name resolves to nothing usable, so it counts as down. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** What the origin gets as Host; "" keeps the visitor's. */
  readonly hostHeader: string;
  /** The name that the origin's certificate must carry (SNI and verification); "" takes the visitor's hostname. */
  readonly tlsName: string;
  readonly limit: PolicyLimit | null;
  readonly bodyBytesMax: number;
  readonly measures: readonly EdgeMeasure[];
};

/** One change on its way from the agent to nginx; `site` null removes it. */
export type EdgeChange = { readonly siteId: string; readonly site: EdgeSite | null };

/** nginx's answer: which changes it could not take, and which epoch each worker has seen. */
export type EdgeFeedAnswer = {
  readonly epoch: number;
  readonly refused: readonly { readonly siteId: string; readonly why: string }[];
  readonly workers: readonly EdgeWorker[];
};
export type EdgeWorker = { readonly id: number; readonly pid: number; readonly epoch: number };

/** Bounds of what the agent posts in one go. */
export const FEED_CHANGES_MAX = 500;
export const FEED_BYTES_MAX = 8 * 1024 * 1024;
