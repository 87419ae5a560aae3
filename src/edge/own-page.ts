/**
 * Pages that a site's owner wrote for the visitor in place of the edge's. They are the owner's own HTML on the owner's own hostname and may
 * do there what any page of the origin may. Nothing that a visitor sent is ever put into them: the one placeholder is the request's number,
 * which nginx makes.
 */
import type { ErrorPage } from "../contract/site-rules.ts";

export type OwnPages = Record<string, string | undefined>;

const PLACEHOLDER = "{{request_id}}";

/** Undefined when there are none. */
export function prepareOwnPages(pages: readonly ErrorPage[]): OwnPages | undefined {
  if (pages.length === 0) return undefined;
  const prepared: OwnPages = {};
  // The first of two for one reason counts.
  for (const page of pages) prepared[page.reason] ??= page.html;
  return prepared;
}

export function renderOwnPage(html: string, requestId: string): string {
  return html.replaceAll(PLACEHOLDER, isNumber(requestId) ? requestId : "");
}

/** Hexadecimal digits, as the edge makes them: it stands in the middle of somebody's HTML. */
function isNumber(requestId: string): boolean {
  if (requestId.length === 0 || requestId.length > 64) return false;
  for (let i = 0; i < requestId.length; i++) {
    if (!"0123456789abcdef".includes(requestId.charAt(i))) return false;
  }
  return true;
}
