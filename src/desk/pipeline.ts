/**
 * Carries every unfinished decision one step on. The database says what is unfinished; nothing is remembered between two
 * calls, so a crash at any point is repaired by calling again. The order, and what a crash after each step leaves:
 *   1 clocks     brakes lapse, measures expire, reviews fall due, cases go with their names, openings close: each its own transaction.
 *   2 sequence   the log gives every waiting intent its index. Crash: the intents with an index are found again by step 3.
 *   3 receipt    one transaction: receipt kept, measure `sent`, next policy version. Crash: the version waits unpublished.
 *   4 publish    the policy travels. Crash: `Sites` publishes the same version again.
 *   5 in force   every living edge confirmed: `in_force`, or for a measure on its way out `ended`.
 *   6 notices    customer, reporters, upstream: one transaction with the mark that they were told, so nobody is told twice.
 *   7 referrals  delivery state of referral mail; a failure raises an alarm.
 * One failing item raises an alarm and does not hold up the others.
 */
import { Fault } from "../contract/fault.ts";
import type { Tx } from "../store/db.ts";
import { appendAudit } from "../store/desk-audit.ts";
import { closeFinished, findCase, reopenCase } from "../store/desk-cases.ts";
import { brakesDue } from "../store/desk-decisions.ts";
import { entriesWaiting, keepIndex, type LogRow } from "../store/desk-log.ts";
import {
  findMeasure,
  keepReceipt,
  markEnded,
  markInForce,
  markSent,
  markTold,
  measuresDue,
  measuresInState,
  measuresWithoutLook,
  setVersion,
  sitesReached,
  type MeasureRow,
} from "../store/measures.ts";
import { iso, present, type DeskContext } from "./context.ts";
import { APPEAL_WINDOW_MS, CLOCK_BACK_MS_MAX, decisionDueMs, IN_FORCE_ALARM_MS } from "./core/clocks.ts";
import { lapseBrake } from "./decisions.ts";
import { followNames } from "./follow-name.ts";
import { endMeasure } from "./measures.ts";
import { tellAll } from "./notices.ts";
import { closeDue } from "./openings.ts";
import { carryReferrals } from "./referrals.ts";
import { edgesSay } from "./views.ts";

const MS_MAX = 2_147_483_647;

export type Engine = { advance(): Promise<{ moved: number }>; settled(): Promise<void> };

/** One engine a desk: calls queue, so that two timers never carry the same step at once in one process. */
export function createEngine(desk: DeskContext): Engine {
  let tail: Promise<unknown> = Promise.resolve();
  const looking = new Map<string, Promise<void>>();

  const attempt = async (what: string, work: () => Promise<number>): Promise<number> => {
    try {
      return await work();
    } catch (error) {
      const said = error instanceof Fault ? error.detail : "an unexpected error, see the server's log";
      desk.onAlarm("desk.stuck", `Cannot ${what} (${said}): it will be tried again`);
      return 0;
    }
  };

  /** Keeps what a wholly withheld site looks like. Its origin may be slow, so nothing waits for it. */
  const rememberLooks = async (): Promise<number> => {
    for (const measure of await measuresWithoutLook(desk.db)) {
      if (looking.has(measure.measureId)) continue;
      const look = (async (): Promise<void> => {
        const found = present(await findCase(desk.db, measure.caseId), "the measure's case");
        await desk.sites.rememberLook(measure.siteId, { caseNumber: found.number });
        await desk.db.transaction((tx) =>
          markTold(tx, measure.measureId, { of: "look", at: iso(desk.now()) }),
        );
      })()
        .catch(() => {
          desk.onAlarm(
            "desk.look-missing",
            `Cannot keep what the site of measure ${measure.measureId} looks like: its return would not be recognised`,
          );
        })
        .finally(() => looking.delete(measure.measureId));
      looking.set(measure.measureId, look);
    }
    return 0;
  };

  const round = async (): Promise<{ moved: number }> => {
    let moved = 0;
    const step = async (what: string, work: () => Promise<number>): Promise<void> => {
      moved += await attempt(what, work);
    };
    await step("run the clocks", () => runClocks(desk, attempt));
    await step("sequence the log", () => sequence(desk));
    await step("collect receipts", () => collect(desk, attempt));
    await step("publish policies", async () => (await desk.sites.publish()).published);
    await step("ask the edges", () => confirm(desk, attempt));
    await step("tell the parties", () => tellAll(desk, attempt));
    await step("carry referrals", () => carryReferrals(desk));
    await step("remember looks", rememberLooks);
    return { moved };
  };

  return {
    async advance() {
      const turn = tail.then(round, round);
      tail = turn.catch(() => undefined);
      return await turn;
    },
    async settled() {
      await tail;
      await Promise.all(looking.values());
    },
  };
}

export type Attempt = (what: string, work: () => Promise<number>) => Promise<number>;

async function runClocks(desk: DeskContext, attempt: Attempt): Promise<number> {
  let moved = 0;
  const at = iso(desk.now());
  for (const brake of await brakesDue(desk.db, {
    at,
    pulledAfter: iso(desk.now() + CLOCK_BACK_MS_MAX),
  })) {
    moved += await attempt(`let brake ${brake.decisionId} lapse`, async () =>
      (await lapseBrake(desk, brake.decisionId)) ? 1 : 0,
    );
  }
  for (const measure of await measuresDue(desk.db, { of: "end", at })) {
    moved += await attempt(`end measure ${measure.measureId}`, async () =>
      (await expire(desk, measure)) ? 1 : 0,
    );
  }
  for (const measure of await measuresDue(desk.db, { of: "review", at })) {
    moved += await attempt(`call measure ${measure.measureId} to its review`, async () =>
      (await callReview(desk, measure)) ? 1 : 0,
    );
  }
  moved += await followNames(desk, attempt);
  moved += await attempt("close openings", () => closeDue(desk));
  moved += await attempt("close finished cases", async () => {
    return await desk.db.transaction(async (tx) => {
      const closed = await closeFinished(tx, iso(desk.now() - APPEAL_WINDOW_MS));
      for (const { caseId } of closed) {
        await appendAudit(tx, {
          caseId,
          at,
          who: null,
          what: "Closed: nothing stands and the time to appeal is over",
        });
      }
      return closed.length;
    });
  });
  return moved;
}

/** A measure whose end has come. The edges have lifted it by themselves already; this makes the books agree. */
async function expire(desk: DeskContext, measure: MeasureRow): Promise<boolean> {
  return await desk.db.transaction(async (tx) => {
    const found = present(await findCase(tx, measure.caseId), "the measure's case");
    const ended = await endMeasure(tx, desk, {
      case: found,
      measure,
      because: "expired",
      kind: "lapse",
      signatures: [],
      reason: "Its end has come.",
      decisionId: measure.decisionId,
    });
    if (ended) {
      await appendAudit(tx, {
        caseId: found.caseId,
        at: iso(desk.now()),
        who: null,
        what: `Measure ${measure.measureId} ended on its date`,
      });
    }
    return ended;
  });
}

async function callReview(desk: DeskContext, measure: MeasureRow): Promise<boolean> {
  const called = await desk.db.transaction(async (tx: Tx) => {
    const found = present(await findCase(tx, measure.caseId), "the measure's case");
    if (!(await markTold(tx, measure.measureId, { of: "review", at: iso(desk.now()) }))) return null;
    await reopenCase(tx, found.caseId, iso(decisionDueMs(found.level, desk.now())));
    await appendAudit(tx, {
      caseId: found.caseId,
      at: iso(desk.now()),
      who: null,
      what: `The review of measure ${measure.measureId} is due: keep it with a new date, narrow it or lift it`,
    });
    return found.number;
  });
  if (called === null) return false;
  desk.onAlarm("desk.review-due", `A measure of case ${called} is due for review: look at the case`);
  return true;
}

async function sequence(desk: DeskContext): Promise<number> {
  if ((await entriesWaiting(desk.db)).length === 0) return 0;
  return (await desk.ledger.sequence()).added;
}

async function collect(desk: DeskContext, attempt: Attempt): Promise<number> {
  let moved = 0;
  for (const row of await entriesWaiting(desk.db)) {
    moved += await attempt(`keep the receipt of entry ${row.seq} of case ${row.caseId}`, async () =>
      (await receive(desk, row)) ? 1 : 0,
    );
  }
  return moved;
}

async function receive(desk: DeskContext, row: LogRow): Promise<boolean> {
  const sequenced = await desk.ledger.sequenced(row.intentId);
  if (sequenced === null) return false;
  await desk.db.transaction(async (tx) => {
    if (!(await keepIndex(tx, row.intentId, sequenced.index))) return;
    const measure = await keepReceipt(tx, {
      intentId: row.intentId,
      entry: sequenced.entry,
      proof: sequenced.proof,
    });
    // A measure that was ended before its receipt came is never sent.
    if (measure === null || measure.state === "lifting" || measure.state === "ended") return;
    for (const siteId of await sitesReached(tx, measure.measureId)) {
      const { version } = await desk.sites.touch(tx, siteId);
      await setVersion(tx, { measureId: measure.measureId, siteId, version });
    }
    await markSent(tx, measure.measureId, iso(desk.now()));
  });
  return true;
}

async function confirm(desk: DeskContext, attempt: Attempt): Promise<number> {
  let moved = 0;
  for (const measure of await measuresInState(desk.db, "sent")) {
    moved += await attempt(`confirm measure ${measure.measureId}`, async () =>
      (await arrived(desk, measure)) ? 1 : 0,
    );
  }
  for (const measure of await measuresInState(desk.db, "lifting")) {
    moved += await attempt(`confirm the end of measure ${measure.measureId}`, async () =>
      (await left(desk, measure)) ? 1 : 0,
    );
  }
  return moved;
}

async function arrived(desk: DeskContext, measure: MeasureRow): Promise<boolean> {
  const said = await edgesSay(desk, measure);
  if (said.ms === null) {
    const waitedMs = desk.now() - (measure.sentAt?.getTime() ?? desk.now());
    if (waitedMs > IN_FORCE_ALARM_MS && measure.lateToldAt === null) {
      const first = await desk.db.transaction((tx) =>
        markTold(tx, measure.measureId, { of: "late", at: iso(desk.now()) }),
      );
      if (first) {
        desk.onAlarm(
          "measure.not-in-force",
          `Measure ${measure.measureId} is confirmed by ${said.acked} of ${said.of} edges after ${Math.round(waitedMs / 1000)} s: look at the edges`,
        );
      }
    }
    return false;
  }
  // From the decision to the last edge: the way to the log and back counts, too.
  const toLogMs = Math.max(0, (measure.sentAt?.getTime() ?? 0) - measure.createdAt.getTime());
  const ms = Math.min(MS_MAX, toLogMs + said.ms);
  return await desk.db.transaction(async (tx) => {
    const now = present(await findMeasure(tx, measure.measureId), "the measure");
    if (!(await markInForce(tx, measure.measureId, { at: iso(desk.now()), ms }))) return false;
    if (now.inForceAt === null) {
      await appendAudit(tx, {
        caseId: measure.caseId,
        at: iso(desk.now()),
        who: null,
        what: `In force on ${said.acked} of ${said.of} edges, ${ms} ms after the decision`,
      });
    }
    return true;
  });
}

async function left(desk: DeskContext, measure: MeasureRow): Promise<boolean> {
  const said = await edgesSay(desk, measure);
  if (said.ms === null) return false;
  const ms = Math.min(MS_MAX, said.ms);
  return await desk.db.transaction(async (tx) => {
    if (!(await markEnded(tx, measure.measureId, { at: iso(desk.now()), ms }))) return false;
    await appendAudit(tx, {
      caseId: measure.caseId,
      at: iso(desk.now()),
      who: null,
      what: `Lifted on ${said.acked} of ${said.of} edges within ${ms} ms`,
    });
    return true;
  });
}
