/**
 * A case is about what visitors find under a name, so it goes with the name: to the site that serves it now, whether its owner left and came
 * back, moved it to another site, or somebody else holds it. Otherwise leaving while a case is open would make the brake powerless. It
 * happens here and not at the leaving, which nobody is refused and which looks the same with a case and without one: before a
 * decision an owner learns nothing of a report. A name that nobody serves keeps its case where it was. Measures never move, as
 * their records name their site; a name let go of under one is held when it comes back (docs/decisions/hostname-ownership.md).
 */
import type { MeasureProposal } from "../contract/http.ts";
import type { CaseId } from "../contract/ids.ts";
import type { Tx } from "../store/db.ts";
import { appendAudit } from "../store/desk-audit.ts";
import { casesLeftBehind, moveCase, openCasesElsewhere } from "../store/desk-case-sites.ts";
import { findCase, findOpenCase, type CaseRecord } from "../store/desk-cases.ts";
import type { SiteFacts } from "../sites/sites.ts";
import { iso, present, type DeskContext } from "./context.ts";
import { gatherKey } from "./gather-key.ts";

const MOVED_AT_ONCE_MAX = 500;

/** The case at the site that serves its name now. To be asked first in every transaction that decides about what is served. */
export async function followName(tx: Tx, desk: DeskContext, found: CaseRecord): Promise<CaseRecord> {
  if (found.state === "closed") return found;
  const site = await desk.sites.find(tx, found.hostname);
  if (site === null || site.siteId === found.siteId) return found;
  const url = new URL(found.path, `https://${found.hostname}`);
  const key = gatherKey(site.siteId, url, found.harm);
  const at = iso(desk.now());
  const moved = await moveCase(tx, {
    caseId: found.caseId,
    from: found.siteId,
    to: site.siteId,
    // Where the same page has a case already, new reports go on to that one.
    gatherKey: (await findOpenCase(tx, key)) === null ? key : null,
    at,
  });
  if (moved) {
    await appendAudit(tx, {
      caseId: found.caseId,
      at,
      who: null,
      what: `"${found.hostname}" is served by another site now, ${site.siteId} of the account "${site.accountName}": the case went with the name`,
    });
  }
  return present(await findCase(tx, found.caseId), "the case that went with its name");
}

/** Every open case about a name comes to the site that a new report is about. */
export async function followReport(
  tx: Tx,
  desk: DeskContext,
  about: { readonly hostname: string; readonly site: SiteFacts },
): Promise<void> {
  const { hostname, site } = about;
  const elsewhere = { hostname, siteId: site.siteId, limit: MOVED_AT_ONCE_MAX };
  for (const caseId of await openCasesElsewhere(tx, elsewhere)) await followOne(tx, desk, caseId);
}

/** The clock's part: the queue shows the site as it is, also when nobody acts. Answers how many went. */
export async function followNames(
  desk: DeskContext,
  attempt: (what: string, work: () => Promise<number>) => Promise<number>,
): Promise<number> {
  let moved = 0;
  for (const caseId of await casesLeftBehind(desk.db, MOVED_AT_ONCE_MAX)) {
    moved += await attempt(`take case ${caseId} to the site that serves its name`, async () => {
      await desk.db.transaction((tx) => followOne(tx, desk, caseId));
      return 1;
    });
  }
  return moved;
}

async function followOne(tx: Tx, desk: DeskContext, caseId: CaseId): Promise<void> {
  await followName(tx, desk, present(await findCase(tx, caseId), `case ${caseId}`));
}

/**
 * A proposal that was made when another site served the case's name, for the site that serves it now. One about the name or its pages
 * means the same there. One about the whole site, or the account, means the same only within the account: otherwise it is left as it
 * is, and refused, as it names another site than the case's.
 */
export async function proposalForNow(
  tx: Tx,
  desk: DeskContext,
  input: { readonly proposal: MeasureProposal; readonly case: CaseRecord },
): Promise<MeasureProposal> {
  const { proposal, case: found } = input;
  const { subject } = proposal;
  if (subject.siteId === found.siteId) return proposal;
  const [then, now] = [await desk.sites.facts(tx, subject.siteId), await desk.sites.facts(tx, found.siteId)];
  const same =
    subject.hostname === undefined
      ? then !== null && then.accountId === now?.accountId
      : subject.hostname === found.hostname;
  return same ? { ...proposal, subject: { ...subject, siteId: found.siteId } } : proposal;
}
