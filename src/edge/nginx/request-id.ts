/**
 * A number for each request, shown to the visitor, sent to the origin and written to the log: 16 hex digits, of which eight are the worker's
 * own, drawn at its start, and eight count its requests. nginx's own $request_id draws 16 random bytes each time, which costs more than all of
 * ADMIT. The count is mixed by a keyed permutation of 32 bits, so that numbers do not tell how busy the edge is; it is no secret and
 * guards nothing. Two requests of one worker share a number only after 2^32 of them.
 */
import { bor, bxor, lshift, rshift, tobit, tohex } from "bit";

const SEED_BYTES = 12;

let worker = "";
let before = 0;
let after = 0;
let count = 0;

/** Draws the worker's part. Called once in each worker, before it takes a request. */
export function startRequestIds(): void {
  const [file] = io.open("/dev/urandom", "rb");
  const seed = file?.read(SEED_BYTES) ?? "";
  file?.close();
  // A worker that may not read it still has its process id and its start: unique, only easier to guess.
  const drawn = seed.length === SEED_BYTES ? seed : ngx.md5_bin(`${ngx.worker.pid()} ${ngx.now()}`);
  worker = tohex(word(drawn, 1));
  before = word(drawn, 5);
  after = word(drawn, 9);
}

/** The next number. */
export function nextRequestId(): string {
  return worker + tohex(nextCount());
}

/** The eight digits that all numbers of this worker begin with. */
export function workerPart(): string {
  return worker;
}

/** The next number's other half, as 32 bits. Cheap on purpose: this runs for every request. */
export function nextCount(): number {
  count = tobit(count + 1);
  // Each step can be undone, so no two counts meet (additions of shifted selves are multiplications by odd numbers).
  let mixed = bxor(count, before);
  mixed = tobit(mixed + lshift(mixed, 10));
  mixed = bxor(mixed, rshift(mixed, 6));
  mixed = tobit(mixed + lshift(mixed, 3));
  mixed = bxor(mixed, rshift(mixed, 11));
  mixed = tobit(mixed + lshift(mixed, 15));
  return bxor(mixed, after);
}

/** The number of the request that runs now: what ADMIT gave it, or a fresh one where the request never came that far. */
export function requestId(): string {
  const known = ngx.var["p_request"]!;
  if (known !== "") return known;
  const fresh = nextRequestId();
  ngx.var["p_request"] = fresh;
  return fresh;
}

function word(bytes: string, from: number): number {
  const [a, b, c, d] = string.byte(bytes, from, from + 3);
  return bor(lshift(a!, 24), lshift(b!, 16), lshift(c!, 8), d!);
}
