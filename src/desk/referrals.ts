/**
 * Referrals to a host, a registrar, the police, a hotline or an emergency service. They carry the case's public number, the address and
 * what the officer wrote: never anything of a reporter. A mail has a delivery state; one that cannot be delivered raises an
 * alarm, as an escalation that silently did nothing is the worst failure of a desk (design law 12). The police and emergency
 * services are called by a person: without an address the contact is recorded as made.
 */
import { Fault } from "../contract/fault.ts";
import { REFERRAL_KINDS, type ReferralKind } from "../contract/desk-states.ts";
import type { ReferralView } from "../contract/http.ts";
import { newId, type CaseId, type ReferralId } from "../contract/ids.ts";
import { insertReferral, referralsOfCase, referralsQueued, settleReferral } from "../store/desk-appeals.ts";
import { appendAudit } from "../store/desk-audit.ts";
import { findCase } from "../store/desk-cases.ts";
import { present, demand, iso, officerIn, type DeskContext } from "./context.ts";
import { mayDecide } from "./core/decide.ts";
import { checkText } from "./core/proposal.ts";
import type { ActorContext } from "./desk.ts";
import { intendEntry } from "./log-entry.ts";
import { referralView } from "./views.ts";

const REFERRALS_MAX = 50;
const NOTE_CHARS_MAX = 5000;
const TO_CHARS_MAX = 320;

/** Kinds that a person calls: an address is welcome, not needed. */
const CALLED: readonly ReferralKind[] = ["police", "emergency-service"];

export async function refer(
  desk: DeskContext,
  actor: ActorContext,
  input: { readonly caseId: CaseId; readonly kind: ReferralKind; readonly to: string; readonly note: string },
): Promise<ReferralView> {
  if (!REFERRAL_KINDS.includes(input.kind)) {
    throw new Fault("input.invalid", `Choose whom to refer to: ${REFERRAL_KINDS.join(", ")}`);
  }
  const to = input.to.trim();
  const why =
    checkText(to, { what: "whom it goes to", charsMax: TO_CHARS_MAX, publish: false }) ??
    checkText(input.note, { what: "the note", charsMax: NOTE_CHARS_MAX, publish: false });
  if (why !== null) throw new Fault("input.invalid", why);
  const byMail = to.includes("@");
  if (!byMail && !CALLED.includes(input.kind)) {
    throw new Fault("input.invalid", `Give an e-mail address: a referral to a ${input.kind} goes by mail`);
  }
  const referralId = newId<ReferralId>("refl", desk.random);
  await desk.db.transaction(async (tx) => {
    const found = await findCase(tx, input.caseId);
    if (found === null)
      throw new Fault("state.not-found", `There is no case ${input.caseId}: look at the queue`);
    demand(mayDecide(await officerIn(tx, actor, found.caseId)));
    if ((await referralsOfCase(tx, found.caseId)).length >= REFERRALS_MAX) {
      throw new Fault(
        "limit.full",
        `A case carries ${REFERRALS_MAX} referrals at most: write to those who have it already`,
      );
    }
    const mail = byMail
      ? await desk.mail.send(tx, {
          to,
          subject: `Referral of case ${found.number} by ${desk.settings.operatorName}`,
          text: [
            `${desk.settings.operatorName} refers case ${found.number} to you.`,
            "",
            `Address:  ${found.hostname}${found.path}`,
            `Concern:  ${found.harm}`,
            "",
            input.note,
            "",
            "We do not pass on who reported it. Please answer to this mail and name the case.",
            "",
            desk.settings.operatorName,
            desk.settings.operatorUrl,
          ].join("\n"),
          about: `referral ${referralId}`,
        })
      : null;
    await insertReferral(tx, {
      referralId,
      caseId: found.caseId,
      kind: input.kind,
      recipient: to,
      note: input.note,
      state: mail === null ? "sent" : "queued",
      mailId: mail?.mailId ?? null,
      by: actor.userId,
      at: iso(desk.now()),
    });
    await intendEntry(tx, desk, {
      case: found,
      kind: "referral",
      measure: null,
      scope: null,
      clause: null,
      level: found.level,
      signatures: [{ userId: actor.userId, reason: input.note }],
      refers: null,
      public: { to: input.kind },
      party: { referralId, kind: input.kind },
      referralId,
    });
    await appendAudit(tx, {
      caseId: found.caseId,
      at: iso(desk.now()),
      who: actor,
      what: mail === null ? `Contacted the ${input.kind}: ${to}` : `Referred to the ${input.kind}: ${to}`,
    });
  });
  const rows = await referralsOfCase(desk.db, input.caseId);
  return referralView(
    present(
      rows.find((row) => row.referralId === referralId),
      "the referral",
    ),
  );
}

/** Takes over what became of the mail of each referral. */
export async function carryReferrals(desk: DeskContext): Promise<number> {
  let moved = 0;
  for (const referral of await referralsQueued(desk.db)) {
    const state = await desk.mail.stateOf(present(referral.mailId, "the referral's mail"));
    if (state === "waiting") continue;
    const settled = await desk.db.transaction(async (tx) => {
      const at = iso(desk.now());
      if (!(await settleReferral(tx, referral.referralId, { state, at }))) return false;
      await appendAudit(tx, {
        caseId: referral.caseId,
        at,
        who: null,
        what:
          state === "sent"
            ? `The referral to the ${referral.kind} was delivered to ${referral.recipient}`
            : `The referral to the ${referral.kind} could not be delivered to ${referral.recipient}`,
      });
      return true;
    });
    if (!settled) continue;
    moved += 1;
    if (state === "failed") {
      desk.onAlarm(
        "referral.not-delivered",
        `A referral to the ${referral.kind} could not be delivered: open its case and reach them another way`,
      );
    }
  }
  return moved;
}
