/**
 * How an owner wants a site protected from floods and from clients that ask too much: who is always let in, rules with or without a rate,
 * when everybody is asked to prove they are a browser. Data, prepared by the request path once per change. An allow-list always
 * wins over bans, limits, rules, challenges and mitigations; it never wins over a measure of the desk.
 */
import type { FloodMode } from "./flood.ts";
import type { SiteId } from "./ids.ts";
import type { RequestMatch } from "./site-rules.ts";

/** One field of the head, or one cookie. `value` null: it is there, whatever it says; `isAbsent`: it is not there. */
export type FieldMatch = { readonly name: string; readonly value: string | null; readonly isAbsent: boolean };

/** All that is said must hold, as in RequestMatch. */
export type ProtectionMatch = RequestMatch & {
  readonly headers: readonly FieldMatch[];
  readonly cookies: readonly FieldMatch[];
  /** Values of the feature `tls` (flood.ts). */
  readonly tlsShapes: readonly string[];
};

/** Every request. */
export const MATCH_ALL: ProtectionMatch = {
  paths: [],
  methods: [],
  networks: [],
  asns: [],
  countries: [],
  headers: [],
  cookies: [],
  tlsShapes: [],
};

/** What a rate is counted by. A header's or cookie's value is hashed; a client without it is counted by address. */
export type CountKey =
  | { readonly by: "address" | "network" | "asn" | "country" | "tls" | "site" }
  | { readonly by: "header" | "cookie"; readonly name: string };

export type RuleRate = {
  readonly key: CountKey;
  readonly requests: number;
  /** A sliding window of this length, 1 to 3600. */
  readonly windowSeconds: number;
  /** Answers with these statuses are counted; empty: requests. */
  readonly statuses: readonly number[];
};

export type ProtectionRule = {
  /** Chosen by the owner, unique in the site: shown in logs and to people. */
  readonly name: string;
  readonly match: ProtectionMatch;
  /** Null: the rule speaks of every request that matches. */
  readonly rate: RuleRate | null;
  readonly action: "log" | "throttle" | "challenge" | "block";
  /** What it would have done is counted, and nothing is done. */
  readonly isShadow: boolean;
  /** With a rate: how long a client that went over it meets the action; 0: for as long as it is over it. */
  readonly holdSeconds: number;
  /** ISO 8601; null for no end. */
  readonly endsAt: string | null;
  /** Why it is there, for those who come after. */
  readonly reason: string;
};

export type UnderAttack = {
  readonly on: boolean;
  /** Paths with "*"; empty for the whole site. */
  readonly paths: readonly string[];
  /** ISO 8601: off by itself from then on; null: until it is switched off. */
  readonly endsAt: string | null;
};

export type ProtectionSettings = {
  readonly floods: FloodMode;
  readonly underAttack: UnderAttack;
  /** CIDR ranges that nothing of the below, nor any ban, ever stops. */
  readonly allowNetworks: readonly string[];
  /** Paths with "*" at which no browser is to be expected: APIs, webhooks. Feeds, /.well-known/ and favicons need no mention. */
  readonly neverChallenge: readonly string[];
  /** In order; the first whose action is met decides. */
  readonly rules: readonly ProtectionRule[];
};

/**
 * What one node counted of a rule since its nginx started. `matched`: requests that the rule speaks of; `met`: of those, the ones that met its action, which
 * in shadow mode and for "log" is what would have been done; `stopped`: the ones that were answered for it.
 */
export type RuleCounts = {
  readonly siteId: SiteId;
  readonly rule: string;
  readonly matched: number;
  readonly met: number;
  readonly stopped: number;
};

export const PROTECTION_RULES_MAX = 50;
export const ALLOW_NETWORKS_MAX = 500;
export const NEVER_CHALLENGE_MAX = 50;
export const UNDER_ATTACK_PATHS_MAX = 20;
export const RULE_NAME_CHARS_MAX = 60;

export const PROTECTION_DEFAULT: ProtectionSettings = {
  floods: "act",
  underAttack: { on: false, paths: [], endsAt: null },
  allowNetworks: [],
  neverChallenge: [],
  rules: [],
};

/** Difficulty of a challenge in leading zero bits: a phone needs about a second for 17. */
export const CHALLENGE_BITS_DEFAULT = 16;
export const CHALLENGE_BITS_MAX = 22;
/** Where a browser brings its proof. Always below /.well-known/, so that no site's own path is taken. */
export const CHALLENGE_PATH = "/.well-known/parapet/challenge";
export const CLEARANCE_COOKIE = "parapet_clearance";
