/**
 * The detector: reads lines, proposes pointers, each with its line, its quote and its reason. It is thin and bilingual and it
 * errs towards silence on what it does not understand; a person decides. It reads captures and what reporters quoted, never a
 * reporter's own words as a threat: from those it takes only how the reporter is doing (V). Every copy of a line gives the
 * same pointers, so numbers of reports change nothing (design law 4). Pure; bounded by the constants below.
 */
import type { Certainty, EvidencePointer, Score } from "../../contract/danger.ts";
import type { EvidenceId, ReportId } from "../../contract/ids.ts";
import { GROUP, PATTERNS, PERSON, PLACE, PRONOUN, SITUATION, SOON, TAKER } from "./detect-patterns.ts";

export const LINES_MAX = 5000;
export const LINE_CHARS_MAX = 1000;
export const POINTERS_PER_SCORE_MAX = 3;
export const QUOTE_CHARS_MAX = 240;
/** A time or a place speaks of a threat only when it stands near one. */
const NEAR_LINES = 6;

export type Source = {
  readonly source: EvidenceId | ReportId;
  readonly certainty: Certainty;
  readonly lines: readonly string[];
};

type Draft = Omit<EvidencePointer, "source" | "certainty">;

const quoteOf = (line: string): string => line.trim().slice(0, QUOTE_CHARS_MAX);

export function detect(source: Source): EvidencePointer[] {
  const lines = source.lines
    .slice(0, LINES_MAX)
    .map((line) => line.slice(0, LINE_CHARS_MAX).normalize("NFC"));
  const drafts: Draft[] = [];
  const takers: number[] = [];
  const soon: number[] = [];
  const places: number[] = [];
  lines.forEach((line, i) => {
    for (const pattern of PATTERNS) {
      if (pattern.find.test(line)) {
        drafts.push({
          dimension: pattern.dimension,
          score: pattern.score,
          line: i + 1,
          quote: quoteOf(line),
          why: pattern.why,
        });
      }
    }
    if (TAKER.test(line)) takers.push(i);
    if (SOON.test(line)) soon.push(i);
    if (PLACE.test(line)) places.push(i);
  });
  const threats = linesWith(drafts, "H");
  const calls = linesWith(drafts, "M", 2);
  drafts.push(...mobilisation({ lines, takers, calls, threats }));
  drafts.push(...target({ lines, drafts, threats }));
  drafts.push(...specificity({ lines, drafts, soon, places, around: [...threats, ...calls] }));
  return fewest(drafts).map((draft) => ({ ...draft, source: source.source, certainty: source.certainty }));
}

const linesWith = (drafts: readonly Draft[], dimension: string, least = 1): number[] =>
  drafts
    .filter((draft) => draft.dimension === dimension && draft.score >= least)
    .map((draft) => draft.line - 1);

const near = (a: number, list: readonly number[]): boolean => list.some((b) => Math.abs(a - b) <= NEAR_LINES);

/** A call or a threat, and somebody else who offers to go. */
function mobilisation(input: {
  readonly lines: readonly string[];
  readonly takers: readonly number[];
  readonly calls: readonly number[];
  readonly threats: readonly number[];
}): Draft[] {
  const roots = [...input.calls, ...input.threats];
  const answering = input.takers.filter((taker) =>
    roots.some((root) => root < taker && taker - root <= NEAR_LINES * 4),
  );
  const first = answering[0];
  if (first === undefined) return [];
  return answering.slice(0, POINTERS_PER_SCORE_MAX).map((line) => ({
    dimension: "M",
    score: 3,
    line: line + 1,
    quote: quoteOf(input.lines[line] ?? ""),
    why: "offers to go, in answer to a threat or a call",
  }));
}

function target(input: {
  readonly lines: readonly string[];
  readonly drafts: readonly Draft[];
  readonly threats: readonly number[];
}): Draft[] {
  const exposed = linesWith(input.drafts, "E", 3);
  const about = [...input.threats, ...exposed];
  const found: Draft[] = [];
  input.lines.forEach((line, i) => {
    if (!near(i, about)) return;
    const say = (score: Score, why: string): void => {
      found.push({ dimension: "T", score, line: i + 1, quote: quoteOf(line), why });
    };
    const person = PERSON.test(line);
    if (person && near(i, exposed)) say(3, "names a person beside the place where they can be reached");
    else if (person) say(2, "names a person");
    else if (PRONOUN.test(line) && exposed.length > 0 && near(i, exposed))
      say(3, "speaks of the person whose place is given");
    else if (PRONOUN.test(line) && input.threats.includes(i)) say(2, "speaks of one person");
    else if (GROUP.test(line)) say(1, "speaks of a group");
  });
  return found;
}

/** How many of who, what, when, where and how were stated around a threat; a time within 72 hours alone makes 3. */
function specificity(input: {
  readonly lines: readonly string[];
  readonly drafts: readonly Draft[];
  readonly soon: readonly number[];
  readonly places: readonly number[];
  readonly around: readonly number[];
}): Draft[] {
  if (input.around.length === 0) return [];
  const when = input.soon.filter((line) => near(line, input.around));
  const where = [...input.places, ...linesWith(input.drafts, "E", 3)].filter((line) =>
    near(line, input.around),
  );
  const how = linesWith(input.drafts, "C").filter((line) => near(line, input.around));
  const who = linesWith(input.drafts, "T", 2);
  const what = linesWith(input.drafts, "H", 2);
  const stated = [who, what, when, where, how].filter((list) => list.length > 0).length;
  const score: Score = when.length > 0 || stated >= 4 ? 3 : stated === 3 ? 2 : stated === 2 ? 1 : 0;
  const shown = when[0] ?? where[0] ?? how[0] ?? input.around[0] ?? 0;
  if (score === 0) return [];
  return [
    {
      dimension: "S",
      score,
      line: shown + 1,
      quote: quoteOf(input.lines[shown] ?? ""),
      why:
        when.length > 0
          ? "states a time within 72 hours beside a threat or a call"
          : `states ${stated} of who, what, when, where, how`,
    },
  ];
}

/** At most a few pointers a score, from the top of the text: more of the same is not more. */
function fewest(drafts: readonly Draft[]): Draft[] {
  const counts = new Map<string, number>();
  const kept: Draft[] = [];
  for (const draft of [...drafts].sort((a, b) => a.line - b.line)) {
    const key = `${draft.dimension}${draft.score}`;
    const count = counts.get(key) ?? 0;
    if (count >= POINTERS_PER_SCORE_MAX) continue;
    counts.set(key, count + 1);
    kept.push(draft);
  }
  return kept;
}

/** How the reporter is doing, from their own words. Nothing of it is a threat. */
export function detectSituation(source: ReportId, statement: string): EvidencePointer[] {
  const lines = statement.split("\n").slice(0, LINES_MAX);
  for (const { score, why, find } of SITUATION) {
    const at = lines.findIndex((line) => find.test(line.slice(0, LINE_CHARS_MAX).normalize("NFC")));
    if (at >= 0) {
      return [
        {
          dimension: "V",
          score,
          certainty: "reported",
          source,
          line: at + 1,
          quote: quoteOf(lines[at] ?? ""),
          why,
        },
      ];
    }
  }
  return [];
}

const HOUR_MS = 3_600_000;

/**
 * Acceleration, from our own captures of one page over time: more threats and calls than before. Within 48 hours 3, within seven
 * days 2, the same again 1. What reporters say cannot make it, so it cannot be made up.
 */
export function detectAcceleration(
  captures: readonly {
    readonly evidenceId: EvidenceId;
    readonly url: string;
    readonly atMs: number;
    readonly lines: readonly string[];
  }[],
): EvidencePointer[] {
  const pointers: EvidencePointer[] = [];
  const counted = captures.map((capture) => {
    const hits = capture.lines
      .slice(0, LINES_MAX)
      .map((line, i) => ({ line: i, text: line.slice(0, LINE_CHARS_MAX).normalize("NFC") }))
      .filter(({ text }) =>
        PATTERNS.some(
          (pattern) =>
            pattern.score >= 2 && ["H", "C", "M"].includes(pattern.dimension) && pattern.find.test(text),
        ),
      );
    return { ...capture, hits, texts: new Set(hits.map((hit) => hit.text.trim())) };
  });
  for (const [i, later] of counted.entries()) {
    const earlier = counted.slice(0, i).findLast((other) => other.url === later.url);
    if (earlier === undefined || later.hits.length === 0) continue;
    const fresh = later.hits.filter((hit) => !earlier.texts.has(hit.text.trim()));
    const spanMs = later.atMs - earlier.atMs;
    const score: Score =
      fresh.length === 0 ? 1 : spanMs <= 48 * HOUR_MS ? 3 : spanMs <= 168 * HOUR_MS ? 2 : 1;
    const shown = fresh[0] ?? later.hits[0];
    if (shown === undefined) continue;
    pointers.push({
      dimension: "A",
      score,
      certainty: "seen",
      source: later.evidenceId,
      line: shown.line + 1,
      quote: quoteOf(shown.text),
      why:
        fresh.length === 0
          ? "the same threats stand at a second capture"
          : `${fresh.length} new threats or calls since the capture ${Math.round(spanMs / HOUR_MS)} h before`,
    });
  }
  return pointers.slice(-POINTERS_PER_SCORE_MAX);
}

const STOPWORDS = {
  en: new Set(
    "the and of to in is it that for on was with as are this be at have not you her his she he they we from".split(
      " ",
    ),
  ),
  fr: new Set(
    "le la les de des et un une est que qui dans pour sur pas elle il vous nous avec ce cette sont au du se".split(
      " ",
    ),
  ),
};

/** Whether a text is long enough to tell its language and is neither English nor French. */
export function isUnreadLanguage(text: string): boolean {
  const tokens =
    text
      .toLowerCase()
      .match(/\p{L}+/gu)
      ?.slice(0, 2000) ?? [];
  if (tokens.length < 20) return false;
  const known = tokens.filter((token) => STOPWORDS.en.has(token) || STOPWORDS.fr.has(token)).length;
  return known / tokens.length < 0.08;
}
