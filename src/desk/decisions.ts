/**
 * Decisions: proposed, braked, refused, confirmed. Each step is one transaction that either does all of it or nothing: the
 * decision's new state, the intent to log it, the measure that waits for its receipt, the line in the case's timeline. What
 * follows is `pipeline.ts`'s, which finds its work in the database alone, so that a crash after the commit loses nothing
 * and one before it leaves nothing behind. Who may act is decided by `core/decide.ts` and held by the tables' own checks.
 */
import { Fault } from "../contract/fault.ts";
import type { DecisionAction } from "../contract/desk-states.ts";
import type { DecisionView, MeasureProposal } from "../contract/http.ts";
import { newId, type CaseId, type DecisionId, type MeasureId } from "../contract/ids.ts";
import { FACTS_CHARS_MAX, REASON_CHARS_MAX } from "../contract/measure.ts";
import type { SiteFacts } from "../sites/sites.ts";
import type { Tx } from "../store/db.ts";
import { hasDecidedAppeal } from "../store/desk-appeals.ts";
import { appendAudit } from "../store/desk-audit.ts";
import { findCase, setCaseState, spendBrake, type CaseRecord } from "../store/desk-cases.ts";
import {
  decisionsOfCase,
  findDecision,
  insertDecision,
  settleDecision,
  type DecisionRow,
} from "../store/desk-decisions.ts";
import { evidenceOfCase } from "../store/desk-evidence.ts";
import {
  countStanding,
  findMeasure,
  forgetTold,
  measureOfDecision,
  revisionsOf,
  type MeasureRow,
} from "../store/measures.ts";
import { demand, iso, officerIn, present, type DeskContext } from "./context.ts";
import { brakeIsOver, brakeLapseMs, RATIFIED_REVIEW_MS_MAX, ratifiedReviewMs } from "./core/clocks.ts";
import { KIND_WORDS, mayAct, mayBrake, mayDecide } from "./core/decide.ts";
import { narrowestOf } from "./core/narrowest.ts";
import { checkProposal, checkText, type Ground } from "./core/proposal.ts";
import type { ActorContext } from "./desk.ts";
import { followName, proposalForNow } from "./follow-name.ts";
import { intendEntry, type Signature } from "./log-entry.ts";
import { endMeasure, takeMeasure } from "./measures.ts";
import { decisionView } from "./views.ts";

/** What one site can carry: an edge takes policies of 256 KiB, and a record with its proof takes up to 9 KiB. */
export const MEASURES_STANDING_MAX = 25;
const DECISIONS_OPEN_MAX = 10;

const reasonFault = (reason: string): string | null =>
  checkText(reason, { what: "your reason", charsMax: REASON_CHARS_MAX, publish: false });

function needReason(reason: string): void {
  const why = reasonFault(reason);
  if (why !== null) throw new Fault("input.invalid", why, { fields: { reason: why } });
}

async function openCase(tx: Tx, desk: DeskContext, caseId: CaseId): Promise<CaseRecord> {
  const found = await findCase(tx, caseId);
  if (found === null) throw new Fault("state.not-found", `There is no case ${caseId}: look at the queue`);
  if (found.state === "closed") {
    throw new Fault("state.conflict", `Case ${found.number} is closed: a new report opens a new one`);
  }
  return await followName(tx, desk, found);
}

async function groundOf(
  tx: Tx,
  desk: DeskContext,
  found: CaseRecord,
): Promise<{ ground: Ground; site: SiteFacts }> {
  const site = present(await desk.sites.facts(tx, found.siteId), `site ${found.siteId}`);
  const evidence = await evidenceOfCase(tx, found.caseId);
  return {
    site,
    ground: {
      siteId: found.siteId,
      hostnames: site.hostnames,
      level: found.level,
      credibility: found.danger.credibility,
      narrowest: narrowestOf({ case: found, danger: found.danger, evidence }),
      nowMs: desk.now(),
    },
  };
}

async function roomForOneMore(tx: Tx, found: CaseRecord): Promise<void> {
  if ((await countStanding(tx, found.siteId)) >= MEASURES_STANDING_MAX) {
    throw new Fault(
      "limit.full",
      `Cannot put more than ${MEASURES_STANDING_MAX} measures on one site: lift some, or propose one wider measure`,
    );
  }
  const open = (await decisionsOfCase(tx, found.caseId)).filter((row) => row.state === "proposed");
  if (open.length >= DECISIONS_OPEN_MAX) {
    throw new Fault(
      "limit.full",
      `${DECISIONS_OPEN_MAX} proposals wait in this case: confirm, reject or withdraw some first`,
    );
  }
}

/** An officer may have had the case open while its site left: then the page that they read names a site that serves nothing. */
async function seenBefore(
  tx: Tx,
  desk: DeskContext,
  input: { readonly proposal: MeasureProposal; readonly case: CaseRecord },
): Promise<MeasureProposal> {
  const named = await desk.sites.facts(tx, input.proposal.subject.siteId);
  return named?.hostnames.length === 0 ? await proposalForNow(tx, desk, input) : input.proposal;
}

/** Puts a measure before a second officer. */
export async function propose(
  desk: DeskContext,
  actor: ActorContext,
  input: { readonly caseId: CaseId; readonly proposal: MeasureProposal },
): Promise<DecisionView> {
  const decisionId = newId<DecisionId>("deci", desk.random);
  await desk.db.transaction(async (tx) => {
    const found = await openCase(tx, desk, input.caseId);
    demand(mayDecide(await officerIn(tx, actor, found.caseId)));
    const { ground } = await groundOf(tx, desk, found);
    const proposal = await seenBefore(tx, desk, { proposal: input.proposal, case: found });
    demand(checkProposal(proposal, ground));
    await roomForOneMore(tx, found);
    await insertDecision(tx, {
      decisionId,
      caseId: found.caseId,
      kind: "measure",
      state: "proposed",
      level: found.level,
      proposal,
      liftsMeasureId: null,
      clause: proposal.clause,
      facts: proposal.facts,
      reasonWider: proposal.reasonWider,
      author: actor,
      reason: proposal.reason,
      at: iso(desk.now()),
      lapsesAt: null,
    });
    await underReview(tx, found);
    await appendAudit(tx, {
      caseId: found.caseId,
      at: iso(desk.now()),
      who: actor,
      what: `Proposed to ${proposal.kind} (scope ${proposal.scope}, clause ${proposal.clause})`,
    });
  });
  return await decisionView(desk, actor, decisionId);
}

async function underReview(tx: Tx, found: CaseRecord): Promise<void> {
  if (found.state !== "in_review") await setCaseState(tx, found.caseId, "in_review");
}

/** Puts a refusal to act before a second officer: as public and as appealable as a measure. */
export async function proposeRefusal(
  desk: DeskContext,
  actor: ActorContext,
  input: { readonly caseId: CaseId; readonly facts: string; readonly reason: string },
): Promise<DecisionView> {
  const decisionId = newId<DecisionId>("deci", desk.random);
  const factsFault = checkText(input.facts, { what: "the facts", charsMax: FACTS_CHARS_MAX, publish: true });
  if (factsFault !== null) throw new Fault("input.invalid", factsFault, { fields: { facts: factsFault } });
  needReason(input.reason);
  await desk.db.transaction(async (tx) => {
    const found = await openCase(tx, desk, input.caseId);
    demand(mayDecide(await officerIn(tx, actor, found.caseId)));
    await roomForOneMore(tx, found);
    await insertDecision(tx, {
      decisionId,
      caseId: found.caseId,
      kind: "refusal",
      state: "proposed",
      level: found.level,
      proposal: null,
      liftsMeasureId: null,
      clause: null,
      facts: input.facts,
      reasonWider: null,
      author: actor,
      reason: input.reason,
      at: iso(desk.now()),
      lapsesAt: null,
    });
    await underReview(tx, found);
    await appendAudit(tx, {
      caseId: found.caseId,
      at: iso(desk.now()),
      who: actor,
      what: "Proposed to decline, with reasons",
    });
  });
  return await decisionView(desk, actor, decisionId);
}

/** Puts the lift of a standing measure before a second officer. */
export async function proposeLift(
  desk: DeskContext,
  actor: ActorContext,
  input: { readonly measureId: MeasureId; readonly reason: string },
): Promise<DecisionView> {
  const decisionId = newId<DecisionId>("deci", desk.random);
  needReason(input.reason);
  await desk.db.transaction(async (tx) => {
    const measure = await findMeasure(tx, input.measureId);
    if (measure === null)
      throw new Fault("state.not-found", `There is no measure ${input.measureId}: look at its case`);
    const found = present(await findCase(tx, measure.caseId), `case ${measure.caseId}`);
    demand(mayDecide(await officerIn(tx, actor, found.caseId)));
    standsOrFault(measure);
    const record = present((await revisionsOf(tx, measure.measureId)).at(-1), "the measure's record").record;
    if (record.brake) {
      throw new Fault(
        "state.conflict",
        "A brake stands for an hour at most: release it, which one officer can do",
      );
    }
    const open = (await decisionsOfCase(tx, found.caseId)).some(
      (row) => row.state === "proposed" && row.liftsMeasureId === measure.measureId,
    );
    if (open)
      throw new Fault("state.conflict", "A lift of this measure waits already: confirm it or reject it");
    await insertDecision(tx, {
      decisionId,
      caseId: found.caseId,
      kind: "lift",
      state: "proposed",
      level: found.level,
      proposal: null,
      liftsMeasureId: measure.measureId,
      clause: record.clause,
      facts: record.facts,
      reasonWider: null,
      author: actor,
      reason: input.reason,
      at: iso(desk.now()),
      lapsesAt: null,
    });
    await appendAudit(tx, {
      caseId: found.caseId,
      at: iso(desk.now()),
      who: actor,
      what: `Proposed to lift measure ${measure.measureId}`,
    });
  });
  return await decisionView(desk, actor, decisionId);
}

function standsOrFault(measure: MeasureRow): void {
  if (measure.state === "lifting" || measure.state === "ended") {
    throw new Fault("state.conflict", "This measure is on its way out already: nothing stands to be lifted");
  }
}

/** One officer withholds at once, at IMMINENT, for an hour. */
export async function pullBrake(
  desk: DeskContext,
  actor: ActorContext,
  input: { readonly caseId: CaseId; readonly proposal: MeasureProposal },
): Promise<DecisionView> {
  const decisionId = newId<DecisionId>("deci", desk.random);
  await desk.db.transaction(async (tx) => {
    const found = await openCase(tx, desk, input.caseId);
    const nowMs = desk.now();
    const decisions = await decisionsOfCase(tx, found.caseId);
    demand(
      mayBrake({
        actor: await officerIn(tx, actor, found.caseId),
        level: found.level,
        kind: input.proposal.kind,
        spentAtMs: found.brakeSpentAt?.getTime() ?? null,
        evidenceAtMs: found.evidenceAt?.getTime() ?? null,
        standing: decisions.some((row) => row.state === "braked"),
      }),
    );
    // A brake brings its own end; what the officer set applies from the ratification on.
    const lapsesAt = iso(brakeLapseMs(nowMs));
    const reviewAt = input.proposal.reviewAt ?? iso(nowMs + RATIFIED_REVIEW_MS_MAX);
    const asked: MeasureProposal = { ...input.proposal, endsAt: null, reviewAt };
    const proposal = await seenBefore(tx, desk, { proposal: asked, case: found });
    const { ground, site } = await groundOf(tx, desk, found);
    demand(checkProposal(proposal, ground));
    await roomForOneMore(tx, found);
    await insertDecision(tx, {
      decisionId,
      caseId: found.caseId,
      kind: "brake",
      state: "braked",
      level: found.level,
      proposal,
      liftsMeasureId: null,
      clause: proposal.clause,
      facts: proposal.facts,
      reasonWider: proposal.reasonWider,
      author: actor,
      reason: proposal.reason,
      at: iso(nowMs),
      lapsesAt,
    });
    await spendBrake(tx, found.caseId, iso(nowMs));
    await underReview(tx, found);
    const decision = present(await findDecision(tx, decisionId), "the brake");
    await takeMeasure(tx, desk, {
      case: found,
      site,
      decision,
      proposal,
      kind: "brake",
      signatures: [{ userId: actor.userId, reason: proposal.reason }],
      startsAt: iso(nowMs),
      endsAt: lapsesAt,
      reviewAt: null,
      ratifies: null,
    });
    await appendAudit(tx, {
      caseId: found.caseId,
      at: iso(nowMs),
      who: actor,
      what: `Pulled the brake (scope ${proposal.scope}): it lifts itself at ${lapsesAt} unless a second officer ratifies it`,
    });
  });
  return await decisionView(desk, actor, decisionId);
}

/** One step of one decision, by a person. */
export async function act(
  desk: DeskContext,
  actor: ActorContext,
  input: { readonly decisionId: DecisionId; readonly action: DecisionAction; readonly reason: string },
): Promise<DecisionView> {
  needReason(input.reason);
  await desk.db.transaction(async (tx) => {
    const decision = await findDecision(tx, input.decisionId);
    if (decision === null) {
      throw new Fault("state.not-found", `There is no decision ${input.decisionId}: look at its case`);
    }
    const known = present(await findCase(tx, decision.caseId), `case ${decision.caseId}`);
    const found = await followName(tx, desk, known);
    const officer = await officerIn(tx, actor, found.caseId);
    const next = demand(
      mayAct({ state: decision.state, action: input.action, authorId: decision.authorId, actor: officer }),
    );
    if (input.action === "ratify" && (await hasDecidedAppeal(tx, decision.decisionId, actor.userId))) {
      throw new Fault(
        "auth.conflict-of-interest",
        "You decided an appeal against this brake, so another officer has to ratify it: ask a colleague",
      );
    }
    if (input.action === "ratify" && hourIsOver(desk, decision)) {
      throw new Fault(
        "state.conflict",
        "This brake's hour is over: propose a measure, which two officers confirm",
      );
    }
    const at = iso(desk.now());
    const settled = await settleDecision(tx, decision.decisionId, {
      from: decision.state,
      to: next,
      second: actor.userId === decision.authorId ? null : actor,
      reason: input.reason,
      at,
    });
    if (!settled) throw new Fault("state.conflict", "Somebody was faster: load the decision again");
    await follow(tx, desk, { decision, case: found, actor, action: input.action, reason: input.reason });
    await appendAudit(tx, {
      caseId: found.caseId,
      at,
      who: actor,
      what: `${DONE[input.action]} the ${KIND_WORDS[decision.kind]} of ${decision.authorName}`,
    });
  });
  return await decisionView(desk, actor, input.decisionId);
}

const hourIsOver = (desk: DeskContext, decision: DecisionRow): boolean =>
  brakeIsOver({
    pulledMs: decision.madeAt.getTime(),
    lapsesMs: decision.lapsesAt?.getTime() ?? 0,
    nowMs: desk.now(),
  });

const DONE: Record<DecisionAction, string> = {
  confirm: "Confirmed",
  reject: "Rejected",
  withdraw: "Withdrew",
  ratify: "Ratified",
  release: "Released",
  lapse: "Let lapse",
};

type Step = {
  readonly decision: DecisionRow;
  readonly case: CaseRecord;
  readonly actor: ActorContext;
  readonly action: DecisionAction;
  readonly reason: string;
};

/** What a step brings about, in its own transaction. */
async function follow(tx: Tx, desk: DeskContext, step: Step): Promise<void> {
  const { decision, actor } = step;
  const both: Signature[] = [
    { userId: decision.authorId, reason: decision.authorReason },
    { userId: actor.userId, reason: step.reason },
  ];
  if (step.action === "ratify") return await ratify(tx, desk, step, both);
  if (step.action === "release") return await release(tx, desk, step);
  if (step.action !== "confirm") return;
  if (decision.kind === "measure") return await confirmMeasure(tx, desk, step, both);
  if (decision.kind === "refusal") return await confirmRefusal(tx, desk, step, both);
  if (decision.kind === "lift") return await confirmLift(tx, desk, step, both);
  throw new Error(`a ${decision.kind} cannot be confirmed`);
}

async function confirmMeasure(
  tx: Tx,
  desk: DeskContext,
  step: Step,
  signatures: readonly Signature[],
): Promise<void> {
  const proposed = present(step.decision.proposal, "the proposal");
  const proposal = await proposalForNow(tx, desk, { proposal: proposed, case: step.case });
  const { ground, site } = await groundOf(tx, desk, step.case);
  // Hours may have passed since the proposal: its end, its hostname or the danger may not be what they were.
  demand(checkProposal(proposal, ground));
  if ((await countStanding(tx, step.case.siteId)) >= MEASURES_STANDING_MAX) {
    throw new Fault("limit.full", `${MEASURES_STANDING_MAX} measures stand on this site: lift some first`);
  }
  await takeMeasure(tx, desk, {
    case: step.case,
    site,
    decision: step.decision,
    proposal,
    kind: "decision",
    signatures,
    startsAt: iso(desk.now()),
    endsAt: proposal.endsAt,
    reviewAt: proposal.reviewAt,
    ratifies: null,
  });
}

async function ratify(
  tx: Tx,
  desk: DeskContext,
  step: Step,
  signatures: readonly Signature[],
): Promise<void> {
  const proposal = present(step.decision.proposal, "the brake's proposal");
  const measure = present(await measureOfDecision(tx, step.decision.decisionId), "the brake's measure");
  // An appeal may have lifted it within its hour: a ratification would then stand in the log and on no edge.
  standsOrFault(measure);
  const first = present((await revisionsOf(tx, measure.measureId))[0], "the brake's record").record;
  const site = present(await desk.sites.facts(tx, measure.siteId), "the site");
  const proposedMs = proposal.reviewAt === null ? null : Date.parse(proposal.reviewAt);
  await takeMeasure(tx, desk, {
    case: step.case,
    site,
    decision: step.decision,
    proposal,
    kind: "ratification",
    signatures,
    startsAt: first.startsAt,
    endsAt: null,
    reviewAt: iso(ratifiedReviewMs(proposedMs, desk.now())),
    ratifies: measure.measureId,
  });
  await forgetTold(tx, measure.measureId);
}

async function release(tx: Tx, desk: DeskContext, step: Step): Promise<void> {
  const measure = present(await measureOfDecision(tx, step.decision.decisionId), "the brake's measure");
  await endMeasure(tx, desk, {
    case: step.case,
    measure,
    because: "released",
    kind: "release",
    signatures: [{ userId: step.actor.userId, reason: step.reason }],
    reason: step.reason,
    decisionId: step.decision.decisionId,
  });
  // The danger was not answered, only the brake let go: the case goes back to the queue.
  await setCaseState(tx, step.case.caseId, "in_review");
}

async function confirmRefusal(
  tx: Tx,
  desk: DeskContext,
  step: Step,
  signatures: readonly Signature[],
): Promise<void> {
  await intendEntry(tx, desk, {
    case: step.case,
    kind: "refusal",
    measure: null,
    scope: null,
    clause: null,
    level: step.case.level,
    signatures,
    refers: null,
    public: { facts: step.decision.facts },
    party: { decisionId: step.decision.decisionId, facts: step.decision.facts },
    decisionId: step.decision.decisionId,
  });
  await setCaseState(tx, step.case.caseId, "decided");
}

async function confirmLift(
  tx: Tx,
  desk: DeskContext,
  step: Step,
  signatures: readonly Signature[],
): Promise<void> {
  const measureId = present(step.decision.liftsMeasureId, "the measure to lift");
  const measure = present(await findMeasure(tx, measureId), "the measure to lift");
  standsOrFault(measure);
  await endMeasure(tx, desk, {
    case: step.case,
    measure,
    because: "lifted",
    kind: "lift",
    signatures,
    reason: step.reason,
    decisionId: step.decision.decisionId,
  });
  if (step.case.state !== "decided") await setCaseState(tx, step.case.caseId, "decided");
}

/** The clock lets a brake lapse that nobody ratified. False when somebody settled it meanwhile. */
export async function lapseBrake(desk: DeskContext, decisionId: DecisionId): Promise<boolean> {
  return await desk.db.transaction(async (tx) => {
    const decision = present(await findDecision(tx, decisionId), "the brake");
    const may = mayAct({
      state: decision.state,
      action: "lapse",
      authorId: decision.authorId,
      actor: "clock",
    });
    if (!may.ok || !hourIsOver(desk, decision)) return false;
    const found = present(await findCase(tx, decision.caseId), "the brake's case");
    const at = iso(desk.now());
    const settled = await settleDecision(tx, decisionId, {
      from: decision.state,
      to: may.value,
      second: null,
      reason: null,
      at,
    });
    if (!settled) return false;
    const measure = present(await measureOfDecision(tx, decisionId), "the brake's measure");
    await endMeasure(tx, desk, {
      case: found,
      measure,
      because: "lapsed",
      kind: "lapse",
      signatures: [],
      reason: "Nobody ratified the brake within its hour.",
      decisionId,
    });
    await setCaseState(tx, found.caseId, "in_review");
    await appendAudit(tx, {
      caseId: found.caseId,
      at,
      who: null,
      what: "The brake lapsed: nobody ratified it",
    });
    return true;
  });
}
