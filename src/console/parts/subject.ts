/** A measure's subject as one line: what a person would type into an address bar, or the site's name. */
import type { CaseRow } from "../../contract/http.ts";
import type { MeasureSubject, Scope } from "../../contract/measure.ts";
import type { Words } from "../words/english.ts";

export const subjectLine = (subject: CaseRow["subject"]): string =>
  subject.hostname === undefined ? subject.siteName : `${subject.hostname}${subject.path ?? ""}`;

export function scopedLine(
  scope: Scope,
  subject: MeasureSubject & { readonly siteName?: string },
  words: Words,
): string {
  const what =
    scope === "site" || scope === "account"
      ? (subject.siteName ?? subject.hostname ?? "")
      : scope === "hostname"
        ? (subject.hostname ?? "")
        : `${subject.hostname ?? ""}${subject.path ?? ""}`;
  return what === "" ? words.scope[scope] : `${words.scope[scope]}: ${what}`;
}
