/**
 * Under which name an answer is kept. The path stays as the client wrote it: decoding it would let two requests that the origin
 * tells apart share an answer. Of the query, parameters that the owner calls meaningless are left out, and their order is
 * levelled where the owner says that it does not matter. Pure; the tenant, the scheme and the host are added by nginx.conf.
 */
import { nameMatches } from "./cache-rules.ts";

/** A query with more parameters is kept as it is: nobody sorts what a client made for that purpose. */
const PARAMETERS_MAX = 200;

export function keyTarget(
  target: string,
  by: { readonly ignoreQuery: readonly string[]; readonly sortQuery: boolean },
): string {
  const mark = target.indexOf("?");
  if (mark < 0) return target;
  const parts = target.substring(mark + 1).split("&");
  if (parts.length > PARAMETERS_MAX) return target;
  const kept: string[] = [];
  for (const part of parts) if (!isIgnored(part, by.ignoreQuery)) kept.push(part);
  const path = target.substring(0, mark);
  if (kept.length === 0) return path;
  if (by.sortQuery) sortByBytes(kept);
  return `${path}?${kept.join("&")}`;
}

function isIgnored(part: string, patterns: readonly string[]): boolean {
  const equals = part.indexOf("=");
  const name = equals < 0 ? part : part.substring(0, equals);
  for (const pattern of patterns) if (nameMatches(pattern, name)) return true;
  return false;
}

/** Insertion sort by name and then by place, so that "a=1&a=2" keeps its order: applications give it meaning. */
function sortByBytes(parts: string[]): void {
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i]!;
    const name = nameOf(part);
    let at = i;
    while (at > 0 && nameOf(parts[at - 1]!) > name) {
      parts[at] = parts[at - 1]!;
      at -= 1;
    }
    parts[at] = part;
  }
}

function nameOf(part: string): string {
  const equals = part.indexOf("=");
  return equals < 0 ? part : part.substring(0, equals);
}
