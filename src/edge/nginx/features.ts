/**
 * The features of the request that runs now, in the order of contract/flood.ts, each computed when it is first asked for and once: several mitigations and a
 * sample of one request share them. What nginx has parsed already is read from its memory where its layout is proved, so that the names
 * of a head's fields cost no table; else the same is asked through variables, where the order of the fields is not to be had.
 */
import { bxor } from "bit";
import * as ffi from "ffi";
import { get_request } from "resty.core.base";
import { FEATURES } from "../../contract/flood.ts";
import {
  addressText,
  clipped,
  hashText,
  hex32,
  mixHeader,
  networkText,
  pathShape,
  queryShape,
  referrerOf,
} from "../request-features.ts";
import { canRead, decodedPath, runningRequest } from "./plain-request.ts";
import { databases } from "./rules.ts";
import { tlsShape } from "./tls-shape.ts";

ffi.cdef(
  "typedef struct parapet_lines_s { const parapet_line_t *lines; uint32_t count; uint32_t count_high; const struct parapet_lines_s *more; } parapet_lines_t;",
);

/** As nginx.conf bounds them (max_headers). */
const LINES_MAX = 100;
const NAMES_CHARS_MAX = 600;

const values: string[] = [];
/** Of which beginning each value is. */
const stamps: number[] = [];
for (let i = 0; i < FEATURES.length; i++) {
  values.push("");
  stamps.push(0);
}
let owner: object | undefined;
let stamp = 0;

/** What is asked from now on is of the request that runs now. Addresses of requests are used again, so each must begin by itself. */
export function beginFeatures(): void {
  owner = get_request();
  stamp = stamp >= 1_000_000_000 ? 1 : stamp + 1;
}

/** `index`: in FEATURES. */
export function featureOf(index: number): string {
  if (owner !== get_request()) beginFeatures();
  if (stamps[index] === stamp) return values[index]!;
  const value = compute[index]!();
  values[index] = value;
  stamps[index] = stamp;
  return value;
}

const path = (): string => (canRead() ? decodedPath() : (ngx.var["uri"] ?? ""));
const variable = (name: string): string => clipped(ngx.var[name] ?? "");

const compute: readonly (() => string)[] = [
  () => clipped(ngx.req.get_method()),
  () => clipped(path()),
  () => clipped(pathShape(path())),
  () => clipped(queryShape(ngx.var["args"] ?? "")),
  headersHash,
  () => variable("http_user_agent"),
  () => clipped(`${ngx.var["http_accept"] ?? ""}|${ngx.var["http_accept_encoding"] ?? ""}`),
  () => variable("http_accept_language"),
  () => referrerOf(ngx.var["http_referer"] ?? "", ngx.var["host"] ?? ""),
  () => (ngx.var["http_cookie"] === undefined ? "none" : "some"),
  () => variable("server_protocol"),
  tlsShape,
  () => addressText(ngx.var["binary_remote_addr"] ?? ""),
  () => networkText(ngx.var["binary_remote_addr"] ?? ""),
  () => (databases.asn ? variable("p_asn") : ""),
  () => (databases.country ? variable("p_country") : ""),
];

function headersHash(): string {
  if (!canRead()) return hashOfNames();
  const { headers } = runningRequest();
  let mixed = mixLines(0, headers.lines, headers.count);
  let more = headers.more;
  let parts = 0;
  while (more !== undefined && parts < LINES_MAX) {
    const part = ffi.cast("parapet_lines_t *", more);
    mixed = mixLines(mixed, part.lines, part.count);
    more = part.more;
    parts += 1;
  }
  return hex32(mixed);
}

function mixLines(mixed: number, lines: PlainLines, count: number): number {
  let all = mixed;
  for (let i = 0; i < count; i++) all = mixHeader(all, lines[i]!.hash);
  return all;
}

/** Without the order, which Lua's table of a head does not keep. */
function hashOfNames(): string {
  let mixed = 0;
  for (const [name] of pairs(ngx.req.get_headers(LINES_MAX))) {
    const hash = bxor(mixed, hashText(name));
    mixed = hash < 0 ? hash + 4294967296 : hash;
  }
  return hex32(mixed);
}

/** The names of the head's fields in their order, for people. */
export function headerNames(): string {
  if (!canRead()) return "";
  const { headers } = runningRequest();
  let names = namesOf("", headers.lines, headers.count);
  let more = headers.more;
  while (more !== undefined && names.length < NAMES_CHARS_MAX) {
    const part = ffi.cast("parapet_lines_t *", more);
    names = namesOf(names, part.lines, part.count);
    more = part.more;
  }
  return names;
}

function namesOf(before: string, lines: PlainLines, count: number): string {
  let names = before;
  for (let i = 0; i < count && names.length < NAMES_CHARS_MAX; i++) {
    const { key } = lines[i]!;
    const name = clipped(string.lower(ffi.string(key.data, key.len)));
    names = names === "" ? name : `${names} ${name}`;
  }
  return names;
}
