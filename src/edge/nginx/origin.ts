/**
 * A site's origin as a worker keeps it: its pool with what this worker learnt of each server, and everything that the way there needs, made
 * ready once so that no request builds it.
 */
import type { EdgeSite } from "../../contract/edge-site.ts";
import type { Peer } from "../peer-choice.ts";
import { bytesOfBase64Url, hmacKey, type HmacKey } from "./hmac.ts";

export type LoadedOrigin = {
  readonly peers: Peer[];
  /** One server over plain HTTP that no neighbour shares, with the usual times: nothing has to be decided. */
  readonly plain: boolean;
  /** Whether `takeWay` has something to do. */
  readonly special: boolean;
  readonly tls: boolean;
  readonly verify: "strict" | "off";
  readonly hostHeader: string;
  /** The upstream that keeps connections of this identity alone, or the one that keeps none. */
  readonly upstream: string;
  /** PEM behind "data:", as nginx takes it; "" for no certificate. */
  readonly clientChain: string;
  readonly clientKey: string;
  /** Whether times differ from those of nginx.conf. */
  readonly ownTimes: boolean;
  readonly connectSeconds: number;
  readonly readSeconds: number;
  readonly signer: HmacKey | undefined;
};

/** What nginx.conf says for sites without times of their own. */
export const usual = { connectSeconds: 0, readSeconds: 0 };

/** Where plain origins' connections lie that belong to the first site at their address: slot 0. */
export const PLAIN_UPSTREAM = "parapet_plain";

export function loadOrigin(site: EdgeSite): LoadedOrigin {
  const peers: Peer[] = [];
  for (const { address, port, tlsName, weight, backup } of site.peers) {
    const name = `${address}:${string.format("%d", port)}`;
    const fresh = { current: 0, avoidUntil: 0, failedAt: 0, failures: 0, trying: false };
    peers.push({ address, port, name, tlsName, weight, backup, ...fresh });
  }
  const tls = site.scheme === "https";
  const signer = site.signingKey === "" ? undefined : hmacKey(bytesOfBase64Url(site.signingKey));
  const ownTimes = site.connectSeconds !== usual.connectSeconds || site.readSeconds !== usual.readSeconds;
  return {
    peers,
    plain: !tls && site.slot === 0 && peers.length === 1 && !ownTimes,
    special: tls || site.slot !== 0 || site.hostHeader !== "" || peers.length === 0 || signer !== undefined,
    tls,
    verify: site.verify,
    hostHeader: site.hostHeader,
    upstream: upstreamOf(tls, site.slot),
    clientChain: site.clientChainPem === "" ? "" : `data:${site.clientChainPem}`,
    clientKey: site.clientChainPem === "" ? "" : `data:${site.clientKeyPem}`,
    ownTimes,
    connectSeconds: site.connectSeconds,
    readSeconds: site.readSeconds,
    signer,
  };
}

function upstreamOf(tls: boolean, slot: number): string {
  if (!tls && slot === 0) return PLAIN_UPSTREAM;
  const kind = tls ? "parapet_tls_" : "parapet_plain_";
  return slot < 0 ? `${kind}alone` : kind + string.format("%d", slot);
}
