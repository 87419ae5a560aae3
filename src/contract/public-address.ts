/**
 * To which addresses does Parapet connect for a customer? Customers choose origins, webhooks and names to look at, so without this rule an edge would be a
 * door into its operator's network (server-side request forgery). Only globally reachable unicast addresses are allowed, save ranges that the operator opened.
 * One rule for nodes and control plane: what one takes and the other refuses is a hole or a riddle.
 */
import ipaddr from "ipaddr.js";

/** Public by their range, and yet a door into a cloud's own services. */
const METADATA = ["168.63.129.16"];
/** IPv4-compatible IPv6 addresses (RFC 4291 §2.5.5.1, deprecated): an IPv4 address in clothes that nobody wears any more. */
const COMPATIBLE = ipaddr.IPv6.parseCIDR("::/96");

export function isAddress(host: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(host) || ipaddr.IPv6.isValid(host);
}

/** Null when an address may be connected to, else which kind it is of. `privateRanges`: CIDR, opened by the operator. */
export function kindRefused(address: string, privateRanges: readonly string[]): string | null {
  if (!isAddress(address)) return "no address";
  // An IPv4 address in IPv6 clothes is judged as what it is.
  const parsed = ipaddr.process(address);
  for (const range of privateRanges) {
    const [network, bits] = ipaddr.parseCIDR(range);
    if (network.kind() === parsed.kind() && parsed.match(network, bits)) return null;
  }
  if (METADATA.includes(parsed.toString())) return "metadata";
  const kind = parsed.range();
  if (kind !== "unicast") return kind;
  return parsed.kind() === "ipv6" && parsed.match(COMPATIBLE) ? "ipv4Compatible" : null;
}
