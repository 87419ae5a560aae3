/**
 * The tags of kept answers, for all workers, in a dictionary of its own. An address is named as the store names it, without what purges add.
 * What finds no room pushes out what was not asked for the longest: an address that is forgotten falls to every tag.
 */
import { CACHE_LIFE_SECONDS_MAX } from "../../contract/cache.ts";
import { rememberTags, tagPurgeNumber, type TagPurges, type TagsSaid } from "../cache-tags.ts";

/** Stands before the number of a tag purge in a key's salt. */
export const TAG_SALT = "t";

const memory = ngx.shared["parapet_tags"]!;
const NAME_CHARS_MAX = 2048;

/** The number that the key of this request carries. `target`: as in the key. */
export function tagPurgeOf(siteId: string, purges: TagPurges, target: string): number {
  const [known] = memory.get(`${siteId} ${ngx.var["scheme"]} ${ngx.var["http_host"]} ${target}`);
  return tagPurgeNumber(purges, known as string | undefined);
}

/**
 * In the hop, of an answer that is being kept under `key`. An address is remembered from a miss on: then nothing else lies under its key. An answer
 * that varies with more than its coding may have unknown neighbours there, so no address is remembered from it.
 */
export function noteTags(
  siteId: string,
  key: string,
  kept: TagsSaid & { readonly isMiss: boolean; readonly vary: string },
): void {
  const space = key.indexOf(" ");
  if (space < 0 || key.length > NAME_CHARS_MAX) return;
  const isTagged = kept.cacheTag !== "" || kept.surrogateKey !== "";
  const tagging = `g ${siteId}`;
  // What has no tag is remembered too where others have some: it outlives their purges.
  if (isTagged) memory.set(tagging, 1, CACHE_LIFE_SECONDS_MAX);
  else if (memory.get(tagging)[0] === undefined) return;
  const name = `${siteId}${key.substring(space)}`;
  const [known] = memory.get(name);
  if (known === undefined && (!kept.isMiss || !variesWithCodingAlone(kept.vary))) return;
  const [floor] = string.match(key.substring(siteId.length, space), `${TAG_SALT}(%d+)`);
  const remembered = rememberTags(known as string | undefined, Number(floor ?? "0"), kept);
  memory.set(name, remembered, CACHE_LIFE_SECONDS_MAX);
}

/** A 304 said something of tags: what is known of the address grows by it. */
export function noteMoreTags(siteId: string, key: string, said: TagsSaid): void {
  noteTags(siteId, key, { ...said, isMiss: false, vary: "" });
}

function variesWithCodingAlone(vary: string): boolean {
  return vary === "" || vary.toLowerCase() === "accept-encoding";
}
