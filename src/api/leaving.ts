/**
 * Leaving with everything: one document of all that is held for a site, and the step after which nothing of it is served. The document
 * carries private keys: it is answered to an owner and written nowhere, and no error quotes it.
 */
import { Fault } from "../contract/fault.ts";
import { DEEDS_EXPORTED_MAX, type RevisionRow, type SiteExport } from "../contract/http-sites.ts";
import type { SiteId } from "../contract/ids.ts";
import { deedsOf } from "../store/site-deeds.ts";
import { listMembers } from "./members.ts";
import type { Services } from "./services.ts";
import type { SignIn } from "./sign-in.ts";

type Deps = { readonly services: Services; readonly signIn: SignIn };

/** As many as a site keeps (store/site-settings.ts), read a page at a time. */
const HISTORY_PAGES_MAX = 20;

export async function exportOf(deps: Deps, siteId: SiteId): Promise<SiteExport> {
  const { services } = deps;
  const { sites } = services;
  const [settings, hostnames, members, certificates, log, protection, deeds] = await Promise.all([
    sites.settings.read(siteId),
    sites.hostnames.list(siteId),
    listMembers(deps, siteId),
    services.certificates.exportOf(siteId),
    services.siteLog(siteId),
    sites.protection.exportOf(siteId),
    deedsOf(services.db, siteId, { before: null, limit: DEEDS_EXPORTED_MAX }),
  ]);
  return {
    schema: 1,
    siteId,
    hostnames: hostnames.items.map(({ hostname }) => hostname),
    settings: settings.settings,
    history: await wholeHistory(services, siteId),
    members: members.items,
    certificates,
    log,
    protection,
    deeds,
    madeAt: new Date(services.now()).toISOString(),
  };
}

async function wholeHistory({ sites }: Services, siteId: SiteId): Promise<readonly RevisionRow[]> {
  const all: RevisionRow[] = [];
  for (let page = 0; page < HISTORY_PAGES_MAX; page++) {
    const last = all.at(-1);
    const { items } = await sites.settings.history(
      siteId,
      last === undefined ? {} : { before: last.revision },
    );
    if (items.length === 0) break;
    all.push(...items);
  }
  return all;
}

/** The document first: if it cannot be made whole, the site stays as it is. */
export async function leave(deps: Deps, siteId: SiteId, confirm: string): Promise<SiteExport> {
  const [first] = (await deps.services.sites.hostnames.list(siteId)).items.map(({ hostname }) => hostname);
  if (first === undefined || confirm.trim().toLowerCase() !== first) {
    throw new Fault(
      "input.invalid",
      "Cannot leave without a confirmation: repeat the first hostname of the site",
      {
        fields: { confirm: `Write "${first ?? siteId}"` },
      },
    );
  }
  const made = await exportOf(deps, siteId);
  await deps.services.sites.leave(siteId);
  const held = await deps.services.certificates.list(siteId);
  for (const { certificateId } of held.items) await deps.services.certificates.remove(siteId, certificateId);
  return made;
}
