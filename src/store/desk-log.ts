/**
 * The desk's side of the public log: which entries it asked for, and the payloads (openings) behind their commitments. An
 * entry is asked for in the transaction of its decision and gets its index later; the row here is how the two meet again.
 */
import type { AppealId, CaseId, DecisionId, MeasureId, ReferralId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export type LogRow = {
  readonly intentId: number;
  readonly caseId: CaseId;
  readonly seq: number;
  readonly kind: string;
  readonly decisionId: DecisionId | null;
  readonly measureId: MeasureId | null;
  readonly logIndex: number | null;
};

const COLUMNS = `intent_id as "intentId", case_id as "caseId", seq, kind, decision_id as "decisionId",
  measure_id as "measureId", log_index as "logIndex"`;

export type Opening = { readonly payload: string; readonly salt: string };

export async function insertLogRow(
  tx: Tx,
  input: {
    readonly intentId: number;
    readonly caseId: CaseId;
    readonly seq: number;
    readonly kind: string;
    readonly decisionId: DecisionId | null;
    readonly measureId: MeasureId | null;
    readonly appealId: AppealId | null;
    readonly referralId: ReferralId | null;
    readonly open: { readonly public: Opening; readonly party: Opening; readonly court: Opening };
    readonly at: string;
  },
): Promise<void> {
  await tx.query(
    `insert into desk_log (intent_id, case_id, seq, kind, decision_id, measure_id, appeal_id, referral_id,
                           public_payload, public_salt, party_payload, party_salt, court_payload, court_salt, made_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [
      input.intentId,
      input.caseId,
      input.seq,
      input.kind,
      input.decisionId,
      input.measureId,
      input.appealId,
      input.referralId,
      input.open.public.payload,
      input.open.public.salt,
      input.open.party.payload,
      input.open.party.salt,
      input.open.court.payload,
      input.open.court.salt,
      input.at,
    ],
  );
}

export async function entriesWaiting(q: Queryable): Promise<LogRow[]> {
  return await q.query<LogRow>(
    `select ${COLUMNS} from desk_log where log_index is null order by intent_id limit 1000`,
  );
}

/** Keeps the index of an entry, once. */
export async function keepIndex(tx: Tx, intentId: number, logIndex: number): Promise<boolean> {
  const rows = await tx.query(
    `update desk_log set log_index = $2 where intent_id = $1 and log_index is null returning intent_id`,
    [intentId, logIndex],
  );
  return rows.length === 1;
}

/** The entries of one decision, in the order in which they were asked for. */
export async function entriesOfDecision(q: Queryable, decisionId: DecisionId): Promise<LogRow[]> {
  return await q.query<LogRow>(`select ${COLUMNS} from desk_log where decision_id = $1 order by intent_id`, [
    decisionId,
  ]);
}

export async function indexOfIntent(q: Queryable, intentId: number): Promise<number | null> {
  const rows = await q.query<{ logIndex: number | null }>(
    `select log_index as "logIndex" from desk_log where intent_id = $1`,
    [intentId],
  );
  return rows[0]?.logIndex ?? null;
}

/** The public opening of an entry; null when there is none, or when it was erased. */
export async function publicOpening(
  q: Queryable,
  logIndex: number,
): Promise<(Opening & { readonly kind: string }) | null> {
  const rows = await q.query<{ kind: string; payload: string | null; salt: string | null }>(
    `select kind, public_payload as payload, public_salt as salt from desk_log where log_index = $1`,
    [logIndex],
  );
  const row = rows[0];
  return row === undefined || row.payload === null || row.salt === null
    ? null
    : { kind: row.kind, payload: row.payload, salt: row.salt };
}
