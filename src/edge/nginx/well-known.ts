/**
 * What a site has the edge do before its origin is asked: answers to checks below /.well-known/ (ACME HTTP-01, RFC 8555 §8.3, and proofs of
 * ownership), Strict-Transport-Security (RFC 6797), and the way from http to https. Checks come first of all: a site under a measure still renews its
 * certificate. Only known paths are answered; any other token goes on to the origin, which may run an ACME client of its own.
 */
import type { EdgeSite } from "../../contract/edge-site.ts";
import { requestId } from "./request-id.ts";

export type Front = {
  /** Path → answer; undefined for none. */
  readonly answers: Record<string, string | undefined> | undefined;
  /** The field's value, "" for none. */
  readonly hsts: string;
  readonly toHttps: boolean;
};

/** Undefined for a site that uses none of it. */
export function loadFront(site: EdgeSite): Front | undefined {
  const { tls } = site;
  if (site.wellKnown.length === 0 && tls.hstsSeconds === 0 && !tls.redirectToHttps) return undefined;
  let answers: Record<string, string | undefined> | undefined;
  if (site.wellKnown.length > 0) {
    answers = {};
    for (const { path, body } of site.wellKnown) answers[path] = body;
  }
  let hsts = "";
  if (tls.hstsSeconds > 0) {
    hsts = `max-age=${string.format("%d", tls.hstsSeconds)}`;
    if (tls.hstsSubdomains) hsts += "; includeSubDomains";
    if (tls.hstsPreload) hsts += "; preload";
  }
  return { answers, hsts, toHttps: tls.redirectToHttps };
}

/** True when the request was answered. */
export function answersInFront(front: Front, tls: boolean): boolean {
  if (tls && front.hsts !== "") ngx.var["p_hsts"] = front.hsts;
  const answers = front.answers;
  if (answers === undefined) return false;
  const body = answers[ngx.var["uri"] ?? ""];
  if (body === undefined || ngx.req.is_internal()) return false;
  const method = ngx.req.get_method();
  if (method !== "GET" && method !== "HEAD") return false;
  requestId();
  ngx.status = 200;
  ngx.header["Content-Type"] = "text/plain; charset=utf-8";
  ngx.header["Content-Length"] = string.format("%d", body.length);
  ngx.header["Cache-Control"] = "no-store";
  ngx.header["X-Content-Type-Options"] = "nosniff";
  ngx.req.discard_body();
  ngx.print(body);
  ngx.exit(ngx.HTTP_OK);
  return true;
}

/** True when the request was sent to https. The target is the one that came, byte by byte. */
export function sentToHttps(tls: boolean): boolean {
  if (tls || ngx.req.is_internal()) return false;
  const raw = ngx.var["request_uri"] ?? "/";
  ngx.var["p_reason"] = "site.redirect";
  requestId();
  ngx.status = 308;
  ngx.header["Location"] = `https://${ngx.var["host"] ?? ""}${raw.startsWith("/") ? raw : "/"}`;
  ngx.header["Cache-Control"] = "no-store";
  ngx.header["Content-Length"] = "0";
  ngx.req.discard_body();
  ngx.exit(308);
  return true;
}
