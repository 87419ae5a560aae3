/**
 * ADMIT: the first thing that runs for a request, before its body is read. A plain request of a known site costs one
 * variable read, one table lookup and, where the site has a limit, one address read and one atomic addition. `p_key` is
 * "HOST RAW-HOST CONNECTION REST", where REST is every other field that makes a request less than plain (body, CDN-Loop), so that
 * one lookup answers "which site?" and "anything odd?" at once. Only keys with a plain CONNECTION and an empty REST are remembered;
 * no field's value ends in a space, so an odd request's key never equals one of those, and goes the careful way.
 */
import { judge, retryAfterSeconds, type Allowance } from "../client-limit.ts";
import { contentLength, isLoop, nominatedFields } from "../forwarding.ts";
import { normaliseHost } from "../hostname.ts";
import { measureOn, type PreparedMeasure } from "../measure-match.ts";
import { queryOf } from "../request-target.ts";
import { splitPass } from "../warning-pass.ts";
import { answerError, answerNotice } from "./answer.ts";
import { nextRequestId } from "./request-id.ts";
import { memory, rememberKey, routeOf, settle, siteOfHost, type Loaded, type Route } from "./sites.ts";
import { passWarning } from "./warning.ts";
import { takeWay } from "./way.ts";

const limits = ngx.shared["parapet_limits"]!;
const HEADERS_MAX = 100;

export const settings = { cdnId: "" };

export function admit(): void {
  if (ngx.req.is_internal()) return; // An error page on its way out: the request was judged before.
  const key = ngx.var["p_key"]!;
  let route = memory.byKey[key];
  let chunked = false;
  if (route === undefined) {
    route = carefully(key);
    if (route === undefined) return;
    chunked = ngx.var["http_transfer_encoding"] !== undefined;
  }
  const site = route.site;
  if (route.measures !== undefined && stopsAtMeasure(site, route.measures)) return;
  const allowance = route.allowance;
  if (allowance !== undefined) {
    const address = ngx.var["binary_remote_addr"]!;
    const client = site.limitPrefix + (address.length > 4 ? string.sub(address, 1, 8) : address);
    const now = ngx.now();
    const [used] = limits.incr(client, allowance.costSeconds, now, allowance.rememberSeconds);
    if (used !== undefined) {
      const judged = judge(used, now, allowance);
      if (judged === "refuse") return refuseClient(client, used, allowance);
      if (judged === "renew") limits.set(client, now + allowance.costSeconds, allowance.rememberSeconds);
    }
  }
  ngx.var["p_site"] = site.siteId;
  ngx.var["p_request"] = nextRequestId();
  settle(site);
  if (site.special || chunked) return takeWay(site, chunked);
}

function refuseClient(client: string, used: number, allowance: Allowance): void {
  limits.incr(client, -allowance.costSeconds); // A refused request costs nothing.
  ngx.header["Retry-After"] = string.format("%d", retryAfterSeconds(used, ngx.now(), allowance));
  return answerError("limit.client");
}

/** Finds the site of a request that is not plain, or answers it and returns nothing. */
function carefully(key: string): Route | undefined {
  const raw = ngx.var["http_host"];
  const host = raw === undefined ? null : normaliseHost(raw);
  if (host === null) {
    // HTTP/1.0 without Host names no site; a Host that is no name is an address of this machine or nonsense.
    answerError("host.unknown");
    return undefined;
  }
  if (host !== ngx.var["host"]) {
    // The target names one host and the Host field another (RFC 9112 §3.2.2): the origin would hear the wrong one.
    answerError("request.malformed");
    return undefined;
  }
  const site = siteOfHost(host);
  if (site === undefined) {
    answerError("host.unknown");
    return undefined;
  }
  const route = routeOf(site, host);
  if (ngx.var["p_odd"] === "") {
    rememberKey(key, route);
    return route;
  }
  return oddities(site) ? route : undefined;
}

/** Checks what makes the request odd. False: it was answered. */
function oddities(site: Loaded): boolean {
  const headers = ngx.req.get_headers(HEADERS_MAX);
  const loop = joined(headers["cdn-loop"]);
  if (loop !== "") {
    if (isLoop(loop, settings.cdnId)) {
      answerError("origin.loop");
      return false;
    }
    // All its lines as one, since nginx would forward only the first of them.
    ngx.var["p_cdn_loop"] = `${loop}, ${settings.cdnId}`;
  }
  const connection = joined(headers["connection"]);
  if (connection !== "") {
    const nominated = nominatedFields(connection);
    if (nominated === null) {
      answerError("request.malformed");
      return false;
    }
    for (const name of nominated) ngx.req.clear_header(name);
  }
  const announced = ngx.var["http_content_length"];
  if (announced !== undefined) {
    const bytes = contentLength(announced);
    if (bytes < 0 || bytes > site.bodyBytesMax) {
      answerError(bytes < 0 ? "request.malformed" : "request.body-too-large");
      return false;
    }
  }
  return true;
}

/** True when a measure answered the request. */
function stopsAtMeasure(site: Loaded, measures: readonly PreparedMeasure[]): boolean {
  const path = ngx.var["uri"]!;
  const nowMs = ngx.now() * 1000;
  if (site.hasWarning) return stopsAtWarnedSite(measures, path, nowMs);
  const query = site.hasUrlMeasure ? (ngx.var["args"] ?? "") : "";
  const measure = measureOn(measures, path, query, nowMs);
  if (measure === null) return false;
  answerNotice(measure.record);
  return true;
}

/** The same where a warning may stand: then the query may hold the visitor's way past it. */
function stopsAtWarnedSite(measures: readonly PreparedMeasure[], path: string, nowMs: number): boolean {
  const asked = splitPass(ngx.var["request_uri"]!);
  const measure = measureOn(measures, path, queryOf(asked.target), nowMs);
  if (measure === null) return false;
  if (measure.record.kind === "warn") return !passWarning(measure.record, asked);
  answerNotice(measure.record);
  return true;
}

function joined(value: string | string[] | undefined): string {
  if (value === undefined) return "";
  if (type(value) === "string") return value as string;
  return (value as string[]).join(", ");
}
