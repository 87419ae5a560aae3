/**
 * How often each protection rule matched, was met, and stopped somebody: counted by each worker for itself and added to shared memory once a second, so
 * that a request pays an addition in its worker's memory. Names of rules are their owners' to choose and no visitor's, and have a dictionary of their
 * own; a rule that nobody met for a month is forgotten.
 */
import * as cjson from "cjson.safe";
import type { RuleCounts } from "../../contract/protection.ts";
import type { Tally } from "./protection-site.ts";
import { siteById } from "./sites.ts";

const counts = ngx.shared["parapet_rule_counts"]!;
const FLUSH_SECONDS = 1;
const KEPT_SECONDS = 30 * 24 * 3600;
/** Keys that one answer is made of; each rule has up to three. */
const KEYS_MAX = 6000;

let waiting: Tally[] = [];

export function tallyMatched(tally: Tally): void {
  tally.matched += 1;
  if (tally.isWaiting) return;
  tally.isWaiting = true;
  waiting.push(tally);
}

export function startRuleCounts(): void {
  const [ok, why] = ngx.timer.every(FLUSH_SECONDS, flush);
  if (!ok) ngx.log(ngx.ERR, "what rules count is not shared, as no timer starts: ", why);
}

function flush(): void {
  const list = waiting;
  waiting = [];
  for (const tally of list) {
    add(tally, "matched", tally.matched);
    add(tally, "met", tally.met);
    add(tally, "stopped", tally.stopped);
    tally.matched = 0;
    tally.met = 0;
    tally.stopped = 0;
    tally.isWaiting = false;
  }
}

function add(tally: Tally, what: string, by: number): void {
  if (by > 0) counts.incr(nameOf(tally.siteId, tally.rule, what), by, 0, KEPT_SECONDS);
}

/** Names of rules hold no slash, and ids none either. */
function nameOf(siteId: string, rule: string, what: string): string {
  return `${siteId}/${rule}/${what}`;
}

/** GET /rules?site=ID: of one site's rules as they are now. Without a site: of whatever was counted, bounded. */
export function tellRuleCounts(): void {
  const siteId = ngx.var["arg_site"];
  const list = siteId === undefined || siteId === "" ? ofAll() : ofSite(siteId);
  ngx.header["Content-Type"] = "application/json";
  const parts: string[] = [];
  for (const one of list) parts.push(cjson.encode(one)[0]!);
  ngx.print(`{"rules":[${parts.join(",")}]}`);
}

function ofSite(siteId: string): RuleCounts[] {
  const found: RuleCounts[] = [];
  for (const { tally } of siteById(siteId)?.protectionRules ?? []) found.push(countsOf(siteId, tally.rule));
  return found;
}

function ofAll(): RuleCounts[] {
  const found: RuleCounts[] = [];
  for (const key of counts.get_keys(KEYS_MAX)) {
    const [siteId, rule] = string.match(key, "^([^/]+)/([^/]+)/matched$");
    if (siteId !== undefined) found.push(countsOf(siteId, rule!));
  }
  return found;
}

function countsOf(siteId: string, rule: string): RuleCounts {
  return {
    siteId: siteId as RuleCounts["siteId"],
    rule,
    matched: read(siteId, rule, "matched"),
    met: read(siteId, rule, "met"),
    stopped: read(siteId, rule, "stopped"),
  };
}

function read(siteId: string, rule: string, what: string): number {
  const [found] = counts.get(nameOf(siteId, rule, what));
  return found === undefined ? 0 : (found as number);
}
