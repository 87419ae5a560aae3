/**
 * The rubric tr-1.0: scores, credibility and signs become one level, by the highest rule that fires. Rules, not a sum: ten
 * small things do not make a great one. An unknown dimension fires nothing and is shown as unknown, never as 0. Raising any
 * score never lowers the level (a test holds it). A contradicted report (K0) is capped at MODERATE until a human confirms it.
 * Pure. Source: the rubric's own table; public concepts of threat assessment only, no licensed instrument.
 */
import {
  DANGER_LEVELS,
  DIMENSIONS,
  RUBRIC,
  type Credibility,
  type DangerLevel,
  type Dimension,
  type EvidencePointer,
  type Score,
  type Scores,
} from "../../contract/danger.ts";
import type { Harm } from "../../contract/desk-states.ts";

/** What a score cannot say; each is ticked by a person, or follows from harm and scores. */
export const SIGNS = [
  "attempt-under-way",
  "swatting-announced",
  "minor-in-present-danger",
  "prior-swatting",
  "persistent",
] as const;
export type Sign = (typeof SIGNS)[number];

export const UNKNOWN_SCORES: Scores = {
  H: null,
  T: null,
  E: null,
  S: null,
  C: null,
  M: null,
  A: null,
  V: null,
};

type Facts = {
  readonly scores: Scores;
  readonly credibility: Credibility;
  readonly signs: readonly Sign[];
  readonly harm: Harm;
};
type Rule = { readonly level: DangerLevel; readonly rule: string; readonly fires: (facts: Facts) => boolean };

const at = (facts: Facts, dimension: Dimension, least: number): boolean => {
  const score = facts.scores[dimension];
  return score !== null && score >= least;
};
const anyAt = (facts: Facts, dimensions: readonly Dimension[], least: number): boolean =>
  dimensions.some((dimension) => at(facts, dimension, least));

/** From the highest level down; within a level the order only decides which rule is named. */
export const RULES: readonly Rule[] = [
  {
    level: "IMMINENT",
    rule: "H>=3 & T>=2 & (S=3 | C=3 | A=3) & K>=1",
    fires: (f) => at(f, "H", 3) && at(f, "T", 2) && anyAt(f, ["S", "C", "A"], 3) && f.credibility >= 1,
  },
  { level: "IMMINENT", rule: "attempt under way", fires: (f) => f.signs.includes("attempt-under-way") },
  {
    level: "IMMINENT",
    rule: "swatting announced",
    fires: (f) => f.signs.includes("swatting-announced") || (f.harm === "swatting" && at(f, "C", 3)),
  },
  {
    level: "IMMINENT",
    rule: "minor in present danger",
    fires: (f) => f.signs.includes("minor-in-present-danger"),
  },
  {
    level: "IMMINENT",
    rule: "T=3 & E=3 & M=3",
    fires: (f) => at(f, "T", 3) && at(f, "E", 3) && at(f, "M", 3),
  },
  {
    level: "HIGH",
    rule: "H>=2 & T>=2 & (S>=2 | C>=2 | A>=2)",
    fires: (f) => at(f, "H", 2) && at(f, "T", 2) && anyAt(f, ["S", "C", "A"], 2),
  },
  { level: "HIGH", rule: "E=3 & (M>=2 | A>=2)", fires: (f) => at(f, "E", 3) && anyAt(f, ["M", "A"], 2) },
  {
    level: "HIGH",
    rule: "prior swatting of the same person",
    fires: (f) => f.signs.includes("prior-swatting"),
  },
  { level: "HIGH", rule: "child safety runs on this clock", fires: (f) => f.harm === "child-safety" },
  { level: "ELEVATED", rule: "E=3", fires: (f) => at(f, "E", 3) },
  { level: "ELEVATED", rule: "H>=2 & T>=2", fires: (f) => at(f, "H", 2) && at(f, "T", 2) },
  { level: "ELEVATED", rule: "M>=2 & T>=2", fires: (f) => at(f, "M", 2) && at(f, "T", 2) },
  {
    level: "ELEVATED",
    rule: "two of {A>=2, V>=2, C>=1}",
    fires: (f) => [at(f, "A", 2), at(f, "V", 2), at(f, "C", 1)].filter(Boolean).length >= 2,
  },
  { level: "MODERATE", rule: "E>=2", fires: (f) => at(f, "E", 2) },
  // The table says "H=1–2 vs group"; a threat to kill a group is not less, so the rule has no upper end.
  { level: "MODERATE", rule: "H>=1 & T>=1", fires: (f) => at(f, "H", 1) && at(f, "T", 1) },
  {
    level: "MODERATE",
    rule: "A>=1, persistent",
    fires: (f) => at(f, "A", 1) && f.signs.includes("persistent"),
  },
  { level: "MODERATE", rule: "V>=1", fires: (f) => at(f, "V", 1) },
  { level: "LOW", rule: "everything else", fires: () => true },
];

export type Rating = {
  readonly rubric: typeof RUBRIC;
  readonly level: DangerLevel;
  readonly rule: string;
  readonly unknown: readonly Dimension[];
  /** Orders cases inside a level: the sum of what is known. */
  readonly sum: number;
};

const rank = (level: DangerLevel): number => DANGER_LEVELS.indexOf(level);

export function rate(input: {
  readonly scores: Scores;
  readonly credibility: Credibility;
  readonly signs?: readonly Sign[];
  readonly harm: Harm;
  /** A person has looked and stands behind the scores: lifts the cap of K0. */
  readonly confirmed: boolean;
  /** Nobody has read the language of the evidence yet: one level up until somebody has, but never to IMMINENT. */
  readonly unread?: boolean;
}): Rating {
  const facts: Facts = {
    scores: input.scores,
    credibility: input.credibility,
    signs: input.signs ?? [],
    harm: input.harm,
  };
  const fired = RULES.find((rule) => rule.fires(facts));
  if (fired === undefined) throw new Error("the last rule always fires");
  let { level, rule } = { level: fired.level, rule: fired.rule };
  if (input.unread === true && !input.confirmed && rank(level) < rank("HIGH")) {
    level = DANGER_LEVELS[rank(level) + 1] ?? level;
    rule = `${rule}; one level up until somebody has read the language`;
  }
  if (input.credibility === 0 && !input.confirmed && rank(level) > rank("MODERATE")) {
    level = "MODERATE";
    rule = `${rule}; capped as K=0 until a human confirms`;
  }
  const dimensions = Object.keys(DIMENSIONS) as Dimension[];
  return {
    rubric: RUBRIC,
    level,
    rule,
    unknown: dimensions.filter((dimension) => input.scores[dimension] === null),
    sum: dimensions.reduce((sum, dimension) => sum + (input.scores[dimension] ?? 0), 0),
  };
}

/** The highest score of each dimension among the pointers; a dimension without a pointer is unknown. */
export function scoresOf(evidence: readonly Pick<EvidencePointer, "dimension" | "score">[]): Scores {
  const scores: Record<Dimension, Score | null> = { ...UNKNOWN_SCORES };
  for (const { dimension, score } of evidence) {
    const known = scores[dimension];
    if (known === null || score > known) scores[dimension] = score;
  }
  return scores;
}

/** A detector's proposal over what stands: it may raise each score, and what it does not know it leaves alone. */
export function raiseOnly(standing: Scores, proposed: Scores): Scores {
  const scores: Record<Dimension, Score | null> = { ...standing };
  for (const dimension of Object.keys(DIMENSIONS) as Dimension[]) {
    const known = scores[dimension];
    const said = proposed[dimension];
    if (said !== null && (known === null || said > known)) scores[dimension] = said;
  }
  return scores;
}

/**
 * The level that stands after several people rated one case. When two differ by two levels or more, the higher one stands until a
 * third has rated it as well; otherwise the newest does.
 */
export function settleLevels(ratings: readonly { readonly by: string; readonly level: DangerLevel }[]): {
  readonly level: DangerLevel | null;
  readonly thirdNeeded: boolean;
} {
  const newest = ratings.at(-1);
  if (newest === undefined) return { level: null, thirdNeeded: false };
  const ranks = ratings.map((rating) => rank(rating.level));
  const spread = Math.max(...ranks) - Math.min(...ranks);
  if (ratings.length === 2 && spread >= 2) {
    return { level: DANGER_LEVELS[Math.max(...ranks)] ?? newest.level, thirdNeeded: true };
  }
  return { level: newest.level, thirdNeeded: false };
}
