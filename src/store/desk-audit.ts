/** Who did what in a case, in order: appended in the transaction of the deed, never changed. */
import type { CaseId, UserId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export async function appendAudit(
  tx: Tx,
  input: {
    readonly caseId: CaseId | null;
    readonly at: string;
    /** null: the desk itself, by its clock. */
    readonly who: { readonly userId: UserId; readonly name: string } | null;
    readonly what: string;
  },
): Promise<void> {
  await tx.query(`insert into desk_audit (case_id, at, who_id, who_name, what) values ($1, $2, $3, $4, $5)`, [
    input.caseId,
    input.at,
    input.who?.userId ?? null,
    input.who?.name ?? null,
    input.what.slice(0, 2000),
  ]);
}

export async function auditOfCase(
  q: Queryable,
  caseId: CaseId,
): Promise<readonly { at: Date; who: string | null; what: string }[]> {
  return await q.query<{ at: Date; who: string | null; what: string }>(
    `select at, who_name as who, what from desk_audit where case_id = $1 order by audit_id limit 2000`,
    [caseId],
  );
}
