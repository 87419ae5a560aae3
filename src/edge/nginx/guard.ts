/**
 * What guards a site, on a request: who is always let in, the owner's protection rules, mitigations against a flood, the switch "under attack". Runs
 * only for sites that have one of them. Of several mitigations that match, the sternest is done; every one that matches is counted. In
 * shadow mode they are counted and nothing else. A challenge lets through whoever has passed one, and whom one never asks (`challenge.ts`).
 */
import type { MitigationAction } from "../../contract/flood.ts";
import { CHALLENGE_BITS_DEFAULT, CLEARANCE_COOKIE } from "../../contract/protection.ts";
import { isInPaths } from "../path-glob.ts";
import { isAllowed } from "./allowed.ts";
import { answerCrowd } from "./answer.ts";
import { answerChallenge, wayPast } from "./challenge.ts";
import { beginFeatures, featureOf } from "./features.ts";
import type { Guard, PreparedMitigation } from "./guard-site.ts";
import { stopsAtProtectionRules } from "./limits.ts";
import { canRead, decodedPath } from "./plain-request.ts";
import { siteIdOf } from "./preview.ts";
import { clearance, countCleared, countHeld, countRefusal } from "./sample.ts";
import { forgetKeys, forgetSite, type Loaded } from "./sites.ts";

/** Told to a client that is throttled: floods are over within a minute, or their mitigation is renewed. */
const RETRY_SECONDS = "10";

/** Of one site in one worker: requests that match a flood's signature where nobody is challenged. */
const EXEMPT_PER_SECOND = 20;
/** What came through in this second all the same, by mitigation, and by site where nobody is challenged. */
let throughs: Record<string, number | undefined> = {};
let throughSecond = 0;

/** How hard the mitigations want the challenge of the request that runs now; 0 when none of them asks for one. */
let bits = 0;
/** How the request that runs now may pass a challenge; undefined before it was asked, as asking takes from a clearance's budget. */
let way: ReturnType<typeof wayPast> | undefined;

/** True when the request was answered. `tls`: it came over TLS. */
export function stopsAtGuard(site: Loaded, _tls: boolean): boolean {
  const guard = site.guard;
  if (guard === undefined) return false;
  const nowMs = ngx.now() * 1000;
  beginFeatures();
  if (nowMs >= guard.endsAtMs) {
    // Nothing guards it any more: from the next request on it costs one comparison again.
    forgetSite(siteIdOf(site.siteId));
    forgetKeys();
    return false;
  }
  if (isAllowed(site)) return false;
  const cookies = ngx.var["http_cookie"];
  if (cookies !== undefined && cookies.includes(`${CLEARANCE_COOKIE}=`) && clearance.isCleared(site)) {
    countCleared(site);
  }
  if (guard.hasRules && stopsAtProtectionRules(site)) return true;
  return stopsAtFlood(site, guard, nowMs);
}

/** The mitigations alone, for a request that was let in and had to wait meanwhile: what was counted of it is not counted again. */
export function stopsAtMitigations(site: Loaded): boolean {
  const guard = site.guard;
  if (guard === undefined || isAllowed(site)) return false;
  beginFeatures();
  const nowMs = ngx.now() * 1000;
  // Whoever is cleared paid for this request before it waited.
  if (clearance.isCleared(site)) {
    way = "cleared";
    return strictest(site, guard, nowMs) === "block" && refuse(site, "flood.blocked");
  }
  return stopsAtFlood(site, guard, nowMs);
}

function stopsAtFlood(site: Loaded, guard: Guard, nowMs: number): boolean {
  way = undefined;
  const action = strictest(site, guard, nowMs);
  if (action === "block") return refuse(site, "flood.blocked");
  // Under attack whoever is throttled may show to be a visitor instead; where nobody is asked, the throttle holds.
  if (action === "throttle" && (!isUnderAttack(guard, nowMs) || wayOf(site) === "exempt"))
    return refuse(site, "flood.throttled");
  if (action === "challenge" || isUnderAttack(guard, nowMs)) return challenge(site, action === "challenge");
  return false;
}

/** What the sternest mitigation that matches and does not let this request through wants; "log" for nothing. */
function strictest(site: Loaded, guard: Guard, nowMs: number): MitigationAction {
  let action: MitigationAction = "log";
  bits = 0;
  for (const one of guard.mitigations) {
    if (nowMs >= one.endsAtMs || !matches(one)) continue;
    countHeld(one.mitigationId);
    if (guard.mode !== "act") continue;
    if (action === "log" && !comesThrough(site, one)) action = one.action;
    if (one.action === "challenge") bits = math.max(bits, one.bits);
  }
  return action;
}

/** What is throttled to so many a second: these, and whoever has shown not to belong to the flood. */
function comesThrough(site: Loaded, { mitigationId, perSecond }: PreparedMitigation): boolean {
  if (perSecond === 0) return false;
  if (isWithin(mitigationId, perSecond)) return true;
  const past = wayOf(site);
  return past === "cleared" || past === "crawler";
}

function wayOf(site: Loaded): ReturnType<typeof wayPast> {
  way ??= wayPast(site, pathOf());
  return way;
}

function matches(one: PreparedMitigation): boolean {
  const { features, values } = one;
  for (let i = 0; i < features.length; i++) if (featureOf(features[i]!) !== values[i]) return false;
  return true;
}

function isUnderAttack(guard: Guard, nowMs: number): boolean {
  const { underAttack } = guard;
  if (underAttack === undefined || nowMs >= underAttack.endsAtMs) return false;
  return underAttack.paths === undefined || isInPaths(underAttack.paths, pathOf());
}

function pathOf(): string {
  return canRead() ? decodedPath() : (ngx.var["uri"] ?? "");
}

/** `isFlood`: the request looks like a flood that is on, and not only like anybody while the site is under attack. */
function challenge(site: Loaded, isFlood: boolean): boolean {
  const past = wayOf(site);
  // Feeds, checks and the like go on in a flood that looks like them, but no flood goes on as a feed.
  if (past === "exempt" && isFlood && !isWithin(siteIdOf(site.siteId), EXEMPT_PER_SECOND))
    return refuse(site, "flood.throttled");
  if (past !== "none") return false;
  countRefusal(site, "challenged");
  answerChallenge(site, bits === 0 ? CHALLENGE_BITS_DEFAULT : bits);
  return true;
}

/** Whether one more comes through in this second. `name`: a site's or a mitigation's id. */
function isWithin(name: string, perSecond: number): boolean {
  const second = ngx.time();
  if (second !== throughSecond) {
    throughSecond = second;
    throughs = {};
  }
  const count = (throughs[name] ?? 0) + 1;
  throughs[name] = count;
  return count <= perSecond;
}

function refuse(site: Loaded, reason: "flood.blocked" | "flood.throttled"): boolean {
  ngx.var["p_site"] = site.siteId;
  if (reason === "flood.throttled") ngx.header["Retry-After"] = RETRY_SECONDS;
  countRefusal(site, reason === "flood.blocked" ? "blocked" : "throttled");
  answerCrowd(reason);
  return true;
}
