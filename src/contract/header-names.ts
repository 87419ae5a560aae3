/**
 * Header fields that an owner's rules may not touch. Some belong to one connection and not to the message (RFC 9110 §7.6.1), some are how
 * edge and origin know where a message ends, and some are what the edge itself answers for: who the client is, which request it was,
 * which part of a page is asked for. All names in lower case.
 */

const OF_THE_CONNECTION = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "content-length",
  "x-request-id",
];

/** Why a rule towards the origin cannot have one of these: Host is the pool's, the others are said by the edge or belong to caching. */
const OF_THE_REQUEST = [
  "host",
  "expect",
  "cdn-loop",
  "forwarded",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-forwarded-for",
  "x-original-url",
  "x-rewrite-url",
  "true-client-ip",
  "cf-connecting-ip",
  "fastly-client-ip",
  "proxy",
  "signature",
  "signature-input",
  "content-digest",
  "range",
  "if-range",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
];

/**
 * Set-Cookie is among them: one value for every visitor would be one session for all of them, and what a cache keeps is decided by the
 * origin's own Set-Cookie. Strict-Transport-Security has a setting of its own.
 */
const OF_THE_RESPONSE = [
  "set-cookie",
  "set-cookie2",
  "content-encoding",
  "content-range",
  "age",
  "date",
  "server",
  "strict-transport-security",
  "alt-svc",
  "clear-site-data",
];

/** "" or why `name` cannot stand in a header rule. */
export function whyHeaderForbidden(on: "request" | "response", name: string): string {
  const lower = name.toLowerCase();
  if (OF_THE_CONNECTION.includes(lower)) return "belongs to the connection and to the edge";
  if (on === "request") {
    return OF_THE_REQUEST.includes(lower) || lower.startsWith("x-forwarded-")
      ? "is said by the edge itself"
      : "";
  }
  if (lower === "strict-transport-security") return "is set by tls.hstsSeconds";
  return OF_THE_RESPONSE.includes(lower) || lower.startsWith("x-accel-") ? "is said by the edge itself" : "";
}
