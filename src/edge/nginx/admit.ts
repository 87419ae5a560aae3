/**
 * ADMIT: the first thing that runs for a request, before its body is read. A plain request of a known site costs one look into nginx's own
 * memory (`plain-request.ts`: which host, anything odd?), one table look-up and, where the site has a limit, one atomic addition.
 * Whatever is odd about a request, or new, sends it the careful way, where its whole head is judged. Should nginx's memory have another
 * form than the one that was proved, the same is asked through one variable, `p_key`: "HOST RAW-HOST CONNECTION REST", where REST is every
 * other field that makes a request less than plain; no field's value ends in a space, so an odd request's key never equals a remembered one.
 */
import { isStaticExtension, isStaticPath } from "../cache-rules.ts";
import { judge, retryAfterSeconds, type Allowance } from "../client-limit.ts";
import { contentLength, isLoop, nominatedFields } from "../forwarding.ts";
import { normaliseHost } from "../hostname.ts";
import { measureOn, measuresOfPath, type MeasureMap, type PreparedMeasure } from "../measure-match.ts";
import { queryOf } from "../request-target.ts";
import { splitPass } from "../warning-pass.ts";
import { answerOverLimit, answerError, answerNotice } from "./answer.ts";
import { isAllowed } from "./allowed.ts";
import { inForce, isBanned, refuseBanned } from "./bans.ts";
import { isGated, takePlace } from "./gate.ts";
import { stopsAtGuard } from "./guard.ts";
import { isBodyUnannounced, isHeadSound } from "./head.ts";
import { goOn } from "./cache-way.ts";
import { takesProof } from "./challenge-proof.ts";
import { canRead, clientBytes, decodedPath, extension, plainHost, shortAddress } from "./plain-request.ts";
import { mark } from "./request-marks.ts";
import { stopsAtRules } from "./rules.ts";
import { countRefusal, takeDue } from "./sample.ts";
import { memory, rememberKey, routeOf, settle, siteOfHost, type Loaded, type Route } from "./sites.ts";
import { passWarning } from "./warning.ts";
import { answersInFront, sentToHttps } from "./well-known.ts";

const limits = ngx.shared["parapet_limits"]!;
const HEADERS_MAX = 100;

export const settings = { cdnId: "" };

/** Whether each request's head is judged by its bytes, or only that of requests which go the careful way. */
export const strict = { everyHead: false };
const HTTP_BAD_REQUEST = 400;
const HTTP_TOO_LARGE = 413;
const ERROR_STATUS_MIN = 300;

/** `keyName`: the variable of this listener. Over TLS the key begins with "/" and the name in SNI: no hostname holds a slash. */
export function admit(keyName: "p_key" | "p_tls_key", tls: boolean): void {
  // An error page on its way out: the request was judged before. Below lies 9, which is how Lua sees a request without a version.
  if (ngx.status >= ERROR_STATUS_MIN) return;
  if (strict.everyHead && !isHeadSound()) return refuseMalformed();
  let key: string;
  const readable = canRead();
  if (readable) {
    key = plainHost();
    if (tls && key !== "" && key !== ngx.var["ssl_server_name"]) key = "";
  } else key = ngx.var[keyName]!;
  let route = memory.byKey[key];
  let chunked = false;
  if (route === undefined) {
    route = carefully(key, tls);
    if (route === undefined) return;
    chunked = ngx.var["http_transfer_encoding"] !== undefined;
  }
  // Over HTTP/2 a body may come without a field that would make the request odd.
  if (tls && !chunked) chunked = isBodyUnannounced();
  const site = route.site;
  const front = site.front;
  if (front !== undefined && answersInFront(front, tls)) return;
  const allowance = route.allowance;
  let client = "";
  if (allowance !== undefined || inForce.any) {
    const address = readable ? clientBytes() : shortAddress(ngx.var["binary_remote_addr"]!);
    client = site.limitPrefix + address;
    if (inForce.any && isBanned(site, client, address)) {
      countRefusal(site, "banned");
      return refuseBanned(site.siteId);
    }
  }
  if (route.measures !== undefined && stopsAtMeasure(site, route.measures)) return;
  if (site.rules !== undefined && stopsAtRules(site)) return;
  if (allowance !== undefined) {
    const now = ngx.now();
    const [used] = limits.incr(client, allowance.costSeconds, now, allowance.rememberSeconds);
    if (used !== undefined) {
      const judged = judge(used, now, allowance);
      if (judged === "refuse") {
        limits.incr(client, -allowance.costSeconds); // A refused request costs nothing, and one on an allow-list neither.
        if (!isAllowed(site)) {
          countRefusal(site, "limited");
          return refuseClient(used, allowance);
        }
      }
      if (judged === "renew") limits.set(client, now + allowance.costSeconds, allowance.rememberSeconds);
    }
  }
  if (site.guard !== undefined && stopsAtGuard(site, tls)) return;
  if (front !== undefined && front.toHttps && sentToHttps(tls)) return;
  mark(site.siteId);
  settle(site);
  const watched = site.watched;
  const seen = watched.seen + 1;
  watched.seen = seen;
  if (seen >= watched.sampleAt) takeDue(site);
  if (site.special || chunked) {
    if (readable ? isStaticExtension(extension()) : isStaticPath(ngx.var["uri"]!)) watched.assets += 1;
    return goOn(site, chunked);
  }
  // A plain site keeps what its paths say are files. Almost all other paths have no extension, which is one comparison.
  if (!readable) {
    if (!isStaticPath(ngx.var["uri"]!)) return isGated(site.siteId) ? passGate(site) : undefined;
    watched.assets += 1;
    return goOn(site, chunked);
  }
  const named = extension();
  if (named === "" || !isStaticExtension(named)) return isGated(site.siteId) ? passGate(site) : undefined;
  watched.assets += 1;
  return key === "" ? goOn(site, chunked) : ngx.exec("@kept");
}

/** Many more requests of this site came than usual: those for its origin take turns. */
function passGate(site: Loaded): void {
  if (ngx.var["content_length"] !== undefined) ngx.req.read_body();
  const present = takePlace(site, true);
  if (present === undefined) return;
  return present.special ? goOn(present, false) : ngx.exec("@gated");
}

function refuseClient(used: number, allowance: Allowance): void {
  ngx.header["Retry-After"] = string.format("%d", retryAfterSeconds(used, ngx.now(), allowance));
  return answerOverLimit();
}

/** As a status and not as an answer, since nginx then closes the connection: what follows may belong to what was not understood. */
function refuseMalformed(): void {
  return ngx.exit(HTTP_BAD_REQUEST);
}

/** Finds the site of a request that is not plain, or answers it and returns nothing. */
function carefully(key: string, tls: boolean): Route | undefined {
  if (!strict.everyHead && !isHeadSound()) {
    refuseMalformed();
    return undefined;
  }
  const raw = ngx.var["http_host"];
  const host = raw === undefined ? null : normaliseHost(raw);
  if (host === null) {
    // HTTP/1.0 without Host names no site; a Host that is no name is an address of this machine or nonsense.
    answerError("host.unknown");
    return undefined;
  }
  if (host !== ngx.var["host"]) {
    // The target names one host and the Host field another (RFC 9112 §3.2.2): the origin would hear the wrong one.
    refuseMalformed();
    return undefined;
  }
  if (tls && host !== normaliseHost(ngx.var["ssl_server_name"] ?? "")) {
    // A browser that shares a connection among names asks again on one of its own (RFC 9110 §15.5.20).
    answerError("host.misdirected");
    return undefined;
  }
  const site = siteOfHost(host);
  if (site === undefined) {
    answerError("host.unknown");
    return undefined;
  }
  // Before anything else: a proof is cheap to take. It is a POST, so that plain requests never come here.
  if (takesProof(site)) return undefined;
  const route = routeOf(site, host);
  if (ngx.var["p_odd"] === "") {
    if (key !== "") rememberKey(key, route);
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
      refuseMalformed();
      return false;
    }
    for (const name of nominated) ngx.req.clear_header(name);
  }
  const announced = ngx.var["http_content_length"];
  if (announced !== undefined) {
    const bytes = contentLength(announced);
    if (bytes < 0 || bytes > site.bodyBytesMax) {
      // As a status, for nginx then closes the connection and does not invite the body of a client that waits with it.
      if (bytes < 0) refuseMalformed();
      else ngx.exit(HTTP_TOO_LARGE);
      return false;
    }
  }
  return true;
}

/** True when a measure answered the request. */
function stopsAtMeasure(site: Loaded, map: MeasureMap): boolean {
  const path = canRead() ? decodedPath() : ngx.var["uri"]!;
  const measures = measuresOfPath(map, path);
  if (measures === undefined) return false;
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
