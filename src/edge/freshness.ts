/**
 * How long may an answer be used again, and for whom? RFC 9111 for a shared cache, with targeted fields (RFC 9213), stale answers (RFC
 * 5861) and what the site's owner set. Whatever is in doubt is not kept: an answer wrongly kept is somebody else's page, one
 * wrongly not kept is a few milliseconds.
 */
import { CACHE_LIFE_SECONDS_MAX } from "../contract/cache.ts";
import { membersOf, parseCacheControl, type CacheDirectives } from "./cache-control.ts";
import { parseHttpDate } from "./http-date.ts";
import { trimmed } from "./trimmed.ts";

/** What the origin answered, as far as it matters. All lines of a field joined by ", "; "" for a field that is not there. */
export type AnswerFacts = {
  readonly status: number;
  readonly cacheControl: string;
  readonly cdnCacheControl: string;
  readonly surrogateControl: string;
  readonly expires: string;
  readonly date: string;
  readonly age: string;
  readonly vary: string;
  readonly lastModified: string;
  readonly setsCookie: boolean;
  /** Whether the request had an Authorization field. */
  readonly authorized: boolean;
};

/** What the owner set for this path. */
export type CacheTerms = {
  /** Seconds for which it is kept whatever the answer says; 0 asks the answer. */
  readonly storeSeconds: number;
  /** Whether an answer that says nothing of its freshness may be kept by its Last-Modified (RFC 9111 §4.2.2). */
  readonly heuristic: boolean;
  readonly staleWhileRevalidateSeconds: number;
  readonly staleIfErrorSeconds: number;
};

export type Life = {
  /** Seconds from now for which it is fresh; 0: it is not kept. */
  readonly seconds: number;
  /** Its age now (RFC 9111 §4.2.3). */
  readonly age: number;
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
};

/** Of the time since a thing changed, the part for which it is expected not to change again (RFC 9111 §4.2.2). */
const HEURISTIC_PART = 0.1;
const HEURISTIC_SECONDS_MAX = 24 * 3600;
const HEURISTIC_STATUSES = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
const STORED_BY_RULE = [200, 203, 204, 301, 308, 404, 410];
/** Those whose caching this cache knows (RFC 9111 §5.2.2.3). */
const UNDERSTOOD = [
  200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 403, 404, 405, 410, 414, 451, 500, 501, 502, 503, 504,
];

export function lifeOf(answer: AnswerFacts, terms: CacheTerms, now: number): Life {
  const age = ageOf(answer, now);
  if (answer.status < 200 || answer.status === 206 || answer.status === 304) return notKept(age);
  if (answer.setsCookie || variesByAll(answer.vary)) return notKept(age);
  const ordinary = parseCacheControl(answer.cacheControl);
  const targeted = targetedField(answer);
  const said = targeted ?? ordinary;
  if (said.isPrivate || (answer.authorized && !sharedThoughAuthorized(said))) return notKept(age);
  const lifetime =
    terms.storeSeconds > 0
      ? STORED_BY_RULE.includes(answer.status)
        ? terms.storeSeconds
        : 0
      : lifetimeOf(answer, { said, targeted: targeted !== undefined, heuristic: terms.heuristic, now });
  // A rule counts from now on: the origin's own clock does not matter to it.
  const left = terms.storeSeconds > 0 ? lifetime : lifetime - age;
  if (age < 0 || left <= 0) return notKept(age);
  const seconds = Math.min(left, CACHE_LIFE_SECONDS_MAX);
  const strict = said.mustRevalidate || said.proxyRevalidate || said.noCache || said.sMaxAge >= 0;
  const staleMax = strict ? 0 : CACHE_LIFE_SECONDS_MAX - seconds;
  return {
    seconds,
    age,
    staleWhileRevalidate: Math.min(
      staleMax,
      said.staleWhileRevalidate >= 0 ? said.staleWhileRevalidate : terms.staleWhileRevalidateSeconds,
    ),
    staleIfError: Math.min(staleMax, said.staleIfError >= 0 ? said.staleIfError : terms.staleIfErrorSeconds),
  };
}

/** The field meant for caches such as this one, which then stands instead of Cache-Control and Expires (RFC 9213 §2.2). */
function targetedField(answer: AnswerFacts): CacheDirectives | undefined {
  if (trimmed(answer.cdnCacheControl) !== "") return parseCacheControl(answer.cdnCacheControl);
  if (trimmed(answer.surrogateControl) === "") return undefined;
  // A member may be for one surrogate alone ("max-age=60;that-one"): it is not for this one.
  const ours: string[] = [];
  for (const member of membersOf(answer.surrogateControl)) if (!member.includes(";")) ours.push(member);
  return ours.length === 0 ? undefined : parseCacheControl(ours.join(", "));
}

function lifetimeOf(
  answer: AnswerFacts,
  by: {
    readonly said: CacheDirectives;
    readonly targeted: boolean;
    readonly heuristic: boolean;
    readonly now: number;
  },
): number {
  const { said, now } = by;
  const understood = UNDERSTOOD.includes(answer.status);
  if (said.mustUnderstand ? !understood : said.noStore) return 0;
  if (said.noCache) return 0;
  if (said.sMaxAge >= 0) return said.sMaxAge;
  if (said.maxAge >= 0) return said.maxAge;
  const dated = parseHttpDate(answer.date, now);
  const date = dated < 0 ? now : dated;
  if (!by.targeted && answer.expires !== "") {
    const expires = parseHttpDate(answer.expires, now);
    return expires < 0 ? 0 : expires - date;
  }
  if (!by.heuristic || !HEURISTIC_STATUSES.includes(answer.status)) return 0;
  const changed = parseHttpDate(answer.lastModified, now);
  if (changed < 0) return 0;
  return Math.min(HEURISTIC_SECONDS_MAX, Math.floor(Math.max(0, date - changed) * HEURISTIC_PART));
}

/** RFC 9111 §4.2.3 without the delay of the response, which the edge does not know. -1: the field is no number, or there are two of them, so it may be as old as can be. */
export function ageOf(answer: Pick<AnswerFacts, "age" | "date">, now: number): number {
  const dated = parseHttpDate(answer.date, now);
  const apparent = dated < 0 ? 0 : Math.max(0, now - dated);
  if (answer.age === "") return apparent;
  const value = trimmed(answer.age);
  if (value === "" || value.length > 12) return -1;
  for (let i = 0; i < value.length; i++) if (!"0123456789".includes(value.charAt(i))) return -1;
  return Math.max(apparent, Number(value));
}

/** "*" anywhere in the list says that nothing of the request tells when the answer fits (RFC 9110 §12.5.5). */
function variesByAll(vary: string): boolean {
  if (vary.length > 1024) return true;
  for (const member of vary.split(",")) if (trimmed(member) === "*") return true;
  return false;
}

/** RFC 9111 §3.5. */
function sharedThoughAuthorized(said: CacheDirectives): boolean {
  return said.isPublic || said.mustRevalidate || said.sMaxAge >= 0;
}

function notKept(age: number): Life {
  return { seconds: 0, age, staleWhileRevalidate: 0, staleIfError: 0 };
}
