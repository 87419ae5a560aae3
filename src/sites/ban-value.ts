/**
 * What somebody writes as a ban, read into the one form that it is kept, compared and shown in. How wide a network may be, and which
 * prefix lengths there may be, is bounded: each length in force costs every request a look (contract/ban.ts), and one site's owner must not use up what
 * others need. Refusals say what to write instead.
 */
import ipaddr from "ipaddr.js";
import type { BanKind } from "../contract/ban.ts";
import type { Parsed } from "../contract/fault.ts";
import { BAN_BITS_MIN, BAN_BITS_OF_SITES } from "../contract/http-protection.ts";

export type BanValue = {
  readonly kind: BanKind;
  readonly value: string;
  /** CIDR of an address or a network. */
  readonly range: string | null;
  /** "4/24" of a network, as the store counts them. */
  readonly length: string | null;
};

const VALUE_CHARS_MAX = 60;
const ASN_MAX = 4_294_967_295;

export function readBanValue(
  kind: BanKind,
  text: string,
  { ofSite }: { readonly ofSite: boolean },
): Parsed<BanValue> {
  const value = text.trim();
  const shown = value.slice(0, VALUE_CHARS_MAX);
  if (value.length > VALUE_CHARS_MAX) return refuse("A ban's value is shorter: give an address or a range");
  if (kind === "asn") {
    const digits = value.replace(/^AS/i, "");
    if (/^[1-9]\d{0,9}$/.test(digits) && Number(digits) <= ASN_MAX) return plain(kind, digits);
    return refuse(`"${shown}" is no autonomous system: give a number like 64500`);
  }
  if (kind === "country") {
    if (/^[A-Za-z]{2}$/.test(value)) return plain(kind, value.toUpperCase());
    return refuse(`"${shown}" is no country: give two letters like FR`);
  }
  if (kind === "network" && value.includes("/")) return readNetwork(value, ofSite);
  if (kind === "network")
    return refuse(`"${shown}" is no range: give one like 192.0.2.0/24, or ban the address`);
  if (value.includes("/") && ipaddr.isValidCIDR(value))
    return refuse(`"${shown}" is a range: ban it as a network`);
  if (!isAddress(value)) return refuse(`"${shown}" is no address: give one like 192.0.2.7 or 2001:db8::7`);
  const address = ipaddr.process(value);
  if (!isOutside(address))
    return refuse(`"${shown}" is no address that a client can have: give that of a client`);
  if (address.kind() === "ipv4") {
    return {
      ok: true,
      value: { kind, value: address.toString(), range: `${address.toString()}/32`, length: null },
    };
  }
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/64`) as ipaddr.IPv6;
  if (!isOutside(network))
    return refuse(`"${shown}" is no address that a client can have: give that of a client`);
  const range = `${network.toRFC5952String()}/64`;
  return { ok: true, value: { kind, value: range.slice(0, -3), range, length: null } };
}

function readNetwork(value: string, ofSite: boolean): Parsed<BanValue> {
  const shown = value.slice(0, VALUE_CHARS_MAX);
  if (
    !ipaddr.isValidCIDR(value) ||
    (!value.includes(":") && !ipaddr.IPv4.isValidFourPartDecimal(value.split("/")[0] ?? ""))
  ) {
    return refuse(`"${shown}" is no range: give one like 192.0.2.0/24`);
  }
  const [address, bits] = ipaddr.parseCIDR(value);
  if (address.kind() === "ipv6" && (address as ipaddr.IPv6).isIPv4MappedAddress()) {
    return refuse(`"${shown}" is IPv4 in IPv6's clothes: give it as 192.0.2.0/24`);
  }
  const family = address.kind();
  const whole = family === "ipv4" ? 32 : 64;
  const least = BAN_BITS_MIN[family];
  if (bits < least)
    return refuse(`"${shown}" is too wide: the widest is /${least}, so give several of those`);
  if (bits > whole || (family === "ipv4" && bits === 32) || (family === "ipv6" && bits === 64)) {
    return refuse(
      `"${shown}" is one client${family === "ipv6" ? " (of IPv6 a client is a /64)" : ""}: ban the address`,
    );
  }
  const lengths: readonly number[] = BAN_BITS_OF_SITES[family];
  if (ofSite && !lengths.includes(bits)) {
    return refuse(
      `A range on one site is one of ${lengths.map((length) => `/${length}`).join(", ")}: give several narrower ones, or one that is wider`,
    );
  }
  const network =
    family === "ipv4"
      ? ipaddr.IPv4.networkAddressFromCIDR(value).toString()
      : (ipaddr.IPv6.networkAddressFromCIDR(value) as ipaddr.IPv6).toRFC5952String();
  if (!isOutside(ipaddr.parse(network)))
    return refuse(`"${shown}" is no network that clients can be in: give theirs`);
  const range = `${network}/${bits}`;
  return {
    ok: true,
    value: { kind: "network", value: range, range, length: `${family === "ipv4" ? 4 : 6}/${bits}` },
  };
}

/** An address or range that somebody searches for, as the database compares it; null when it is neither. */
export function readSearchedRange(text: string): string | null {
  const value = text.trim();
  if (value.length > VALUE_CHARS_MAX) return null;
  if (isAddress(value)) {
    const address = ipaddr.process(value);
    return `${address.toString()}/${address.kind() === "ipv4" ? 32 : 128}`;
  }
  const [host = ""] = value.split("/");
  if (!value.includes("/") || !isAddress(host) || !ipaddr.isValidCIDR(value)) return null;
  const [address, bits] = ipaddr.parseCIDR(value);
  const network =
    address.kind() === "ipv4"
      ? ipaddr.IPv4.networkAddressFromCIDR(value)
      : ipaddr.IPv6.networkAddressFromCIDR(value);
  return `${network.toString()}/${bits}`;
}

/** Whether one of two CIDR ranges holds the other. */
export function rangesMeet(a: string, b: string): boolean {
  if (!ipaddr.isValidCIDR(a) || !ipaddr.isValidCIDR(b)) return false;
  const [one, oneBits] = ipaddr.parseCIDR(a);
  const [other, otherBits] = ipaddr.parseCIDR(b);
  return one.kind() === other.kind() && one.match(other, Math.min(oneBits, otherBits));
}

/** ipaddr.js takes "1", "0x7f.1" and octal for addresses; people who write them mean something else. */
function isAddress(value: string): boolean {
  return value.includes(":")
    ? ipaddr.IPv6.isValid(value) && !value.includes("%")
    : ipaddr.IPv4.isValidFourPartDecimal(value);
}

/** Whether clients can have it. */
function isOutside(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return !["unspecified", "multicast", "broadcast"].includes(address.range());
}

function plain(kind: BanKind, value: string): Parsed<BanValue> {
  return { ok: true, value: { kind, value, range: null, length: null } };
}

function refuse(why: string): { readonly ok: false; readonly why: string } {
  return { ok: false, why };
}
