/**
 * Branded identifiers. An id is a prefix, an underscore and 26 characters of Crockford base32 (130 random bits),
 * so that it can stand in a URL, a file name and a log line, tells a reader what it names, and cannot be guessed.
 * Randomness comes in as an argument: the caller decides where it comes from.
 */

export type Brand<Name extends string> = string & { readonly __brand: Name };

export type SiteId = Brand<"SiteId">;
export type AccountId = Brand<"AccountId">;
export type CaseId = Brand<"CaseId">;
export type ReportId = Brand<"ReportId">;
export type EvidenceId = Brand<"EvidenceId">;
export type DecisionId = Brand<"DecisionId">;
export type MeasureId = Brand<"MeasureId">;
export type AppealId = Brand<"AppealId">;
export type ReferralId = Brand<"ReferralId">;
export type NoticeId = Brand<"NoticeId">;
export type OpeningId = Brand<"OpeningId">;
export type NodeId = Brand<"NodeId">;
export type CertificateId = Brand<"CertificateId">;
export type UserId = Brand<"UserId">;

export const ID_PREFIXES = [
  "site",
  "acct",
  "case",
  "rept",
  "evid",
  "deci",
  "meas",
  "appl",
  "refl",
  "noti",
  "node",
  "open",
  "cert",
  "bann",
  "inci",
] as const;
export type IdPrefix = (typeof ID_PREFIXES)[number];

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const BODY_CHARS = 26;

/** Shape of every id, for parsers of foreign input. */
export const ID_PATTERN = /^[a-z]{4}_[0-9a-hjkmnp-tv-z]{26}$/;

/** Makes a fresh id. `random(n)` returns n unpredictable bytes. */
export function newId<Id extends string>(prefix: IdPrefix, random: (bytes: number) => Uint8Array): Id {
  const bytes = random(BODY_CHARS);
  let body = "";
  for (let i = 0; i < BODY_CHARS; i++) body += ALPHABET.charAt((bytes[i] ?? 0) % 32);
  return `${prefix}_${body}` as Id;
}
