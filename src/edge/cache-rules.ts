/**
 * What the owner's cache settings mean for one request: kept or not, on which terms, under which name of the query. Prepared once per
 * change of a site; the cost of a match is bounded by the settings' own bounds, since a pattern is walked without recursion.
 */
import { CACHED_EXTENSIONS, type CacheRule, type CacheSettings } from "../contract/cache.ts";
import { trimmed } from "./trimmed.ts";

const EXTENSIONS: Record<string, boolean | undefined> = {};
for (const extension of CACHED_EXTENSIONS) EXTENSIONS[extension] = true;

/** -1: not through the cache. 0: as the answer allows. More: for so many seconds. */
export function storeSecondsOf(cache: Pick<CacheSettings, "mode" | "rules">, path: string): number {
  const rule = ruleFor(cache.rules, path);
  if (rule !== undefined) return rule.action === "bypass" ? -1 : rule.action === "store" ? rule.seconds : 0;
  if (cache.mode === "origin") return 0;
  return cache.mode === "static" && isStaticPath(path) ? 0 : -1;
}

/** Whether an answer may be kept though it says nothing of its freshness: paths that end like a file, unless a rule leaves it to the answer. */
export function guessesFreshness(cache: Pick<CacheSettings, "mode" | "rules">, path: string): boolean {
  return cache.mode === "static" && ruleFor(cache.rules, path) === undefined;
}

function ruleFor(rules: readonly CacheRule[], path: string): CacheRule | undefined {
  for (const rule of rules) if (globMatches(rule.path, path)) return rule;
  return undefined;
}

/** The same of what stands behind the last dot. */
export function isStaticExtension(extension: string): boolean {
  return EXTENSIONS[extension] === true || EXTENSIONS[extension.toLowerCase()] === true;
}

export function isStaticPath(path: string): boolean {
  // Looked for from the end: the longest extension has five letters.
  for (let i = path.length - 1; i >= 0 && i >= path.length - 7; i--) {
    const char = path.charAt(i);
    if (char === "/") return false;
    if (char === ".") return EXTENSIONS[path.substring(i + 1).toLowerCase()] === true;
  }
  return false;
}

/** "*" stands for any run of characters, everything else for itself. Linear in the path for each star: the last star alone is tried again. */
export function globMatches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern.charAt(p) === "*") {
      star = p;
      resume = t;
      p += 1;
    } else if (p < pattern.length && pattern.charAt(p) === text.charAt(t)) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      resume += 1;
      t = resume;
    } else return false;
  }
  while (p < pattern.length && pattern.charAt(p) === "*") p += 1;
  return p === pattern.length;
}

/** A name, or the beginning of one where it ends in "*". */
export function nameMatches(pattern: string, name: string): boolean {
  const last = pattern.length - 1;
  return pattern.charAt(last) === "*" ? name.startsWith(pattern.substring(0, last)) : name === pattern;
}

/** Whether a Cookie field holds a cookie of one of these names. */
export function hasCookie(cookies: string, patterns: readonly string[]): boolean {
  for (const pair of cookies.split(";")) {
    const [name = ""] = pair.split("=");
    const plain = trimmed(name);
    for (const pattern of patterns) if (nameMatches(pattern, plain)) return true;
  }
  return false;
}
