/**
 * Cases: the rows of the desk's queue, their counters and their clocks. A case number is public and counts up per year; a
 * case tag is what the public log shows, and is random. Nothing here knows who reported.
 */
import type { DangerAssessment, DangerLevel } from "../contract/danger.ts";
import type { CaseState, Harm } from "../contract/desk-states.ts";
import type { CaseId, SiteId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export type CaseRecord = {
  readonly caseId: CaseId;
  readonly number: string;
  readonly tag: string;
  readonly siteId: SiteId;
  readonly state: CaseState;
  readonly harm: Harm;
  readonly hostname: string;
  readonly path: string;
  readonly level: DangerLevel;
  readonly levelConfirmed: boolean;
  readonly danger: DangerAssessment;
  readonly brigade: boolean;
  readonly openedAt: Date;
  readonly decisionDueAt: Date;
  readonly brakeSpentAt: Date | null;
  readonly evidenceAt: Date | null;
};

const COLUMNS = `case_id as "caseId", number, tag, site_id as "siteId", state, harm, hostname, path, level,
  level_confirmed as "levelConfirmed", danger, brigade, opened_at as "openedAt", decision_due_at as "decisionDueAt",
  brake_spent_at as "brakeSpentAt", evidence_at as "evidenceAt"`;

/** The next public case number of `year`, like "2026-000012". */
export async function nextCaseNumber(tx: Tx, year: number): Promise<string> {
  const rows = await tx.query<{ last: number }>(
    `insert into case_counter (year, last) values ($1, 1)
     on conflict (year) do update set last = case_counter.last + 1 returning last`,
    [year],
  );
  return `${year}-${String(rows[0]?.last).padStart(6, "0")}`;
}

export async function insertCase(
  tx: Tx,
  input: {
    readonly caseId: CaseId;
    readonly number: string;
    readonly tag: string;
    readonly siteId: SiteId;
    readonly harm: Harm;
    readonly gatherKey: string;
    readonly hostname: string;
    readonly path: string;
    readonly danger: DangerAssessment;
    readonly at: string;
    readonly dueAt: string;
  },
): Promise<void> {
  await tx.query(
    `insert into desk_case (case_id, number, tag, site_id, state, harm, gather_key, hostname, path, level, danger,
                            opened_at, level_since, decision_due_at)
     values ($1, $2, $3, $4, 'new', $5, $6, $7, $8, $9, $10::jsonb, $11, $11, $12)`,
    [
      input.caseId,
      input.number,
      input.tag,
      input.siteId,
      input.harm,
      input.gatherKey,
      input.hostname,
      input.path,
      input.danger.level,
      JSON.stringify(input.danger),
      input.at,
      input.dueAt,
    ],
  );
}

export async function findCase(q: Queryable, caseId: CaseId): Promise<CaseRecord | null> {
  const rows = await q.query<CaseRecord>(`select ${COLUMNS} from desk_case where case_id = $1`, [caseId]);
  return rows[0] ?? null;
}

export async function findOpenCase(q: Queryable, gatherKey: string): Promise<CaseRecord | null> {
  const rows = await q.query<CaseRecord>(
    `select ${COLUMNS} from desk_case where gather_key = $1 and state <> 'closed'`,
    [gatherKey],
  );
  return rows[0] ?? null;
}

/** The queue: the most dangerous first, then the one that is due first. */
export async function listCases(
  q: Queryable,
  filter: { readonly state: CaseState | null },
): Promise<CaseRecord[]> {
  return await q.query<CaseRecord>(
    `select ${COLUMNS} from desk_case
      where ($1::text is null and state <> 'closed') or state = $1
      order by case when state in ('new', 'in_review') then 0 else 1 end,
               array_position(array['IMMINENT', 'HIGH', 'ELEVATED', 'MODERATE', 'LOW'], level), decision_due_at, number
      limit 500`,
    [filter.state],
  );
}

export async function countCases(
  q: Queryable,
  filter: { readonly state: CaseState | null },
): Promise<number> {
  const rows = await q.query<{ n: number }>(
    `select count(*)::integer as n from desk_case where ($1::text is null and state <> 'closed') or state = $1`,
    [filter.state],
  );
  return rows[0]?.n ?? 0;
}

export async function queueCounts(
  q: Queryable,
  at: string,
): Promise<readonly { level: DangerLevel; open: number; overdue: number }[]> {
  return await q.query<{ level: DangerLevel; open: number; overdue: number }>(
    `select level, count(*)::integer as open, (count(*) filter (where decision_due_at < $1))::integer as overdue
       from desk_case where state in ('new', 'in_review') group by level`,
    [at],
  );
}

export async function setCaseState(tx: Tx, caseId: CaseId, state: CaseState): Promise<void> {
  await tx.query(`update desk_case set state = $2 where case_id = $1`, [caseId, state]);
}

/** A case that came back: in review again, with a clock that starts now. */
export async function reopenCase(tx: Tx, caseId: CaseId, dueAt: string): Promise<void> {
  await tx.query(`update desk_case set state = 'in_review', decision_due_at = $2 where case_id = $1`, [
    caseId,
    dueAt,
  ]);
}

export async function setDanger(
  tx: Tx,
  caseId: CaseId,
  input: {
    readonly danger: DangerAssessment;
    readonly confirmed: boolean;
    readonly at: string;
    readonly dueAt: string;
  },
): Promise<void> {
  await tx.query(
    `update desk_case
        set danger = $2::jsonb, level_since = case when level = $3 then level_since else $4::timestamptz end,
            level = $3, level_confirmed = $5, decision_due_at = $6
      where case_id = $1`,
    [caseId, JSON.stringify(input.danger), input.danger.level, input.at, input.confirmed, input.dueAt],
  );
}

export async function setHarm(tx: Tx, caseId: CaseId, harm: Harm): Promise<void> {
  await tx.query(`update desk_case set harm = $2 where case_id = $1`, [caseId, harm]);
}

export async function setBrigade(tx: Tx, caseId: CaseId, brigade: boolean): Promise<void> {
  await tx.query(`update desk_case set brigade = $2 where case_id = $1`, [caseId, brigade]);
}

export async function markEvidence(tx: Tx, caseId: CaseId, at: string): Promise<void> {
  await tx.query(
    `update desk_case set evidence_at = greatest(evidence_at, $2::timestamptz) where case_id = $1`,
    [caseId, at],
  );
}

export async function spendBrake(tx: Tx, caseId: CaseId, at: string): Promise<void> {
  await tx.query(`update desk_case set brake_spent_at = $2 where case_id = $1`, [caseId, at]);
}

/** The next number of a log entry within its case, from 1, so that a gap in the public log shows. */
export async function nextLogEntry(tx: Tx, caseId: CaseId): Promise<number> {
  const rows = await tx.query<{ n: number }>(
    `update desk_case set log_entries = log_entries + 1 where case_id = $1 returning log_entries as n`,
    [caseId],
  );
  const n = rows[0]?.n;
  if (n === undefined) throw new Error(`no case ${caseId}`);
  return n;
}

/** Closes what is over: decided, nothing standing, nothing open, and the time to appeal gone by. */
export async function closeFinished(tx: Tx, before: string): Promise<readonly { caseId: CaseId }[]> {
  return await tx.query<{ caseId: CaseId }>(
    `update desk_case c set state = 'closed'
      where c.state = 'decided'
        and not exists (select 1 from measure m where m.case_id = c.case_id
                         and (m.state <> 'ended' or m.ended_at > $1))
        and not exists (select 1 from decision d where d.case_id = c.case_id
                         and (d.state in ('proposed', 'braked') or d.settled_at > $1))
        and not exists (select 1 from appeal a where a.case_id = c.case_id and a.state = 'open')
      returning c.case_id as "caseId"`,
    [before],
  );
}
