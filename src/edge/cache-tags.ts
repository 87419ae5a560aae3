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
  /** The newest first. A tag between commas, as it stands in what is remembered. */
  readonly each: readonly { readonly tag: string; readonly number: number }[];
};

/** "FLOOR ,TAG,TAG,"; FLOOR "*" stands for every tag. */
export type Remembered = string;

/** Stands for every tag: of an answer that has more than are remembered. */
const EVERY = "*";
const NONE = ",";
const TAGS_CHARS_MAX = 1000;
/** What is longer is not read. */
const SAID_CHARS_MAX = 16 * 1024;

export function prepareTagPurges(purges: readonly CachePurge[]): TagPurges | undefined {
  const each: { tag: string; number: number }[] = [];
  for (const { kind, value, number } of purges)
    if (kind === "tag") each.push({ tag: `,${value.toLowerCase()},`, number });
  each.sort((a, b) => b.number - a.number);
  const [newest] = each;
  return newest === undefined ? undefined : { newest: newest.number, each };
}

/** The number of the newest purge that an address fell to; 0 for none. */
export function tagPurgeNumber(purges: TagPurges, remembered: Remembered | undefined): number {
  if (remembered === undefined) return purges.newest;
  const [floor, tags] = partsOf(remembered);
  if (tags === EVERY) return Math.max(floor, purges.newest);
  for (const { tag, number } of purges.each) {
    if (number <= floor) break;
    if (tags.includes(tag)) return number;
  }
  return floor;
}

/**
 * `known`: what is remembered, undefined when this is the first. `floor`: the number in the key that the answer is kept under. `said`: its Cache-Tag and
 * Surrogate-Key, with commas or blanks between tags: no tag that can be purged holds either.
 */
export function rememberTags(known: Remembered | undefined, floor: number, said: string): Remembered {
  const [least, had] = known === undefined ? [floor, NONE] : partsOf(known);
  return `${least} ${addTags(had, said)}`;
}

function addTags(tags: string, said: string): string {
  if (tags === EVERY || said.length > SAID_CHARS_MAX) return EVERY;
  let all = tags;
  for (const part of said.toLowerCase().split(",")) {
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
