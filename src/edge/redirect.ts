/**
 * Where is this path sent? The first rule that matches decides. What a visitor chose comes into the target only percent-encoded and only
 * behind the host: no spelling of a path can send anybody to another site ("//evil", "/\evil", "@evil", ".evil") or write a header line.
 */
import { LOCATION_CHARS_MAX, type RedirectRule } from "../contract/site-rules.ts";
import { canonicalPath, decodedPath } from "./request-target.ts";

export type PreparedRedirect = {
  /** Decoded; the whole path, or its beginning. */
  readonly stem: string;
  readonly isPrefix: boolean;
  /** The target, cut at each "$1". */
  readonly parts: readonly string[];
  readonly status: number;
  readonly keepQuery: boolean;
};

const HEX = "0123456789ABCDEF";
/** RFC 3986 §3.3 without what means something to somebody on the way. */
const PATH_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$'()*,:@/+=&;";
const QUERY_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

export function prepareRedirects(rules: readonly RedirectRule[]): PreparedRedirect[] {
  const prepared: PreparedRedirect[] = [];
  for (const rule of rules) {
    const isPrefix = rule.from.endsWith("*");
    const from = isPrefix ? rule.from.substring(0, rule.from.length - 1) : rule.from;
    prepared.push({
      stem: decodedPath(canonicalPath(from)),
      isPrefix,
      parts: rule.to.split("$1"),
      status: rule.status,
      keepQuery: rule.keepQuery,
    });
  }
  return prepared;
}

/** `path`: decoded, as in $uri. */
export function redirectOf(redirects: readonly PreparedRedirect[], path: string): PreparedRedirect | null {
  for (const redirect of redirects) {
    if (redirect.isPrefix ? path.startsWith(redirect.stem) : path === redirect.stem) return redirect;
  }
  return null;
}

/** The value of Location; "" when it would be longer than LOCATION_CHARS_MAX. `query`: raw, without "?". */
export function redirectTarget(redirect: PreparedRedirect, path: string, query: string): string {
  const rest = redirect.isPrefix ? path.substring(redirect.stem.length) : "";
  const kept = redirect.keepQuery ? query : "";
  if (rest.length > LOCATION_CHARS_MAX || kept.length > LOCATION_CHARS_MAX) return "";
  let target = redirect.parts[0] ?? "";
  for (let i = 1; i < redirect.parts.length; i++) {
    const plain = target.includes("?") || target.includes("#") ? QUERY_PLAIN : PATH_PLAIN;
    target = target + encoded(rest, plain) + (redirect.parts[i] ?? "");
    if (target.length > LOCATION_CHARS_MAX) return "";
  }
  // "//host" is another site (RFC 3986 §4.2): a path has one slash in front, whatever "$1" began with.
  while (target.startsWith("//")) target = target.substring(1);
  if (kept !== "") target = withQuery(target, kept);
  return target.length > LOCATION_CHARS_MAX ? "" : target;
}

function withQuery(target: string, query: string): string {
  const hash = target.indexOf("#");
  const before = hash < 0 ? target : target.substring(0, hash);
  const fragment = hash < 0 ? "" : target.substring(hash);
  return before + (before.includes("?") ? "&" : "?") + printable(query) + fragment;
}

/** Bytes of a decoded path, percent-encoded unless they are in `plain`. */
function encoded(bytes: string, plain: string): string {
  const out: string[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const char = bytes.charAt(i);
    out.push(plain.includes(char) ? char : hexOf(bytes.charCodeAt(i)));
  }
  return out.join("");
}

/** A raw query stays as it was typed, save for what has no place in a header line or in a link. */
function printable(query: string): string {
  const out: string[] = [];
  for (let i = 0; i < query.length; i++) {
    const code = query.charCodeAt(i);
    const char = query.charAt(i);
    out.push(code > 0x20 && code < 0x7f && !`"<>\\#`.includes(char) ? char : hexOf(code));
  }
  return out.join("");
}

function hexOf(byte: number): string {
  return "%" + HEX.charAt(Math.floor(byte / 16) % 16) + HEX.charAt(byte % 16);
}
