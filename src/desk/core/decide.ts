/**
 * Who may take which step of a decision: the tables of `contract/desk-states.ts`, read in one place. Every refusal is a
 * sentence that says what to do, and is the same sentence in the console (button disabled, with the reason), in the answer of
 * the API and in the tests. What is not in a table is not allowed. Pure: no time, no database.
 */
import {
  DECISION_STEPS,
  type Actor,
  type DecisionAction,
  type DecisionKind,
  type DecisionState,
  type DecisionStep,
  type Role,
} from "../../contract/desk-states.ts";
import type { FaultCode } from "../../contract/fault.ts";
import type { UserId } from "../../contract/ids.ts";

/** The one who acts: a signed-in person, or the desk's clock. */
export type ActingOfficer = {
  readonly userId: UserId;
  readonly roles: readonly Role[];
  /** Why this person is too near to this case to decide in it; null when nothing is known. */
  readonly conflict: string | null;
};

export type May<T = null> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: FaultCode; readonly why: string };

/** A refusal: its code, and the sentence that says what to do. */
export const no = (code: FaultCode, why: string): { ok: false; code: FaultCode; why: string } => ({
  ok: false,
  code,
  why,
});

/** What every step on the desk asks of a person, before any state is looked at. */
export function mayDecide(actor: ActingOfficer): May {
  if (!actor.roles.includes("officer")) {
    return no("auth.forbidden", "Only an officer decides here: ask the operator for the role");
  }
  if (actor.conflict !== null) {
    return no(
      "auth.conflict-of-interest",
      `You cannot decide in this case as ${actor.conflict}: leave it to another officer`,
    );
  }
  return { ok: true, value: null };
}

/**
 * The rule of two humans (design law 2), for every table of steps on the desk: whether this actor may take a step that its state
 * allows. The sentences are the caller's, as they say what to do about this decision or that opening.
 */
export function mayStep<State>(
  step: { readonly next: State; readonly actor: Actor },
  input: {
    readonly actor: ActingOfficer | "clock";
    readonly authorId: UserId;
    readonly clockOnly: string;
    readonly ownWork: string;
    readonly authorOnly: string;
  },
): May<State> {
  if (input.actor === "clock") {
    return step.actor === "clock"
      ? { ok: true, value: step.next }
      : no("auth.forbidden", "The clock cannot take this step: a person has to");
  }
  if (step.actor === "clock") return no("auth.forbidden", input.clockOnly);
  const general = mayDecide(input.actor);
  if (!general.ok) return general;
  const own = input.actor.userId === input.authorId;
  if (step.actor === "another-officer" && own) return no("auth.two-humans", input.ownWork);
  if (step.actor === "author" && !own) return no("auth.forbidden", input.authorOnly);
  return { ok: true, value: step.next };
}

const STANDS: Record<DecisionState, string> = {
  proposed: "is still a proposal",
  braked: "is a brake that waits for its ratification",
  confirmed: "is confirmed already",
  rejected: "was rejected",
  withdrawn: "was withdrawn by its author",
  released: "was released",
  lapsed: "lapsed, as nobody ratified it in time",
};

const NEXT: Record<DecisionState, string> = {
  proposed: "confirm it, reject it, or let its author withdraw it",
  braked: "ratify it or release it",
  confirmed: "to undo it, propose a lift of its measure",
  rejected: "make a new proposal",
  withdrawn: "make a new proposal",
  released: "make a new proposal",
  lapsed: "make a new proposal, which two officers confirm",
};

/** Whether `actor` may take `action` on a decision in `state`, and the state it leads to. */
export function mayAct(input: {
  readonly state: DecisionState;
  readonly action: DecisionAction;
  readonly authorId: UserId;
  readonly actor: ActingOfficer | "clock";
}): May<DecisionState> {
  const steps: Partial<Record<DecisionAction, DecisionStep>> = DECISION_STEPS[input.state];
  const step = steps[input.action];
  if (step === undefined) {
    return no(
      "state.conflict",
      `Cannot ${input.action} this decision as it ${STANDS[input.state]}: ${NEXT[input.state]}`,
    );
  }
  return mayStep(step, {
    actor: input.actor,
    authorId: input.authorId,
    clockOnly: "Only the clock lets a brake lapse: release it to end it now, or ratify it to keep it",
    ownWork: "You made this decision yourself, so another officer has to take this step: ask a colleague",
    authorOnly: "Only its author can withdraw a proposal: reject it if you do not agree with it",
  });
}

/** What the console shows on a decision: each action of its state, allowed or disabled with the reason. */
export function allowedActions(input: {
  readonly state: DecisionState;
  readonly authorId: UserId;
  readonly actor: ActingOfficer;
}): readonly { action: DecisionAction; ok: boolean; why: string | null }[] {
  return (Object.keys(DECISION_STEPS[input.state]) as DecisionAction[]).map((action) => {
    const may = mayAct({ ...input, action });
    return { action, ok: may.ok, why: may.ok ? null : may.why };
  });
}

/** Whether `actor` may decide an appeal: nobody who took part in the decision it is about (design law 8). */
export function mayDecideAppeal(input: {
  readonly actor: ActingOfficer;
  readonly open: boolean;
  readonly tookPart: readonly UserId[];
}): May {
  if (!input.open) {
    return no("state.conflict", "This appeal is decided already: the parties have been told");
  }
  const general = mayDecide(input.actor);
  if (!general.ok) return general;
  if (input.tookPart.includes(input.actor.userId)) {
    return no(
      "auth.conflict-of-interest",
      "You took part in the decision that this appeal is about, or rated its danger: another officer has to decide it",
    );
  }
  return { ok: true, value: null };
}

/** Whether one officer may pull the brake in a case (design law 2). */
export function mayBrake(input: {
  readonly actor: ActingOfficer;
  readonly level: string;
  readonly kind: string;
  /** Milliseconds since the Unix epoch at which a brake was last pulled in this case; null when never. */
  readonly spentAtMs: number | null;
  /** Milliseconds since the Unix epoch of the newest evidence in this case; null when there is none. */
  readonly evidenceAtMs: number | null;
  readonly standing: boolean;
}): May {
  const general = mayDecide(input.actor);
  if (!general.ok) return general;
  if (input.level !== "IMMINENT") {
    return no(
      "desk.level-too-low",
      `The brake is for IMMINENT danger and this case is at ${input.level}: propose a measure, or assess the danger anew with evidence`,
    );
  }
  if (input.kind !== "withhold") {
    return no(
      "input.invalid",
      `The brake can only withhold: "${input.kind}" needs two officers from the start`,
    );
  }
  if (input.standing) {
    return no("state.conflict", "A brake already stands in this case: ratify it or release it");
  }
  if (input.spentAtMs !== null && (input.evidenceAtMs === null || input.evidenceAtMs <= input.spentAtMs)) {
    return no(
      "desk.brake-spent",
      "The brake was pulled once in this case and nothing new has come in since: propose a measure, or capture new evidence first",
    );
  }
  return { ok: true, value: null };
}

export const KIND_WORDS: Record<DecisionKind, string> = {
  measure: "measure",
  brake: "brake",
  refusal: "refusal",
  lift: "lift",
};
