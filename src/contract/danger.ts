/**
 * The danger rubric "tr-1.0" as data: levels, dimensions, clocks. It orders the queue and starts clocks; it never
 * decides a measure. Structured professional judgement with public concepts only; every point names its evidence.
 */
import type { EvidenceId, ReportId, UserId } from "./ids.ts";

export const RUBRIC = "tr-1.0";

/** From calm to urgent. There is no "no concern": LOW is the floor. */
export const DANGER_LEVELS = ["LOW", "MODERATE", "ELEVATED", "HIGH", "IMMINENT"] as const;
export type DangerLevel = (typeof DANGER_LEVELS)[number];

/** What each dimension asks. Scores run 0–3; null means unknown, and is shown as unknown, never as 0. */
export const DIMENSIONS = {
  H: "Harm named",
  T: "Target",
  E: "Exposure",
  S: "Specificity",
  C: "Capability and steps",
  M: "Mobilisation",
  A: "Acceleration",
  V: "Victim's situation",
} as const;
export type Dimension = keyof typeof DIMENSIONS;
export type Score = 0 | 1 | 2 | 3;
export type Scores = { readonly [D in Dimension]: Score | null };

/** 0 contradicted · 1 unverified · 2 seen by our capture or two independent sources · 3 confirmed by an authority. */
export type Credibility = 0 | 1 | 2 | 3;
export const CERTAINTIES = ["seen", "reported", "inferred"] as const;
export type Certainty = (typeof CERTAINTIES)[number];

/** One line of evidence behind one point. */
export type EvidencePointer = {
  readonly dimension: Dimension;
  readonly score: Score;
  readonly certainty: Certainty;
  readonly source: EvidenceId | ReportId;
  /** 1-based line in the source's text. */
  readonly line: number;
  readonly quote: string;
  readonly why: string;
};

export type DangerAssessment = {
  readonly rubric: typeof RUBRIC;
  readonly level: DangerLevel;
  /** The rule that fired, readable, like "H>=3 & T>=2 & S=3 & K>=1". */
  readonly rule: string;
  readonly scores: Scores;
  readonly credibility: Credibility;
  readonly evidence: readonly EvidencePointer[];
  readonly proposedBy: string;
  readonly confirmedBy: readonly UserId[];
  readonly assessedAt: string;
  readonly nextReviewAt: string;
};

/** Milliseconds from the level's start to the first human, and to a decision. */
export const DANGER_CLOCKS = {
  IMMINENT: { firstHumanMs: 5 * 60_000, decisionMs: 15 * 60_000 },
  HIGH: { firstHumanMs: 60 * 60_000, decisionMs: 4 * 3_600_000 },
  ELEVATED: { firstHumanMs: 4 * 3_600_000, decisionMs: 24 * 3_600_000 },
  MODERATE: { firstHumanMs: 24 * 3_600_000, decisionMs: 72 * 3_600_000 },
  LOW: { firstHumanMs: 72 * 3_600_000, decisionMs: 7 * 24 * 3_600_000 },
} as const satisfies Record<DangerLevel, { firstHumanMs: number; decisionMs: number }>;
