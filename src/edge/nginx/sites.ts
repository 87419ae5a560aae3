/**
 * A worker's memory of the sites. Truth lies in two shared dictionaries, written by `feed`: `hosts` (hostname → site id)
 * and `sites` (site id → JSON). What a worker has decoded it keeps until the journal names the site; `sync` drops it then. Two
 * dictionaries, since values of one size class do not fragment each other's memory.
 */
import * as cjson from "cjson.safe";
import { get_request } from "resty.core.base";
import type { EdgeSite } from "../../contract/edge-site.ts";
import type { HeaderRule } from "../../contract/site-rules.ts";
import { allowanceOf, type Allowance } from "../client-limit.ts";
import { wildcardOf } from "../hostname.ts";
import {
  mapMeasures,
  measuresOfHost,
  prepareMeasures,
  type MeasureMap,
  type PreparedMeasure,
} from "../measure-match.ts";
import { prepareOwnPages, type OwnPages } from "../own-page.ts";
import { prepareNetworks, type NetworkSet } from "../network.ts";
import { preparePaths, type PathSet } from "../path-glob.ts";
import { countsAnswers } from "../protection-rules.ts";
import { headersOn, prepareRules, type PreparedRules } from "../site-rules.ts";
import { loadCache, type LoadedCache } from "./cache-site.ts";
import { loadOrigin, type LoadedOrigin } from "./origin.ts";
import { asPreview, isPreviewId, previewId, siteIdOf } from "./preview.ts";
import { loadProtectionRules, type LoadedRule } from "./protection-site.ts";
import { loadGuard, type Guard } from "./guard-site.ts";
import { watchedOf, type Watched } from "./watched.ts";
import { loadFront, type Front } from "./well-known.ts";

export type Loaded = {
  /** Of a site seen under its preview name, the id with a slash behind it. */
  readonly siteId: string;
  /** The name that a preview stands for, "" for everything else. */
  readonly previewAs: string;
  readonly measures: readonly PreparedMeasure[];
  readonly hasWarning: boolean;
  readonly hasUrlMeasure: boolean;
  readonly allowance: Allowance | undefined;
  readonly limitPrefix: string;
  readonly bodyBytesMax: number;
  /** What is done before the origin is asked; undefined for nothing. */
  readonly front: Front | undefined;
  /** The one address of a plain origin, "" when there is more to know than that. */
  readonly address: string;
  readonly port: number;
  readonly origin: LoadedOrigin;
  readonly cache: LoadedCache;
  /** What a request is asked about; undefined where the owner set nothing of it. */
  readonly rules: PreparedRules | undefined;
  /** Whom nothing stops but a measure of the desk; undefined for nobody. */
  readonly allowNetworks: NetworkSet | undefined;
  /** Undefined for none. */
  readonly protectionRules: readonly LoadedRule[] | undefined;
  /** Whether one of them counts answers: those then pass a header filter. */
  readonly countsAnswers: boolean;
  /** Paths at which no browser is to be expected; undefined for none. */
  readonly neverChallenge: PathSet | undefined;
  /** What a request is asked about on its site's behalf; undefined for a site that nothing guards now. */
  readonly guard: Guard | undefined;
  /** What this worker counts of the site. */
  readonly watched: Watched;
  /** Pages of the owner's own by reason; undefined for none. */
  readonly pages: OwnPages | undefined;
  /** Changes to the fields that visitors get; undefined where no answer needs a filter. */
  readonly responseHeaders: readonly HeaderRule[] | undefined;
  /** Whether anything but a plain pass to a single plain-HTTP address is needed. */
  readonly special: boolean;
};

/** A site as one hostname of it sees it. */
export type Route = {
  readonly site: Loaded;
  readonly allowance: Allowance | undefined;
  /** Those that can stand on this hostname; undefined for none. */
  readonly measures: MeasureMap | undefined;
};

const hosts = ngx.shared["parapet_hosts"]!;
const sites = ngx.shared["parapet_sites"]!;
const control = ngx.shared["parapet_control"]!;

const KEYS_MAX = 20_000;
const LOADED_MAX = 20_000;

/** Whether any site that this worker knows has pages of its owner's own: where none has, no error looks for them. */
export const ownPages = { any: false };

/** `byKey`: what a plain request looks like (variable `p_key`) → its site. Filled by `admit`, for names that exist alone. */
export const memory: { byKey: Record<string, Route | undefined> } = { byKey: {} };
let keys = 0;
let loaded: Record<string, Loaded | undefined> = {};
let loadedCount = 0;

let settledRequest: object | undefined;
let settled: Loaded | undefined;
let peerTaken = false;

/** Says which site the request that runs now belongs to. */
export function settle(site: Loaded): void {
  settledRequest = get_request();
  settled = site;
  peerTaken = false;
}

/** `settledSite` for the first attempt at an origin; undefined for every later one, which has to be thought about. */
export function settledForPeer(): Loaded | undefined {
  if (peerTaken || settledRequest !== get_request()) return undefined;
  peerTaken = true;
  return settled;
}

/**
 * The site that `settle` was last called with, if that was for the request that runs now; else undefined. The request is known by
 * its address. An address is used again only by a request that was settled anew before it could come here, so an equal
 * address is the same request, and no request can be taken for another tenant's.
 */
export function settledSite(): Loaded | undefined {
  return settledRequest === get_request() ? settled : undefined;
}

export function rememberKey(key: string, route: Route): void {
  // Variants of a key (ports, letter case) are the client's to choose, so their number is bounded.
  if (keys >= KEYS_MAX) forgetKeys();
  memory.byKey[key] = route;
  keys += 1;
}

export function forgetKeys(): void {
  memory.byKey = {};
  keys = 0;
}

/**
 * Whoever was settled is looked up anew: a request may wait for its body for hours, and must not be sent where its site's connections lay
 * before.
 */
function unsettle(): void {
  settledRequest = undefined;
  settled = undefined;
}

export function forgetSite(siteId: string): void {
  unsettle();
  loaded[siteId] = undefined;
  loaded[previewId(siteId)] = undefined;
}

export function forgetAll(): void {
  unsettle();
  forgetKeys();
  loaded = {};
  loadedCount = 0;
}

/** Exact name first, then the one wildcard that can stand for it. */
export function siteOfHost(host: string): Loaded | undefined {
  const [exact] = hosts.get(host);
  if (exact !== undefined) return siteById(exact as string);
  const wildcard = wildcardOf(host);
  if (wildcard === null) return undefined;
  const [found] = hosts.get(wildcard);
  return found === undefined ? undefined : siteById(found as string);
}

export function routeOf(site: Loaded, host: string): Route {
  const measures = measuresOfHost(site.measures, site.previewAs === "" ? host : site.previewAs);
  return {
    site,
    allowance: site.allowance,
    measures: measures.length > 0 ? mapMeasures(measures) : undefined,
  };
}

export function siteById(siteId: string): Loaded | undefined {
  const known = loaded[siteId];
  if (known !== undefined) return known;
  const [json] = sites.get(siteIdOf(siteId));
  if (json === undefined) return undefined;
  const [value] = cjson.decode(json as string);
  if (value === undefined) {
    ngx.log(ngx.ERR, "site ", siteId, " cannot be decoded: it is not served until it is sent again");
    return undefined;
  }
  const plain = withoutNulls(value) as EdgeSite;
  const seen = isPreviewId(siteId) ? asPreview(plain) : plain;
  if (seen === undefined) return undefined;
  if (loadedCount >= LOADED_MAX) forgetAll();
  const site = load(seen);
  loaded[siteId] = site;
  loadedCount += 1;
  return site;
}

function load(site: EdgeSite): Loaded {
  const allowance =
    site.limit === null ? undefined : allowanceOf(site.limit.requestsPerSecond, site.limit.burst);
  let hasWarning = false;
  let hasUrlMeasure = false;
  for (const { record } of site.measures) {
    if (record.kind === "warn") hasWarning = true;
    if (record.scope === "url") hasUrlMeasure = true;
  }
  const origin = loadOrigin(site);
  const cache = loadCache(site);
  const responseHeaders = headersOn(site.rules.headers, "response");
  const pages = prepareOwnPages(site.rules.errorPages);
  if (pages !== undefined) ownPages.any = true;
  const limitPrefix = shortName(siteIdOf(site.siteId)) + " ";
  const protectionRules = loadProtectionRules(site, limitPrefix);
  const counts = protectionRules !== undefined && countsAnswers(protectionRules.map(({ rule }) => rule));
  const { allowNetworks, neverChallenge } = site.protection;
  return {
    siteId: site.siteId,
    previewAs: isPreviewId(site.siteId) ? (site.preview?.as ?? "") : "",
    measures: prepareMeasures(site.measures),
    hasWarning,
    hasUrlMeasure,
    allowance,
    limitPrefix,
    bodyBytesMax: site.bodyBytesMax,
    front: loadFront(site),
    address: origin.plain ? origin.peers[0]!.address : "",
    port: origin.plain ? origin.peers[0]!.port : 0,
    origin,
    cache,
    rules: prepareRules(site.rules),
    allowNetworks: allowNetworks.length === 0 ? undefined : prepareNetworks(allowNetworks),
    protectionRules,
    countsAnswers: counts,
    neverChallenge: neverChallenge.length === 0 ? undefined : preparePaths(neverChallenge),
    guard: loadGuard(site),
    watched: watchedOf(siteIdOf(site.siteId)),
    pages,
    responseHeaders: responseHeaders.length === 0 && !counts ? undefined : responseHeaders,
    special: origin.special || responseHeaders.length > 0 || counts || cache.careful,
  };
}

/** A number for the site, the same in every worker: counters are hashed byte by byte, so their keys are short. */
export function shortName(siteId: string): string {
  const [known] = control.get("number " + siteId);
  if (known !== undefined) return string.format("%x", known as number);
  const [fresh] = control.incr("numbers", 1, 0);
  // Two workers may come here at once: the first one's number counts for both.
  const [added] = control.add("number " + siteId, fresh!);
  return added ? string.format("%x", fresh!) : shortName(siteId);
}

/** JSON's null is a value of its own in Lua; the house's code expects nil. */
export function withoutNulls(value: unknown): unknown {
  if (value === cjson.null) return undefined;
  if (type(value) !== "table") return value;
  const out: Record<string, unknown> = {};
  for (const [key, inner] of pairs(value as Record<string, unknown>)) out[key] = withoutNulls(inner);
  return out;
}
