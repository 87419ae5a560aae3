/**
 * The rounds that an agent makes for its cache, one after the other: tell nginx whether its disk can take more, count what each site holds, and
 * remove what is too much. A round that fails is made again; nginx is told each time, as it may be a new one that knows nothing.
 */
import { CacheKeeper, type CacheBounds } from "./cache-keeper.ts";
import { CACHE_RESERVE_BYTES, hasCacheRoom } from "./cache-room.ts";
import { CACHE_ANSWERS_MAX } from "./conf-cache.ts";
import { postCacheState } from "./feed-client.ts";
import { pause } from "./nginx-process.ts";

const ROUND_MS = 10_000;

export type CacheRoundsOptions = {
  readonly folder: string;
  readonly bytesMax: number;
  readonly boundsOf: (siteId: string) => CacheBounds | null;
  readonly socketPath: string;
  readonly roundMs: number | undefined;
  readonly reserveBytes: number | undefined;
  /** Called in each round in which nothing can be stored. */
  readonly onClosed: (what: string) => void;
};

/** The timer to clear when the node stops. */
export function startCacheRounds(options: CacheRoundsOptions): NodeJS.Timeout {
  const keeper = new CacheKeeper({
    folder: options.folder,
    boundsOf: options.boundsOf,
    whole: { bytes: options.bytesMax, answers: CACHE_ANSWERS_MAX },
    breathe: () => pause(1),
  });
  let running = false;
  return setInterval(() => {
    if (running) return;
    running = true;
    void round(keeper, options).finally(() => (running = false));
  }, options.roundMs ?? ROUND_MS);
}

async function round(keeper: CacheKeeper, options: CacheRoundsOptions): Promise<void> {
  const storing = await hasCacheRoom(options.folder, options.reserveBytes ?? CACHE_RESERVE_BYTES);
  if (!storing) {
    options.onClosed(
      `Nothing new is kept in the cache, as ${options.folder} has no room or cannot be written: make room there, or restart this node`,
    );
  }
  await postCacheState(options.socketPath, storing).catch(() => undefined);
  await keeper.round();
}
