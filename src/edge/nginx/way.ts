/**
 * Which location speaks to the origin of a site that is not plain: another scheme, another Host, a signature, or none at all. A request's
 * body is read before anything of its way is settled: a body may take hours, the policy may change meanwhile, and the upstream,
 * the names and the addresses that a request is sent with must come from one policy (facts: kept connections know addresses alone).
 */
import { isGrpc } from "../grpc.ts";
import { answerError } from "./answer.ts";
import { isGated, takePlace } from "./gate.ts";
import { signRequest } from "./signature.ts";
import { PLAIN_UPSTREAM, type LoadedOrigin } from "./origin.ts";
import { settle, siteById, type Loaded } from "./sites.ts";

/** Sizes, ascending, for which a location reads bodies of unannounced length; rendered into nginx.conf. */
export const way = { chunkedBytes: [] as number[] };

/** Sends a request that has been let in to where its origin is spoken to. `chunked`: its body's length was not announced. */
export function takeWay(site: Loaded, chunked: boolean): void {
  const origin = site.origin;
  if (origin.peers.length === 0) {
    if (ngx.req.is_internal()) return;
    return answerError("origin.down");
  }
  if (origin.hostHeader !== "") ngx.var["p_host_override"] = origin.hostHeader;
  if (chunked) return ngx.exec(bodyLocation(site));
  if (!ngx.req.is_internal()) return leave(site);
}

/** The same once the body was read: called by the locations that read it. */
export function leave(site: Loaded): void {
  const origin = site.origin;
  if (origin.tls) return ngx.exec(origin.verify === "strict" ? "@tls" : "@tls_unverified");
  if (origin.signer !== undefined || origin.upstream !== PLAIN_UPSTREAM) return ngx.exec("@settled");
  // Named locations have the header filter that such a site needs; the plain one has none, for everybody's sake.
  if (site.responseHeaders === undefined) return;
  if (isGated(site.siteId) && takePlace(site, true) === undefined) return;
  return ngx.exec("@plain");
}

/** In the locations that speak TLS: everything that decides with whom this request shares a connection, from one policy. */
export function settleTls(verify: "strict" | "off"): void {
  ngx.req.read_body();
  const site = currentSite();
  if (site === undefined) return;
  const origin = site.origin;
  // The policy changed while the body came: another location may be the right one now.
  if (!origin.tls || origin.verify !== verify) return origin.tls ? leave(site) : ngx.exec("@settled");
  if (isGated(site.siteId)) {
    const present = takePlace(site, !isHop());
    if (present === undefined) return;
    // The policy changed while it waited: all of this is asked anew, with the place in hand.
    if (present !== site) return settleTls(verify);
  }
  ngx.var["p_upstream"] = origin.upstream;
  if (origin.clientChain !== "") {
    ngx.var["p_client_chain"] = origin.clientChain;
    ngx.var["p_client_key"] = origin.clientKey;
  }
  if (origin.signer !== undefined) signRequest(site.siteId, origin);
  settle(site);
}

/** In the location for requests over plain HTTP that are signed, or whose connections lie apart from a neighbour's. */
export function settlePlain(): void {
  ngx.req.read_body();
  const site = currentSite();
  if (site === undefined) return;
  if (site.origin.tls) return leave(site);
  if (isGated(site.siteId)) {
    const present = takePlace(site, !isHop());
    if (present === undefined) return;
    if (present !== site) return settlePlain();
  }
  ngx.var["p_upstream"] = site.origin.upstream;
  if (site.origin.signer !== undefined) signRequest(site.siteId, site.origin);
  settle(site);
}

/** In the server that fetches for the cache: the hop before it has judged the visitor. Its socket has no port. */
function isHop(): boolean {
  return ngx.var["server_port"] === "";
}

function currentSite(): Loaded | undefined {
  const site = siteById(ngx.var["p_site"] ?? "");
  if (site !== undefined && site.origin.peers.length > 0) return site;
  answerError(site === undefined ? "host.unknown" : "origin.down");
  return undefined;
}

/** Calls of gRPC stream in both directions: nothing waits for the end of their body, and the size of their location bounds it. */
function grpcLocation(origin: LoadedOrigin): string {
  if (!origin.tls) return "@grpc_%d";
  return origin.verify === "strict" ? "@grpc_tls_%d" : "@grpc_tls_unverified_%d";
}

/** In the locations that speak gRPC. */
export function settleGrpc(verify: "none" | "strict" | "off"): void {
  const site = currentSite();
  if (site === undefined) return;
  const origin = site.origin;
  // Nothing was waited for since the way was taken, so this cannot be; if it were, another's connections would be at stake.
  if (verify !== (origin.tls ? origin.verify : "none")) return answerError("origin.down");
  if (origin.clientChain !== "") {
    ngx.var["p_client_chain"] = origin.clientChain;
    ngx.var["p_client_key"] = origin.clientKey;
  }
  if (origin.signer !== undefined) signRequest(site.siteId, origin);
  settle(site);
}

/** The location that takes a body of unannounced length up to the smallest size that holds the site's bound. */
function bodyLocation(site: Loaded): string {
  const overHttp2 = ngx.var["server_protocol"] === "HTTP/2.0";
  const grpc = overHttp2 && isGrpc(ngx.var["http_content_type"] ?? "");
  const name = grpc ? grpcLocation(site.origin) : "@chunked_%d";
  for (const bytes of way.chunkedBytes) {
    if (bytes >= site.bodyBytesMax) return string.format(name, bytes);
  }
  return "@chunked_unbounded"; // Does not exist: nginx answers 500 rather than read without a bound.
}
