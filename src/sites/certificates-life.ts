/**
 * The life of a certificate, as pure rules: what state it is in, when it is renewed, and how long an attempt that failed waits.
 * Times in milliseconds since the Unix epoch; `chance` is a number from 0 up to 1 that the caller draws, so that thousands of
 * certificates of one day do not come back in one minute.
 */
import type { CertificateState } from "../contract/http-sites.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A week: long enough for a person to step in. Short-lived certificates count by the last fifth of their life instead. */
export const EXPIRING_MS = 7 * DAY_MS;
/** Attempts in a row that fail before somebody is told. */
export const ALARM_TRIES = 5;

const BACK_OFF_FIRST_MS = MINUTE_MS;
const BACK_OFF_MAX_MS = 12 * HOUR_MS;
/** What an authority may make us wait: a week covers the longest limit of the public ones. */
const RETRY_AFTER_MAX_MS = 7 * DAY_MS;

/** Authorities give up on a name after five failed validations an hour: we stop before. */
export const FAILED_VALIDATIONS_MAX = 4;
export const FAILED_VALIDATIONS_WINDOW_MS = HOUR_MS;

export function stateOf(
  certificate: {
    readonly notBeforeMs: number | null;
    readonly notAfterMs: number | null;
    readonly tries: number;
    /** An order is under way. */
    readonly ordered: boolean;
  },
  nowMs: number,
): CertificateState {
  const { notBeforeMs, notAfterMs, tries, ordered } = certificate;
  if (notBeforeMs !== null && notAfterMs !== null) {
    if (notAfterMs <= nowMs) return "expired";
    return notAfterMs - nowMs < expiringMs(notBeforeMs, notAfterMs) ? "expiring" : "valid";
  }
  if (tries > 0) return "failed";
  return ordered ? "issuing" : "waiting";
}

/** How long before its end a certificate counts as expiring. */
export function expiringMs(notBeforeMs: number, notAfterMs: number): number {
  return Math.min(EXPIRING_MS, (notAfterMs - notBeforeMs) / 5);
}

/** Two thirds of its life, give or take a twenty-fourth: of 90 days, between day 56 and day 64. */
export function renewAtMs(
  life: { readonly notBeforeMs: number; readonly notAfterMs: number },
  chance: number,
): number {
  const lifeMs = life.notAfterMs - life.notBeforeMs;
  return Math.round(life.notBeforeMs + (lifeMs * 2) / 3 + ((chance - 0.5) * lifeMs) / 12);
}

/** From a minute, doubled with each attempt that failed, up to half a day; half of it is left to chance. */
export function backOffMs(tries: number, chance: number): number {
  const full = Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** Math.min(30, Math.max(0, tries - 1)));
  return Math.round(full / 2 + (full / 2) * chance);
}

/** What an authority asked for, bounded, and a little later, as everybody who was refused has the same moment. */
export function afterRetryMs(retryAfterMs: number, chance: number): number {
  const asked = Math.min(RETRY_AFTER_MAX_MS, Math.max(1000, retryAfterMs));
  return Math.round(asked + chance * Math.min(10 * MINUTE_MS, asked / 4));
}

/** Retry-After (RFC 9110 §10.2.3): seconds or a date; null when there is none that makes sense. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | null {
  if (value === undefined || value.length > 100) return null;
  const text = value.trim();
  if (/^\d{1,9}$/.test(text)) return Math.min(RETRY_AFTER_MAX_MS, Number(text) * 1000);
  const at = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isFinite(at) ? Math.min(RETRY_AFTER_MAX_MS, Math.max(0, at - nowMs)) : null;
}

/** When a name that failed at `failedAtMs` (oldest first) may be validated again; `nowMs` or later. */
export function validationAllowedAtMs(failedAtMs: readonly number[], nowMs: number): number {
  const recent = failedAtMs.filter((at) => at > nowMs - FAILED_VALIDATIONS_WINDOW_MS);
  const oldest = recent[recent.length - FAILED_VALIDATIONS_MAX];
  return oldest === undefined ? nowMs : oldest + FAILED_VALIDATIONS_WINDOW_MS;
}
