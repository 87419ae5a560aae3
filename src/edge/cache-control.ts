/**
 * What a Cache-Control field says to a shared cache (RFC 9111 §5.2.2, RFC 5861, RFC 9213). Read once, from all lines of the field
 * joined by commas. Where a field can be read in two ways the stricter one holds: of several max-age the smallest, a number
 * that is none counts as 0, and a directive inside a quoted string is no directive.
 */
import { trimmed } from "./trimmed.ts";

export type CacheDirectives = {
  noStore: boolean;
  noCache: boolean;
  isPrivate: boolean;
  isPublic: boolean;
  mustRevalidate: boolean;
  proxyRevalidate: boolean;
  mustUnderstand: boolean;
  /** Seconds; -1 where the field does not say. */
  maxAge: number;
  sMaxAge: number;
  staleWhileRevalidate: number;
  staleIfError: number;
};

/** Longer fields are not read: what they say of freshness is unknown, so nothing is kept. */
export const CACHE_CONTROL_CHARS_MAX = 4096;
/** RFC 9111 §1.2.2: larger numbers mean "for ever". */
const DELTA_SECONDS_MAX = 2_147_483_648;
const DIGITS = "0123456789";

export function parseCacheControl(field: string): CacheDirectives {
  const said = nothingSaid();
  if (field.length > CACHE_CONTROL_CHARS_MAX) {
    said.noStore = true;
    return said;
  }
  for (const member of membersOf(field)) {
    const equals = member.indexOf("=");
    const name = (equals < 0 ? member : member.substring(0, equals)).toLowerCase();
    take(said, name, equals < 0 ? "" : member.substring(equals + 1));
  }
  return said;
}

export function nothingSaid(): CacheDirectives {
  return {
    noStore: false,
    noCache: false,
    isPrivate: false,
    isPublic: false,
    mustRevalidate: false,
    proxyRevalidate: false,
    mustUnderstand: false,
    maxAge: -1,
    sMaxAge: -1,
    staleWhileRevalidate: -1,
    staleIfError: -1,
  };
}

function take(said: CacheDirectives, name: string, value: string): void {
  if (name === "no-store") said.noStore = true;
  else if (name === "no-cache") said.noCache = true;
  else if (name === "private") said.isPrivate = true;
  else if (name === "public") said.isPublic = true;
  else if (name === "must-revalidate") said.mustRevalidate = true;
  else if (name === "proxy-revalidate") said.proxyRevalidate = true;
  else if (name === "must-understand") said.mustUnderstand = true;
  else if (name === "max-age") said.maxAge = stricter(said.maxAge, value);
  else if (name === "s-maxage") said.sMaxAge = stricter(said.sMaxAge, value);
  else if (name === "stale-while-revalidate")
    said.staleWhileRevalidate = stricter(said.staleWhileRevalidate, value);
  else if (name === "stale-if-error") said.staleIfError = stricter(said.staleIfError, value);
  // A space before "=" makes another name of it; whoever wrote it meant to limit freshness, so nothing is taken for fresh.
  else if (trimmed(name) === "max-age") said.maxAge = 0;
  else if (trimmed(name) === "s-maxage") said.sMaxAge = 0;
}

function stricter(before: number, value: string): number {
  const seconds = deltaSeconds(value);
  return before >= 0 && before < seconds ? before : seconds;
}

/** A token of digits, quoted or not; anything else is 0. */
function deltaSeconds(value: string): number {
  const plain =
    value.length >= 2 && value.charAt(0) === '"' && value.charAt(value.length - 1) === '"'
      ? value.substring(1, value.length - 1)
      : value;
  if (plain === "" || plain.length > 30) return 0;
  for (let i = 0; i < plain.length; i++) if (!DIGITS.includes(plain.charAt(i))) return 0;
  return Math.min(Number(plain), DELTA_SECONDS_MAX);
}

/** The members of a comma-separated list, trimmed; commas inside quoted strings (RFC 9110 §5.6.4) separate nothing. */
export function membersOf(field: string): string[] {
  const members: string[] = [];
  let start = 0;
  let quoted = false;
  let i = 0;
  while (i < field.length) {
    const char = field.charAt(i);
    if (quoted && char === "\\") i += 1;
    else if (char === '"') quoted = !quoted;
    else if (char === "," && !quoted) {
      pushTrimmed(members, field.substring(start, i));
      start = i + 1;
    }
    i += 1;
  }
  pushTrimmed(members, field.substring(start));
  return members;
}

function pushTrimmed(members: string[], raw: string): void {
  const member = trimmed(raw);
  if (member !== "") members.push(member);
}
