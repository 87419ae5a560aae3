/**
 * What the edge tells of its requests: how many of each site passed or were refused, exactly, and a few of them in full, each with the number of requests it
 * stands for. On the way of a plain request this is one addition and one comparison. Strides are drawn at random, so that no
 * rhythm of requests stays unseen, and follow what comes: about `SAMPLES_PER_LOOK` of a busy site between two looks, a few of all quiet ones together.
 * Counts stay in the worker until the shared list takes them, so that none is lost while nobody drains it; samples beyond a bound are dropped and counted.
 */
import * as cjson from "cjson.safe";
import { FEATURES, type Passage } from "../../contract/flood.ts";
import { CLEARANCE_COOKIE } from "../../contract/protection.ts";
import { isStaticPath } from "../cache-rules.ts";
import { addressText } from "../request-features.ts";
import { clientAddress, clientKey, networkOf } from "./client-address.ts";
import { beginFeatures, featureOf, headerNames } from "./features.ts";
import { noteArrival } from "./rush.ts";
import type { Loaded } from "./sites.ts";
import type { Watched } from "./watched.ts";

/** Of one busy site; where several are busy they share `BUSY_SAMPLES_PER_LOOK`, and all quiet ones `QUIET_SAMPLES_PER_LOOK`. */
const SAMPLES_PER_LOOK = 20;
const BUSY_SAMPLES_PER_LOOK = 30;
const QUIET_SAMPLES_PER_LOOK = 10;
/** Of all sites together, while the strides have not caught up with what comes. */
const SAMPLES_PER_LOOK_MAX = 40;
/** Requests between two looks from which a site counts as busy. */
const BUSY_PER_LOOK = 5;
/** Never every request: LuaJIT compiles ADMIT while a request runs that needs no sample, as `takeDue` is not to be compiled into it. */
const STRIDE_MIN = 2;
/** Refusals are all alike: few of them say whether a mitigation still matches. */
const REFUSAL_STRIDE_MIN = 8;
const REFUSAL_SAMPLES_PER_LOOK = 5;

const TOLD_TOGETHER_MAX = 64;
const QUIET_SECONDS = 1;
const WAITING_SAMPLES_MAX = 200;
const WAITING_PERSISTENT_MAX = 100;
const BATCHES_MAX = 400;
const DRAIN_BYTES_MAX = 2 * 1024 * 1024;
const BATCHES = "batches";

const PERSISTENT_SECONDS = 10;
const PERSISTENT_REFUSALS = 30;
const GOOD_SECONDS = 600;

const watch = ngx.shared["parapet_watch"]!;
const refusals = ngx.shared["parapet_refusals"]!;
const good = ngx.shared["parapet_good"]!;

let active: Watched[] = [];
let samples: unknown[] = [];
let persistent: unknown[] = [];
let dropped = 0;
let taken = 0;
/** Of sites that are not busy. */
let quietStride = STRIDE_MIN;
/** How often each mitigation held since it was last told. */
let held: Record<string, number | undefined> = {};
let anyHeld = false;

/** Whether a request has a clearance that holds: told by `challenge.ts`, which knows of sites, as this file must not. */
export const clearance: { isCleared: (site: Loaded) => boolean } = { isCleared: () => false };

/** Called by ADMIT for a request that passed, when one is due. Runs outside of ADMIT's trace. */
export function takeDue(site: Loaded): void {
  const one = site.watched;
  noteArrival(site.siteId, one.seen - one.lookedSeen, clientKey(site));
  const now = ngx.now();
  if (!one.isActive) {
    activate(one, now);
    // The first request of a quiet site is due for this alone.
    if (math.random(1, quietStride) > 1) {
      one.sampleAt = one.seen + stride(quietStride);
      return;
    }
  }
  if (taken >= SAMPLES_PER_LOOK_MAX) {
    // The gap grows, and the next sample stands for all of it.
    one.sampleAt = one.seen + stride(one.meanStride * 4);
    return;
  }
  one.sampleAt = one.seen + stride(one.meanStride);
  const weight = one.seen - one.sampledAt;
  one.sampledAt = one.seen;
  take(site, "passed", weight, now);
}

// It has loops, around which ADMIT would not be one piece. A recording that meets it is given up, and tried again at another request.
jit.off(takeDue);

/** Counts a request that was refused. Called by whoever refuses it, once. */
export function countRefusal(site: Loaded, passage: Passage): void {
  if (passage === "passed") return;
  const one = site.watched;
  one[passage] += 1;
  one.refused += 1;
  const now = ngx.now();
  if (!one.isActive) activate(one, now);
  if (one.refused >= one.refusalSampleAt && taken < SAMPLES_PER_LOOK_MAX) {
    const looked = math.floor((one.refused - one.lookedRefused) / REFUSAL_SAMPLES_PER_LOOK);
    one.refusalSampleAt = one.refused + stride(math.max(REFUSAL_STRIDE_MIN, looked));
    const weight = one.refused - one.refusalSampledAt;
    one.refusalSampledAt = one.refused;
    take(site, passage, weight, now);
  }
  if (isNoSignOfPersistence(passage)) return;
  const [times] = refusals.incr(clientKey(site), 1, 0, PERSISTENT_SECONDS);
  if (times === PERSISTENT_REFUSALS + 1 && persistent.length < WAITING_PERSISTENT_MAX)
    tellPersistent(one, times);
}

/**
 * Who is banned is refused as long as the ban lasts, and no longer for that. And what pages of other sites make a browser ask for (Fetch Metadata,
 * Sec-Fetch-Site) is not its reader's doing: any page could have all of its readers banned.
 */
function isNoSignOfPersistence(passage: Passage): boolean {
  return passage === "banned" || ngx.var["http_sec_fetch_site"] === "cross-site";
}

function tellPersistent(one: Watched, times: number): void {
  const bytes = clientAddress();
  const isShared = good.get(bytes)[0] !== undefined || good.get(networkOf(bytes))[0] !== undefined;
  persistent.push([one.siteId, addressText(bytes), times, isShared]);
}

/** A proof that a browser brought. Counts on the site, and who passed vouches for the address and the network it came from. */
export function countChallenge(site: Loaded, passed: boolean): void {
  const one = site.watched;
  if (passed) {
    one.challengesPassed += 1;
    noteGood();
  } else one.challengesFailed += 1;
  if (!one.isActive) activate(one, ngx.now());
}

/** A request with a valid clearance, on a site that looks for one. */
export function countCleared(site: Loaded): void {
  const one = site.watched;
  one.cleared += 1;
  if (!one.isActive) activate(one, ngx.now());
  noteGood();
}

/** A mitigation matched a request, and stopped it, or would have. */
export function countHeld(mitigationId: string): void {
  held[mitigationId] = (held[mitigationId] ?? 0) + 1;
  anyHeld = true;
}

function noteGood(): void {
  const bytes = clientAddress();
  good.set(bytes, 1, GOOD_SECONDS);
  good.set(networkOf(bytes), 1, GOOD_SECONDS);
}

function take(site: Loaded, passage: Passage, weight: number, now: number): void {
  taken += 1;
  if (samples.length >= WAITING_SAMPLES_MAX) {
    dropped += 1;
    return;
  }
  // The guard has begun with a request of its sites already, and what it asked about is not computed again.
  if (site.guard === undefined || passage === "banned" || passage === "limited") beginFeatures();
  const values: string[] = [];
  for (let i = 0; i < FEATURES.length; i++) values.push(featureOf(i));
  const cookies = ngx.var["http_cookie"] ?? "";
  const isCleared = cookies.includes(`${CLEARANCE_COOKIE}=`) && clearance.isCleared(site);
  // Where nothing is guarded nobody looks for clearances: there the samples tell how many came.
  if (isCleared && site.guard === undefined) site.watched.cleared += weight;
  samples.push([
    site.watched.siteId,
    math.floor(now * 1000),
    ngx.var["p_request"] ?? "",
    weight,
    values,
    headerNames(),
    isStaticPath(ngx.var["uri"] ?? ""),
    isCleared,
    passage,
  ]);
}

function activate(one: Watched, now: number): void {
  one.isActive = true;
  one.toldAt = now;
  one.lookedSeen = one.seen;
  one.lookedRefused = one.refused;
  one.meanStride = quietStride;
  active.push(one);
}

/** From 1 to twice the mean, so that the mean comes out. */
function stride(mean: number): number {
  return math.random(1, 2 * mean - 1);
}

/** Begins the draws of this worker where no other begins. */
export function startSamples(): void {
  const [file] = io.open("/dev/urandom", "rb");
  const drawn = file?.read(4) ?? "";
  file?.close();
  let seed = ngx.worker.pid();
  for (let i = 1; i <= drawn.length; i++) seed = seed * 256 + string.byte(drawn, i);
  math.randomseed(seed);
}

/** Every 50 ms: strides follow what came, and counts and samples go to the shared list. */
export function tellWatch(): void {
  taken = 0;
  if (active.length > 0) drawStrides();
  if (active.length === 0 && !anyHeld && samples.length === 0 && persistent.length === 0) return;
  const [waiting] = watch.llen(BATCHES);
  if (waiting !== undefined && waiting >= BATCHES_MAX) return;
  const now = ngx.now();
  const counts: unknown[] = [];
  const told: Watched[] = [];
  for (const one of active) {
    if (!isDue(one, now)) continue;
    counts.push(countsOf(one));
    told.push(one);
  }
  if (counts.length > 0 || samples.length > 0 || persistent.length > 0 || anyHeld || dropped > 0) {
    // An empty table would become an object: each list begins with a number that says nothing.
    const batch = {
      counts: [0, ...counts],
      samples: [0, ...samples],
      held: heldList(),
      persistent: [0, ...persistent],
      dropped,
    };
    const [pushed] = watch.rpush(BATCHES, cjson.encode(batch)[0]!);
    // No room: all of it is told later, when somebody has drained the list.
    if (pushed === undefined) return;
    for (const one of told) forgetTold(one, now);
    samples = [];
    persistent = [];
    held = {};
    anyHeld = false;
    dropped = 0;
  }
  rest(now);
}

/** With few active sites each is told of at once; with many the quiet ones wait until there is something to say. */
function isDue(one: Watched, now: number): boolean {
  const fresh = one.seen - one.toldSeen + (one.refused - one.toldRefused);
  if (fresh === 0 && one.challengesPassed === 0 && one.challengesFailed === 0) return false;
  return active.length <= TOLD_TOGETHER_MAX || fresh >= BUSY_PER_LOOK || now - one.toldAt >= QUIET_SECONDS;
}

function countsOf(one: Watched): unknown[] {
  return [
    one.siteId,
    one.seen - one.toldSeen,
    one.challenged,
    one.throttled,
    one.blocked,
    one.banned,
    one.limited,
    one.assets,
    one.cleared,
    one.challengesPassed,
    one.challengesFailed,
  ];
}

function heldList(): unknown[] {
  const list: unknown[] = [0];
  if (anyHeld) for (const [id, requests] of pairs(held)) list.push([id, requests]);
  return list;
}

function forgetTold(one: Watched, now: number): void {
  one.toldSeen = one.seen;
  one.toldRefused = one.refused;
  one.toldAt = now;
  one.challenged = 0;
  one.throttled = 0;
  one.blocked = 0;
  one.banned = 0;
  one.limited = 0;
  one.assets = 0;
  one.cleared = 0;
  one.challengesPassed = 0;
  one.challengesFailed = 0;
}

function drawStrides(): void {
  let busy = 0;
  let quiet = 0;
  for (const one of active) {
    const fresh = one.seen - one.lookedSeen;
    if (fresh > BUSY_PER_LOOK) busy += 1;
    else quiet += fresh;
  }
  quietStride = math.max(STRIDE_MIN, math.ceil(quiet / QUIET_SAMPLES_PER_LOOK));
  const samplesOfEach = busy === 0 ? 0 : math.min(SAMPLES_PER_LOOK, BUSY_SAMPLES_PER_LOOK / busy);
  for (const one of active) {
    const fresh = one.seen - one.lookedSeen;
    one.lookedSeen = one.seen;
    one.lookedRefused = one.refused;
    one.meanStride =
      fresh > BUSY_PER_LOOK ? math.max(STRIDE_MIN, math.ceil(fresh / samplesOfEach)) : quietStride;
    // After a flood the next sample would be due in hours.
    if (one.sampleAt - one.seen > 2 * one.meanStride) one.sampleAt = one.seen + stride(one.meanStride);
    if (one.refusalSampleAt - one.refused > 2 * REFUSAL_STRIDE_MIN * 10) {
      one.refusalSampleAt = one.refused + stride(REFUSAL_STRIDE_MIN);
    }
  }
}

/** Sites of which nothing was heard for a while leave the list. */
function rest(now: number): void {
  let kept = 0;
  for (const one of active) {
    if (one.seen !== one.toldSeen || one.refused !== one.toldRefused || now - one.toldAt < QUIET_SECONDS)
      kept += 1;
  }
  if (kept === active.length) return;
  const still: Watched[] = [];
  for (const one of active) {
    if (one.seen !== one.toldSeen || one.refused !== one.toldRefused || now - one.toldAt < QUIET_SECONDS) {
      still.push(one);
      continue;
    }
    one.isActive = false;
    one.sampleAt = one.seen + 1;
  }
  active = still;
}

/** POST /watch: all that the workers told since the drain before, and takes it away. */
export function drainWatch(): void {
  tellWatch();
  const parts: string[] = [];
  let bytes = 0;
  while (bytes < DRAIN_BYTES_MAX) {
    const [batch] = watch.lpop(BATCHES);
    if (batch === undefined) break;
    parts.push(batch as string);
    bytes += (batch as string).length;
  }
  const toMs = math.floor(ngx.now() * 1000);
  const [before] = watch.get("drained");
  watch.set("drained", toMs);
  const fromMs = before === undefined ? toMs : (before as number);
  ngx.header["Content-Type"] = "application/json";
  ngx.print(
    `{"fromMs":${string.format("%d", fromMs)},"toMs":${string.format("%d", toMs)},"batches":[${parts.join(",")}]}`,
  );
}
