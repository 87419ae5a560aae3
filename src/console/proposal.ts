/**
 * The proposal form's rules, apart from its looks: the narrowest scope comes first, a wider one asks for a reason, and
 * a field that is missing is named before anything is sent. The server checks all of it again.
 */
import type { MeasureProposal } from "../contract/http.ts";
import {
  FACTS_CHARS_MAX,
  MEASURE_KINDS,
  REASON_CHARS_MAX,
  SCOPES,
  type Clause,
  type MeasureKind,
  type MeasureSubject,
  type Scope,
} from "../contract/measure.ts";
import type { DangerLevel } from "../contract/danger.ts";
import { MILDEST_BY_LEVEL, mildestKind } from "../contract/mildest.ts";
import { fromLocalField, toLocalField } from "./moments.ts";
import type { Words } from "./words/english.ts";

export type ProposalDraft = {
  /** null until somebody chooses: then the mildest kind that answers stands, and follows the clause. */
  readonly kind: MeasureKind | null;
  readonly scope: Scope;
  readonly hostname: string;
  readonly path: string;
  readonly clause: Clause | "";
  readonly facts: string;
  readonly everywhere: boolean;
  readonly countries: string;
  readonly end: "ends" | "review";
  /** The value of a datetime-local field. */
  readonly when: string;
  readonly reasonWider: string;
  readonly reason: string;
};

export type ProposalField =
  "clause" | "facts" | "reason" | "reasonWider" | "when" | "path" | "hostname" | "territory";

/** Every proposal begins with a review in seven days: no measure stands unlooked-at. */
export const FIRST_REVIEW_MS = 7 * 24 * 60 * 60 * 1000;

export function firstDraft(
  narrowest: { readonly scope: Scope; readonly subject: MeasureSubject },
  input: { readonly now: number },
): ProposalDraft {
  return {
    kind: null,
    scope: narrowest.scope,
    hostname: narrowest.subject.hostname ?? "",
    path: narrowest.subject.path ?? "/",
    clause: "",
    facts: "",
    everywhere: true,
    countries: "",
    end: "review",
    when: toLocalField(input.now + FIRST_REVIEW_MS),
    reasonWider: "",
    reason: "",
  };
}

export const isWider = (scope: Scope, than: Scope): boolean => SCOPES.indexOf(scope) > SCOPES.indexOf(than);
export const asksHostname = (scope: Scope): boolean =>
  scope === "url" || scope === "path" || scope === "hostname";
export const asksPath = (scope: Scope): boolean => scope === "url" || scope === "path";

/** What the case itself says about how far a measure has to go. */
export type Ground = { readonly narrowest: Scope; readonly level: DangerLevel };

export const mildestFor = (draft: Pick<ProposalDraft, "clause">, level: DangerLevel): MeasureKind =>
  draft.clause === "" ? MILDEST_BY_LEVEL[level] : mildestKind(level, draft.clause);

export const kindOf = (draft: Pick<ProposalDraft, "kind" | "clause">, level: DangerLevel): MeasureKind =>
  draft.kind ?? mildestFor(draft, level);

/** A scope wider than the narrowest, or a kind harder than the mildest, asks for its reason (design law 5). */
export const asksReasonWider = (
  draft: Pick<ProposalDraft, "scope" | "kind" | "clause">,
  ground: Ground,
): boolean =>
  isWider(draft.scope, ground.narrowest) ||
  MEASURE_KINDS.indexOf(kindOf(draft, ground.level)) > MEASURE_KINDS.indexOf(mildestFor(draft, ground.level));

export const countryCodes = (text: string): readonly string[] =>
  text
    .toUpperCase()
    .split(/[\s,;]+/)
    .filter(Boolean);

/** What is still missing, by field. Empty when the draft may be sent. */
export function missingIn(
  draft: ProposalDraft,
  input: Ground & { readonly now: number; readonly words: Words },
): Readonly<Partial<Record<ProposalField, string>>> {
  const say = input.words.propose.missing;
  const missing: Partial<Record<ProposalField, string>> = {};
  if (asksHostname(draft.scope) && draft.hostname.trim() === "") missing.hostname = say.hostname;
  if (asksPath(draft.scope) && !draft.path.startsWith("/")) missing.path = say.path;
  if (draft.clause === "") missing.clause = say.clause;
  if (draft.facts.trim() === "" || draft.facts.length > FACTS_CHARS_MAX) missing.facts = say.facts;
  if (draft.reason.trim() === "" || draft.reason.length > REASON_CHARS_MAX) missing.reason = say.reason;
  if (asksReasonWider(draft, input) && draft.reasonWider.trim() === "") missing.reasonWider = say.reasonWider;
  const when = fromLocalField(draft.when);
  if (when === null || Date.parse(when) <= input.now) missing.when = say.when;
  const codes = countryCodes(draft.countries);
  if (!draft.everywhere && (codes.length === 0 || codes.some((c) => !/^[A-Z]{2}$/.test(c))))
    missing.territory = say.territory;
  return missing;
}

/** The request body. Call it only with a draft that misses nothing. */
export function proposalOf(
  draft: ProposalDraft,
  input: Ground & { readonly subject: MeasureSubject },
): MeasureProposal {
  if (draft.clause === "") throw new Error("Proposal has no clause: check missingIn first");
  const when = fromLocalField(draft.when);
  return {
    kind: kindOf(draft, input.level),
    scope: draft.scope,
    subject: {
      siteId: input.subject.siteId,
      ...(asksHostname(draft.scope) ? { hostname: draft.hostname.trim().toLowerCase() } : {}),
      ...(asksPath(draft.scope) ? { path: draft.path.trim() } : {}),
    },
    clause: draft.clause,
    facts: draft.facts.trim(),
    territory: draft.everywhere ? ["*"] : countryCodes(draft.countries),
    endsAt: draft.end === "ends" ? when : null,
    reviewAt: draft.end === "review" ? when : null,
    // Sent whenever it was written: the desk may ask for it where this form did not.
    reasonWider: draft.reasonWider.trim() === "" ? null : draft.reasonWider.trim(),
    reason: draft.reason.trim(),
  };
}
