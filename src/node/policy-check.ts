/**
 * Is this a policy that an edge may act on? Takes what came from the bus or from disk and believes nothing of it: shape and
 * size first, receipts last, as they cost most. Unknown keys are refused, since a field that is not understood may be the one
 * that matters. One bad measure refuses the whole policy: an edge never serves half of what was decided.
 */
import type { Parsed } from "../contract/fault.ts";
import { ID_PATTERN, type SiteId } from "../contract/ids.ts";
import {
  CLAUSES,
  FACTS_CHARS_MAX,
  MEASURE_KINDS,
  SCOPES,
  type MeasureRecord,
  type ReceiptedMeasure,
} from "../contract/measure.ts";
import {
  BODY_BYTES_MAX_MAX,
  POLICY_BYTES_MAX,
  POLICY_HOSTNAMES_MAX,
  POLICY_MEASURES_MAX,
  type PolicyPreview,
  type SitePolicy,
} from "../contract/policy.ts";
import type { OriginPool } from "../contract/origin-pool.ts";
import {
  isHostname,
  LIMIT_SCHEMA,
  ORIGIN_POOL_SCHEMA,
  POLICY_CACHE_SCHEMA,
  PREVIEW_SCHEMA,
  SIGNING_KEY_SCHEMA,
  PROTECTION_SCHEMA,
  SITE_RULES_SCHEMA,
  SITE_TLS_SCHEMA,
  WELL_KNOWN_SCHEMA,
  whyNotShaped,
} from "../contract/site-schema.ts";
import { verifyReceipt } from "../ledger/core/receipt.ts";
import { isAddress } from "../contract/public-address.ts";
import { whyAddressRefused } from "./origin-address.ts";

export type PolicyCheckOptions = {
  readonly pinnedVkey: string;
  readonly originPrivateRanges: readonly string[];
};

const URL_CHARS_MAX = 2000;
const PATH_CHARS_MAX = 4000;

/** Checks a foreign value. Never throws. */
export function checkPolicy(value: unknown, options: PolicyCheckOptions): Parsed<SitePolicy> {
  let text: string;
  try {
    text = JSON.stringify(value) ?? "";
  } catch {
    return refuse("The policy is not plain data");
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > POLICY_BYTES_MAX) {
    return refuse(
      `The policy has ${bytes} bytes, more than ${POLICY_BYTES_MAX}: remove measures or hostnames`,
    );
  }
  const why = whyNotPolicy(value, options);
  if (why !== null) return refuse(why);
  const policy = value as SitePolicy;
  for (const [i, measure] of policy.measures.entries()) {
    const receipt = verifyReceipt(measure, { vkey: options.pinnedVkey });
    if (!receipt.ok) {
      return refuse(`Measure ${measure.record.measureId} (${i + 1}) has no valid receipt: ${receipt.why}`);
    }
  }
  return { ok: true, value: policy };
}

const POLICY_KEYS = [
  "schema",
  "siteId",
  "version",
  "hostnames",
  "preview",
  "origin",
  "signingKey",
  "tls",
  "wellKnown",
  "limit",
  "bodyBytesMax",
  "cache",
  "rules",
  "protection",
  "measures",
];

function whyNotPolicy(value: unknown, options: PolicyCheckOptions): string | null {
  const shape = whyNotExactly(value, POLICY_KEYS, "policy");
  if (shape !== null) return shape;
  const policy = value as Record<string, unknown>;
  if (policy["schema"] !== 3)
    return "The policy's schema is not 3: this edge is older than its control plane";
  const siteId = policy["siteId"];
  if (typeof siteId !== "string" || !ID_PATTERN.test(siteId) || !siteId.startsWith("site_")) {
    return "The policy names no site";
  }
  if (!isCount(policy["version"], 1, Number.MAX_SAFE_INTEGER)) return "The version is not a counting number";
  if (!isCount(policy["bodyBytesMax"], 0, BODY_BYTES_MAX_MAX)) return "The largest body is out of bounds";
  return (
    whyNotHostnames(policy["hostnames"]) ??
    whyNotShaped(ORIGIN_POOL_SCHEMA, policy["origin"], "origin") ??
    whyNotReachable(policy["origin"] as OriginPool, options) ??
    whyNotPreview(policy["preview"], policy["hostnames"] as string[]) ??
    whyNotShaped(SIGNING_KEY_SCHEMA.nullable(), policy["signingKey"], "signingKey") ??
    whyNotShaped(SITE_TLS_SCHEMA, policy["tls"], "tls") ??
    whyNotShaped(WELL_KNOWN_SCHEMA, policy["wellKnown"], "wellKnown") ??
    whyNotShaped(LIMIT_SCHEMA.nullable(), policy["limit"], "limit") ??
    whyNotShaped(POLICY_CACHE_SCHEMA, policy["cache"], "cache") ??
    whyNotShaped(SITE_RULES_SCHEMA, policy["rules"], "rules") ??
    whyNotShaped(PROTECTION_SCHEMA, policy["protection"], "protection") ??
    whyNotMeasures(policy["measures"], siteId as SiteId)
  );
}

function whyNotHostnames(value: unknown): string | null {
  if (!Array.isArray(value)) return "The hostnames are not a list";
  if (value.length > POLICY_HOSTNAMES_MAX)
    return `The policy has more than ${POLICY_HOSTNAMES_MAX} hostnames`;
  for (const hostname of value) {
    if (!isKeptHostname(hostname)) return `${quoted(hostname)} is not a hostname in lower-case A-labels`;
  }
  return new Set(value).size === value.length ? null : "A hostname stands there twice";
}

/** Addresses that a tenant may not have the edge connect to; names are judged when they are resolved. */
function whyNotReachable(pool: OriginPool, options: PolicyCheckOptions): string | null {
  for (const { host } of pool.servers) {
    if (isAddress(host)) {
      const why = whyAddressRefused(host, options.originPrivateRanges);
      if (why !== null) return why;
    } else if (!isHostname(host)) return `The origin ${quoted(host)} is neither a hostname nor an address`;
  }
  return null;
}

function whyNotPreview(value: unknown, hostnames: readonly string[]): string | null {
  if (value === null) return null;
  const why = whyNotShaped(PREVIEW_SCHEMA, value, "preview");
  if (why !== null) return why;
  return hostnames.includes((value as PolicyPreview).as)
    ? null
    : "The preview stands for a hostname that the site does not have";
}

function whyNotMeasures(value: unknown, siteId: SiteId): string | null {
  if (!Array.isArray(value)) return "The measures are not a list";
  if (value.length > POLICY_MEASURES_MAX) return `The policy has more than ${POLICY_MEASURES_MAX} measures`;
  for (const [i, measure] of value.entries()) {
    const shape = whyNotExactly(measure, ["record", "salt", "entry", "proof"], `measure ${i + 1}`);
    if (shape !== null) return shape;
    const why = whyNotRecord((measure as ReceiptedMeasure).record, siteId);
    if (why !== null) return `Measure ${i + 1}: ${why}`;
  }
  return null;
}

const RECORD_KEYS = {
  schema: true,
  measureId: true,
  decisionId: true,
  caseId: true,
  caseNumber: true,
  kind: true,
  scope: true,
  subject: true,
  clause: true,
  facts: true,
  territory: true,
  startsAt: true,
  endsAt: true,
  reviewAt: true,
  appealBy: true,
  appealUrl: true,
  blockedByUrl: true,
  operatorName: true,
  brake: true,
} satisfies Record<keyof MeasureRecord, true>;

function whyNotRecord(value: unknown, siteId: SiteId): string | null {
  const shape = whyNotExactly(value, Object.keys(RECORD_KEYS), "record");
  if (shape !== null) return shape;
  const record = value as Record<keyof MeasureRecord, unknown>;
  if (record.schema !== 1) return "The record's schema is not 1";
  for (const name of ["measureId", "decisionId", "caseId"] as const) {
    if (typeof record[name] !== "string" || !ID_PATTERN.test(record[name])) return `The ${name} is no id`;
  }
  if (!isText(record.caseNumber, 40)) return "The case number is missing";
  if (!(MEASURE_KINDS as readonly unknown[]).includes(record.kind)) return "The kind of measure is unknown";
  if (!(SCOPES as readonly unknown[]).includes(record.scope)) return "The scope is unknown";
  if (typeof record.clause !== "string" || !Object.hasOwn(CLAUSES, record.clause))
    return "The clause is unknown";
  if (!isText(record.facts, FACTS_CHARS_MAX)) return "The facts are missing or too long";
  if (!isText(record.operatorName, 200)) return "The operator's name is missing";
  if (!isText(record.appealUrl, URL_CHARS_MAX) || !isText(record.blockedByUrl, URL_CHARS_MAX)) {
    return "The appeal or the blocked-by address is missing";
  }
  if (typeof record.brake !== "boolean") return "The record does not say whether it is a brake";
  const appealBy = record.appealBy;
  if (!Array.isArray(appealBy) || appealBy.some((who) => who !== "customer" && who !== "reporter")) {
    return "Who may appeal is not said";
  }
  // An edge cannot tell where a visitor sits; to enforce everywhere would be wider than what was decided.
  if (!Array.isArray(record.territory) || record.territory.length !== 1 || record.territory[0] !== "*") {
    return `This edge cannot place visitors: a measure's territory must be ["*"]`;
  }
  return whyNotTimes(record) ?? whyNotSubject(record, siteId);
}

function whyNotTimes(record: Record<keyof MeasureRecord, unknown>): string | null {
  if (!isTime(record.startsAt)) return "The start is not a time";
  for (const end of [record.endsAt, record.reviewAt]) {
    if (end === null) continue;
    if (!isTime(end) || Date.parse(end) <= Date.parse(record.startsAt))
      return "The end does not lie after the start";
  }
  return record.endsAt === null && record.reviewAt === null ? "The measure has neither end nor review" : null;
}

function whyNotSubject(record: Record<keyof MeasureRecord, unknown>, siteId: SiteId): string | null {
  const subject = record.subject;
  if (typeof subject !== "object" || subject === null) return "The subject is missing";
  const { siteId: itsSite, hostname, path, ...rest } = subject as Record<string, unknown>;
  if (Object.keys(rest).length > 0) return "The subject has a field that is not known";
  const scope = record.scope;
  // An account's measure names the site that the case began with, and stands on every site of the account.
  if (itsSite !== siteId && scope !== "account") return "The measure is about another site";
  if (scope === "site" || scope === "account") {
    return hostname === undefined && path === undefined ? null : "A whole site has no hostname or path";
  }
  if (!isKeptHostname(hostname)) return "The subject's hostname is not a hostname in lower-case A-labels";
  if (scope === "hostname") return path === undefined ? null : "A whole hostname has no path";
  return isText(path, PATH_CHARS_MAX) && path.startsWith("/")
    ? null
    : `The subject's path does not begin with "/"`;
}

function whyNotExactly(value: unknown, keys: readonly string[], name: string): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return `The ${name} is not an object`;
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) return `The ${name} has an unknown field ${quoted(key)}`;
  }
  for (const key of keys) if (!Object.hasOwn(value, key)) return `The ${name} lacks "${key}"`;
  return null;
}

/** Exact, or "*." in front of at least two labels. */
function isKeptHostname(value: unknown): value is string {
  if (typeof value !== "string") return false;
  if (!value.startsWith("*.")) return isHostname(value);
  return isHostname(value.slice(2)) && value.slice(2).includes(".");
}

function isCount(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

function isText(value: unknown, charsMax: number): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= charsMax;
}

/** RFC 3339 in UTC with milliseconds, as the contract says. */
function isTime(value: unknown): value is string {
  return (
    typeof value === "string" &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) &&
    Number.isFinite(Date.parse(value))
  );
}

function quoted(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 80));
}

function refuse(why: string): { ok: false; why: string } {
  return { ok: false, why };
}
