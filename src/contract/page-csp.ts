/** The Content-Security-Policy of the edge's own pages, which the request path and nginx.conf both send. */

/** Sent with every page of the edge: nothing may be loaded, nothing may frame it. */
export const PAGE_CSP =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Of the challenge's script (`challenge-script.ts`): the only one that a page of the edge may run. */
export const CHALLENGE_SCRIPT_HASH = "sha256-IVRdiazUUQBJYYgicgo6QMFHsXkG1w6VY7LDzwURhok=";

/** Of the challenge: its script, the workers that the script makes of itself, and the way to bring a proof. */
export const CHALLENGE_CSP =
  `default-src 'none'; script-src '${CHALLENGE_SCRIPT_HASH}'; worker-src blob:; connect-src 'self'; style-src 'unsafe-inline'; ` +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'self'";
