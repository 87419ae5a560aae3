/**
 * Stored answers that a request made doubtful by changing something (RFC 9111 §4.4): their key gets another number. Where there is no room for a
 * doubt, it falls on everything of the site. nginx's answers outlive its memory, so the sites that have doubts are also written down: what such
 * a site had stored before nginx started is not used again.
 */
import { CACHE_LIFE_SECONDS_MAX } from "../../contract/cache.ts";
import { TARGET_CHARS_MAX } from "./cache-memory.ts";
import { announce } from "./journal.ts";

const memory = ngx.shared["parapet_doubts"]!;
const ADDRESSES_MAX = 20_000;
/** The book has a line for a site's doubts once in this time, and is believed for twice as long. */
const LINE_SECONDS = CACHE_LIFE_SECONDS_MAX;
const SITE = "^(site_[0-9a-z/]+) (%d+)$";

const book: { open: LuaFile | undefined } = { open: undefined };

/**
 * In nginx's master, which hands the open file on to its workers: they may have no way to it. `isStart`: nginx remembers nothing, but the answers
 * it kept are still there.
 */
export function openDoubts(file: string, isStart: boolean): void {
  if (isStart) beginAnew(file);
  const [opened, why] = io.open(file, "a");
  if (opened === undefined)
    ngx.log(ngx.ERR, "doubts about kept answers will be forgotten by a restart: ", why);
  book.open = opened;
}

/** Nothing of the sites in the book is used that was kept before; lines that count no more are left out of it. */
function beginAnew(file: string): void {
  const [old] = io.open(file, "r");
  if (old === undefined) return;
  const kept: string[] = [];
  let lines = 0;
  for (const [line] of old.lines()) {
    lines += 1;
    const [siteId, at] = string.match(line, SITE);
    if (siteId === undefined || Number(at) + 2 * LINE_SECONDS < ngx.time()) continue;
    kept.push(line);
    memory.set(`d ${siteId}`, Number(at), 2 * CACHE_LIFE_SECONDS_MAX);
    doubtAll(siteId);
  }
  old.close();
  if (kept.length < lines) replace(file, kept);
}

/** A book that cannot be written anew stays as it is. */
function replace(file: string, lines: readonly string[]): void {
  const fresh = `${file}.new`;
  const [out] = io.open(fresh, "w");
  if (out === undefined) return;
  let isWhole = true;
  for (const line of lines) isWhole = isWhole && out.write(line, "\n")[0] !== undefined;
  if (!out.flush()) isWhole = false;
  out.close();
  if (isWhole) os.rename(fresh, file);
}

function writeDown(siteId: string): void {
  const now = ngx.time();
  const [at] = memory.get(`d ${siteId}`);
  const isNew = at === undefined || now - (at as number) > LINE_SECONDS;
  memory.set(`d ${siteId}`, isNew ? now : (at as number), 2 * CACHE_LIFE_SECONDS_MAX);
  if (!isNew) return;
  book.open?.write(string.format("%s %d\n", siteId, now));
  if (book.open?.flush() !== true)
    ngx.log(ngx.ERR, "could not write down that answers of ", siteId, " are doubtful: a restart forgets it");
  announce(siteId);
}

/** How often this address was invalidated, together with everything of its site. */
export function invalidations(siteId: string, host: string, target: string): number {
  const [all] = memory.get(`a ${siteId}`);
  const [one] = memory.get(`i ${siteId} ${host}${target}`);
  return ((all as number | undefined) ?? 0) + ((one as number | undefined) ?? 0);
}

/** Whether a site's keys have to be looked up before its store is asked. */
export function isDoubted(siteId: string): boolean {
  return memory.get(`d ${siteId}`)[0] !== undefined;
}

export function invalidate(siteId: string, host: string, target: string): void {
  writeDown(siteId);
  if (target.length > TARGET_CHARS_MAX) return doubtAll(siteId);
  const key = `i ${siteId} ${host}${target}`;
  const before = memory.get(key)[0] as number | undefined;
  const [stored] = memory.safe_set(key, nextNumber(before), CACHE_LIFE_SECONDS_MAX);
  if (!stored || isTooMany(siteId, before === undefined)) doubtAll(siteId);
}

/** One site's doubts never take the room of all. */
function isTooMany(siteId: string, isNew: boolean): boolean {
  if (!isNew) return false;
  const [count] = memory.incr(`n ${siteId}`, 1, 0, CACHE_LIFE_SECONDS_MAX);
  if (count === undefined || count <= ADDRESSES_MAX) return false;
  memory.delete(`n ${siteId}`);
  return true;
}

function doubtAll(siteId: string): void {
  const key = `a ${siteId}`;
  memory.set(key, nextNumber(memory.get(key)[0] as number | undefined), 2 * CACHE_LIFE_SECONDS_MAX);
}

/** The clock gives the number, so that a forgotten doubt never comes back as one that was used before. */
function nextNumber(before: number | undefined): number {
  return Math.max(before ?? 0, Math.floor(ngx.now() * 1000)) + 1;
}
