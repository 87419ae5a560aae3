/**
 * What may be done about what the search found. The rule above all: a crowd of visitors is never touched, however large; what has no evidence of machines is
 * a surge. Narrow signatures that good traffic does not show may block once many good samples say so; else browsers are asked to prove themselves,
 * which visitors survive; where only something broad fits (a flood in the clothes of the most common browser) it is a challenge, and
 * only when the flood is large or the origin suffers. What few of the good requests show and suddenly a flood does, and could answer no
 * challenge, is held to a multiple of what it usually brings: nobody buys a free passage by asking early and seldom. Pure.
 */
import { MITIGATION_PER_SECOND_MAX, type FloodSample, type MitigationAction } from "../contract/flood.ts";
import { CHALLENGE_BITS_DEFAULT } from "../contract/protection.ts";
import type { Baseline, Expectation } from "./baseline.ts";
import { evidenceOf, knownShapes, type Evidence } from "./evidence.ts";
import type { Reference } from "./reference.ts";
import { SignatureSearch, type Candidate } from "./signature.ts";
import { ADDRESS_INDEX, FEATURE_INDEX, PLACE_INDEXES } from "./shape.ts";
import type { Texts } from "./texts.ts";
import type { Excess } from "./triggers.ts";

export const COLLATERAL_MAX = 0.01;
const COLLATERAL_BLOCK_MAX = 0.0021;
const SIGNATURES_PER_SEARCH = 8;
const COVER_MIN = 0.08;
const COVER_BLOCK_MIN = 0.8;
/** Under this part of the excess nothing more is looked for. */
const LEFT_ENOUGH = 0.03;
/** Evidence needed while a crowd's first page loads are still under way, and from then on. */
const SUSPICION_EARLY = 4;
const SUSPICION = 3;
const EARLY_MS = 1000;
const SAMPLES_MIN = 60;
const MEMBERS_MIN = 20;
/** A broad challenge wants a flood of this many times the usual high. */
const BROAD_TIMES = 3;
const BROAD_COVER_MIN = 0.5;
/** Who would be asked has to be able to answer: browsers name a language. */
const BROAD_BROWSERS_MIN = 0.5;
/** A shape of at most this part of the good traffic, at this many times its usual rate, is held to so many times that rate, but not below so many a second. */
const KNOWN_SHARE_MAX = 0.5;
const KNOWN_TIMES = 25;
const KNOWN_KEPT_TIMES = 10;
const KNOWN_KEPT_MIN = 5;
/** With fewer good samples than this nothing is blocked, and only strong evidence counts. */
const REFERENCE_THIN = 300;

export type Decision = {
  readonly candidate: Candidate;
  readonly action: MitigationAction;
  readonly difficultyBits: number;
  /** Of a throttle: what comes through all the same. */
  readonly perSecond: number;
  /** Broad ones are not remembered: visitors share what they hold. */
  readonly isBroad: boolean;
  readonly evidence: Evidence;
};

export type Findings = {
  readonly decisions: readonly Decision[];
  /** The largest part of the excess looks like visitors. */
  readonly looksLikePeople: boolean;
  /** There was enough to judge. */
  readonly isSure: boolean;
  /** Highest suspicion seen of a part of at least a fifth. */
  readonly suspicion: number;
};

const NOTHING: Findings = { decisions: [], looksLikePeople: false, isSure: false, suspicion: 0 };

export type Case = {
  /** Samples that came through unexplained, of the excess's span. */
  readonly samples: readonly FloodSample[];
  /** All samples of the last seconds. */
  readonly window: readonly FloodSample[];
  readonly excess: Excess;
  readonly expectation: Expectation;
  readonly baseline: Baseline;
  readonly reference: Reference;
  readonly texts: Texts;
  readonly isDistressed: boolean;
  /** How long the excess has lasted. */
  readonly lastedMs: number;
  readonly nowMs: number;
  readonly random: () => number;
  /** How many more mitigations this site may have. */
  readonly room: number;
};

export function decide(of: Case): Findings {
  const { samples, excess, reference, texts } = of;
  if (samples.length < SAMPLES_MIN || excess.seconds <= 0) return NOTHING;
  const search = new SignatureSearch(samples, {
    reference,
    texts,
    open: excess.open,
    expected: Math.max(0, excess.open - excess.extra),
    seconds: excess.seconds,
    random: of.random,
  });
  const shapes = knownShapes(reference);
  const judge = ({ members, perSecond, where }: Candidate): Evidence =>
    evidenceOf(members, {
      where,
      window: of.window,
      known: shapes,
      texts,
      perSecond,
      seconds: excess.seconds,
      nowMs: of.nowMs,
      usualFiles: of.baseline.share("assets"),
      usualPerClient: of.baseline.share("perClient"),
    });
  const decisions: Decision[] = [];
  let people = 0;
  let suspicion = 0;
  let broad: Decision | null = null;
  const known: Decision[] = [];
  const limit = collateralLimit(reference.size);
  for (let i = 0; i < SIGNATURES_PER_SEARCH && search.leftShare > LEFT_ENOUGH; i++) {
    const candidate = search.next(i === 0 ? COVER_MIN : COVER_MIN / 2, limit);
    if (candidate === null || candidate.members.length < MEMBERS_MIN) break;
    const evidence = judge(candidate);
    if (candidate.cover >= 0.2) suspicion = Math.max(suspicion, evidence.suspicion);
    if (evidence.suspicion <= 0) people += candidate.cover;
    if (evidence.suspicion < neededSuspicion(of, evidence)) continue;
    if (candidate.collateralMax <= limit && isMoreThanPlaces(candidate, evidence)) {
      if (decisions.length < of.room) decisions.push(narrow(of, candidate, evidence));
    } else if (decisions.length === 0 && broad === null && mayBeBroad(of, candidate, evidence)) {
      broad = {
        candidate,
        action: "challenge",
        difficultyBits: CHALLENGE_BITS_DEFAULT,
        perSecond: 0,
        isBroad: true,
        evidence,
      };
    } else if (isKnownBeyondItself(of, candidate, evidence))
      known.push(heldToItself(of, candidate, evidence));
  }
  const covered = decisions.reduce((sum, { candidate }) => sum + candidate.cover, 0);
  if (broad !== null && covered < 0.3 && of.room > 0) decisions.push(broad);
  for (const decision of known) if (decisions.length < of.room) decisions.push(decision);
  return {
    decisions,
    looksLikePeople: decisions.length === 0 && people >= 0.3,
    isSure: of.lastedMs >= EARLY_MS || decisions.length > 0,
    suspicion,
  };
}

/** With few good samples nothing narrower can be proved than that none of them shows it. */
function collateralLimit(samples: number): number {
  if (samples < 20) return 0.2;
  return samples < REFERENCE_THIN ? 3 / samples + 1e-9 : COLLATERAL_MAX;
}

function neededSuspicion(
  { isDistressed, reference, excess, expectation }: Case,
  { isSettled }: Evidence,
): number {
  const needed = (!isSettled ? SUSPICION_EARLY : SUSPICION) - (isDistressed ? 0.5 : 0);
  const isBlind = reference.size < REFERENCE_THIN / 5 || !expectation.isLearned;
  if (!isBlind) return needed;
  // Nothing to compare with: a new site's first visitors must not be taken for a flood.
  return excess.extra / excess.seconds > 200 || isDistressed
    ? Math.max(needed, SUSPICION_EARLY - 0.5)
    : Infinity;
}

/** A place alone is a signature only for few heavy clients. */
function isMoreThanPlaces({ where }: Candidate, evidence: Evidence): boolean {
  if (where.some(({ feature }) => !PLACE_INDEXES.has(FEATURE_INDEX[feature]))) return true;
  return evidence.signs.includes("without-pause") && evidence.clients <= 64;
}

function narrow(of: Case, candidate: Candidate, evidence: Evidence): Decision {
  const isOnlyPlace = candidate.where.every(({ feature }) => PLACE_INDEXES.has(FEATURE_INDEX[feature]));
  const isOneClient = candidate.where.some(({ feature }) => FEATURE_INDEX[feature] === ADDRESS_INDEX);
  const isUnseen = evidence.signs.includes("unseen-shape") || evidence.signs.includes("unseen-query");
  const mayBlock =
    !isOnlyPlace &&
    of.reference.size >= REFERENCE_THIN &&
    candidate.collateralMax < COLLATERAL_BLOCK_MAX &&
    candidate.cover >= COVER_BLOCK_MIN &&
    evidence.signs.includes("unseen-shape") &&
    evidence.suspicion >= SUSPICION_EARLY;
  let action: MitigationAction = "challenge";
  if (mayBlock) action = "block";
  else if (isOneClient && !isUnseen && candidate.good > 0) action = "throttle";
  const extraBits = evidence.suspicion >= 6 ? 3 : evidence.suspicion >= 4.5 ? 2 : 0;
  return {
    candidate,
    action,
    difficultyBits: CHALLENGE_BITS_DEFAULT + extraBits,
    perSecond: 0,
    isBroad: false,
    evidence,
  };
}

function mayBeBroad(of: Case, candidate: Candidate, evidence: Evidence): boolean {
  return candidate.cover >= BROAD_COVER_MIN && isGrave(of, evidence) && couldAnswer(candidate);
}

function couldAnswer({ good, goodBrowsers }: Candidate): boolean {
  return good === 0 || goodBrowsers / good >= BROAD_BROWSERS_MIN;
}

/** Machines for sure, and so many of them that good requests may be held with them. */
function isGrave(of: Case, evidence: Evidence): boolean {
  if (evidence.fetchesFiles || of.reference.size < REFERENCE_THIN / 5) return false;
  const isLarge = of.excess.extra / of.excess.seconds >= BROAD_TIMES * of.expectation.usualHigh;
  return (isLarge || of.isDistressed) && evidence.suspicion >= SUSPICION + 0.5;
}

/** A shape that the site knows, at a rate that it does not know of it. */
function isKnownBeyondItself(of: Case, candidate: Candidate, evidence: Evidence): boolean {
  if (candidate.collateral > KNOWN_SHARE_MAX || !isMoreThanPlaces(candidate, evidence)) return false;
  if (candidate.perSecond < KNOWN_TIMES * usualOf(of, candidate)) return false;
  return isGrave(of, evidence);
}

function heldToItself(of: Case, candidate: Candidate, evidence: Evidence): Decision {
  return {
    candidate,
    action: couldAnswer(candidate) ? "challenge" : "throttle",
    difficultyBits: CHALLENGE_BITS_DEFAULT,
    perSecond: keptOf(usualOf(of, candidate)),
    isBroad: true,
    evidence,
  };
}

/** What comes through of a known shape that usually brings so many requests a second; never more than a node takes for an answer. */
export function keptOf(usualPerSecond: number): number {
  return Math.min(MITIGATION_PER_SECOND_MAX, Math.max(KNOWN_KEPT_MIN, KNOWN_KEPT_TIMES * usualPerSecond));
}

/** Good requests a second that show it. */
function usualOf(of: Case, { good }: Candidate): number {
  return (of.expectation.perSecond * good) / Math.max(1, of.reference.size);
}
