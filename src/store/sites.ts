/**
 * Accounts, sites, hostnames, policy versions, acknowledgements and looks, as rows. Every function takes the database
 * or a transaction in it; those that need a transaction say so by their type.
 */
import type { AccountId, NodeId, SiteId } from "../contract/ids.ts";
import type { OriginPool } from "../contract/origin-pool.ts";
import type { SiteState } from "../contract/desk-states.ts";
import type { Queryable, Tx } from "./db.ts";

export type SiteRow = {
  readonly site_id: SiteId;
  readonly account_id: AccountId;
  readonly account_name: string;
  readonly account_email: string | null;
  readonly state: SiteState;
  /** Of the settings in force; the rest of them is in store/site-settings.ts. */
  readonly origin: OriginPool;
  readonly revision: number;
  readonly version: number;
  readonly held_because: readonly string[];
  readonly created_at: Date;
  /** All that it claims. */
  readonly hostnames: readonly string[];
  /** Those of them that it has proven: what edges serve. */
  readonly proven: readonly string[];
};

const SITE_SELECT = `
  select site.site_id, site.account_id, account.name as account_name, account.email as account_email, site.state,
         site_revision.settings -> 'origin' as origin, site.revision, site.version, site.held_because, site.created_at,
         coalesce((select jsonb_agg(hostname.hostname order by hostname.hostname)
                     from hostname where hostname.site_id = site.site_id), '[]') as hostnames,
         coalesce((select jsonb_agg(hostname.hostname order by hostname.hostname)
                     from hostname where hostname.site_id = site.site_id and hostname.proven_at is not null), '[]') as proven
    from site join account on account.account_id = site.account_id
              join site_revision on site_revision.site_id = site.site_id and site_revision.revision = site.revision`;

function readSite(row: SiteRow): SiteRow {
  return { ...row, created_at: new Date(row.created_at) };
}

export async function siteById(q: Queryable, siteId: SiteId): Promise<SiteRow | null> {
  const [row] = await q.query<SiteRow>(`${SITE_SELECT} where site.site_id = $1`, [siteId]);
  return row ? readSite(row) : null;
}

/** The site that holds exactly this hostname or wildcard: claims without a proof do not count. */
export async function siteByHostname(q: Queryable, hostname: string): Promise<SiteRow | null> {
  const [row] = await q.query<SiteRow>(
    `${SITE_SELECT} where site.site_id = (select hostname.site_id from hostname
                                                where hostname.hostname = $1 and hostname.proven_at is not null)`,
    [hostname],
  );
  return row ? readSite(row) : null;
}

/** A hostname of another account at `base` or one label below it: what a wildcard "*.base" would come to stand beside. */
export async function hostnameOfOthersAt(
  q: Queryable,
  input: { readonly base: string; readonly accountId: AccountId },
): Promise<string | null> {
  const [row] = await q.query<{ hostname: string }>(
    `select hostname.hostname as hostname from hostname join site on site.site_id = hostname.site_id
      where site.account_id <> $2 and hostname.proven_at is not null
        and (hostname.hostname = $1
             or (right(hostname.hostname, length($1) + 1) = '.' || $1
                 and strpos(left(hostname.hostname, -length($1) - 1), '.') = 0))
      order by hostname.hostname limit 1`,
    [input.base, input.accountId],
  );
  return row?.hostname ?? null;
}

/** The oldest first. `among`: of these alone. */
export async function allSites(
  q: Queryable,
  of: { readonly limit: number; readonly among?: readonly SiteId[] },
): Promise<SiteRow[]> {
  const rows = await q.query<SiteRow>(
    `${SITE_SELECT} where site.state <> 'removed' and ($2::text[] is null or site.site_id = any($2))
      order by site.created_at, site.site_id limit $1`,
    [of.limit, of.among ?? null],
  );
  return rows.map(readSite);
}

export async function countSites(q: Queryable): Promise<{ active: number; held: number; total: number }> {
  const [row] = await q.query<{ active: string; held: string; total: string }>(
    `select count(*) filter (where state = 'active') as active, count(*) filter (where state = 'held') as held,
            count(*) filter (where state <> 'removed') as total from site`,
  );
  return { active: Number(row?.active ?? 0), held: Number(row?.held ?? 0), total: Number(row?.total ?? 0) };
}

export async function ensureAccount(
  tx: Tx,
  account: { readonly accountId: AccountId; readonly name: string; readonly email: string | null },
): Promise<AccountId> {
  const [row] = await tx.query<{ account_id: AccountId }>(
    `insert into account (account_id, name, email) values ($1, $2, $3)
     on conflict (name) do update set email = coalesce(excluded.email, account.email)
     returning account_id`,
    [account.accountId, account.name, account.email],
  );
  if (!row) throw new Error("insert into account returned no row");
  return row.account_id;
}

export type NewSite = Pick<SiteRow, "site_id" | "account_id" | "state" | "held_because">;

/** A site is whole with its first revision of settings, which the same transaction has to insert. */
export async function insertSite(tx: Tx, site: NewSite): Promise<void> {
  await tx.query(`insert into site (site_id, account_id, state, held_because) values ($1, $2, $3, $4)`, [
    site.site_id,
    site.account_id,
    site.state,
    JSON.stringify(site.held_because),
  ]);
}

export async function setSiteState(
  tx: Tx,
  siteId: SiteId,
  change: { readonly state: SiteState; readonly by: string | null; readonly reason: string | null },
): Promise<void> {
  await tx.query(`update site set state = $2, settled_by = $3, settled_reason = $4 where site_id = $1`, [
    siteId,
    change.state,
    change.by,
    change.reason,
  ]);
}

/** A person has to look first: until then the site is served nowhere. */
export async function holdSite(tx: Tx, siteId: SiteId, because: readonly string[]): Promise<void> {
  await tx.query(
    `update site set state = 'held', held_because = $2, settled_by = null, settled_reason = null where site_id = $1`,
    [siteId, JSON.stringify(because)],
  );
}

/** Counts the site's version up and queues it for the edges. */
export async function nextVersion(tx: Tx, siteId: SiteId, acceptedAt: Date): Promise<number> {
  const [row] = await tx.query<{ version: number }>(
    `update site set version = version + 1 where site_id = $1 returning version`,
    [siteId],
  );
  if (!row) throw new Error(`site ${siteId} does not exist`);
  await tx.query(`insert into policy_version (site_id, version, accepted_at) values ($1, $2, $3)`, [
    siteId,
    row.version,
    acceptedAt,
  ]);
  return row.version;
}

export async function unpublishedSites(q: Queryable, limit: number): Promise<SiteId[]> {
  const rows = await q.query<{ site_id: SiteId }>(
    `select distinct site_id from policy_version where published_at is null limit $1`,
    [limit],
  );
  return rows.map((row) => row.site_id);
}

export async function markPublished(
  q: Queryable,
  siteId: SiteId,
  upTo: { readonly version: number; readonly at: Date },
): Promise<void> {
  await q.query(
    `update policy_version set published_at = $3 where site_id = $1 and version <= $2 and published_at is null`,
    [siteId, upTo.version, upTo.at],
  );
}

/** Every site that an edge should know: for the first publication after a start. */
export async function siteIdsWithPolicy(q: Queryable): Promise<SiteId[]> {
  const rows = await q.query<{ site_id: SiteId }>(
    `select site_id from site where version > 0 order by site_id`,
  );
  return rows.map((row) => row.site_id);
}

export async function acceptedAt(q: Queryable, siteId: SiteId, version: number): Promise<Date | null> {
  const [row] = await q.query<{ accepted_at: Date }>(
    `select accepted_at from policy_version where site_id = $1 and version = $2`,
    [siteId, version],
  );
  return row ? new Date(row.accepted_at) : null;
}

/** Keeps the newest acknowledgement of a node for a site. An older version never replaces a newer one. */
export async function upsertAck(
  q: Queryable,
  ack: {
    readonly siteId: SiteId;
    readonly nodeId: NodeId;
    readonly version: number;
    readonly ok: boolean;
    readonly why: string | null;
    readonly at: Date;
  },
): Promise<void> {
  await q.query(
    `insert into policy_ack (site_id, node_id, version, ok, why, at)
     select $1, $2, $3, $4, $5, $6 where exists (select 1 from site where site_id = $1)
     on conflict (site_id, node_id) do update
       set version = excluded.version, ok = excluded.ok, why = excluded.why, at = excluded.at
       where policy_ack.version < excluded.version or (policy_ack.version = excluded.version and not policy_ack.ok)`,
    [ack.siteId, ack.nodeId, ack.version, ack.ok, ack.why, ack.at],
  );
}

export type AckRow = { node_id: NodeId; version: number; ok: boolean; why: string | null; at: Date };

export async function acksOf(q: Queryable, siteId: SiteId): Promise<AckRow[]> {
  const rows = await q.query<AckRow>(
    `select node_id, version, ok, why, at from policy_ack where site_id = $1 order by node_id`,
    [siteId],
  );
  return rows.map((row) => ({ ...row, at: new Date(row.at) }));
}

export async function measuresPerSite(q: Queryable): Promise<ReadonlyMap<SiteId, number>> {
  const rows = await q.query<{ site_id: SiteId; n: string }>(
    `select site_id, count(*) as n from measure where state <> 'ended' group by site_id`,
  );
  return new Map(rows.map((row) => [row.site_id, Number(row.n)]));
}

export type LookRow = {
  site_id: SiteId;
  account_id: AccountId;
  case_number: string;
  features: unknown;
  hostnames: string[];
};

export async function saveLook(
  q: Queryable,
  look: { readonly siteId: SiteId; readonly caseNumber: string; readonly features: unknown },
): Promise<void> {
  await q.query(
    `insert into look (site_id, case_number, features) values ($1, $2, $3)
     on conflict (site_id) do update set case_number = excluded.case_number, features = excluded.features, taken_at = now()`,
    [look.siteId, look.caseNumber, JSON.stringify(look.features)],
  );
}

export async function allLooks(q: Queryable, limit: number): Promise<LookRow[]> {
  return q.query<LookRow>(
    `select look.site_id, site.account_id, look.case_number, look.features,
            coalesce((select jsonb_agg(hostname.hostname) from hostname where hostname.site_id = look.site_id), '[]') as hostnames
       from look join site on site.site_id = look.site_id order by look.taken_at desc limit $1`,
    [limit],
  );
}
