/** Evidence: captured, hashed, never edited. And the assessments that were built on it, each kept. */
import type { DangerAssessment, DangerLevel } from "../contract/danger.ts";
import type { CaseId, EvidenceId, UserId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export type EvidenceRow = {
  readonly evidenceId: EvidenceId;
  readonly url: string;
  readonly capturedAt: Date;
  readonly status: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly lines: readonly string[];
};

export async function insertEvidence(
  tx: Tx,
  input: {
    readonly evidenceId: EvidenceId;
    readonly caseId: CaseId;
    readonly url: string;
    readonly at: string;
    readonly by: UserId;
    readonly status: number;
    readonly contentType: string;
    readonly sha256: string;
    readonly body: Uint8Array;
    readonly lines: readonly string[];
  },
): Promise<void> {
  await tx.query(
    `insert into evidence (evidence_id, case_id, url, captured_at, captured_by, status, content_type, bytes, sha256,
                           body, lines)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb)`,
    [
      input.evidenceId,
      input.caseId,
      input.url,
      input.at,
      input.by,
      input.status,
      input.contentType,
      input.body.length,
      input.sha256,
      input.body,
      JSON.stringify(input.lines),
    ],
  );
}

/** Oldest first, without the bytes. */
export async function evidenceOfCase(q: Queryable, caseId: CaseId): Promise<EvidenceRow[]> {
  return await q.query<EvidenceRow>(
    `select evidence_id as "evidenceId", url, captured_at as "capturedAt", status, bytes, sha256, lines
       from evidence where case_id = $1 order by captured_at, evidence_id limit 200`,
    [caseId],
  );
}

export async function countEvidence(q: Queryable, caseId: CaseId): Promise<number> {
  const rows = await q.query<{ n: number }>(
    `select count(*)::integer as n from evidence where case_id = $1`,
    [caseId],
  );
  return rows[0]?.n ?? 0;
}

export async function insertAssessment(
  tx: Tx,
  input: {
    readonly caseId: CaseId;
    readonly at: string;
    readonly by: UserId | null;
    readonly reason: string;
    readonly assessment: DangerAssessment;
  },
): Promise<void> {
  await tx.query(
    `insert into assessment (case_id, made_at, made_by, level, reason, assessment) values ($1, $2, $3, $4, $5, $6::jsonb)`,
    [
      input.caseId,
      input.at,
      input.by,
      input.assessment.level,
      input.reason,
      JSON.stringify(input.assessment),
    ],
  );
}

/** Each person's first assessment of a case. */
export async function assessmentsOf(
  q: Queryable,
  caseId: CaseId,
): Promise<readonly { by: UserId; at: Date }[]> {
  return await q.query<{ by: UserId; at: Date }>(
    `select made_by as by, min(made_at) as at from assessment
      where case_id = $1 and made_by is not null group by made_by`,
    [caseId],
  );
}

/** The newest assessment of each person who made one, oldest first. */
export async function assessmentsByPeople(
  q: Queryable,
  caseId: CaseId,
): Promise<readonly { by: UserId; level: DangerLevel; at: Date }[]> {
  return await q.query<{ by: UserId; level: DangerLevel; at: Date }>(
    `select made_by as by, level, made_at as at from assessment a
      where case_id = $1 and made_by is not null
        and assessment_id = (select max(b.assessment_id) from assessment b
                              where b.case_id = a.case_id and b.made_by = a.made_by)
      order by assessment_id`,
    [caseId],
  );
}
