/**
 * Who may take which step on the way to a sealed identity (design law 1), by the table of `contract/desk-states.ts`. One officer
 * asks, with a ground of a closed list and a written purpose; another approves with a reason; both are without conflict of
 * interest at every step, the last one included. The bytes are for these two alone, after the public log holds the opening, and
 * for 24 hours. Pure: `nowMs` comes in.
 */
import {
  OPENING_GROUNDS,
  OPENING_HOLD_MS,
  OPENING_STEPS,
  PURPOSE_CHARS_MAX,
  PURPOSE_CHARS_MIN,
  type OpeningAction,
  type OpeningState,
  type OpeningStep,
} from "../../contract/desk-states.ts";
import type { UserId } from "../../contract/ids.ts";
import { mayDecide, mayStep, no, type ActingOfficer, type May } from "./decide.ts";
import { checkText } from "./proposal.ts";

/** Beyond this many copies of the same bytes somebody has to ask again: each one is a line in the case. */
export const HAND_OUTS_MAX = 20;

export const openingCloseMs = (approvedMs: number): number => approvedMs + OPENING_HOLD_MS;

/** Whether a request is written as one must be. */
export function checkRequest(input: { readonly ground: string; readonly purpose: string }): May {
  if (!(OPENING_GROUNDS as readonly string[]).includes(input.ground)) {
    return no("input.invalid", `Choose a ground: ${OPENING_GROUNDS.join(", ")}`);
  }
  const why = checkText(input.purpose, {
    what: "the purpose",
    charsMax: PURPOSE_CHARS_MAX,
    publish: false,
  });
  if (why !== null) return no("input.invalid", why);
  if (input.purpose.trim().length < PURPOSE_CHARS_MIN) {
    return no(
      "input.invalid",
      `Write the purpose in at least ${PURPOSE_CHARS_MIN} characters: what the identity is needed for, and by whom`,
    );
  }
  return { ok: true, value: null };
}

const STANDS: Record<OpeningState, string> = {
  requested: "still waits for another officer",
  approved: "is approved already",
  refused: "was refused",
  withdrawn: "was withdrawn by the officer who asked",
  closed: "is closed, as its 24 hours are over",
};
const NEXT: Record<OpeningState, string> = {
  requested: "approve it, refuse it, or let its author withdraw it",
  approved: "it closes by itself 24 hours after its approval",
  refused: "make a new request",
  withdrawn: "make a new request",
  closed: "make a new request",
};

/** Whether `actor` may take `action` on an opening in `state`, and the state it leads to. */
export function mayActOnOpening(input: {
  readonly state: OpeningState;
  readonly action: OpeningAction;
  readonly authorId: UserId;
  readonly actor: ActingOfficer | "clock";
}): May<OpeningState> {
  const steps: Partial<Record<OpeningAction, OpeningStep>> = OPENING_STEPS[input.state];
  const step = steps[input.action];
  if (step === undefined) {
    return no(
      "state.conflict",
      `Cannot ${input.action} this opening as it ${STANDS[input.state]}: ${NEXT[input.state]}`,
    );
  }
  return mayStep(step, {
    actor: input.actor,
    authorId: input.authorId,
    clockOnly: "Only the clock closes an approved opening, 24 hours after its approval",
    ownWork: "You asked for this opening yourself, so another officer has to take this step: ask a colleague",
    authorOnly: "Only the officer who asked can withdraw the request: refuse it if you do not agree with it",
  });
}

/** What the console shows on an opening: each human step of its state, allowed or disabled with the reason. */
export function allowedOnOpening(input: {
  readonly state: OpeningState;
  readonly authorId: UserId;
  readonly actor: ActingOfficer;
}): readonly { action: OpeningAction; ok: boolean; why: string | null }[] {
  const steps: Partial<Record<OpeningAction, OpeningStep>> = OPENING_STEPS[input.state];
  return (Object.keys(steps) as OpeningAction[])
    .filter((action) => steps[action]?.actor !== "clock")
    .map((action) => {
      const may = mayActOnOpening({ ...input, action });
      return { action, ok: may.ok, why: may.ok ? null : may.why };
    });
}

/** Whether `actor` gets the sealed bytes now. */
export function mayTakeSealed(input: {
  readonly actor: ActingOfficer;
  readonly state: OpeningState;
  readonly authorId: UserId;
  readonly secondId: UserId | null;
  /** Milliseconds since the Unix epoch; null until it is approved. */
  readonly closesAtMs: number | null;
  readonly nowMs: number;
  /** Whether the public log holds this opening, in a published checkpoint. */
  readonly logged: boolean;
  readonly handedOut: number;
}): May {
  const general = mayDecide(input.actor);
  if (!general.ok) return general;
  const { state, closesAtMs } = input;
  if (state === "closed" || (state === "approved" && (closesAtMs === null || closesAtMs <= input.nowMs))) {
    return no(
      "state.gone",
      "The 24 hours of this opening are over: make a new request if it is still needed",
    );
  }
  if (state !== "approved") {
    return no("state.conflict", `Nothing is handed out as this opening ${STANDS[state]}: ${NEXT[state]}`);
  }
  if (input.actor.userId !== input.authorId && input.actor.userId !== input.secondId) {
    return no(
      "auth.forbidden",
      "Only the two officers of this opening get the sealed identity: ask one of them",
    );
  }
  if (!input.logged) {
    return no(
      "ledger.behind",
      "The public log does not hold this opening yet, and without its entry nothing is handed out: try again in a moment",
    );
  }
  if (input.handedOut >= HAND_OUTS_MAX) {
    return no(
      "limit.full",
      `This was handed out ${HAND_OUTS_MAX} times: use one of those files, or make a new request`,
    );
  }
  return { ok: true, value: null };
}
