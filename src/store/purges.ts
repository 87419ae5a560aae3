/**
 * Purges of sites' caches. A purge is written once, in the transaction that makes the policy version which carries it. Bound: of each
 * site PURGES_KEPT_MAX are kept, the oldest go first; those that could still matter on an edge are always among them.
 */
import type { SiteId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export const PURGES_KEPT_MAX = 1000;

export type PurgeKind = "all" | "url" | "prefix" | "tag";
export type PurgeRecord = {
  readonly number: number;
  readonly kind: PurgeKind;
  readonly value: string;
  readonly purged_by: string;
  readonly purged_at: Date;
  readonly version: number;
};

/** Takes the site's next number. Locks the site's row: purges of one site come one after the other. */
export async function nextPurgeNumber(tx: Tx, siteId: SiteId): Promise<number> {
  const [row] = await tx.query<{ purge_number: number }>(
    `update site set purge_number = purge_number + 1 where site_id = $1 returning purge_number`,
    [siteId],
  );
  if (!row) throw new Error(`site ${siteId} does not exist`);
  return row.purge_number;
}

export async function insertPurge(
  tx: Tx,
  purge: {
    readonly siteId: SiteId;
    readonly number: number;
    readonly kind: PurgeKind;
    readonly value: string;
    readonly by: string;
    readonly byUser: string | null;
    readonly at: Date;
    readonly version: number;
  },
): Promise<void> {
  await tx.query(
    `insert into cache_purge (site_id, number, kind, value, purged_by, purged_by_user, purged_at, version)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [purge.siteId, purge.number, purge.kind, purge.value, purge.by, purge.byUser, purge.at, purge.version],
  );
  await tx.query(`delete from cache_purge where site_id = $1 and number <= $2`, [
    purge.siteId,
    purge.number - PURGES_KEPT_MAX,
  ]);
}

export async function setCacheGeneration(tx: Tx, siteId: SiteId, generation: number): Promise<void> {
  await tx.query(`update site set cache_generation = $2 where site_id = $1`, [siteId, generation]);
}

export async function cacheGeneration(q: Queryable, siteId: SiteId): Promise<number> {
  const [row] = await q.query<{ cache_generation: number }>(
    `select cache_generation from site where site_id = $1`,
    [siteId],
  );
  return row?.cache_generation ?? 0;
}

/** Those with a number above `after` and from `since` on, oldest first. */
export async function purgesAfter(
  q: Queryable,
  siteId: SiteId,
  from: { readonly after: number; readonly since: Date },
): Promise<PurgeRecord[]> {
  const rows = await q.query<PurgeRecord>(
    `select number, kind, value, purged_by, purged_at, version from cache_purge
      where site_id = $1 and number > $2 and purged_at >= $3 order by number`,
    [siteId, from.after, from.since],
  );
  return rows.map(read);
}

export async function newestPurges(q: Queryable, siteId: SiteId, limit: number): Promise<PurgeRecord[]> {
  const rows = await q.query<PurgeRecord>(
    `select number, kind, value, purged_by, purged_at, version from cache_purge
      where site_id = $1 order by number desc limit $2`,
    [siteId, limit],
  );
  return rows.map(read);
}

export async function countPurges(q: Queryable, siteId: SiteId): Promise<number> {
  const [row] = await q.query<{ n: string }>(`select count(*) as n from cache_purge where site_id = $1`, [
    siteId,
  ]);
  return Number(row?.n ?? 0);
}

function read(row: PurgeRecord): PurgeRecord {
  return { ...row, purged_at: new Date(row.purged_at) };
}
