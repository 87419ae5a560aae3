/**
 * Answers that the edge gives itself. One way out for all of them: status, headers that keep caches away, language and form by
 * what the client accepts, reason into the log. The body of the request, if it has one, is discarded: what is left of it must never be
 * read as the next request.
 */
import { REASON_STATUS, type ReasonCode } from "../../contract/verdict.ts";
import type { MeasureRecord } from "../../contract/measure.ts";
import { errorProblem, reasonOfStatus, renderError } from "../error-page.ts";
import { chooseLanguage, prefersJson } from "../negotiate.ts";
import { isPlainUrl, noticeProblem, renderNotice } from "../notice-page.ts";
import { PAGE_CSP } from "../page.ts";
import { requestId } from "./request-id.ts";

type ErrorReason = Exclude<ReasonCode, "measure.notice" | "measure.warning">;

export function answerError(reason: ErrorReason): void {
  const context = contextOf();
  if (prefersJson(ngx.var["http_accept"] ?? "")) {
    return send(reason, { body: errorProblem(reason, context), json: true });
  }
  return send(reason, { body: renderError(reason, context), json: false });
}

export function answerNotice(record: MeasureRecord): void {
  const context = contextOf();
  if (isPlainUrl(record.blockedByUrl)) ngx.header["Link"] = `<${record.blockedByUrl}>; rel="blocked-by"`;
  if (prefersJson(ngx.var["http_accept"] ?? "")) {
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
  ngx.req.discard_body();
  ngx.print(answer.body);
  return ngx.exit(ngx.HTTP_OK);
}

export function contextOf(): { language: "en" | "fr"; requestId: string } {
  return {
    language: chooseLanguage(ngx.var["http_accept_language"] ?? ""),
    requestId: requestId(),
  };
}
