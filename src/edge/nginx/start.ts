/**
 * Runs once in nginx's master, before the workers exist: loads every module, so that the workers need no right to read files,
 * fills the dictionaries from the snapshot, and puts the phases' functions where nginx.conf finds them at the cost of one lookup.
 */
import { start as tuneCompiler } from "jit.opt";
import { admit, settings, strict } from "./admit.ts";
import { judgeAnswer } from "./answer-head.ts";
import { answerNginxError } from "./answer.ts";
import { feedBans } from "./bans.ts";
import { setAllowedEverywhere } from "./allowed.ts";
import { finishAnswer, finishCached } from "./answer-count.ts";
import { addAge } from "./cache-age.ts";
import { feedChallengeKeys, startChallengeKeys } from "./challenge-keys.ts";
import { leaveChallengePath, takeProof } from "./challenge-proof.ts";
import { takeCacheState } from "./cache-memory.ts";
import { feedCrawlers } from "./crawlers.ts";
import { openDoubts } from "./doubts.ts";
import { again, failFetch, fetch, judge, merge, takeStored } from "./cache-fetch.ts";
import { showCertificate } from "./certificates.ts";
import { boundConnections } from "./connections.ts";
import { readChunkedBody } from "./chunked.ts";
import { feed, loadSnapshot, status } from "./feed.ts";
import { feedMitigations } from "./mitigate.ts";
import { feedGates, givePlaceBack, noteHead, tendGates } from "./gate.ts";
import { usual } from "./origin.ts";
import { pickGrpcPeer, pickGrpcTlsPeer, pickPeer, pickPlainPeer, pickTlsPeer } from "./peer.ts";
import { startRuleCounts, tellRuleCounts } from "./rule-counts.ts";
import { databases } from "./rules.ts";
import { startRequestIds } from "./request-id.ts";
import { drainWatch, startSamples, tellWatch } from "./sample.ts";
import { catchUp, life, startSync } from "./sync.ts";
import { settleGrpc, settlePlain, settleTls, way } from "./way.ts";

declare const _G: Record<string, unknown>;

export type StartOptions = {
  readonly snapshot: string;
  readonly certificates: string;
  /** Where the keys of challenges lie; the file need not be there. */
  readonly challengeKeys: string;
  /** Where it is written which sites have doubtful answers. */
  readonly doubts: string;
  /** This edge's name in CDN-Loop (RFC 8586 §2). */
  readonly cdnId: string;
  readonly chunkedBytes: number[];
  /** Whether nginx knows addresses' countries ($p_country) and autonomous systems ($p_asn). */
  readonly countries: boolean;
  readonly asns: boolean;
  /** CIDR ranges that are let in on every site. */
  readonly allowNetworks: string[];
  /** What nginx.conf says of origins, so that sites that want the same cost nothing. */
  readonly originConnectSeconds: number;
  readonly originReadSeconds: number;
  /** Judge each request's head by its bytes, a plain one's too, and each answer's. */
  readonly everyHead: boolean;
};

export function start(options: StartOptions): void {
  // ADMIT is compiled as one piece, which is longer than LuaJIT takes unasked; the code of a worker stays small all the same.
  tuneCompiler("maxrecord=12000", "maxirconst=4000", "maxtrace=4000", "sizemcode=128", "maxmcode=8192");
  settings.cdnId = options.cdnId;
  databases.country = options.countries;
  databases.asn = options.asns;
  setAllowedEverywhere(options.allowNetworks);
  strict.everyHead = options.everyHead;
  way.chunkedBytes = options.chunkedBytes;
  usual.connectSeconds = options.originConnectSeconds;
  usual.readSeconds = options.originReadSeconds;
  const control = ngx.shared["parapet_control"]!;
  const [generation] = control.get("generation");
  life.generation = generation === undefined ? 1 : (generation as number) + 1;
  openDoubts(options.doubts);
  if (control.get("epoch")[0] === undefined) {
    // A start and no reload: after a reload the dictionaries hold what is in force, newer than any snapshot.
    control.set("epoch", 0);
    control.set("pass-key", unpredictable(32));
    control.set("rule-key", unpredictable(32));
    startChallengeKeys(options.challengeKeys, unpredictable(32));
    const sites = loadSnapshot(options.snapshot);
    const certificates = loadSnapshot(options.certificates);
    ngx.log(ngx.NOTICE, "loaded from the snapshots: ", sites, " sites, ", certificates, " certificates");
  }
  _G["parapet_admit"] = admit;
  _G["parapet_answer"] = judgeAnswer;
  _G["parapet_certificate"] = showCertificate;
  _G["parapet_peer"] = pickPeer;
  _G["parapet_plain_peer"] = pickPlainPeer;
  _G["parapet_tls_peer"] = pickTlsPeer;
  _G["parapet_grpc_peer"] = pickGrpcPeer;
  _G["parapet_grpc_tls_peer"] = pickGrpcTlsPeer;
  _G["parapet_grpc"] = settleGrpc;
  _G["parapet_tls"] = settleTls;
  _G["parapet_settled"] = settlePlain;
  _G["parapet_headers"] = finishAnswer;
  _G["parapet_cache_state"] = takeCacheState;
  _G["parapet_age"] = addAge;
  _G["parapet_cached"] = finishCached;
  _G["parapet_fetch"] = fetch;
  _G["parapet_fetch_failed"] = failFetch;
  _G["parapet_judge"] = judge;
  _G["parapet_pass"] = passOn;
  _G["parapet_stored"] = takeStored;
  _G["parapet_merge"] = merge;
  _G["parapet_again"] = again;
  _G["parapet_error"] = answerNginxError;
  _G["parapet_chunked"] = readChunkedBody;
  _G["parapet_feed"] = feed;
  _G["parapet_bans"] = feedBans;
  _G["parapet_gates"] = feedGates;
  _G["parapet_left"] = givePlaceBack;
  // A location's filter takes the place of the one that would judge every answer.
  _G["parapet_begun"] = options.everyHead ? judgeBegun : noteHead;
  _G["parapet_mitigations"] = feedMitigations;
  _G["parapet_challenge_keys"] = feedChallengeKeys;
  _G["parapet_crawlers"] = feedCrawlers;
  _G["parapet_challenge_brought"] = takeProof;
  _G["parapet_challenge_path"] = leaveChallengePath;
  _G["parapet_watch"] = drainWatch;
  _G["parapet_status"] = status;
  _G["parapet_rules"] = tellRuleCounts;
  _G["parapet_worker"] = startWorker;
}

function judgeBegun(): void {
  noteHead();
  return judgeAnswer();
}

/** What another hop has judged already. */
function passOn(): void {}

function startWorker(): void {
  startRequestIds();
  startRuleCounts();
  startSamples();
  life.onLeaving = judgeAnewEachTime;
  life.onLook = look;
  startSync();
}

/** How many looks at the journal lie between two times that ADMIT may be compiled after all. */
const RETRY_LOOKS = 200;
let looks = 0;

/**
 * With every look at the journal. LuaJIT never again tries a function whose recording it gave up too often. That is a matter of which requests came at those
 * moments: a flood that began with the worker must not make ADMIT slow for the worker's life.
 */
function look(): void {
  tellWatch();
  tendGates();
  boundConnections();
  looks += 1;
  if (looks % RETRY_LOOKS === 0) jit.on(admit);
}

/** In a worker that goes: the plain way through ADMIT costs nothing for it, as the functions are exchanged only then. */
function judgeAnewEachTime(): void {
  _G["parapet_admit"] = (keyVariable: "p_key" | "p_tls_key", isTls: boolean): void => {
    catchUp();
    admit(keyVariable, isTls);
  };
  _G["parapet_certificate"] = (): void => {
    catchUp();
    showCertificate();
  };
}

function unpredictable(bytes: number): string {
  const [file] = io.open("/dev/urandom", "rb");
  const read = file!.read(bytes);
  file!.close();
  return read!;
}
