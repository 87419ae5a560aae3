/**
 * The proposal form's rules, apart from its looks: the narrowest scope comes first, a wider one asks for a reason, and
 * a field that is missing is named before anything is sent. The server checks all of it again.
 */
import type { MeasureProposal } from "../contract/http.ts";
import {
  FACTS_CHARS_MAX,
  REASON_CHARS_MAX,
  SCOPES,
  type Clause,
  type MeasureKind,
  type MeasureSubject,
  type Scope,
} from "../contract/measure.ts";
import { fromLocalField, toLocalField } from "./moments.ts";
import type { Words } from "./words/english.ts";

export type ProposalDraft = {
  readonly kind: MeasureKind;
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
    kind: "withhold",
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

/** Ending the service altogether is the most severe kind: it always asks why nothing milder is enough. */
export const asksReasonWider = (draft: Pick<ProposalDraft, "scope" | "kind">, narrowest: Scope): boolean =>
  isWider(draft.scope, narrowest) || draft.kind === "withdraw";

export const countryCodes = (text: string): readonly string[] =>
  text
    .toUpperCase()
    .split(/[\s,;]+/)
    .filter(Boolean);

/** What is still missing, by field. Empty when the draft may be sent. */
export function missingIn(
  draft: ProposalDraft,
  input: { readonly narrowest: Scope; readonly now: number; readonly words: Words },
): Readonly<Partial<Record<ProposalField, string>>> {
  const say = input.words.propose.missing;
  const missing: Partial<Record<ProposalField, string>> = {};
  if (asksHostname(draft.scope) && draft.hostname.trim() === "") missing.hostname = say.hostname;
  if (asksPath(draft.scope) && !draft.path.startsWith("/")) missing.path = say.path;
  if (draft.clause === "") missing.clause = say.clause;
  if (draft.facts.trim() === "" || draft.facts.length > FACTS_CHARS_MAX) missing.facts = say.facts;
  if (draft.reason.trim() === "" || draft.reason.length > REASON_CHARS_MAX) missing.reason = say.reason;
  if (asksReasonWider(draft, input.narrowest) && draft.reasonWider.trim() === "")
    missing.reasonWider = say.reasonWider;
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
  input: { readonly subject: MeasureSubject; readonly narrowest: Scope },
): MeasureProposal {
  if (draft.clause === "") throw new Error("Proposal has no clause: check missingIn first");
  const when = fromLocalField(draft.when);
  return {
    kind: draft.kind,
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
    reasonWider: asksReasonWider(draft, input.narrowest) ? draft.reasonWider.trim() : null,
    reason: draft.reason.trim(),
  };
}
