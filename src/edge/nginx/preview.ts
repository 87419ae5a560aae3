/**
 * A site as it is seen under its preview name: the same origin, asked for one of the site's own names, nothing kept in the cache, nobody sent
 * to https, and search engines told to keep out. It is a site of its own to the worker, known by the id with a slash behind
 * it, so that no other request pays for it. No id holds a slash.
 */
import type { EdgeSite } from "../../contract/edge-site.ts";

const MARK = "/";

export function previewId(siteId: string): string {
  return siteId + MARK;
}

export function isPreviewId(id: string): boolean {
  return string.sub(id, -1) === MARK;
}

/** The id of the site behind either kind of id. */
export function siteIdOf(id: string): string {
  return isPreviewId(id) ? string.sub(id, 1, -2) : id;
}

/** Undefined for a site that has no preview, or none any more. */
export function asPreview(site: EdgeSite): EdgeSite | undefined {
  const preview = site.preview as EdgeSite["preview"] | undefined;
  if (preview === undefined || preview === null) return undefined;
  const { as } = preview;
  const { tls, cache, rules } = site;
  const noindex = {
    on: "response",
    action: "set",
    name: "X-Robots-Tag",
    value: "noindex, nofollow",
  } as const;
  return {
    ...site,
    siteId: previewId(site.siteId),
    hostHeader: site.hostHeader === "" ? as : site.hostHeader,
    peers: site.peers.map((peer) => ({ ...peer, tlsName: peer.tlsName === "" ? as : peer.tlsName })),
    tls: { ...tls, redirectToHttps: false, hstsSeconds: 0 },
    cache: { ...cache, mode: "off", rules: [] },
    rules: { ...rules, headers: [...rules.headers, noindex] },
  };
}
