/**
 * Is this a plain request, and for which host? Plain is what almost all requests are: a path as target, no body, no Connection but the usual ones, no CDN-Loop.
 * Asked through variables the answer costs more than all the rest of ADMIT, so it is read where nginx itself keeps it: what the
 * parser has found lies in the request as pointers that are null or not. The layout is that of Debian's nginx 1.22.1 and is proved on a first request of
 * each worker against what variables say; where the proof fails, every request is asked about through variables, and the log says so.
 * Of sizes and hashes the low halves are read, as LuaJIT compares 32 bits without ado. No loop
 * runs here, since LuaJIT would not compile ADMIT as one piece around it.
 */
import { tobit } from "bit";
import * as ffi from "ffi";
import { get_request } from "resty.core.base";

ffi.cdef(`
void *memchr(const void *s, int c, size_t n);
uint32_t strcspn(const uint8_t *s, const char *reject);
typedef struct { uint32_t len; uint32_t len_high; const uint8_t *data; } parapet_text_t;
typedef struct { int32_t hash; uint32_t hash_high; parapet_text_t key; parapet_text_t value; void *lowcase; } parapet_line_t;
typedef struct {
  void *to_fd[3]; int32_t fd; int32_t unused; void *to_pool[8]; uint64_t type; const uint8_t *sockaddr;
  void *to_number[11]; uint32_t number; uint32_t number_high; uint64_t start_and_requests[2]; uint32_t flags;
} parapet_connection_t;
typedef struct { const uint8_t *pos; } parapet_buffer_t;
typedef struct { uint32_t length; uint32_t unused; const uint8_t *data; } parapet_value_t;
typedef struct {
  uint32_t signature;
  const parapet_connection_t *connection;
  void *until_pool[9];
  void *pool;
  const parapet_buffer_t *buffer;
  struct { void *last; const parapet_line_t *lines; uint32_t count; uint32_t count_high; void *more; uint32_t size; uint32_t size_high; uint32_t room; uint32_t room_high; void *pool; } headers;
  const parapet_line_t *host;
  void *connection_conditions_agent_referer[7];
  const parapet_line_t *content_length;
  void *range_and_type[4];
  const parapet_line_t *transfer_encoding;
  void *until_server[28];
  parapet_text_t server;
  void *rest_of_headers_in[3];
  void *headers_out[51];
  void *body_and_times[4];
  uint32_t method;
  uint32_t method_high;
  uint32_t http_version;
  uint32_t http_version_high;
  parapet_text_t request_line;
  parapet_text_t uri;
  parapet_text_t args;
  parapet_text_t exten;
  parapet_text_t unparsed_uri;
  parapet_text_t method_name;
  parapet_text_t http_protocol;
  parapet_text_t schema;
  void *until_values[9];
  parapet_value_t *values;
} parapet_plain_t;
`);

const PLAIN = ffi.typeof("parapet_plain_t *");
const HTTP = 0x50545448; // "HTTP", NGX_HTTP_MODULE: the first word of every request.
const LINE_BYTES = ffi.sizeof("parapet_line_t");
/** How many lines lie in the first piece of nginx's list; a longer head is looked at with care. */
const LINES_MAX = 20;
const GET_OR_HEAD_MAX = 4; // NGX_HTTP_GET 2, NGX_HTTP_HEAD 4.
/** The low halves of nginx's hashes (ngx_hash_key_lc): over all bytes, hash * 31 + byte. */
const CDN_LOOP = hashOf("cdn-loop");
const CONNECTION = hashOf("connection");
const AF_INET = 2;
const HTTP_2 = 2000;
/** Control characters save the tab, and those that nginx's parser refuses by itself: zero, LF, CR (RFC 9110 §5.5). */
const CONTROLS = string.char(1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17);
const MORE_CONTROLS = string.char(18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127);
const HASH = 35;
const LF = 10;
const CR = 13;

/** 0: not proved yet. 1: the layout is proved. -1: it is another one. */
let layout = 0;
/** A request may be so odd that it proves nothing, and who sends the first one is not ours to choose. */
let triesLeft = 100;

/** What is in a Connection field that says nothing of other fields. */
const USUAL: Record<string, true | undefined> = {
  ["close"]: true,
  ["keep-alive"]: true,
  ["Keep-Alive"]: true,
};

/** Whether `plainHost` may be asked. Proves the layout at a first request of the worker. */
export function canRead(): boolean {
  if (layout === 0) layout = prove();
  return layout === 1;
}

/** The request that runs now, as it lies in nginx's memory. Only where \`canRead\`. */
export function runningRequest(): PlainRequest {
  return ffi.cast(PLAIN, get_request());
}

/** The host that the request is for, in lower case and without a port; "" for a request that is not plain. */
export function plainHost(): string {
  const r = ffi.cast(PLAIN, get_request());
  if (r.content_length !== undefined || r.transfer_encoding !== undefined) return "";
  if (r.host === undefined || r.method > GET_OR_HEAD_MAX) return "";
  const written = r.http_version < HTTP_2;
  if (written) {
    // A scheme stands in an absolute target, which may name another host than the field does (RFC 9112 §3.2.2).
    if (r.schema.len !== 0) return "";
    const line = r.request_line;
    if (line.data[line.len] !== CR || line.data[line.len + 1] !== LF) return "";
  }
  if (r.headers.more !== undefined) return "";
  const behind = areLinesUsual(r.headers.lines, r.headers.count, written, r.request_line);
  if (behind === undefined || (written && behind !== r.buffer.pos - 2)) return "";
  // A fragment has no place in a target (RFC 9112 §3.2): nginx stops reading at it, but would send it on.
  if (ffi.C.memchr(r.unparsed_uri.data, HASH, r.unparsed_uri.len) !== undefined) return "";
  return ffi.string(r.server.data, r.server.len);
}

/** The client's address as nginx's $binary_remote_addr, of IPv6 only the /64: one household's. */
export function clientBytes(): string {
  const r = ffi.cast(PLAIN, get_request());
  const sockaddr = r.connection.sockaddr;
  return sockaddr[0] === AF_INET
    ? ffi.string((sockaddr + 4) as BytePointer, 4)
    : ffi.string((sockaddr + 8) as BytePointer, 8);
}

/** The same of an address in whole: of IPv6 the /64. */
export function shortAddress(address: string): string {
  return address.length > 4 ? string.sub(address, 1, 8) : address;
}

/** nginx's $uri. */
export function decodedPath(): string {
  const { uri } = ffi.cast(PLAIN, get_request());
  return ffi.string(uri.data, uri.len);
}

/** What stands behind the last dot of the path's last part; "" for nothing. */
export function extension(): string {
  const { exten } = ffi.cast(PLAIN, get_request());
  return exten.len === 0 ? "" : ffi.string(exten.data, exten.len);
}

function prove(): number {
  const r = ffi.cast(PLAIN, get_request());
  const address = ngx.var["binary_remote_addr"] ?? "";
  const proved =
    r.signature === HTTP &&
    r.headers.size === LINE_BYTES &&
    r.headers.room === LINES_MAX &&
    textOf(r.request_line) === ngx.var["request"] &&
    textOf(r.uri) === ngx.var["uri"] &&
    textOf(r.unparsed_uri) === ngx.var["request_uri"] &&
    textOf(r.http_protocol) === ngx.var["server_protocol"] &&
    (r.server.len === 0 || textOf(r.server) === ngx.var["host"]) &&
    valueOf(r.host) === ngx.var["http_host"] &&
    valueOf(r.content_length) === ngx.var["http_content_length"] &&
    valueOf(r.transfer_encoding) === ngx.var["http_transfer_encoding"] &&
    shortAddress(address) === clientBytes();
  if (proved) return 1;
  triesLeft -= 1;
  if (triesLeft > 0) return 0;
  ngx.log(
    ngx.ERR,
    "this nginx keeps its requests in another form: each is asked about through variables, which is slower",
  );
  return -1;
}

function textOf(text: PlainText): string {
  return ffi.string(text.data, text.len);
}

function valueOf(line: PlainLine | undefined): string | undefined {
  return line === undefined ? undefined : textOf(line.value);
}

function hashOf(name: string): number {
  let hash = 0;
  // Kept below 2^53: only the low 32 bits matter, and of those each step takes nothing from above.
  for (let i = 1; i <= name.length; i++) hash = (hash * 31 + string.byte(name, i)) % 4294967296;
  return tobit(hash);
}

/**
 * Where the head's last line ends, or undefined if a line asks for a careful look: a control character in a value, CDN-Loop, a Connection that
 * speaks of other fields, and, where heads are written in lines, one that does not begin where the one before ended in CRLF right behind its
 * value, or has no colon. nginx has put a zero over the byte behind a value, so an LF has to follow it; where a bare LF ended the line, the
 * next line begins there (`head.ts`). `written`: over HTTP/1.
 */
function areLinesUsual(
  lines: PlainLines,
  count: number,
  written: boolean,
  first: PlainText,
): BytePointer | undefined {
  let at: BytePointer | undefined = (first.data + first.len + 2) as BytePointer;
  if (count <= 0) return at;
  at = behindLine(lines[0]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 1) return at;
  at = behindLine(lines[1]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 2) return at;
  at = behindLine(lines[2]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 3) return at;
  at = behindLine(lines[3]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 4) return at;
  at = behindLine(lines[4]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 5) return at;
  at = behindLine(lines[5]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 6) return at;
  at = behindLine(lines[6]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 7) return at;
  at = behindLine(lines[7]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 8) return at;
  at = behindLine(lines[8]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 9) return at;
  at = behindLine(lines[9]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 10) return at;
  at = behindLine(lines[10]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 11) return at;
  at = behindLine(lines[11]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 12) return at;
  at = behindLine(lines[12]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 13) return at;
  at = behindLine(lines[13]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 14) return at;
  at = behindLine(lines[14]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 15) return at;
  at = behindLine(lines[15]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 16) return at;
  at = behindLine(lines[16]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 17) return at;
  at = behindLine(lines[17]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 18) return at;
  at = behindLine(lines[18]!, at, written);
  if (at === undefined) return undefined;
  if (count <= 19) return at;
  at = behindLine(lines[19]!, at, written);
  if (at === undefined) return undefined;
  return count <= LINES_MAX ? at : undefined;
}

function behindLine(line: PlainLine, at: BytePointer, written: boolean): BytePointer | undefined {
  const value = line.value;
  const data = value.data;
  const length = value.len;
  if (written) {
    const key = line.key;
    if (key.data !== at || data[length + 1] !== LF || data === key.data + key.len) return undefined;
  }
  // nginx has ended the value with a zero. The C library compares 16 bytes at once with up to 15 others.
  if (ffi.C.strcspn(data, CONTROLS) !== length || ffi.C.strcspn(data, MORE_CONTROLS) !== length)
    return undefined;
  const hash = line.hash;
  if (hash === CDN_LOOP) return undefined;
  if (hash === CONNECTION && USUAL[ffi.string(data, length)] === undefined) return undefined;
  return (data + length + 2) as BytePointer;
}
