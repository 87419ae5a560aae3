/**
 * Openings of sealed identities. `takeSealed` is the one query of the house that answers with sealed bytes, and it counts itself
 * in the same statement's transaction: nothing is handed out that the case does not know of.
 */
import type { OpeningGround, OpeningState } from "../contract/desk-states.ts";
import type { CaseId, OpeningId, ReportId, UserId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export type OpeningRow = {
  readonly openingId: OpeningId;
  readonly caseId: CaseId;
  readonly reportId: ReportId;
  readonly ground: OpeningGround;
  readonly purpose: string;
  readonly state: OpeningState;
  readonly authorId: UserId;
  readonly authorName: string;
  readonly madeAt: Date;
  readonly secondId: UserId | null;
  readonly secondName: string | null;
  readonly secondReason: string | null;
  readonly settledAt: Date | null;
  readonly closesAt: Date | null;
  readonly intentId: number | null;
  readonly handedOut: number;
};

const COLUMNS = `opening_id as "openingId", case_id as "caseId", report_id as "reportId", ground, purpose, state,
  author_id as "authorId", author_name as "authorName", made_at as "madeAt", second_id as "secondId",
  second_name as "secondName", second_reason as "secondReason", settled_at as "settledAt", closes_at as "closesAt",
  intent_id as "intentId", handed_out as "handedOut"`;

/** False when a request or an approved opening of this identity stands already. */
export async function insertOpening(
  tx: Tx,
  input: {
    readonly openingId: OpeningId;
    readonly caseId: CaseId;
    readonly reportId: ReportId;
    readonly ground: OpeningGround;
    readonly purpose: string;
    readonly author: { readonly userId: UserId; readonly name: string };
    readonly at: string;
  },
): Promise<boolean> {
  const rows = await tx.query(
    `insert into identity_opening (opening_id, case_id, report_id, ground, purpose, state, author_id, author_name, made_at)
     values ($1, $2, $3, $4, $5, 'requested', $6, $7, $8)
     on conflict (report_id) where state in ('requested', 'approved') do nothing returning opening_id`,
    [
      input.openingId,
      input.caseId,
      input.reportId,
      input.ground,
      input.purpose,
      input.author.userId,
      input.author.name,
      input.at,
    ],
  );
  return rows.length === 1;
}

export async function findOpening(q: Queryable, openingId: OpeningId): Promise<OpeningRow | null> {
  const rows = await q.query<OpeningRow>(`select ${COLUMNS} from identity_opening where opening_id = $1`, [
    openingId,
  ]);
  return rows[0] ?? null;
}

/** The same, and nobody else changes it until this transaction ends. */
export async function holdOpening(tx: Tx, openingId: OpeningId): Promise<OpeningRow | null> {
  const rows = await tx.query<OpeningRow>(
    `select ${COLUMNS} from identity_opening where opening_id = $1 for update`,
    [openingId],
  );
  return rows[0] ?? null;
}

/** Newest first. */
export async function openingsOfCase(q: Queryable, caseId: CaseId): Promise<OpeningRow[]> {
  return await q.query<OpeningRow>(
    `select ${COLUMNS} from identity_opening where case_id = $1 order by made_at desc, opening_id limit 200`,
    [caseId],
  );
}

/** Moves a request on, once. `second` is null for a withdrawal; `approved` only for an approval. */
export async function settleOpening(
  tx: Tx,
  openingId: OpeningId,
  input: {
    readonly state: Exclude<OpeningState, "requested" | "closed">;
    readonly at: string;
    readonly second: { readonly userId: UserId; readonly name: string; readonly reason: string } | null;
    readonly approved: { readonly intentId: number; readonly closesAt: string } | null;
  },
): Promise<boolean> {
  const rows = await tx.query(
    `update identity_opening set state = $2, settled_at = $3, second_id = $4, second_name = $5, second_reason = $6,
                                 intent_id = $7, closes_at = $8
      where opening_id = $1 and state = 'requested' returning opening_id`,
    [
      openingId,
      input.state,
      input.at,
      input.second?.userId ?? null,
      input.second?.name ?? null,
      input.second?.reason ?? null,
      input.approved?.intentId ?? null,
      input.approved?.closesAt ?? null,
    ],
  );
  return rows.length === 1;
}

/** Closes what has been open for its time; answers which. */
export async function closeOpenings(
  tx: Tx,
  at: string,
): Promise<readonly { openingId: OpeningId; caseId: CaseId }[]> {
  return await tx.query<{ openingId: OpeningId; caseId: CaseId }>(
    `update identity_opening set state = 'closed' where state = 'approved' and closes_at <= $1
     returning opening_id as "openingId", case_id as "caseId"`,
    [at],
  );
}

/** The sealed bytes of an approved opening within its time, counted; null when it is not approved, or its time is over. */
export async function takeSealed(
  tx: Tx,
  input: { readonly openingId: OpeningId; readonly at: string },
): Promise<{ readonly handedOut: number; readonly sealed: Uint8Array; readonly sealedTo: string } | null> {
  const rows = await tx.query<{ handedOut: number; sealed: Uint8Array; sealedTo: string }>(
    `update identity_opening o
        set handed_out = o.handed_out + 1, first_handed_out_at = coalesce(o.first_handed_out_at, $2)
       from report r
      where o.opening_id = $1 and o.state = 'approved' and o.closes_at > $2
        and r.report_id = o.report_id and r.case_id = o.case_id and r.sealed is not null
     returning o.handed_out as "handedOut", r.sealed, r.sealed_to as "sealedTo"`,
    [input.openingId, input.at],
  );
  return rows[0] ?? null;
}
