/**
 * Which buttons a screen shows, and why one is off, drawn from the contract's state tables and the server's `allowed` lists. A button
 * that does not fit now is shown disabled with its reason, never hidden; a step that only the clock takes is no button at all.
 * The server decides: nothing here grants anything.
 */
import { DECISION_STEPS, type DecisionAction, type DecisionStep } from "../contract/desk-states.ts";
import type { AppealView, CaseView, DecisionView, MeasureView, MeView } from "../contract/http.ts";
import { DANGER_LEVELS, type DangerLevel } from "../contract/danger.ts";
import type { Words } from "./words/english.ts";

export type HumanAction = Exclude<DecisionAction, "lapse">;

export type Button<Name extends string> = {
  readonly name: Name;
  readonly ok: boolean;
  /** Why it is off; null when it is on. */
  readonly why: string | null;
};

/** The step that carries the decision on is drawn first and filled. */
const ACTION_ORDER: readonly HumanAction[] = ["confirm", "ratify", "reject", "release", "withdraw"];
export const LEADING_ACTIONS: ReadonlySet<HumanAction> = new Set(["confirm", "ratify"]);

/** The buttons of one decision for this reader. */
export function decisionButtons(
  decision: Pick<DecisionView, "state" | "allowed">,
  words: Words,
): readonly Button<HumanAction>[] {
  const steps: Partial<Record<DecisionAction, DecisionStep>> = DECISION_STEPS[decision.state];
  return ACTION_ORDER.filter((name) => {
    const step = steps[name];
    return step !== undefined && step.actor !== "clock";
  }).map((name) => {
    const told = decision.allowed.find((a) => a.action === name);
    if (told === undefined) return { name, ok: false, why: words.fault.forbidden };
    return { name, ok: told.ok, why: told.ok ? null : (told.why ?? words.fault.forbidden) };
  });
}

/** What the person reads before the step is taken. */
export function consequence(
  input: { readonly action: HumanAction; readonly kind: DecisionView["kind"] },
  words: Words,
): string {
  switch (input.action) {
    case "confirm":
      return words.ask.confirm(
        input.kind === "refusal"
          ? words.ask.confirmRefusal
          : input.kind === "lift"
            ? words.ask.confirmLift
            : words.ask.confirmMeasure,
      );
    case "ratify":
      return words.ask.ratify;
    case "reject":
      return words.ask.reject;
    case "withdraw":
      return words.ask.withdraw;
    case "release":
      return words.ask.release;
  }
}

export type CaseAct = "propose" | "brake" | "refuse" | "refer" | "capture" | "assess";
export const CASE_ACTS: readonly CaseAct[] = ["propose", "brake", "refuse", "refer", "capture", "assess"];

/** What can be done in a case. The brake's reason comes from the server, since it counts evidence and past brakes. */
export function caseButtons(
  input: {
    readonly view: Pick<CaseView, "state" | "brake">;
    readonly me: Pick<MeView, "mayDecide" | "whyNot"> | null;
  },
  words: Words,
): Readonly<Record<CaseAct, Button<CaseAct>>> {
  const { view, me } = input;
  const off =
    me === null || !me.mayDecide
      ? (me?.whyNot ?? words.overview.notEnrolled)
      : view.state === "closed"
        ? words.caseState.closed
        : null;
  const plain = <Name extends CaseAct>(name: Name): Button<CaseAct> => ({ name, ok: off === null, why: off });
  const brakeOff = off ?? (view.brake.ok ? null : (view.brake.why ?? words.fault.forbidden));
  return {
    propose: plain("propose"),
    brake: { name: "brake", ok: brakeOff === null, why: brakeOff },
    refuse: plain("refuse"),
    refer: plain("refer"),
    capture: plain("capture"),
    assess: plain("assess"),
  };
}

/** A measure can be proposed for lifting while it stands, or is on its way to the edges, and no lifting is open already. */
export function liftButton(
  input: {
    readonly measure: Pick<MeasureView, "measureId" | "state">;
    readonly decisions: readonly Pick<DecisionView, "liftsMeasureId" | "state">[];
    readonly me: Pick<MeView, "mayDecide" | "whyNot"> | null;
  },
  words: Words,
): Button<"lift"> {
  const { measure, me } = input;
  const why =
    me === null || !me.mayDecide
      ? (me?.whyNot ?? words.overview.notEnrolled)
      : measure.state !== "in_force" && measure.state !== "sent"
        ? words.measure.notLiftable
        : input.decisions.some((d) => d.liftsMeasureId === measure.measureId && d.state === "proposed")
          ? words.decisionState.proposed
          : null;
  return { name: "lift", ok: why === null, why };
}

export function appealButton(appeal: Pick<AppealView, "state" | "allowed">, words: Words): Button<"decide"> {
  const why =
    appeal.state !== "open"
      ? words.appealState[appeal.state]
      : appeal.allowed.ok
        ? null
        : (appeal.allowed.why ?? words.fault.forbidden);
  return { name: "decide", ok: why === null, why };
}

/** 1 to 5: how many bars the level's mark fills. */
export const levelRank = (level: DangerLevel): number => DANGER_LEVELS.indexOf(level) + 1;

/** Most dangerous first; inside a level the overdue, then the earliest clock. */
export function byDanger<
  Row extends { readonly level: DangerLevel; readonly overdue: boolean; readonly decisionDueAt: string },
>(rows: readonly Row[]): readonly Row[] {
  return [...rows].sort(
    (a, b) =>
      levelRank(b.level) - levelRank(a.level) ||
      Number(b.overdue) - Number(a.overdue) ||
      Date.parse(a.decisionDueAt) - Date.parse(b.decisionDueAt),
  );
}

/** What waits for somebody first, then the newest. */
export function byUrgency<
  Decision extends { readonly state: DecisionView["state"]; readonly madeAt: string },
>(decisions: readonly Decision[]): readonly Decision[] {
  const waits = (d: Decision): number => Number(Object.keys(DECISION_STEPS[d.state]).length > 0);
  return [...decisions].sort((a, b) => waits(b) - waits(a) || Date.parse(b.madeAt) - Date.parse(a.madeAt));
}

/** True while something in the case moves by itself, so that the screen should look again soon. */
export function inMotion(view: Pick<CaseView, "decisions" | "referrals">): boolean {
  return (
    view.referrals.some((r) => r.state === "queued") ||
    view.decisions.some(
      (d) =>
        d.state === "proposed" ||
        d.state === "braked" ||
        (d.measure !== null && ["pending", "sent", "lifting"].includes(d.measure.state)) ||
        (d.measure?.state === "in_force" && d.measure.inForce.ms === null),
    )
  );
}

/** Whoever has sites and no part in the desk: the desk's screens would only refuse them. */
export const isOnlyCustomer = (me: Pick<MeView, "roles">): boolean =>
  me.roles.length > 0 && me.roles.every((role) => role === "customer");
