/**
 * Does a redirect lead a visitor in a circle? Follows each rule from an example of what it matches, through all the rules, for as many
 * steps as a browser would go. Only what stays on the site is followed; what another site does cannot be known.
 */
import { LOCATION_CHARS_MAX, type RedirectRule } from "../contract/site-rules.ts";

/** Browsers give up after about twenty. */
const STEPS_MAX = 20;
const EXAMPLE_REST = "x";
const NOWHERE = "site.invalid";

/** The `from` of a rule that never ends, or null. */
export function endlessRedirect(rules: readonly RedirectRule[], hostnames: readonly string[]): string | null {
  for (const rule of rules) {
    let path: string | null = rule.from.replace(/\*$/, EXAMPLE_REST);
    for (let step = 0; path !== null; step++) {
      if (step >= STEPS_MAX) return rule.from;
      path = nextPath(rules, path, hostnames);
    }
  }
  return null;
}

/** Where `path` is sent on this site; null when no rule matches or another site is next. */
function nextPath(rules: readonly RedirectRule[], path: string, hostnames: readonly string[]): string | null {
  for (const { from, to } of rules) {
    const isPrefix = from.endsWith("*");
    const stem = isPrefix ? from.slice(0, -1) : from;
    if (isPrefix ? !path.startsWith(stem) : path !== stem) continue;
    const parts = to.split("$1");
    const rest = isPrefix ? path.slice(stem.length) : "";
    // The edge sends nobody there, and a rule that doubles a path would fill memory with it.
    if (to.length + parts.length * rest.length > LOCATION_CHARS_MAX) return null;
    const target = parts.join(rest);
    const isPath = target.startsWith("/");
    const address = isPath ? `http://${NOWHERE}${target.replace(/^\/+/, "/")}` : target;
    if (!URL.canParse(address)) return null;
    const url = new URL(address);
    return isPath || hostnames.includes(url.hostname) ? url.pathname : null;
  }
  return null;
}
