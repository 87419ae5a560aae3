/**
 * Who is told what, at the moment of action (design law 7): the customer gets the statement of reasons with a secret link to
 * appeal, each reporter a message in their mailbox, an upstream provider to whom the case was referred an update. All of it comes
 * from the measure's one record (design law 6). A notice and the mark that it was given are one transaction: nobody is told twice,
 * nobody is left out. The link's token is kept as a hash only; the mail that carries it is forgotten once delivered.
 */
import { createHash } from "node:crypto";
import { CLAUSES, type MeasureRecord } from "../contract/measure.ts";
import type { DecisionId, SiteId } from "../contract/ids.ts";
import type { SiteFacts } from "../sites/sites.ts";
import type { Tx } from "../store/db.ts";
import { insertToken, referralsOfCase } from "../store/desk-appeals.ts";
import { appendAudit } from "../store/desk-audit.ts";
import { markDecisionTold, refusalsUntold, type DecisionRow } from "../store/desk-decisions.ts";
import { tellReporters } from "../store/desk-reports.ts";
import {
  findMeasure,
  markTold,
  measuresEndedUntold,
  measuresUntold,
  revisionsOf,
  type MeasureRow,
} from "../store/measures.ts";
import { iso, present, type DeskContext } from "./context.ts";
import { APPEAL_WINDOW_MS } from "./core/clocks.ts";
import type { Attempt } from "./pipeline.ts";
import { edgesSay } from "./views.ts";

const TOKEN_BYTES = 32;

/** What is kept of a statement token, and what a visitor's token is looked up by. */
export const tokenHash = (token: string): string =>
  createHash("sha256").update(`parapet/statement-token/v1\n${token}`).digest("hex");

export async function tellAll(desk: DeskContext, attempt: Attempt): Promise<number> {
  let told = 0;
  for (const measure of await measuresUntold(desk.db)) {
    told += await attempt(`tell the parties of measure ${measure.measureId}`, () =>
      tellOfMeasure(desk, measure),
    );
  }
  for (const measure of await measuresEndedUntold(desk.db)) {
    told += await attempt(`tell the parties of the end of measure ${measure.measureId}`, () =>
      tellOfEnd(desk, measure),
    );
  }
  for (const refusal of await refusalsUntold(desk.db)) {
    told += await attempt(`tell the reporters of refusal ${refusal.decisionId}`, () =>
      tellOfRefusal(desk, refusal),
    );
  }
  return told;
}

/** From the first edge on: whoever is restricted learns of it then, not when the last edge is ready. */
async function tellOfMeasure(desk: DeskContext, measure: MeasureRow): Promise<number> {
  if (measure.state === "sent" && (await edgesSay(desk, measure)).acked === 0) return 0;
  return await desk.db.transaction(async (tx) => {
    // A ratification whose receipt is still to come is told of with its receipt, not with the brake's record.
    if ((await revisionsOf(tx, measure.measureId)).at(-1)?.receipted !== true) return 0;
    if (!(await markTold(tx, measure.measureId, { of: "told", at: iso(desk.now()) }))) return 0;
    const current = present(await findMeasure(tx, measure.measureId), "the measure");
    const revisions = await revisionsOf(tx, current.measureId);
    const newest = present(
      revisions.findLast((row) => row.receipted),
      "a receipted record",
    );
    const { record } = newest;
    const site = present(await desk.sites.facts(tx, current.siteId), "the measure's site");
    if (site.accountEmail !== null) {
      const token = await newToken(tx, desk, { decisionId: current.decisionId, siteId: current.siteId });
      await desk.mail.send(tx, {
        to: site.accountEmail,
        subject: `${desk.settings.operatorName}: ${SUBJECT[record.kind]} on ${site.hostnames[0] ?? "your site"} (case ${record.caseNumber})`,
        text: customerText(desk, { record, site, token, ratified: newest.revision > 1 }),
        about: `decision ${current.decisionId}`,
      });
    }
    await tellReporters(tx, { caseId: current.caseId, at: iso(desk.now()), text: reporterText(record) });
    await tellUpstream(tx, desk, record);
    await appendAudit(tx, {
      caseId: current.caseId,
      at: iso(desk.now()),
      who: null,
      what:
        site.accountEmail === null
          ? "Reporters were told of the measure; the account has no address for a notice to the customer"
          : "Customer and reporters were told of the measure",
    });
    return 1;
  });
}

async function newToken(
  tx: Tx,
  desk: DeskContext,
  input: { readonly decisionId: DecisionId; readonly siteId: SiteId },
): Promise<string> {
  const token = Buffer.from(desk.random(TOKEN_BYTES)).toString("base64url");
  await insertToken(tx, {
    tokenHash: tokenHash(token),
    decisionId: input.decisionId,
    siteId: input.siteId,
    at: iso(desk.now()),
    appealUntil: iso(desk.now() + APPEAL_WINDOW_MS),
  });
  return token;
}

async function tellOfEnd(desk: DeskContext, measure: MeasureRow): Promise<number> {
  return await desk.db.transaction(async (tx) => {
    if (!(await markTold(tx, measure.measureId, { of: "end", at: iso(desk.now()) }))) return 0;
    const record = present((await revisionsOf(tx, measure.measureId)).at(-1), "the measure's record").record;
    const site = present(await desk.sites.facts(tx, measure.siteId), "the measure's site");
    const because = present(measure.endedBecause, "why the measure ended");
    if (site.accountEmail !== null) {
      await desk.mail.send(tx, {
        to: site.accountEmail,
        subject: `${desk.settings.operatorName}: a measure on ${site.hostnames[0] ?? "your site"} has ended (case ${record.caseNumber})`,
        text: [
          `The measure of case ${record.caseNumber} ${ENDED.en[because]}.`,
          `It was: ${record.kind}, scope ${record.scope}, ${CLAUSES[record.clause]}.`,
          "Nothing more is asked of you.",
          "",
          desk.settings.operatorName,
        ].join("\n"),
        about: `decision ${measure.decisionId}`,
      });
    }
    await tellReporters(tx, {
      caseId: measure.caseId,
      at: iso(desk.now()),
      text: {
        en: `The measure of case ${record.caseNumber} ${ENDED.en[because]}. If the danger goes on, write here.`,
        fr: `La mesure du dossier ${record.caseNumber} ${ENDED.fr[because]}. Si le danger continue, écrivez-nous ici.`,
      },
    });
    return 1;
  });
}

async function tellOfRefusal(desk: DeskContext, refusal: DecisionRow): Promise<number> {
  return await desk.db.transaction(async (tx) => {
    if (!(await markDecisionTold(tx, refusal.decisionId, iso(desk.now())))) return 0;
    await tellReporters(tx, {
      caseId: refusal.caseId,
      at: iso(desk.now()),
      text: {
        en: `Two officers decided to take no measure for now. What they found: ${refusal.facts}\nYou may appeal this here; somebody who took no part will decide. If something new happens, write here or report again.`,
        fr: `Deux personnes ont décidé de ne pas prendre de mesure pour le moment. Leurs constats : ${refusal.facts}\nVous pouvez faire appel ici ; une personne qui n'a pas participé décidera. S'il se passe quelque chose de nouveau, écrivez ici ou signalez à nouveau.`,
      },
    });
    await appendAudit(tx, {
      caseId: refusal.caseId,
      at: iso(desk.now()),
      who: null,
      what: "Reporters were told of the refusal and of their right to appeal",
    });
    return 1;
  });
}

/** A provider that got a referral of this case learns what became of it. Nothing of a reporter is in it. */
async function tellUpstream(tx: Tx, desk: DeskContext, record: MeasureRecord): Promise<void> {
  const told = new Set<string>();
  for (const referral of await referralsOfCase(tx, record.caseId)) {
    const upstream = referral.kind === "host" || referral.kind === "registrar";
    if (!upstream || referral.mailId === null || told.has(referral.recipient)) continue;
    told.add(referral.recipient);
    await desk.mail.send(tx, {
      to: referral.recipient,
      subject: `Case ${record.caseNumber}: a measure was taken at our edge`,
      text: [
        `You had our referral of case ${record.caseNumber}. At our edge this measure stands now:`,
        "",
        ...recordLines(record),
        "",
        "The content itself is still where it is hosted: what happens to it is yours to decide.",
        "",
        desk.settings.operatorName,
        desk.settings.operatorUrl,
      ].join("\n"),
      about: `referral ${referral.referralId}`,
    });
  }
}

const SUBJECT = {
  warn: "a warning stands",
  restrict: "a restriction stands",
  withhold: "content is withheld",
  withdraw: "our service is withdrawn",
} as const;

const ENDED = {
  en: {
    lifted: "was lifted by two officers",
    expired: "ended on its date",
    lapsed: "lapsed: nobody ratified the brake within its hour",
    released: "was released by an officer",
    appeal: "was lifted on appeal",
  },
  fr: {
    lifted: "a été levée par deux personnes",
    expired: "a pris fin à sa date",
    lapsed: "est tombée : personne n'a ratifié le blocage d'urgence dans l'heure",
    released: "a été levée par une personne du service",
    appeal: "a été levée en appel",
  },
} as const;

function recordLines(record: MeasureRecord): string[] {
  const where = `${record.subject.hostname ?? "the whole site"}${record.subject.path ?? ""}`;
  return [
    `Measure:    ${record.kind}, scope ${record.scope} (${where})`,
    `Clause:     ${CLAUSES[record.clause]} (${record.clause})`,
    `Facts:      ${record.facts}`,
    `Territory:  ${record.territory.join(" ") === "*" ? "everywhere" : record.territory.join(" ")}`,
    `Since:      ${record.startsAt}`,
    `Ends:       ${record.endsAt ?? "no date set"}`,
    `Review:     ${record.reviewAt ?? "no date set"}`,
  ];
}

function customerText(
  desk: DeskContext,
  input: {
    readonly record: MeasureRecord;
    readonly site: SiteFacts;
    readonly token: string;
    readonly ratified: boolean;
  },
): string {
  const { record } = input;
  const link = `${desk.settings.publicUrl}/statement/${input.token}`;
  return [
    `This is the statement of reasons for a measure on your site ${input.site.hostnames.join(", ")}, case ${record.caseNumber}.`,
    "",
    ...recordLines(record),
    "",
    record.brake
      ? "One officer took it in an emergency. It lifts itself at its end unless a second officer ratifies it before."
      : input.ratified
        ? "A second officer has ratified the emergency measure that one officer took."
        : "Two officers decided it, neither of whom has an interest in the case.",
    "",
    "Read it, appeal against it and take along your settings here. Whoever has this link can do so: keep it.",
    link,
    "",
    "An appeal is decided by somebody who took no part in this decision. You have six months.",
    "The decision stands in a public log that nobody can rewrite.",
    "",
    desk.settings.operatorName,
    desk.settings.operatorUrl,
  ].join("\n");
}

function reporterText(record: MeasureRecord): { en: string; fr: string } {
  const ends = record.brake ? record.endsAt : null;
  return {
    en: [
      `A measure was taken in case ${record.caseNumber}: ${record.kind}, scope ${record.scope}, for "${CLAUSES[record.clause]}".`,
      ends === null ? "" : ` It is an emergency measure until ${ends}, unless a second officer ratifies it.`,
      " The site was not told who reported. If you are in danger now, call the emergency number of your country.",
    ].join(""),
    fr: [
      `Une mesure a été prise dans le dossier ${record.caseNumber} : ${record.kind}, étendue ${record.scope}, motif « ${CLAUSES[record.clause]} ».`,
      ends === null
        ? ""
        : ` C'est une mesure d'urgence jusqu'au ${ends}, sauf si une deuxième personne la ratifie.`,
      " Le site ne sait pas qui a signalé. Si vous êtes en danger maintenant, appelez le numéro d'urgence de votre pays.",
    ].join(""),
  };
}
