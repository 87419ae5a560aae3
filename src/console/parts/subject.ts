/** A measure's subject as one line: what a person would type into an address bar, or the site's name. */
import type { CaseRow } from "../../contract/http.ts";
import type { MeasureSubject, Scope } from "../../contract/measure.ts";
import type { Words } from "../words/english.ts";

export const subjectLine = (subject: CaseRow["subject"]): string =>
  subject.hostname === undefined ? subject.siteName : `${subject.hostname}${subject.path ?? ""}`;

/** The subject at a scope, as a person would name it. */
export function plainLine(scope: Scope, subject: MeasureSubject & { readonly siteName?: string }): string {
  if (scope === "site" || scope === "account") return subject.siteName ?? subject.hostname ?? "";
  return scope === "hostname" ? (subject.hostname ?? "") : `${subject.hostname ?? ""}${subject.path ?? ""}`;
}

export function scopedLine(
  scope: Scope,
  subject: MeasureSubject & { readonly siteName?: string },
  words: Words,
): string {
  const what = plainLine(scope, subject);
  return what === "" ? words.scope[scope] : `${words.scope[scope]}${words.common.colon}${what}`;
}
