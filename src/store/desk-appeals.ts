/** Appeals, the customer's statement tokens (hashes only), and referrals. */
import type { AppealState, ReferralKind, ReferralState } from "../contract/desk-states.ts";
import type { AppealId, CaseId, DecisionId, ReferralId, ReportId, SiteId, UserId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export type AppealRow = {
  readonly appealId: AppealId;
  readonly caseId: CaseId;
  readonly caseNumber: string;
  readonly decisionId: DecisionId;
  readonly by: "customer" | "reporter";
  readonly reportId: ReportId | null;
  readonly text: string;
  readonly state: AppealState;
  readonly madeAt: Date;
  readonly decidedAt: Date | null;
  readonly decidedByName: string | null;
  readonly reason: string | null;
};

const APPEAL_COLUMNS = `a.appeal_id as "appealId", a.case_id as "caseId", c.number as "caseNumber",
  a.decision_id as "decisionId", a.by, a.report_id as "reportId", a.text, a.state, a.made_at as "madeAt",
  a.decided_at as "decidedAt", a.decided_by_name as "decidedByName", a.reason`;
const APPEAL_FROM = `from appeal a join desk_case c on c.case_id = a.case_id`;

/** False when this party has appealed this decision already. */
export async function insertAppeal(
  tx: Tx,
  input: {
    readonly appealId: AppealId;
    readonly caseId: CaseId;
    readonly decisionId: DecisionId;
    readonly by: "customer" | "reporter";
    readonly reportId: ReportId | null;
    readonly text: string;
    readonly at: string;
  },
): Promise<boolean> {
  const rows = await tx.query(
    `insert into appeal (appeal_id, case_id, decision_id, by, report_id, text, state, made_at)
     values ($1, $2, $3, $4, $5, $6, 'open', $7) on conflict do nothing returning appeal_id`,
    [input.appealId, input.caseId, input.decisionId, input.by, input.reportId, input.text, input.at],
  );
  return rows.length === 1;
}

export async function findAppeal(q: Queryable, appealId: AppealId): Promise<AppealRow | null> {
  const rows = await q.query<AppealRow>(`select ${APPEAL_COLUMNS} ${APPEAL_FROM} where a.appeal_id = $1`, [
    appealId,
  ]);
  return rows[0] ?? null;
}

/** Open ones first, oldest first. */
export async function listAppeals(q: Queryable): Promise<AppealRow[]> {
  return await q.query<AppealRow>(
    `select ${APPEAL_COLUMNS} ${APPEAL_FROM} order by (a.state = 'open') desc, a.made_at, a.appeal_id limit 500`,
  );
}

export async function appealsOfCase(q: Queryable, caseId: CaseId): Promise<AppealRow[]> {
  return await q.query<AppealRow>(
    `select ${APPEAL_COLUMNS} ${APPEAL_FROM} where a.case_id = $1 order by a.made_at, a.appeal_id limit 500`,
    [caseId],
  );
}

export async function appealOf(
  q: Queryable,
  input: {
    readonly decisionId: DecisionId;
    readonly by: "customer" | "reporter";
    readonly reportId: ReportId | null;
  },
): Promise<AppealRow | null> {
  const rows = await q.query<AppealRow>(
    `select ${APPEAL_COLUMNS} ${APPEAL_FROM}
      where a.decision_id = $1 and a.by = $2 and a.report_id is not distinct from $3`,
    [input.decisionId, input.by, input.reportId],
  );
  return rows[0] ?? null;
}

export async function settleAppeal(
  tx: Tx,
  appealId: AppealId,
  input: {
    readonly outcome: "granted" | "refused";
    readonly who: { readonly userId: UserId; readonly name: string };
    readonly reason: string;
    readonly at: string;
  },
): Promise<boolean> {
  const rows = await tx.query(
    `update appeal set state = $2, decided_by = $3, decided_by_name = $4, reason = $5, decided_at = $6
      where appeal_id = $1 and state = 'open' returning appeal_id`,
    [appealId, input.outcome, input.who.userId, input.who.name, input.reason, input.at],
  );
  return rows.length === 1;
}

/** Whether `userId` has decided an appeal against this decision: from then on they are its judge, and never its party. */
export async function hasDecidedAppeal(
  q: Queryable,
  decisionId: DecisionId,
  userId: UserId,
): Promise<boolean> {
  const rows = await q.query(
    `select appeal_id from appeal where decision_id = $1 and decided_by = $2 limit 1`,
    [decisionId, userId],
  );
  return rows.length > 0;
}

// The customer's way in.

export async function insertToken(
  tx: Tx,
  input: {
    readonly tokenHash: string;
    readonly decisionId: DecisionId;
    readonly siteId: SiteId;
    readonly at: string;
    readonly appealUntil: string;
  },
): Promise<void> {
  await tx.query(
    `insert into statement_token (token_hash, decision_id, site_id, made_at, appeal_until) values ($1, $2, $3, $4, $5)`,
    [input.tokenHash, input.decisionId, input.siteId, input.at, input.appealUntil],
  );
}

export async function findToken(
  q: Queryable,
  tokenHash: string,
): Promise<{ decisionId: DecisionId; siteId: SiteId; appealUntil: Date } | null> {
  const rows = await q.query<{ decisionId: DecisionId; siteId: SiteId; appealUntil: Date }>(
    `select decision_id as "decisionId", site_id as "siteId", appeal_until as "appealUntil"
       from statement_token where token_hash = $1`,
    [tokenHash],
  );
  return rows[0] ?? null;
}

// Referrals.

export type ReferralRow = {
  readonly referralId: ReferralId;
  readonly caseId: CaseId;
  readonly kind: ReferralKind;
  readonly recipient: string;
  readonly note: string;
  readonly state: ReferralState;
  readonly mailId: number | null;
  readonly madeAt: Date;
  readonly deliveredAt: Date | null;
};
const REFERRAL_COLUMNS = `referral_id as "referralId", case_id as "caseId", kind, recipient, note, state,
  mail_id as "mailId", made_at as "madeAt", delivered_at as "deliveredAt"`;

export async function insertReferral(
  tx: Tx,
  input: {
    readonly referralId: ReferralId;
    readonly caseId: CaseId;
    readonly kind: ReferralKind;
    readonly recipient: string;
    readonly note: string;
    readonly state: "queued" | "sent";
    readonly mailId: number | null;
    readonly by: UserId;
    readonly at: string;
  },
): Promise<void> {
  await tx.query(
    `insert into referral (referral_id, case_id, kind, recipient, note, state, mail_id, made_by, made_at, delivered_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      input.referralId,
      input.caseId,
      input.kind,
      input.recipient,
      input.note,
      input.state,
      input.mailId,
      input.by,
      input.at,
      input.state === "sent" ? input.at : null,
    ],
  );
}

export async function referralsOfCase(q: Queryable, caseId: CaseId): Promise<ReferralRow[]> {
  return await q.query<ReferralRow>(
    `select ${REFERRAL_COLUMNS} from referral where case_id = $1 order by made_at, referral_id limit 200`,
    [caseId],
  );
}

export async function referralsQueued(q: Queryable): Promise<ReferralRow[]> {
  return await q.query<ReferralRow>(
    `select ${REFERRAL_COLUMNS} from referral where state = 'queued' and mail_id is not null
      order by made_at limit 1000`,
  );
}

export async function settleReferral(
  tx: Tx,
  referralId: ReferralId,
  input: { readonly state: "sent" | "failed"; readonly at: string },
): Promise<boolean> {
  const rows = await tx.query(
    `update referral set state = $2::text, delivered_at = case when $2::text = 'sent' then $3::timestamptz end
      where referral_id = $1 and state = 'queued' returning referral_id`,
    [referralId, input.state, input.at],
  );
  return rows.length === 1;
}
