/**
 * A body whose length was not announced is read whole, up to the site's bound, before the origin hears of it. It then travels on
 * with a Content-Length: no two readers of the same chunks can disagree about where it ends (RFC 9112 §11.2).
 */
import { answerError } from "./answer.ts";
import { CHANGING, changesStored } from "./cache-way.ts";
import { isGated, takePlace } from "./gate.ts";
import { siteById } from "./sites.ts";
import { leave } from "./way.ts";

export function readChunkedBody(): void {
  ngx.req.read_body(); // nginx itself answers 413 when the location's size is passed.
  const site = siteById(ngx.var["p_site"] ?? "");
  if (site === undefined) return answerError("host.unknown");
  // After reading, nginx knows the length: $content_length is what was received.
  const received = Number(ngx.var["content_length"] ?? "0");
  if (received > site.bodyBytesMax) return answerError("request.body-too-large");
  if (changesStored(site)) {
    // The hop knows the visitor's own Host, and takes the site's way from there.
    ngx.var["p_host_override"] = "";
    return ngx.exec(CHANGING);
  }
  if (isGated(site.siteId) && takePlace(site, true) === undefined) return;
  return leave(site);
}
