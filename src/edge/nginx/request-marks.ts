/**
 * Writes a request's number and its site into the variables `p_request` and `p_site`, for the log, the header fields and whoever asks later. Setting a
 * variable by its name hashes the name and allocates, twice for each request; here both values go into one piece of the request's own memory and the
 * two places in nginx's table of values are filled directly. Which places those are is found out at a first request of each worker, by setting both
 * the usual way and looking where they went; where they cannot be found the usual way stays, and the log says so.
 */
import { band, rshift } from "bit";
import * as ffi from "ffi";
import { canRead, runningRequest } from "./plain-request.ts";
import { nextCount, nextRequestId, workerPart } from "./request-id.ts";

ffi.cdef("void *ngx_pnalloc(void *pool, size_t size);");

const BYTES = ffi.typeof("uint8_t *");
const PAIRS = ffi.typeof("uint16_t *");
const ID_BYTES = 16;
const WORKER_BYTES = 8;
/** ngx_variable_value_t: 28 bits of length, then the bit that says "valid"; the other three are zero for a value that may be kept. */
const VALID = 0x10000000;
/** More variables than this nginx.conf has; the two are found long before. */
const VALUES_MAX = 400;

/** The two digits of each byte, as they lie in memory. */
const DIGITS = ffi.new("uint16_t[256]") as { [index: number]: number };
let allDigits = "";
for (let byte = 0; byte < 256; byte++) allDigits += string.format("%02x", byte);
ffi.copy(DIGITS, allDigits, allDigits.length);

const place = { request: -1, site: -1 };
/** 0: not looked for yet. 1: found. -1: cannot be found. */
let state = 0;
let triesLeft = 100;

/** Gives the request that runs now its number and its site. */
export function mark(siteId: string): void {
  if (state !== 1) return markByName(siteId);
  const r = runningRequest();
  const bytes = siteId.length;
  const at = ffi.cast(BYTES, ffi.C.ngx_pnalloc(r.pool, ID_BYTES + bytes));
  ffi.copy(at, workerPart(), WORKER_BYTES);
  const mixed = nextCount();
  const pairs = ffi.cast(PAIRS, at);
  pairs[4] = DIGITS[rshift(mixed, 24)]!;
  pairs[5] = DIGITS[band(rshift(mixed, 16), 255)]!;
  pairs[6] = DIGITS[band(rshift(mixed, 8), 255)]!;
  pairs[7] = DIGITS[band(mixed, 255)]!;
  const behind = (at + ID_BYTES) as BytePointer;
  ffi.copy(behind, siteId, bytes);
  const values = r.values;
  const request = values[place.request]!;
  request.length = VALID + ID_BYTES;
  request.data = at;
  const site = values[place.site]!;
  site.length = VALID + bytes;
  site.data = behind;
}

function markByName(siteId: string): void {
  const id = nextRequestId();
  ngx.var["p_site"] = siteId;
  ngx.var["p_request"] = id;
  if (state === 0 && canRead()) look(siteId, id);
}

function look(siteId: string, id: string): void {
  place.request = placeOf(id);
  place.site = placeOf(siteId);
  if (place.request >= 0 && place.site >= 0) {
    state = 1;
    // The proof of the proof: what is written there is what nginx reads.
    mark(siteId);
    const written = ngx.var["p_request"]!;
    if (written !== id && written.startsWith(workerPart()) && ngx.var["p_site"] === siteId) return;
    state = 0;
    ngx.var["p_site"] = siteId;
    ngx.var["p_request"] = id;
  }
  triesLeft -= 1;
  if (triesLeft > 0) return;
  state = -1;
  ngx.log(ngx.ERR, "this nginx keeps its variables in another form: they are set by name, which is slower");
}

/** Where a value that was just set stands in the request's table; -1 for nowhere. */
function placeOf(text: string): number {
  const values = runningRequest().values;
  for (let n = 0; n < VALUES_MAX; n++) {
    const value = values[n]!;
    if (value.length === VALID + text.length && ffi.string(value.data, text.length) === text) return n;
  }
  return -1;
}
