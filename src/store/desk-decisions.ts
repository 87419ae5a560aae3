/**
 * Decisions as they stand. A step is an update that names the state it starts from, so that of two people who act at the
 * same moment one finds nothing to update. The table's own checks hold the law of two humans.
 */
import type { DangerLevel } from "../contract/danger.ts";
import type { DecisionKind, DecisionState } from "../contract/desk-states.ts";
import type { MeasureProposal } from "../contract/http.ts";
import type { CaseId, DecisionId, MeasureId, UserId } from "../contract/ids.ts";
import type { Clause } from "../contract/measure.ts";
import type { Queryable, Tx } from "./db.ts";

export type DecisionRow = {
  readonly decisionId: DecisionId;
  readonly caseId: CaseId;
  readonly kind: DecisionKind;
  readonly state: DecisionState;
  readonly level: DangerLevel;
  readonly proposal: MeasureProposal | null;
  readonly liftsMeasureId: MeasureId | null;
  readonly clause: Clause | null;
  readonly facts: string;
  readonly reasonWider: string | null;
  readonly authorId: UserId;
  readonly authorName: string;
  readonly authorReason: string;
  readonly secondId: UserId | null;
  readonly secondName: string | null;
  readonly secondReason: string | null;
  readonly madeAt: Date;
  readonly settledAt: Date | null;
  readonly lapsesAt: Date | null;
};

const COLUMNS = `decision_id as "decisionId", case_id as "caseId", kind, state, level, proposal,
  lifts_measure_id as "liftsMeasureId", clause, facts, reason_wider as "reasonWider", author_id as "authorId",
  author_name as "authorName", author_reason as "authorReason", second_id as "secondId", second_name as "secondName",
  second_reason as "secondReason", made_at as "madeAt", settled_at as "settledAt", lapses_at as "lapsesAt"`;

export async function insertDecision(
  tx: Tx,
  input: {
    readonly decisionId: DecisionId;
    readonly caseId: CaseId;
    readonly kind: DecisionKind;
    readonly state: "proposed" | "braked";
    readonly level: DangerLevel;
    readonly proposal: MeasureProposal | null;
    readonly liftsMeasureId: MeasureId | null;
    readonly clause: Clause | null;
    readonly facts: string;
    readonly reasonWider: string | null;
    readonly author: { readonly userId: UserId; readonly name: string };
    readonly reason: string;
    readonly at: string;
    readonly lapsesAt: string | null;
  },
): Promise<void> {
  await tx.query(
    `insert into decision (decision_id, case_id, kind, state, level, proposal, lifts_measure_id, clause, facts,
                           reason_wider, author_id, author_name, author_reason, made_at, lapses_at)
     values ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [
      input.decisionId,
      input.caseId,
      input.kind,
      input.state,
      input.level,
      input.proposal === null ? null : JSON.stringify(input.proposal),
      input.liftsMeasureId,
      input.clause,
      input.facts,
      input.reasonWider,
      input.author.userId,
      input.author.name,
      input.reason,
      input.at,
      input.lapsesAt,
    ],
  );
}

export async function findDecision(q: Queryable, decisionId: DecisionId): Promise<DecisionRow | null> {
  const rows = await q.query<DecisionRow>(`select ${COLUMNS} from decision where decision_id = $1`, [
    decisionId,
  ]);
  return rows[0] ?? null;
}

export async function decisionsOfCase(q: Queryable, caseId: CaseId): Promise<DecisionRow[]> {
  return await q.query<DecisionRow>(
    `select ${COLUMNS} from decision where case_id = $1 order by made_at, decision_id limit 500`,
    [caseId],
  );
}

/** Moves a decision from `from` to `to`. False when it is not in `from` any more. */
export async function settleDecision(
  tx: Tx,
  decisionId: DecisionId,
  input: {
    readonly from: DecisionState;
    readonly to: DecisionState;
    /** The one who acted, when that was not the author. */
    readonly second: { readonly userId: UserId; readonly name: string } | null;
    readonly reason: string | null;
    readonly at: string;
  },
): Promise<boolean> {
  const rows = await tx.query(
    `update decision set state = $3, second_id = $4, second_name = $5, second_reason = $6, settled_at = $7
      where decision_id = $1 and state = $2 returning decision_id`,
    [
      decisionId,
      input.from,
      input.to,
      input.second?.userId ?? null,
      input.second?.name ?? null,
      input.reason,
      input.at,
    ],
  );
  return rows.length === 1;
}

/** Brakes whose hour is over at `at`, and those pulled after `pulledAfter`, which lies ahead: the clock was set back since. */
export async function brakesDue(
  q: Queryable,
  input: { readonly at: string; readonly pulledAfter: string },
): Promise<DecisionRow[]> {
  return await q.query<DecisionRow>(
    `select ${COLUMNS} from decision where state = 'braked' and (lapses_at <= $1 or made_at > $2)
      order by lapses_at limit 1000`,
    [input.at, input.pulledAfter],
  );
}

export async function countWaiting(q: Queryable): Promise<number> {
  const rows = await q.query<{ n: number }>(
    `select ((select count(*) from decision where state in ('proposed', 'braked'))
           + (select count(*) from identity_opening where state = 'requested'))::integer as n`,
  );
  return rows[0]?.n ?? 0;
}

/** Which cases have a decision, or the opening of a sealed identity, that waits for a second officer. */
export async function casesWaiting(q: Queryable): Promise<ReadonlySet<string>> {
  const rows = await q.query<{ caseId: string }>(
    `select case_id as "caseId" from decision where state in ('proposed', 'braked')
      union select case_id from identity_opening where state = 'requested'`,
  );
  return new Set(rows.map((row) => row.caseId));
}

/** Confirmed refusals that stand in the log and of which the reporters have not been told. */
export async function refusalsUntold(q: Queryable): Promise<DecisionRow[]> {
  return await q.query<DecisionRow>(
    `select ${COLUMNS} from decision d
      where d.kind = 'refusal' and d.state = 'confirmed' and d.told_at is null
        and exists (select 1 from desk_log l where l.decision_id = d.decision_id and l.log_index is not null)
      order by made_at limit 1000`,
  );
}

export async function markDecisionTold(tx: Tx, decisionId: DecisionId, at: string): Promise<boolean> {
  const rows = await tx.query(
    `update decision set told_at = $2 where decision_id = $1 and told_at is null returning decision_id`,
    [decisionId, at],
  );
  return rows.length === 1;
}

/** The newest confirmed refusal of a case, which a reporter may appeal. */
export async function newestRefusal(q: Queryable, caseId: CaseId): Promise<DecisionRow | null> {
  const rows = await q.query<DecisionRow>(
    `select ${COLUMNS} from decision where case_id = $1 and kind = 'refusal' and state = 'confirmed'
      order by settled_at desc, decision_id desc limit 1`,
    [caseId],
  );
  return rows[0] ?? null;
}
