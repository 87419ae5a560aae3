/**
 * Which address does this request go to? Runs when the connection to the origin is chosen, and again when an attempt failed. The
 * site is the one that `admit` settled on, so a request can never end at another tenant's origin. Without an address the
 * upstream's placeholder stands, which refuses to connect, and the visitor is told that the origin is down.
 */
import { get_last_failure, set_current_peer, set_more_tries } from "ngx.balancer";
import { settledSite, siteById } from "./sites.ts";

export function pickPeer(): void {
  const site = settledSite() ?? siteById(ngx.var["p_site"]!);
  if (site === undefined) return;
  const count = site.peers.length;
  if (count === 1) {
    set_current_peer(site.address, site.port);
    return;
  }
  if (count === 0) return;
  if (get_last_failure() === undefined) set_more_tries(1);
  site.turn = (site.turn + 1) % count;
  const peer = site.peers[site.turn]!;
  set_current_peer(peer.address, peer.port);
}
