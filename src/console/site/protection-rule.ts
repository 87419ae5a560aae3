/**
 * A protection rule as a person reads it: one sentence that says which requests it speaks of, how many are too many, and what is done. The
 * rule's own words come out as they were typed, so that whoever shows the sentence escapes it as any other text. Pure.
 */
import {
  MATCH_ALL,
  type CountKey,
  type FieldMatch,
  type ProtectionMatch,
  type ProtectionRule,
} from "../../contract/protection.ts";
import type { Words } from "../words/english.ts";

/** What a new rule begins as: it counts, and does nothing, until somebody has seen what it would have done. */
export const NEW_RULE: ProtectionRule = {
  name: "",
  match: MATCH_ALL,
  rate: { key: { by: "address" }, requests: 60, windowSeconds: 60, statuses: [] },
  action: "challenge",
  isShadow: true,
  holdSeconds: 0,
  endsAt: null,
  reason: "",
};

export const COUNT_KEYS = [
  "address",
  "network",
  "asn",
  "country",
  "tls",
  "site",
  "header",
  "cookie",
] as const satisfies readonly CountKey["by"][];

/** The key that a choice stands for; a name that was typed for a field is kept for a cookie. */
export function countKeyOf(by: CountKey["by"], name: string): CountKey {
  return by === "header" || by === "cookie" ? { by, name } : { by };
}

export const FIELD_STATES = ["there", "is", "absent"] as const;
export type FieldState = (typeof FIELD_STATES)[number];

export const fieldState = (field: FieldMatch): FieldState =>
  field.isAbsent ? "absent" : field.value === null ? "there" : "is";

/** The same field in another state. The contract knows no value that is absent. */
export const withState = (field: FieldMatch, state: FieldState): FieldMatch => ({
  name: field.name,
  value: state === "is" ? (field.value ?? "") : null,
  isAbsent: state === "absent",
});

/** Whether the rule speaks of every request of the site. */
export const speaksOfAll = (match: ProtectionMatch): boolean =>
  Object.values(match).every((list: readonly unknown[]) => list.length === 0);

const listed = (items: readonly (string | number)[]): string => items.join(", ");

function subjectOf(match: ProtectionMatch, w: Words["protection"]["rule"]["says"]): string {
  if (speaksOfAll(match)) return w.every;
  const parts: string[] = [];
  if (match.methods.length > 0) parts.push(w.methods(listed(match.methods)));
  if (match.paths.length > 0) parts.push(w.paths(listed(match.paths)));
  if (match.networks.length > 0) parts.push(w.networks(listed(match.networks)));
  if (match.asns.length > 0) parts.push(w.asns(listed(match.asns.map((asn) => `AS${asn}`))));
  if (match.countries.length > 0) parts.push(w.countries(listed(match.countries)));
  if (match.tlsShapes.length > 0) parts.push(w.tlsShapes(listed(match.tlsShapes)));
  for (const field of match.headers) parts.push(w.header[fieldState(field)](field.name, field.value ?? ""));
  for (const field of match.cookies) parts.push(w.cookie[fieldState(field)](field.name, field.value ?? ""));
  return `${w.requests} ${parts.join(", ")}`;
}

/** "Requests for /login: more than 20 in 10 s from one address are blocked". Without its shadow, its end and its reason. */
export function ruleInWords(rule: ProtectionRule, words: Words): string {
  const w = words.protection.rule.says;
  const subject = subjectOf(rule.match, w);
  if (rule.rate === null) return `${subject}${words.common.colon}${w.does[rule.action]}`;
  const { key, requests, windowSeconds, statuses } = rule.rate;
  const per = key.by === "header" || key.by === "cookie" ? w.per[key.by](key.name) : w.per[key.by];
  const answered = statuses.length === 0 ? "" : ` ${w.answered(listed(statuses))}`;
  const over = `${w.over(requests, windowSeconds)}${answered} ${per}`;
  const held = rule.holdSeconds > 0 ? `, ${w.held(rule.holdSeconds)}` : "";
  return `${subject}${words.common.colon}${over}${words.common.colon}${w.does[rule.action]}${held}`;
}

/** Whether the moment that a rule or a switch ends has passed. */
export const isOver = (endsAt: string | null, nowMs: number): boolean =>
  endsAt !== null && Date.parse(endsAt) <= nowMs;
