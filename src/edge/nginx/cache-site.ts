/** A site's cache settings as a worker keeps them: prepared once per change, so that no request builds anything of them. */
import type { EdgeSite } from "../../contract/edge-site.ts";
import { preparePurges, type PreparedPurges } from "../cache-purges.ts";
import { prepareTagPurges, type TagPurges } from "../cache-tags.ts";
import { isDoubted } from "./doubts.ts";

export type LoadedCache = {
  readonly settings: EdgeSite["cache"];
  /** Whether the usual way, without Lua, is not enough. */
  readonly careful: boolean;
  /** "" until everything was purged once. */
  readonly salt: string;
  /** By URL and prefix. */
  readonly purges: PreparedPurges | undefined;
  readonly tagPurges: TagPurges | undefined;
};

export function loadCache(site: EdgeSite): LoadedCache {
  const settings = site.cache;
  const { mode, rules, bypassCookies, bypassHeaders, ignoreQuery, sortQuery } = settings;
  const salt = settings.generation > 0 ? `.${string.format("%d", settings.generation)}` : "";
  const tagPurges = prepareTagPurges(settings.purges);
  const hasPlaces = settings.purges.some(({ kind }) => kind !== "tag");
  const purges = hasPlaces ? preparePurges(settings) : undefined;
  const plain =
    mode === "static" &&
    rules.length + bypassCookies.length + bypassHeaders.length + ignoreQuery.length === 0 &&
    !sortQuery;
  const careful = !plain || salt !== "" || settings.purges.length > 0 || isDoubted(site.siteId);
  return { settings, careful, salt, purges, tagPurges };
}
