/**
 * Paths at which no browser is to be expected on any site, so that a challenge would only break something: checks, robots.txt, icons, site maps and feeds. Paths are
 * compared as nginx decoded them. It is a short list on purpose: whoever floods a site may choose such a path, and meets limits and mitigations that block
 * there, but no challenge.
 */

const EXACT: Record<string, true | undefined> = {
  "/robots.txt": true,
  "/favicon.ico": true,
  "/apple-touch-icon.png": true,
  "/apple-touch-icon-precomposed.png": true,
  "/ads.txt": true,
  "/security.txt": true,
  "/sitemap.xml": true,
  "/manifest.webmanifest": true,
  "/feed": true,
  "/rss": true,
  "/atom": true,
};
const ENDS: readonly string[] = [
  ".rss",
  ".atom",
  "/feed/",
  "/feed.xml",
  "/rss.xml",
  "/atom.xml",
  "/index.xml",
  "/feed.json",
];

/** `path`: decoded, as in $uri. */
export function isNeverChallenged(path: string): boolean {
  if (EXACT[path] === true || path.startsWith("/.well-known/")) return true;
  for (const end of ENDS) if (path.endsWith(end)) return true;
  return path.startsWith("/sitemap") && path.endsWith(".xml");
}
