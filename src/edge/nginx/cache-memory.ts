/**
 * What all workers remember of answers beside the answers themselves: how often a stored one was made doubtful by a request that changed
 * something (RFC 9111 §4.4), and which answers cannot be kept, so that requests for them do not wait for each other. A dictionary of its own:
 * what clients can fill must not push out anything else. Where it has no room for a doubt, the doubt falls on everything of the site.
 */
import { CACHE_LIFE_SECONDS_MAX } from "../../contract/cache.ts";

const memory = ngx.shared["parapet_cache"]!;
const UNCACHEABLE_SECONDS = 60;
const STORED_SECONDS = 60;
const TARGET_CHARS_MAX = 2048;

/** How often this address was invalidated, together with everything of its site. */
export function invalidations(siteId: string, host: string, target: string): number {
  const [all] = memory.get(`a ${siteId}`);
  const [one] = memory.get(`i ${siteId} ${host}${target}`);
  return ((all as number | undefined) ?? 0) + ((one as number | undefined) ?? 0);
}

export function invalidate(siteId: string, host: string, target: string): void {
  if (target.length > TARGET_CHARS_MAX) return doubtAll(siteId);
  const key = `i ${siteId} ${host}${target}`;
  const [before] = memory.get(key);
  // The clock gives the number, so that a forgotten doubt never comes back as one that was used before.
  const next = Math.max((before as number | undefined) ?? 0, Math.floor(ngx.now() * 1000)) + 1;
  const [stored] = memory.safe_set(key, next, CACHE_LIFE_SECONDS_MAX);
  if (!stored) doubtAll(siteId);
}

function doubtAll(siteId: string): void {
  memory.set(`a ${siteId}`, Math.floor(ngx.now() * 1000));
}

/**
 * Whether a site may store one more answer of so many bytes. What it stored is counted for a minute, which is longer than the agent takes to count
 * the disk and to remove what is too much: a site that stores faster than that stores nothing more until the minute is over.
 */
export function mayStore(
  siteId: string,
  bytes: number,
  bounds: { readonly bytesMax: number; readonly answersMax: number },
): boolean {
  if (bytes > bounds.bytesMax || memory.get("closed")[0] !== undefined) return false;
  const [stored] = memory.incr(`b ${siteId}`, bytes, 0, STORED_SECONDS);
  const [answers] = memory.incr(`n ${siteId}`, 1, 0, STORED_SECONDS);
  if (stored === undefined || answers === undefined) return false;
  return stored <= bounds.bytesMax && answers <= bounds.answersMax;
}

/** Whether an answer to this was seen lately that cannot be kept. */
export function isUncacheable(siteId: string, host: string, target: string): boolean {
  const [seen] = memory.get(`u ${siteId} ${host}${target}`);
  return seen !== undefined;
}

export function rememberUncacheable(siteId: string, host: string, target: string): void {
  if (target.length > TARGET_CHARS_MAX) return;
  memory.safe_set(`u ${siteId} ${host}${target}`, 1, UNCACHEABLE_SECONDS);
}

/** Content handler of the control socket: the agent says whether the cache's disk can take more. */
export function takeCacheState(): void {
  if (ngx.var["arg_storing"] === "false") memory.set("closed", 1);
  else memory.delete("closed");
  ngx.print("{}");
}
