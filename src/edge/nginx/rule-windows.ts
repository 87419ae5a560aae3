/**
 * Where protection rules count. Counters that clients can invent without end (values of fields and cookies) have a dictionary of their own, so
 * that they evict each other and never an address's, and both have nothing but counters in them: no ban, policy or mitigation lies there. Clients that a rule
 * holds lie in a third. When one of them is full nginx drops what was looked at least recently, and that client begins anew; when even that gives
 * no room, the rule lets the request through. Either is said in the log once a minute and worker.
 */
import type { PreparedRate } from "../protection-rules.ts";
import { addToPart, beforePart, inPart, partAt, secondsUntilRoom, type Counters } from "../sliding-window.ts";

const SAID_SECONDS = 60;
const FIELD_VALUE = "h";
const clients = countersIn("parapet_rules");
const values = countersIn("parapet_rule_values");
const holds = ngx.shared["parapet_rule_holds"]!;
const saidAt: Record<string, number | undefined> = {};

/** Whether the request takes the client over the rate. `who`: as `countedBy` says; `key`: the rule's, with that behind it. */
export function isOverRate(rate: PreparedRate, who: string, key: string, now: number): boolean {
  const counters = countersFor(who);
  const { requests, windowSeconds } = rate;
  const part = partAt(now, windowSeconds);
  if (rate.statuses !== undefined) {
    return inPart(counters, key, part) + beforePart(counters, key, part, requests) >= requests;
  }
  const here = addToPart(counters, key, part, windowSeconds, 1);
  if (here === undefined) return false;
  return here > requests || here + beforePart(counters, key, part, requests) > requests;
}

/** One more of what the rule counts: an answer with one of its statuses. */
export function countAnswered(rate: PreparedRate, who: string, key: string, now: number): void {
  addToPart(countersFor(who), key, partAt(now, rate.windowSeconds), rate.windowSeconds, 1);
}

/** A request that was refused costs nothing. */
export function takeBack(rate: PreparedRate, who: string, key: string, now: number): void {
  addToPart(countersFor(who), key, partAt(now, rate.windowSeconds), rate.windowSeconds, -1);
}

export function secondsUntilUnder(rate: PreparedRate, who: string, key: string, now: number): number {
  return secondsUntilRoom(countersFor(who), key, now, rate.windowSeconds, rate.requests);
}

/** Until when the client is held, in seconds since the Unix epoch; 0 for not at all. */
export function heldUntil(key: string): number {
  const [until] = holds.get(key);
  return until === undefined ? 0 : (until as number);
}

export function hold(key: string, now: number, seconds: number): void {
  const [kept, , evicted] = holds.set(key, now + seconds, seconds);
  if (!kept || evicted === true) sayFull("parapet_rule_holds");
}

function countersFor(who: string): Counters {
  return who.startsWith(FIELD_VALUE) ? values : clients;
}

function countersIn(name: string): Counters {
  const dictionary = ngx.shared[name]!;
  return {
    add: (key, by, seconds) => {
      const [found, , evicted] = dictionary.incr(key, by, 0, seconds);
      if (found === undefined || evicted === true) sayFull(name);
      return found;
    },
    read: (key) => {
      const [found] = dictionary.get(key);
      return found === undefined ? 0 : (found as number);
    },
  };
}

function sayFull(name: string): void {
  const now = ngx.time();
  if (now - (saidAt[name] ?? 0) < SAID_SECONDS) return;
  saidAt[name] = now;
  ngx.log(
    ngx.NOTICE,
    name,
    " is full: counters that were looked at least recently are dropped, and their clients begin anew",
  );
}
