/**
 * The reporter's side: what happened to their report, messages from the desk, their own words back, their appeal. The code is all they
 * need and all there is. They learn the outcome and its reasons, never which officer, never of other reports. A wrong code and a
 * code that never was get the same answer.
 */
import { Fault } from "../contract/fault.ts";
import { newId, type AppealId } from "../contract/ids.ts";
import { CLAUSES } from "../contract/measure.ts";
import { appealOf, insertAppeal } from "../store/desk-appeals.ts";
import { appendAudit } from "../store/desk-audit.ts";
import { findCase, type CaseRecord } from "../store/desk-cases.ts";
import { decisionsOfCase, newestRefusal } from "../store/desk-decisions.ts";
import {
  countMessages,
  findReportByCode,
  insertMessage,
  messagesOf,
  type ReportRow,
} from "../store/desk-reports.ts";
import { measuresOfCase, revisionsOf } from "../store/measures.ts";
import { iso, present, type DeskContext } from "./context.ts";
import { APPEAL_WINDOW_MS } from "./core/clocks.ts";
import { checkText } from "./core/proposal.ts";
import type { MailboxView } from "./desk.ts";
import { codeSalt } from "./intake.ts";
import { codeLookupKey, parseReportCode } from "./report-code.ts";

const MESSAGE_CHARS_MAX = 5000;
const MESSAGES_MAX = 200;

async function open(desk: DeskContext, code: string): Promise<{ report: ReportRow; found: CaseRecord }> {
  const digits = parseReportCode(code);
  const key = digits.ok ? await codeLookupKey(digits.value, await codeSalt(desk.db, desk.random)) : null;
  const report = key === null ? null : await findReportByCode(desk.db, key);
  if (report === null) {
    throw new Fault("state.not-found", "No report has this code: check its 16 digits");
  }
  return { report, found: present(await findCase(desk.db, report.caseId), "the report's case") };
}

export async function mailbox(desk: DeskContext, code: string): Promise<MailboxView> {
  const { report, found } = await open(desk, code);
  return await viewOf(desk, report, found);
}

async function viewOf(desk: DeskContext, report: ReportRow, found: CaseRecord): Promise<MailboxView> {
  const messages = await messagesOf(desk.db, report.reportId);
  const outcome = await outcomeOf(desk, report, found);
  return {
    receivedAt: report.receivedAt.toISOString(),
    caseNumber: found.number,
    state: outcome.state,
    harm: report.harm,
    sha256: report.originalSha256,
    messages: messages.map((message) => ({
      at: message.at.toISOString(),
      from: message.sender,
      text: message.text,
    })),
    outcome: outcome.view,
  };
}

async function outcomeOf(
  desk: DeskContext,
  report: ReportRow,
  found: CaseRecord,
): Promise<{ state: MailboxView["state"]; view: MailboxView["outcome"] }> {
  if (found.state === "closed") return { state: "closed", view: null };
  const french = report.language === "fr";
  for (const measure of (await measuresOfCase(desk.db, found.caseId)).toReversed()) {
    if (measure.state === "lifting" || measure.state === "ended") continue;
    const revisions = await revisionsOf(desk.db, measure.measureId);
    const record = revisions.findLast((row) => row.receipted)?.record;
    // Before its receipt a measure does not exist for anybody outside (design law 3).
    if (record === undefined) continue;
    const clause = CLAUSES[record.clause];
    return {
      state: "measure-taken",
      view: {
        text: french
          ? `Mesure : ${record.kind}, étendue ${record.scope}. Constats : ${record.facts}`
          : `Measure: ${record.kind}, scope ${record.scope}. What was found: ${record.facts}`,
        clause,
        mayAppeal: false,
      },
    };
  }
  const newest = (await decisionsOfCase(desk.db, found.caseId)).findLast((row) => row.state === "confirmed");
  if (newest?.kind === "refusal") {
    const appealed = await appealOf(desk.db, {
      decisionId: newest.decisionId,
      by: "reporter",
      reportId: report.reportId,
    });
    const inTime = (newest.settledAt?.getTime() ?? 0) + APPEAL_WINDOW_MS > desk.now();
    return {
      state: found.state === "decided" ? "declined" : "in-review",
      view: {
        text: french
          ? `Pas de mesure pour le moment. Constats : ${newest.facts}`
          : `No measure for now. What was found: ${newest.facts}`,
        clause: null,
        mayAppeal: appealed === null && inTime,
      },
    };
  }
  return { state: found.state === "new" ? "received" : "in-review", view: null };
}

export async function mailboxWrite(desk: DeskContext, code: string, text: string): Promise<MailboxView> {
  const { report, found } = await open(desk, code);
  const why = checkText(text, { what: "your message", charsMax: MESSAGE_CHARS_MAX, publish: false });
  if (why !== null) throw new Fault("input.invalid", why, { fields: { text: why } });
  await desk.db.transaction(async (tx) => {
    if ((await countMessages(tx, report.reportId)) >= MESSAGES_MAX) {
      throw new Fault(
        "limit.full",
        `A mailbox takes ${MESSAGES_MAX} messages of yours: the desk has them all`,
      );
    }
    const at = iso(desk.now());
    await insertMessage(tx, { reportId: report.reportId, at, sender: "reporter", text });
    // A message is no evidence: it is rated by nobody, and must not give one officer the brake again.
    await appendAudit(tx, {
      caseId: found.caseId,
      at,
      who: null,
      what: `A reporter wrote (${report.reportId}): ${text.slice(0, 1500)}`,
    });
  });
  return await viewOf(desk, report, present(await findCase(desk.db, found.caseId), "the case"));
}

/** A reporter appeals the refusal of their case, once for each refusal (design law 8). */
export async function reporterAppeal(desk: DeskContext, code: string, text: string): Promise<MailboxView> {
  const { report, found } = await open(desk, code);
  const why = checkText(text, { what: "why you appeal", charsMax: MESSAGE_CHARS_MAX, publish: false });
  if (why !== null) throw new Fault("input.invalid", why, { fields: { text: why } });
  await desk.db.transaction(async (tx) => {
    const refusal = await newestRefusal(tx, found.caseId);
    if (refusal === null) {
      throw new Fault(
        "state.conflict",
        "Nothing was declined in your case, so there is nothing to appeal: write a message",
      );
    }
    if ((refusal.settledAt?.getTime() ?? 0) + APPEAL_WINDOW_MS <= desk.now()) {
      throw new Fault(
        "state.gone",
        "The six months to appeal are over: if something new happens, report it again",
      );
    }
    const made = await insertAppeal(tx, {
      appealId: newId<AppealId>("appl", desk.random),
      caseId: found.caseId,
      decisionId: refusal.decisionId,
      by: "reporter",
      reportId: report.reportId,
      text,
      at: iso(desk.now()),
    });
    if (!made)
      throw new Fault("state.conflict", "You have appealed this refusal already: its outcome comes here");
    await appendAudit(tx, {
      caseId: found.caseId,
      at: iso(desk.now()),
      who: null,
      what: "A reporter appealed the refusal",
    });
  });
  return await viewOf(desk, report, present(await findCase(desk.db, found.caseId), "the case"));
}
