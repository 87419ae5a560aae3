/**
 * What people see of the desk, built from rows: never more than the contract's views have fields for, and none of them has one
 * for a reporter's identity (design law 1). "In force" is asked of the edges' confirmations, not assumed.
 */
import { Fault } from "../contract/fault.ts";
import type {
  AppealView,
  CaseRow,
  CaseView,
  DecisionView,
  EvidenceView,
  InForce,
  MeasureView,
  ReferralView,
  ReportView,
} from "../contract/http.ts";
import type { CaseId, DecisionId } from "../contract/ids.ts";
import type { Queryable } from "../store/db.ts";
import { appealsOfCase, referralsOfCase, type AppealRow, type ReferralRow } from "../store/desk-appeals.ts";
import { auditOfCase } from "../store/desk-audit.ts";
import { findCase, type CaseRecord } from "../store/desk-cases.ts";
import { casesWaiting, decisionsOfCase, findDecision, type DecisionRow } from "../store/desk-decisions.ts";
import { assessmentsOf, evidenceOfCase, type EvidenceRow } from "../store/desk-evidence.ts";
import { entriesOfDecision, indexOfIntent } from "../store/desk-log.ts";
import { reportCounts, reportsOfCase, type ReportRow } from "../store/desk-reports.ts";
import { measureOfDecision, revisionsOf, versionsOf, type MeasureRow } from "../store/measures.ts";
import { isoOf, officerIn, present, type DeskContext } from "./context.ts";
import { allowedActions, mayBrake, mayDecide, mayDecideAppeal, type ActingOfficer } from "./core/decide.ts";
import { narrowestOf } from "./core/narrowest.ts";
import type { ActorContext } from "./desk.ts";
import { partsDigest } from "./intake.ts";
import { openingViews } from "./openings.ts";

const NOWHERE: InForce = { acked: 0, of: 0, ms: null, refusals: [] };

/** What the edges say of a measure: of its arrival while it stands, of its leaving once it is on its way out. */
export async function edgesSay(desk: DeskContext, measure: MeasureRow): Promise<InForce> {
  const leaving = measure.state === "lifting" || measure.state === "ended";
  const versions = await versionsOf(desk.db, measure.measureId);
  const answers: InForce[] = [];
  for (const row of versions) {
    const version = leaving ? row.liftVersion : row.version;
    if (version !== null) answers.push(await desk.sites.inForce(row.siteId, version));
  }
  const first = answers[0];
  if (first === undefined)
    return { ...NOWHERE, of: (await desk.sites.nodes()).filter((node) => node.alive).length };
  const complete = answers.every((answer) => answer.ms !== null);
  return {
    acked: Math.min(...answers.map((answer) => answer.acked)),
    of: Math.max(...answers.map((answer) => answer.of)),
    ms: complete ? Math.max(...answers.map((answer) => answer.ms ?? 0)) : null,
    refusals: answers.flatMap((answer) => answer.refusals),
  };
}

export async function measureView(desk: DeskContext, measure: MeasureRow): Promise<MeasureView> {
  const revisions = await revisionsOf(desk.db, measure.measureId);
  const shown = present(
    revisions.findLast((row) => row.receipted) ?? revisions.at(-1),
    "the measure's record",
  );
  const now = await edgesSay(desk, measure);
  const leaving = measure.state === "lifting" || measure.state === "ended";
  const kept = leaving ? measure.liftMs : measure.inForceMs;
  return {
    measureId: measure.measureId,
    record: shown.record,
    state: measure.state,
    endedBecause: measure.endedBecause,
    logIndex: await indexOfIntent(desk.db, shown.intentId),
    inForce: { ...now, ms: kept ?? now.ms },
  };
}

export async function decisionView(
  desk: DeskContext,
  actor: ActorContext,
  decisionId: DecisionId,
): Promise<DecisionView> {
  const decision = await findDecision(desk.db, decisionId);
  if (decision === null)
    throw new Fault("state.not-found", `There is no decision ${decisionId}: look at its case`);
  return await viewOf(desk, await officerIn(desk.db, actor, decision.caseId), decision);
}

async function viewOf(
  desk: DeskContext,
  officer: ActingOfficer,
  decision: DecisionRow,
): Promise<DecisionView> {
  const measure = await measureOfDecision(desk.db, decision.decisionId);
  const entries = await entriesOfDecision(desk.db, decision.decisionId);
  return {
    decisionId: decision.decisionId,
    kind: decision.kind,
    state: decision.state,
    measure: measure === null ? null : await measureView(desk, measure),
    proposal: decision.proposal,
    liftsMeasureId: decision.liftsMeasureId,
    clause: decision.clause,
    facts: decision.facts,
    reasonWider: decision.reasonWider,
    author: { userId: decision.authorId, name: decision.authorName },
    authorReason: decision.authorReason,
    second:
      decision.secondId === null
        ? null
        : { userId: decision.secondId, name: present(decision.secondName, "a name") },
    secondReason: decision.secondReason,
    madeAt: decision.madeAt.toISOString(),
    settledAt: isoOf(decision.settledAt),
    lapsesAt: isoOf(decision.lapsesAt),
    allowed: allowedActions({ state: decision.state, authorId: decision.authorId, actor: officer }),
    logIndex: entries.findLast((row) => row.logIndex !== null)?.logIndex ?? null,
  };
}

export function reportView(row: ReportRow): ReportView {
  // What officers read is what came in, or they do not read it.
  if (partsDigest(row) !== row.partsSha256)
    throw new Error(`report ${row.reportId} was altered in the database`);
  return {
    reportId: row.reportId,
    receivedAt: row.receivedAt.toISOString(),
    channel: row.channel,
    harm: row.harm,
    url: row.url,
    statement: row.statement,
    quoted: row.quoted,
    language: row.language,
    sha256: row.originalSha256,
    identitySealed: row.identitySealed,
    cluster: row.cluster,
    copyOf: row.copyOf,
  };
}

export function evidenceView(row: EvidenceRow): EvidenceView {
  return { ...row, capturedAt: row.capturedAt.toISOString() };
}

export function referralView(row: ReferralRow): ReferralView {
  return {
    referralId: row.referralId,
    kind: row.kind,
    to: row.recipient,
    state: row.state,
    madeAt: row.madeAt.toISOString(),
    deliveredAt: isoOf(row.deliveredAt),
    note: row.note,
  };
}

/**
 * Everybody who took part in a decision, for the rule that an appeal is decided by somebody else: its author, its second, and
 * those who had rated the danger that it stands on.
 */
export async function tookPart(q: Queryable, decisionId: DecisionId): Promise<DecisionRow["authorId"][]> {
  const decision = present(await findDecision(q, decisionId), "the appealed decision");
  const until = (decision.settledAt ?? decision.madeAt).getTime();
  const rated = (await assessmentsOf(q, decision.caseId)).filter((row) => row.at.getTime() <= until);
  return [
    decision.authorId,
    ...(decision.secondId === null ? [] : [decision.secondId]),
    ...rated.map((row) => row.by),
  ];
}

export async function appealView(
  desk: DeskContext,
  officer: ActingOfficer,
  row: AppealRow,
): Promise<AppealView> {
  const may = mayDecideAppeal({
    actor: officer,
    open: row.state === "open",
    tookPart: await tookPart(desk.db, row.decisionId),
  });
  return {
    appealId: row.appealId,
    caseId: row.caseId,
    caseNumber: row.caseNumber,
    decisionId: row.decisionId,
    by: row.by,
    text: row.text,
    state: row.state,
    madeAt: row.madeAt.toISOString(),
    decidedAt: isoOf(row.decidedAt),
    decidedBy: row.decidedByName,
    reason: row.reason,
    allowed: { ok: may.ok, why: may.ok ? null : may.why },
  };
}

export async function caseRows(desk: DeskContext, found: readonly CaseRecord[]): Promise<CaseRow[]> {
  const counts = await reportCounts(
    desk.db,
    found.map((row) => row.caseId),
  );
  const waiting = await casesWaiting(desk.db);
  const names = new Map<string, string>();
  const nowMs = desk.now();
  const rows: CaseRow[] = [];
  for (const row of found) {
    if (!names.has(row.siteId)) {
      names.set(row.siteId, (await desk.sites.facts(desk.db, row.siteId))?.hostnames[0] ?? row.hostname);
    }
    const open = row.state === "new" || row.state === "in_review";
    rows.push({
      caseId: row.caseId,
      number: row.number,
      state: row.state,
      harm: row.harm,
      subject: {
        siteId: row.siteId,
        hostname: row.hostname,
        path: row.path,
        siteName: names.get(row.siteId) ?? row.hostname,
      },
      level: row.level,
      levelConfirmed: row.levelConfirmed,
      reports: counts.get(row.caseId)?.reports ?? 0,
      sources: counts.get(row.caseId)?.sources ?? 0,
      brigade: row.brigade,
      openedAt: row.openedAt.toISOString(),
      decisionDueAt: row.decisionDueAt.toISOString(),
      overdue: open && row.decisionDueAt.getTime() < nowMs,
      waitsForSecond: waiting.has(row.caseId),
    });
  }
  return rows;
}

export async function caseView(desk: DeskContext, actor: ActorContext, caseId: CaseId): Promise<CaseView> {
  const found = await findCase(desk.db, caseId);
  if (found === null) throw new Fault("state.not-found", `There is no case ${caseId}: look at the queue`);
  const officer = await officerIn(desk.db, actor, caseId);
  const row = present((await caseRows(desk, [found]))[0], "the case's row");
  const evidence = await evidenceOfCase(desk.db, caseId);
  const decisions: DecisionView[] = [];
  for (const decision of await decisionsOfCase(desk.db, caseId))
    decisions.push(await viewOf(desk, officer, decision));
  const appeals: AppealView[] = [];
  for (const appeal of await appealsOfCase(desk.db, caseId))
    appeals.push(await appealView(desk, officer, appeal));
  const brake = mayBrake({
    actor: officer,
    level: found.level,
    kind: "withhold",
    spentAtMs: found.brakeSpentAt?.getTime() ?? null,
    evidenceAtMs: found.evidenceAt?.getTime() ?? null,
    standing: decisions.some((decision) => decision.state === "braked"),
  });
  const mayAsk = mayDecide(officer);
  return {
    ...row,
    danger: found.danger,
    reportList: (await reportsOfCase(desk.db, caseId)).map(reportView),
    evidence: evidence.map(evidenceView),
    decisions,
    referrals: (await referralsOfCase(desk.db, caseId)).map(referralView),
    appeals,
    openings: await openingViews(desk, officer, caseId),
    mayAskOpening: { ok: mayAsk.ok, why: mayAsk.ok ? null : mayAsk.why },
    timeline: (await auditOfCase(desk.db, caseId)).map((item) => ({ ...item, at: item.at.toISOString() })),
    brake: { ok: brake.ok, why: brake.ok ? null : brake.why },
    narrowest: narrowestOf({ case: found, danger: found.danger, evidence }),
  };
}
