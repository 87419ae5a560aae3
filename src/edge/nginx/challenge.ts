/**
 * Challenges on the request path: who may pass without one, and the page for everybody else. A clearance is found in the client's cookie, verified once for each
 * worker, and has a budget of its own: who uses it up is challenged anew. The page is sent by nginx from a location of its own and rendered once for each
 * kind; of one request it holds the challenge, the target and the number. What a browser brings is taken by `challenge-proof.ts`.
 */
import { CHALLENGE_BITS_MAX, CHALLENGE_PATH, CLEARANCE_COOKIE } from "../../contract/protection.ts";
import { isNeverChallenged } from "../challenge-exempt.ts";
import {
  challengeProblem,
  renderChallenge,
  type ChallengeFrame,
  type ChallengeStage,
} from "../challenge-page.ts";
import {
  challengeMessage,
  clearanceMessage,
  isClearanceInTime,
  isSigned,
  readClearance,
  waitSecondsOf,
  writeChallenge,
  type ClearanceKind,
} from "../clearance.ts";
import { allowanceOf, judge, type Allowance } from "../client-limit.ts";
import { isInPaths } from "../path-glob.ts";
import { send } from "./answer.ts";
import { asksForJson, askedLanguage } from "./asked.ts";
import { sign } from "./challenge-keys.ts";
import { clientAddress, clientKey, networkOf } from "./client-address.ts";
import { isProvedCrawler } from "./crawlers.ts";
import { requestId } from "./request-id.ts";
import { clearance } from "./sample.ts";
import type { Loaded } from "./sites.ts";

const budgets = ngx.shared["parapet_clearances"]!;
const failures = ngx.shared["parapet_challenge_failures"]!;

/** What a clearance is good for: six hundred requests a minute, or a hundred and twenty when it was only waited for, and a page's worth at once. */
const BUDGETS: Record<ClearanceKind, Allowance> = { w: allowanceOf(10, 300), t: allowanceOf(2, 120) };
/** Two tokens, so that a client with two networks (IPv4 and IPv6, say) passes from both. */
const COOKIE_CHARS_MAX = 130;
const VERIFIED_MAX = 5000;
const FAILURES_SHOWN = 5;
const FAILURE_SECONDS = 600;

type Verified = {
  readonly siteId: string;
  readonly network: string;
  readonly expiresAt: number;
  readonly budgetKey: string;
  readonly budget: Allowance;
};
let verified: Record<string, Verified | undefined> = {};
let verifiedCount = 0;

/** Whether the request may go on where a challenge is asked for. `path`: decoded. Takes from the clearance's budget. */
export function mayPassChallenge(site: Loaded, path: string): boolean {
  return wayPast(site, path) !== "none";
}

/** How it may go on. `exempt`: as what is asked there cannot answer a challenge, whoever asks. */
export function wayPast(site: Loaded, path: string): "cleared" | "crawler" | "exempt" | "none" {
  const known = clearanceOf(site);
  if (known !== undefined && takesFromBudget(known)) return "cleared";
  if (isProvedCrawler()) return "crawler";
  if (path !== CHALLENGE_PATH && isNeverChallenged(path)) return "exempt";
  const { neverChallenge } = site;
  if (neverChallenge !== undefined && isInPaths(neverChallenge, path)) return "exempt";
  return isPreflight() ? "exempt" : "none";
}

/** Whether the request comes with a clearance that holds; asks nothing of its budget. */
export function isCleared(site: Loaded): boolean {
  return clearanceOf(site) !== undefined;
}
clearance.isCleared = (site) => isCleared(site);

/** Answers with a challenge of so many zero bits. */
export function answerChallenge(site: Loaded, bits: number): void {
  const bounded = math.min(math.max(math.floor(bits), 1), CHALLENGE_BITS_MAX);
  const method = ngx.req.get_method();
  const [failed] = failures.get(failuresOf(site));
  answerWithChallenge(site, {
    challenge: issue(site, bounded),
    waitSeconds: waitSecondsOf(bounded),
    stage: failed !== undefined && (failed as number) >= FAILURES_SHOWN ? "failed" : "first",
    sends: method !== "GET" && method !== "HEAD",
  });
}

export function answerWithChallenge(
  site: Loaded,
  asked: {
    readonly challenge: string;
    readonly waitSeconds: number;
    readonly stage: ChallengeStage;
    readonly sends: boolean;
  },
): void {
  ngx.var["p_site"] = site.siteId;
  if (asksForJson()) return answerProgram(asked.challenge);
  ngx.var["p_reason"] = "challenge.asked";
  requestId();
  const frame = frameOf(asked);
  ngx.var["p_page_before"] = frame.before;
  ngx.var["p_challenge"] = asked.challenge;
  if (asked.sends) ngx.var["p_challenge_target"] = "";
  ngx.var["p_page_middle"] = frame.middle;
  ngx.var["p_page_after"] = frame.after;
  return ngx.exec("@challenged");
}

/** One more that came to nothing, of this client's. */
export function countFailure(site: Loaded): number {
  const [count] = failures.incr(failuresOf(site), 1, 0, FAILURE_SECONDS);
  return count ?? 0;
}

export function forgetFailures(site: Loaded): void {
  failures.delete(failuresOf(site));
}

export function isFailing(count: number): boolean {
  return count >= FAILURES_SHOWN;
}

/** A fresh challenge for this client. */
export function issue(site: Loaded, bits: number): string {
  const issuedAt = ngx.time();
  const waitSeconds = waitSecondsOf(bits);
  const message = challengeMessage(site.siteId, { issuedAt, bits, waitSeconds, network: clientNetwork() });
  return writeChallenge({ issuedAt, bits, waitSeconds, mac: sign(message, issuedAt) });
}

/** The client's /24 or /48, in bytes: what challenges and clearances are bound to. */
export function clientNetwork(): string {
  return networkOf(clientAddress());
}

/** The client's cookie, "" for none. */
export function clearanceCookie(): string {
  const cookie = ngx.var["cookie_" + CLEARANCE_COOKIE] ?? "";
  return cookie.length > COOKIE_CHARS_MAX ? "" : cookie;
}

/** Beside all else that is counted in the same memory (challenge-proof.ts). */
function failuresOf(site: Loaded): string {
  return `f${clientKey(site)}`;
}

function clearanceOf(site: Loaded): Verified | undefined {
  const cookie = clearanceCookie();
  if (cookie === "") return undefined;
  const now = ngx.time();
  const network = clientNetwork();
  const known = verified[cookie];
  if (known !== undefined && known.siteId === site.siteId && known.network === network) {
    return known.expiresAt > now ? known : undefined;
  }
  for (const token of cookie.split("~")) {
    const read = readClearance(token);
    if (read === undefined || !isClearanceInTime(read, now)) continue;
    const message = clearanceMessage(site.siteId, { ...read, network });
    if (!isSigned(read, sign(message, read.expiresAt))) continue;
    const fresh = {
      siteId: site.siteId,
      network,
      expiresAt: read.expiresAt,
      budgetKey: site.limitPrefix + read.id,
      budget: BUDGETS[read.kind],
    };
    if (verifiedCount >= VERIFIED_MAX) {
      verified = {};
      verifiedCount = 0;
    }
    verified[cookie] = fresh;
    verifiedCount += 1;
    return fresh;
  }
  return undefined;
}

function takesFromBudget({ budgetKey, budget }: Verified): boolean {
  const now = ngx.now();
  const [used] = budgets.incr(budgetKey, budget.costSeconds, now, budget.rememberSeconds);
  // A full memory keeps nobody out.
  if (used === undefined) return true;
  const judged = judge(used, now, budget);
  if (judged === "refuse") budgets.incr(budgetKey, -budget.costSeconds);
  if (judged === "renew") budgets.set(budgetKey, now + budget.costSeconds, budget.rememberSeconds);
  return judged !== "refuse";
}

/** Browsers ask so before they ask, and bring no cookie (Fetch §4.8). */
function isPreflight(): boolean {
  return (
    ngx.req.get_method() === "OPTIONS" &&
    ngx.var["http_origin"] !== undefined &&
    ngx.var["http_access_control_request_method"] !== undefined
  );
}

const STAGES = { first: 0, early: 1, failed: 2 } as const satisfies Record<ChallengeStage, number>;
const frames: Record<number, ChallengeFrame | undefined> = {};

function frameOf(asked: {
  readonly waitSeconds: number;
  readonly stage: ChallengeStage;
  readonly sends: boolean;
}): ChallengeFrame {
  const { waitSeconds, stage, sends } = asked;
  const language = askedLanguage();
  const number = ((waitSeconds * 3 + STAGES[stage]) * 2 + (sends ? 1 : 0)) * 2 + (language === "fr" ? 1 : 0);
  const known = frames[number];
  if (known !== undefined) return known;
  const frame = renderChallenge({ language, stage, sends, waitSeconds });
  frames[number] = frame;
  return frame;
}

const NUMBER = "0000000000000000";
const PLACE = "1.0.0.0.challenge";
const problems: Record<string, ChallengeFrame | undefined> = {};

function answerProgram(challenge: string): void {
  const language = askedLanguage();
  let frame = problems[language];
  if (frame === undefined) {
    const whole = challengeProblem(language, { requestId: NUMBER, challenge: PLACE });
    const number = whole.indexOf(NUMBER);
    const place = whole.indexOf(PLACE);
    frame = {
      before: whole.substring(0, number),
      middle: whole.substring(number + NUMBER.length, place),
      after: whole.substring(place + PLACE.length),
    };
    problems[language] = frame;
  }
  return send("challenge.asked", {
    body: [frame.before, requestId(), frame.middle, challenge, frame.after],
    json: true,
  });
}
