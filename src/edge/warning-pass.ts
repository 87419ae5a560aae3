/**
 * How a visitor passes a warning without scripts: the page holds a link back to the same address with a token, the
 * edge turns the token into a cookie. A token is bound to the measure and to the visitor's network, and dies
 * after ten minutes, so that nobody can hand out a link that skips the warning for somebody else. The signature is made by
 * the caller (HMAC), this file only says over what, and takes addresses apart.
 */

export const PASS_SECONDS = 600;
export const PASS_PARAMETER = "parapet-continue";
export const PASS_COOKIE = "parapet_warning";

/** What is signed. Domain separation by its first word. */
export function passMessage(measureId: string, network: string, expiresAt: number): string {
  return `parapet-warning-pass-1\n${measureId}\n${network}\n${expiresAt}`;
}

/** The moment in a token "EXPIRY.SIGNATURE", in seconds; 0 if it has none or lies outside the next ten minutes. */
export function passExpiry(token: string, nowSeconds: number): number {
  const dot = token.indexOf(".");
  if (dot < 1 || dot > 12) return 0;
  const digits = token.substring(0, dot);
  for (let i = 0; i < digits.length; i++) if (!"0123456789".includes(digits.charAt(i))) return 0;
  const expiresAt = Number(digits);
  return expiresAt > nowSeconds && expiresAt <= nowSeconds + PASS_SECONDS + 1 ? expiresAt : 0;
}

/** Takes the token out of a request target: what is asked for without it, and the token ("" for none). */
export function splitPass(target: string): { readonly target: string; readonly token: string } {
  const mark = target.indexOf("?");
  if (mark < 0) return { target, token: "" };
  const kept: string[] = [];
  let token = "";
  for (const part of target.substring(mark + 1).split("&")) {
    if (part.startsWith(PASS_PARAMETER + "=")) token = part.substring(PASS_PARAMETER.length + 1);
    else kept.push(part);
  }
  const path = target.substring(0, mark);
  if (token === "") return { target, token: "" };
  return { target: kept.length > 0 ? path + "?" + kept.join("&") : path, token };
}

/** The relative address of the link: the same page, its query, and the token. */
export function passUrl(target: string, token: string): string {
  const mark = target.indexOf("?");
  const query = mark < 0 ? "" : target.substring(mark + 1);
  return "?" + (query === "" ? "" : query + "&") + PASS_PARAMETER + "=" + token;
}

/** Compares without telling by its duration where two texts differ. */
export function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let differences = 0;
  for (let i = 0; i < a.length; i++) if (a.charCodeAt(i) !== b.charCodeAt(i)) differences += 1;
  return differences === 0;
}
