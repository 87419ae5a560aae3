/**
 * Claims of names by sites, and what came of checking them. At most one claim of a name is proven (unique index hostname_holder):
 * of two transactions that try at once one fails. Releases are kept, so that a name that was let go of is not anybody's for the
 * taking. Bounds: CLAIMS_PER_NAME_MAX, the oldest unproven one goes first, so that nobody can keep an owner out by claiming.
 */
import type { SiteState } from "../contract/desk-states.ts";
import type { ProofMethod } from "../contract/http-sites.ts";
import type { AccountId, SiteId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export const CLAIMS_PER_NAME_MAX = 20;

export type LeadsHere = "yes" | "no" | "unknown";

/** What checks change of a claim. */
export type ClaimState = {
  readonly provenAt: Date | null;
  readonly provenBy: ProofMethod | null;
  readonly seenAt: Date | null;
  readonly checkedAt: Date | null;
  readonly missingSince: Date | null;
  readonly contestedSince: Date | null;
  readonly waitingSince: Date | null;
  readonly tries: number;
  readonly nextCheckAt: Date | null;
  readonly why: string | null;
  readonly leadsHere: LeadsHere;
};
export type ClaimRow = ClaimState & {
  readonly hostname: string;
  readonly siteId: SiteId;
  readonly accountId: AccountId;
  readonly siteState: SiteState;
  readonly claimedAt: Date;
};

const CLAIM_SELECT = `
  select hostname.hostname, hostname.site_id as "siteId", site.account_id as "accountId", site.state as "siteState",
         hostname.claimed_at as "claimedAt", hostname.proven_at as "provenAt", hostname.proven_by as "provenBy",
         hostname.seen_at as "seenAt", hostname.checked_at as "checkedAt", hostname.missing_since as "missingSince",
         hostname.contested_since as "contestedSince", hostname.waiting_since as "waitingSince", hostname.tries,
         hostname.next_check_at as "nextCheckAt", hostname.why, hostname.leads_here as "leadsHere"
    from hostname join site on site.site_id = hostname.site_id`;

export async function claimOf(q: Queryable, hostname: string, siteId: SiteId): Promise<ClaimRow | null> {
  const [row] = await q.query<ClaimRow>(
    `${CLAIM_SELECT} where hostname.hostname = $1 and hostname.site_id = $2`,
    [hostname, siteId],
  );
  return row ?? null;
}

export async function claimsOfSite(q: Queryable, siteId: SiteId): Promise<ClaimRow[]> {
  return q.query<ClaimRow>(`${CLAIM_SELECT} where hostname.site_id = $1 order by hostname.hostname`, [
    siteId,
  ]);
}

/** Whose claim of this very name is proven. */
export async function holderOf(q: Queryable, hostname: string): Promise<ClaimRow | null> {
  const [row] = await q.query<ClaimRow>(
    `${CLAIM_SELECT} where hostname.hostname = $1 and hostname.proven_at is not null`,
    [hostname],
  );
  return row ?? null;
}

/** The site of an account that claims this very name, proven or not; the oldest, if several do. */
export async function claimInAccount(
  q: Queryable,
  input: { readonly hostname: string; readonly accountId: AccountId },
): Promise<ClaimRow | null> {
  const [row] = await q.query<ClaimRow>(
    `${CLAIM_SELECT} where hostname.hostname = $1 and site.account_id = $2
      order by hostname.proven_at nulls last, hostname.claimed_at limit 1`,
    [input.hostname, input.accountId],
  );
  return row ?? null;
}

/** Whether another account shows a DNS proof of a name that it does not hold. */
export async function isContested(q: Queryable, claim: ClaimRow): Promise<boolean> {
  const rows = await q.query(
    `select 1 from hostname join site on site.site_id = hostname.site_id
      where hostname.hostname = $1 and hostname.waiting_since is not null and site.account_id <> $2 limit 1`,
    [claim.hostname, claim.accountId],
  );
  return rows.length > 0;
}

/** Proven when it is made only where the operator vouches. */
export async function insertClaim(
  tx: Tx,
  claim: {
    readonly hostname: string;
    readonly siteId: SiteId;
    readonly at: Date;
    readonly vouched: boolean;
    readonly nextCheckAt: Date;
  },
): Promise<void> {
  await tx.query(
    `insert into hostname (hostname, site_id, claimed_at, proven_at, proven_by, next_check_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      claim.hostname,
      claim.siteId,
      claim.at,
      claim.vouched ? claim.at : null,
      claim.vouched ? "operator" : null,
      claim.nextCheckAt,
    ],
  );
  await tx.query(
    `delete from hostname where hostname = $1 and proven_at is null and site_id in (
       select site_id from hostname where hostname = $1 and proven_at is null
        order by waiting_since nulls last, claimed_at desc, site_id offset $2)`,
    [claim.hostname, CLAIMS_PER_NAME_MAX],
  );
}

export async function saveClaim(
  tx: Tx,
  key: { readonly hostname: string; readonly siteId: SiteId },
  state: ClaimState,
): Promise<void> {
  await tx.query(
    `update hostname set proven_at = $3, proven_by = $4, seen_at = $5, checked_at = $6, missing_since = $7,
            contested_since = $8, waiting_since = $9, tries = $10, next_check_at = $11, why = $12, leads_here = $13
      where hostname = $1 and site_id = $2`,
    [
      key.hostname,
      key.siteId,
      state.provenAt,
      state.provenBy,
      state.seenAt,
      state.checkedAt,
      state.missingSince,
      state.contestedSince,
      state.waitingSince,
      state.tries,
      state.nextCheckAt,
      state.why,
      state.leadsHere,
    ],
  );
}

/** Claims whose check is due, those that are served first. */
export async function dueClaims(
  q: Queryable,
  input: { readonly at: Date; readonly limit: number },
): Promise<ClaimRow[]> {
  return q.query<ClaimRow>(
    `${CLAIM_SELECT} where hostname.next_check_at <= $1 and site.state = 'active'
      order by hostname.proven_at nulls last, hostname.next_check_at, hostname.hostname limit $2`,
    [input.at, input.limit],
  );
}

export async function countUnproven(q: Queryable, accountId: AccountId): Promise<number> {
  const [row] = await q.query<{ n: number }>(
    `select count(*)::integer as n from hostname join site on site.site_id = hostname.site_id
      where site.account_id = $1 and hostname.proven_at is null`,
    [accountId],
  );
  return row?.n ?? 0;
}

/** The proven wildcard of another account above an exact name. */
export async function wildcardAbove(
  q: Queryable,
  input: { readonly wildcard: string; readonly accountId: AccountId },
): Promise<ClaimRow | null> {
  const holder = await holderOf(q, input.wildcard);
  return holder !== null && holder.accountId !== input.accountId ? holder : null;
}

export type ReleaseRow = {
  readonly accountId: AccountId;
  readonly siteId: SiteId;
  readonly releasedAt: Date;
  readonly underMeasure: boolean;
};

export async function releaseOf(q: Queryable, hostname: string): Promise<ReleaseRow | null> {
  const [row] = await q.query<ReleaseRow>(
    `select account_id as "accountId", site_id as "siteId", released_at as "releasedAt", under_measure as "underMeasure"
       from hostname_release where hostname = $1`,
    [hostname],
  );
  return row ?? null;
}

/** Remembers that a held name was let go of, and whether a measure stood on its site then. */
export async function rememberRelease(
  tx: Tx,
  release: { readonly hostname: string; readonly siteId: SiteId; readonly at: Date },
): Promise<void> {
  await tx.query(
    `insert into hostname_release (hostname, account_id, site_id, released_at, under_measure)
     select $1, site.account_id, site.site_id, $3,
            site.state in ('held', 'refused')
            or exists (select 1 from measure
                        where measure.state <> 'ended'
                          -- Its own, also before its receipt is there, or the account's.
                          and (measure.site_id = site.site_id
                               or exists (select 1 from measure_site
                                           where measure_site.measure_id = measure.measure_id
                                             and measure_site.site_id = site.site_id)))
       from site where site.site_id = $2
     on conflict (hostname) do update
       set account_id = excluded.account_id, site_id = excluded.site_id, released_at = excluded.released_at,
           under_measure = excluded.under_measure or hostname_release.under_measure`,
    [release.hostname, release.siteId, release.at],
  );
}

export async function deleteClaim(tx: Tx, hostname: string, siteId: SiteId): Promise<void> {
  await tx.query(`delete from hostname where hostname = $1 and site_id = $2`, [hostname, siteId]);
}

/** A human has looked at the name that came back: it is a name like any other again. */
export async function forgiveReleases(tx: Tx, siteId: SiteId): Promise<void> {
  await tx.query(
    `delete from hostname_release where hostname in (select hostname from hostname where site_id = $1)`,
    [siteId],
  );
}

/** The name has a holder again. */
export async function forgetRelease(tx: Tx, hostname: string): Promise<void> {
  await tx.query(`delete from hostname_release where hostname = $1`, [hostname]);
}

/** Releases that mean nothing any more. Those under a measure are kept until a human forgives them. */
export async function deleteReleases(q: Queryable, before: Date): Promise<void> {
  await q.query(`delete from hostname_release where released_at < $1 and not under_measure`, [before]);
}

/** Makes the instance's key on first use; the first one that was stored counts for everybody. */
export async function tokenKey(q: Queryable, fresh: Uint8Array): Promise<Uint8Array> {
  await q.query(`insert into hostname_token_key (token_key) values ($1) on conflict (one) do nothing`, [
    fresh,
  ]);
  const [row] = await q.query<{ token_key: Uint8Array }>(`select token_key from hostname_token_key`);
  if (!row) throw new Error("hostname_token_key has no row");
  return row.token_key;
}
