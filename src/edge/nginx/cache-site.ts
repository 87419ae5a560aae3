/** A site's cache settings as a worker keeps them: prepared once per change, so that no request builds anything of them. */
import type { EdgeSite } from "../../contract/edge-site.ts";
import { preparePurges, type PreparedPurges } from "../cache-purges.ts";

export type LoadedCache = {
  readonly settings: EdgeSite["cache"];
  /** Whether the usual way, without Lua, is not enough. */
  readonly careful: boolean;
  /** "" until everything was purged once. */
  readonly salt: string;
  readonly purges: PreparedPurges | undefined;
};

export function loadCache(site: EdgeSite): LoadedCache {
  const settings = site.cache;
  const { mode, rules, bypassCookies, bypassHeaders, ignoreQuery, sortQuery } = settings;
  // No index tells which answers had a tag: a purge by tag is one of everything here, which is never stale and at worst colder.
  let generation = settings.generation;
  for (const { kind, number } of settings.purges)
    if (kind === "tag") generation = math.max(generation, number);
  const salt = generation > 0 ? `.${string.format("%d", generation)}` : "";
  const purges = settings.purges.length > 0 ? preparePurges(settings) : undefined;
  const plain =
    mode === "static" &&
    rules.length + bypassCookies.length + bypassHeaders.length + ignoreQuery.length === 0 &&
    !sortQuery;
  return { settings, careful: !plain || salt !== "" || purges !== undefined, salt, purges };
}
