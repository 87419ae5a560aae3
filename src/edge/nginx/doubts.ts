/**
 * Stored answers that a request made doubtful by changing something (RFC 9111 §4.4): their key gets another number. Addresses of a site share a
 * fixed number of doubts, so one that changes much makes more of its own answers doubtful, and takes no room of others; where there is none left,
 * the doubt falls on everything of the site. nginx's answers outlive its memory, so the sites that have doubts are also written down: what such
 * a site had stored before nginx started is not used again.
 */
import { CACHE_LIFE_SECONDS_MAX } from "../../contract/cache.ts";
import { announce } from "./journal.ts";

/** Of addresses: what is in it is never pushed out. */
const places = ngx.shared["parapet_doubts"]!;
/** Two entries for a site, of which this memory takes more than a node serves. */
const sites = ngx.shared["parapet_doubted"]!;
const PLACES_PER_SITE = 1024;
/** The book has a line for a site's doubts once in this time, and is believed for twice as long. */
const LINE_SECONDS = CACHE_LIFE_SECONDS_MAX;
const SITE = "^(site_[0-9a-z/]+) (%d+)$";

const book: { open: LuaFile | undefined } = { open: undefined };

/**
 * In nginx's master, which hands the open file on to its workers: they may have no way to it. When this memory is new, the answers that nginx
 * kept are still there.
 */
export function openDoubts(file: string): void {
  if (sites.get("open")[0] === undefined) {
    sites.set("open", 1);
    beginAnew(file);
  }
  const [opened, why] = io.open(file, "a");
  if (opened === undefined)
    ngx.log(ngx.ERR, "doubts about kept answers will be forgotten by a restart: ", why);
  book.open = opened;
}

/** Nothing of the sites in the book is used that was kept before; of each, the newest line stays in it while it counts. */
function beginAnew(file: string): void {
  const [old] = io.open(file, "r");
  if (old === undefined) return;
  const newest: Record<string, string | undefined> = {};
  for (const [line] of old.lines()) {
    const [siteId, at] = string.match(line, SITE);
    if (siteId === undefined || Number(at) + 2 * LINE_SECONDS < ngx.time()) continue;
    newest[siteId] = line;
    keep(`d ${siteId}`, Number(at));
  }
  old.close();
  for (const [siteId] of pairs(newest)) doubtAll(siteId);
  replace(file, newest);
}

/** A book that cannot be written anew stays as it is. */
function replace(file: string, lines: Record<string, string | undefined>): void {
  const fresh = `${file}.new`;
  const [out] = io.open(fresh, "w");
  if (out === undefined) return;
  let isWhole = true;
  for (const [, line] of pairs(lines)) isWhole = isWhole && out.write(line!, "\n")[0] !== undefined;
  if (!out.flush()) isWhole = false;
  out.close();
  if (isWhole) os.rename(fresh, file);
}

function writeDown(siteId: string): void {
  const now = ngx.time();
  const [at] = sites.get(`d ${siteId}`);
  const isNew = at === undefined || now - (at as number) > LINE_SECONDS;
  keep(`d ${siteId}`, isNew ? now : (at as number));
  if (!isNew) return;
  book.open?.write(string.format("%s %d\n", siteId, now));
  if (book.open?.flush() !== true)
    ngx.log(ngx.ERR, "could not write down that answers of ", siteId, " are doubtful: a restart forgets it");
  announce(siteId);
}

/** How often this address was made doubtful, together with everything of its site. `target`: as in the key of what is kept. */
export function doubtsOf(siteId: string, host: string, target: string): number {
  const [all] = sites.get(`a ${siteId}`);
  const [one] = places.get(placeOf(siteId, host, target));
  return ((all as number | undefined) ?? 0) + ((one as number | undefined) ?? 0);
}

/** Whether a site's keys have to be looked up before its store is asked. */
export function isDoubted(siteId: string): boolean {
  return sites.get(`d ${siteId}`)[0] !== undefined;
}

export function doubt(siteId: string, host: string, target: string): void {
  writeDown(siteId);
  const place = placeOf(siteId, host, target);
  const before = places.get(place)[0] as number | undefined;
  const [stored] = places.safe_set(place, nextNumber(before), CACHE_LIFE_SECONDS_MAX);
  if (!stored) doubtAll(siteId);
}

function doubtAll(siteId: string): void {
  const key = `a ${siteId}`;
  keep(key, nextNumber(sites.get(key)[0] as number | undefined));
}

function placeOf(siteId: string, host: string, target: string): string {
  return string.format("%s %d", siteId, ngx.crc32_short(host + target) % PLACES_PER_SITE);
}

/** The clock gives the number, so that a forgotten doubt never comes back as one that was used before. */
function nextNumber(before: number | undefined): number {
  return Math.max(before ?? 0, Math.floor(ngx.now() * 1000)) + 1;
}

function keep(key: string, value: number): void {
  const [stored, why, forced] = sites.set(key, value, 2 * CACHE_LIFE_SECONDS_MAX);
  if (!stored || forced)
    ngx.log(ngx.ERR, "no room for doubts about kept answers: ", why ?? "others gave way");
}
