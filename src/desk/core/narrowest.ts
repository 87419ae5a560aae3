/**
 * The narrowest subject that the evidence answers (design law 5). It widens only over pages that our own captures show to carry
 * the harm: what reporters merely say never widens it, so nobody can talk the desk into reaching further. Pure.
 */
import type { DangerAssessment } from "../../contract/danger.ts";
import type { SiteId } from "../../contract/ids.ts";
import type { MeasureSubject, Scope } from "../../contract/measure.ts";

export type Narrowest = { readonly scope: Scope; readonly subject: MeasureSubject };

/** The dimensions that speak of what a page does, rather than of who reads or reports it. */
const OF_THE_PAGE: readonly string[] = ["H", "E", "M", "C", "S"];

export function narrowestOf(input: {
  readonly case: { readonly siteId: SiteId; readonly hostname: string; readonly path: string };
  readonly danger: DangerAssessment;
  readonly evidence: readonly { readonly evidenceId: string; readonly url: string }[];
}): Narrowest {
  const { siteId, hostname, path } = input.case;
  const carrying = new Set(
    input.danger.evidence
      .filter((pointer) => pointer.score >= 2 && OF_THE_PAGE.includes(pointer.dimension))
      .map((pointer) => pointer.source as string),
  );
  const pages = [{ hostname, path }];
  for (const item of input.evidence) {
    if (!carrying.has(item.evidenceId) || !URL.canParse(item.url)) continue;
    const url = new URL(item.url);
    pages.push({ hostname: url.hostname, path: url.pathname + url.search });
  }
  if (pages.some((page) => page.hostname !== hostname)) return { scope: "site", subject: { siteId } };
  if (pages.every((page) => page.path === path)) return { scope: "url", subject: { siteId, hostname, path } };
  const prefix = commonPrefix(pages.map((page) => page.path));
  return prefix === "/"
    ? { scope: "hostname", subject: { siteId, hostname } }
    : { scope: "path", subject: { siteId, hostname, path: prefix } };
}

/** The longest prefix of all paths that ends at a segment border, from "/". Queries are left out. */
export function commonPrefix(paths: readonly string[]): string {
  const split = paths.map((path) => (path.split("?")[0] ?? "/").split("/").slice(1));
  const first = split[0] ?? [];
  const shared: string[] = [];
  for (const [i, segment] of first.entries()) {
    if (segment === "" || split.some((other) => other[i] !== segment)) break;
    shared.push(segment);
  }
  return `/${shared.join("/")}`;
}
