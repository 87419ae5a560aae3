/**
 * A measure's beginning and its end, each inside the transaction of the decision that makes it: the record, its log intent, the
 * policy versions of the sites it reaches. What follows (receipt, edges, notices) is `pipeline.ts`'s. A measure begins only with
 * an intent to log it; its end never waits for the log.
 */
import type { MeasureProposal } from "../contract/http.ts";
import { newId, type DecisionId, type MeasureId } from "../contract/ids.ts";
import type { MeasureRecord } from "../contract/measure.ts";
import type { EntryKind } from "../ledger/core/entry.ts";
import type { SiteFacts } from "../sites/sites.ts";
import type { Tx } from "../store/db.ts";
import { setCaseState, type CaseRecord } from "../store/desk-cases.ts";
import type { DecisionRow } from "../store/desk-decisions.ts";
import { entriesOfDecision } from "../store/desk-log.ts";
import {
  insertMeasure,
  insertRevision,
  markLifting,
  revisionsOf,
  setLiftVersion,
  sitesReached,
  type EndedBecause,
  type MeasureRow,
} from "../store/measures.ts";
import { iso, present, type DeskContext } from "./context.ts";
import { intendEntry, type Signature } from "./log-entry.ts";

export type Taking = {
  readonly case: CaseRecord;
  readonly site: SiteFacts;
  readonly decision: DecisionRow;
  readonly proposal: MeasureProposal;
  readonly kind: "decision" | "brake" | "ratification";
  readonly signatures: readonly Signature[];
  readonly startsAt: string;
  readonly endsAt: string | null;
  readonly reviewAt: string | null;
  /** The brake's measure that this ratifies: it gets a new revision instead of a sibling. */
  readonly ratifies: MeasureId | null;
};

/** The measure (or its next revision) with its log intent, waiting for the receipt. */
export async function takeMeasure(tx: Tx, desk: DeskContext, taking: Taking): Promise<MeasureId> {
  const { case: found, proposal, site } = taking;
  const measureId = taking.ratifies ?? newId<MeasureId>("meas", desk.random);
  const { hostname, path } = proposal.subject;
  const record: MeasureRecord = {
    schema: 1,
    measureId,
    decisionId: taking.decision.decisionId,
    caseId: found.caseId,
    caseNumber: found.number,
    kind: proposal.kind,
    scope: proposal.scope,
    subject: {
      siteId: site.siteId,
      ...(hostname === undefined ? {} : { hostname }),
      ...(path === undefined ? {} : { path }),
    },
    clause: proposal.clause,
    facts: proposal.facts,
    territory: [...proposal.territory],
    startsAt: taking.startsAt,
    endsAt: taking.endsAt,
    reviewAt: taking.reviewAt,
    appealBy: ["customer"],
    appealUrl: `${desk.settings.publicUrl}/appeal`,
    blockedByUrl: desk.settings.operatorUrl,
    operatorName: desk.settings.operatorName,
    brake: taking.kind === "brake",
  };
  const earlier = await entriesOfDecision(tx, taking.decision.decisionId);
  if (taking.ratifies === null) await insertMeasure(tx, { record, at: iso(desk.now()) });
  const { intentId, partySalt, partyText } = await intendEntry(tx, desk, {
    case: found,
    kind: taking.kind,
    measure: record.kind,
    scope: record.scope,
    clause: record.clause,
    level: found.level,
    signatures: taking.signatures,
    refers: taking.ratifies === null ? null : (earlier.find((row) => row.kind === "brake")?.seq ?? null),
    public: {
      facts: record.facts,
      startsAt: record.startsAt,
      endsAt: record.endsAt ?? "",
      reviewAt: record.reviewAt ?? "",
      territory: record.territory.join(" "),
      // A path would lead readers to the harm, and a hostname beside a single page says as much: only a whole site is named.
      site: record.scope === "site" || record.scope === "account" ? site.hostnames.join(" ") : "",
    },
    party: record,
    decisionId: taking.decision.decisionId,
    measureId,
  });
  const revision = (await revisionsOf(tx, measureId)).length + 1;
  await insertRevision(tx, { record, revision, text: partyText, salt: partySalt, intentId });
  await setCaseState(tx, found.caseId, "decided");
  return measureId;
}

/**
 * Starts a measure's way out in the caller's transaction: the measure, the next policy version of every site it reaches,
 * the log entry. A restriction waits for its receipt; its end does not, so that a log that cannot be written to never makes
 * a measure last longer than was decided.
 */
export async function endMeasure(
  tx: Tx,
  desk: DeskContext,
  input: {
    readonly case: CaseRecord;
    readonly measure: MeasureRow;
    readonly because: EndedBecause;
    readonly kind: EntryKind;
    readonly signatures: readonly Signature[];
    readonly reason: string;
    readonly decisionId: DecisionId;
  },
): Promise<boolean> {
  const { measure } = input;
  const at = iso(desk.now());
  if (!(await markLifting(tx, measure.measureId, { at, because: input.because }))) return false;
  for (const siteId of await sitesReached(tx, measure.measureId)) {
    const { version } = await desk.sites.touch(tx, siteId);
    await setLiftVersion(tx, { measureId: measure.measureId, siteId, version });
  }
  const record = present((await revisionsOf(tx, measure.measureId)).at(-1), "the measure's record").record;
  const earlier = await entriesOfDecision(tx, measure.decisionId);
  await intendEntry(tx, desk, {
    case: input.case,
    kind: input.kind,
    measure: record.kind,
    scope: record.scope,
    clause: record.clause,
    level: input.case.level,
    signatures: input.signatures,
    refers: earlier.at(-1)?.seq ?? null,
    public: { because: input.because },
    party: { measureId: measure.measureId, because: input.because, reason: input.reason, at },
    decisionId: input.decisionId,
    measureId: measure.measureId,
  });
  return true;
}
