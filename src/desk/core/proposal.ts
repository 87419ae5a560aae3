/**
 * What a proposed measure must be before anybody may confirm it: one form of subject for each scope, an end or a review date,
 * facts that are safe to publish, and the narrowest scope and mildest kind that answer the harm, or a written reason for more
 * (design law 5). It refuses facts with an e-mail address, a telephone number, an address of a page or of a home: the notice
 * page must not become the publication. Pure: `nowMs` comes in.
 */
import { DANGER_LEVELS, type Credibility, type DangerLevel } from "../../contract/danger.ts";
import type { MeasureProposal } from "../../contract/http.ts";
import type { SiteId } from "../../contract/ids.ts";
import {
  CLAUSES,
  FACTS_CHARS_MAX,
  MEASURE_KINDS,
  REASON_CHARS_MAX,
  SCOPES,
  type MeasureSubject,
  type Scope,
} from "../../contract/measure.ts";
import { mildestKind } from "../../contract/mildest.ts";
import { exposesAddress } from "./detect-patterns.ts";
import type { May } from "./decide.ts";

const ENDS_AFTER_MS_MAX = 366 * 24 * 3_600_000;
const PATH_CHARS_MAX = 2048;
const HOSTNAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const EMAIL = /[^\s@<>()"]{1,64}@[^\s@<>()"]{1,200}\.[a-z]{2,24}/i;
/** Seven digits or more, with what people put between them. Years, dates and counts stay below that. */
const PHONE = /(?:\+|\b0|\(0)?\d(?:[\s()./-]{0,2}\d){6,17}/g;
const DATE = /^\d{4}-\d{2}-\d{2}(?:[ T]\d{2}(?::?\d{2})?)?$/;
const URL_WITH_PATH = /(?:https?:\/\/|www\.)\S+|\b(?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,24}\/\S+/i;

/** What in `text` must not be published, as a sentence, or null. */
export function unpublishable(text: string): string | null {
  if (EMAIL.test(text)) return "it holds an e-mail address";
  for (const [found] of text.matchAll(PHONE)) {
    if (!DATE.test(found.trim())) return "it holds what looks like a telephone number";
  }
  if (URL_WITH_PATH.test(text)) return "it holds the address of a page";
  if (exposesAddress(text)) return "it holds what looks like a home address";
  return null;
}

export function checkText(
  text: string,
  bounds: { readonly what: string; readonly charsMax: number; readonly publish: boolean },
): string | null {
  if (text.trim() === "") return `Write ${bounds.what}: it is never left out`;
  if (text.length > bounds.charsMax) {
    return `Shorten ${bounds.what} to ${bounds.charsMax} characters: it has ${text.length}`;
  }
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) {
    return `Remove the control characters from ${bounds.what}`;
  }
  const why = bounds.publish ? unpublishable(text) : null;
  return why === null ? null : `Rewrite ${bounds.what}, which will be published, as ${why}`;
}

const rank = <T>(list: readonly T[], value: T): number => list.indexOf(value);

export type Ground = {
  readonly siteId: SiteId;
  /** The site's hostnames; "*.example.org" stands for one label. */
  readonly hostnames: readonly string[];
  readonly level: DangerLevel;
  readonly credibility: Credibility;
  readonly narrowest: { readonly scope: Scope; readonly subject: MeasureSubject };
  readonly nowMs: number;
};

const serves = (hostnames: readonly string[], hostname: string): boolean =>
  hostnames.some(
    (own) =>
      own === hostname ||
      (own.startsWith("*.") && hostname.slice(hostname.indexOf(".") + 1) === own.slice(2)),
  );

function subjectFault(proposal: MeasureProposal, ground: Ground): string | null {
  const { scope, subject } = proposal;
  if (subject.siteId !== ground.siteId) return "Name the site of this case: a case decides about no other";
  if (scope === "site" || scope === "account") {
    return subject.hostname === undefined && subject.path === undefined
      ? null
      : `Leave out hostname and path: scope "${scope}" reaches all of them`;
  }
  if (subject.hostname === undefined || !HOSTNAME.test(subject.hostname)) {
    return `Name the hostname in lower-case A-labels: scope "${scope}" needs one`;
  }
  if (!serves(ground.hostnames, subject.hostname)) {
    return `Choose a hostname of this site: "${subject.hostname}" is not one of them`;
  }
  if (scope === "hostname") {
    return subject.path === undefined ? null : 'Leave out the path: scope "hostname" reaches all of them';
  }
  const path = subject.path;
  if (path === undefined || !path.startsWith("/") || path.length > PATH_CHARS_MAX || /[\s#\\]/.test(path)) {
    return `Give the path, from "/", without spaces and fragment, at most ${PATH_CHARS_MAX} characters`;
  }
  if (scope === "path" && path.includes("?"))
    return 'Leave out the query: scope "path" is a prefix of the path';
  if (scope === "path" && path === "/") return 'Choose scope "hostname": the path "/" is all of it';
  return null;
}

function timesFault(proposal: MeasureProposal, ground: Ground): string | null {
  if (proposal.endsAt === null && proposal.reviewAt === null) {
    return "Set an end or a review date: no measure stands without one";
  }
  for (const [what, text] of [
    ["end", proposal.endsAt],
    ["review date", proposal.reviewAt],
  ] as const) {
    if (text === null) continue;
    const ms = Date.parse(text);
    if (!/^\d{4}-\d{2}-\d{2}T.*Z$/.test(text) || Number.isNaN(ms)) {
      return `Write the ${what} in UTC, like "2026-12-01T12:00:00.000Z"`;
    }
    if (ms <= ground.nowMs) return `Choose ${what === "end" ? "an end" : "a review date"} in the future`;
    if (ms > ground.nowMs + ENDS_AFTER_MS_MAX) return `Choose a ${what} within 366 days`;
  }
  return null;
}

/** How a proposal goes beyond the narrowest that answers, in words; null when it does not. */
export function widerThanNarrowest(proposal: MeasureProposal, ground: Ground): string | null {
  const beyond: string[] = [];
  if (rank(SCOPES, proposal.scope) > rank(SCOPES, ground.narrowest.scope)) {
    beyond.push(`scope "${proposal.scope}" reaches further than "${ground.narrowest.scope}"`);
  }
  const mildest = mildestKind(ground.level, proposal.clause);
  if (rank(MEASURE_KINDS, proposal.kind) > rank(MEASURE_KINDS, mildest)) {
    beyond.push(`kind "${proposal.kind}" is harder than "${mildest}"`);
  }
  return beyond.length === 0 ? null : beyond.join(", and ");
}

/** Whether `proposal` may be put before a second officer at all. */
export function checkProposal(proposal: MeasureProposal, ground: Ground): May {
  const fields: [string, string | null][] = [
    ["kind", MEASURE_KINDS.includes(proposal.kind) ? null : `Choose a kind: ${MEASURE_KINDS.join(", ")}`],
    ["scope", SCOPES.includes(proposal.scope) ? null : `Choose a scope: ${SCOPES.join(", ")}`],
    [
      "clause",
      Object.hasOwn(CLAUSES, proposal.clause) ? null : `Choose a clause: ${Object.keys(CLAUSES).join(", ")}`,
    ],
  ];
  for (const [, why] of fields) if (why !== null) return { ok: false, code: "input.invalid", why };
  // No edge can tell yet where a visitor sits: a territory that is not enforced would be a promise that is not kept.
  const everywhere = proposal.territory.length === 1 && proposal.territory[0] === "*";
  const why =
    subjectFault(proposal, ground) ??
    timesFault(proposal, ground) ??
    (everywhere ? null : 'Give the territory as ["*"], everywhere: edges cannot tell countries apart yet') ??
    checkText(proposal.facts, { what: "the facts", charsMax: FACTS_CHARS_MAX, publish: true }) ??
    checkText(proposal.reason, { what: "your reason", charsMax: REASON_CHARS_MAX, publish: false });
  if (why !== null) return { ok: false, code: "input.invalid", why };
  if (proposal.kind === "withdraw" && ground.credibility < 2) {
    return {
      ok: false,
      code: "desk.level-too-low",
      why: "Withdrawing needs more than an unverified report: capture the page, or find a second independent source",
    };
  }
  const wider = widerThanNarrowest(proposal, ground);
  if (wider !== null) {
    const reason = proposal.reasonWider ?? "";
    const fault = checkText(reason, {
      what: "why nothing narrower answers",
      charsMax: REASON_CHARS_MAX,
      publish: false,
    });
    if (fault !== null) {
      return {
        ok: false,
        code: "desk.not-narrowest",
        why: `This measure is wider than the narrowest that answers (${wider}): write in reasonWider why that does not do`,
      };
    }
  }
  return { ok: true, value: null };
}

/** The higher of two levels. */
export function higher(a: DangerLevel, b: DangerLevel): DangerLevel {
  return rank(DANGER_LEVELS, a) >= rank(DANGER_LEVELS, b) ? a : b;
}
