/**
 * Members of sites and their roles. Whoever belongs to an account owns every site that the account adds; others are put on one site
 * by an owner. Bound: MEMBERS_MAX a site. That one owner stays is held by the caller, in the same transaction.
 */
import type { SiteRole } from "../contract/http-sites.ts";
import type { AccountId, SiteId, UserId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export const MEMBERS_MAX = 50;

export type MemberRow = {
  readonly userId: UserId;
  /** Of somebody who has not come in yet it is the address. */
  readonly name: string;
  readonly email: string;
  readonly role: SiteRole;
  readonly since: Date;
};

const MEMBER_SELECT = `
  select site_member.user_id as "userId",
         case when site_member.seen_at is null then "user"."email" else "user"."name" end as name,
         "user"."email" as email, site_member.role, site_member.since
    from site_member join "user" on "user"."id" = site_member.user_id`;

export async function membersOf(q: Queryable, siteId: SiteId): Promise<MemberRow[]> {
  const rows = await q.query<MemberRow>(
    `${MEMBER_SELECT} where site_member.site_id = $1 order by site_member.since, "user"."email" limit $2`,
    [siteId, MEMBERS_MAX],
  );
  return rows.map((row) => ({ ...row, since: new Date(row.since) }));
}

/** Null for somebody who is no member, and for a site that is not there any more. `accepted`: a membership that was never used counts for nothing. */
export async function memberRole(
  q: Queryable,
  of: { readonly siteId: SiteId; readonly userId: UserId; readonly accepted: boolean },
): Promise<SiteRole | null> {
  const [row] = await q.query<{ role: SiteRole }>(
    `select site_member.role from site_member join site on site.site_id = site_member.site_id
      where site_member.site_id = $1 and site_member.user_id = $2 and site.state <> 'removed'
        and (not $3 or site_member.seen_at is not null)`,
    [of.siteId, of.userId, of.accepted],
  );
  return row?.role ?? null;
}

/** The sites that somebody may see. */
export async function sitesOfMember(q: Queryable, userId: UserId): Promise<ReadonlySet<SiteId>> {
  const rows = await q.query<{ site_id: SiteId }>(`select site_id from site_member where user_id = $1`, [
    userId,
  ]);
  return new Set(rows.map((row) => row.site_id));
}

export async function putMember(
  tx: Tx,
  member: {
    readonly siteId: SiteId;
    readonly userId: UserId;
    readonly role: SiteRole;
    readonly at: Date;
    /** Made by the operator: it counts from now on, whoever it is. */
    readonly isAccepted: boolean;
  },
): Promise<void> {
  await tx.query(
    `insert into site_member (site_id, user_id, role, since, seen_at) values ($1, $2, $3, $4, $5)
     on conflict (site_id, user_id) do update
       set role = excluded.role, seen_at = coalesce(site_member.seen_at, excluded.seen_at)`,
    [member.siteId, member.userId, member.role, member.at, member.isAccepted ? member.at : null],
  );
}

/** Notes that a member has come in; costs a write once. */
export async function sawMember(q: Queryable, siteId: SiteId, userId: UserId, at: Date): Promise<void> {
  await q.query(
    `update site_member set seen_at = $3 where site_id = $1 and user_id = $2 and seen_at is null`,
    [siteId, userId, at],
  );
}

export async function removeMember(tx: Tx, siteId: SiteId, userId: UserId): Promise<void> {
  await tx.query(`delete from site_member where site_id = $1 and user_id = $2`, [siteId, userId]);
}

export async function removeMembers(tx: Tx, siteId: SiteId): Promise<void> {
  await tx.query(`delete from site_member where site_id = $1`, [siteId]);
}

/** Everybody of the account owns a site that it adds. */
export async function addAccountAsOwners(tx: Tx, siteId: SiteId, at: Date): Promise<void> {
  await tx.query(
    `insert into site_member (site_id, user_id, role, since, seen_at)
     select site.site_id, account_member.user_id, 'owner', $2, $2
       from site join account_member on account_member.account_id = site.account_id
                 join "user" on "user"."id" = account_member.user_id
      where site.site_id = $1
     on conflict (site_id, user_id) do nothing`,
    [siteId, at],
  );
}

/** Somebody who comes to belong to an account owns the sites that it has. */
export async function addOwnerOfAccount(
  tx: Tx,
  input: { readonly accountId: AccountId; readonly userId: UserId; readonly at: Date },
): Promise<void> {
  await tx.query(
    `insert into site_member (site_id, user_id, role, since, seen_at)
     select site_id, $2, 'owner', $3, $3 from site where account_id = $1 and state <> 'removed'
     on conflict (site_id, user_id) do nothing`,
    [input.accountId, input.userId, input.at],
  );
}

/** Where mail about a site goes: its owners. */
export async function ownerEmails(q: Queryable, siteId: SiteId): Promise<readonly string[]> {
  const rows = await q.query<{ email: string }>(
    `select "user"."email" as email from site_member join "user" on "user"."id" = site_member.user_id
      where site_member.site_id = $1 and site_member.role = 'owner' order by 1 limit $2`,
    [siteId, MEMBERS_MAX],
  );
  return rows.map((row) => row.email);
}
