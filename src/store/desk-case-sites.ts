/**
 * Which site a case is about, as names change hands: open cases whose name another site serves now, and the step that takes one
 * there. What was a conflict of interest before the step stays one.
 */
import type { CaseId, SiteId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

/** Open cases about a name that belong to another site than `siteId`. */
export async function openCasesElsewhere(
  q: Queryable,
  input: { readonly hostname: string; readonly siteId: SiteId; readonly limit: number },
): Promise<readonly CaseId[]> {
  const rows = await q.query<{ caseId: CaseId }>(
    `select case_id as "caseId" from desk_case
      where hostname = $1 and site_id <> $2 and state <> 'closed' order by case_id limit $3`,
    [input.hostname, input.siteId, input.limit],
  );
  return rows.map((row) => row.caseId);
}

/** Open cases whose name is served by another site now: by its exact name, or else by the wildcard above it. */
export async function casesLeftBehind(q: Queryable, limit: number): Promise<readonly CaseId[]> {
  const rows = await q.query<{ caseId: CaseId }>(
    `select c.case_id as "caseId"
       from desk_case c
       left join hostname exact on exact.hostname = c.hostname and exact.proven_at is not null
       left join hostname above on above.hostname = '*' || substr(c.hostname, strpos(c.hostname, '.'))
                               and above.proven_at is not null
      where c.state <> 'closed' and coalesce(exact.site_id, above.site_id) <> c.site_id
      order by c.case_id limit $1`,
    [limit],
  );
  return rows.map((row) => row.caseId);
}

/** False when somebody else took it there meanwhile. */
export async function moveCase(
  tx: Tx,
  move: {
    readonly caseId: CaseId;
    readonly from: SiteId;
    readonly to: SiteId;
    /** Null keeps the one it has. */
    readonly gatherKey: string | null;
    readonly at: string;
  },
): Promise<boolean> {
  const rows = await tx.query(
    `update desk_case set site_id = $3, gather_key = coalesce($4, gather_key)
      where case_id = $1 and site_id = $2 returning case_id`,
    [move.caseId, move.from, move.to, move.gatherKey],
  );
  if (rows.length === 0) return false;
  await tx.query(
    `insert into case_conflict (case_id, user_id, reason, declared_at)
     select $1, belongs.user_id, 'Belongs to those whose site this was about', $3
       from (select account_member.user_id from account_member
               join site on site.account_id = account_member.account_id where site.site_id = $2
             union select site_member.user_id from site_member
                    where site_member.site_id = $2 and site_member.seen_at is not null) belongs
     on conflict (case_id, user_id) do nothing`,
    [move.caseId, move.from, move.at],
  );
  return true;
}
