/**
 * Was the head of this request written in the one way in which nobody can misread it? nginx forgives bare LF, control characters in
 * values, lines without a colon, and fragments in targets, and shows none of it to Lua. This file looks into the memory where nginx
 * read the head: each field's name and value still lie there, with a zero over the colon and a zero over the first byte behind the value.
 * So a line that ended as RFC 9112 §2.2 wants has an LF right behind that zero, or blanks and CRLF. The one spelling that cannot be told from it is a single
 * blank and a bare LF. Nothing is copied. The layout is that of Debian's nginx 1.22.1 and is proved at the first look of each worker:
 * three things that nginx knows twice must agree, else no head is judged and the log says so.
 */
import * as bit from "bit";
import * as ffi from "ffi";
import { get_request } from "resty.core.base";

ffi.cdef(`
typedef struct { size_t len; const uint8_t *data; } parapet_str_t;
typedef struct { uintptr_t hash; parapet_str_t key; parapet_str_t value; void *lowcase; } parapet_field_t;
typedef struct parapet_part_s { const parapet_field_t *elts; uintptr_t nelts; const struct parapet_part_s *next; } parapet_part_t;
typedef struct { const uint8_t *pos; const uint8_t *last; int64_t file[2]; const uint8_t *start; } parapet_buf_t;
typedef struct parapet_request_s {
  uint32_t signature;
  void *until_header_in[11];
  const parapet_buf_t *header_in;
  struct { void *last; parapet_part_t part; size_t size; uintptr_t nalloc; void *pool; } headers;
  void *rest_of_headers_in[46];
  uint32_t marks;
  uint32_t padding;
  void *headers_out[51];
  void *body_and_times[4];
  uintptr_t method;
  uintptr_t http_version;
  parapet_str_t request_line;
  parapet_str_t texts[7];
  void *out;
  const struct parapet_request_s *main;
} parapet_request_t;
`);

const HTTP = 0x50545448; // "HTTP", NGX_HTTP_MODULE: the first word of every request.
const FIELD_BYTES = ffi.sizeof("parapet_field_t");
const VERSION_1_MAX = 1999;
const CHUNKED_MARK = 4;
const NUL = 0;
const LF = 10;
const CR = 13;
const SPACE = 32;
const HASH = 35;
const SLASH = 47;
const DEL = 127;
const TAB = 9;

/** 0: nobody looked yet. 1: the layout is proved. -1: it is another, nothing is judged. */
let layout = 0;

/** False: refuse the request. Only before its body is read, and only for the request itself, not for an error page on its way out. */
export function isHeadSound(): boolean {
  const request = ffi.cast("parapet_request_t *", get_request());
  if (layout !== 1) {
    if (layout === 0) layout = proveLayout(request);
    if (layout !== 1) return true;
  }
  if (request.http_version > VERSION_1_MAX) return isSoundOverHttp2(request);
  if (!isRequestLineSound(request.request_line)) return false;
  return areLinesSound(request);
}

/** Whether a body comes whose length the head does not say: by chunks, or over HTTP/2 without Content-Length. */
export function isBodyUnannounced(): boolean {
  const request = ffi.cast("parapet_request_t *", get_request());
  if (layout === 0) layout = proveLayout(request);
  if (layout === 1) return bit.band(request.marks, CHUNKED_MARK) !== 0;
  const method = ngx.req.get_method();
  return ngx.var["http_content_length"] === undefined && method !== "GET" && method !== "HEAD";
}

/** Undoes that nginx marks a request as HTTP/0.9 when its origin answered with no head: the visitor's page has one. */
export function restoreVersion(): void {
  if (layout !== 1) return;
  const spoken = ngx.var["server_protocol"] ?? "";
  const request = ffi.cast("parapet_request_t *", get_request());
  if (spoken === "HTTP/2.0") request.http_version = 2000;
  else request.http_version = spoken === "HTTP/1.0" ? 1000 : 1001;
}

function proveLayout(request: NginxRequest): number {
  const line = ngx.var["request"] ?? "";
  const proved =
    request.signature === HTTP &&
    request.headers.size === FIELD_BYTES &&
    request.main === request &&
    request.request_line.len === line.length;
  if (proved) return 1;
  ngx.log(ngx.ERR, "this nginx keeps its requests in another form: heads are not judged by their bytes");
  return -1;
}

/** One space between the parts, "HTTP/1.d" at the end, CRLF behind it, no fragment, no scheme but http and https (RFC 9112 §3). */
function isRequestLineSound(line: NginxText): boolean {
  const data = line.data;
  const length = tonumber(line.len)!;
  if (length < 14 || data[length] !== CR || data[length + 1] !== LF) return false;
  let blanks = 0;
  let target = 0;
  for (let i = 0; i < length; i++) {
    const byte = data[i]!;
    if (byte === HASH) return false;
    if (byte === SPACE) {
      blanks += 1;
      if (blanks === 1) target = i + 1;
      else if (blanks === 2 && i !== length - 9) return false;
    }
  }
  if (blanks !== 2) return false;
  return data[target] === SLASH || isWebAddress(data, target);
}

/** "http://" or "https://" at `from`, in any case. */
function isWebAddress(data: BytePointer, from: number): boolean {
  let i = 0;
  for (; i < 4; i++) if (bit.bor(data[from + i]!, 0x20) !== SCHEME[i]) return false;
  if (bit.bor(data[from + i]!, 0x20) === 0x73) i += 1;
  return data[from + i] === 58 && data[from + i + 1] === SLASH && data[from + i + 2] === SLASH;
}
const SCHEME: Record<number, number> = { [0]: 0x68, [1]: 0x74, [2]: 0x74, [3]: 0x70 };

function areLinesSound(request: NginxRequest): boolean {
  const buffer = request.header_in;
  let at = (request.request_line.data + request.request_line.len + 2) as BytePointer;
  let part: NginxPart | undefined = request.headers.part;
  while (part !== undefined) {
    const count = tonumber(part.nelts)!;
    const fields = part.elts;
    for (let i = 0; i < count; i++) {
      const key = fields[i]!.key;
      const value = fields[i]!.value;
      if (key.data !== at && !isGapSound(buffer, at, key.data)) return false;
      if (value.data === key.data + key.len) return false; // No colon.
      const length = tonumber(value.len)!;
      if (!isClean(value.data, length)) return false;
      let behind = length + 1;
      if (value.data[behind] !== LF) {
        while (value.data[behind] === SPACE) behind += 1;
        if (value.data[behind] !== CR) return false;
        behind += 1;
        if (value.data[behind] !== LF) return false;
      }
      at = (value.data + behind + 1) as BytePointer;
    }
    part = part.next;
  }
  const end = (buffer.pos - 2) as BytePointer;
  if (at !== end && !isGapSound(buffer, at, end)) return false;
  return end[0] === CR && end[1] === LF;
}

/** Lines that nginx dropped, since their names are not the web's, lie between those that it kept: they end in CRLF, too. */
function isGapSound(buffer: NginxRequest["header_in"], from: BytePointer, to: BytePointer): boolean {
  // A large head lies in several buffers, and only the last one's bounds are known.
  if (from < buffer.start || from > buffer.pos || to > buffer.pos) return true;
  if (to < from) return false; // A line took the CRLF that ends the head, as it had only an LF of its own.
  const length = to - from;
  for (let i = 0; i < length; i++) {
    const byte = from[i]!;
    if (byte === LF && (i === 0 || from[i - 1] !== CR)) return false;
    if (byte === NUL) return false;
    if (byte === CR && from[i + 1] !== LF) return false;
  }
  return true;
}

/** Fields of a connection, which HTTP/2 does not have (RFC 9113 §8.2.2), by their lengths. */
const HOP_FIELDS: Record<number, string | undefined> = {
  [7]: "upgrade",
  [10]: "connection",
  [16]: "proxy-connection",
  [17]: "transfer-encoding",
};
const KEEP_ALIVE = "keep-alive";

/** Lines do not exist there, and nginx has refused CR, LF and zero already. Blanks around a value are none (RFC 9113 §8.2.1). */
function isSoundOverHttp2(request: NginxRequest): boolean {
  const line = request.request_line;
  const lineLength = tonumber(line.len)!;
  for (let i = 0; i < lineLength; i++) if (line.data[i] === HASH) return false;
  let part: NginxPart | undefined = request.headers.part;
  while (part !== undefined) {
    const count = tonumber(part.nelts)!;
    for (let i = 0; i < count; i++) {
      const key = part.elts[i]!.key;
      const keyLength = tonumber(key.len)!;
      const hop = HOP_FIELDS[keyLength];
      if (hop !== undefined) {
        const name = ffi.string(key.data, keyLength);
        if (name === hop || name === KEEP_ALIVE) return false;
      }
      const value = part.elts[i]!.value;
      const length = tonumber(value.len)!;
      if (length > 0 && (isBlank(value.data[0]!) || isBlank(value.data[length - 1]!))) return false;
      if (!isClean(value.data, length)) return false;
    }
    part = part.next;
  }
  return true;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** No control character but the tab (RFC 9110 §5.5). */
function isClean(data: BytePointer, length: number): boolean {
  for (let i = 0; i < length; i++) {
    const byte = data[i]!;
    if ((byte < SPACE && byte !== TAB) || byte === DEL) return false;
  }
  return true;
}
