/**
 * What a worker counts of a site between two looks, and when its next sample is due. It outlives the site's policy: a change loads the site anew, and
 * its counts go on. ADMIT touches `seen` and `sampleAt` alone. A site that nothing is asked of costs nothing: its next request is due for a
 * sample, and by that puts it among the active ones.
 */

/** What is told and begun anew each time. */
export type Tallies = {
  challenged: number;
  throttled: number;
  blocked: number;
  banned: number;
  limited: number;
  assets: number;
  cleared: number;
  challengesPassed: number;
  challengesFailed: number;
};

export type Watched = Tallies & {
  readonly siteId: string;
  /** Requests that passed, since this worker began. */
  seen: number;
  /** The `seen` at which ADMIT calls for a sample. */
  sampleAt: number;
  /** The `seen` of the sample before: what lies between is what the next one stands for. */
  sampledAt: number;
  /** `seen` when it was last told to the node, and at the last look. */
  toldSeen: number;
  lookedSeen: number;
  /** The same of requests that were refused. */
  refused: number;
  refusalSampleAt: number;
  refusalSampledAt: number;
  toldRefused: number;
  lookedRefused: number;
  isActive: boolean;
  /** Seconds since the Unix epoch. */
  toldAt: number;
  meanStride: number;
};

const WATCHED_MAX = 40_000;

let known: Record<string, Watched | undefined> = {};
let count = 0;

/** `siteId`: without the mark of a preview. */
export function watchedOf(siteId: string): Watched {
  const one = known[siteId];
  if (one !== undefined) return one;
  // Whoever holds an old one goes on counting there, and what is counted there is told: the node adds up.
  if (count >= WATCHED_MAX) {
    known = {};
    count = 0;
  }
  const fresh: Watched = {
    siteId,
    seen: 0,
    sampleAt: 1,
    sampledAt: 0,
    toldSeen: 0,
    lookedSeen: 0,
    refused: 0,
    refusalSampleAt: 1,
    refusalSampledAt: 0,
    toldRefused: 0,
    lookedRefused: 0,
    isActive: false,
    toldAt: 0,
    meanStride: 2,
    challenged: 0,
    throttled: 0,
    blocked: 0,
    banned: 0,
    limited: 0,
    assets: 0,
    cleared: 0,
    challengesPassed: 0,
    challengesFailed: 0,
  };
  known[siteId] = fresh;
  count += 1;
  return fresh;
}
