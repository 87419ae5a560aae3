/**
 * Who is too near to a case to decide in it: members of the customer's account or of the site, and declared conflicts (design law 2). A membership
 * counts once its person accepted it: or customers would choose who must not decide about them. Once a conflict, it stays one for the case.
 */
import type { AccountId, CaseId, SiteId, UserId } from "../contract/ids.ts";
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
            or exists (select 1 from site_member m where m.site_id = c.site_id and m.user_id = $2
                          and m.seen_at is not null) as member,
            exists (select 1 from case_conflict f where f.case_id = c.case_id and f.user_id = $2) as declared
       from desk_case c where c.case_id = $1`,
    [input.caseId, input.userId],
  );
  const row = rows[0];
  if (row === undefined) return null;
  if (row.member) return "you belong to those whose site this is about";
  return row.declared ? "you declared a conflict of interest in it" : null;
}

/** Before somebody's membership of a site ends: in its cases they stay too near. */
export async function keepConflicts(
  tx: Tx,
  input: { readonly siteId: SiteId; readonly userId: UserId; readonly at: Date },
): Promise<void> {
  await tx.query(
    `insert into case_conflict (case_id, user_id, reason, declared_at)
     select desk_case.case_id, site_member.user_id, 'Was a member of the site that this is about', $3
       from site_member join desk_case on desk_case.site_id = site_member.site_id
      where site_member.site_id = $1 and site_member.user_id = $2 and site_member.seen_at is not null
     on conflict (case_id, user_id) do nothing`,
    [input.siteId, input.userId, input.at],
  );
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
