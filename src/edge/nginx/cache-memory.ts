/**
 * What all workers remember of answers beside the answers themselves: how much a site stored lately, and which answers cannot be kept, so that
 * requests for them do not wait for each other. A dictionary of its own: what clients can fill must not push out anything else.
 */

const memory = ngx.shared["parapet_cache"]!;
const UNCACHEABLE_SECONDS = 60;
const STORED_SECONDS = 60;
const TARGET_CHARS_MAX = 2048;

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
