/**
 * Danger, as a case has it. The detector reads what came in and may only raise; a person rates with a reason and pointers
 * that this file checks against the lines they point at. Two people who differ by two levels wait for a third, at the higher of the two.
 * Every assessment is kept.
 */
import { Fault } from "../contract/fault.ts";
import {
  CERTAINTIES,
  DANGER_LEVELS,
  DIMENSIONS,
  RUBRIC,
  type Credibility,
  type DangerAssessment,
  type DangerLevel,
  type Dimension,
  type EvidencePointer,
  type Scores,
} from "../contract/danger.ts";
import type { Harm } from "../contract/desk-states.ts";
import type { CaseId } from "../contract/ids.ts";
import { REASON_CHARS_MAX } from "../contract/measure.ts";
import type { Tx } from "../store/db.ts";
import { appendAudit } from "../store/desk-audit.ts";
import { findCase, reopenCase, setDanger, type CaseRecord } from "../store/desk-cases.ts";
import {
  assessmentsByPeople,
  evidenceOfCase,
  insertAssessment,
  type EvidenceRow,
} from "../store/desk-evidence.ts";
import { reportsOfCase, type ReportRow } from "../store/desk-reports.ts";
import { demand, iso, officerIn, type DeskContext } from "./context.ts";
import { dueAfterLevel, nextReviewMs } from "./core/clocks.ts";
import { raiseOnly, rate, scoresOf, settleLevels, SIGNS, UNKNOWN_SCORES, type Sign } from "./core/danger.ts";
import { mayDecide } from "./core/decide.ts";
import { detect, detectAcceleration, detectSituation, isUnreadLanguage } from "./core/detect.ts";
import { checkText, higher } from "./core/proposal.ts";
import type { ActorContext } from "./desk.ts";

export const DETECTOR = "detector@1";
const POINTERS_MAX = 60;

/** Where a case begins before anybody has read it: what was ticked orders the queue, once, whatever the number of reports. */
export const FLOOR_BY_HARM = {
  "threat-to-life": "ELEVATED",
  swatting: "ELEVATED",
  doxxing: "MODERATE",
  harassment: "MODERATE",
  ncii: "MODERATE",
  "child-safety": "HIGH",
  terror: "MODERATE",
  phishing: "LOW",
  malware: "LOW",
  fraud: "LOW",
  copyright: "LOW",
  other: "LOW",
} as const satisfies Record<Harm, DangerLevel>;

export function firstAssessment(harm: Harm, nowMs: number): DangerAssessment {
  const level = FLOOR_BY_HARM[harm];
  return {
    rubric: RUBRIC,
    level,
    rule: `reported as ${harm}, not read yet`,
    scores: UNKNOWN_SCORES,
    credibility: 1,
    evidence: [],
    proposedBy: DETECTOR,
    confirmedBy: [],
    assessedAt: iso(nowMs),
    nextReviewAt: iso(nextReviewMs(level, nowMs)),
  };
}

const linesOf = (text: string): string[] => text.split(/\r?\n/);

type Reading = {
  readonly pointers: readonly EvidencePointer[];
  readonly sources: number;
  readonly unread: boolean;
};

/** What the detector sees in reports and captures. Of each cluster one report is read: copies add nothing (design law 4). */
export function read(
  reports: readonly ReportRow[],
  evidence: readonly EvidenceRow[],
  sinceMs: number,
): Reading {
  const firsts = reports.filter((report) => report.copyOf === null);
  const fresh = firsts.filter((report) => report.receivedAt.getTime() > sinceMs);
  const pointers: EvidencePointer[] = [];
  const telling = new Set<number>();
  for (const report of fresh) {
    const found = detect({ source: report.reportId, certainty: "reported", lines: linesOf(report.quoted) });
    if (found.some((pointer) => pointer.score >= 2)) telling.add(report.cluster);
    pointers.push(...found, ...detectSituation(report.reportId, report.statement));
  }
  for (const item of evidence) {
    if (item.capturedAt.getTime() > sinceMs) {
      pointers.push(...detect({ source: item.evidenceId, certainty: "seen", lines: item.lines }));
    }
  }
  const growth = detectAcceleration(evidence.map((item) => ({ ...item, atMs: item.capturedAt.getTime() })));
  pointers.push(
    ...growth.filter((pointer) =>
      evidence.some((item) => item.evidenceId === pointer.source && item.capturedAt.getTime() > sinceMs),
    ),
  );
  const texts = [...fresh.map((report) => report.quoted), ...evidence.map((item) => item.lines.join("\n"))];
  return { pointers, sources: telling.size, unread: texts.some(isUnreadLanguage) };
}

/** Reads the case again after something came in. Raises or leaves; never lowers. Answers the level that stands. */
export async function rescore(tx: Tx, desk: DeskContext, caseId: CaseId): Promise<DangerLevel> {
  const found = await findCase(tx, caseId);
  if (found === null) throw new Error(`case ${caseId} is missing`);
  const nowMs = desk.now();
  // Once a person has rated, the detector speaks of newer things only: it does not repeat what was read and dismissed.
  const sinceMs = found.danger.confirmedBy.length > 0 ? Date.parse(found.danger.assessedAt) : -1;
  const reading = read(await reportsOfCase(tx, caseId), await evidenceOfCase(tx, caseId), sinceMs);
  const seen = reading.pointers.some((pointer) => pointer.certainty === "seen" && pointer.score >= 2);
  const standing = found.danger.credibility;
  const said: Credibility = seen || reading.sources >= 2 ? 2 : 1;
  const dismissed = standing === 0 && found.danger.confirmedBy.length > 0 && !seen;
  const credibility: Credibility = dismissed ? 0 : standing > said ? standing : said;
  const scores = raiseOnly(found.danger.scores, scoresOf(reading.pointers));
  const rating = rate({
    scores,
    credibility,
    harm: found.harm,
    confirmed: false,
    unread: reading.unread && !found.levelConfirmed,
  });
  const floor =
    found.danger.confirmedBy.length > 0 ? found.level : higher(found.level, FLOOR_BY_HARM[found.harm]);
  const raised = higher(rating.level, floor) !== floor;
  const level = raised ? rating.level : floor;
  const evidence = merge(found.danger.evidence, reading.pointers);
  const danger: DangerAssessment = {
    rubric: RUBRIC,
    level,
    rule:
      raised || (rating.level === level && found.danger.confirmedBy.length === 0)
        ? rating.rule
        : found.danger.rule,
    scores,
    credibility,
    evidence,
    proposedBy: DETECTOR,
    confirmedBy: raised ? [] : found.danger.confirmedBy,
    // While a person's rating stands, its moment stands too: what came after it is still to be read by the detector.
    assessedAt: raised || found.danger.confirmedBy.length === 0 ? iso(nowMs) : found.danger.assessedAt,
    nextReviewAt: iso(nextReviewMs(level, nowMs)),
  };
  await setDanger(tx, caseId, {
    danger,
    confirmed: found.levelConfirmed && !raised,
    at: iso(nowMs),
    dueAt: iso(
      level === found.level
        ? found.decisionDueAt.getTime()
        : dueAfterLevel({ level, dueMs: found.decisionDueAt.getTime(), nowMs, byHuman: false }),
    ),
  });
  if (level === found.level) return level;
  await insertAssessment(tx, { caseId, at: iso(nowMs), by: null, reason: danger.rule, assessment: danger });
  await appendAudit(tx, {
    caseId,
    at: iso(nowMs),
    who: null,
    what: `Danger raised from ${found.level} to ${level} (${danger.rule})`,
  });
  if (found.state === "decided") {
    await reopenCase(tx, caseId, iso(dueAfterLevel({ level, dueMs: Infinity, nowMs, byHuman: false })));
  }
  return level;
}

function merge(standing: readonly EvidencePointer[], fresh: readonly EvidencePointer[]): EvidencePointer[] {
  const seen = new Set<string>();
  const all = [...standing, ...fresh].filter((pointer) => {
    const key = `${pointer.source} ${pointer.line} ${pointer.dimension} ${pointer.score}`;
    return seen.has(key) ? false : (seen.add(key), true);
  });
  // The gravest first, so that the bound cuts what matters least.
  return all.sort((a, b) => b.score - a.score).slice(0, POINTERS_MAX);
}

export async function assess(
  desk: DeskContext,
  actor: ActorContext,
  input: {
    readonly caseId: CaseId;
    readonly scores: Scores;
    readonly credibility: Credibility;
    readonly evidence: readonly EvidencePointer[];
    readonly reason: string;
    readonly signs?: readonly Sign[];
  },
): Promise<DangerAssessment> {
  const why = checkText(input.reason, { what: "your reason", charsMax: REASON_CHARS_MAX, publish: false });
  if (why !== null) throw new Fault("input.invalid", why, { fields: { reason: why } });
  checkScores(input);
  return await desk.db.transaction(async (tx) => {
    const found = await findCase(tx, input.caseId);
    if (found === null)
      throw new Fault("state.not-found", `There is no case ${input.caseId}: look at the queue`);
    if (found.state === "closed") {
      throw new Fault("state.conflict", `Case ${found.number} is closed: a new report opens a new one`);
    }
    demand(mayDecide(await officerIn(tx, actor, found.caseId)));
    checkPointers(input, {
      reports: await reportsOfCase(tx, found.caseId),
      evidence: await evidenceOfCase(tx, found.caseId),
    });
    const rating = rate({
      scores: input.scores,
      credibility: input.credibility,
      signs: input.signs ?? [],
      harm: found.harm,
      confirmed: true,
    });
    const earlier = (await assessmentsByPeople(tx, found.caseId)).filter(
      (other) => other.by !== actor.userId,
    );
    const settled = settleLevels([...earlier, { by: actor.userId, level: rating.level }]);
    return await keep(tx, desk, { found, actor, input, rating, settled, earlier });
  });
}

async function keep(
  tx: Tx,
  desk: DeskContext,
  made: {
    readonly found: CaseRecord;
    readonly actor: ActorContext;
    readonly input: {
      readonly scores: Scores;
      readonly credibility: Credibility;
      readonly evidence: readonly EvidencePointer[];
      readonly reason: string;
    };
    readonly rating: { readonly level: DangerLevel; readonly rule: string };
    readonly settled: { readonly level: DangerLevel | null; readonly thirdNeeded: boolean };
    readonly earlier: readonly { readonly by: ActorContext["userId"]; readonly level: DangerLevel }[];
  },
): Promise<DangerAssessment> {
  const { found, actor, input, rating } = made;
  const nowMs = desk.now();
  const level = made.settled.level ?? rating.level;
  const own: DangerAssessment = {
    rubric: RUBRIC,
    level: rating.level,
    rule: rating.rule,
    scores: input.scores,
    credibility: input.credibility,
    evidence: input.evidence,
    proposedBy: actor.userId,
    confirmedBy: [
      ...made.earlier.filter((other) => other.level === rating.level).map((other) => other.by),
      actor.userId,
    ],
    assessedAt: iso(nowMs),
    nextReviewAt: iso(nextReviewMs(level, nowMs)),
  };
  await insertAssessment(tx, {
    caseId: found.caseId,
    at: iso(nowMs),
    by: actor.userId,
    reason: input.reason,
    assessment: own,
  });
  const standing: DangerAssessment = made.settled.thirdNeeded
    ? { ...own, level, rule: `${rating.rule}; two people differ by two levels, so a third has to rate` }
    : own;
  await setDanger(tx, found.caseId, {
    danger: standing,
    confirmed: !made.settled.thirdNeeded,
    at: iso(nowMs),
    dueAt: iso(
      level === found.level
        ? found.decisionDueAt.getTime()
        : dueAfterLevel({ level, dueMs: found.decisionDueAt.getTime(), nowMs, byHuman: true }),
    ),
  });
  const raised = DANGER_LEVELS.indexOf(level) > DANGER_LEVELS.indexOf(found.level);
  if (raised && found.state === "decided") {
    await reopenCase(tx, found.caseId, iso(dueAfterLevel({ level, dueMs: Infinity, nowMs, byHuman: true })));
  }
  await appendAudit(tx, {
    caseId: found.caseId,
    at: iso(nowMs),
    who: actor,
    what: `Rated the danger ${rating.level} (${rating.rule}); ${level} stands`,
  });
  return standing;
}

function checkScores(input: {
  readonly scores: Scores;
  readonly credibility: Credibility;
  readonly evidence: readonly EvidencePointer[];
  readonly signs?: readonly Sign[];
}): void {
  const dimensions = Object.keys(DIMENSIONS) as Dimension[];
  for (const dimension of dimensions) {
    const score: unknown = input.scores[dimension];
    if (score !== null && score !== 0 && score !== 1 && score !== 2 && score !== 3) {
      throw new Fault(
        "input.invalid",
        `Score ${dimension} (${DIMENSIONS[dimension]}) from 0 to 3, or leave it unknown`,
      );
    }
    const pointed = input.evidence.some(
      (pointer) => pointer.dimension === dimension && pointer.score === score,
    );
    if (score !== null && score > 0 && !pointed) {
      throw new Fault(
        "input.invalid",
        `Point at the line behind ${dimension}=${String(score)} (${DIMENSIONS[dimension]}): no score without its evidence`,
      );
    }
  }
  if (![0, 1, 2, 3].includes(input.credibility))
    throw new Fault("input.invalid", "Set the credibility from 0 to 3");
  if (input.evidence.length > POINTERS_MAX) {
    throw new Fault("input.invalid", `Point at ${POINTERS_MAX} lines at most: the gravest ones`);
  }
  if ((input.signs ?? []).some((sign) => !SIGNS.includes(sign))) {
    throw new Fault("input.invalid", `Choose signs from: ${SIGNS.join(", ")}`);
  }
}

/** A pointer must point: its source is of this case, its line exists, its quote stands on it. */
function checkPointers(
  input: { readonly evidence: readonly EvidencePointer[] },
  known: { readonly reports: readonly ReportRow[]; readonly evidence: readonly EvidenceRow[] },
): void {
  for (const pointer of input.evidence) {
    const captured = known.evidence.find((item) => item.evidenceId === pointer.source);
    const reported = known.reports.find((item) => item.reportId === pointer.source);
    if (captured === undefined && reported === undefined) {
      throw new Fault(
        "input.invalid",
        `Point at evidence of this case: ${String(pointer.source).slice(0, 40)} is not part of it`,
      );
    }
    // The reporter's own words tell how the reporter is (V), and are never a threat.
    const text = pointer.dimension === "V" ? reported?.statement : reported?.quoted;
    const line = (captured?.lines ?? linesOf(text ?? ""))[pointer.line - 1];
    if (line === undefined || !CERTAINTIES.includes(pointer.certainty) || pointer.why.trim() === "") {
      throw new Fault(
        "input.invalid",
        `Point at a line that exists and say why: line ${pointer.line} of ${pointer.source}`,
      );
    }
    if (
      pointer.quote.trim() === "" ||
      !line.normalize("NFC").includes(pointer.quote.trim().normalize("NFC"))
    ) {
      throw new Fault(
        "input.invalid",
        `Quote what stands on line ${pointer.line} of ${pointer.source}, unchanged`,
      );
    }
    if (reported !== undefined && pointer.certainty === "seen") {
      throw new Fault("input.invalid", "Only a capture of ours is seen: what a reporter says is reported");
    }
  }
}
