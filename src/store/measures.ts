/**
 * Measures and what edges need of them. `activeMeasures` is the one question that the compiler of policies asks: which
 * measures stand on this site, each with the receipt of the public log. A measure without a receipt, or on its way out, is
 * not in the answer (design law 3); a measure of scope `account` is in the answer of every site of that account.
 */
import type { MeasureState } from "../contract/desk-states.ts";
import type { CaseId, DecisionId, MeasureId, SiteId } from "../contract/ids.ts";
import type { MeasureRecord, ReceiptedMeasure } from "../contract/measure.ts";
import type { Queryable, Tx } from "./db.ts";

export type EndedBecause = "lifted" | "expired" | "lapsed" | "released" | "appeal";

export type MeasureRow = {
  readonly measureId: MeasureId;
  readonly caseId: CaseId;
  readonly decisionId: DecisionId;
  readonly siteId: SiteId;
  readonly state: MeasureState;
  readonly endedBecause: EndedBecause | null;
  readonly createdAt: Date;
  readonly sentAt: Date | null;
  readonly inForceAt: Date | null;
  readonly inForceMs: number | null;
  readonly lateToldAt: Date | null;
  readonly toldAt: Date | null;
  readonly liftingAt: Date | null;
  readonly endedAt: Date | null;
  readonly liftMs: number | null;
  readonly endToldAt: Date | null;
};

const COLUMNS = `measure_id as "measureId", case_id as "caseId", decision_id as "decisionId", site_id as "siteId", state,
  ended_because as "endedBecause", created_at as "createdAt", sent_at as "sentAt", in_force_at as "inForceAt",
  in_force_ms as "inForceMs", late_told_at as "lateToldAt", told_at as "toldAt", lifting_at as "liftingAt",
  ended_at as "endedAt", lift_ms as "liftMs", end_told_at as "endToldAt"`;

/** The measures that an edge may enforce on `siteId`, oldest first: receipt present, not on the way out. */
export async function activeMeasures(q: Queryable, siteId: SiteId): Promise<ReceiptedMeasure[]> {
  const rows = await q.query<{ record: string; salt: string; entry: Uint8Array; proof: string }>(
    `select r.record, r.salt, r.entry, r.proof
       from measure m
       join measure_revision r on r.measure_id = m.measure_id
      where m.state in ('sent', 'in_force')
        and (m.site_id = $1
             or (m.scope = 'account'
                 and (select account_id from site where site_id = m.site_id)
                   = (select account_id from site where site_id = $1)))
        and r.revision = (select max(newest.revision) from measure_revision newest
                           where newest.measure_id = m.measure_id and newest.proof is not null)
      order by m.created_at, m.measure_id`,
    [siteId],
  );
  return rows.map((row) => ({
    record: JSON.parse(row.record) as MeasureRecord,
    salt: row.salt,
    entry: Buffer.from(row.entry).toString("base64"),
    proof: row.proof,
  }));
}

export async function insertMeasure(
  tx: Tx,
  input: { readonly record: MeasureRecord; readonly at: string },
): Promise<void> {
  const { record } = input;
  await tx.query(
    `insert into measure (measure_id, case_id, decision_id, site_id, kind, scope, state, ends_at, review_at, created_at)
     values ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9)`,
    [
      record.measureId,
      record.caseId,
      record.decisionId,
      record.subject.siteId,
      record.kind,
      record.scope,
      record.endsAt,
      record.reviewAt,
      input.at,
    ],
  );
}

/** What a measure says from now on, once its receipt is there. The first revision belongs to the measure's birth. */
export async function insertRevision(
  tx: Tx,
  input: {
    readonly record: MeasureRecord;
    readonly revision: number;
    readonly text: string;
    readonly salt: string;
    readonly intentId: number;
  },
): Promise<void> {
  await tx.query(
    `insert into measure_revision (measure_id, revision, record, salt, intent_id) values ($1, $2, $3, $4, $5)`,
    [input.record.measureId, input.revision, input.text, input.salt, input.intentId],
  );
  await tx.query(
    `update measure set ends_at = $2, review_at = $3, review_told_at = null where measure_id = $1`,
    [input.record.measureId, input.record.endsAt, input.record.reviewAt],
  );
}

export async function findMeasure(q: Queryable, measureId: MeasureId): Promise<MeasureRow | null> {
  const rows = await q.query<MeasureRow>(`select ${COLUMNS} from measure where measure_id = $1`, [measureId]);
  return rows[0] ?? null;
}

export async function measuresOfCase(q: Queryable, caseId: CaseId): Promise<MeasureRow[]> {
  return await q.query<MeasureRow>(`select ${COLUMNS} from measure where case_id = $1 order by created_at`, [
    caseId,
  ]);
}

export async function measureOfDecision(q: Queryable, decisionId: DecisionId): Promise<MeasureRow | null> {
  const rows = await q.query<MeasureRow>(`select ${COLUMNS} from measure where decision_id = $1`, [
    decisionId,
  ]);
  return rows[0] ?? null;
}

export async function measuresInState(q: Queryable, state: MeasureState): Promise<MeasureRow[]> {
  return await q.query<MeasureRow>(
    `select ${COLUMNS} from measure where state = $1 order by created_at, measure_id limit 1000`,
    [state],
  );
}

/** Measures on the edges, or on their way there, of which their parties have not been told. */
export async function measuresUntold(q: Queryable): Promise<MeasureRow[]> {
  return await q.query<MeasureRow>(
    `select ${COLUMNS} from measure where state in ('sent', 'in_force') and told_at is null
      order by created_at, measure_id limit 1000`,
  );
}

/** The newest revision of a measure, and of those with a receipt the newest. */
export async function revisionsOf(
  q: Queryable,
  measureId: MeasureId,
): Promise<readonly { revision: number; record: MeasureRecord; receipted: boolean; intentId: number }[]> {
  const rows = await q.query<{ revision: number; record: string; receipted: boolean; intentId: number }>(
    `select revision, record, proof is not null as receipted, intent_id as "intentId"
       from measure_revision where measure_id = $1 order by revision`,
    [measureId],
  );
  return rows.map((row) => ({ ...row, record: JSON.parse(row.record) as MeasureRecord }));
}

/** Keeps the receipt of the revision that `intentId` names. Answers the measure, or null when there is nothing to keep. */
export async function keepReceipt(
  tx: Tx,
  input: { readonly intentId: number; readonly entry: Uint8Array; readonly proof: string },
): Promise<MeasureRow | null> {
  const rows = await tx.query<{ measureId: MeasureId }>(
    `update measure_revision set entry = $2, proof = $3 where intent_id = $1 and proof is null
     returning measure_id as "measureId"`,
    [input.intentId, input.entry, input.proof],
  );
  return rows[0] === undefined ? null : await findMeasure(tx, rows[0].measureId);
}

/** The sites that a measure reaches: its own, and with scope `account` all of that account. */
export async function sitesReached(q: Queryable, measureId: MeasureId): Promise<SiteId[]> {
  const rows = await q.query<{ siteId: SiteId }>(
    `select s.site_id as "siteId"
       from measure m
       join site own on own.site_id = m.site_id
       join site s on s.site_id = m.site_id or (m.scope = 'account' and s.account_id = own.account_id)
      where m.measure_id = $1
      order by s.site_id`,
    [measureId],
  );
  return rows.map((row) => row.siteId);
}

export async function setVersion(
  tx: Tx,
  input: { readonly measureId: MeasureId; readonly siteId: SiteId; readonly version: number },
): Promise<void> {
  await tx.query(
    `insert into measure_site (measure_id, site_id, version) values ($1, $2, $3)
     on conflict (measure_id, site_id) do update set version = excluded.version`,
    [input.measureId, input.siteId, input.version],
  );
}

/** A site that never got the measure may still be told to drop it: `version` is then the same. */
export async function setLiftVersion(
  tx: Tx,
  input: { readonly measureId: MeasureId; readonly siteId: SiteId; readonly version: number },
): Promise<void> {
  await tx.query(
    `insert into measure_site (measure_id, site_id, version, lift_version) values ($1, $2, $3, $3)
     on conflict (measure_id, site_id) do update set lift_version = excluded.lift_version`,
    [input.measureId, input.siteId, input.version],
  );
}

export async function versionsOf(
  q: Queryable,
  measureId: MeasureId,
): Promise<readonly { siteId: SiteId; version: number; liftVersion: number | null }[]> {
  return await q.query<{ siteId: SiteId; version: number; liftVersion: number | null }>(
    `select site_id as "siteId", version, lift_version as "liftVersion" from measure_site where measure_id = $1
      order by site_id`,
    [measureId],
  );
}

export async function markSent(tx: Tx, measureId: MeasureId, at: string): Promise<void> {
  await tx.query(
    `update measure set state = 'sent', sent_at = $2 where measure_id = $1 and state in ('pending', 'in_force', 'sent')`,
    [measureId, at],
  );
}

export async function markInForce(
  tx: Tx,
  measureId: MeasureId,
  input: { readonly at: string; readonly ms: number },
): Promise<boolean> {
  const rows = await tx.query(
    `update measure set state = 'in_force', in_force_at = coalesce(in_force_at, $2),
            in_force_ms = coalesce(in_force_ms, $3)
      where measure_id = $1 and state = 'sent' returning measure_id`,
    [measureId, input.at, input.ms],
  );
  return rows.length === 1;
}

/** Starts a measure's way out. False when it is on its way out, or out, already. */
export async function markLifting(
  tx: Tx,
  measureId: MeasureId,
  input: { readonly at: string; readonly because: EndedBecause },
): Promise<boolean> {
  const rows = await tx.query(
    `update measure set state = 'lifting', ended_because = $3, lifting_at = $2
      where measure_id = $1 and state in ('pending', 'sent', 'in_force') returning measure_id`,
    [measureId, input.at, input.because],
  );
  return rows.length === 1;
}

export async function markEnded(
  tx: Tx,
  measureId: MeasureId,
  input: { readonly at: string; readonly ms: number },
): Promise<boolean> {
  const rows = await tx.query(
    `update measure set state = 'ended', ended_at = $2, lift_ms = $3
      where measure_id = $1 and state = 'lifting' returning measure_id`,
    [measureId, input.at, input.ms],
  );
  return rows.length === 1;
}

const TOLD = {
  told: "told_at",
  late: "late_told_at",
  end: "end_told_at",
  review: "review_told_at",
  look: "look_at",
} as const;

/** Marks that people were told, once: false when somebody was faster. */
export async function markTold(
  tx: Tx,
  measureId: MeasureId,
  input: { readonly of: keyof typeof TOLD; readonly at: string },
): Promise<boolean> {
  const column = TOLD[input.of];
  const rows = await tx.query(
    `update measure set ${column} = $2 where measure_id = $1 and ${column} is null returning measure_id`,
    [measureId, input.at],
  );
  return rows.length === 1;
}

/** Measures whose end, or whose review date, has come. */
export async function measuresDue(
  q: Queryable,
  input: { readonly of: "end" | "review"; readonly at: string },
): Promise<MeasureRow[]> {
  const due = input.of === "end" ? "ends_at <= $1" : "review_at <= $1 and review_told_at is null";
  return await q.query<MeasureRow>(
    `select ${COLUMNS} from measure where state in ('pending', 'sent', 'in_force') and ${due}
      order by created_at limit 1000`,
    [input.at],
  );
}

/** Wholly withheld sites whose look has not been kept yet. */
export async function measuresWithoutLook(q: Queryable): Promise<MeasureRow[]> {
  return await q.query<MeasureRow>(
    `select ${COLUMNS} from measure
      where state in ('sent', 'in_force') and look_at is null
        and scope in ('site', 'account') and kind in ('withhold', 'withdraw')
      order by created_at limit 100`,
  );
}

/** How many measures stand, or wait for their receipt, on a site. */
export async function countStanding(q: Queryable, siteId: SiteId): Promise<number> {
  const rows = await q.query<{ n: number }>(
    `select count(*)::integer as n from measure where site_id = $1 and state in ('pending', 'sent', 'in_force')`,
    [siteId],
  );
  return rows[0]?.n ?? 0;
}

/** A ratified brake is news: its parties are told again. */
export async function forgetTold(tx: Tx, measureId: MeasureId): Promise<void> {
  await tx.query(`update measure set told_at = null where measure_id = $1`, [measureId]);
}

/** Measures that ended, or are on their way out, and of which nobody has been told yet. */
export async function measuresEndedUntold(q: Queryable): Promise<MeasureRow[]> {
  return await q.query<MeasureRow>(
    `select ${COLUMNS} from measure where state in ('lifting', 'ended') and end_told_at is null and sent_at is not null
      order by created_at limit 1000`,
  );
}
