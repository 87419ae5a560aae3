/**
 * The shapes of contract/http.ts as zod schemas. Every answer is passed through its schema on the way out, and a schema
 * lets only the fields it names through: a field that some room adds by mistake, a reporter's name among them, does not leave
 * (design law 1). The compiler holds each schema to its type in the contract, in both directions.
 */
import { z } from "@hono/zod-openapi";
import { DANGER_LEVELS, RUBRIC, CERTAINTIES, type DangerAssessment } from "../contract/danger.ts";
import {
  APPEAL_STATES,
  CASE_STATES,
  DECISION_KINDS,
  DECISION_STATES,
  HARMS,
  MEASURE_STATES,
  OPENING_GROUNDS,
  OPENING_STATES,
  REFERRAL_KINDS,
  REFERRAL_STATES,
  ROLES,
  SITE_STATES,
} from "../contract/desk-states.ts";
import type {
  AppealView,
  CaseRow,
  CaseView,
  DecisionView,
  EvidenceView,
  InForce,
  MeasureProposal,
  MeasureView,
  MeView,
  NodeView,
  OpeningView,
  OverviewView,
  Page,
  PersonView,
  ReferralView,
  ReportView,
  SealedIdentity,
  SiteView,
  TransparencyView,
} from "../contract/http.ts";
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
} from "../contract/ids.ts";
import { CLAUSES, MEASURE_KINDS, SCOPES, type Clause } from "../contract/measure.ts";

/** An id as it leaves: it was checked where it was made. */
const id = <Id extends string>(): z.ZodType<Id> => z.string() as unknown as z.ZodType<Id>;
const text = z.string();
const count = z.number();
const list = <T>(item: z.ZodType<T>): z.ZodType<readonly T[]> => z.array(item).readonly();
const CLAUSE_NAMES = Object.keys(CLAUSES) as [Clause, ...Clause[]];

export const page = <T>(item: z.ZodType<T>): z.ZodType<Page<T>> =>
  z.object({ items: list(item), total: count });

export const clause = z.enum(CLAUSE_NAMES);
const score = z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]);
export const scores = z.object({
  H: score.nullable(),
  T: score.nullable(),
  E: score.nullable(),
  S: score.nullable(),
  C: score.nullable(),
  M: score.nullable(),
  A: score.nullable(),
  V: score.nullable(),
});
export const credibility = score;
export const dimension = z.enum(["H", "T", "E", "S", "C", "M", "A", "V"]);

export const me: z.ZodType<MeView> = z.object({
  userId: id<UserId>(),
  name: text,
  email: text,
  roles: list(z.enum(ROLES)),
  accounts: list(text),
  secondFactor: z.boolean(),
  mayDecide: z.boolean(),
  whyNot: text.nullable(),
});

export const node: z.ZodType<NodeView> = z.object({
  nodeId: id<NodeId>(),
  name: text,
  seenAt: text,
  alive: z.boolean(),
  nginxVersion: text,
  workers: count,
  sites: count,
});

export const inForce: z.ZodType<InForce> = z.object({
  acked: count,
  of: count,
  ms: count.nullable(),
  refusals: list(z.object({ nodeId: id<NodeId>(), why: text })),
});

export const site: z.ZodType<SiteView> = z.object({
  siteId: id<SiteId>(),
  account: text,
  hostnames: list(text),
  originUrl: text,
  state: z.enum(SITE_STATES),
  heldBecause: list(text),
  createdAt: text,
  version: count,
  inForce,
  measures: count,
});

const subject = z.object({
  siteId: id<SiteId>(),
  hostname: text.exactOptional(),
  path: text.exactOptional(),
});

const caseRowFields = {
  caseId: id<CaseId>(),
  number: text,
  state: z.enum(CASE_STATES),
  harm: z.enum(HARMS),
  subject: subject.extend({ siteName: text }),
  level: z.enum(DANGER_LEVELS),
  levelConfirmed: z.boolean(),
  reports: count,
  sources: count,
  brigade: z.boolean(),
  openedAt: text,
  decisionDueAt: text,
  overdue: z.boolean(),
  waitsForSecond: z.boolean(),
};
export const caseRow: z.ZodType<CaseRow> = z.object(caseRowFields);

export const report: z.ZodType<ReportView> = z.object({
  reportId: id<ReportId>(),
  receivedAt: text,
  channel: z.enum(["form", "mail", "api"]),
  harm: z.enum(HARMS),
  url: text,
  statement: text,
  quoted: text,
  language: text,
  sha256: text,
  identitySealed: z.boolean(),
  cluster: count,
  copyOf: id<ReportId>().nullable(),
});

export const evidence: z.ZodType<EvidenceView> = z.object({
  evidenceId: id<EvidenceId>(),
  url: text,
  capturedAt: text,
  status: count,
  bytes: count,
  sha256: text,
  lines: list(text),
});

export const measure: z.ZodType<MeasureView> = z.object({
  measureId: id<MeasureId>(),
  record: z.object({
    schema: z.literal(1),
    measureId: id<MeasureId>(),
    decisionId: id<DecisionId>(),
    caseId: id<CaseId>(),
    caseNumber: text,
    kind: z.enum(MEASURE_KINDS),
    scope: z.enum(SCOPES),
    subject,
    clause,
    facts: text,
    territory: list(text),
    startsAt: text,
    endsAt: text.nullable(),
    reviewAt: text.nullable(),
    appealBy: list(z.enum(["customer", "reporter"])),
    appealUrl: text,
    blockedByUrl: text,
    operatorName: text,
    brake: z.boolean(),
  }),
  state: z.enum(MEASURE_STATES),
  endedBecause: z.enum(["lifted", "expired", "lapsed", "released", "appeal"]).nullable(),
  logIndex: count.nullable(),
  inForce,
});

export const proposal: z.ZodType<MeasureProposal> = z.object({
  kind: z.enum(MEASURE_KINDS),
  scope: z.enum(SCOPES),
  subject,
  clause,
  facts: text,
  territory: list(text),
  endsAt: text.nullable(),
  reviewAt: text.nullable(),
  reasonWider: text.nullable(),
  reason: text,
});

const who = z.object({ userId: id<UserId>(), name: text });
const permission = z.object({ ok: z.boolean(), why: text.nullable() });

export const decision: z.ZodType<DecisionView> = z.object({
  decisionId: id<DecisionId>(),
  kind: z.enum(DECISION_KINDS),
  state: z.enum(DECISION_STATES),
  measure: measure.nullable(),
  proposal: proposal.nullable(),
  liftsMeasureId: id<MeasureId>().nullable(),
  clause: clause.nullable(),
  facts: text,
  reasonWider: text.nullable(),
  author: who,
  authorReason: text,
  second: who.nullable(),
  secondReason: text.nullable(),
  madeAt: text,
  settledAt: text.nullable(),
  lapsesAt: text.nullable(),
  allowed: list(z.object({ action: text, ok: z.boolean(), why: text.nullable() })),
  logIndex: count.nullable(),
});

export const referral: z.ZodType<ReferralView> = z.object({
  referralId: id<ReferralId>(),
  kind: z.enum(REFERRAL_KINDS),
  to: text,
  state: z.enum(REFERRAL_STATES),
  madeAt: text,
  deliveredAt: text.nullable(),
  note: text,
});

export const appeal: z.ZodType<AppealView> = z.object({
  appealId: id<AppealId>(),
  caseId: id<CaseId>(),
  caseNumber: text,
  decisionId: id<DecisionId>(),
  by: z.enum(["customer", "reporter"]),
  text,
  state: z.enum(APPEAL_STATES),
  madeAt: text,
  decidedAt: text.nullable(),
  decidedBy: text.nullable(),
  reason: text.nullable(),
  allowed: permission,
});

export const opening: z.ZodType<OpeningView> = z.object({
  openingId: id<OpeningId>(),
  reportId: id<ReportId>(),
  ground: z.enum(OPENING_GROUNDS),
  purpose: text,
  state: z.enum(OPENING_STATES),
  author: who,
  madeAt: text,
  second: who.nullable(),
  secondReason: text.nullable(),
  settledAt: text.nullable(),
  closesAt: text.nullable(),
  handedOut: count,
  logIndex: count.nullable(),
  allowed: list(z.object({ action: text, ok: z.boolean(), why: text.nullable() })),
  sealed: permission,
});

/** Ciphertext: the only answer of the house that comes from behind the seal, and still sealed. */
export const sealedIdentity: z.ZodType<SealedIdentity> = z.object({
  schema: z.literal(1),
  sealed: text,
  associatedData: text,
  sealedTo: text,
  logIndex: count,
});

export const assessment: z.ZodType<DangerAssessment> = z.object({
  rubric: z.literal(RUBRIC),
  level: z.enum(DANGER_LEVELS),
  rule: text,
  scores,
  credibility,
  evidence: list(
    z.object({
      dimension,
      score,
      certainty: z.enum(CERTAINTIES),
      source: id<EvidenceId | ReportId>(),
      line: count,
      quote: text,
      why: text,
    }),
  ),
  proposedBy: text,
  confirmedBy: list(id<UserId>()),
  assessedAt: text,
  nextReviewAt: text,
});

export const caseView: z.ZodType<CaseView> = z.object({
  ...caseRowFields,
  danger: assessment,
  reportList: list(report),
  evidence: list(evidence),
  decisions: list(decision),
  referrals: list(referral),
  appeals: list(appeal),
  openings: list(opening),
  mayAskOpening: permission,
  timeline: list(z.object({ at: text, what: text, who: text.nullable() })),
  brake: permission,
  narrowest: z.object({ scope: z.enum(SCOPES), subject }),
});

export const person: z.ZodType<PersonView> = z.object({
  userId: id<UserId>(),
  name: text,
  email: text,
  roles: list(z.enum(ROLES)),
  secondFactor: z.boolean(),
});
export const invited: z.ZodType<PersonView & { readonly signInLink: string }> = z.object({
  userId: id<UserId>(),
  name: text,
  email: text,
  roles: list(z.enum(ROLES)),
  secondFactor: z.boolean(),
  signInLink: text,
});

export const vaultKey: z.ZodType<{ fingerprint: string }> = z.object({ fingerprint: text });

const logHead = { origin: text, vkey: text, size: count };

export const overview: z.ZodType<OverviewView> = z.object({
  operatorName: text,
  sites: z.object({ active: count, held: count }),
  edges: list(node),
  queue: list(z.object({ level: z.enum(DANGER_LEVELS), open: count, overdue: count })),
  waitingForSecond: count,
  appealsOpen: count,
  log: z.object({ ...logHead, checkpointAt: text.nullable(), witnessed: z.boolean() }),
  vault: z.object({ ready: z.boolean(), fingerprint: text.nullable() }),
  mail: z.object({ route: z.boolean(), waiting: count, failed: count }),
  database: z.enum(["pglite", "postgresql"]),
  alarms: list(z.object({ at: text, code: text, what: text })),
});

export const transparency: z.ZodType<TransparencyView> = z.object({
  from: text,
  until: text,
  reports: count,
  sources: count,
  cases: count,
  byLevel: z.object({ LOW: count, MODERATE: count, ELEVATED: count, HIGH: count, IMMINENT: count }),
  measures: list(z.object({ kind: z.enum(MEASURE_KINDS), scope: z.enum(SCOPES), count })),
  refusals: count,
  brakes: z.object({ pulled: count, ratified: count, lapsed: count }),
  appeals: z.object({ made: count, granted: count, refused: count }),
  referrals: z.object({ made: count, delivered: count }),
  openings: z.object({ requested: count, approved: count, refused: count, handedOut: count }),
  returnsHeld: count,
  brigades: count,
  log: z.object(logHead),
});

/** RFC 9457, as api/problem.ts writes it. */
export const problem = z.object({
  type: text,
  title: text,
  status: count,
  detail: text,
  code: text,
  fields: z.record(z.string(), z.string()).exactOptional(),
  instance: text.exactOptional(),
});
