/**
 * What stands on a name that a site wants to send to its origins as Host: who holds it, and whether a measure stands there. Only
 * measures that keep something from visitors count: a warning is shown on the way to the page.
 */
import type { AccountId, SiteId } from "../contract/ids.ts";
import type { Queryable } from "./db.ts";

const KEEPS_BACK = `kind in ('restrict', 'withhold', 'withdraw') and state in ('pending', 'sent', 'in_force')`;

/** Whether a measure stands on a site, whatever of it. */
export async function measureStandsOnSite(
  q: Queryable,
  site: { readonly siteId: SiteId; readonly accountId: AccountId },
): Promise<boolean> {
  const rows = await q.query(
    `select 1 from measure
      where ${KEEPS_BACK}
        and (site_id = $1
             or (scope = 'account' and site_id in (select site_id from site where account_id = $2)))
      limit 1`,
    [site.siteId, site.accountId],
  );
  return rows.length > 0;
}

/** Whether a measure stands on one whole hostname of a site. */
export async function measureStandsOnName(
  q: Queryable,
  input: { readonly siteId: SiteId; readonly hostname: string },
): Promise<boolean> {
  const rows = await q.query(
    `select 1 from measure
      where ${KEEPS_BACK} and scope = 'hostname' and site_id = $1
        and exists (select 1 from measure_revision
                     where measure_revision.measure_id = measure.measure_id
                       and measure_revision.record::jsonb #>> '{subject,hostname}' = $2)
      limit 1`,
    [input.siteId, input.hostname],
  );
  return rows.length > 0;
}
