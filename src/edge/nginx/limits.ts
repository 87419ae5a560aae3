/**
 * Protection rules on a request, in their owner's order; runs only for sites that have some, and only for clients that no allow-list lets in. A rule
 * whose rate is not exceeded, one that only logs and one in shadow mode stop nobody and go on to the next; the first other one whose
 * action is met answers. A client that passes its challenge goes on to the next rule as well: a clearance opens no door that a later rule shuts.
 */
import { countedBy, speaksOf } from "../protection-rules.ts";
import { CHALLENGE_BITS_DEFAULT } from "../../contract/protection.ts";
import { answerCrowd } from "./answer.ts";
import { answerChallenge, mayPassChallenge } from "./challenge.ts";
import type { LoadedRule } from "./protection-site.ts";
import { tallyMatched } from "./rule-counts.ts";
import { askAnew, facts } from "./rule-facts.ts";
import { countAnswered, heldUntil, hold, isOverRate, secondsUntilUnder, takeBack } from "./rule-windows.ts";
import { countRefusal } from "./sample.ts";
import { settledSite, siteById, type Loaded } from "./sites.ts";

/** How much of the log's field names of rules may fill. */
const NAMES_CHARS_MAX = 200;
/** Told to clients of a rule that throttles without a rate. */
const RETRY_SECONDS_DEFAULT = 60;

/** Whom the rule that was met last counted the request for, and under which key. */
let who = "";
let key = "";
let until = 0;

/** True when a rule answered the request. */
export function stopsAtProtectionRules(site: Loaded): boolean {
  const { protectionRules } = site;
  if (protectionRules === undefined) return false;
  const now = ngx.now();
  askAnew();
  let names = "";
  let passes = false;
  for (const one of protectionRules) {
    const { rule, tally } = one;
    if (now * 1000 >= rule.endsAtMs || !speaksOf(rule, facts)) continue;
    tallyMatched(tally);
    if (!isMet(one, now)) continue;
    tally.met += 1;
    if (names.length + rule.name.length < NAMES_CHARS_MAX) {
      names = names === "" ? rule.name : `${names}, ${rule.name}`;
    }
    if (rule.isShadow || rule.action === "log") continue;
    if (rule.action === "challenge") {
      // Asked once a request, as each time takes from the clearance's budget.
      passes = passes || mayPassChallenge(site, facts.path());
      if (passes) continue;
    }
    tally.stopped += 1;
    ngx.var["p_rules"] = names;
    stop(site, one, now);
    return true;
  }
  if (names !== "") ngx.var["p_rules"] = names;
  return false;
}

/** Counts the request where the rule has a rate, and says whether its action is met. */
function isMet(one: LoadedRule, now: number): boolean {
  const { rule } = one;
  const { rate, holdSeconds } = rule;
  until = 0;
  if (rate === undefined) return true;
  who = countedBy(rate, facts);
  key = one.key + who;
  if (holdSeconds > 0) {
    until = heldUntil(key);
    if (until > now) return true;
  }
  if (!isOverRate(rate, who, key, now)) return false;
  // Throttling lets through as many as the limit says; whoever is blocked or challenged is over it for as long as it keeps asking.
  if (rule.action === "throttle" && rate.statuses === undefined) takeBack(rate, who, key, now);
  if (holdSeconds > 0) {
    until = now + holdSeconds;
    hold(key, now, holdSeconds);
  }
  return true;
}

function stop(site: Loaded, one: LoadedRule, now: number): void {
  const { rule } = one;
  ngx.var["p_site"] = site.siteId;
  if (rule.action === "challenge") {
    countRefusal(site, "challenged");
    return answerChallenge(site, CHALLENGE_BITS_DEFAULT);
  }
  countRefusal(site, rule.action === "block" ? "blocked" : "throttled");
  if (rule.action === "block") return answerCrowd("rule.blocked");
  const { rate } = rule;
  let seconds = until - now;
  if (rate === undefined) seconds = RETRY_SECONDS_DEFAULT;
  else if (until === 0) seconds = secondsUntilUnder(rate, who, key, now);
  ngx.header["Retry-After"] = string.format("%d", math.max(1, math.ceil(seconds)));
  return answerCrowd("rule.throttled");
}

/** Header filter of sites with rules that count answers: runs for what the origin or the cache said, and not for the edge's own pages. */
export function countAnswer(): void {
  const site = settledSite() ?? siteById(ngx.var["p_site"] ?? "");
  if (site === undefined || site.protectionRules === undefined || !site.countsAnswers) return;
  const now = ngx.now();
  askAnew();
  for (const { rule, key: name } of site.protectionRules) {
    const { rate } = rule;
    if (rate === undefined || rate.statuses === undefined || rate.statuses[ngx.status] !== true) continue;
    if (now * 1000 >= rule.endsAtMs || !speaksOf(rule, facts)) continue;
    const counted = countedBy(rate, facts);
    countAnswered(rate, counted, name + counted, now);
  }
}
