/**
 * Reports as the desk keeps them: the parts that officers read, the digest of the original, and the sealed identity as
 * ciphertext. No query of this file answers with ciphertext together with anything that names a reporter: nothing does.
 */
import type { Harm } from "../contract/desk-states.ts";
import type { CaseId, ReportId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export type ReportRow = {
  readonly reportId: ReportId;
  readonly caseId: CaseId;
  readonly receivedAt: Date;
  readonly channel: "form" | "mail" | "api";
  readonly harm: Harm;
  readonly url: string;
  readonly statement: string;
  readonly quoted: string;
  readonly language: string;
  readonly partsSha256: string;
  readonly originalSha256: string;
  readonly identitySealed: boolean;
  readonly simhash: string;
  readonly words: number;
  readonly cluster: number;
  readonly copyOf: ReportId | null;
};

const COLUMNS = `report_id as "reportId", case_id as "caseId", received_at as "receivedAt", channel, harm, url, statement,
  quoted, language, parts_sha256 as "partsSha256", original_sha256 as "originalSha256",
  sealed is not null as "identitySealed", simhash, words, cluster, copy_of as "copyOf"`;

/** Either the sealed bytes and the key they are sealed to, or the plain original of an anonymous report with its blinding. */
export type KeptOriginal =
  | { readonly sealed: Uint8Array; readonly sealedTo: string }
  | { readonly original: Uint8Array; readonly blind: string };

export async function insertReport(
  tx: Tx,
  input: Omit<ReportRow, "receivedAt" | "identitySealed"> & {
    readonly at: string;
    readonly originalType: string;
    readonly kept: KeptOriginal;
    readonly codeHash: string;
  },
): Promise<void> {
  const { kept } = input;
  await tx.query(
    `insert into report (report_id, case_id, received_at, channel, harm, url, statement, quoted, language, parts_sha256,
                         original_sha256, original_type, original, original_blind, sealed, sealed_to, code_hash, simhash,
                         words, cluster, copy_of)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
    [
      input.reportId,
      input.caseId,
      input.at,
      input.channel,
      input.harm,
      input.url,
      input.statement,
      input.quoted,
      input.language,
      input.partsSha256,
      input.originalSha256,
      input.originalType,
      "original" in kept ? kept.original : null,
      "original" in kept ? kept.blind : null,
      "sealed" in kept ? kept.sealed : null,
      "sealed" in kept ? kept.sealedTo : null,
      input.codeHash,
      input.simhash,
      input.words,
      input.cluster,
      input.copyOf,
    ],
  );
}

/** Oldest first. */
export async function reportsOfCase(q: Queryable, caseId: CaseId): Promise<ReportRow[]> {
  return await q.query<ReportRow>(
    `select ${COLUMNS} from report where case_id = $1 order by received_at, report_id limit 2000`,
    [caseId],
  );
}

export async function reportCounts(
  q: Queryable,
  caseIds: readonly CaseId[],
): Promise<ReadonlyMap<string, { readonly reports: number; readonly sources: number }>> {
  const rows = await q.query<{ caseId: string; reports: number; sources: number }>(
    `select case_id as "caseId", count(*)::integer as reports, count(distinct cluster)::integer as sources
       from report where case_id = any($1::text[]) group by case_id`,
    [[...caseIds]],
  );
  return new Map(rows.map((row) => [row.caseId, { reports: row.reports, sources: row.sources }]));
}

export async function findReportByCode(q: Queryable, codeHash: string): Promise<ReportRow | null> {
  const rows = await q.query<ReportRow>(`select ${COLUMNS} from report where code_hash = $1`, [codeHash]);
  return rows[0] ?? null;
}

export async function findReport(q: Queryable, reportId: ReportId): Promise<ReportRow | null> {
  const rows = await q.query<ReportRow>(`select ${COLUMNS} from report where report_id = $1`, [reportId]);
  return rows[0] ?? null;
}

/** The first report of each cluster: what a new one is compared with. */
export async function printsOfCase(
  q: Queryable,
  caseId: CaseId,
): Promise<readonly { id: ReportId; simhash: string; words: number; cluster: number }[]> {
  return await q.query<{ id: ReportId; simhash: string; words: number; cluster: number }>(
    `select report_id as id, simhash, words, cluster from report where case_id = $1 and copy_of is null
      order by cluster limit 10000`,
    [caseId],
  );
}

export async function clustersOfCase(q: Queryable, caseId: CaseId): Promise<number[]> {
  const rows = await q.query<{ cluster: number }>(
    `select cluster from report where case_id = $1 order by cluster limit 20000`,
    [caseId],
  );
  return rows.map((row) => row.cluster);
}

export async function countMessages(q: Queryable, reportId: ReportId): Promise<number> {
  const rows = await q.query<{ n: number }>(
    `select count(*)::integer as n from report_message where report_id = $1 and sender = 'reporter'`,
    [reportId],
  );
  return rows[0]?.n ?? 0;
}

export async function countReports(q: Queryable, caseId: CaseId): Promise<number> {
  const rows = await q.query<{ n: number }>(`select count(*)::integer as n from report where case_id = $1`, [
    caseId,
  ]);
  return rows[0]?.n ?? 0;
}

// Messages between the desk and one reporter.

export async function insertMessage(
  tx: Tx,
  input: {
    readonly reportId: ReportId;
    readonly at: string;
    readonly sender: "desk" | "reporter";
    readonly text: string;
  },
): Promise<void> {
  await tx.query(`insert into report_message (report_id, at, sender, text) values ($1, $2, $3, $4)`, [
    input.reportId,
    input.at,
    input.sender,
    input.text,
  ]);
}

export async function messagesOf(
  q: Queryable,
  reportId: ReportId,
): Promise<readonly { at: Date; sender: "desk" | "reporter"; text: string }[]> {
  return await q.query<{ at: Date; sender: "desk" | "reporter"; text: string }>(
    `select at, sender, text from report_message where report_id = $1 order by message_id limit 1000`,
    [reportId],
  );
}

/** One message to every reporter of a case, each in the language they wrote in. */
export async function tellReporters(
  tx: Tx,
  input: {
    readonly caseId: CaseId;
    readonly at: string;
    readonly text: { readonly en: string; readonly fr: string };
  },
): Promise<void> {
  await tx.query(
    `insert into report_message (report_id, at, sender, text)
     select report_id, $2, 'desk', case when language = 'fr' then $4::text else $3::text end
       from report where case_id = $1 order by received_at, report_id`,
    [input.caseId, input.at, input.text.en, input.text.fr],
  );
}

// The vault's public half, and the salt of the report codes.

export async function vaultKey(q: Queryable): Promise<{ publicKey: string; fingerprint: string } | null> {
  const rows = await q.query<{ publicKey: string; fingerprint: string }>(
    `select public_key as "publicKey", fingerprint from vault_key where slot = 1`,
  );
  return rows[0] ?? null;
}

/** False when a key is set already: it is never replaced in silence. */
export async function insertVaultKey(
  tx: Tx,
  input: { readonly publicKey: string; readonly fingerprint: string; readonly at: string },
): Promise<boolean> {
  const rows = await tx.query(
    `insert into vault_key (slot, public_key, fingerprint, set_at) values (1, $1, $2, $3)
     on conflict (slot) do nothing returning slot`,
    [input.publicKey, input.fingerprint, input.at],
  );
  return rows.length === 1;
}

/** The value kept under `name`; `fresh` becomes it at the first use. */
export async function deskSecret(q: Queryable, name: string, fresh: string): Promise<string> {
  await q.query(`insert into desk_secret (name, value) values ($1, $2) on conflict (name) do nothing`, [
    name,
    fresh,
  ]);
  const rows = await q.query<{ value: string }>(`select value from desk_secret where name = $1`, [name]);
  const value = rows[0]?.value;
  if (value === undefined) throw new Error(`no desk secret ${name}`);
  return value;
}
