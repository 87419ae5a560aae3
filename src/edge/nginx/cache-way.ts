/**
 * Whether a request goes through the cache, and under which name. A site with nothing but the usual settings never comes here: ADMIT
 * sends paths that end like a file to the store. Every other site is marked as special, and is decided here: rules by path, bypass by
 * cookie and field, meaningless parts of the query, and purges, each of which gives what it names another key.
 */
import { keyTarget } from "../cache-key.ts";
import { purgeNumber } from "../cache-purges.ts";
import { hasCookie, storeSecondsOf } from "../cache-rules.ts";
import { isUncacheable } from "./cache-memory.ts";
import { doubtsOf } from "./doubts.ts";
import { TAG_SALT, tagPurgeOf } from "./tag-memory.ts";
import type { Loaded } from "./sites.ts";
import { takeWay } from "./way.ts";

/** Where what may change a stored answer goes. */
export const CHANGING = "@changing";

/** Sends a request that has been let in on its way: to the cache or to its origin. */
export function goOn(site: Loaded, chunked: boolean): void {
  if (chunked) return takeWay(site, chunked);
  const { settings } = site.cache;
  const path = ngx.var["uri"]!;
  if (storeSecondsOf(settings, path) < 0 || isConversation()) return passBy(site);
  if (!isRead()) return isSafe() ? passBy(site) : ngx.exec(CHANGING);
  if (isBypassed(site)) return passBy(site);
  const host = ngx.var["host"]!;
  const target = ngx.var["request_uri"]!;
  if (isUncacheable(site.siteId, host, target)) return passBy(site);
  takeKey(site, { host, path, target });
  // nginx asks both conditions of its stored answer where the tag alone decides (RFC 9110 §13.2.2).
  if (ngx.var["http_if_none_match"] !== undefined) ngx.req.clear_header("If-Modified-Since");
  return ngx.exec("@cached");
}

/**
 * Whether a request whose body was read may change what is stored of its address (RFC 9111 §4.4). Then it goes through the hop that judges
 * its answer.
 */
export function changesStored(site: Loaded): boolean {
  if (isRead() || isSafe()) return false;
  return storeSecondsOf(site.cache.settings, ngx.var["uri"]!) >= 0 && !isConversation();
}

function isRead(): boolean {
  const method = ngx.req.get_method();
  return method === "GET" || method === "HEAD";
}

/** Of what is not read. */
function isSafe(): boolean {
  const method = ngx.req.get_method();
  return method === "OPTIONS" || method === "TRACE";
}

/** The key's parts, as far as they differ from the usual. */
function takeKey(
  site: Loaded,
  asked: { readonly host: string; readonly path: string; readonly target: string },
): void {
  const { settings, purges, tagPurges } = site.cache;
  const { host, path, target } = asked;
  let named = target;
  if (settings.ignoreQuery.length > 0 || settings.sortQuery) {
    named = keyTarget(target, settings);
    ngx.var["p_target"] = named;
  }
  let salt = site.cache.salt;
  if (tagPurges !== undefined) {
    const purged = tagPurgeOf(site.siteId, tagPurges, named);
    if (purged > 0) salt = `${salt}${TAG_SALT}${string.format("%d", purged)}`;
  }
  if (purges !== undefined) {
    const purged = purgeNumber(purges, { host, path, query: ngx.var["args"] ?? "" });
    if (purged > 0) salt = `${salt}p${string.format("%d", purged)}`;
  }
  const doubted = doubtsOf(site.siteId, host, named);
  if (doubted > 0) salt = `${salt}i${string.format("%d", doubted)}`;
  if (salt !== "") ngx.var["p_salt"] = salt;
}

/** An upgrade or gRPC: no answers that could be kept. */
function isConversation(): boolean {
  if (ngx.var["http_upgrade"] !== undefined) return true;
  const content = ngx.var["content_type"];
  return content !== undefined && content.startsWith("application/grpc");
}

/** By cookie or field. It is said of reading: who is signed in changes what all others are shown. */
function isBypassed(site: Loaded): boolean {
  const { bypassCookies, bypassHeaders } = site.cache.settings;
  if (bypassCookies.length > 0 && hasCookie(ngx.var["http_cookie"] ?? "", bypassCookies)) return true;
  if (bypassHeaders.length === 0) return false;
  const headers = ngx.req.get_headers(100);
  for (const name of bypassHeaders) if (headers[name.toLowerCase()] !== undefined) return true;
  return false;
}

/** To the origin. What nothing more is done about goes to the plain location by itself. */
function passBy(site: Loaded): void {
  return takeWay(site, false);
}
