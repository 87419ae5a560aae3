/**
 * Whose name a site may send to its origins as Host. Shared servers choose the page by it, so a name of another account would bring
 * its pages here, and a name that a measure stands on would bring back what was withheld. Refused: what another account holds on this
 * edge, itself or by a wildcard; what stands withheld, or was let go of while it did. A name that nobody holds here is anybody's to send.
 */
import { Fault } from "../contract/fault.ts";
import type { AccountId, SiteId } from "../contract/ids.ts";
import type { Queryable } from "../store/db.ts";
import { measureStandsOnName, measureStandsOnSite } from "../store/host-headers.ts";
import { releaseOf } from "../store/hostname-proofs.ts";
import { siteByHostname } from "../store/sites.ts";
import { wildcardOver } from "./hostname.ts";

/** `hostHeader` may carry a port. To be asked again in the transaction that makes it the site's. */
export async function mustBeFreeToSend(
  q: Queryable,
  input: { readonly siteId: SiteId; readonly accountId: AccountId; readonly hostHeader: string },
): Promise<void> {
  const [hostname = ""] = input.hostHeader.split(":");
  const wildcard = wildcardOver(hostname);
  const holder =
    (await siteByHostname(q, hostname)) ?? (wildcard === null ? null : await siteByHostname(q, wildcard));
  if (holder !== null && holder.account_id !== input.accountId) {
    throw refused(
      hostname,
      "another account has this name on this edge: send a name of your own, or ask them to add this server to theirs",
    );
  }
  const withheld =
    holder === null
      ? await wasLetGoUnderMeasure(q, [hostname, ...(wildcard === null ? [] : [wildcard])])
      : holder.site_id === input.siteId
        ? await measureStandsOnName(q, { siteId: holder.site_id, hostname })
        : holder.state !== "active" ||
          (await measureStandsOnSite(q, { siteId: holder.site_id, accountId: holder.account_id }));
  if (withheld) {
    throw refused(
      hostname,
      "a measure stands on this name, or a person has yet to look at it: send another name, or appeal the measure",
    );
  }
}

async function wasLetGoUnderMeasure(q: Queryable, hostnames: readonly string[]): Promise<boolean> {
  for (const hostname of hostnames) {
    if ((await releaseOf(q, hostname))?.underMeasure === true) return true;
  }
  return false;
}

function refused(hostname: string, why: string): Fault {
  const detail = `Cannot send the Host "${hostname}" to this origin as ${why}`;
  return new Fault("input.invalid", detail, { fields: { "origin.hostHeader": detail } });
}
