/**
 * Bans as rows, with their outbox: a row is unpublished from each change until the bus has it. Bounds are held by `sites/bans.ts`, in the transaction
 * that counts; what ended is kept for a while, so that people can look up what kept somebody out.
 */
import type { BanKind } from "../contract/ban.ts";
import type { AccountId, NodeId, SiteId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export type BanRow = {
  readonly banId: string;
  readonly siteId: SiteId | null;
  readonly siteName: string | null;
  readonly kind: BanKind;
  readonly value: string;
  readonly reason: string;
  readonly by: string;
  readonly nodeId: NodeId | null;
  readonly createdAt: Date;
  readonly endsAt: Date;
  readonly liftedAt: Date | null;
  readonly liftedBy: string | null;
};
export type NewBanRow = Omit<BanRow, "siteName" | "liftedAt" | "liftedBy"> & {
  readonly byUser: string | null;
  /** CIDR of an address or a network; null for the other kinds. */
  readonly range: string | null;
};

const COLUMNS = `ban.ban_id as "banId", ban.site_id as "siteId",
  (select min(hostname.hostname) from hostname where hostname.site_id = ban.site_id) as "siteName",
  ban.kind, ban.value, ban.reason, ban.made_by as by, ban.node_id as "nodeId", ban.created_at as "createdAt",
  ban.ends_at as "endsAt", ban.lifted_at as "liftedAt", ban.lifted_by as "liftedBy"`;

function read(row: BanRow): BanRow {
  return {
    ...row,
    createdAt: new Date(row.createdAt),
    endsAt: new Date(row.endsAt),
    liftedAt: row.liftedAt === null ? null : new Date(row.liftedAt),
  };
}

export async function insertBan(tx: Tx, ban: NewBanRow): Promise<void> {
  await tx.query(
    `insert into ban (ban_id, site_id, kind, value, range, reason, made_by, made_by_user, node_id, created_at, ends_at)
     values ($1, $2, $3, $4, $5::inet, $6, $7, $8, $9, $10, $11)`,
    [
      ban.banId,
      ban.siteId,
      ban.kind,
      ban.value,
      ban.range,
      ban.reason,
      ban.by,
      ban.byUser,
      ban.nodeId,
      ban.createdAt,
      ban.endsAt,
    ],
  );
}

/**
 * What a node says of its own ban. Its end may move; a lift is never taken back, and no row of anybody else's is changed. Needs no way to the
 * edge: the node has it already. A site that is not there is none of ours.
 */
export async function putNodeBan(tx: Tx, ban: NewBanRow & { readonly liftedAt: Date | null }): Promise<void> {
  await tx.query(
    `insert into ban (ban_id, site_id, kind, value, range, reason, made_by, node_id, created_at, ends_at, lifted_at,
                      lifted_by, published)
     select $1, $2, $3, $4, $5::inet, $6, $7, $8, $9, $10, $11::timestamptz,
            case when $11::timestamptz is null then null else $7 end, true
      where $2::text is null or exists (select 1 from site where site_id = $2 and state <> 'removed')
     on conflict (ban_id) do update
        set ends_at = excluded.ends_at,
            lifted_at = coalesce(ban.lifted_at, excluded.lifted_at),
            lifted_by = coalesce(ban.lifted_by, excluded.lifted_by)
      where ban.node_id = excluded.node_id`,
    [
      ban.banId,
      ban.siteId,
      ban.kind,
      ban.value,
      ban.range,
      ban.reason,
      ban.by,
      ban.nodeId,
      ban.createdAt,
      ban.endsAt,
      ban.liftedAt,
    ],
  );
}

export async function banById(q: Queryable, banId: string): Promise<BanRow | null> {
  const [row] = await q.query<BanRow>(`select ${COLUMNS} from ban where ban_id = $1`, [banId]);
  return row ? read(row) : null;
}

export type BanSearch = {
  /** Undefined: of every site and of all sites together. */
  readonly siteId?: SiteId;
  readonly now: Date;
  readonly state: "in-force" | "ended" | null;
  /** Address or CIDR that a ban contains or that contains it; null when the words are none. */
  readonly range: string | null;
  /** Part of a value or of a reason, in any case; null: all. */
  readonly words: string | null;
  /** Those older than this one. */
  readonly before: { readonly at: Date; readonly banId: string } | null;
  readonly limit: number;
};

const SEARCH = `($1::text is null or ban.site_id = $1)
  and ($2::text is null or ($2 = 'in-force') = (ban.lifted_at is null and ban.ends_at > $3))
  and ($4::text is null or strpos(lower(ban.value), lower($4)) > 0 or strpos(lower(ban.reason), lower($4)) > 0
       or ban.range >>= $5::inet or ban.range <<= $5::inet)`;

const searched = (search: BanSearch): readonly unknown[] => [
  search.siteId ?? null,
  search.state,
  search.now,
  search.words,
  search.range,
];

/** Newest first. */
export async function findBans(q: Queryable, search: BanSearch): Promise<BanRow[]> {
  const rows = await q.query<BanRow>(
    `select ${COLUMNS} from ban
      where ${SEARCH} and ($6::timestamptz is null or (ban.created_at, ban.ban_id) < ($6, $7))
      order by ban.created_at desc, ban.ban_id desc limit $8`,
    [...searched(search), search.before?.at ?? null, search.before?.banId ?? null, search.limit],
  );
  return rows.map(read);
}

export async function countFound(q: Queryable, search: BanSearch): Promise<number> {
  const [row] = await q.query<{ n: string }>(
    `select count(*) as n from ban where ${SEARCH}`,
    searched(search),
  );
  return Number(row?.n ?? 0);
}

/** Of a node's own, those whose end has not come, lifted or not. */
export async function countBansOfNode(
  q: Queryable,
  of: { readonly nodeId: NodeId; readonly now: Date },
): Promise<number> {
  const [row] = await q.query<{ n: string }>(
    `select count(*) as n from ban where ends_at > $1 and node_id = $2`,
    [of.now, of.nodeId],
  );
  return Number(row?.n ?? 0);
}

/** `records`: whose end has not come, lifted or not; the bus keeps as many. */
export type BanCount = { readonly inForce: number; readonly records: number };

/** Of those that people made: of one site, of all sites of one account, on everything at once, or on any site. */
export async function countBansOfPeople(
  q: Queryable,
  of: {
    readonly siteId?: SiteId;
    readonly accountId?: AccountId;
    readonly everywhere?: boolean;
    readonly now: Date;
  },
): Promise<BanCount> {
  const [row] = await q.query<{ inForce: string; records: string }>(
    `select count(*) filter (where ban.lifted_at is null) as "inForce", count(*) as records from ban
       left join site on site.site_id = ban.site_id
      where ban.ends_at > $1 and ban.node_id is null and ($2::text is null or ban.site_id = $2)
        and ($3::text is null or site.account_id = $3) and ($4::boolean is null or (ban.site_id is null) = $4)`,
    [of.now, of.siteId ?? null, of.accountId ?? null, of.everywhere ?? null],
  );
  return { inForce: Number(row?.inForce ?? 0), records: Number(row?.records ?? 0) };
}

export async function countInForce(q: Queryable, siteId: SiteId, now: Date): Promise<number> {
  const [row] = await q.query<{ n: string }>(
    `select count(*) as n from ban where site_id = $1 and lifted_at is null and ends_at > $2`,
    [siteId, now],
  );
  return Number(row?.n ?? 0);
}

/** Prefix lengths ("4/24") of networks that are banned on every site now. */
export async function lengthsEverywhere(q: Queryable, now: Date): Promise<ReadonlySet<string>> {
  const rows = await q.query<{ length: string }>(
    `select distinct family(range) || '/' || masklen(range) as length from ban
      where site_id is null and kind = 'network' and lifted_at is null and ends_at > $1 limit 100`,
    [now],
  );
  return new Set(rows.map(({ length }) => length));
}

/** The ban in force of exactly this, made by people. */
export async function sameBan(
  q: Queryable,
  of: {
    readonly siteId: SiteId | null;
    readonly kind: BanKind;
    readonly value: string;
    readonly now: Date;
  },
): Promise<string | null> {
  const [row] = await q.query<{ banId: string }>(
    `select ban_id as "banId" from ban
      where site_id is not distinct from $1 and kind = $2 and value = $3 and node_id is null
        and lifted_at is null and ends_at > $4 limit 1`,
    [of.siteId, of.kind, of.value, of.now],
  );
  return row?.banId ?? null;
}

/** False when it was over already. */
export async function liftBan(
  tx: Tx,
  lift: { readonly banId: string; readonly at: Date; readonly by: string },
): Promise<boolean> {
  const rows = await tx.query(
    `update ban set lifted_at = $2, lifted_by = $3, published = false
      where ban_id = $1 and lifted_at is null and ends_at > $2 returning ban_id`,
    [lift.banId, lift.at, lift.by],
  );
  return rows.length > 0;
}

/** All of one site that are in force, of nodes too. */
export async function liftBansOfSite(
  tx: Tx,
  lift: { readonly siteId: SiteId; readonly at: Date; readonly by: string },
): Promise<void> {
  await tx.query(
    `update ban set lifted_at = $2, lifted_by = $3, published = false
      where site_id = $1 and lifted_at is null and ends_at > $2`,
    [lift.siteId, lift.at, lift.by],
  );
}

export async function unpublishedBans(q: Queryable, limit: number): Promise<BanRow[]> {
  const rows = await q.query<BanRow>(
    `select ${COLUMNS} from ban where not published order by ban_id limit $1`,
    [limit],
  );
  return rows.map(read);
}

/** Those that people made and whose end has not come, and lifted ones of nodes: what every edge has to know. */
export async function unendedBans(
  q: Queryable,
  page: { readonly now: Date; readonly after: string; readonly limit: number },
): Promise<BanRow[]> {
  const rows = await q.query<BanRow>(
    `select ${COLUMNS} from ban
      where ends_at > $1 and (node_id is null or lifted_at is not null) and ban_id > $2 order by ban_id limit $3`,
    [page.now, page.after, page.limit],
  );
  return rows.map(read);
}

/** `liftedAt`: as it was when it was published; a lift that came meanwhile is published on its own. */
export async function markBanPublished(q: Queryable, banId: string, liftedAt: Date | null): Promise<void> {
  await q.query(
    `update ban set published = true where ban_id = $1 and lifted_at is not distinct from $2::timestamptz`,
    [banId, liftedAt],
  );
}

/** Ids of bans that no edge has to know any more: their end has come since `since`, or their site is gone. */
export async function forgettableBans(
  q: Queryable,
  at: { readonly since: Date; readonly now: Date; readonly limit: number },
): Promise<{ banId: string; nodeId: NodeId | null }[]> {
  return await q.query<{ banId: string; nodeId: NodeId | null }>(
    `select ban.ban_id as "banId", ban.node_id as "nodeId" from ban
       left join site on site.site_id = ban.site_id
      where ban.published and ((ban.ends_at <= $1 and ban.ends_at > $2) or site.state = 'removed')
      order by ban.ban_id limit $3`,
    [at.now, at.since, at.limit],
  );
}

/** What ended before `endedBefore`, and what was published of sites that are gone. */
export async function deleteOldBans(q: Queryable, endedBefore: Date): Promise<void> {
  await q.query(
    `delete from ban where least(ends_at, coalesce(lifted_at, ends_at)) < $1 and ends_at < $1
        or (published and site_id in (select site_id from site where state = 'removed'))`,
    [endedBefore],
  );
}
