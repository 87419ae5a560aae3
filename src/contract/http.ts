/**
 * The HTTP contract between the control plane and its clients, as types: views that travel as JSON and the table of
 * endpoints. `api/` serves it (and publishes it as OpenAPI), `console/` reads it; a test holds that both agree. No view has a
 * field for a reporter's identity: there is nothing here that could carry one (design law 1). Times are RFC 3339 strings.
 */
import type {
  AppealState,
  CaseState,
  DecisionKind,
  DecisionState,
  Harm,
  MeasureState,
  OpeningGround,
  OpeningState,
  ReferralKind,
  ReferralState,
  Role,
  SiteState,
} from "./desk-states.ts";
import type { Credibility, DangerAssessment, DangerLevel, EvidencePointer, Scores } from "./danger.ts";
import type {
  AppealId,
  CaseId,
  DecisionId,
  EvidenceId,
  MeasureId,
  NodeId,
  OpeningId,
  ReferralId,
  ReportId,
  SiteId,
  UserId,
} from "./ids.ts";
import type { Clause, MeasureKind, MeasureRecord, MeasureSubject, Scope } from "./measure.ts";
import type {
  CacheEndpoints,
  CertificateEndpoints,
  OriginEndpoints,
  OwnershipEndpoints,
  SettingsEndpoints,
} from "./http-sites.ts";
import type { FloodEndpoints } from "./http-protection.ts";

export type Page<T> = { readonly items: readonly T[]; readonly total: number };

export const ACCOUNTS_SHOWN_MAX = 100;
export type MeView = {
  readonly userId: UserId;
  readonly name: string;
  readonly email: string;
  readonly roles: readonly Role[];
  /** Names of the accounts that this person may add sites to as their owner; at most ACCOUNTS_SHOWN_MAX. */
  readonly accounts: readonly string[];
  readonly secondFactor: boolean;
  /** False until the session may decide; `whyNot` says what to do. */
  readonly mayDecide: boolean;
  readonly whyNot: string | null;
};

export type OverviewView = {
  readonly operatorName: string;
  readonly sites: { readonly active: number; readonly held: number };
  readonly edges: readonly NodeView[];
  readonly queue: readonly { readonly level: DangerLevel; readonly open: number; readonly overdue: number }[];
  readonly waitingForSecond: number;
  readonly appealsOpen: number;
  readonly log: {
    readonly origin: string;
    readonly vkey: string;
    readonly size: number;
    readonly checkpointAt: string | null;
    readonly witnessed: boolean;
  };
  readonly vault: { readonly ready: boolean; readonly fingerprint: string | null };
  readonly mail: { readonly route: boolean; readonly waiting: number; readonly failed: number };
  readonly database: "pglite" | "postgresql";
  readonly alarms: readonly { readonly at: string; readonly code: string; readonly what: string }[];
};

export type NodeView = {
  readonly nodeId: NodeId;
  readonly name: string;
  readonly seenAt: string;
  readonly alive: boolean;
  readonly nginxVersion: string;
  readonly workers: number;
  readonly sites: number;
};

export type InForce = {
  /** Edges that confirmed the current version, of those alive. */
  readonly acked: number;
  readonly of: number;
  /** Milliseconds from acceptance to the last edge's confirmation; null while one is missing. */
  readonly ms: number | null;
  readonly refusals: readonly { readonly nodeId: NodeId; readonly why: string }[];
};

export type SiteView = {
  readonly siteId: SiteId;
  readonly account: string;
  readonly hostnames: readonly string[];
  readonly originUrl: string;
  readonly state: SiteState;
  /** Why it is held: what was recognised, line by line. */
  readonly heldBecause: readonly string[];
  readonly createdAt: string;
  readonly version: number;
  readonly inForce: InForce;
  readonly measures: number;
};

export type CaseRow = {
  readonly caseId: CaseId;
  readonly number: string;
  readonly state: CaseState;
  readonly harm: Harm;
  readonly subject: MeasureSubject & { readonly siteName: string };
  readonly level: DangerLevel;
  readonly levelConfirmed: boolean;
  readonly reports: number;
  /** Reports that are independent of each other: copies and brigades count once. */
  readonly sources: number;
  readonly brigade: boolean;
  readonly openedAt: string;
  readonly decisionDueAt: string;
  readonly overdue: boolean;
  readonly waitsForSecond: boolean;
};

export type ReportView = {
  readonly reportId: ReportId;
  readonly receivedAt: string;
  readonly channel: "form" | "mail" | "api";
  readonly harm: Harm;
  readonly url: string;
  /** What the reporter says happened. For officers' eyes only. */
  readonly statement: string;
  /** What the reporter copied from the page. */
  readonly quoted: string;
  readonly language: string;
  readonly sha256: string;
  /** Whether a sealed identity exists; never what it says. */
  readonly identitySealed: boolean;
  readonly cluster: number;
  readonly copyOf: ReportId | null;
};

export type EvidenceView = {
  readonly evidenceId: EvidenceId;
  readonly url: string;
  readonly capturedAt: string;
  readonly status: number;
  readonly bytes: number;
  readonly sha256: string;
  /** The page's text, a line an element, numbered from 1. */
  readonly lines: readonly string[];
};

export type MeasureView = {
  readonly measureId: MeasureId;
  readonly record: MeasureRecord;
  readonly state: MeasureState;
  readonly endedBecause: "lifted" | "expired" | "lapsed" | "released" | "appeal" | null;
  readonly logIndex: number | null;
  readonly inForce: InForce;
};

export type DecisionView = {
  readonly decisionId: DecisionId;
  readonly kind: DecisionKind;
  readonly state: DecisionState;
  readonly measure: MeasureView | null;
  /** What is proposed, before a measure exists. */
  readonly proposal: MeasureProposal | null;
  readonly liftsMeasureId: MeasureId | null;
  readonly clause: Clause | null;
  readonly facts: string;
  readonly reasonWider: string | null;
  readonly author: { readonly userId: UserId; readonly name: string };
  readonly authorReason: string;
  readonly second: { readonly userId: UserId; readonly name: string } | null;
  readonly secondReason: string | null;
  readonly madeAt: string;
  readonly settledAt: string | null;
  /** For a brake: when it lifts itself. */
  readonly lapsesAt: string | null;
  /** What this user may do now, each with the reason if not. Drawn from DECISION_STEPS. */
  readonly allowed: readonly { readonly action: string; readonly ok: boolean; readonly why: string | null }[];
  readonly logIndex: number | null;
};

export type ReferralView = {
  readonly referralId: ReferralId;
  readonly kind: ReferralKind;
  readonly to: string;
  readonly state: ReferralState;
  readonly madeAt: string;
  readonly deliveredAt: string | null;
  readonly note: string;
};

export type AppealView = {
  readonly appealId: AppealId;
  readonly caseId: CaseId;
  readonly caseNumber: string;
  readonly decisionId: DecisionId;
  readonly by: "customer" | "reporter";
  readonly text: string;
  readonly state: AppealState;
  readonly madeAt: string;
  readonly decidedAt: string | null;
  readonly decidedBy: string | null;
  readonly reason: string | null;
  readonly allowed: { readonly ok: boolean; readonly why: string | null };
};

/** The way to one reporter's sealed identity (design law 1): who asked, who approved, and never what the identity is. */
export type OpeningView = {
  readonly openingId: OpeningId;
  readonly reportId: ReportId;
  readonly ground: OpeningGround;
  readonly purpose: string;
  readonly state: OpeningState;
  readonly author: { readonly userId: UserId; readonly name: string };
  readonly madeAt: string;
  readonly second: { readonly userId: UserId; readonly name: string } | null;
  readonly secondReason: string | null;
  readonly settledAt: string | null;
  /** When the clock closes it; null until it is approved. */
  readonly closesAt: string | null;
  /** How often the sealed bytes were handed out. */
  readonly handedOut: number;
  /** Its entry in the public log; null until that entry is in a published checkpoint. */
  readonly logIndex: number | null;
  /** What this user may do now, each with the reason if not. Drawn from OPENING_STEPS. */
  readonly allowed: readonly { readonly action: string; readonly ok: boolean; readonly why: string | null }[];
  /** Whether this user may fetch the sealed bytes now. */
  readonly sealed: { readonly ok: boolean; readonly why: string | null };
};

/** Ciphertext, and what `./parapet vault open` needs beside two shares. The file that an officer downloads is this, as JSON. */
export type SealedIdentity = {
  readonly schema: 1;
  /** Base64: encapsulated key (32 bytes) and ciphertext. */
  readonly sealed: string;
  /** What it was sealed together with: the report's id. */
  readonly associatedData: string;
  /** Fingerprint of the vault that it was sealed to. */
  readonly sealedTo: string;
  /** The opening's entry in the public log. */
  readonly logIndex: number;
};

export type TimelineItem = { readonly at: string; readonly what: string; readonly who: string | null };

export type CaseView = CaseRow & {
  readonly danger: DangerAssessment;
  readonly reportList: readonly ReportView[];
  readonly evidence: readonly EvidenceView[];
  readonly decisions: readonly DecisionView[];
  readonly referrals: readonly ReferralView[];
  readonly appeals: readonly AppealView[];
  readonly openings: readonly OpeningView[];
  /** Whether this user may ask to open a sealed identity of this case. */
  readonly mayAskOpening: { readonly ok: boolean; readonly why: string | null };
  readonly timeline: readonly TimelineItem[];
  readonly brake: { readonly ok: boolean; readonly why: string | null };
  /** The narrowest scope that the evidence answers, for the proposal's first choice. */
  readonly narrowest: { readonly scope: Scope; readonly subject: MeasureSubject };
};

export type PersonView = {
  readonly userId: UserId;
  readonly name: string;
  readonly email: string;
  readonly roles: readonly Role[];
  readonly secondFactor: boolean;
};

export type MeasureProposal = {
  readonly kind: MeasureKind;
  readonly scope: Scope;
  readonly subject: MeasureSubject;
  readonly clause: Clause;
  readonly facts: string;
  readonly territory: readonly string[];
  readonly endsAt: string | null;
  readonly reviewAt: string | null;
  /** Needed when the scope or kind is wider than the narrowest that answers the harm (design law 5). */
  readonly reasonWider: string | null;
  readonly reason: string;
};

export type TransparencyView = {
  readonly from: string;
  readonly until: string;
  readonly reports: number;
  readonly sources: number;
  readonly cases: number;
  readonly byLevel: Readonly<Record<DangerLevel, number>>;
  readonly measures: readonly { readonly kind: MeasureKind; readonly scope: Scope; readonly count: number }[];
  readonly refusals: number;
  readonly brakes: { readonly pulled: number; readonly ratified: number; readonly lapsed: number };
  readonly appeals: { readonly made: number; readonly granted: number; readonly refused: number };
  readonly referrals: { readonly made: number; readonly delivered: number };
  /** Of sealed identities: requests, and what became of them. `handedOut` are those whose bytes two officers took. */
  readonly openings: {
    readonly requested: number;
    readonly approved: number;
    readonly refused: number;
    readonly handedOut: number;
  };
  readonly returnsHeld: number;
  readonly brigades: number;
  readonly log: { readonly origin: string; readonly vkey: string; readonly size: number };
};

/** RFC 9457. `code` is a FaultCode. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly fields?: Readonly<Record<string, string>>;
};

/** Method and path (with `{name}` parameters) → request body and answer. All below /api/v1. */
export type Endpoints = OwnEndpoints &
  CacheEndpoints &
  CertificateEndpoints &
  OriginEndpoints &
  SettingsEndpoints &
  OwnershipEndpoints &
  FloodEndpoints;
type OwnEndpoints = {
  "GET /me": { body: null; answer: MeView };
  "GET /overview": { body: null; answer: OverviewView };
  "GET /sites": { body: null; answer: Page<SiteView> };
  "POST /sites": { body: { hostname: string; originUrl: string; account: string }; answer: SiteView };
  "POST /sites/{siteId}/release": { body: { reason: string }; answer: SiteView };
  "POST /sites/{siteId}/refuse": { body: { reason: string }; answer: SiteView };
  "GET /edges": { body: null; answer: Page<NodeView> };
  "GET /cases": { body: null; answer: Page<CaseRow> };
  "GET /cases/{caseId}": { body: null; answer: CaseView };
  "POST /cases/{caseId}/captures": { body: { url: string }; answer: EvidenceView };
  "POST /cases/{caseId}/assessments": {
    body: { scores: Scores; credibility: Credibility; evidence: readonly EvidencePointer[]; reason: string };
    answer: DangerAssessment;
  };
  "POST /cases/{caseId}/proposals": { body: MeasureProposal; answer: DecisionView };
  "POST /cases/{caseId}/refusals": { body: { facts: string; reason: string }; answer: DecisionView };
  "POST /cases/{caseId}/brakes": { body: MeasureProposal; answer: DecisionView };
  "POST /cases/{caseId}/referrals": {
    body: { kind: ReferralKind; to: string; note: string };
    answer: ReferralView;
  };
  "POST /decisions/{decisionId}/{action}": { body: { reason: string }; answer: DecisionView };
  "GET /measures/{measureId}": { body: null; answer: MeasureView };
  "POST /measures/{measureId}/lifts": { body: { reason: string }; answer: DecisionView };
  "GET /appeals": { body: null; answer: Page<AppealView> };
  "POST /appeals/{appealId}/decision": {
    body: { outcome: "granted" | "refused"; reason: string };
    answer: AppealView;
  };
  "POST /cases/{caseId}/openings": {
    body: { reportId: ReportId; ground: OpeningGround; purpose: string };
    answer: OpeningView;
  };
  /** `step` is an OpeningAction. */
  "POST /openings/{openingId}/{step}": { body: { reason: string }; answer: OpeningView };
  "GET /openings/{openingId}/sealed": { body: null; answer: SealedIdentity };
  "GET /people": { body: null; answer: Page<PersonView> };
  "POST /people": {
    /** `account`: whose sites a customer may see and add. It is made if there is none of this name. */
    body: { name: string; email: string; roles: readonly Role[]; account?: string };
    answer: PersonView & { readonly signInLink: string };
  };
  "PUT /vault": { body: { publicKey: string }; answer: { fingerprint: string } };
  "GET /transparency": { body: null; answer: TransparencyView };
};

/** The same keys as a value, so that a test can hold server, client and OpenAPI to it. */
export const ENDPOINTS = [
  "GET /sites/{siteId}/origins",
  "POST /sites/{siteId}/origins/exposure-check",
  "GET /me",
  "GET /overview",
  "GET /sites",
  "POST /sites",
  "POST /sites/{siteId}/release",
  "POST /sites/{siteId}/refuse",
  "GET /edges",
  "GET /cases",
  "GET /cases/{caseId}",
  "POST /cases/{caseId}/captures",
  "POST /cases/{caseId}/assessments",
  "POST /cases/{caseId}/proposals",
  "POST /cases/{caseId}/refusals",
  "POST /cases/{caseId}/brakes",
  "POST /cases/{caseId}/referrals",
  "POST /decisions/{decisionId}/{action}",
  "GET /measures/{measureId}",
  "POST /measures/{measureId}/lifts",
  "GET /appeals",
  "POST /appeals/{appealId}/decision",
  "POST /cases/{caseId}/openings",
  "POST /openings/{openingId}/{step}",
  "GET /openings/{openingId}/sealed",
  "GET /people",
  "POST /people",
  "PUT /vault",
  "GET /transparency",
  "GET /sites/{siteId}",
  "GET /sites/{siteId}/settings",
  "PUT /sites/{siteId}/settings",
  "GET /sites/{siteId}/revisions",
  "GET /sites/{siteId}/revisions/{revision}",
  "POST /sites/{siteId}/revisions/{revision}/restore",
  "POST /hostname-plans",
  "GET /sites/{siteId}/hostnames",
  "POST /sites/{siteId}/hostnames",
  "POST /sites/{siteId}/hostnames/{hostname}/check",
  "DELETE /sites/{siteId}/hostnames/{hostname}",
  "GET /sites/{siteId}/members",
  "PUT /sites/{siteId}/members",
  "DELETE /sites/{siteId}/members/{userId}",
  "GET /sites/{siteId}/deeds",
  "GET /sites/{siteId}/preview",
  "GET /sites/{siteId}/export",
  "POST /sites/{siteId}/leave",
  "GET /sites/{siteId}/purges",
  "POST /sites/{siteId}/purges",
  "GET /sites/{siteId}/certificates",
  "POST /sites/{siteId}/certificates",
  "DELETE /sites/{siteId}/certificates/{certificateId}",
  "POST /sites/{siteId}/certificates/{certificateId}/renew",
  "GET /bans",
  "POST /bans",
  "POST /bans/{banId}/lift",
  "GET /sites/{siteId}/bans",
  "POST /sites/{siteId}/bans",
  "POST /sites/{siteId}/bans/{banId}/lift",
  "GET /incidents",
  "GET /incidents/{incidentId}",
  "GET /sites/{siteId}/incidents",
  "GET /sites/{siteId}/incidents/{incidentId}",
  "GET /sites/{siteId}/incidents/{incidentId}/reports/{nodeId}",
  "GET /sites/{siteId}/protection",
  "PUT /sites/{siteId}/under-attack",
  "GET /sites/{siteId}/notifications",
  "PUT /sites/{siteId}/notifications",
  "POST /sites/{siteId}/notifications/test",
] as const satisfies readonly (keyof Endpoints)[];
/** Fails to compile when an endpoint is missing from the list above. */
type Missing = Exclude<keyof Endpoints, (typeof ENDPOINTS)[number]>;
const NOTHING_MISSING: Missing extends never ? true : Missing = true;
void NOTHING_MISSING;
