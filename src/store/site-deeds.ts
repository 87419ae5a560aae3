/** Who did what with a site beside its settings. Bound: the newest DEEDS_MAX of a site are kept. */
import { DEED_ABOUT_CHARS_MAX, type SiteDeed, type SiteDeedKind } from "../contract/site-deeds.ts";
import type { SiteId, UserId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

const DEEDS_MAX = 5000;

/** Answers the number by which the deed is ended. */
export async function beginDeed(
  tx: Tx,
  deed: {
    readonly siteId: SiteId;
    readonly at: Date;
    readonly who: { readonly userId: UserId; readonly name: string };
    readonly deed: SiteDeedKind;
    readonly about: string;
  },
): Promise<number> {
  const [row] = await tx.query<{ deed_id: string | number }>(
    `insert into site_deed (site_id, at, who_id, who_name, deed, about) values ($1, $2, $3, $4, $5, $6)
     returning deed_id`,
    [
      deed.siteId,
      deed.at,
      deed.who.userId,
      deed.who.name,
      deed.deed,
      deed.about.slice(0, DEED_ABOUT_CHARS_MAX),
    ],
  );
  await tx.query(
    `delete from site_deed where site_id = $1 and deed_id <= (
       select deed_id from site_deed where site_id = $1 order by deed_id desc offset $2 limit 1)`,
    [deed.siteId, DEEDS_MAX],
  );
  if (row === undefined) throw new Error("The deed was not stored.");
  return Number(row.deed_id);
}

/** `about`: what is known of it only now; null leaves it. */
export async function endDeed(q: Queryable, deedId: number, about: string | null): Promise<void> {
  await q.query(`update site_deed set is_done = true, about = coalesce($2, about) where deed_id = $1`, [
    deedId,
    about === null ? null : about.slice(0, DEED_ABOUT_CHARS_MAX),
  ]);
}

/** It was refused, and nothing came of it. */
export async function dropDeed(q: Queryable, deedId: number): Promise<void> {
  await q.query(`delete from site_deed where deed_id = $1 and not is_done`, [deedId]);
}

/** The newest first; `before`: older than that one. */
export async function deedsOf(
  q: Queryable,
  siteId: SiteId,
  { before, limit }: { readonly before: number | null; readonly limit: number },
): Promise<SiteDeed[]> {
  const rows = await q.query<{
    deed_id: string | number;
    at: Date;
    who_name: string;
    deed: SiteDeedKind;
    about: string;
    is_done: boolean;
  }>(
    `select deed_id, at, who_name, deed, about, is_done from site_deed
      where site_id = $1 and ($2::bigint is null or deed_id < $2) order by deed_id desc limit $3`,
    [siteId, before, limit],
  );
  return rows.map((row) => ({
    number: Number(row.deed_id),
    at: new Date(row.at).toISOString(),
    who: row.who_name,
    deed: row.deed,
    about: row.about,
    isDone: row.is_done,
  }));
}

export async function countDeeds(q: Queryable, siteId: SiteId): Promise<number> {
  const [row] = await q.query<{ n: string | number }>(
    `select count(*) as n from site_deed where site_id = $1`,
    [siteId],
  );
  return Number(row?.n ?? 0);
}
