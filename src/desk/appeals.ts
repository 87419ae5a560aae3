/**
 * Appeals, and the customer's side: the statement of reasons, the appeal and the export, each by the secret token of the
 * notice. An appeal is decided by an officer who took no part in the decision (design law 8). Granting one lifts the measure through
 * the same road as any lift; or, for a reporter, opens the refused case again. One officer suffices: granting restricts nobody.
 */
import { Fault } from "../contract/fault.ts";
import type { AppealView, MeasureView, Page } from "../contract/http.ts";
import { newId, type AppealId } from "../contract/ids.ts";
import { REASON_CHARS_MAX } from "../contract/measure.ts";
import type { Tx } from "../store/db.ts";
import {
  appealOf,
  findAppeal,
  findToken,
  insertAppeal,
  listAppeals,
  settleAppeal,
  type AppealRow,
} from "../store/desk-appeals.ts";
import { appendAudit } from "../store/desk-audit.ts";
import { findCase, reopenCase } from "../store/desk-cases.ts";
import { findDecision } from "../store/desk-decisions.ts";
import { entriesOfDecision } from "../store/desk-log.ts";
import { insertMessage } from "../store/desk-reports.ts";
import { measureOfDecision, measuresOfCase } from "../store/measures.ts";
import { demand, iso, officerIn, officerOnly, present, type DeskContext } from "./context.ts";
import { decisionDueMs } from "./core/clocks.ts";
import { mayDecideAppeal } from "./core/decide.ts";
import { checkText } from "./core/proposal.ts";
import { endMeasure } from "./measures.ts";
import type { ActorContext, StatementView } from "./desk.ts";
import { intendEntry } from "./log-entry.ts";
import { tokenHash } from "./notices.ts";
import { appealView, measureView, tookPart } from "./views.ts";

const APPEAL_CHARS_MAX = 5000;

export async function appeals(desk: DeskContext, actor: ActorContext): Promise<Page<AppealView>> {
  officerOnly(actor);
  const rows = await listAppeals(desk.db);
  const items: AppealView[] = [];
  for (const row of rows)
    items.push(await appealView(desk, await officerIn(desk.db, actor, row.caseId), row));
  return { items, total: items.length };
}

export async function decideAppeal(
  desk: DeskContext,
  actor: ActorContext,
  input: { readonly appealId: AppealId; readonly outcome: "granted" | "refused"; readonly reason: string },
): Promise<AppealView> {
  const why = checkText(input.reason, { what: "your reason", charsMax: REASON_CHARS_MAX, publish: false });
  if (why !== null) throw new Fault("input.invalid", why, { fields: { reason: why } });
  if (input.outcome !== "granted" && input.outcome !== "refused") {
    throw new Fault("input.invalid", 'Decide "granted" or "refused"');
  }
  await desk.db.transaction(async (tx) => {
    const appeal = await findAppeal(tx, input.appealId);
    if (appeal === null)
      throw new Fault("state.not-found", `There is no appeal ${input.appealId}: look at the list`);
    demand(
      mayDecideAppeal({
        actor: await officerIn(tx, actor, appeal.caseId),
        open: appeal.state === "open",
        tookPart: await tookPart(tx, appeal.decisionId),
      }),
    );
    const settled = await settleAppeal(tx, appeal.appealId, {
      outcome: input.outcome,
      who: actor,
      reason: input.reason,
      at: iso(desk.now()),
    });
    if (!settled) throw new Fault("state.conflict", "Somebody was faster: load the appeal again");
    await followAppeal(tx, desk, { appeal, actor, outcome: input.outcome, reason: input.reason });
  });
  const row = present(await findAppeal(desk.db, input.appealId), "the appeal");
  return await appealView(desk, await officerIn(desk.db, actor, row.caseId), row);
}

async function followAppeal(
  tx: Tx,
  desk: DeskContext,
  made: {
    readonly appeal: AppealRow;
    readonly actor: ActorContext;
    readonly outcome: "granted" | "refused";
    readonly reason: string;
  },
): Promise<void> {
  const { appeal, actor, outcome } = made;
  const found = present(await findCase(tx, appeal.caseId), "the appeal's case");
  const signatures = [{ userId: actor.userId, reason: made.reason }];
  const entries = await entriesOfDecision(tx, appeal.decisionId);
  await intendEntry(tx, desk, {
    case: found,
    kind: "appeal",
    measure: null,
    scope: null,
    clause: null,
    level: found.level,
    signatures,
    refers: entries[0]?.seq ?? null,
    public: { by: appeal.by, outcome },
    party: { appealId: appeal.appealId, outcome, reason: made.reason },
    decisionId: appeal.decisionId,
    appealId: appeal.appealId,
  });
  if (outcome === "granted" && appeal.by === "customer") {
    const measure = await measureOfDecision(tx, appeal.decisionId);
    if (measure !== null) {
      await endMeasure(tx, desk, {
        case: found,
        measure,
        because: "appeal",
        kind: "lift",
        signatures,
        reason: made.reason,
        decisionId: appeal.decisionId,
      });
    }
  }
  if (outcome === "granted" && appeal.by === "reporter") {
    await reopenCase(tx, found.caseId, iso(decisionDueMs(found.level, desk.now())));
  }
  await appendAudit(tx, {
    caseId: found.caseId,
    at: iso(desk.now()),
    who: actor,
    what: `${outcome === "granted" ? "Granted" : "Refused"} the appeal of the ${appeal.by}`,
  });
  if (appeal.reportId !== null) {
    const text =
      outcome === "granted"
        ? "Your appeal was granted: the case is open again, and somebody looks at it now. / Votre appel est accepté : le dossier est rouvert."
        : `Your appeal was refused, by somebody who took no part in the first decision. / Votre appel est rejeté, par une personne qui n'a pas participé à la première décision.\n${made.reason}`;
    await insertMessage(tx, { reportId: appeal.reportId, at: iso(desk.now()), sender: "desk", text });
    return;
  }
  // The case may have gone with its name to another site: the answer is for whom the decision was about.
  const measure = await measureOfDecision(tx, appeal.decisionId);
  const site = await desk.sites.facts(tx, measure?.siteId ?? found.siteId);
  if (site?.accountEmail === null || site === null) return;
  await desk.mail.send(tx, {
    to: site.accountEmail,
    subject: `${desk.settings.operatorName}: your appeal in case ${found.number} was ${outcome}`,
    text: [
      `Your appeal in case ${found.number} was ${outcome}, by an officer who took no part in the decision.`,
      "",
      made.reason,
      "",
      outcome === "granted"
        ? "The measure is on its way off every edge."
        : "The measure stands until its end or its review.",
      "",
      desk.settings.operatorName,
      desk.settings.operatorUrl,
    ].join("\n"),
    about: `appeal ${appeal.appealId}`,
  });
}

// The customer's side.

type Entrance = NonNullable<Awaited<ReturnType<typeof findToken>>>;

async function enter(desk: DeskContext, token: string): Promise<Entrance> {
  const entrance = /^[A-Za-z0-9_-]{43}$/.test(token) ? await findToken(desk.db, tokenHash(token)) : null;
  if (entrance === null) {
    throw new Fault(
      "state.not-found",
      "This link leads nowhere: copy it whole from the notice that you got by mail",
    );
  }
  return entrance;
}

export async function statement(desk: DeskContext, token: string): Promise<StatementView> {
  const entrance = await enter(desk, token);
  const decision = present(await findDecision(desk.db, entrance.decisionId), "the statement's decision");
  const found = present(await findCase(desk.db, decision.caseId), "the statement's case");
  const site = present(await desk.sites.facts(desk.db, entrance.siteId), "the statement's site");
  const measures: MeasureView[] = [];
  for (const measure of await measuresOfCase(desk.db, found.caseId)) {
    // The case may have come with its name from another site, or gone to one: that is not this account's business (design law 10).
    if (measure.siteId !== entrance.siteId) continue;
    // A measure that waits for its receipt does not exist yet for anybody outside (design law 3).
    if (measure.state !== "pending" && measure.sentAt !== null)
      measures.push(await measureView(desk, measure));
  }
  const appeal = await appealOf(desk.db, { decisionId: decision.decisionId, by: "customer", reportId: null });
  return {
    caseNumber: found.number,
    siteHostnames: site.hostnames,
    measures,
    decision: {
      clause: present(decision.clause, "the decision's clause"),
      facts: decision.facts,
      madeAt: decision.madeAt.toISOString(),
      brake: decision.kind === "brake" && decision.state === "braked",
    },
    appeal: appeal === null ? null : await appealForCustomer(appeal),
    appealOpenUntil: entrance.appealUntil.toISOString(),
  };
}

/** Officers have no name outside: their mapping stays behind the court's commitment. */
async function appealForCustomer(row: AppealRow): Promise<AppealView> {
  return {
    appealId: row.appealId,
    caseId: row.caseId,
    caseNumber: row.caseNumber,
    decisionId: row.decisionId,
    by: row.by,
    text: row.text,
    state: row.state,
    madeAt: row.madeAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString() ?? null,
    decidedBy: null,
    reason: row.reason,
    allowed: { ok: false, why: "The desk decides" },
  };
}

export async function customerAppeal(desk: DeskContext, token: string, text: string): Promise<StatementView> {
  const entrance = await enter(desk, token);
  const why = checkText(text, { what: "why you appeal", charsMax: APPEAL_CHARS_MAX, publish: false });
  if (why !== null) throw new Fault("input.invalid", why, { fields: { text: why } });
  if (entrance.appealUntil.getTime() <= desk.now()) {
    throw new Fault(
      "state.gone",
      `The time to appeal ended on ${entrance.appealUntil.toISOString().slice(0, 10)}`,
    );
  }
  await desk.db.transaction(async (tx) => {
    const decision = present(await findDecision(tx, entrance.decisionId), "the appealed decision");
    const made = await insertAppeal(tx, {
      appealId: newId<AppealId>("appl", desk.random),
      caseId: decision.caseId,
      decisionId: decision.decisionId,
      by: "customer",
      reportId: null,
      text,
      at: iso(desk.now()),
    });
    if (!made)
      throw new Fault("state.conflict", "You have appealed this decision already: its outcome comes by mail");
    await appendAudit(tx, {
      caseId: decision.caseId,
      at: iso(desk.now()),
      who: null,
      what: "The customer appealed",
    });
  });
  return await statement(desk, token);
}

/** Everything the customer takes along, as one JSON text: their settings and what was decided about them. */
export async function exportFor(desk: DeskContext, token: string): Promise<string> {
  const entrance = await enter(desk, token);
  const site = present(await desk.sites.facts(desk.db, entrance.siteId), "the customer's site");
  const shown = await statement(desk, token);
  return JSON.stringify(
    {
      format: "parapet/site-export/v1",
      exportedAt: iso(desk.now()),
      operator: desk.settings.operatorName,
      account: site.accountName,
      site: {
        siteId: site.siteId,
        hostnames: site.hostnames,
        originUrl: site.originUrl,
        policyVersion: site.version,
      },
      measures: shown.measures.map((measure) => ({
        record: measure.record,
        state: measure.state,
        endedBecause: measure.endedBecause,
        logIndex: measure.logIndex,
      })),
      statement: shown.decision,
      appeal: shown.appeal,
    },
    null,
    2,
  );
}
