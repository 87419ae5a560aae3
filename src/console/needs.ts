/**
 * What needs a person now, from the overview, the most pressing first. Pure, so that the order can be tested: a life before a
 * clock, a clock before a colleague's wait, a broken part before one that was never set up.
 */
import { DANGER_LEVELS } from "../contract/danger.ts";
import type { MeView, OverviewView } from "../contract/http.ts";
import type { Words } from "./words/english.ts";

export type Need = {
  readonly key: string;
  readonly tone: "bad" | "warn" | "plain";
  readonly what: string;
  /** A command to run on the server, when no screen can mend it. */
  readonly command: string | null;
  /** Where to go, below /console; null when there is nothing to open. */
  readonly to: string | null;
};

const SEVERE = ["IMMINENT", "HIGH"];

export function needsOf(
  overview: OverviewView,
  input: { readonly me: Pick<MeView, "mayDecide" | "whyNot" | "secondFactor">; readonly words: Words },
): readonly Need[] {
  const { words, me } = input;
  const w = words.overview;
  const needs: Need[] = [];
  const add = (need: Omit<Need, "command"> & { readonly command?: string }): void => {
    needs.push({ command: null, ...need });
  };
  const byLevel = [...overview.queue].sort(
    (a, b) => DANGER_LEVELS.indexOf(b.level) - DANGER_LEVELS.indexOf(a.level),
  );

  for (const q of byLevel)
    if (q.level === "IMMINENT" && q.open > 0)
      add({
        key: "imminent",
        tone: "bad",
        what:
          q.overdue > 0
            ? w.overdueCases(q.overdue, words.level[q.level])
            : w.openCases(q.open, words.level[q.level]),
        to: "/queue",
      });
  const down = overview.edges.filter((edge) => !edge.alive);
  if (overview.edges.length === 0) add({ key: "no-edge", tone: "bad", what: w.noEdge, to: "/edges" });
  else if (down.length > 0)
    add({ key: "edges", tone: "bad", what: w.edgesDown(down.map((e) => e.name).join(", ")), to: "/edges" });
  for (const q of byLevel)
    if (q.level !== "IMMINENT" && q.overdue > 0)
      add({
        key: `overdue-${q.level}`,
        tone: SEVERE.includes(q.level) ? "bad" : "warn",
        what: w.overdueCases(q.overdue, words.level[q.level]),
        to: "/queue",
      });
  if (overview.waitingForSecond > 0)
    add({ key: "waiting", tone: "warn", what: w.waiting(overview.waitingForSecond), to: "/waiting" });
  if (overview.mail.failed > 0)
    add({ key: "mail-failed", tone: "bad", what: w.mailFailed(overview.mail.failed), to: null });
  else if (!overview.mail.route && overview.mail.waiting > 0)
    add({ key: "mail-none", tone: "warn", what: w.mailNone(overview.mail.waiting), to: null });
  if (!overview.vault.ready)
    add({ key: "vault", tone: "warn", what: w.vaultMissing, to: null, command: w.vaultCommand });
  for (const q of byLevel)
    if (q.level === "HIGH" && q.open > q.overdue)
      add({
        key: "high",
        tone: "warn",
        what: w.openCases(q.open - q.overdue, words.level[q.level]),
        to: "/queue",
      });
  if (overview.appealsOpen > 0)
    add({ key: "appeals", tone: "plain", what: w.appeals(overview.appealsOpen), to: "/appeals" });
  if (overview.sites.held > 0)
    add({ key: "held", tone: "plain", what: w.heldSites(overview.sites.held), to: "/sites" });
  if (!me.mayDecide)
    add({
      key: "me",
      tone: "warn",
      what: `${w.notEnrolled}${me.whyNot === null ? "" : `${words.common.colon}${me.whyNot}`}`,
      to: me.secondFactor ? null : "/welcome",
    });
  return needs;
}
