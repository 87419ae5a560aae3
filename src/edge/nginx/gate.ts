/**
 * The gate: while far more requests of one site come than usual, those that would go to its origin take turns, so that the origin goes on
 * answering at its own pace until it is known what the rush is. It refuses nobody for what they are. Clients that were here on calmer days go
 * first; whoever waits is judged anew when its turn comes, as a signature may have been found meanwhile. Lists are bounded: beyond them, and
 * after a time, a visitor is told to come back in a moment. A site that is not in a rush pays one comparison.
 */
import * as cjson from "cjson.safe";
import * as semaphore from "ngx.semaphore";
import type { GateTerms } from "../../contract/gate.ts";
import { dropFloor, newFlow, noteAnswer, raiseFloor, workSeconds, type Flow } from "../gate-rules.ts";
import { closePace, isStrained, newPace, openPace, passes, takePeak, type Pace } from "../pace.ts";
import { isAllowed } from "./allowed.ts";
import { clientKey } from "./client-address.ts";
import { answerError } from "./answer.ts";
import { stopsAtMitigations } from "./guard.ts";
import { hasLeft } from "./client-left.ts";
import { settle, siteById, type Loaded } from "./sites.ts";
import { isKnown, rush, rushes, termsOf } from "./rush.ts";

const terms = ngx.shared["parapet_gates"]!;

const WAITING_MAX = 3000;
const KNOWN_WAIT_SECONDS = 10;
const STRANGER_WAIT_SECONDS = 3;
/** Of nobody waiting, with room at the origin: then requests pass without a place. */
const WELL_SECONDS = 2;
/** Of no more requests than on calm days: then the rush is over. */
const CALM_SECONDS = 5;
/** What was found out about an origin in a rush holds for the next one for so long. */
const REMEMBERED_SECONDS = 60;
/** The agent's word is read again after this. */
const TERMS_SECONDS = 5;
/** A place that nobody gave back: the request's end was never told. */
const PLACE_SECONDS_MAX = 600;
/** An answer that goes on for longer after its head is read by a slow client, or is a stream: the origin's turn is over. */
const ANSWER_SECONDS = 2;
const SWITCHING_PROTOCOLS = 101;
const HTTP_SERVER_ERROR = 500;
/** nginx's own word for a client that left. */
const HTTP_CLIENT_CLOSED_REQUEST = 499;
const EVENT_STREAM = "text/event-stream";
const GATES_MAX = 1000;

type Gate = {
  terms: GateTerms;
  termsReadAt: number;
  flow: Flow;
  atOrigin: number;
  /** Those of them that are probes. */
  probes: number;
  knownWaiting: number;
  strangersWaiting: number;
  /** Turns that were called and not taken yet. */
  turnsOut: number;
  knownTurn: semaphore.Semaphore;
  strangersTurn: semaphore.Semaphore;
  busyAt: number;
  rushedAt: number;
  readonly pace: Pace;
};
type Place = {
  readonly siteId: string;
  /** It was taken while the gate was open. */
  readonly isProbe: boolean;
  readonly since: number;
  headAt: number | undefined;
  /** Its client left before the origin said anything: until then the origin is taken to work on. */
  leftUntil: number | undefined;
};

const gates: Record<string, Gate | undefined> = {};
let gateCount = 0;
const places: Record<string, Place | undefined> = {};
let placeCount = 0;
let leftCount = 0;
let sweptAt = 0;

function gateOf(siteId: string): Gate | undefined {
  const gate = gates[siteId];
  if (gate !== undefined) return gate;
  if (gateCount >= GATES_MAX) return undefined;
  const [knownTurn] = semaphore.new(0);
  const [strangersTurn] = semaphore.new(0);
  if (knownTurn === undefined || strangersTurn === undefined) return undefined;
  const found = termsOf(siteId);
  const fresh: Gate = {
    terms: found,
    termsReadAt: ngx.now(),
    flow: newFlow(found.atOnce, found.usualSeconds),
    atOrigin: 0,
    probes: 0,
    knownWaiting: 0,
    strangersWaiting: 0,
    turnsOut: 0,
    knownTurn,
    strangersTurn,
    busyAt: ngx.now(),
    rushedAt: ngx.now(),
    pace: newPace(ngx.now()),
  };
  gates[siteId] = fresh;
  gateCount += 1;
  return fresh;
}

/** Asked for each request that is about to go to its origin: whether it has to take a place. */
export function isGated(siteId: string): boolean {
  if (rush[siteId] === undefined) return false;
  const gate = gates[siteId];
  if (gate === undefined) return true;
  const { pace } = gate;
  const wasOpen = pace.isOpen;
  const now = ngx.now();
  if (passes(pace, now)) return false;
  if (wasOpen && !pace.isOpen) gate.busyAt = now;
  return true;
}

/**
 * Takes a place at the origin for the request that runs now, after waiting for one if need be. Returns its site as it is by then; undefined when
 * the request was answered instead. `judges`: whether what is known by then may stop it; not where another hop judged it.
 */
export function takePlace(site: Loaded, judges: boolean): Loaded | undefined {
  const gate = gateOf(site.siteId);
  const request = ngx.var["p_request"]!;
  if (gate === undefined || request === "" || places[request] !== undefined) return site;
  const isFriend = isKnown(clientKey(site));
  const before = gate.knownWaiting + (isFriend ? 0 : gate.strangersWaiting);
  // Whoever is on an allow-list waits for nobody.
  if ((before === 0 && gate.atOrigin + gate.turnsOut < gate.flow.bound) || isAllowed(site)) {
    hold(gate, request, site.siteId);
    return site;
  }
  gate.busyAt = ngx.now();
  const got = isFriend ? waitAsFriend(gate) : waitAsStranger(gate);
  if (!got) {
    ngx.header["Retry-After"] = "5";
    answerError("site.busy");
    return undefined;
  }
  // The turn is passed on before this request is judged: who is stopped is answered from a location that tells nobody of the request's end.
  gate.turnsOut -= 1;
  if (hasLeft()) {
    callNext(gate);
    ngx.exit(HTTP_CLIENT_CLOSED_REQUEST);
    return undefined;
  }
  const present = siteById(site.siteId);
  if (present === undefined) {
    callNext(gate);
    answerError("host.unknown");
    return undefined;
  }
  if (judges && present.guard !== undefined) {
    callNext(gate);
    if (stopsAtMitigations(present)) return undefined;
  }
  hold(gate, request, site.siteId);
  settle(present);
  return present;
}

function waitAsFriend(gate: Gate): boolean {
  if (gate.knownWaiting >= WAITING_MAX) return false;
  gate.knownWaiting += 1;
  const [got] = gate.knownTurn.wait(KNOWN_WAIT_SECONDS);
  gate.knownWaiting -= 1;
  return got === true;
}

function waitAsStranger(gate: Gate): boolean {
  if (gate.strangersWaiting >= WAITING_MAX) return false;
  gate.strangersWaiting += 1;
  const [got] = gate.strangersTurn.wait(STRANGER_WAIT_SECONDS);
  gate.strangersWaiting -= 1;
  return got === true;
}

function hold(gate: Gate, request: string, siteId: string): void {
  gate.atOrigin += 1;
  const { isOpen: isProbe } = gate.pace;
  if (isProbe) gate.probes += 1;
  places[request] = { siteId, isProbe, since: ngx.now(), headAt: undefined, leftUntil: undefined };
  placeCount += 1;
  look(gate);
}

/** A place was taken, or an answer came. */
function look(gate: Gate): void {
  const { flow, probes } = gate;
  if (isStrained(gate.pace, { probes, alone: gate.atOrigin - probes, bound: flow.bound })) {
    closePace(gate.pace);
    gate.busyAt = ngx.now();
    // Many are there that took no place.
    flow.bound = Math.min(flow.bound, gate.terms.atOnce);
  }
}

/**
 * Header filter of locations that lead to an origin: it has begun to answer. WebSockets and event streams give their place back at once, or they alone would fill
 * the gate; others do when they end, or soon after.
 */
export function noteHead(): void {
  if (placeCount === 0) return;
  const request = ngx.var["p_request"];
  const place = request === undefined ? undefined : places[request];
  if (place === undefined) return;
  const type = ngx.header["Content-Type"];
  const isStream =
    ngx.status === SWITCHING_PROTOCOLS || (type !== undefined && type.startsWith(EVENT_STREAM));
  if (isStream) free(request!, place);
  else place.headAt = ngx.now();
}

/** Log phase of every location that leads to an origin. */
export function givePlaceBack(): void {
  if (placeCount === 0) return;
  const request = ngx.var["p_request"];
  const place = request === undefined ? undefined : places[request];
  if (place === undefined) return;
  const gate = gates[place.siteId];
  const seconds = tonumber(ngx.var["upstream_response_time"] ?? "");
  if (gate !== undefined && seconds !== undefined) {
    const status = tonumber(ngx.var["upstream_status"] ?? "");
    if (status === undefined && place.headAt === undefined) return leave(gate, place);
    noteAnswer(
      gate.flow,
      seconds,
      gate.terms.usualSeconds,
      status !== undefined && status < HTTP_SERVER_ERROR,
    );
    look(gate);
  }
  free(request!, place);
}

/** A client that hangs up does not end the origin's work: its place is taken for as long as an answer may take. */
function leave(gate: Gate, place: Place): void {
  place.leftUntil = place.since + workSeconds(gate.terms.usualSeconds);
  leftCount += 1;
}

function free(request: string, place: Place): void {
  places[request] = undefined;
  placeCount -= 1;
  if (place.leftUntil !== undefined) leftCount -= 1;
  const gate = gates[place.siteId];
  if (gate === undefined) return;
  gate.atOrigin -= 1;
  if (place.isProbe) gate.probes -= 1;
  callNext(gate);
}

/** Lets as many in as there is room for, friends first. */
function callNext(gate: Gate): void {
  let friends = -gate.knownTurn.count();
  let strangers = -gate.strangersTurn.count();
  // A count below zero is the number of those who wait and were not called (ngx.semaphore).
  while (gate.atOrigin + gate.turnsOut < Math.floor(gate.flow.bound)) {
    if (friends > 0) {
      friends -= 1;
      gate.knownTurn.post(1);
    } else if (strangers > 0) {
      strangers -= 1;
      gate.strangersTurn.post(1);
    } else return;
    gate.turnsOut += 1;
  }
}

/** With every tick of the worker: rushes end, the agent's word is read anew, and what was never given back is taken back. */
export function tendGates(): void {
  if (gateCount === 0 && !rushes.any) return;
  const now = ngx.now();
  if (leftCount > 0) freeLeft(now);
  if (now - sweptAt < 1) return;
  sweptAt = now;
  for (const [siteId, gate] of pairs(gates as Record<string, Gate>)) tend(siteId, gate, now);
  rushes.any = false;
  for (const [siteId, since] of pairs(rush as Record<string, number>)) {
    // One that never came to the gate: everything it asked for lay in the cache.
    if (gates[siteId] === undefined && now - since > CALM_SECONDS) rush[siteId] = undefined;
    else rushes.any = true;
  }
  if (placeCount === 0) return;
  for (const [request, place] of pairs(places as Record<string, Place>)) {
    const isAnswered = place.headAt !== undefined && now - place.headAt > ANSWER_SECONDS;
    if (isAnswered || now - place.since > PLACE_SECONDS_MAX) free(request, place);
  }
}

function freeLeft(now: number): void {
  for (const [request, place] of pairs(places as Record<string, Place>)) {
    if (place.leftUntil !== undefined && now >= place.leftUntil) free(request, place);
  }
}

function tend(siteId: string, gate: Gate, now: number): void {
  if (now - gate.termsReadAt > TERMS_SECONDS) {
    gate.terms = termsOf(siteId);
    gate.termsReadAt = now;
  }
  const { pace, flow } = gate;
  const usual = gate.terms.requestsPerTick;
  const peak = takePeak(pace, now);
  if (peak > usual) {
    gate.rushedAt = now;
    dropFloor(flow);
  }
  const isCalm = now - gate.rushedAt >= CALM_SECONDS;
  if (isCalm) raiseFloor(flow);
  const isIdle = gate.knownWaiting === 0 && gate.strangersWaiting === 0;
  if (isIdle && gate.turnsOut > 0) forgetTurns(gate);
  callNext(gate);
  if (!isIdle || (!pace.isOpen && gate.atOrigin > flow.bound / 2)) gate.busyAt = now;
  if (now - gate.busyAt < WELL_SECONDS) return;
  openPace(pace, peak, usual, flow.bound);
  if (!isCalm) return;
  rush[siteId] = undefined;
  gate.flow = newFlow(gate.terms.atOnce, gate.terms.usualSeconds);
  pace.boundThen = gate.flow.bound;
  // Its places are given back to it and to no other.
  if (gate.atOrigin > 0) return;
  if (now - gate.rushedAt < REMEMBERED_SECONDS && gateCount < GATES_MAX / 2) return;
  gates[siteId] = undefined;
  gateCount -= 1;
}

/** A turn that was called as its waiter gave up is nobody's. */
function forgetTurns(gate: Gate): void {
  const [knownTurn] = semaphore.new(0);
  const [strangersTurn] = semaphore.new(0);
  if (knownTurn === undefined || strangersTurn === undefined) return;
  gate.knownTurn = knownTurn;
  gate.strangersTurn = strangersTurn;
  gate.turnsOut = 0;
}

/** POST /gates: `{"gates":[{siteId, terms}]}`, where `terms` is the text that `readGateTerms` reads. */
export function feedGates(): void {
  ngx.req.read_body();
  const [value] = cjson.decode(ngx.req.get_body_data() ?? "");
  if (value === undefined) {
    ngx.status = 400;
    ngx.print('{"why":"The body is not JSON, or does not fit the buffer"}');
    return;
  }
  let kept = 0;
  for (const gate of (value as { gates: { siteId: string; terms: string }[] }).gates) {
    const [stored] = terms.set(gate.siteId, gate.terms);
    if (stored) kept += 1;
  }
  ngx.header["Content-Type"] = "application/json";
  ngx.print(`{"kept":${string.format("%d", kept)}}`);
}
