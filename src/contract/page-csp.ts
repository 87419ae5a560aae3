/** The Content-Security-Policy of the edge's own pages, which the request path and nginx.conf both send. */

/** Sent with every page of the edge: nothing may be loaded, nothing may frame it. */
export const PAGE_CSP =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
