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
  return send(reason, { body: errorBody(reason, { json, ...contextOf() }), json });
}

/**
 * The same page for those who come in crowds: clients that are kept out or over their limit. nginx sends it by itself from a location
 * of its own, which costs a fraction of handing over field by field. A client that asks for JSON gets the ordinary answer.
 */
export function answerCrowd(reason: "client.banned" | "limit.client"): void {
  if (asksForJson()) return answerError(reason);
  if (answersWithOwnPage(reason)) return;
  ngx.var["p_reason"] = reason;
  ngx.var["p_page"] = errorBody(reason, { json: false, ...contextOf() });
  return ngx.exec(reason === "client.banned" ? "@refused_403" : "@refused_429");
}

/** Pages differ by nothing but the request's number: each is rendered once for a worker, with this in the number's place. */
const NUMBER = "0000000000000000";
const frames: Record<string, { readonly before: string; readonly after: string } | undefined> = {};

function errorBody(
  reason: ErrorReason,
  asked: { readonly json: boolean; readonly language: "en" | "fr"; readonly requestId: string },
): string {
  const name = `${reason} ${asked.language} ${asked.json ? "json" : "html"}`;
  let frame = frames[name];
  if (frame === undefined) {
    const context = { language: asked.language, requestId: NUMBER };
    const whole = asked.json ? errorProblem(reason, context) : renderError(reason, context);
    const at = whole.indexOf(NUMBER);
    frame = { before: whole.substring(0, at), after: whole.substring(at + NUMBER.length) };
    frames[name] = frame;
  }
  return frame.before + asked.requestId + frame.after;
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

export function send(reason: ReasonCode, answer: { readonly body: string; readonly json: boolean }): void {
  ngx.var["p_reason"] = reason;
  ngx.status = REASON_STATUS[reason];
  ngx.header["Content-Type"] = answer.json ? "application/problem+json" : "text/html; charset=utf-8";
  ngx.header["Content-Length"] = string.format("%d", answer.body.length);
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

export function contextOf(): { language: "en" | "fr"; requestId: string } {
  return {
    language: askedLanguage(),
    requestId: requestId(),
  };
}
