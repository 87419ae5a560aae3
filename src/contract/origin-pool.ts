/**
 * Where a site's requests go: a pool of origins that share one TLS identity. All numbers have bounds, which the settings' parser and the
 * node agent both hold.
 */
import type { CertificateId } from "./ids.ts";

export type OriginScheme = "http" | "https";

export type OriginServer = {
  /** A name or an address literal, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Share of requests, 1 to 100. */
  readonly weight: number;
  /** Asked only while no other server of the pool is usable. */
  readonly backup: boolean;
};

/** Sent by each node by itself. A server is down after `fall` failures in a row, and up after `rise` successes. */
export type HealthCheck = {
  readonly path: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  /** An answer counts as healthy from `statusMin` to `statusMax`, both included. */
  readonly statusMin: number;
  readonly statusMax: number;
  readonly rise: number;
  readonly fall: number;
};

export type OriginTls = {
  /** strict: chain and name (RFC 9525). off: encrypted, but anybody may answer; the console warns. */
  readonly verify: "strict" | "off";
  /** The name in SNI that the certificate must carry; null takes the server's host, or the visitor's hostname for an address. */
  readonly name: string | null;
  /** A certificate of kind "origin-client" that the edge shows to the origin. */
  readonly clientCertificateId: CertificateId | null;
};

export type OriginPool = {
  readonly scheme: OriginScheme;
  readonly servers: readonly OriginServer[];
  /** What the origin gets as Host; null keeps the visitor's. */
  readonly hostHeader: string | null;
  readonly tls: OriginTls;
  readonly health: HealthCheck | null;
  readonly connectSeconds: number;
  /** How long the origin may stay silent. */
  readonly readSeconds: number;
  /** Sign every request (RFC 9421, hmac-sha256), so that the origin can refuse whoever is not this edge. */
  readonly signed: boolean;
};

export const ORIGIN_SERVERS_MAX = 16;
export const ORIGIN_WEIGHT_MAX = 100;
export const ORIGIN_CONNECT_SECONDS_MAX = 30;
export const ORIGIN_READ_SECONDS_MAX = 3600;

/** What a site starts with: one server, strict, no checks of its own. */
export function singleOrigin(
  scheme: OriginScheme,
  host: string,
  port: number,
  hostHeader: string | null = null,
): OriginPool {
  return {
    scheme,
    servers: [{ host, port, weight: 1, backup: false }],
    hostHeader,
    tls: { verify: "strict", name: null, clientCertificateId: null },
    health: null,
    connectSeconds: 5,
    readSeconds: 60,
    signed: false,
  };
}
