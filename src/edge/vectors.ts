/**
 * The pure decisions of the request path by name, so that one set of vectors can be run under Node and under LuaJIT. Arguments and results
 * are plain: text, numbers, truth, null, lists and records of them.
 */
import type { MeasureRecord } from "../contract/measure.ts";
import {
  SITE_RULES_DEFAULT,
  type AccessRule,
  type ErrorPage,
  type RedirectRule,
  type RobotsSettings,
} from "../contract/site-rules.ts";
import { REASON_STATUS, type ReasonCode } from "../contract/verdict.ts";
import { allowanceOf, judge, retryAfterSeconds } from "./client-limit.ts";
import { errorProblem, reasonOfStatus, renderError } from "./error-page.ts";
import type { CacheMode, CachePurge, CacheRule } from "../contract/cache.ts";
import { isNeverChallenged } from "./challenge-exempt.ts";
import { challengeProblem, renderChallenge, type ChallengeStage } from "./challenge-page.ts";
import {
  challengeMessage,
  clearanceMessage,
  formField,
  isProofInTime,
  readChallenge,
  readClearance,
  safeTarget,
  secondsToWait,
  writeChallenge,
  writeClearance,
  type ClearanceKind,
} from "./clearance.ts";
import { claimedCrawler } from "./crawler-claim.ts";
import { hasZeroBits, isNonce, proofBlock } from "./proof-of-work.ts";
import { keyTarget } from "./cache-key.ts";
import { preparePurges, purgeNumber } from "./cache-purges.ts";
import { prepareTagPurges, rememberTags, tagPurgeNumber } from "./cache-tags.ts";
import { globMatches, hasCookie, storeSecondsOf } from "./cache-rules.ts";
import { lifeOf, type AnswerFacts, type CacheTerms } from "./freshness.ts";
import { parseHttpDate } from "./http-date.ts";
import { contentLength, isLoop, nominatedFields } from "./forwarding.ts";
import { isGrpc } from "./grpc.ts";
import { hostnameCovers, normaliseHost, wildcardOf } from "./hostname.ts";
import { escapeHtml, jsonString } from "./html.ts";
import { mapMeasures, measureOn, measuresOfHost, measuresOfPath, prepareMeasures } from "./measure-match.ts";
import { chooseLanguage, prefersJson } from "./negotiate.ts";
import { isPlainUrl, noticeProblem, renderNotice, renderWarning } from "./notice-page.ts";
import { readableTime } from "./page.ts";
import { lastTried, mayTryAnother, triedNames } from "./peer-choice.ts";
import { peerAvoided, peerComesBack, peerTurns } from "./peer-vectors.ts";
import { canonicalPath, canonicalQuery, decodedPath, queryOf } from "./request-target.ts";
import { signatureBase, signatureParams, signedAuthority } from "./signature-base.ts";
import { aiRobotsGroup, isAiCrawler } from "./ai-crawlers.ts";
import { addressBytes, isInNetworks, prepareNetworks } from "./network.ts";
import { prepareOwnPages, renderOwnPage } from "./own-page.ts";
import { isInPaths, preparePaths } from "./path-glob.ts";
import {
  addressText,
  clipped,
  hashText,
  hex32,
  isKey,
  mixHeader,
  networkText,
  pathShape,
  queryShape,
  referrerOf,
} from "./request-features.ts";
import { prepareRedirects, redirectOf, redirectTarget } from "./redirect.ts";
import { isLetIn, maintenanceMessage, prepareRules, robotsText } from "./site-rules.ts";
import { cookieOf } from "./cookie.ts";
import { isoMs } from "./iso-time.ts";
import { windowRun } from "./window-vectors.ts";
import { ruleVerdict } from "./protection-vectors.ts";
import { networkName } from "./ban-key.ts";
import { isTextLike, prepareText } from "./text-pattern.ts";
import type { ProtectionRule } from "../contract/protection.ts";
import { passExpiry, passMessage, passUrl, sameText, splitPass } from "./warning-pass.ts";
import { trimmed } from "./trimmed.ts";

/** 1994-11-06 08:49:37 UTC, the moment of RFC 9110's examples. */
const VECTOR_NOW = 784_111_777;
const ANSWER: AnswerFacts = {
  status: 200,
  cacheControl: "",
  cdnCacheControl: "",
  surrogateControl: "",
  expires: "",
  date: "Sun, 06 Nov 1994 08:49:37 GMT",
  age: "",
  vary: "",
  lastModified: "",
  setsCookie: false,
  authorized: false,
};
const TERMS: CacheTerms = {
  storeSeconds: 0,
  heuristic: false,
  staleWhileRevalidateSeconds: 60,
  staleIfErrorSeconds: 600,
};

type Plain = string | number | boolean | null;
type Language = "en" | "fr";
type ErrorReason = Exclude<ReasonCode, "measure.notice" | "measure.warning">;

/** Calls a decision by name. Null for a name that does not exist. */
export function decide(name: string, args: readonly unknown[]): Plain | readonly Plain[] {
  const decision = DECISIONS[name];
  return decision === undefined ? null : decision(args);
}

const DECISIONS: Record<string, ((args: readonly unknown[]) => Plain | readonly Plain[]) | undefined> = {
  normaliseHost: (a) => normaliseHost(a[0] as string),
  wildcardOf: (a) => wildcardOf(a[0] as string),
  hostnameCovers: (a) => hostnameCovers(a[0] as string, a[1] as string),
  canonicalPath: (a) => canonicalPath(a[0] as string),
  canonicalQuery: (a) => canonicalQuery(a[0] as string),
  queryOf: (a) => queryOf(a[0] as string),
  decodedPathBytes: (a) => decodedPath(a[0] as string).length,
  escapeHtml: (a) => escapeHtml(a[0] as string),
  jsonString: (a) => jsonString(a[0] as string),
  chooseLanguage: (a) => chooseLanguage(a[0] as string),
  prefersJson: (a) => prefersJson(a[0] as string),
  isLoop: (a) => isLoop(a[0] as string, a[1] as string),
  nominatedFields: (a) => {
    const fields = nominatedFields(a[0] as string);
    return fields === null ? null : fields.join(" ");
  },
  contentLength: (a) => contentLength(a[0] as string),
  judge: (a) => judge(a[0] as number, a[1] as number, allowanceOf(a[2] as number, a[3] as number)),
  retryAfterSeconds: (a) =>
    retryAfterSeconds(a[0] as number, a[1] as number, allowanceOf(a[2] as number, a[3] as number)),
  reasonOfStatus: (a) => reasonOfStatus(a[0] as number),
  statusOf: (a) => REASON_STATUS[a[0] as ReasonCode],
  renderError: (a) =>
    renderError(a[0] as ErrorReason, { language: a[1] as Language, requestId: a[2] as string }),
  errorProblem: (a) =>
    errorProblem(a[0] as ErrorReason, { language: a[1] as Language, requestId: a[2] as string }),
  renderNotice: (a) =>
    renderNotice(a[0] as MeasureRecord, { language: a[1] as Language, requestId: a[2] as string }),
  noticeProblem: (a) =>
    noticeProblem(a[0] as MeasureRecord, { language: a[1] as Language, requestId: a[2] as string }),
  renderWarning: (a) =>
    renderWarning(a[0] as MeasureRecord, {
      language: a[1] as Language,
      requestId: a[2] as string,
      goOnUrl: a[3] as string,
    }),
  isPlainUrl: (a) => isPlainUrl(a[0] as string),
  readableTime: (a) => readableTime(a[0] as string),
  passMessage: (a) => passMessage(a[0] as string, a[1] as string, a[2] as number),
  passExpiry: (a) => passExpiry(a[0] as string, a[1] as number),
  passUrl: (a) => passUrl(a[0] as string, a[1] as string),
  splitPass: (a) => {
    const split = splitPass(a[0] as string);
    return [split.target, split.token];
  },
  isGrpc: (a) => isGrpc(a[0] as string),
  mayTryAnother: (a) => mayTryAnother(a[0] as string),
  triedNames: (a) => triedNames(a[0] as string),
  lastTried: (a) => lastTried(a[0] as string),
  signedAuthority: (a) => signedAuthority(a[0] as string, a[1] as boolean),
  signatureBase: (a) =>
    signatureBase(
      { method: a[0] as string, authority: a[1] as string, target: a[2] as string },
      a[3] as string,
    ),
  signatureParams: (a) => signatureParams(a[0] as string, a[1] as string),
  peerTurns: (a) => peerTurns(a[0] as number[], a[1] as string[], a[2] as number, a[3] as string),
  peerAvoided: (a) => peerAvoided(a[0] as number[]),
  peerComesBack: () => peerComesBack(),
  sameText: (a) => sameText(a[0] as string, a[1] as string),
  /** What is read is written again: null for nothing. */
  challenge: (a) => {
    const read = readChallenge(a[0] as string);
    return read === undefined ? null : writeChallenge(read);
  },
  clearance: (a) => {
    const read = readClearance(a[0] as string);
    return read === undefined ? null : writeClearance(read);
  },
  challengeMessage: (a) =>
    challengeMessage(a[0] as string, {
      issuedAt: a[1] as number,
      bits: a[2] as number,
      waitSeconds: a[3] as number,
      network: a[4] as string,
    }),
  clearanceMessage: (a) =>
    clearanceMessage(a[0] as string, {
      expiresAt: a[1] as number,
      kind: a[2] as ClearanceKind,
      id: a[3] as string,
      network: a[4] as string,
    }),
  /** When it was given out, bits, wait, now. */
  challengeMoments: (a) => {
    const read = { issuedAt: a[0] as number, bits: 16, waitSeconds: a[1] as number, mac: "" };
    return [isProofInTime(read, a[2] as number), secondsToWait(read, a[2] as number)];
  },
  proofBlock: (a) => proofBlock(a[0] as string),
  isNonce: (a) => isNonce(a[0] as string),
  hasZeroBits: (a) => hasZeroBits(a[0] as string, a[1] as number),
  safeTarget: (a) => safeTarget(a[0] as string),
  formField: (a) => formField(a[0] as string, a[1] as string),
  isNeverChallenged: (a) => isNeverChallenged(a[0] as string),
  claimedCrawler: (a) => claimedCrawler(a[0] as string),
  challengePage: (a) => {
    const { before, middle, after } = renderChallenge({
      language: a[0] as Language,
      stage: a[1] as ChallengeStage,
      sends: a[2] as boolean,
      waitSeconds: a[3] as number,
    });
    return [before, middle, after];
  },
  challengeProblem: (a) =>
    challengeProblem(a[0] as Language, { requestId: a[1] as string, challenge: a[2] as string }),
  addressBytes: (a) => {
    const bytes = addressBytes(a[0] as string);
    const out: string[] = [];
    for (let i = 0; i < bytes.length; i++) out.push(readable(bytes.charCodeAt(i)));
    return out.join(" ");
  },
  isInNetworks: (a) => isInNetworks(prepareNetworks(a[0] as string[]), addressBytes(a[1] as string)),
  isInPaths: (a) => isInPaths(preparePaths(a[0] as string[]), decodedPath(canonicalPath(a[1] as string))),
  pathShape: (a) => pathShape(a[0] as string),
  queryShape: (a) => queryShape(a[0] as string),
  isKey: (a) => isKey(a[0] as string),
  clipped: (a) => clipped(a[0] as string),
  addressText: (a) => addressText(addressBytes(a[0] as string)),
  networkText: (a) => networkText(addressBytes(a[0] as string)),
  referrerOf: (a) => referrerOf(a[0] as string, a[1] as string),
  /** Field names in lower case → the feature `headers`. */
  headersHash: (a) => {
    let mixed = 0;
    for (const name of a[0] as string[]) {
      const hash = hashText(name);
      // As nginx's memory shows it: with a sign.
      mixed = mixHeader(mixed, hash >= 2147483648 ? hash - 4294967296 : hash);
    }
    return hex32(mixed);
  },
  redirect: (a) => {
    const redirects = prepareRedirects(a[0] as RedirectRule[]);
    const path = decodedPath(canonicalPath(a[1] as string));
    const found = redirectOf(redirects, path);
    return found === null ? null : redirectTarget(found, path, a[2] as string);
  },
  isAiCrawler: (a) => isAiCrawler(a[0] as string),
  aiRobotsGroup: () => aiRobotsGroup(),
  robotsText: (a) => robotsText(a[0] as RobotsSettings),
  renderOwnPage: (a) => renderOwnPage(a[0] as string, a[1] as string),
  ownPage: (a) => prepareOwnPages(a[0] as ErrorPage[])?.[a[1] as string] ?? null,
  /** Rules, path, method, address, ASN, country. */
  isLetIn: (a) => {
    const rules = prepareRules({ ...SITE_RULES_DEFAULT, access: a[0] as AccessRule[] });
    if (rules === undefined) return true;
    const path = decodedPath(canonicalPath(a[1] as string));
    const address = addressBytes(a[3] as string);
    return isLetIn(rules.access, path, a[2] as string, address, a[4] as string, a[5] as string);
  },
  maintenanceMessage: (a) => {
    const maintenance = {
      messageEn: a[0] as string,
      messageFr: a[1] as string,
      allowNetworks: undefined,
      retryAfterSeconds: 1,
    };
    return maintenanceMessage(maintenance, a[2] as Language);
  },
  parseHttpDate: (a) => parseHttpDate(a[0] as string, a[1] as number),
  lifeOf: (a) => {
    const life = lifeOf(
      { ...ANSWER, ...(a[0] as Partial<AnswerFacts>) },
      { ...TERMS, ...(a[1] as Partial<CacheTerms> | undefined) },
      VECTOR_NOW,
    );
    return [life.seconds, life.age, life.staleWhileRevalidate, life.staleIfError];
  },
  keyTarget: (a) => keyTarget(a[0] as string, { ignoreQuery: a[1] as string[], sortQuery: a[2] as boolean }),
  storeSecondsOf: (a) =>
    storeSecondsOf({ mode: a[0] as CacheMode, rules: a[1] as CacheRule[] }, a[2] as string),
  globMatches: (a) => globMatches(a[0] as string, a[1] as string),
  hasCookie: (a) => hasCookie(a[0] as string, a[1] as string[]),
  purgeNumber: (a) =>
    purgeNumber(preparePurges({ ignoreQuery: [], sortQuery: false, purges: a[0] as CachePurge[] }), {
      host: a[1] as string,
      path: a[2] as string,
      query: a[3] as string,
    }),
  tagPurgeNumber: (a) => {
    const purges = prepareTagPurges(a[0] as CachePurge[]);
    return purges === undefined ? -1 : tagPurgeNumber(purges, (a[1] as string | undefined) ?? undefined);
  },
  trimmedLength: (a) => trimmed(a[0] as string).length,
  rememberTags: (a) =>
    rememberTags((a[0] as string) === "" ? undefined : (a[0] as string), a[1] as number, a[2] as string),
  /** Moments, limit, window, whether a refused request costs nothing. */
  windowRun: (a) => windowRun(a[0] as number[], a[1] as number, a[2] as number, a[3] as boolean),
  isTextLike: (a) => isTextLike(prepareText(a[0] as string), a[1] as string),
  cookieOf: (a) => cookieOf(a[0] as string, a[1] as string) ?? null,
  isoMs: (a) => isoMs(a[0] as string),
  networkName: (a) => {
    const name = networkName(addressBytes(a[0] as string).substring(0, 8), a[1] as number);
    const out: string[] = [];
    for (let i = 0; i < name.length; i++) out.push(readable(name.charCodeAt(i)));
    return out.join(" ");
  },
  /** A rule and what the request is: whether it speaks of it, and what it counts by. */
  ruleVerdict: (a) => ruleVerdict(a[0] as Partial<ProtectionRule>, a[1] as Record<string, string>),
  measureOn: (a) => {
    const record = {
      kind: a[0],
      scope: a[1],
      subject: { hostname: a[2], path: a[3] },
    } as unknown as MeasureRecord;
    const prepared = prepareMeasures([{ record, startsAtMs: 1000, endsAtMs: a[4] as number }]);
    const target = decodedPath(canonicalPath(a[6] as string));
    const near = measuresOfPath(mapMeasures(measuresOfHost(prepared, a[5] as string)), target);
    if (near === undefined) return null;
    const found = measureOn(near, target, a[7] as string, a[8] as number);
    return found === null ? null : found.record.kind;
  },
};

/** A byte in digits. */
function readable(byte: number): string {
  const [hundreds, tens] = [Math.floor(byte / 100), Math.floor(byte / 10) % 10];
  const digits = "0123456789";
  return digits.charAt(hundreds) + digits.charAt(tens) + digits.charAt(byte % 10);
}
