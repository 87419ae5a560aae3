/**
 * Certificates as rows: what edges show, their sealed keys, who acknowledged what. Private keys are in a table that only
 * `secretOf` and `certificatesToPublish` read; no other query here can carry one. What is under way with an authority is in store/acme.ts.
 */
import type { CertificateKind } from "../contract/certificate.ts";
import type { CertificateId, NodeId, SiteId } from "../contract/ids.ts";
import type { SiteState } from "../contract/desk-states.ts";
import type { Queryable, Tx } from "./db.ts";

export type CertificateRow = {
  readonly certificateId: CertificateId;
  readonly siteId: SiteId;
  readonly kind: CertificateKind;
  readonly source: "acme" | "uploaded";
  readonly asked: string | null;
  readonly names: readonly string[];
  readonly shown: readonly string[];
  readonly version: number;
  readonly published: number;
  readonly directory: string | null;
  readonly notBefore: Date | null;
  readonly notAfter: Date | null;
  readonly issuer: string | null;
  readonly fingerprint: string | null;
  readonly tries: number;
  readonly why: string | null;
  readonly nextTryAt: Date | null;
  readonly alarmedAt: Date | null;
  readonly createdAt: Date;
  readonly deletedAt: Date | null;
};

const COLUMNS = `certificate_id as "certificateId", site_id as "siteId", kind, source, asked, names, shown, version, published,
  directory, not_before as "notBefore", not_after as "notAfter", issuer, fingerprint, tries, why,
  next_try_at as "nextTryAt", alarmed_at as "alarmedAt", created_at as "createdAt", deleted_at as "deletedAt"`;

export async function certificateById(
  q: Queryable,
  certificateId: CertificateId,
): Promise<CertificateRow | null> {
  const [row] = await q.query<CertificateRow>(
    `select ${COLUMNS} from certificate where certificate_id = $1`,
    [certificateId],
  );
  return row ?? null;
}

/** Those that were not deleted, oldest first. */
export async function certificatesOfSite(q: Queryable, siteId: SiteId): Promise<CertificateRow[]> {
  return q.query<CertificateRow>(
    `select ${COLUMNS} from certificate where site_id = $1 and deleted_at is null
      order by created_at, certificate_id limit 1000`,
    [siteId],
  );
}

export async function insertCertificate(
  tx: Tx,
  row: Pick<CertificateRow, "certificateId" | "siteId" | "kind" | "source" | "asked"> & {
    readonly at: Date;
    readonly nextTryAt: Date | null;
  },
): Promise<void> {
  await tx.query(
    `insert into certificate (certificate_id, site_id, kind, source, asked, created_at, next_try_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [row.certificateId, row.siteId, row.kind, row.source, row.asked, row.at, row.nextTryAt],
  );
}

/** Puts a certificate and its sealed key in the place of what was there, and forgets the attempts that it took. */
export async function saveIssued(
  tx: Tx,
  certificateId: CertificateId,
  issued: Pick<CertificateRow, "names" | "directory" | "issuer" | "fingerprint" | "nextTryAt"> & {
    readonly notBefore: Date;
    readonly notAfter: Date;
    readonly chainPem: string;
    readonly keySealed: Uint8Array;
  },
): Promise<void> {
  await tx.query(
    `update certificate set names = $2, directory = $3, not_before = $4, not_after = $5, issuer = $6, fingerprint = $7,
            tries = 0, why = null, next_try_at = $8, alarmed_at = null, version = version + 1
      where certificate_id = $1`,
    [
      certificateId,
      JSON.stringify(issued.names),
      issued.directory,
      issued.notBefore,
      issued.notAfter,
      issued.issuer,
      issued.fingerprint,
      issued.nextTryAt,
    ],
  );
  await tx.query(
    `insert into certificate_secret (certificate_id, chain_pem, key_sealed) values ($1, $2, $3)
     on conflict (certificate_id) do update set chain_pem = excluded.chain_pem, key_sealed = excluded.key_sealed`,
    [certificateId, issued.chainPem, issued.keySealed],
  );
}

/** Changes the names that edges show it for, as a new version. */
export async function setShown(
  tx: Tx,
  certificateId: CertificateId,
  shown: readonly string[],
): Promise<void> {
  await tx.query(`update certificate set shown = $2, version = version + 1 where certificate_id = $1`, [
    certificateId,
    JSON.stringify(shown),
  ]);
}

/** Takes it off every edge and forgets its key. The row stays, so that edges that were away learn of it, too. */
export async function deleteCertificate(tx: Tx, certificateId: CertificateId, at: Date): Promise<void> {
  await tx.query(
    `update certificate set deleted_at = $2, shown = '[]', next_try_at = null,
            version = case when version = 0 then 0 else version + 1 end
      where certificate_id = $1 and deleted_at is null`,
    [certificateId, at],
  );
  await tx.query(`delete from certificate_secret where certificate_id = $1`, [certificateId]);
}

/** For an owner who takes their keys along. */
export async function secretOf(
  q: Queryable,
  certificateId: CertificateId,
): Promise<{ readonly chainPem: string; readonly keySealed: Uint8Array } | null> {
  const [row] = await q.query<{ chainPem: string; keySealed: Uint8Array }>(
    `select chain_pem as "chainPem", key_sealed as "keySealed" from certificate_secret where certificate_id = $1`,
    [certificateId],
  );
  return row ?? null;
}

export type PublishableRow = Pick<
  CertificateRow,
  "certificateId" | "siteId" | "kind" | "version" | "shown" | "notAfter" | "deletedAt"
> & {
  readonly chainPem: string | null;
  readonly keySealed: Uint8Array | null;
};

/** What edges have to hear of, with the sealed keys: only what changed, or all that an edge has ever heard of. */
export async function certificatesToPublish(
  q: Queryable,
  input: { readonly which: "changed" | "all"; readonly after: string; readonly limit: number },
): Promise<PublishableRow[]> {
  return q.query<PublishableRow>(
    `select c.certificate_id as "certificateId", c.site_id as "siteId", c.kind, c.version, c.shown,
            c.not_after as "notAfter", c.deleted_at as "deletedAt", s.chain_pem as "chainPem", s.key_sealed as "keySealed"
       from certificate c left join certificate_secret s on s.certificate_id = c.certificate_id
      where c.version > 0 and c.certificate_id > $1 and ${input.which === "all" ? "true" : "c.published < c.version"}
      order by c.certificate_id limit $2`,
    [input.after, input.limit],
  );
}

export async function markCertificatePublished(
  q: Queryable,
  certificateId: CertificateId,
  version: number,
): Promise<void> {
  await q.query(`update certificate set published = $2 where certificate_id = $1 and published < $2`, [
    certificateId,
    version,
  ]);
}

/** Keeps a node's newest word on a certificate. An older version never replaces a newer one. */
export async function upsertCertificateAck(
  q: Queryable,
  ack: {
    readonly certificateId: CertificateId;
    readonly nodeId: NodeId;
    readonly version: number;
    readonly ok: boolean;
    readonly why: string | null;
    readonly at: Date;
  },
): Promise<void> {
  await q.query(
    `insert into certificate_ack (certificate_id, node_id, version, ok, why, at)
     select $1, $2, $3, $4, $5, $6 where exists (select 1 from certificate where certificate_id = $1)
     on conflict (certificate_id, node_id) do update
       set version = excluded.version, ok = excluded.ok, why = excluded.why, at = excluded.at
       where certificate_ack.version < excluded.version
          or (certificate_ack.version = excluded.version and not certificate_ack.ok)`,
    [ack.certificateId, ack.nodeId, ack.version, ack.ok, ack.why, ack.at],
  );
}

export async function certificateAcks(
  q: Queryable,
  siteId: SiteId,
): Promise<
  readonly {
    readonly certificateId: CertificateId;
    readonly nodeId: NodeId;
    readonly version: number;
    readonly ok: boolean;
    readonly why: string | null;
  }[]
> {
  return q.query<{
    certificateId: CertificateId;
    nodeId: NodeId;
    version: number;
    ok: boolean;
    why: string | null;
  }>(
    `select a.certificate_id as "certificateId", a.node_id as "nodeId", a.version, a.ok, a.why
       from certificate_ack a join certificate c on c.certificate_id = a.certificate_id
      where c.site_id = $1 and c.deleted_at is null limit 10000`,
    [siteId],
  );
}

/** Sites that changed, or whose authority changed, since their certificates were last compared with them. */
export async function sitesToCompare(
  q: Queryable,
  input: { readonly directory: string; readonly limit: number },
): Promise<SiteId[]> {
  // Without an authority only sites that have certificates need a look: the others cost nothing.
  const rows = await q.query<{ id: SiteId }>(
    `select site.site_id as id from site left join certificate_compared seen on seen.site_id = site.site_id
      where (seen.site_id is null or site.version <> seen.seen_version or seen.seen_directory <> $1)
        and ($1 <> '' or exists (select 1 from certificate
                                  where certificate.site_id = site.site_id and certificate.deleted_at is null))
      limit $2`,
    [input.directory, input.limit],
  );
  return rows.map((row) => row.id);
}

/** Sites with a shown certificate that ends before `at`: something else may have to be shown. */
export async function sitesWithEnded(q: Queryable, at: Date): Promise<SiteId[]> {
  const rows = await q.query<{ id: SiteId }>(
    `select distinct site_id as id from certificate
      where deleted_at is null and source = 'uploaded' and not_after <= $1 and jsonb_array_length(shown) > 0 limit 100`,
    [at],
  );
  return rows.map((row) => row.id);
}

export async function markCompared(
  tx: Tx,
  siteId: SiteId,
  seen: { readonly version: number; readonly directory: string },
): Promise<void> {
  await tx.query(
    `insert into certificate_compared (site_id, seen_version, seen_directory) values ($1, $2, $3)
     on conflict (site_id) do update
       set seen_version = excluded.seen_version, seen_directory = excluded.seen_directory`,
    [siteId, seen.version, seen.directory],
  );
}

/** How many certificates were begun for a name since `since`, deleted ones included. */
export async function countMade(q: Queryable, hostname: string, since: Date): Promise<number> {
  const [row] = await q.query<{ n: number }>(
    `select count(*)::integer as n from certificate where asked = $1 and created_at > $2`,
    [hostname, since],
  );
  return row?.n ?? 0;
}

export type NamedSite = {
  readonly siteId: SiteId;
  readonly state: SiteState;
  readonly version: number;
  /** Names of the site, and whether a certificate may be asked for each now. */
  readonly hostnames: readonly { readonly hostname: string; readonly mayIssue: boolean }[];
};

/**
 * THE place that says for which names a certificate may be asked and shown: the site is active and the name's ownership holds.
 * Whoever places an order or a proof asks here again, as ownership can lapse in between.
 */
const MAY_ISSUE = `site.state = 'active' and hostname.proven_at is not null`;

export async function namedSite(q: Queryable, siteId: SiteId): Promise<NamedSite | null> {
  const [site] = await q.query<Omit<NamedSite, "hostnames">>(
    `select site_id as "siteId", state, version from site where site_id = $1`,
    [siteId],
  );
  if (!site) return null;
  const hostnames = await q.query<{ hostname: string; mayIssue: boolean }>(
    `select hostname.hostname as hostname, (${MAY_ISSUE}) as "mayIssue"
       from hostname join site on site.site_id = hostname.site_id where hostname.site_id = $1
      order by hostname.hostname limit 1000`,
    [siteId],
  );
  return { ...site, hostnames };
}

export async function mayIssue(
  q: Queryable,
  input: { readonly siteId: SiteId; readonly hostname: string },
): Promise<boolean> {
  const rows = await q.query(
    `select 1 from hostname join site on site.site_id = hostname.site_id
      where hostname.hostname = $1 and hostname.site_id = $2 and ${MAY_ISSUE}`,
    [input.hostname, input.siteId],
  );
  return rows.length === 1;
}

/** ACME certificates whose next attempt is due, those that visitors miss most first. */
export async function dueCertificates(
  q: Queryable,
  input: { readonly at: Date; readonly limit: number },
): Promise<CertificateRow[]> {
  return q.query<CertificateRow>(
    `select ${COLUMNS} from certificate
      where source = 'acme' and deleted_at is null and next_try_at <= $1
      order by not_after nulls first, next_try_at, certificate_id limit $2`,
    [input.at, input.limit],
  );
}

export async function setNextTry(
  q: Queryable,
  certificateId: CertificateId,
  input: { readonly tries: number; readonly why: string | null; readonly at: Date | null },
): Promise<void> {
  await q.query(`update certificate set tries = $2, why = $3, next_try_at = $4 where certificate_id = $1`, [
    certificateId,
    input.tries,
    input.why,
    input.at,
  ]);
}

/** What another authority issued is asked for anew, and wildcards that had no way of proof are tried again. */
export async function askAnew(
  q: Queryable,
  input: { readonly directory: string; readonly at: Date },
): Promise<void> {
  await q.query(
    `update certificate set next_try_at = $2
      where source = 'acme' and deleted_at is null and next_try_at > $2
        and (directory <> $1 or (directory is null and asked like '*.%'))`,
    [input.directory, input.at],
  );
}

/** Shown certificates that end before `at` and of which nobody was told since `toldBefore`. */
export async function endingSoon(
  q: Queryable,
  input: { readonly at: Date; readonly toldBefore: Date },
): Promise<CertificateRow[]> {
  return q.query<CertificateRow>(
    `select ${COLUMNS} from certificate
      where deleted_at is null and not_after <= $1 and (alarmed_at is null or alarmed_at <= $2)
        and (jsonb_array_length(shown) > 0 or kind = 'origin-client')
      order by not_after limit 20`,
    [input.at, input.toldBefore],
  );
}

export async function markAlarmed(q: Queryable, certificateId: CertificateId, at: Date): Promise<void> {
  await q.query(`update certificate set alarmed_at = $2 where certificate_id = $1`, [certificateId, at]);
}

/** Deleted certificates that have ended: no edge may show them any more, whatever it remembers. */
export async function forgetDeleted(q: Queryable, endedBefore: Date): Promise<void> {
  const gone = `select certificate_id from certificate where deleted_at is not null
    and (version = 0 or (not_after is not null and not_after < $1 and deleted_at < $1))
    and not exists (select 1 from acme_order o where o.certificate_id = certificate.certificate_id)
    and not exists (select 1 from acme_challenge c where c.certificate_id = certificate.certificate_id)`;
  await q.query(`delete from certificate_ack where certificate_id in (${gone})`, [endedBefore]);
  await q.query(`delete from certificate where certificate_id in (${gone})`, [endedBefore]);
}
