/**
 * Revisions of what owners set, and the keys that sign requests to origins. A revision is written once and never changed; the newest
 * one is the one in force. Bound: REVISIONS_KEPT_MAX a site, the oldest go first, save the very first.
 */
import type { SiteId } from "../contract/ids.ts";
import type { SettingChange } from "../contract/http-sites.ts";
import type { SiteSettings } from "../contract/site-settings.ts";
import type { Queryable, Tx } from "./db.ts";

export const REVISIONS_KEPT_MAX = 500;

export type RevisionRecord = {
  readonly revision: number;
  readonly changes: readonly SettingChange[];
  readonly changed_by: string;
  readonly changed_at: Date;
  readonly note: string;
};
export type RevisionWithSettings = RevisionRecord & { readonly settings: SiteSettings };

export type NewRevision = {
  readonly siteId: SiteId;
  readonly settings: SiteSettings;
  readonly changes: readonly SettingChange[];
  readonly by: string;
  readonly byUser: string | null;
  readonly note: string;
  readonly at: Date;
};

/** Makes the next revision, and makes it the one in force. Answers its number. */
export async function insertRevision(tx: Tx, made: NewRevision): Promise<number> {
  const [row] = await tx.query<{ revision: number }>(
    `update site set revision = revision + 1 where site_id = $1 returning revision`,
    [made.siteId],
  );
  if (!row) throw new Error(`site ${made.siteId} does not exist`);
  await tx.query(
    `insert into site_revision (site_id, revision, settings, changes, changed_by, changed_by_user, changed_at, note)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      made.siteId,
      row.revision,
      JSON.stringify(made.settings),
      JSON.stringify(made.changes),
      made.by,
      made.byUser,
      made.at,
      made.note,
    ],
  );
  await tx.query(`delete from site_revision where site_id = $1 and revision > 1 and revision <= $2`, [
    made.siteId,
    row.revision - REVISIONS_KEPT_MAX + 1,
  ]);
  return row.revision;
}

/** The revision in force; null for a site that does not exist. */
export async function currentRevision(q: Queryable, siteId: SiteId): Promise<RevisionWithSettings | null> {
  const [row] = await q.query<RevisionWithSettings>(
    `select site_revision.revision, site_revision.settings, site_revision.changes, site_revision.changed_by,
            site_revision.changed_at, site_revision.note
       from site join site_revision on site_revision.site_id = site.site_id and site_revision.revision = site.revision
      where site.site_id = $1`,
    [siteId],
  );
  return row ? { ...row, changed_at: new Date(row.changed_at) } : null;
}

export async function revisionOf(
  q: Queryable,
  siteId: SiteId,
  revision: number,
): Promise<RevisionWithSettings | null> {
  const [row] = await q.query<RevisionWithSettings>(
    `select revision, settings, changes, changed_by, changed_at, note from site_revision
      where site_id = $1 and revision = $2`,
    [siteId, revision],
  );
  return row ? { ...row, changed_at: new Date(row.changed_at) } : null;
}

/** Newest first, those below `before`. */
export async function listRevisions(
  q: Queryable,
  siteId: SiteId,
  page: { readonly before: number; readonly limit: number },
): Promise<RevisionRecord[]> {
  const rows = await q.query<RevisionRecord>(
    `select revision, changes, changed_by, changed_at, note from site_revision
      where site_id = $1 and revision < $2 order by revision desc limit $3`,
    [siteId, page.before, page.limit],
  );
  return rows.map((row) => ({ ...row, changed_at: new Date(row.changed_at) }));
}

export async function countRevisions(q: Queryable, siteId: SiteId): Promise<number> {
  const [row] = await q.query<{ n: string }>(`select count(*) as n from site_revision where site_id = $1`, [
    siteId,
  ]);
  return Number(row?.n ?? 0);
}

export async function signingKeyOf(q: Queryable, siteId: SiteId): Promise<string | null> {
  const [row] = await q.query<{ signing_key: string }>(
    `select signing_key from site_signing_key where site_id = $1`,
    [siteId],
  );
  return row?.signing_key ?? null;
}

export async function deleteSigningKey(tx: Tx, siteId: SiteId): Promise<void> {
  await tx.query(`delete from site_signing_key where site_id = $1`, [siteId]);
}

/** Keeps the first key that was made: an origin that was told of it goes on knowing it. */
export async function ensureSigningKey(
  tx: Tx,
  key: { readonly siteId: SiteId; readonly signingKey: string; readonly at: Date },
): Promise<void> {
  await tx.query(
    `insert into site_signing_key (site_id, signing_key, made_at) values ($1, $2, $3)
     on conflict (site_id) do nothing`,
    [key.siteId, key.signingKey, key.at],
  );
}
