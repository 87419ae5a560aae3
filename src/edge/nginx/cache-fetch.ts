/**
 * The hop between the store and the origin. It takes a request on behalf of the store, sends it the site's own way, and writes on the
 * answer what the store needs to know: for how long it may be kept, its age, and, for a 304, the fields that the stored answer gets anew. Names that
 * begin with "X-Parapet-" are the hop's own: whatever an origin sends under them is dropped here.
 */
import * as cjson from "cjson.safe";
import { keyTarget } from "../cache-key.ts";
import { guessesFreshness, storeSecondsOf } from "../cache-rules.ts";
import { lifeOf, type AnswerFacts, type Life } from "../freshness.ts";
import { nominatedFields } from "../forwarding.ts";
import { answerNginxError } from "./answer.ts";
import { mayStore, rememberUncacheable } from "./cache-memory.ts";
import { doubt } from "./doubts.ts";
import { isGated, noteHead, takePlace } from "./gate.ts";
import { settle, siteById, type Loaded } from "./sites.ts";
import { noteTags } from "./tag-memory.ts";
import { leave, takeWay } from "./way.ts";

type Fields = Record<string, string | string[] | undefined>;

/** What an answer of unannounced length is counted as. */
const UNKNOWN_BYTES = 64 * 1024;
const FIELDS_MAX = 300;
const HTTP_MISDIRECTED = 421;
const NGX_ERROR = -1;
/** nginx closes the connection without an answer. */
const HTTP_CLOSE = 444;
/** Fields of a 304 that say nothing of the stored answer (RFC 9111 §3.2), or that only the body's own answer can say. */
const NOT_MERGED: Record<string, boolean | undefined> = {};
for (const name of [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-request-id",
  "server",
  "content-length",
  "content-encoding",
  "content-range",
  "content-md5",
  "etag",
  "x-accel-buffering",
]) {
  NOT_MERGED[name] = true;
}

/** First thing in the fetch server. */
export function fetch(): void {
  if (ngx.status !== 0) return; // An error page on its way out.
  const site = siteById(ngx.var["http_x_parapet_site"] ?? "");
  if (site === undefined) return ngx.exit(HTTP_MISDIRECTED);
  ngx.var["p_site"] = site.siteId;
  ngx.var["p_request"] = ngx.var["http_x_request_id"];
  settle(site);
  const conditional =
    ngx.var["http_if_none_match"] !== undefined || ngx.var["http_if_modified_since"] !== undefined;
  if (conditional && ngx.var["http_x_parapet_step"] === undefined && ngx.req.get_method() === "GET") {
    return ngx.exec("@revalidate");
  }
  if (site.special) return takeWay(site, false);
  if (isGated(site.siteId)) takePlace(site, false);
}

/** Where nothing came from the origin: the store may have something that is too old, and is told so by silence. */
export function failFetch(): void {
  if (ngx.var["http_x_parapet_store"] === "EXPIRED") return ngx.exit(HTTP_CLOSE);
  answerNginxError();
}

/** Header filter of every way to an origin. */
export function judge(): void {
  noteHead();
  const site = siteById(ngx.var["p_site"] ?? "");
  if (site === undefined) return;
  const fields = cleanFields();
  const reason = ngx.var["p_reason"]!;
  if (ngx.var["http_x_parapet_store"] === "EXPIRED" && reason === "" && makesStaleUseful(site, ngx.status)) {
    // Only a broken answer makes the store look for a stale one; where there is none, it says itself that the origin is down.
    return ngx.exit(NGX_ERROR);
  }
  if (reason !== "") ngx.header["X-Parapet-Reason"] = reason;
  const method = ngx.req.get_method();
  if (method !== "GET" && method !== "HEAD") {
    if (reason === "" && ngx.status < 400) doubtStored(site, fields);
    return doNotKeep({ age: -1 }, fields);
  }
  if (ngx.status === 304 && ngx.var["http_x_parapet_step"] === "revalidate") return pack(fields);
  const life = lifeOf(factsOf(fields, ngx.status), termsOf(site), ngx.time());
  if (life.seconds <= 0 && site.cache.careful && ngx.status < 500) {
    rememberUncacheable(site.siteId, ngx.var["host"]!, ngx.var["request_uri"]!);
  }
  const bytes = tonumber(joined(fields["content-length"])) ?? UNKNOWN_BYTES;
  if (life.seconds > 0 && !mayStore(site.siteId, bytes, site.cache.settings)) {
    return doNotKeep(life, fields);
  }
  if (life.seconds > 0) {
    const isMiss = ngx.var["http_x_parapet_store"] === "MISS";
    if (!noteTags(site.siteId, keyOf(), { tags: tagsOf(fields), isMiss, vary: joined(fields["vary"]) }))
      return doNotKeep(life, fields);
  }
  dress(life, fields);
}

function doNotKeep({ age }: { readonly age: number }, fields: Fields): void {
  dress({ seconds: 0, age, staleWhileRevalidate: 0, staleIfError: 0 }, fields);
}

/** The name under which the store asks. */
function keyOf(): string {
  return ngx.var["http_x_parapet_key"] ?? "";
}

function tagsOf(fields: Fields): string {
  const [own, surrogate] = [joined(fields["cache-tag"]), joined(fields["surrogate-key"])];
  return own === "" || surrogate === "" ? own + surrogate : `${own},${surrogate}`;
}

/** Whether an expired answer is better than this one, if it may be used at all (RFC 5861 §4). */
function makesStaleUseful(site: Loaded, status: number): boolean {
  if (site.cache.settings.staleIfErrorSeconds === 0) return false;
  return status === 500 || status === 502 || status === 503 || status === 504;
}

/** The fields as the origin sent them, without those that are not for others: of one connection, or with names of the hop's own. */
function cleanFields(): Fields {
  const nominated = ngx.var["upstream_http_connection"];
  if (nominated !== undefined) {
    for (const name of nominatedFields(nominated) ?? []) ngx.header[name] = undefined;
  }
  const fields = ngx.resp.get_headers(FIELDS_MAX);
  for (const [name] of pairs(fields)) {
    if (name.startsWith("x-parapet-")) {
      ngx.header[name] = undefined;
      fields[name] = undefined;
    }
  }
  return fields;
}

function termsOf(site: Loaded): Parameters<typeof lifeOf>[1] {
  const path = ngx.var["uri"]!;
  const { settings } = site.cache;
  return {
    storeSeconds: Math.max(0, storeSecondsOf(settings, path)),
    heuristic: guessesFreshness(settings, path),
    staleWhileRevalidateSeconds: settings.staleWhileRevalidateSeconds,
    staleIfErrorSeconds: settings.staleIfErrorSeconds,
  };
}

function factsOf(fields: Fields, status: number): AnswerFacts {
  return {
    status,
    cacheControl: joined(fields["cache-control"]),
    cdnCacheControl: joined(fields["cdn-cache-control"]),
    surrogateControl: joined(fields["surrogate-control"]),
    expires: joined(fields["expires"]),
    date: joined(fields["date"]),
    age: joined(fields["age"]),
    vary: joined(fields["vary"]),
    lastModified: joined(fields["last-modified"]),
    setsCookie: fields["set-cookie"] !== undefined || fields["set-cookie2"] !== undefined,
    authorized: ngx.var["http_authorization"] !== undefined,
  };
}

/** Writes the answer's life where the store reads it, and puts aside what the visitor is to see in its place. */
function dress(life: Life, fields: Fields): void {
  const said = joined(fields["cache-control"]);
  ngx.header["X-Parapet-Said"] = said === "" ? undefined : said;
  ngx.header["X-Parapet-Targeted"] = targetedOf(fields);
  ngx.header["CDN-Cache-Control"] = undefined;
  ngx.header["Surrogate-Control"] = undefined;
  ngx.header["Cache-Tag"] = undefined;
  ngx.header["Surrogate-Key"] = undefined;
  const vary = fields["vary"];
  if (type(vary) === "table") ngx.header["Vary"] = joined(vary);
  if (life.seconds > 0 || (life.age >= 0 && fields["age"] !== undefined)) {
    ngx.header["X-Parapet-Born"] = string.format("%d", ngx.time() - life.age);
  }
  if (life.seconds <= 0) {
    ngx.header["Cache-Control"] = "no-store";
    ngx.header["X-Accel-Buffering"] = "no"; // The hop has buffered it already.
    return;
  }
  // nginx takes an answer for fresh up to and including its last second.
  const seconds = Math.max(1, life.seconds - 1);
  ngx.header["Cache-Control"] = string.format(
    "max-age=%d, stale-while-revalidate=%d, stale-if-error=%d",
    seconds,
    life.staleWhileRevalidate,
    life.staleIfError,
  );
}

/** The field that stands instead of Cache-Control: kept, as a later 304 may not repeat it. */
function targetedOf(fields: Fields): string | undefined {
  const ours = joined(fields["cdn-cache-control"]);
  if (ours !== "") return ours;
  return undefined;
}

/** All fields of a 304, for the hop before this one, which cannot see them otherwise. */
function pack(fields: Fields): void {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of pairs(fields)) {
    if (value !== undefined && NOT_MERGED[name] === undefined) kept[name] = value;
  }
  const [json] = cjson.encode(kept);
  ngx.header["X-Parapet-Fresh"] = ngx.encode_base64(json ?? "{}");
}

/** Rewrite phase of `@stored`: the 304's fields are still those of the last upstream. */
export function takeStored(): void {
  ngx.var["p_fresh"] = ngx.var["upstream_http_x_parapet_fresh"] ?? "";
  forgetConditions();
}

export function again(): void {
  forgetConditions();
  const site = siteById(ngx.var["p_site"] ?? "");
  if (site === undefined) return ngx.exit(HTTP_MISDIRECTED);
  settle(site);
  leave(site);
}

function forgetConditions(): void {
  ngx.req.clear_header("If-None-Match");
  ngx.req.clear_header("If-Modified-Since");
}

/** Header filter of `@stored`. */
export function merge(): void {
  const site = siteById(ngx.var["p_site"] ?? "");
  if (site === undefined) return;
  const fields = ngx.resp.get_headers(FIELDS_MAX);
  fields["cache-control"] = fields["x-parapet-said"];
  fields["cdn-cache-control"] = fields["x-parapet-targeted"];
  fields["age"] = undefined;
  const [fresh] = cjson.decode(ngx.decode_base64(ngx.var["p_fresh"]!) ?? "");
  if (fresh !== undefined) {
    for (const [name, value] of pairs(fresh as Fields)) {
      fields[name] = value;
      if (name !== "cache-control") ngx.header[name] = value as string;
    }
  }
  for (const name of ["x-parapet-born", "x-parapet-reason", "age"]) ngx.header[name] = undefined;
  const life = lifeOf(factsOf(fields, ngx.status), termsOf(site), ngx.time());
  // What is known of the address grows by what a 304 says; it begins with a miss alone.
  if (noteTags(site.siteId, keyOf(), { tags: tagsOf(fields), isMiss: false, vary: "" })) dress(life, fields);
  else doNotKeep(life, fields);
}

/** A request that changed something makes what is stored of it doubtful, and of what it says that it changed (RFC 9111 §4.4). */
function doubtStored(site: Loaded, fields: Fields): void {
  const host = ngx.var["host"]!;
  const target = ngx.var["request_uri"]!;
  const doubtOne = (one: string): void => doubt(site.siteId, host, keyTarget(one, site.cache.settings));
  doubtOne(target);
  for (const name of ["location", "content-location"]) {
    const other = targetOn(host, target, joined(fields[name]));
    if (other !== "" && other !== target) doubtOne(other);
  }
}

/** The target on this host that a reference leads to, or "" when it leads elsewhere. */
function targetOn(host: string, base: string, reference: string): string {
  let rest = reference;
  for (const scheme of ["http://", "https://"]) {
    if (!rest.startsWith(scheme)) continue;
    const slash = rest.indexOf("/", scheme.length);
    const authority = slash < 0 ? rest.substring(scheme.length) : rest.substring(scheme.length, slash);
    const [name = ""] = authority.toLowerCase().split(":");
    if (name !== host) return "";
    rest = slash < 0 ? "/" : rest.substring(slash);
  }
  if (rest === "" || rest.startsWith("//")) return "";
  const hash = rest.indexOf("#");
  if (hash >= 0) rest = rest.substring(0, hash);
  if (rest.startsWith("/")) return rest;
  const [path = "/"] = base.split("?");
  let end = path.length;
  while (end > 0 && path.charAt(end - 1) !== "/") end -= 1;
  return path.substring(0, end) + rest;
}

function joined(value: string | string[] | undefined): string {
  if (value === undefined) return "";
  if (type(value) === "string") return value as string;
  return (value as string[]).join(", ");
}
