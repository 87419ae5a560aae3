/**
 * Answers that the edge gives itself. One way out for all of them: status, headers that keep caches away, language and form by
 * what the client accepts, reason into the log. The body of the request, if it has one, is discarded: what is left of it must never be
 * read as the next request.
 */
import { PAGE_CSP } from "../../contract/page-csp.ts";
import { REASON_STATUS, type ReasonCode } from "../../contract/verdict.ts";
import type { MeasureRecord } from "../../contract/measure.ts";
import { errorProblem, reasonOfStatus, renderError } from "../error-page.ts";
import { isPlainUrl, noticeProblem, renderNotice } from "../notice-page.ts";
import { answersWithOwnPage } from "./own-answers.ts";
import { asksForJson, askedLanguage } from "./asked.ts";
import { requestId } from "./request-id.ts";

type ErrorReason = Exclude<ReasonCode, "measure.notice" | "measure.warning">;

export function answerError(reason: ErrorReason): void {
  const json = asksForJson();
  if (!json && answersWithOwnPage(reason)) return;
  const frame = frameOf(reason, askedLanguage(), json);
  return send(reason, { body: [frame.before, requestId(), frame.after], json });
}

/** To a client over its limit. */
export function answerOverLimit(): void {
  return answerCrowd("limit.client");
}

/** Which location sends the answers of a status to crowds. */
const CROWDS: Record<number, string | undefined> = { [403]: "@kept_out", [429]: "@over_limit" };

/**
 * The same page for those who come in crowds. nginx sends it by itself from a location of its own, which costs a fraction of handing over
 * field by field. A client that asks for JSON gets the ordinary answer.
 */
export function answerCrowd(reason: ErrorReason): void {
  const location = CROWDS[REASON_STATUS[reason]];
  if (location === undefined || asksForJson()) return answerError(reason);
  if (answersWithOwnPage(reason)) return;
  ngx.var["p_reason"] = reason;
  requestId();
  const frame = frameOf(reason, askedLanguage(), false);
  ngx.var["p_page_before"] = frame.before;
  ngx.var["p_page_after"] = frame.after;
  return ngx.exec(location);
}

/**
 * Pages differ by nothing but the request's number: each is rendered once for a worker, with NUMBER in the number's place. They are never put
 * together in Lua: LuaJIT keeps each text once, and looks for it by a few of its bytes, which are the same in all of these, so
 * that under a flood each new page would be compared with all that went before it.
 */
type Frame = { readonly before: string; readonly after: string };
const NUMBER = "0000000000000000";
const frames: Record<string, Frame | undefined> = {};

function frameOf(reason: ErrorReason, language: "en" | "fr", json: boolean): Frame {
  const name = `${reason} ${language} ${json ? "json" : "html"}`;
  const known = frames[name];
  if (known !== undefined) return known;
  const context = { language, requestId: NUMBER };
  const whole = json ? errorProblem(reason, context) : renderError(reason, context);
  const at = whole.indexOf(NUMBER);
  const frame = { before: whole.substring(0, at), after: whole.substring(at + NUMBER.length) };
  frames[name] = frame;
  return frame;
}

export function answerNotice(record: MeasureRecord): void {
  const context = contextOf();
  if (isPlainUrl(record.blockedByUrl)) ngx.header["Link"] = `<${record.blockedByUrl}>; rel="blocked-by"`;
  if (asksForJson()) {
    return send("measure.notice", { body: noticeProblem(record, context), json: true });
  }
  return send("measure.notice", { body: renderNotice(record, context), json: false });
}

/** Content handler of the locations that nginx's own errors are sent to. */
export function answerNginxError(): void {
  answerError(reasonOfStatus(ngx.status));
}

/** `body`: its parts, one after the other. */
export function send(
  reason: ReasonCode,
  answer: { readonly body: string | readonly string[]; readonly json: boolean },
): void {
  ngx.var["p_reason"] = reason;
  ngx.status = REASON_STATUS[reason];
  ngx.header["Content-Type"] = answer.json ? "application/problem+json" : "text/html; charset=utf-8";
  ngx.header["Content-Length"] = string.format("%d", bytesOf(answer.body));
  ngx.header["Cache-Control"] = "no-store";
  ngx.header["Vary"] = "Accept, Accept-Language";
  ngx.header["Content-Security-Policy"] = PAGE_CSP;
  ngx.header["X-Content-Type-Options"] = "nosniff";
  ngx.header["Referrer-Policy"] = "no-referrer";
  // A client that waits with its body is not invited to send it for nothing.
  if (ngx.var["http_expect"] !== undefined) ngx.req.clear_header("Expect");
  ngx.req.discard_body();
  ngx.print(answer.body);
  return ngx.exit(ngx.HTTP_OK);
}

function bytesOf(body: string | readonly string[]): number {
  if (type(body) === "string") return (body as string).length;
  let bytes = 0;
  for (const part of body as readonly string[]) bytes += part.length;
  return bytes;
}

export function contextOf(): { language: "en" | "fr"; requestId: string } {
  return {
    language: askedLanguage(),
    requestId: requestId(),
  };
}
