/**
 * The way to a sealed identity (design law 1): asked for by one officer, approved by another, entered into the public log, and only
 * then handed out, as ciphertext, to these two. Nothing here can open it: that takes two shares of the vault, in a command on
 * somebody's own machine. Approval and log intent are one transaction. A hand-out is counted, written into the case and told to
 * the reporter before a byte leaves, so that a crash can only tell of an opening that did not come through, never hide one.
 */
import type { OpeningAction, OpeningGround } from "../contract/desk-states.ts";
import { Fault } from "../contract/fault.ts";
import type { OpeningView, SealedIdentity } from "../contract/http.ts";
import { newId, type CaseId, type OpeningId, type ReportId } from "../contract/ids.ts";
import { REASON_CHARS_MAX } from "../contract/measure.ts";
import { parseEntry } from "../ledger/core/entry.ts";
import { parseVkey } from "../ledger/core/note.ts";
import { verifyTlogProof } from "../ledger/core/tlog-proof.ts";
import type { Tx } from "../store/db.ts";
import { appendAudit } from "../store/desk-audit.ts";
import { findCase } from "../store/desk-cases.ts";
import {
  closeOpenings,
  findOpening,
  holdOpening,
  insertOpening,
  openingsOfCase,
  settleOpening,
  takeSealed,
  type OpeningRow,
} from "../store/desk-openings.ts";
import { findReport, insertMessage } from "../store/desk-reports.ts";
import { demand, iso, isoOf, officerIn, present, type DeskContext } from "./context.ts";
import { mayDecide, type ActingOfficer } from "./core/decide.ts";
import {
  allowedOnOpening,
  checkRequest,
  mayActOnOpening,
  mayTakeSealed,
  openingCloseMs,
} from "./core/opening.ts";
import { checkText } from "./core/proposal.ts";
import type { ActorContext } from "./desk.ts";
import { intendEntry } from "./log-entry.ts";

export async function requestOpening(
  desk: DeskContext,
  actor: ActorContext,
  input: {
    readonly caseId: CaseId;
    readonly reportId: ReportId;
    readonly ground: OpeningGround;
    readonly purpose: string;
  },
): Promise<OpeningView> {
  const { caseId, reportId, ground } = input;
  const openingId = newId<OpeningId>("open", desk.random);
  await desk.db.transaction(async (tx) => {
    demand(mayDecide(await officerIn(tx, actor, caseId)));
    demand(checkRequest(input));
    const report = await findReport(tx, reportId);
    if (report === null || report.caseId !== caseId) {
      throw new Fault("state.not-found", `There is no report ${reportId} in this case: look at its reports`);
    }
    if (!report.identitySealed) {
      throw new Fault("state.conflict", "This reporter gave no identity: there is nothing to open");
    }
    const at = iso(desk.now());
    const purpose = input.purpose.trim();
    if (!(await insertOpening(tx, { openingId, caseId, reportId, ground, purpose, author: actor, at }))) {
      throw new Fault(
        "state.conflict",
        "The opening of this identity is asked for or approved already: act on that one",
      );
    }
    await appendAudit(tx, {
      caseId,
      at,
      who: actor,
      what: `Asked to open the sealed identity of report ${reportId} (${ground})`,
    });
  });
  return await openingView(desk, actor, openingId);
}

export async function actOnOpening(
  desk: DeskContext,
  actor: ActorContext,
  input: { readonly openingId: OpeningId; readonly action: OpeningAction; readonly reason: string },
): Promise<OpeningView> {
  const { openingId, action } = input;
  await desk.db.transaction(async (tx) => {
    const opening = await holdOpening(tx, openingId);
    if (opening === null) throw noSuch(openingId);
    const officer = await officerIn(tx, actor, opening.caseId);
    const next = demand(
      mayActOnOpening({ state: opening.state, action, authorId: opening.authorId, actor: officer }),
    );
    const why = checkText(input.reason, { what: "your reason", charsMax: REASON_CHARS_MAX, publish: false });
    if (why !== null) throw new Fault("input.invalid", why, { fields: { reason: why } });
    if (next !== "approved" && next !== "refused" && next !== "withdrawn")
      throw new Error(`a person led an opening to ${next}`);
    const nowMs = desk.now();
    const reason = input.reason.trim();
    const settled = await settleOpening(tx, openingId, {
      state: next,
      at: iso(nowMs),
      second: next === "withdrawn" ? null : { userId: actor.userId, name: actor.name, reason },
      approved:
        next === "approved"
          ? {
              intentId: await enterIntoLog(tx, desk, { opening, second: { userId: actor.userId, reason } }),
              closesAt: iso(openingCloseMs(nowMs)),
            }
          : null,
    });
    if (!settled) throw new Error(`opening ${openingId} changed while it was held`);
    await appendAudit(tx, {
      caseId: opening.caseId,
      at: iso(nowMs),
      who: actor,
      what: `${SAID[next]} the sealed identity of report ${opening.reportId} (${opening.ground})`,
    });
  });
  return await openingView(desk, actor, openingId);
}

const SAID = {
  approved: "Approved opening",
  refused: "Refused to open",
  withdrawn: "Withdrew the request to open",
} as const;

/** The mark in the public log: the ground for everybody; purpose, report and both people's reasons for a court. */
async function enterIntoLog(
  tx: Tx,
  desk: DeskContext,
  input: {
    readonly opening: OpeningRow;
    readonly second: { readonly userId: OpeningRow["authorId"]; readonly reason: string };
  },
): Promise<number> {
  const { opening, second } = input;
  const found = present(await findCase(tx, opening.caseId), "the opening's case");
  const { intentId } = await intendEntry(tx, desk, {
    case: found,
    kind: "opening",
    measure: null,
    scope: null,
    clause: null,
    level: found.level,
    signatures: [{ userId: opening.authorId, reason: opening.purpose }, second],
    refers: null,
    public: { ground: opening.ground },
    party: { ground: opening.ground },
    court: { opening: opening.openingId, report: opening.reportId, purpose: opening.purpose },
  });
  return intentId;
}

export async function sealedForOpening(
  desk: DeskContext,
  actor: ActorContext,
  openingId: OpeningId,
): Promise<SealedIdentity> {
  const found = await findOpening(desk.db, openingId);
  if (found === null) throw noSuch(openingId);
  const logIndex = await indexInLog(desk, found);
  return await desk.db.transaction(async (tx) => {
    const opening = present(await holdOpening(tx, openingId), "the opening that was just found");
    const officer = await officerIn(tx, actor, opening.caseId);
    demand(mayTake(desk, officer, { opening, logIndex }));
    const at = iso(desk.now());
    const taken = await takeSealed(tx, { openingId, at });
    // The same conditions once more, in the statement that reads the bytes.
    if (taken === null || logIndex === null)
      throw new Error(`opening ${openingId} changed while it was held`);
    await appendAudit(tx, {
      caseId: opening.caseId,
      at,
      who: actor,
      what: `Took the sealed identity of report ${opening.reportId}, hand-out ${taken.handedOut} of opening ${openingId}`,
    });
    if (taken.handedOut === 1) await tellReporter(tx, { opening, at, logIndex });
    return {
      schema: 1,
      sealed: Buffer.from(taken.sealed).toString("base64"),
      associatedData: opening.reportId,
      sealedTo: taken.sealedTo,
      logIndex,
    };
  });
}

/**
 * Where the log holds this opening, once a published checkpoint does; proven from the entry up to the log's own key, as an edge
 * proves a measure (design law 3). Null while it is not there.
 */
async function indexInLog(desk: DeskContext, opening: OpeningRow): Promise<number | null> {
  if (opening.intentId === null) return null;
  const sequenced = await desk.ledger.sequenced(opening.intentId);
  if (sequenced === null) return null;
  const key = parseVkey(desk.ledger.vkey);
  const entry = parseEntry(sequenced.entry);
  if (!key.ok || !entry.ok)
    throw new Error(`the log's entry of opening ${opening.openingId} is not readable`);
  const proof = verifyTlogProof(sequenced.proof, { entry: sequenced.entry, key: key.value });
  const found = present(await findCase(desk.db, opening.caseId), "the opening's case");
  const { kind, signers, caseTag } = entry.value;
  if (!proof.ok || kind !== "opening" || signers !== 2 || caseTag !== found.tag) {
    throw new Error(`the log's entry of opening ${opening.openingId} is of something else`);
  }
  return sequenced.index;
}

const GROUND_WORDS = {
  en: {
    "danger-to-reporter": "to protect you from danger",
    "lawful-order": "a lawful order of an authority",
    "reporter-asked": "you asked for it",
  },
  fr: {
    "danger-to-reporter": "vous protéger d'un danger",
    "lawful-order": "l'ordre légal d'une autorité",
    "reporter-asked": "vous l'avez demandé",
  },
} as const satisfies Record<"en" | "fr", Record<OpeningGround, string>>;

/** In the transaction of the first hand-out: the reporter learns that, when, on which ground, and where the proof is. */
async function tellReporter(
  tx: Tx,
  input: { readonly opening: OpeningRow; readonly at: string; readonly logIndex: number },
): Promise<void> {
  const { opening, at, logIndex } = input;
  const report = present(await findReport(tx, opening.reportId), "the opening's report");
  const when = `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
  const text =
    report.language === "fr"
      ? `Votre identité scellée a été remise pour ouverture le ${when}. Motif : ${GROUND_WORDS.fr[opening.ground]}. Deux membres du bureau l'ont décidé ensemble, par écrit. Le journal public en garde la trace, sans votre nom : entrée ${logIndex}. Si vous ne comprenez pas pourquoi, écrivez-nous ici.`
      : `Your sealed identity was handed out to be opened on ${when}. Ground: ${GROUND_WORDS.en[opening.ground]}. Two officers decided it together, in writing. The public log keeps the mark, without your name: entry ${logIndex}. If you do not understand why, write to us here.`;
  await insertMessage(tx, { reportId: opening.reportId, at, sender: "desk", text });
}

/** The clock's step: what was approved 24 hours ago is closed. Answers how many. */
export async function closeDue(desk: DeskContext): Promise<number> {
  const at = iso(desk.now());
  return await desk.db.transaction(async (tx) => {
    const closed = await closeOpenings(tx, at);
    for (const { openingId, caseId } of closed) {
      await appendAudit(tx, {
        caseId,
        at,
        who: null,
        what: `Opening ${openingId} closed after its 24 hours`,
      });
    }
    return closed.length;
  });
}

const mayTake = (
  desk: DeskContext,
  officer: ActingOfficer,
  { opening, logIndex }: { readonly opening: OpeningRow; readonly logIndex: number | null },
): ReturnType<typeof mayTakeSealed> =>
  mayTakeSealed({
    actor: officer,
    state: opening.state,
    authorId: opening.authorId,
    secondId: opening.secondId,
    closesAtMs: opening.closesAt?.getTime() ?? null,
    nowMs: desk.now(),
    logged: logIndex !== null,
    handedOut: opening.handedOut,
  });

async function openingView(
  desk: DeskContext,
  actor: ActorContext,
  openingId: OpeningId,
): Promise<OpeningView> {
  const opening = await findOpening(desk.db, openingId);
  if (opening === null) throw noSuch(openingId);
  return await viewOf(desk, await officerIn(desk.db, actor, opening.caseId), opening);
}

/** Newest first. */
export async function openingViews(
  desk: DeskContext,
  officer: ActingOfficer,
  caseId: CaseId,
): Promise<OpeningView[]> {
  const views: OpeningView[] = [];
  for (const opening of await openingsOfCase(desk.db, caseId))
    views.push(await viewOf(desk, officer, opening));
  return views;
}

async function viewOf(desk: DeskContext, officer: ActingOfficer, opening: OpeningRow): Promise<OpeningView> {
  const logIndex = await indexInLog(desk, opening);
  const sealed = mayTake(desk, officer, { opening, logIndex });
  return {
    openingId: opening.openingId,
    reportId: opening.reportId,
    ground: opening.ground,
    purpose: opening.purpose,
    state: opening.state,
    author: { userId: opening.authorId, name: opening.authorName },
    madeAt: opening.madeAt.toISOString(),
    second:
      opening.secondId === null
        ? null
        : { userId: opening.secondId, name: present(opening.secondName, "a name") },
    secondReason: opening.secondReason,
    settledAt: isoOf(opening.settledAt),
    closesAt: isoOf(opening.closesAt),
    handedOut: opening.handedOut,
    logIndex,
    allowed: allowedOnOpening({ state: opening.state, authorId: opening.authorId, actor: officer }),
    sealed: { ok: sealed.ok, why: sealed.ok ? null : sealed.why },
  };
}

const noSuch = (openingId: OpeningId): Fault =>
  new Fault("state.not-found", `There is no opening ${openingId}: look at its case`);
