/**
 * Paths in which "*" stands for any run of characters. There is no backtracking: the text before the first "*" has to begin the path, the text
 * after the last one has to end it, and what stands between is looked for from left to right, each part once. Patterns are brought to the
 * spelling of nginx's $uri (`request-target.ts`), so that no way to write a path slips by; the settings bound how much is searched for.
 */
import { canonicalPath, decodedPath } from "./request-target.ts";

export type PathSet = {
  readonly exact: Record<string, true | undefined>;
  readonly globs: readonly PathGlob[];
};
export type PathGlob = {
  readonly first: string;
  readonly middle: readonly string[];
  readonly last: string;
};

export function preparePaths(patterns: readonly string[]): PathSet {
  const exact: Record<string, true | undefined> = {};
  const globs: PathGlob[] = [];
  for (const pattern of patterns) {
    const path = decodedPath(canonicalPath(pattern));
    if (!path.includes("*")) {
      exact[path] = true;
      continue;
    }
    const parts = path.split("*");
    const middle: string[] = [];
    for (let i = 1; i < parts.length - 1; i++) {
      const part = parts[i] ?? "";
      if (part !== "") middle.push(part);
    }
    globs.push({ first: parts[0] ?? "", middle, last: parts[parts.length - 1] ?? "" });
  }
  return { exact, globs };
}

/** `path`: decoded, as in $uri. */
export function isInPaths(set: PathSet, path: string): boolean {
  if (set.exact[path] === true) return true;
  for (const glob of set.globs) if (globMatches(glob, path)) return true;
  return false;
}

function globMatches(glob: PathGlob, path: string): boolean {
  const { first, middle, last } = glob;
  const end = path.length - last.length;
  if (end < first.length || !path.startsWith(first) || !path.endsWith(last)) return false;
  let at = first.length;
  for (const part of middle) {
    // The leftmost place leaves the most room for what follows, so no other has to be tried.
    const found = path.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
