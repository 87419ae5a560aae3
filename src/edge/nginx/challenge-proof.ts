/**
 * Takes what comes to CHALLENGE_PATH: a proof of work, a challenge that was waited for, or the question whether a clearance came along. Nothing is looked up to verify a
 * proof: one HMAC says that the challenge is ours and this client's, one SHA-256 that the work was done. Who brought a proof is sent to the page that was asked for, on the
 * same host alone. Waiting costs a client nothing, so it is counted for each network and for each site.
 */
import { CHALLENGE_BITS_DEFAULT, CHALLENGE_PATH, CLEARANCE_COOKIE } from "../../contract/protection.ts";
import { renderPassed } from "../challenge-page.ts";
import {
  challengeMessage,
  CLEARANCE_SECONDS,
  clearanceMessage,
  formField,
  ID_BYTES,
  isClearanceInTime,
  isProofInTime,
  isSigned,
  readChallenge,
  readClearance,
  safeTarget,
  secondsToWait,
  waitedMessage,
  writeClearance,
  type Challenge,
  type ClearanceKind,
} from "../clearance.ts";
import { contentLength } from "../forwarding.ts";
import { hasZeroBits, isNonce, proofBlock } from "../proof-of-work.ts";
import { PAGE_CSP } from "../../contract/page-csp.ts";
import { answerError, send } from "./answer.ts";
import { asksForJson, askedLanguage } from "./asked.ts";
import {
  answerWithChallenge,
  clearanceCookie,
  clientNetwork,
  countFailure,
  forgetFailures,
  isCleared,
  isFailing,
  issue,
} from "./challenge.ts";
import { inForce, isBanned, refuseBanned } from "./bans.ts";
import { clientAddress, clientKey } from "./client-address.ts";
import { base64Url, sign } from "./challenge-keys.ts";
import { sha256 } from "./hmac.ts";
import { requestId } from "./request-id.ts";
import { isKnown } from "./rush.ts";
import { countChallenge, countRefusal } from "./sample.ts";
import { siteById, type Loaded } from "./sites.ts";

const waits = ngx.shared["parapet_challenge_failures"]!;

const BODY_BYTES_MAX = 4096;
/** How many clearances that cost nothing are given out. */
const WAITS_PER_NETWORK_MAX = 20;
const WAITS_PER_NETWORK_SECONDS = 600;
/** Of strangers, and of those who were here on calm days. */
const WAITS_PER_SITE_MAX = 300;
const WAITS_PER_SITE_SECONDS = 60;
/** Of one address on one site in a minute: what it brings, and the clearances that it gets for proofs. A school shares one; a solver is no school. */
const POSTS_PER_ADDRESS_MAX = 3000;
const PROOFS_PER_ADDRESS_MAX = 60;
const MINUTE_SECONDS = 60;
/** Longer than a challenge can be answered. */
const PROOF_KNOWN_SECONDS = 3600;

/** True when the request brings something to CHALLENGE_PATH and was answered, or sent on to where its body is read. */
export function takesProof(site: Loaded): boolean {
  if (ngx.var["uri"] !== CHALLENGE_PATH || ngx.req.get_method() !== "POST") return false;
  ngx.var["p_site"] = site.siteId;
  requestId();
  if (inForce.any && isBanned(site, clientKey(site), clientAddress())) {
    countRefusal(site, "banned");
    refuseBanned(site.siteId);
    return true;
  }
  const [posts] = waits.incr(`b${clientKey(site)}`, 1, 0, MINUTE_SECONDS);
  if (posts !== undefined && posts > POSTS_PER_ADDRESS_MAX) {
    countRefusal(site, "limited");
    answerTooMany();
    return true;
  }
  const bytes = contentLength(ngx.var["http_content_length"] ?? "");
  // Without a length there is no telling how much is to come.
  if (bytes < 0) answerError("request.malformed");
  else if (bytes > BODY_BYTES_MAX) answerError("request.body-too-large");
  else ngx.exec("@challenge_brought");
  return true;
}

/** Content handler: GET of CHALLENGE_PATH, which is no page. */
export function leaveChallengePath(): void {
  redirect("/");
}

/** Content handler: a POST to CHALLENGE_PATH. */
export function takeProof(): void {
  const site = siteById(ngx.var["p_site"] ?? "");
  if (site === undefined) return answerError("host.unknown");
  ngx.req.read_body();
  const body = ngx.req.get_body_data() ?? "";
  if (formField(body, "check") !== "") return answerCheck(site);
  const text = formField(body, "token");
  const target = safeTarget(formField(body, "target"));
  const challenge = readChallenge(text);
  const network = clientNetwork();
  if (challenge === undefined || !isOurs(site, challenge, network)) {
    return refuse(site, { bits: CHALLENGE_BITS_DEFAULT, target });
  }
  const nonce = formField(body, "nonce");
  const now = ngx.time();
  if (nonce !== "") {
    if (!isNonce(nonce) || !isProofInTime(challenge, now))
      return refuse(site, { bits: challenge.bits, target });
    const digest = sha256(proofBlock(text) + nonce);
    if (!hasZeroBits(digest, challenge.bits)) return refuse(site, { bits: challenge.bits, target });
    return clear(site, { kind: "w", digest, challenge, target, network });
  }
  const left = secondsToWait(challenge, now);
  if (left < 0) return refuse(site, { bits: challenge.bits, target });
  if (left > 0) {
    ngx.header["Retry-After"] = string.format("%d", left);
    ngx.var["p_challenge_target"] = target;
    const { waitSeconds } = challenge;
    return answerWithChallenge(site, { challenge: text, waitSeconds, stage: "early", sends: target === "" });
  }
  if (!mayWait(site, network)) return answerTooMany();
  // Who keeps coming this way keeps losing its cookie: a clearance lasts longer than this is remembered.
  countFailure(site);
  return clear(site, { kind: "t", digest: sha256(waitedMessage(text)), challenge, target, network });
}

function isOurs(site: Loaded, challenge: Challenge, network: string): boolean {
  const message = challengeMessage(site.siteId, { ...challenge, network });
  return isSigned(challenge, sign(message, challenge.issuedAt));
}

function answerTooMany(): void {
  ngx.header["Retry-After"] = string.format("%d", MINUTE_SECONDS);
  return answerError("limit.client");
}

/** Whether a proof was not brought before. Undefined: its address has brought too many others. */
function isNewProof(site: Loaded, id: string): boolean | undefined {
  const name = `d${site.limitPrefix}${id}`;
  const [known] = waits.get(name);
  if (known !== undefined) return false;
  const [proofs] = waits.incr(`w${clientKey(site)}`, 1, 0, MINUTE_SECONDS);
  if (proofs !== undefined && proofs > PROOFS_PER_ADDRESS_MAX) return undefined;
  waits.set(name, 1, PROOF_KNOWN_SECONDS);
  return true;
}

function mayWait(site: Loaded, network: string): boolean {
  const [ofNetwork] = waits.incr(`n${site.limitPrefix}${network}`, 1, 0, WAITS_PER_NETWORK_SECONDS);
  if (ofNetwork !== undefined && ofNetwork > WAITS_PER_NETWORK_MAX) return false;
  // Who was here on calm days has a share apart: strangers with many networks leave it to them.
  const share = isKnown(clientKey(site)) ? "k" : "s";
  const [ofSite] = waits.incr(`${share}${site.limitPrefix}`, 1, 0, WAITS_PER_SITE_SECONDS);
  return ofSite === undefined || ofSite <= WAITS_PER_SITE_MAX;
}

function clear(
  site: Loaded,
  solved: {
    readonly kind: ClearanceKind;
    /** Of what was solved: its end is the clearance's id. */
    readonly digest: string;
    readonly challenge: Challenge;
    readonly target: string;
    readonly network: string;
  },
): void {
  const { kind, network, target } = solved;
  const id = base64Url(string.sub(solved.digest, -ID_BYTES));
  const isNew = kind === "w" ? isNewProof(site, id) : true;
  if (isNew === undefined) return answerTooMany();
  const expiresAt = solved.challenge.issuedAt + CLEARANCE_SECONDS;
  const mac = sign(clearanceMessage(site.siteId, { expiresAt, kind, id, network }), expiresAt);
  const value = writeClearance({ expiresAt, kind, id, mac }) + otherToken(site, network);
  const secure = ngx.var["https"] === "on" ? "; Secure" : "";
  const seconds = string.format("%d", expiresAt - ngx.time());
  ngx.header["Set-Cookie"] =
    `${CLEARANCE_COOKIE}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
  // Brought once or a hundred times, it is one visitor who passed.
  if (isNew) countChallenge(site, true);
  if (asksForJson()) return empty();
  if (target !== "") return redirect(target);
  ngx.status = 200;
  ngx.header["Content-Type"] = "text/html; charset=utf-8";
  ngx.header["Content-Security-Policy"] = PAGE_CSP;
  ngx.header["Cache-Control"] = "no-store";
  ngx.print(renderPassed(askedLanguage()));
}

/** The token of another network that the client has, to be kept beside the new one. */
function otherToken(site: Loaded, network: string): string {
  const token = clearanceCookie().split("~")[0] ?? "";
  const read = readClearance(token);
  if (read === undefined || !isClearanceInTime(read, ngx.time())) return "";
  const here = sign(clearanceMessage(site.siteId, { ...read, network }), read.expiresAt);
  return isSigned(read, here) ? "" : `~${token}`;
}

/** "Did my clearance come along?": tells a browser that keeps no cookie, before it goes in circles. */
function answerCheck(site: Loaded): void {
  if (isCleared(site)) {
    forgetFailures(site);
    return empty();
  }
  countFailure(site);
  return send("challenge.asked", { body: '{"code":"challenge.asked","cleared":false}\n', json: true });
}

function refuse(site: Loaded, asked: { readonly bits: number; readonly target: string }): void {
  countChallenge(site, false);
  countRefusal(site, "challenged");
  const count = countFailure(site);
  ngx.var["p_challenge_target"] = asked.target;
  const { bits, target } = asked;
  const challenge = issue(site, bits);
  const waitSeconds = readChallenge(challenge)?.waitSeconds ?? 0;
  const stage = isFailing(count) ? "failed" : "first";
  answerWithChallenge(site, { challenge, waitSeconds, stage, sends: target === "" });
}

function empty(): void {
  ngx.status = 204;
  ngx.header["Cache-Control"] = "no-store";
}

function redirect(target: string): void {
  ngx.status = 303;
  ngx.header["Location"] = `${ngx.var["scheme"] ?? "http"}://${ngx.var["http_host"] ?? ""}${target}`;
  ngx.header["Cache-Control"] = "no-store";
  ngx.header["Content-Length"] = "0";
}
