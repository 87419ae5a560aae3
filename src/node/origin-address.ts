/**
 * To which addresses may this edge connect for a customer? To those of `contract/public-address.ts`, and never to the edge's own listener. Names
 * are resolved here and nginx gets addresses, so that nothing can change between the check and the connection.
 */
import { networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";
import { isAddress, kindRefused } from "../contract/public-address.ts";

export type Lookup = (host: string) => Promise<readonly string[]>;

export const ADDRESSES_MAX = 8;

/** Null when the edge may connect to the address, else a sentence. */
export function whyAddressRefused(address: string, privateRanges: readonly string[]): string | null {
  const kind = kindRefused(address, privateRanges);
  if (kind === null) return null;
  if (!isAddress(address)) return `"${address}" is not an address`;
  if (kind === "metadata")
    return `The origin's address ${address} belongs to a cloud's own services: give the address of the site's server`;
  return `The origin's address ${address} is not public (${kind}): open its range in originPrivateRanges if it is meant`;
}

/** Whether address and port are where this edge itself listens. */
export function isOwnListener(address: string, port: number, listen: string): boolean {
  const { host, port: ownPort } = splitListen(listen);
  if (port !== ownPort || !isAddress(address)) return false;
  const parsed = ipaddr.process(address);
  if (isAddress(host) && parsed.toString() === ipaddr.process(host).toString()) return true;
  const listensEverywhere = host === "0.0.0.0" || host === "::" || host === "*";
  if (!listensEverywhere) return false;
  if (parsed.range() === "loopback" || parsed.range() === "unspecified") return true;
  return Object.values(networkInterfaces())
    .flat()
    .some((own) => own !== undefined && ipaddr.process(own.address).toString() === parsed.toString());
}

export function splitListen(listen: string): { host: string; port: number } {
  const at = listen.lastIndexOf(":");
  return {
    host: listen
      .slice(0, at)
      .replace(/^\[|\]$/g, "")
      .toLowerCase(),
    port: Number(listen.slice(at + 1)),
  };
}

/** As nginx wants an address: IPv6 in brackets. */
export function literal(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
