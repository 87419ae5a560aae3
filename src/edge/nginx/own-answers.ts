/**
 * Answers that a site's owner chose: pages of their own in place of the edge's, redirects, and plain texts. Over an owner's own HTML no
 * policy of ours stands, since it is theirs on their own hostname like any page of their origin: it is only marked as HTML, and kept by
 * no cache, as it tells of one moment.
 */
import { PAGE_CSP } from "../../contract/page-csp.ts";
import { OWN_PAGE_REASONS } from "../../contract/site-rules.ts";
import { REASON_STATUS, type ReasonCode } from "../../contract/verdict.ts";
import { renderRedirect } from "../error-page.ts";
import { renderOwnPage } from "../own-page.ts";
import { askedLanguage } from "./asked.ts";
import { requestId } from "./request-id.ts";
import { ownPages, siteById, siteOfHost, type Loaded } from "./sites.ts";

/** True when the owner of the request's site wrote a page for this, and it was sent. */
export function answersWithOwnPage(reason: ReasonCode): boolean {
  if (!ownPages.any || !(OWN_PAGE_REASONS as readonly string[]).includes(reason)) return false;
  const page = siteOfRequest()?.pages?.[reason];
  if (page === undefined) return false;
  ngx.var["p_reason"] = reason;
  ngx.status = REASON_STATUS[reason];
  ngx.header["Content-Type"] = "text/html; charset=utf-8";
  ngx.header["Vary"] = "Accept";
  finish(renderOwnPage(page, requestId()), "no-store");
  return true;
}

/** Once a request was let in its site has a name; before, it is found by what the request asked for. */
function siteOfRequest(): Loaded | undefined {
  const siteId = ngx.var["p_site"] ?? "";
  return siteId === "" ? siteOfHost(ngx.var["host"] ?? "") : siteById(siteId);
}

/** Sends the visitor elsewhere. `location` was built by `redirect.ts`. */
export function answerRedirect(status: number, location: string): void {
  const language = askedLanguage();
  const page = renderRedirect(location, { language, requestId: requestId() });
  ngx.var["p_reason"] = "site.redirect";
  ngx.status = status;
  ngx.header["Location"] = location;
  ngx.header["Content-Type"] = "text/html; charset=utf-8";
  ngx.header["Content-Security-Policy"] = PAGE_CSP;
  // A permanent one is kept by browsers for as long as they like (RFC 9110 §15.4.2): a changed rule is to be seen within the hour.
  finish(page, status === 301 || status === 308 ? "max-age=3600" : "no-store");
}

export function answerText(text: string, seconds: number): void {
  requestId();
  ngx.status = 200;
  ngx.header["Content-Type"] = "text/plain; charset=utf-8";
  finish(text, `max-age=${string.format("%d", seconds)}`);
}

function finish(body: string, cacheControl: string): void {
  ngx.header["Content-Length"] = string.format("%d", body.length);
  ngx.header["Cache-Control"] = cacheControl;
  ngx.header["X-Content-Type-Options"] = "nosniff";
  ngx.req.discard_body();
  ngx.print(body);
  ngx.exit(ngx.HTTP_OK);
}
