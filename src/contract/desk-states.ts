/**
 * Who may do what in which state, as data. The desk's core decides by these tables, the console draws its buttons from
 * them, the tests walk every cell. A pair that is not here is not allowed.
 */

export const ROLES = ["operator", "officer", "customer"] as const;
export type Role = (typeof ROLES)[number];

export const CASE_STATES = ["new", "in_review", "decided", "closed"] as const;
export type CaseState = (typeof CASE_STATES)[number];

export const DECISION_KINDS = ["measure", "brake", "refusal", "lift"] as const;
export type DecisionKind = (typeof DECISION_KINDS)[number];

/** `braked` is a brake that one officer pulled and nobody has ratified yet. */
export const DECISION_STATES = [
  "proposed",
  "braked",
  "confirmed",
  "rejected",
  "withdrawn",
  "released",
  "lapsed",
] as const;
export type DecisionState = (typeof DECISION_STATES)[number];

export const DECISION_ACTIONS = ["confirm", "reject", "withdraw", "ratify", "release", "lapse"] as const;
export type DecisionAction = (typeof DECISION_ACTIONS)[number];

/** Who may take a step: somebody else than the author, the author alone, any officer, or only the clock. */
export type Actor = "another-officer" | "author" | "any-officer" | "clock";

export type DecisionStep = { readonly next: DecisionState; readonly actor: Actor };

export const DECISION_STEPS = {
  proposed: {
    confirm: { next: "confirmed", actor: "another-officer" },
    reject: { next: "rejected", actor: "another-officer" },
    withdraw: { next: "withdrawn", actor: "author" },
  },
  braked: {
    ratify: { next: "confirmed", actor: "another-officer" },
    release: { next: "released", actor: "any-officer" },
    lapse: { next: "lapsed", actor: "clock" },
  },
  confirmed: {},
  rejected: {},
  withdrawn: {},
  released: {},
  lapsed: {},
} as const satisfies Record<DecisionState, Partial<Record<DecisionAction, DecisionStep>>>;

/** Why a sealed identity may be opened (design law 1). There is no other ground. */
export const OPENING_GROUNDS = ["danger-to-reporter", "lawful-order", "reporter-asked"] as const;
export type OpeningGround = (typeof OPENING_GROUNDS)[number];

export const OPENING_STATES = ["requested", "approved", "refused", "withdrawn", "closed"] as const;
export type OpeningState = (typeof OPENING_STATES)[number];

export const OPENING_ACTIONS = ["approve", "refuse", "withdraw", "close"] as const;
export type OpeningAction = (typeof OPENING_ACTIONS)[number];

export type OpeningStep = { readonly next: OpeningState; readonly actor: Actor };

/** The author is the officer who asked. An approved opening closes by the clock alone. */
export const OPENING_STEPS = {
  requested: {
    approve: { next: "approved", actor: "another-officer" },
    refuse: { next: "refused", actor: "another-officer" },
    withdraw: { next: "withdrawn", actor: "author" },
  },
  approved: {
    close: { next: "closed", actor: "clock" },
  },
  refused: {},
  withdrawn: {},
  closed: {},
} as const satisfies Record<OpeningState, Partial<Record<OpeningAction, OpeningStep>>>;

/** The written purpose of an opening, in characters. */
export const PURPOSE_CHARS_MIN = 20;
export const PURPOSE_CHARS_MAX = 2000;
/** From the approval: after this nobody gets the sealed bytes without a new request. */
export const OPENING_HOLD_MS = 24 * 3_600_000;

/** pending: waits for its receipt · sent: on its way to the edges · in_force · lifting: on its way out · ended. */
export const MEASURE_STATES = ["pending", "sent", "in_force", "lifting", "ended"] as const;
export type MeasureState = (typeof MEASURE_STATES)[number];

export const APPEAL_STATES = ["open", "granted", "refused"] as const;
export type AppealState = (typeof APPEAL_STATES)[number];

/** active: served · held: recognised as a possible return, waits for a human · refused · removed. */
export const SITE_STATES = ["active", "held", "refused", "removed"] as const;
export type SiteState = (typeof SITE_STATES)[number];

export const HARMS = [
  "threat-to-life",
  "doxxing",
  "harassment",
  "swatting",
  "ncii",
  "child-safety",
  "terror",
  "phishing",
  "malware",
  "fraud",
  "copyright",
  "other",
] as const;
export type Harm = (typeof HARMS)[number];

/** Harms that concern a person's safety: the site is never told who reported, whatever the reporter ticked. */
export const PERSON_DANGER_HARMS: readonly Harm[] = [
  "threat-to-life",
  "doxxing",
  "harassment",
  "swatting",
  "ncii",
  "child-safety",
];

export const REFERRAL_KINDS = ["host", "registrar", "police", "hotline", "emergency-service"] as const;
export type ReferralKind = (typeof REFERRAL_KINDS)[number];
export const REFERRAL_STATES = ["queued", "sent", "acknowledged", "failed"] as const;
export type ReferralState = (typeof REFERRAL_STATES)[number];
