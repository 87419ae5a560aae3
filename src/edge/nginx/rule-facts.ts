/**
 * What the request that runs now is, for protection rules: each thing is read when the first rule wants to know it, and once. Values of fields and cookies
 * leave here only as a keyed hash (HMAC-SHA256, RFC 2104, cut to 12 bytes; the key is drawn when nginx starts and never leaves it), so that no
 * token of a visitor lies in shared memory.
 */
import { cookieOf } from "../cookie.ts";
import type { RequestFacts } from "../protection-rules.ts";
import { UNKNOWN } from "../site-rules.ts";
import { hmacKey, hmacSha256, type HmacKey } from "./hmac.ts";
import { databases } from "./rules.ts";
import { tlsShape } from "./tls-shape.ts";

const HEADERS_MAX = 100;
const HASH_BYTES = 12;
const control = ngx.shared["parapet_control"]!;

let key: HmacKey | undefined;
let path: string | undefined;
let method: string | undefined;
let address: string | undefined;
let asn: string | undefined;
let country: string | undefined;
let tls: string | undefined;
let headers: Record<string, string | string[] | undefined> | undefined;
let cookies: string | undefined;

/** Begins anew: what is asked from now on is of the request that runs now. */
export function askAnew(): void {
  path = undefined;
  method = undefined;
  address = undefined;
  asn = undefined;
  country = undefined;
  tls = undefined;
  headers = undefined;
  cookies = undefined;
}

export const facts: RequestFacts = {
  path: () => {
    if (path === undefined) path = ngx.var["uri"]!;
    return path;
  },
  method: () => {
    if (method === undefined) method = ngx.req.get_method();
    return method;
  },
  address: () => {
    if (address === undefined) address = ngx.var["binary_remote_addr"]!;
    return address;
  },
  asn: () => {
    if (asn === undefined) asn = databases.asn ? (ngx.var["p_asn"] ?? "") : UNKNOWN;
    return asn;
  },
  country: () => {
    if (country === undefined) country = databases.country ? (ngx.var["p_country"] ?? "") : UNKNOWN;
    return country;
  },
  tls: () => {
    if (tls === undefined) tls = tlsShape();
    return tls;
  },
  header: askedHeader,
  cookie: (name) => {
    if (cookies === undefined) cookies = askedHeader("cookie", "; ") ?? "";
    return cookies === "" ? undefined : cookieOf(cookies, name);
  },
  hash: (value) => {
    if (key === undefined) key = hmacKey(control.get("rule-key")[0] as string);
    return string.sub(hmacSha256(key, value), 1, HASH_BYTES);
  },
};

function askedHeader(name: string, between?: string): string | undefined {
  if (headers === undefined) headers = ngx.req.get_headers(HEADERS_MAX);
  const value = headers[name];
  if (value === undefined || type(value) === "string") return value as string | undefined;
  return (value as string[]).join(between ?? ", ");
}
