/**
 * What the edge does with one request, and why. The reason code is shown to the visitor beside the request id,
 * written to the log, and findable in the console. Shared by the request path (compiled to Lua) and by the control
 * plane, so it holds nothing but constants and types.
 */

export const VERDICTS = ["pass", "notice", "warn", "challenge", "throttle", "block"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Closed list: a reason that is not here cannot be given. */
export const REASON_STATUS = {
  /** No site on this edge has that hostname (RFC 9110 §15.5.20, Misdirected Request). */
  "host.unknown": 421,
  /** A measure of the abuse desk stands on this URL, path, hostname or site (RFC 7725). */
  "measure.notice": 451,
  /** A warning of the abuse desk stands here; the visitor may go on. */
  "measure.warning": 200,
  /** The owner of the site keeps this request out: by path, method, address, network or country. */
  "access.denied": 403,
  /** The owner of the site asks crawlers of this kind to stay away. */
  "access.crawler": 403,
  /** This client is kept out for a time. */
  "client.banned": 403,
  /** The owner of the site is working on it. */
  "site.maintenance": 503,
  /** Many more visitors came than usual, and no place at the site's server became free in time. */
  "site.busy": 503,
  /** The owner of the site sends this address elsewhere. */
  "site.redirect": 308,
  /** The connection was opened for another name than the request asks for (RFC 9110 §15.5.20). */
  "host.misdirected": 421,
  /** This client asked faster than the site's limit (RFC 6585 §4). */
  "limit.client": 429,
  /** A protection rule of the site's owner keeps this request out. */
  "rule.blocked": 403,
  /** A protection rule of the site's owner lets through only so many of these (RFC 6585 §4). */
  "rule.throttled": 429,
  /** The request looks like those of a flood that is going on. */
  "flood.blocked": 403,
  /** The same, and its client is asked to wait (RFC 6585 §4). */
  "flood.throttled": 429,
  /** A browser is asked to show that it is one, and may then go on. */
  "challenge.asked": 403,
  /** The request came through this edge before (RFC 8586). */
  "origin.loop": 508,
  /** The origin could not be reached. */
  "origin.down": 502,
  /** The origin took too long. */
  "origin.slow": 504,
  /** The request body is larger than the site allows. */
  "request.body-too-large": 413,
  /** The request's header section is larger than the edge allows (RFC 6585 §5). */
  "request.headers-too-large": 431,
  /** The request cannot be understood without guessing, so it is not forwarded. */
  "request.malformed": 400,
  /** The edge itself failed; nothing is known against the request. */
  "edge.failed": 500,
} as const satisfies Record<string, number>;

export type ReasonCode = keyof typeof REASON_STATUS;
