/** The newest finding of each site about whether its origin answers the public directly. */
import type { SiteId } from "../contract/ids.ts";
import type { Queryable } from "./db.ts";

export type ExposureRow = { readonly checked_at: Date; readonly exposed: boolean; readonly what: string };

export async function saveExposure(
  q: Queryable,
  found: { readonly siteId: SiteId; readonly at: Date; readonly exposed: boolean; readonly what: string },
): Promise<void> {
  await q.query(
    `insert into origin_exposure (site_id, checked_at, exposed, what) values ($1, $2, $3, $4)
     on conflict (site_id) do update
       set checked_at = excluded.checked_at, exposed = excluded.exposed, what = excluded.what`,
    [found.siteId, found.at, found.exposed, found.what],
  );
}

export async function exposureOf(q: Queryable, siteId: SiteId): Promise<ExposureRow | null> {
  const [row] = await q.query<ExposureRow>(
    `select checked_at, exposed, what from origin_exposure where site_id = $1`,
    [siteId],
  );
  return row ?? null;
}

/** Active sites that were never checked, or last before `before`; those that waited longest first. */
export async function exposuresDue(q: Queryable, before: Date, limit: number): Promise<SiteId[]> {
  const rows = await q.query<{ site_id: SiteId }>(
    `select site.site_id from site
       left join origin_exposure on origin_exposure.site_id = site.site_id
      where site.state = 'active' and (origin_exposure.checked_at is null or origin_exposure.checked_at < $1)
      order by origin_exposure.checked_at nulls first, site.site_id
      limit $2`,
    [before, limit],
  );
  return rows.map(({ site_id }) => site_id);
}
