/**
 * The pure decisions of the request path by name, so that one set of vectors can be run under Node and under LuaJIT. Arguments and results
 * are plain: text, numbers, truth, null, lists and records of them.
 */
import type { MeasureRecord } from "../contract/measure.ts";
import { REASON_STATUS, type ReasonCode } from "../contract/verdict.ts";
import { allowanceOf, judge, retryAfterSeconds } from "./client-limit.ts";
import { errorProblem, reasonOfStatus, renderError } from "./error-page.ts";
import { contentLength, isLoop, nominatedFields } from "./forwarding.ts";
import { hostnameCovers, normaliseHost, wildcardOf } from "./hostname.ts";
import { escapeHtml, jsonString } from "./html.ts";
import { measureOn, measuresOfHost, prepareMeasures } from "./measure-match.ts";
import { chooseLanguage, prefersJson } from "./negotiate.ts";
import { isPlainUrl, noticeProblem, renderNotice, renderWarning } from "./notice-page.ts";
import { readableTime } from "./page.ts";
import { canonicalPath, canonicalQuery, decodedPath, queryOf } from "./request-target.ts";
import { passExpiry, passMessage, passUrl, sameText, splitPass } from "./warning-pass.ts";

type Plain = string | number | boolean | null;
type Language = "en" | "fr";
type ErrorReason = Exclude<ReasonCode, "measure.notice" | "measure.warning">;

/** Calls a decision by name. Null for a name that does not exist. */
export function decide(name: string, args: readonly unknown[]): Plain | readonly Plain[] {
  const decision = DECISIONS[name];
  return decision === undefined ? null : decision(args);
}

const DECISIONS: Record<string, ((args: readonly unknown[]) => Plain | readonly Plain[]) | undefined> = {
  normaliseHost: (a) => normaliseHost(a[0] as string),
  wildcardOf: (a) => wildcardOf(a[0] as string),
  hostnameCovers: (a) => hostnameCovers(a[0] as string, a[1] as string),
  canonicalPath: (a) => canonicalPath(a[0] as string),
  canonicalQuery: (a) => canonicalQuery(a[0] as string),
  queryOf: (a) => queryOf(a[0] as string),
  decodedPathBytes: (a) => decodedPath(a[0] as string).length,
  escapeHtml: (a) => escapeHtml(a[0] as string),
  jsonString: (a) => jsonString(a[0] as string),
  chooseLanguage: (a) => chooseLanguage(a[0] as string),
  prefersJson: (a) => prefersJson(a[0] as string),
  isLoop: (a) => isLoop(a[0] as string, a[1] as string),
  nominatedFields: (a) => {
    const fields = nominatedFields(a[0] as string);
    return fields === null ? null : fields.join(" ");
  },
  contentLength: (a) => contentLength(a[0] as string),
  judge: (a) => judge(a[0] as number, a[1] as number, allowanceOf(a[2] as number, a[3] as number)),
  retryAfterSeconds: (a) =>
    retryAfterSeconds(a[0] as number, a[1] as number, allowanceOf(a[2] as number, a[3] as number)),
  reasonOfStatus: (a) => reasonOfStatus(a[0] as number),
  statusOf: (a) => REASON_STATUS[a[0] as ReasonCode],
  renderError: (a) =>
    renderError(a[0] as ErrorReason, { language: a[1] as Language, requestId: a[2] as string }),
  errorProblem: (a) =>
    errorProblem(a[0] as ErrorReason, { language: a[1] as Language, requestId: a[2] as string }),
  renderNotice: (a) =>
    renderNotice(a[0] as MeasureRecord, { language: a[1] as Language, requestId: a[2] as string }),
  noticeProblem: (a) =>
    noticeProblem(a[0] as MeasureRecord, { language: a[1] as Language, requestId: a[2] as string }),
  renderWarning: (a) =>
    renderWarning(a[0] as MeasureRecord, {
      language: a[1] as Language,
      requestId: a[2] as string,
      goOnUrl: a[3] as string,
    }),
  isPlainUrl: (a) => isPlainUrl(a[0] as string),
  readableTime: (a) => readableTime(a[0] as string),
  passMessage: (a) => passMessage(a[0] as string, a[1] as string, a[2] as number),
  passExpiry: (a) => passExpiry(a[0] as string, a[1] as number),
  passUrl: (a) => passUrl(a[0] as string, a[1] as string),
  splitPass: (a) => {
    const split = splitPass(a[0] as string);
    return [split.target, split.token];
  },
  sameText: (a) => sameText(a[0] as string, a[1] as string),
  measureOn: (a) => {
    const record = {
      kind: a[0],
      scope: a[1],
      subject: { hostname: a[2], path: a[3] },
    } as unknown as MeasureRecord;
    const prepared = prepareMeasures([{ record, startsAtMs: 1000, endsAtMs: a[4] as number }]);
    const target = decodedPath(canonicalPath(a[6] as string));
    const found = measureOn(measuresOfHost(prepared, a[5] as string), target, a[7] as string, a[8] as number);
    return found === null ? null : found.record.kind;
  },
};
