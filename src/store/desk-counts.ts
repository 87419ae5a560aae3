/** What the transparency report counts, straight from the tables, between two moments. */
import type { DangerLevel } from "../contract/danger.ts";
import type { MeasureKind, Scope } from "../contract/measure.ts";
import type { Queryable } from "./db.ts";

export type Counts = {
  readonly reports: number;
  readonly sources: number;
  readonly cases: number;
  readonly refusals: number;
  readonly brakesPulled: number;
  readonly brakesRatified: number;
  readonly brakesLapsed: number;
  readonly appealsMade: number;
  readonly appealsGranted: number;
  readonly appealsRefused: number;
  readonly referralsMade: number;
  readonly referralsDelivered: number;
  readonly openingsRequested: number;
  readonly openingsApproved: number;
  readonly openingsRefused: number;
  readonly openingsHandedOut: number;
  readonly returnsHeld: number;
  readonly brigades: number;
};

type Range = { readonly from: string; readonly until: string };

export async function countAll(q: Queryable, range: Range): Promise<Counts> {
  const rows = await q.query<Counts>(
    `select
       (select count(*)::integer from report where received_at >= $1 and received_at < $2) as reports,
       (select count(*)::integer from report where received_at >= $1 and received_at < $2 and copy_of is null) as sources,
       (select count(*)::integer from desk_case where opened_at >= $1 and opened_at < $2) as cases,
       (select count(*)::integer from decision where kind = 'refusal' and state = 'confirmed'
          and settled_at >= $1 and settled_at < $2) as refusals,
       (select count(*)::integer from decision where kind = 'brake' and made_at >= $1 and made_at < $2) as "brakesPulled",
       (select count(*)::integer from decision where kind = 'brake' and state = 'confirmed'
          and settled_at >= $1 and settled_at < $2) as "brakesRatified",
       (select count(*)::integer from decision where kind = 'brake' and state = 'lapsed'
          and settled_at >= $1 and settled_at < $2) as "brakesLapsed",
       (select count(*)::integer from appeal where made_at >= $1 and made_at < $2) as "appealsMade",
       (select count(*)::integer from appeal where state = 'granted'
          and decided_at >= $1 and decided_at < $2) as "appealsGranted",
       (select count(*)::integer from appeal where state = 'refused'
          and decided_at >= $1 and decided_at < $2) as "appealsRefused",
       (select count(*)::integer from referral where made_at >= $1 and made_at < $2) as "referralsMade",
       (select count(*)::integer from referral where made_at >= $1 and made_at < $2
          and state in ('sent', 'acknowledged')) as "referralsDelivered",
       (select count(*)::integer from identity_opening
          where made_at >= $1 and made_at < $2) as "openingsRequested",
       (select count(*)::integer from identity_opening where state in ('approved', 'closed')
          and settled_at >= $1 and settled_at < $2) as "openingsApproved",
       (select count(*)::integer from identity_opening where state = 'refused'
          and settled_at >= $1 and settled_at < $2) as "openingsRefused",
       (select count(*)::integer from identity_opening
          where first_handed_out_at >= $1 and first_handed_out_at < $2) as "openingsHandedOut",
       (select count(*)::integer from site where jsonb_array_length(held_because) > 0
          and created_at >= $1 and created_at < $2) as "returnsHeld",
       (select count(*)::integer from desk_case where brigade and opened_at >= $1 and opened_at < $2) as brigades`,
    [range.from, range.until],
  );
  const row = rows[0];
  if (row === undefined) throw new Error("the counts gave no row");
  return row;
}

export async function countByLevel(
  q: Queryable,
  range: Range,
): Promise<readonly { level: DangerLevel; count: number }[]> {
  return await q.query<{ level: DangerLevel; count: number }>(
    `select level, count(*)::integer as count from desk_case where opened_at >= $1 and opened_at < $2 group by level`,
    [range.from, range.until],
  );
}

/** Measures that took effect: with a receipt. */
export async function countMeasures(
  q: Queryable,
  range: Range,
): Promise<readonly { kind: MeasureKind; scope: Scope; count: number }[]> {
  return await q.query<{ kind: MeasureKind; scope: Scope; count: number }>(
    `select kind, scope, count(*)::integer as count from measure
      where created_at >= $1 and created_at < $2 and sent_at is not null
      group by kind, scope order by kind, scope`,
    [range.from, range.until],
  );
}
