/**
 * The tags of kept answers, for all workers, in a dictionary of its own. An address is named as the store names it, without what purges add.
 * What finds no room pushes out what was not asked for the longest: an address that is forgotten falls to every tag.
 */
import { CACHE_LIFE_SECONDS_MAX } from "../../contract/cache.ts";
import { rememberTags, tagPurgeNumber, type TagPurges } from "../cache-tags.ts";

/** Stands before the number of a tag purge in a key's salt. */
export const TAG_SALT = "t";

const memory = ngx.shared["parapet_tags"]!;
/** Of a worker that died meanwhile. */
const LOCK_SECONDS = 5;

/** The number that the key of this request carries. `target`: as in the key. */
export function tagPurgeOf(siteId: string, purges: TagPurges, target: string): number {
  const [known] = memory.get(nameOf(siteId, ` ${ngx.var["scheme"]} ${ngx.var["http_host"]} ${target}`));
  return tagPurgeNumber(purges, known as string | undefined);
}

/**
 * In the hop, of an answer that is to be kept under `key`. An address is remembered from a miss on: then nothing else lies under its key. An answer
 * that varies with more than its coding may have unknown neighbours there, so no address is remembered from it. False: another worker notes
 * the same address just now, so this answer must not be kept.
 */
export function noteTags(
  siteId: string,
  key: string,
  kept: { readonly tags: string; readonly isMiss: boolean; readonly vary: string },
): boolean {
  const space = key.indexOf(" ");
  if (space < 0) return true;
  const tagging = `g ${siteId}`;
  // What has no tag is remembered too where others have some: it outlives their purges.
  if (kept.tags !== "") memory.set(tagging, 1, CACHE_LIFE_SECONDS_MAX);
  else if (memory.get(tagging)[0] === undefined) return true;
  const name = nameOf(siteId, key.substring(space));
  const lock = `l${name}`;
  if (!memory.add(lock, 1, LOCK_SECONDS)[0]) return false;
  const [known] = memory.get(name);
  if (known !== undefined || (kept.isMiss && variesWithCodingAlone(kept.vary))) {
    const [floor] = string.match(key.substring(siteId.length, space), `${TAG_SALT}(%d+)`);
    const remembered = rememberTags(known as string | undefined, Number(floor ?? "0"), kept.tags);
    memory.set(name, remembered, CACHE_LIFE_SECONDS_MAX);
  }
  memory.delete(lock);
  return true;
}

/** Short, whatever a client asks for. The store keeps an answer for each coding by itself, so each is remembered by itself. */
function nameOf(siteId: string, address: string): string {
  return ngx.md5_bin(`${ngx.var["http_accept_encoding"] ?? ""} ${siteId}${address}`);
}

function variesWithCodingAlone(vary: string): boolean {
  return vary === "" || vary.toLowerCase() === "accept-encoding";
}
