/**
 * The buttons on the way to a sealed identity, drawn from the contract's table and the server's answers: a button that does not
 * fit now is shown disabled with its reason. The server decides: nothing here grants anything.
 */
import { OPENING_STEPS, type OpeningAction, type OpeningStep } from "../contract/desk-states.ts";
import type { CaseView, MeView, OpeningView, ReportView } from "../contract/http.ts";
import type { Button } from "./buttons.ts";
import type { Words } from "./words/english.ts";

export type HumanOpeningAction = Exclude<OpeningAction, "close">;
const ORDER: readonly HumanOpeningAction[] = ["approve", "refuse", "withdraw"];

export function openingButtons(
  opening: Pick<OpeningView, "state" | "allowed">,
  words: Words,
): readonly Button<HumanOpeningAction>[] {
  const steps: Partial<Record<OpeningAction, OpeningStep>> = OPENING_STEPS[opening.state];
  return ORDER.filter((name) => steps[name] !== undefined && steps[name].actor !== "clock").map((name) => {
    const told = opening.allowed.find((a) => a.action === name);
    const ok = told?.ok === true;
    return { name, ok, why: ok ? null : (told?.why ?? words.fault.forbidden) };
  });
}

/** Sealed reports of the case whose opening is neither asked for nor approved. */
export function sealedReports(
  view: Pick<CaseView, "reportList" | "openings">,
): readonly Pick<ReportView, "reportId" | "receivedAt" | "harm">[] {
  const standing = new Set(
    view.openings.filter((o) => o.state === "requested" || o.state === "approved").map((o) => o.reportId),
  );
  return view.reportList.filter((report) => report.identitySealed && !standing.has(report.reportId));
}

export function askButton(
  input: {
    readonly view: Pick<CaseView, "reportList" | "openings" | "mayAskOpening">;
    readonly me: Pick<MeView, "mayDecide" | "whyNot"> | null;
  },
  words: Words,
): Button<"ask"> {
  const { view, me } = input;
  const why =
    me === null || !me.mayDecide
      ? (me?.whyNot ?? words.overview.notEnrolled)
      : !view.mayAskOpening.ok
        ? (view.mayAskOpening.why ?? words.fault.forbidden)
        : sealedReports(view).length === 0
          ? words.opening.allStanding
          : null;
  return { name: "ask", ok: why === null, why };
}

/** The download's name: which case and report, and nothing else. */
export const sealedFileName = (opening: Pick<OpeningView, "reportId">, caseNumber: string): string =>
  `sealed-${caseNumber}-${opening.reportId.slice(-6)}.json`;
