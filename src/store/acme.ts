/**
 * What is under way with a certificate authority (RFC 8555), as rows: accounts, orders, proofs that are laid out, validations
 * that failed. Keys are sealed before they come here.
 */
import type { WellKnownAnswer } from "../contract/policy.ts";
import { POLICY_WELL_KNOWN_MAX } from "../contract/policy.ts";
import type { CertificateId, SiteId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export type AccountRow = {
  readonly directory: string;
  readonly keySealed: Uint8Array;
  readonly accountUrl: string | null;
  readonly pausedUntil: Date | null;
};

/** Keeps the key that is there already: an account's key is made once. */
export async function ensureAccountKey(
  tx: Tx,
  input: { readonly directory: string; readonly keySealed: Uint8Array; readonly at: Date },
): Promise<void> {
  await tx.query(
    `insert into acme_account (directory, key_sealed, created_at) values ($1, $2, $3) on conflict (directory) do nothing`,
    [input.directory, input.keySealed, input.at],
  );
}

export async function acmeAccount(q: Queryable, directory: string): Promise<AccountRow | null> {
  const [row] = await q.query<AccountRow>(
    `select directory, key_sealed as "keySealed", account_url as "accountUrl", paused_until as "pausedUntil"
       from acme_account where directory = $1`,
    [directory],
  );
  return row ?? null;
}

export async function setAccountUrl(q: Queryable, directory: string, url: string | null): Promise<void> {
  await q.query(`update acme_account set account_url = $2 where directory = $1`, [directory, url]);
}

/** A pause is never shortened by a later, shorter one. */
export async function pauseAccount(q: Queryable, directory: string, until: Date): Promise<void> {
  await q.query(
    `update acme_account set paused_until = greatest(coalesce(paused_until, $2), $2) where directory = $1`,
    [directory, until],
  );
}

export type OrderRow = {
  readonly certificateId: CertificateId;
  readonly directory: string;
  readonly keySealed: Uint8Array;
  readonly csrPem: string;
  readonly orderUrl: string | null;
  readonly createdAt: Date;
};

export async function orderOf(q: Queryable, certificateId: CertificateId): Promise<OrderRow | null> {
  const [row] = await q.query<OrderRow>(
    `select certificate_id as "certificateId", directory, key_sealed as "keySealed", csr_pem as "csrPem",
            order_url as "orderUrl", created_at as "createdAt" from acme_order where certificate_id = $1`,
    [certificateId],
  );
  return row ?? null;
}

/** Certificates of a site for which an authority holds an order. */
export async function ordersOfSite(q: Queryable, siteId: SiteId): Promise<ReadonlySet<CertificateId>> {
  const rows = await q.query<{ id: CertificateId }>(
    `select acme_order.certificate_id as id from acme_order
       join certificate on certificate.certificate_id = acme_order.certificate_id
      where certificate.site_id = $1 and acme_order.order_url is not null`,
    [siteId],
  );
  return new Set(rows.map((row) => row.id));
}

export async function insertOrder(tx: Tx, order: Omit<OrderRow, "orderUrl">): Promise<void> {
  await tx.query(
    `insert into acme_order (certificate_id, directory, key_sealed, csr_pem, created_at) values ($1, $2, $3, $4, $5)`,
    [order.certificateId, order.directory, order.keySealed, order.csrPem, order.createdAt],
  );
}

export async function setOrderUrl(q: Queryable, certificateId: CertificateId, url: string): Promise<void> {
  await q.query(`update acme_order set order_url = $2 where certificate_id = $1`, [certificateId, url]);
}

export async function deleteOrder(q: Queryable, certificateId: CertificateId): Promise<void> {
  await q.query(`delete from acme_order where certificate_id = $1`, [certificateId]);
}

export type ChallengeRow = {
  readonly certificateId: CertificateId;
  readonly method: "http-01" | "dns-01";
  readonly place: string;
  readonly value: string;
  readonly siteId: SiteId;
  readonly version: number | null;
};

const CHALLENGE = `certificate_id as "certificateId", method, place, value, site_id as "siteId", version`;

export async function insertChallenge(tx: Tx, row: ChallengeRow & { readonly at: Date }): Promise<void> {
  await tx.query(
    `insert into acme_challenge (certificate_id, method, place, value, site_id, version, created_at)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (certificate_id, method, place, value) do update set version = excluded.version`,
    [row.certificateId, row.method, row.place, row.value, row.siteId, row.version, row.at],
  );
}

export async function challengesOf(q: Queryable, certificateId: CertificateId): Promise<ChallengeRow[]> {
  return q.query<ChallengeRow>(
    `select ${CHALLENGE} from acme_challenge where certificate_id = $1 order by created_at, place, value limit 100`,
    [certificateId],
  );
}

export async function deleteChallenge(q: Queryable, row: ChallengeRow): Promise<void> {
  await q.query(
    `delete from acme_challenge where certificate_id = $1 and method = $2 and place = $3 and value = $4`,
    [row.certificateId, row.method, row.place, row.value],
  );
}

/** Proofs of certificates that were deleted meanwhile, or of attempts that ended without taking them away. */
export async function strayChallenges(q: Queryable, limit: number): Promise<ChallengeRow[]> {
  return q.query<ChallengeRow>(
    `select ${CHALLENGE} from acme_challenge
      where not exists (select 1 from acme_order where acme_order.certificate_id = acme_challenge.certificate_id)
      order by created_at limit $1`,
    [limit],
  );
}

/** What a site has to answer to checks that ask over HTTP: compiled into its policy. */
export async function wellKnownAnswers(q: Queryable, siteId: SiteId): Promise<WellKnownAnswer[]> {
  return q.query<WellKnownAnswer>(
    `select place as path, value as body from acme_challenge where site_id = $1 and method = 'http-01'
      order by created_at, place limit $2`,
    [siteId, POLICY_WELL_KNOWN_MAX],
  );
}

export async function insertFailure(q: Queryable, hostname: string, at: Date): Promise<void> {
  await q.query(`insert into acme_failure (hostname, at) values ($1, $2)`, [hostname, at]);
}

/** Moments of failed validations of a name since `since`, oldest first. */
export async function failuresSince(q: Queryable, hostname: string, since: Date): Promise<Date[]> {
  const rows = await q.query<{ at: Date }>(
    `select at from acme_failure where hostname = $1 and at > $2 order by at limit 100`,
    [hostname, since],
  );
  return rows.map((row) => row.at);
}

export async function forgetFailures(q: Queryable, before: Date): Promise<void> {
  await q.query(`delete from acme_failure where at < $1`, [before]);
}
