/** Who is too near to a case to decide in it: members of the customer's account or of the site, and declared conflicts (design law 2). */
import type { AccountId, CaseId, UserId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

/** The reason why `userId` must not decide in the case, as the end of a sentence, or null. */
export async function conflictOf(
  q: Queryable,
  input: { readonly caseId: CaseId; readonly userId: UserId },
): Promise<string | null> {
  const rows = await q.query<{ member: boolean; declared: boolean }>(
    `select exists (select 1 from account_member m
                      join site s on s.account_id = m.account_id
                     where s.site_id = c.site_id and m.user_id = $2)
            or exists (select 1 from site_member m where m.site_id = c.site_id and m.user_id = $2) as member,
            exists (select 1 from case_conflict f where f.case_id = c.case_id and f.user_id = $2) as declared
       from desk_case c where c.case_id = $1`,
    [input.caseId, input.userId],
  );
  const row = rows[0];
  if (row === undefined) return null;
  if (row.member) return "you belong to those whose site this is about";
  return row.declared ? "you declared a conflict of interest in it" : null;
}

export async function declareConflict(
  tx: Tx,
  input: { readonly caseId: CaseId; readonly userId: UserId; readonly reason: string; readonly at: string },
): Promise<void> {
  await tx.query(
    `insert into case_conflict (case_id, user_id, reason, declared_at) values ($1, $2, $3, $4)
     on conflict (case_id, user_id) do nothing`,
    [input.caseId, input.userId, input.reason, input.at],
  );
}

/** Notes that a signed-in person belongs to a customer's account. */
export async function addAccountMember(
  tx: Tx,
  input: { readonly accountId: AccountId; readonly userId: UserId },
): Promise<void> {
  await tx.query(
    `insert into account_member (account_id, user_id) values ($1, $2) on conflict (account_id, user_id) do nothing`,
    [input.accountId, input.userId],
  );
}
