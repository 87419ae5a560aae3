/**
 * What edge, node and watch say to each other about floods: what a request looks like, what was counted, what is to be done for a while. Features are
 * computed by the edge alone, so that a value means the same in a sample and in a mitigation; whoever looks for signatures compares texts
 * and never parses a request again.
 */
import type { NodeId, SiteId } from "./ids.ts";

/**
 * In this order everywhere. `path` is decoded and without query; `pathShape` has what looks like a number or a key replaced; `queryShape`
 * names the query's keys, what looks invented replaced, and the kind of each value; `headers` is the order and the names of the head's fields as a short
 * hash; `accept` Accept and Accept-Encoding; `referrer` "none", "same" or the other site's host; `cookies` "none" or "some";
 * `tls` a short hash of version and offered ciphers, "" for plain HTTP; `address` the client's (IPv6 its /64), `network` its /24 or /48.
 * "" where there is nothing of the kind, or nobody knows.
 */
export const FEATURES = [
  "method",
  "path",
  "pathShape",
  "queryShape",
  "headers",
  "userAgent",
  "accept",
  "language",
  "referrer",
  "cookies",
  "http",
  "tls",
  "address",
  "network",
  "asn",
  "country",
] as const;
export type Feature = (typeof FEATURES)[number];
export const FEATURE_CHARS_MAX = 200;

/** What was done with a request, as far as floods go. */
export type Passage = "passed" | "challenged" | "throttled" | "blocked" | "banned" | "limited";

export type FloodSample = {
  readonly siteId: SiteId;
  readonly atMs: number;
  readonly requestId: string;
  /** How many requests it stands for. */
  readonly weight: number;
  /** In the order of FEATURES. */
  readonly values: readonly string[];
  /** The head's field names in order, for people: "host user-agent accept …". */
  readonly headerNames: string;
  /** Whether the path is that of a file beside a page: a stylesheet, a picture. */
  readonly isAsset: boolean;
  /** Whether the client came with a valid clearance. */
  readonly isCleared: boolean;
  readonly passage: Passage;
};

/** Of one site, since the drain before. */
export type SiteCounts = {
  readonly siteId: SiteId;
  readonly passed: number;
  readonly challenged: number;
  readonly throttled: number;
  readonly blocked: number;
  readonly banned: number;
  readonly limited: number;
  /** Of those that passed: files beside pages; and requests with a valid clearance. */
  readonly assets: number;
  readonly cleared: number;
  readonly challengesPassed: number;
  readonly challengesFailed: number;
};

export function noCounts(siteId: SiteId): SiteCounts {
  return {
    siteId,
    passed: 0,
    challenged: 0,
    throttled: 0,
    blocked: 0,
    banned: 0,
    limited: 0,
    assets: 0,
    cleared: 0,
    challengesPassed: 0,
    challengesFailed: 0,
  };
}

/** What the answers said, from the access log: one site's, one whole second's. Says nothing of what the edge refused. */
export type ResponseCounts = {
  readonly siteId: SiteId;
  /** Seconds since the Unix epoch. */
  readonly second: number;
  readonly answers: number;
  /** Went to the origin. */
  readonly originAnswers: number;
  /** 5xx of the origin, or no answer of it. */
  readonly originErrors: number;
  readonly originSecondsSum: number;
  /** The 95th percentile of up to 200 of them. */
  readonly originSecondsP95: number;
  readonly sentBytes: number;
  /** Answers from the cache. */
  readonly cacheHits: number;
};

/** Everything since the drain before. All lists are bounded by who fills them; `dropped` says what did not fit. */
export type WatchBatch = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly counts: readonly SiteCounts[];
  readonly samples: readonly FloodSample[];
  readonly responses: readonly ResponseCounts[];
  /** How often each mitigation held, since the drain before. */
  readonly held: readonly { readonly mitigationId: string; readonly requests: number }[];
  /** Clients that mitigations and limits keep refusing. `isShared`: good clients were seen to come from there. */
  readonly persistent: readonly {
    readonly siteId: SiteId;
    readonly address: string;
    readonly refusals: number;
    readonly isShared: boolean;
  }[];
  readonly droppedSamples: number;
};

export const MITIGATION_ACTIONS = ["log", "throttle", "challenge", "block"] as const;
export type MitigationAction = (typeof MITIGATION_ACTIONS)[number];

/** Requests of one site that have all of this, and for how long what is done with them. */
export type EdgeMitigation = {
  /** Chosen by watch: letters, digits, "-", at most 40. */
  readonly mitigationId: string;
  readonly siteId: SiteId;
  /** All have to hold. Never empty, save for `challenge`, which then asks everybody. */
  readonly where: readonly { readonly feature: Feature; readonly value: string }[];
  readonly action: MitigationAction;
  /** Leading zero bits of the proof of work, for `challenge`. */
  readonly difficultyBits: number;
  /** For `throttle`: so many requests a second come through on each node, whoever sends them; 0 for none. */
  readonly perSecond: number;
  /** From now; 0 lifts it. Told again while it matches, and gone by itself when nobody does. */
  readonly seconds: number;
};
export const MITIGATIONS_PER_SITE_MAX = 16;
export const MITIGATION_CONDITIONS_MAX = 6;
export const MITIGATION_SECONDS_MAX = 120;
export const MITIGATION_PER_SECOND_MAX = 100_000;
export const MITIGATIONS_AT_ONCE_MAX = 500;

/** How an owner wants floods met, and what an operator wants everywhere. `shadow`: everything but the deed. */
export type FloodMode = "act" | "shadow" | "off";

export type FloodSignature = {
  readonly mitigationId: string;
  readonly where: EdgeMitigation["where"];
  /** Of `headers` in `where`: the names, for people; "" otherwise. */
  readonly headerNames: string;
  readonly action: MitigationAction;
  /** Share of the excess that it holds, and of the good traffic before, each 0 to 1. */
  readonly cover: number;
  readonly collateral: number;
  readonly sinceMs: number;
  readonly liftedAtMs: number | null;
  readonly requests: number;
};

export const FLOOD_TRIGGERS = [
  "rate",
  "origin-errors",
  "origin-latency",
  "cache-misses",
  "new-clients",
] as const;
export type FloodTrigger = (typeof FLOOD_TRIGGERS)[number];

/**
 * One node's account of one incident, published as it goes, each replacing the one before. `surge`: many more visitors than usual,
 * and nothing against them; nothing was done.
 */
export type FloodReport = {
  readonly schema: 1;
  readonly incidentId: string;
  readonly nodeId: NodeId;
  readonly siteId: SiteId;
  readonly kind: "flood" | "surge" | "slow";
  readonly mode: FloodMode;
  readonly triggers: readonly FloodTrigger[];
  readonly beganAtMs: number;
  readonly mitigatedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly usualPerSecond: number;
  readonly peakPerSecond: number;
  /** Beyond what usually comes in such a time, which is taken off: visitors go on asking all the while. */
  readonly requests: number;
  /** Of those, how many were let through. */
  readonly passed: number;
  readonly challenged: number;
  readonly challengesPassed: number;
  readonly blocked: number;
  readonly throttled: number;
  readonly banned: number;
  readonly originErrors: number;
  /** Seconds of work that the origin did beyond the usual. */
  readonly originSecondsExtra: number;
  readonly sentBytes: number;
  readonly signatures: readonly FloodSignature[];
  /** One point for at least a second: [atMs, requests, passed]. At most 300; older ones are merged two by two. */
  readonly series: readonly (readonly [number, number, number])[];
};
export const FLOOD_SIGNATURES_MAX = 16;
export const FLOOD_SERIES_MAX = 300;
