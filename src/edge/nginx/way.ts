/** Which location speaks to the origin of a site that is not plain: another scheme, another Host, several servers, or none at all. */
import { answerError } from "./answer.ts";
import type { Loaded } from "./sites.ts";

/** Sizes, ascending, for which a location reads bodies of unannounced length; rendered into nginx.conf. */
export const way = { chunkedBytes: [] as number[] };

/** Sends a request that has been let in to where its origin is spoken to. `chunked`: its body's length was not announced. */
export function takeWay(site: Loaded, chunked: boolean): void {
  if (site.peers.length === 0) {
    if (ngx.req.is_internal()) return;
    return answerError("origin.down");
  }
  if (site.hostHeader !== "") ngx.var["p_host_override"] = site.hostHeader;
  if (site.tls) ngx.var["p_tls_name"] = site.tlsName === "" ? ngx.var["host"] : site.tlsName;
  if (chunked) return ngx.exec(chunkedLocation(site));
  if (site.tls && !ngx.req.is_internal()) return ngx.exec("@tls");
}

/** The location that reads a body of unannounced length up to the smallest size that holds the site's bound. */
function chunkedLocation(site: Loaded): string {
  for (const bytes of way.chunkedBytes) {
    if (bytes >= site.bodyBytesMax) return string.format("@chunked_%d", bytes);
  }
  return "@chunked_unbounded"; // Does not exist: nginx answers 500 rather than read without a bound.
}
