/**
 * An owner's protection rules, made ready once per change: which requests a rule speaks of, and what its rate is counted by. Decisions without
 * nginx: what a request is comes in as functions that are asked only when a rule wants to know. Where a rule asks for a database that this edge does
 * not have, it speaks of no request, as a broken file must not close a site. Several lines of one field count as one, joined by ", ".
 */
import type { CountKey, FieldMatch, ProtectionRule } from "../contract/protection.ts";
import { isoMs } from "./iso-time.ts";
import { digits, nameSet, type NameSet } from "./name-set.ts";
import { isInNetworks, prepareNetworks, type NetworkSet } from "./network.ts";
import { isInPaths, preparePaths, type PathSet } from "./path-glob.ts";
import { UNKNOWN } from "./site-rules.ts";
import { isTextLike, prepareText, type TextPattern } from "./text-pattern.ts";

export type PreparedField = {
  readonly name: string;
  /** Undefined: whatever it says. */
  readonly value: TextPattern | undefined;
  readonly isAbsent: boolean;
};
export type PreparedRate = {
  readonly by: CountKey["by"];
  /** Of a field in lower case, or of a cookie; "" for every other key. */
  readonly name: string;
  readonly requests: number;
  readonly windowSeconds: number;
  /** Statuses whose answers are counted; undefined counts requests. */
  readonly statuses: Record<number, true | undefined> | undefined;
};
export type PreparedRule = {
  readonly name: string;
  readonly paths: PathSet | undefined;
  readonly methods: NameSet | undefined;
  readonly networks: NetworkSet | undefined;
  readonly asns: NameSet | undefined;
  readonly countries: NameSet | undefined;
  readonly tlsShapes: NameSet | undefined;
  readonly headers: readonly PreparedField[];
  readonly cookies: readonly PreparedField[];
  readonly rate: PreparedRate | undefined;
  readonly action: ProtectionRule["action"];
  readonly isShadow: boolean;
  readonly holdSeconds: number;
  /** Milliseconds since the Unix epoch; Infinity for no end. */
  readonly endsAtMs: number;
};

/** What a request is. Each is asked at most when a rule needs it. */
export type RequestFacts = {
  /** Decoded, as in $uri. */
  readonly path: (this: void) => string;
  readonly method: (this: void) => string;
  /** 4 or 16 bytes. */
  readonly address: (this: void) => string;
  /** In digits; "" for no entry, UNKNOWN for no database. */
  readonly asn: (this: void) => string;
  readonly country: (this: void) => string;
  /** "" for a plain connection. */
  readonly tls: (this: void) => string;
  /** By its name in lower case. */
  readonly header: (this: void, name: string) => string | undefined;
  readonly cookie: (this: void, name: string) => string | undefined;
  /** A short keyed hash, so that no value is kept. */
  readonly hash: (this: void, value: string) => string;
};

export function prepareProtectionRules(rules: readonly ProtectionRule[]): PreparedRule[] {
  const prepared: PreparedRule[] = [];
  for (const rule of rules) prepared.push(prepareRule(rule));
  return prepared;
}

export function countsAnswers(rules: readonly PreparedRule[]): boolean {
  for (const { rate } of rules) if (rate !== undefined && rate.statuses !== undefined) return true;
  return false;
}

/** Whether the rule speaks of this request. What is cheap is asked first. */
export function speaksOf(rule: PreparedRule, facts: RequestFacts): boolean {
  if (rule.methods !== undefined) {
    const method = facts.method();
    // Whoever speaks of GET speaks of HEAD, which tells of the same page.
    if (rule.methods[method] !== true && !(method === "HEAD" && rule.methods["GET"] === true)) return false;
  }
  if (rule.paths !== undefined && !isInPaths(rule.paths, facts.path())) return false;
  if (rule.networks !== undefined && !isInNetworks(rule.networks, facts.address())) return false;
  for (const field of rule.headers) if (!isFieldSo(field, facts.header(field.name))) return false;
  for (const field of rule.cookies) if (!isFieldSo(field, facts.cookie(field.name))) return false;
  if (rule.tlsShapes !== undefined && rule.tlsShapes[facts.tls()] !== true) return false;
  if (rule.asns !== undefined && rule.asns[facts.asn()] !== true) return false;
  if (rule.countries !== undefined && rule.countries[facts.country()] !== true) return false;
  return true;
}

/**
 * What the request counts for: a letter for the kind and the value. A client of whom the value is not known, or who did not send it, is counted by
 * its address; it then shares no counter with those who did.
 */
export function countedBy(rate: PreparedRate, facts: RequestFacts): string {
  const { by, name } = rate;
  if (by === "site") return "s";
  if (by === "network") return "n" + networkOf(facts.address());
  if (by === "header" || by === "cookie") {
    const value = by === "header" ? facts.header(name) : facts.cookie(name);
    if (value !== undefined && value !== "") return "h" + facts.hash(value);
  } else if (by === "asn" || by === "country" || by === "tls") {
    const value = by === "asn" ? facts.asn() : by === "country" ? facts.country() : facts.tls();
    if (value !== "" && value !== UNKNOWN) return "g" + value;
  }
  return "a" + shortAddress(facts.address());
}

/** Of IPv6 the /64: one household's. */
export function shortAddress(address: string): string {
  return address.length > 4 ? address.substring(0, 8) : address;
}

/** The /24 of IPv4, the /48 of IPv6. */
function networkOf(address: string): string {
  return address.length > 4 ? address.substring(0, 6) : address.substring(0, 3);
}

function isFieldSo(field: PreparedField, value: string | undefined): boolean {
  if (field.isAbsent) return value === undefined;
  if (value === undefined) return false;
  return field.value === undefined || isTextLike(field.value, value);
}

function prepareRule(rule: ProtectionRule): PreparedRule {
  const { match, rate, endsAt } = rule;
  // A moment that cannot be read has passed: no rule outlives its end by a slip.
  const ends = endsAt === null || endsAt === undefined ? Infinity : isoMs(endsAt);
  return {
    name: rule.name,
    paths: match.paths.length === 0 ? undefined : preparePaths(match.paths),
    methods: nameSet(match.methods),
    networks: match.networks.length === 0 ? undefined : prepareNetworks(match.networks),
    asns: nameSet(match.asns.map((asn) => digits(asn))),
    countries: nameSet(match.countries),
    tlsShapes: nameSet(match.tlsShapes),
    headers: match.headers.map((field) => prepareField(field, field.name.toLowerCase())),
    cookies: match.cookies.map((field) => prepareField(field, field.name)),
    rate: rate === null || rate === undefined ? undefined : prepareRate(rate),
    action: rule.action,
    isShadow: rule.isShadow,
    holdSeconds: rule.holdSeconds,
    endsAtMs: ends,
  };
}

function prepareRate(rate: NonNullable<ProtectionRule["rate"]>): PreparedRate {
  const { key } = rate;
  let statuses: Record<number, true | undefined> | undefined;
  if (rate.statuses.length > 0) {
    statuses = {};
    for (const status of rate.statuses) statuses[status] = true;
  }
  const name = key.by === "header" ? key.name.toLowerCase() : key.by === "cookie" ? key.name : "";
  return { by: key.by, name, requests: rate.requests, windowSeconds: rate.windowSeconds, statuses };
}

function prepareField(field: FieldMatch, name: string): PreparedField {
  const { value } = field;
  const isAny = value === null || value === undefined;
  return { name, value: isAny ? undefined : prepareText(value), isAbsent: field.isAbsent };
}
