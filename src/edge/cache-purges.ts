/**
 * Purges as the request path compares them. A purge does not remove anything: it gives what it names another key, so it holds from the
 * moment a worker knows it, and what was kept under the old key is evicted in time. Addresses are compared decoded, as nginx does
 * with `$uri`, so that no spelling of an address keeps an old answer alive.
 */
import type { CachePurge } from "../contract/cache.ts";
import { keyTarget } from "./cache-key.ts";
import { canonicalPath, canonicalQuery, decodedPath, queryOf } from "./request-target.ts";

type QueryNames = { readonly ignoreQuery: readonly string[]; readonly sortQuery: boolean };

export type PreparedPurges = {
  readonly names: QueryNames;
  /** "host/path" and "?query" → number of the newest purge. */
  readonly urls: Record<string, number | undefined>;
  readonly prefixes: readonly { readonly value: string; readonly number: number }[];
};

/** Purges by tag are `cache-tags.ts`'s. */
export function preparePurges(
  cache: QueryNames & { readonly purges: readonly CachePurge[] },
): PreparedPurges {
  const names = { ignoreQuery: cache.ignoreQuery, sortQuery: cache.sortQuery };
  const urls: Record<string, number | undefined> = {};
  const prefixes: { value: string; number: number }[] = [];
  for (const purge of cache.purges) {
    const address = splitAddress(purge.value);
    if (purge.kind === "prefix") prefixes.push({ value: address.host + address.path, number: purge.number });
    if (purge.kind !== "url") continue;
    const name = nameOf(address.host, address.path, address.query, names);
    urls[name] = Math.max(urls[name] ?? 0, purge.number);
  }
  return { names, urls, prefixes };
}

/** The newest purge that names this request; 0 for none. */
export function purgeNumber(
  purges: PreparedPurges,
  asked: { readonly host: string; /** Decoded. */ readonly path: string; readonly query: string },
): number {
  let newest = purges.urls[nameOf(asked.host, asked.path, asked.query, purges.names)] ?? 0;
  const whole = asked.host + asked.path;
  for (const { value, number } of purges.prefixes) {
    if (number > newest && whole.startsWith(value)) newest = number;
  }
  return newest;
}

function nameOf(host: string, path: string, query: string, names: QueryNames): string {
  if (query === "") return host + path;
  return host + path + keyTarget(`?${canonicalQuery(query)}`, names);
}

/** "https://host/path?query" or "host/path" in its parts, the path decoded. */
function splitAddress(value: string): { host: string; path: string; query: string } {
  const scheme = value.indexOf("://");
  const rest = scheme < 0 ? value : value.substring(scheme + 3);
  const slash = rest.indexOf("/");
  const host = (slash < 0 ? rest : rest.substring(0, slash)).toLowerCase();
  const target = slash < 0 ? "/" : rest.substring(slash);
  const mark = target.indexOf("?");
  const path = decodedPath(canonicalPath(mark < 0 ? target : target.substring(0, mark)));
  return { host, path, query: mark < 0 ? "" : queryOf(target) };
}
