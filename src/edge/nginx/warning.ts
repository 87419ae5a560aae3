/**
 * The warning and the way past it. A visitor with a valid cookie passes; one who comes with a valid token gets the cookie and
 * is sent to the same address without the token; everybody else sees the page. The key is made when nginx starts and never
 * leaves it: after a restart, or on another node, a visitor is warned again.
 */
import type { MeasureRecord } from "../../contract/measure.ts";
import { renderWarning } from "../notice-page.ts";
import { PASS_COOKIE, PASS_SECONDS, passExpiry, passMessage, passUrl, sameText } from "../warning-pass.ts";
import { contextOf, send } from "./answer.ts";
import { clientAddress } from "./client-address.ts";

const control = ngx.shared["parapet_control"]!;

/** True when the visitor may pass; otherwise the request was answered. */
export function passWarning(
  record: MeasureRecord,
  asked: { readonly target: string; readonly token: string },
): boolean {
  if (asked.token !== "" && isValid(record, asked.token)) {
    ngx.var["p_reason"] = "measure.warning";
    ngx.status = 303;
    ngx.header["Location"] = `${ngx.var["scheme"] ?? "http"}://${ngx.var["http_host"] ?? ""}${asked.target}`;
    ngx.header["Set-Cookie"] =
      `${PASS_COOKIE}=${asked.token}; Path=/; Max-Age=${string.format("%d", PASS_SECONDS)}; HttpOnly; SameSite=Lax`;
    ngx.header["Cache-Control"] = "no-store";
    ngx.header["Content-Length"] = "0";
    ngx.req.discard_body();
    ngx.exit(303);
    return false;
  }
  const cookie = ngx.var["cookie_" + PASS_COOKIE];
  if (cookie !== undefined && isValid(record, cookie)) return true;
  const expiresAt = Math.floor(ngx.now()) + PASS_SECONDS;
  const token = `${string.format("%d", expiresAt)}.${signature(record, expiresAt)}`;
  send("measure.warning", {
    body: renderWarning(record, { ...contextOf(), goOnUrl: passUrl(asked.target, token) }),
    json: false,
  });
  return false;
}

function isValid(record: MeasureRecord, token: string): boolean {
  const expiresAt = passExpiry(token, Math.floor(ngx.now()));
  if (expiresAt === 0) return false;
  return sameText(token, `${string.format("%d", expiresAt)}.${signature(record, expiresAt)}`);
}

function signature(record: MeasureRecord, expiresAt: number): string {
  const [key] = control.get("pass-key");
  const mac = ngx.hmac_sha1(key as string, passMessage(record.measureId, clientAddress(), expiresAt));
  return ngx.encode_base64(mac, true).replaceAll("+", "-").replaceAll("/", "_");
}
