/**
 * Which reports are independent of each other. Copies and campaigns share their words, so reports whose 64-bit SimHashes lie
 * close form one cluster, and a cluster is one source (design law 4): six hundred copies weigh what one does. Pure. Short texts
 * carry too few words to tell copy from chance, so they are one cluster only when their words are the same.
 */
import { hamming, shingles, simhash, words } from "../../sites/simhash.ts";

/** Bits out of 64. Copies with a changed name or greeting differ by about 10 with shingles of two words. */
export const COPY_BITS_MAX = 14;
const EXACT_BELOW_WORDS = 8;
const SHINGLE_WORDS = 2;

export type Print = { readonly simhash: string; readonly words: number };

export function printOf(text: string): Print {
  const tokens = words(text);
  return { simhash: simhash([...tokens, ...shingles(tokens, SHINGLE_WORDS)]), words: tokens.length };
}

export function alike(a: Print, b: Print): boolean {
  if (a.simhash === b.simhash && a.words === b.words) return true;
  if (a.words < EXACT_BELOW_WORDS || b.words < EXACT_BELOW_WORDS) return false;
  return hamming(a.simhash, b.simhash) <= COPY_BITS_MAX;
}

/** The cluster of a new report among those of its case, and the first report it is a copy of. Clusters count from 1. */
export function clusterOf<Id>(
  print: Print,
  known: readonly (Print & { readonly id: Id; readonly cluster: number })[],
): { readonly cluster: number; readonly copyOf: Id | null } {
  for (const other of known) {
    if (alike(print, other)) return { cluster: other.cluster, copyOf: other.id };
  }
  return { cluster: known.reduce((most, other) => Math.max(most, other.cluster), 0) + 1, copyOf: null };
}

/** How many reports of one cluster, and what share of a case's, make it look like a brigade. */
export const BRIGADE_REPORTS_MIN = 5;
export const BRIGADE_SHARE_MIN = 0.5;

/** Whether most of a case's reports say the same thing. Shown to the officer; it never lowers or raises a level. */
export function looksLikeBrigade(clusters: readonly number[]): boolean {
  const sizes = new Map<number, number>();
  for (const cluster of clusters) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  const largest = Math.max(0, ...sizes.values());
  return largest >= BRIGADE_REPORTS_MIN && largest / clusters.length >= BRIGADE_SHARE_MIN;
}
