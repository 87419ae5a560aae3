/**
 * What the abuse desk offers to the rooms above it. Every method that changes something is one transaction; what follows from
 * it (ledger entry, receipt, policy, notices) is carried on by `advance`, which any crash leaves resumable.
 * `actor` is always the signed-in person; the desk decides by the state tables whether that person may.
 */
import type { DangerAssessment, Credibility, EvidencePointer, Scores } from "../contract/danger.ts";
import type {
  DecisionAction,
  Harm,
  OpeningAction,
  OpeningGround,
  ReferralKind,
} from "../contract/desk-states.ts";
import type {
  AppealView,
  CaseRow,
  CaseView,
  DecisionView,
  EvidenceView,
  MeasureProposal,
  MeasureView,
  OpeningView,
  Page,
  ReferralView,
  SealedIdentity,
  TransparencyView,
} from "../contract/http.ts";
import type {
  AppealId,
  CaseId,
  DecisionId,
  MeasureId,
  OpeningId,
  ReportId,
  UserId,
} from "../contract/ids.ts";
import type { Role } from "../contract/desk-states.ts";
import type { Sign } from "./core/danger.ts";

export type ActorContext = {
  readonly userId: UserId;
  readonly name: string;
  readonly roles: readonly Role[];
};

/** A reporter's identity on its way from the form to the vault: lives for one call, is never stored or logged. */
export type IdentityInput = { readonly name: string; readonly email: string; readonly phone: string };

export type ReportInput = {
  readonly channel: "form" | "api";
  /** The request body exactly as it arrived. Sealed whole when it carries an identity. */
  readonly original: Uint8Array;
  readonly originalContentType: string;
  readonly harm: Harm;
  readonly url: string;
  readonly statement: string;
  readonly quoted: string;
  readonly language: "en" | "fr";
  /** null when the reporter stays anonymous. */
  readonly identity: IdentityInput | null;
};

/** What a reporter may know: never which officer, never other reports. */
export type MailboxView = {
  readonly receivedAt: string;
  readonly caseNumber: string;
  readonly state: "received" | "in-review" | "measure-taken" | "declined" | "closed";
  readonly harm: Harm;
  readonly sha256: string;
  readonly messages: readonly {
    readonly at: string;
    readonly from: "desk" | "reporter";
    readonly text: string;
  }[];
  readonly outcome: {
    readonly text: string;
    readonly clause: string | null;
    readonly mayAppeal: boolean;
  } | null;
};

/** What the affected customer may know: the statement of reasons, never who reported. */
export type StatementView = {
  readonly caseNumber: string;
  readonly siteHostnames: readonly string[];
  readonly measures: readonly MeasureView[];
  readonly decision: {
    readonly clause: string;
    readonly facts: string;
    readonly madeAt: string;
    readonly brake: boolean;
  };
  readonly appeal: AppealView | null;
  readonly appealOpenUntil: string;
};

export interface Desk {
  // Reports
  receiveReport(input: ReportInput): Promise<{
    readonly reportId: ReportId;
    readonly code: string;
    readonly caseNumber: string;
    readonly sha256: string;
  }>;
  mailbox(code: string): Promise<MailboxView>;
  mailboxWrite(code: string, text: string): Promise<MailboxView>;
  reporterAppeal(code: string, text: string): Promise<MailboxView>;
  // Vault
  vault(): Promise<{ readonly ready: boolean; readonly fingerprint: string | null }>;
  setVaultKey(publicKeyHex: string): Promise<{ readonly fingerprint: string }>;
  // Cases
  cases(actor: ActorContext, filter?: { readonly state?: string }): Promise<Page<CaseRow>>;
  case(actor: ActorContext, caseId: CaseId): Promise<CaseView>;
  capture(actor: ActorContext, caseId: CaseId, input: { readonly url: string }): Promise<EvidenceView>;
  assess(
    actor: ActorContext,
    caseId: CaseId,
    input: {
      readonly scores: Scores;
      readonly credibility: Credibility;
      readonly evidence: readonly EvidencePointer[];
      readonly reason: string;
      /** What a score cannot say, like an attempt under way. */
      readonly signs?: readonly Sign[];
    },
  ): Promise<DangerAssessment>;
  /** The actor declares to be too near to this case to decide in it. Cannot be taken back. */
  declareConflict(actor: ActorContext, caseId: CaseId, input: { readonly reason: string }): Promise<void>;
  // Decisions
  propose(actor: ActorContext, caseId: CaseId, proposal: MeasureProposal): Promise<DecisionView>;
  brake(actor: ActorContext, caseId: CaseId, proposal: MeasureProposal): Promise<DecisionView>;
  refuse(
    actor: ActorContext,
    caseId: CaseId,
    input: { readonly facts: string; readonly reason: string },
  ): Promise<DecisionView>;
  proposeLift(
    actor: ActorContext,
    measureId: MeasureId,
    input: { readonly reason: string },
  ): Promise<DecisionView>;
  act(
    actor: ActorContext,
    decisionId: DecisionId,
    input: { readonly action: DecisionAction; readonly reason: string },
  ): Promise<DecisionView>;
  measure(measureId: MeasureId): Promise<MeasureView>;
  // Referrals, appeals
  refer(
    actor: ActorContext,
    caseId: CaseId,
    input: { readonly kind: ReferralKind; readonly to: string; readonly note: string },
  ): Promise<ReferralView>;
  appeals(actor: ActorContext): Promise<Page<AppealView>>;
  decideAppeal(
    actor: ActorContext,
    appealId: AppealId,
    input: { readonly outcome: "granted" | "refused"; readonly reason: string },
  ): Promise<AppealView>;
  // Sealed identities (design law 1)
  requestOpening(
    actor: ActorContext,
    caseId: CaseId,
    input: { readonly reportId: ReportId; readonly ground: OpeningGround; readonly purpose: string },
  ): Promise<OpeningView>;
  actOnOpening(
    actor: ActorContext,
    openingId: OpeningId,
    input: { readonly action: OpeningAction; readonly reason: string },
  ): Promise<OpeningView>;
  /** Ciphertext alone, for one of the two officers named, once the log holds the opening. Every call is counted and told. */
  sealedForOpening(actor: ActorContext, openingId: OpeningId): Promise<SealedIdentity>;
  // The customer's side, by the token in their notice
  statement(token: string): Promise<StatementView>;
  customerAppeal(token: string, text: string): Promise<StatementView>;
  /** Everything a customer takes along: settings, hostnames, origin, measures. JSON. */
  exportFor(token: string): Promise<string>;
  // Public
  transparency(range: { readonly from: string; readonly until: string }): Promise<TransparencyView>;
  /** The published record of one log entry, if its opening is public. */
  publicRecord(logIndex: number): Promise<Record<string, string> | null>;
  waitingForSecond(): Promise<number>;
  queueByLevel(): Promise<
    readonly { readonly level: string; readonly open: number; readonly overdue: number }[]
  >;
  // The engine
  /** Carries every unfinished decision one step on: sequence, receipt, policy, in force, notices, clocks. Idempotent. */
  advance(): Promise<{ readonly moved: number }>;
  close(): Promise<void>;
}
