/**
 * Which address does this request go to? Runs when the connection to the origin is chosen, and again when an attempt failed. The
 * site is the one that `admit` settled on, so a request can never end at another tenant's origin. Without an address the
 * upstream's placeholder stands, which refuses to connect, and the visitor is told that the origin is down.
 */
import { get_last_failure, set_current_peer, set_more_tries, set_timeouts } from "ngx.balancer";
import {
  avoidPeer,
  choosePeer,
  lastTried,
  mayTryAnother,
  peerNamed,
  triedNames,
  type Peer,
} from "../peer-choice.ts";
import { PLAIN_UPSTREAM, type LoadedOrigin } from "./origin.ts";
import { settledForPeer, settledSite, siteById } from "./sites.ts";

/** How many servers beside the first may be asked. */
const MORE_TRIES_MAX = 2;
/** NGX_BUSY: nginx takes it as "no server is left" and answers 502. */
const NO_SERVER = -3;

/**
 * For the upstream of plain origins that no neighbour shares. A site that has to keep apart since its request was let in may not come here:
 * its request might ride on a neighbour's connection, or leave its own there.
 */
export function pickPeer(): void {
  const site = settledForPeer();
  if (site !== undefined && site.address !== "") {
    set_current_peer(site.address, site.port);
    return;
  }
  const known = site ?? settledSite() ?? siteById(ngx.var["p_site"] ?? "");
  if (known === undefined || known.origin.upstream !== PLAIN_UPSTREAM) return ngx.exit(NO_SERVER);
  const peer = pick(known.origin);
  if (peer !== undefined) set_current_peer(peer.address, peer.port);
}

/** For upstreams over plain HTTP that are shared out among neighbours at one address, and the one that keeps no connections. */
export function pickPlainPeer(): void {
  const site = settledForPeer() ?? settledSite() ?? siteById(ngx.var["p_site"] ?? "");
  if (site === undefined || site.origin.upstream !== ngx.var["p_upstream"]) return ngx.exit(NO_SERVER);
  const peer = pick(site.origin);
  if (peer !== undefined) set_current_peer(peer.address, peer.port);
}

/**
 * For upstreams over TLS. nginx lets requests of one upstream ride on each other's connections, so an address of one policy is never used
 * with the upstream of another: a request that was on its way when the policy changed is not tried again.
 */
export function pickTlsPeer(): void {
  const site = settledForPeer() ?? settledSite() ?? siteById(ngx.var["p_site"] ?? "");
  if (site === undefined) return ngx.exit(NO_SERVER);
  const origin = site.origin;
  if (!origin.tls || origin.upstream !== ngx.var["p_upstream"]) return ngx.exit(NO_SERVER);
  const peer = pick(origin);
  if (peer === undefined) return;
  ngx.var["p_tls_name"] = peer.tlsName === "" ? ngx.var["host"] : peer.tlsName;
  set_current_peer(peer.address, peer.port);
}

/** For calls of gRPC to origins over plain HTTP/2. Its upstream keeps no connections. */
export function pickGrpcPeer(): void {
  const site = settledForPeer() ?? settledSite() ?? siteById(ngx.var["p_site"] ?? "");
  if (site === undefined || site.origin.tls) return ngx.exit(NO_SERVER);
  const peer = pick(site.origin);
  if (peer === undefined) return;
  waitFor(site.origin);
  set_current_peer(peer.address, peer.port);
}

/** The same over TLS. Its upstream keeps no connections; a later attempt might mix two policies, so there is none. */
export function pickGrpcTlsPeer(): void {
  const site = settledForPeer();
  if (site === undefined || !site.origin.tls) return ngx.exit(NO_SERVER);
  const peer = choosePeer(site.origin.peers, ngx.now(), "", site.origin.connectSeconds + 1);
  if (peer === undefined) return;
  waitFor(site.origin);
  ngx.var["p_tls_name"] = peer.tlsName === "" ? ngx.var["host"] : peer.tlsName;
  set_current_peer(peer.address, peer.port);
}

/** nginx.conf gives gRPC no times, so each call has its site's. */
function waitFor(origin: LoadedOrigin): void {
  set_timeouts(origin.connectSeconds, undefined, origin.readSeconds);
}

function pick(origin: LoadedOrigin): Peer | undefined {
  const peers = origin.peers;
  const count = peers.length;
  if (count === 0) return undefined;
  if (origin.ownTimes) set_timeouts(origin.connectSeconds, undefined, origin.readSeconds);
  const now = ngx.now();
  const trialSeconds = origin.connectSeconds + 1;
  if (get_last_failure() === undefined) {
    if (count === 1) return peers[0];
    if (mayTryAnother(ngx.req.get_method())) set_more_tries(math.min(count - 1, MORE_TRIES_MAX));
    return choosePeer(peers, now, "", trialSeconds);
  }
  // nginx comes here only with what it thinks safe to repeat: nothing was sent yet, or the method is idempotent (RFC 9110 §9.2.2).
  if (!mayTryAnother(ngx.req.get_method())) {
    ngx.exit(NO_SERVER);
    return undefined;
  }
  const tried = triedNames(ngx.var["upstream_addr"] ?? "");
  if (!connected(ngx.var["upstream_connect_time"] ?? "")) {
    const failed = peerNamed(peers, lastTried(tried));
    if (failed !== undefined) avoidPeer(failed, now);
  }
  // A kept connection that the server had closed: nginx asks the same one anew, so with a single server there is no other.
  if (count === 1) return peers[0];
  return choosePeer(peers, now, tried, trialSeconds) ?? choosePeer(peers, now, "", trialSeconds);
}

/** Whether the last attempt that is over got a connection: nginx lists the times of all, "-" for none. */
function connected(times: string): boolean {
  const [last] = string.match(times, "([%d.%-]+)[^%d.%-]*$");
  return last !== undefined && last !== "-";
}
