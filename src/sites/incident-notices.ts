/**
 * Which of a site's incidents are told, and when: a flood when it is met or has lasted BEGIN_AFTER_MS, and its end. Of floods that come and go at most one
 * pair of notices goes out in PAIR_MS; those in between are summed up in the next one. What nobody asked for (surges), what is watched in vain (mode "off")
 * and what was over before it was worth a word is never told. Pure: the caller carries out what is said here, in one transaction.
 */
import type { IncidentRecord, IncidentTold } from "../store/incidents.ts";

export const PAIR_MS = 10 * 60_000;
export const BEGIN_AFTER_MS = 10_000;

export type Told = { readonly incident: IncidentRecord; readonly told: IncidentTold };
export type Notice = {
  readonly what: "began" | "ended";
  readonly incident: IncidentRecord;
  /** Others of this kind that came and went since the last notice. */
  readonly others: readonly IncidentRecord[];
};
export type NoticeStep = {
  readonly marks: readonly Told[];
  readonly notices: readonly Notice[];
  /** A pair begins now. */
  readonly pairBegins: boolean;
};

export function nextNotices(
  /** Those of one site of which not all is told, oldest first. */
  incidents: readonly IncidentRecord[],
  at: { readonly nowMs: number; readonly pairBeganMs: number | null; readonly surges: boolean },
): NoticeStep {
  const marks: Told[] = [];
  const notices: Notice[] = [];
  const ripe: IncidentRecord[] = [];
  for (const incident of incidents) {
    const isOver = incident.endedAt !== null;
    const becameWorse =
      incident.told === "began" && incident.toldKind === "surge" && incident.kind !== "surge";
    if (incident.told === "began" && !becameWorse) {
      if (!isOver) continue;
      notices.push({ what: "ended", incident, others: [] });
      marks.push({ incident, told: "done" });
    } else if (!isWanted(incident, at.surges)) {
      if (isOver) marks.push({ incident, told: "done" });
    } else if (isWorthAWord(incident, at.nowMs)) ripe.push(incident);
    else if (isOver) marks.push({ incident, told: "done" });
  }
  if (ripe.length === 0) return { marks, notices, pairBegins: false };
  if (at.pairBeganMs !== null && at.nowMs - at.pairBeganMs < PAIR_MS) {
    for (const incident of ripe) if (incident.told === "no") marks.push({ incident, told: "held" });
    return { marks, notices, pairBegins: false };
  }
  // The one that goes on speaks for all; if all are over, the last one.
  const main = ripe.findLast(({ endedAt }) => endedAt === null) ?? ripe.at(-1);
  if (main === undefined) return { marks, notices, pairBegins: false };
  const others = ripe.filter((incident) => incident !== main);
  const over = others.filter(({ endedAt }) => endedAt !== null);
  notices.push({ what: main.endedAt === null ? "began" : "ended", incident: main, others: over });
  marks.push({ incident: main, told: main.endedAt === null ? "began" : "done" });
  for (const incident of others) {
    // Another that goes on, a slow attack beside a flood, waits for the next pair.
    marks.push({ incident, told: incident.endedAt === null ? "held" : "done" });
  }
  return { marks, notices, pairBegins: true };
}

function isWanted({ kind, summary }: IncidentRecord, surges: boolean): boolean {
  return summary.mode !== "off" && (kind !== "surge" || surges);
}

function isWorthAWord({ told, beganAt, mitigatedAt, endedAt }: IncidentRecord, nowMs: number): boolean {
  if (told !== "no" || mitigatedAt !== null) return true;
  return (endedAt?.getTime() ?? nowMs) - beganAt.getTime() >= BEGIN_AFTER_MS;
}
