/**
 * What anybody may know: the counts of a period, and the public opening of one log entry with its blinding, so that a stranger
 * can compute the commitment and compare it with the log. No count is rounded or left out; none names anybody.
 */
import { Fault } from "../contract/fault.ts";
import { DANGER_LEVELS, type DangerLevel } from "../contract/danger.ts";
import type { TransparencyView } from "../contract/http.ts";
import { countAll, countByLevel, countMeasures } from "../store/desk-counts.ts";
import { publicOpening } from "../store/desk-log.ts";
import type { DeskContext } from "./context.ts";

const RANGE_MS_MAX = 100 * 366 * 24 * 3_600_000;

export async function transparency(
  desk: DeskContext,
  range: { readonly from: string; readonly until: string },
): Promise<TransparencyView> {
  const fromMs = Date.parse(range.from);
  const untilMs = Date.parse(range.until);
  if (Number.isNaN(fromMs) || Number.isNaN(untilMs) || untilMs <= fromMs || untilMs - fromMs > RANGE_MS_MAX) {
    throw new Fault(
      "input.invalid",
      'Give a period like from "2026-01-01" until "2027-01-01", at most a hundred years',
    );
  }
  const clean = { from: new Date(fromMs).toISOString(), until: new Date(untilMs).toISOString() };
  const counts = await countAll(desk.db, clean);
  const levels = new Map((await countByLevel(desk.db, clean)).map((row) => [row.level, row.count]));
  const checkpoint = await desk.ledger.checkpoint();
  return {
    ...clean,
    reports: counts.reports,
    sources: counts.sources,
    cases: counts.cases,
    byLevel: Object.fromEntries(DANGER_LEVELS.map((level) => [level, levels.get(level) ?? 0])) as Record<
      DangerLevel,
      number
    >,
    measures: await countMeasures(desk.db, clean),
    refusals: counts.refusals,
    brakes: { pulled: counts.brakesPulled, ratified: counts.brakesRatified, lapsed: counts.brakesLapsed },
    appeals: { made: counts.appealsMade, granted: counts.appealsGranted, refused: counts.appealsRefused },
    referrals: { made: counts.referralsMade, delivered: counts.referralsDelivered },
    openings: {
      requested: counts.openingsRequested,
      approved: counts.openingsApproved,
      refused: counts.openingsRefused,
      handedOut: counts.openingsHandedOut,
    },
    returnsHeld: counts.returnsHeld,
    brigades: counts.brigades,
    log: { origin: desk.ledger.origin, vkey: desk.ledger.vkey, size: checkpoint?.size ?? 0 },
  };
}

/**
 * The public opening of an entry: the payload's fields and `salt`. Whoever takes `salt` out and commits to the rest (canonical JSON,
 * see ledger/core/commitment.ts) gets the entry's public commitment. Null: there is none, or it was erased.
 */
export async function publicRecord(
  desk: DeskContext,
  logIndex: number,
): Promise<Record<string, string> | null> {
  if (!Number.isSafeInteger(logIndex) || logIndex < 0 || logIndex > 2_147_483_647) return null;
  const opening = await publicOpening(desk.db, logIndex);
  if (opening === null) return null;
  return { ...(JSON.parse(opening.payload) as Record<string, string>), salt: opening.salt };
}
