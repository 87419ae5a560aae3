/**
 * Whom nothing but a measure of the desk stops: the operator's networks on every site, and each owner's on their own. The edge decides that by itself for what it
 * sees; whoever acts before the edge, as the kernel does, asks here. Whatever acts on all sites at once has to let in who is allowed on any of them.
 */
import ipaddr from "ipaddr.js";
import type { SiteId } from "../contract/ids.ts";

export type AllowListOptions = {
  /** The operator's, CIDR. */
  readonly ranges: readonly string[];
  readonly sites: () => Iterable<SiteId>;
  readonly rangesOf: (siteId: SiteId) => readonly string[];
};

export class AllowList {
  readonly #options: AllowListOptions;

  constructor(options: AllowListOptions) {
    this.#options = options;
  }

  /** `siteId` null: on every site, so that one site's list is enough. */
  allows(address: string, siteId: SiteId | null): boolean {
    if (isInRanges(address, this.#options.ranges)) return true;
    if (siteId !== null) return isInRanges(address, this.#options.rangesOf(siteId));
    for (const site of this.#options.sites()) {
      if (isInRanges(address, this.#options.rangesOf(site))) return true;
    }
    return false;
  }

  /** By the operator's list, thus on every site. */
  allowsEverywhere(address: string): boolean {
    return isInRanges(address, this.#options.ranges);
  }
}

/** False for what is no address; ranges that are none hold nobody. An IPv4 address in IPv6's clothes counts as what it is. */
export function isInRanges(address: string, ranges: readonly string[]): boolean {
  if (ranges.length === 0 || !ipaddr.isValid(address)) return false;
  const asked = ipaddr.process(address);
  return ranges.some((range) => {
    if (!ipaddr.isValidCIDR(range)) return false;
    const [network, bits] = ipaddr.parseCIDR(range);
    const isMapped = network.kind() === "ipv6" && (network as ipaddr.IPv6).isIPv4MappedAddress();
    if (isMapped && bits >= 96) {
      const inner = (network as ipaddr.IPv6).toIPv4Address();
      return asked.kind() === "ipv4" && asked.match(inner, bits - 96);
    }
    return asked.kind() === network.kind() && asked.match(network, bits);
  });
}
