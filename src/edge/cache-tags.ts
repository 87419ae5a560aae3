/**
 * Purges by tag. What is remembered of an address that is kept: every tag that an answer kept there ever had (Cache-Tag; Surrogate-Key), and the number of
 * the tag purge under which its first answer was kept. A purge gives the addresses that had its tag another key; all others keep theirs.
 * An address of which nothing is remembered is taken to have every tag: it may be colder than it had to be, and is never stale. What is
 * remembered only grows while it is remembered, so that no key comes back that a purge has taken away.
 */
import type { CachePurge } from "../contract/cache.ts";
import { trimmed } from "./trimmed.ts";

/** Purges of a site by tag, prepared once per change. */
export type TagPurges = {
  readonly newest: number;
  /** A tag between commas, as it stands in what is remembered. */
  readonly each: readonly { readonly tag: string; readonly number: number }[];
};

export type TagsSaid = {
  /** Values of Cache-Tag and Surrogate-Key, "" for none. */
  readonly cacheTag: string;
  readonly surrogateKey: string;
};

/** "FLOOR ,TAG,TAG,"; FLOOR "*" stands for every tag. */
export type Remembered = string;

/** Stands for every tag: of an answer that has more than are remembered. */
const EVERY = "*";
const NONE = ",";
const TAGS_CHARS_MAX = 1000;
/** A longer field is not read. */
const FIELD_CHARS_MAX = 16 * 1024;

export function prepareTagPurges(purges: readonly CachePurge[]): TagPurges | undefined {
  const each: { tag: string; number: number }[] = [];
  let newest = 0;
  for (const { kind, value, number } of purges) {
    if (kind !== "tag") continue;
    each.push({ tag: `,${value.toLowerCase()},`, number });
    newest = Math.max(newest, number);
  }
  return each.length === 0 ? undefined : { newest, each };
}

/** The number of the newest purge that an address fell to; 0 for none. */
export function tagPurgeNumber(purges: TagPurges, remembered: Remembered | undefined): number {
  if (remembered === undefined) return purges.newest;
  const [floor, tags] = partsOf(remembered);
  if (tags === EVERY) return Math.max(floor, purges.newest);
  let newest = floor;
  for (const { tag, number } of purges.each) {
    if (number > newest && tags.includes(tag)) newest = number;
  }
  return newest;
}

/** `known`: what is remembered, undefined when this is the first. `floor`: the number in the key that the answer is kept under. */
export function rememberTags(known: Remembered | undefined, floor: number, said: TagsSaid): Remembered {
  const [least, had] = known === undefined ? [floor, NONE] : partsOf(known);
  const tags = addTags(addTags(had, said.cacheTag), said.surrogateKey);
  return `${least} ${tags}`;
}

/** Both fields have commas or blanks between tags: no tag that can be purged holds either. */
function addTags(tags: string, field: string): string {
  if (tags === EVERY || field.length > FIELD_CHARS_MAX) return EVERY;
  let all = tags;
  for (const part of field.toLowerCase().split(",")) {
    for (const word of part.split(" ")) {
      const tag = trimmed(word);
      if (tag === "" || all.includes(`,${tag},`)) continue;
      if (all.length + tag.length + 1 > TAGS_CHARS_MAX) return EVERY;
      all = `${all}${tag},`;
    }
  }
  return all;
}

function partsOf(remembered: Remembered): [number, string] {
  const space = remembered.indexOf(" ");
  return [Number(remembered.substring(0, space)), remembered.substring(space + 1)];
}
