/**
 * Is this address in one of these ranges? Ranges are prepared once: those of one length stand in one table, so that a lookup costs one
 * comparison for each length that occurs, however many ranges there are. Addresses are bytes as nginx has them ($binary_remote_addr), a
 * character each. An IPv4 address that came in IPv6's clothes (RFC 4291 §2.5.5.2) counts as what it is, in ranges and in requests.
 */

export type NetworkSet = {
  readonly v4: readonly PrefixLength[];
  readonly v6: readonly PrefixLength[];
};
type PrefixLength = {
  readonly bits: number;
  readonly wholeBytes: number;
  /** How much the last, partial byte is rounded down to; 256 when there is none. */
  readonly step: number;
  readonly networks: Record<string, true | undefined>;
};

/** Made of bytes: in Lua a text above ASCII would be UTF-8. */
const MAPPED = "\0\0\0\0\0\0\0\0\0\0" + String.fromCharCode(0xff) + String.fromCharCode(0xff);
const HEX = "0123456789abcdef";

/** Texts that are no range are left out: the schema of settings has refused them before. */
export function prepareNetworks(ranges: readonly string[]): NetworkSet {
  const v4: PrefixLength[] = [];
  const v6: PrefixLength[] = [];
  for (const range of ranges) {
    const slash = range.indexOf("/");
    if (slash < 0) continue;
    const address = addressBytes(range.substring(0, slash));
    let bits = decimal(range.substring(slash + 1), 128);
    if (address === "" || bits < 0) continue;
    let bytes = address;
    if (bytes.length === 16 && bits >= 96 && isMapped(bytes)) {
      bytes = bytes.substring(12);
      bits = bits - 96;
    }
    if (bits > bytes.length * 8) continue;
    const list = bytes.length === 4 ? v4 : v6;
    const length = lengthIn(list, bits);
    length.networks[masked(bytes, length)] = true;
  }
  return { v4, v6 };
}

/** `address`: 4 or 16 bytes. Anything else is in no network. */
export function isInNetworks(set: NetworkSet, address: string): boolean {
  const bytes = address.length === 16 && isMapped(address) ? address.substring(12) : address;
  const lengths = bytes.length === 4 ? set.v4 : bytes.length === 16 ? set.v6 : [];
  for (const length of lengths) {
    if (length.networks[masked(bytes, length)] === true) return true;
  }
  return false;
}

/** "192.0.2.1" → 4 bytes, "2001:db8::1" → 16 bytes (RFC 4291 §2.2), anything else → "". */
export function addressBytes(text: string): string {
  if (!text.includes(":")) return v4Bytes(text);
  if (text.length > 45) return "";
  const gap = text.indexOf("::");
  if (gap < 0) {
    const all = groupBytes(text);
    return all.length === 16 ? all : "";
  }
  const left = text.substring(0, gap);
  const right = text.substring(gap + 2);
  if (right.includes("::") || right.charAt(0) === ":") return "";
  const before = left === "" ? "" : groupBytes(left);
  const after = right === "" ? "" : groupBytes(right);
  if ((left !== "" && before === "") || (right !== "" && after === "")) return "";
  // Dotted groups stand only at the very end.
  if (left.includes(".") || before.length + after.length > 14) return "";
  let zeros = "";
  for (let i = before.length + after.length; i < 16; i++) zeros = zeros + "\0";
  return before + zeros + after;
}

function lengthIn(list: PrefixLength[], bits: number): PrefixLength {
  for (const known of list) if (known.bits === bits) return known;
  const wholeBytes = Math.floor(bits / 8);
  const fresh: PrefixLength = { bits, wholeBytes, step: 2 ** (8 - (bits - wholeBytes * 8)), networks: {} };
  list.push(fresh);
  return fresh;
}

function masked(bytes: string, length: PrefixLength): string {
  const whole = bytes.substring(0, length.wholeBytes);
  if (length.step === 256) return whole;
  const byte = bytes.charCodeAt(length.wholeBytes);
  return whole + String.fromCharCode(byte - (byte % length.step));
}

function isMapped(bytes: string): boolean {
  return bytes.substring(0, 12) === MAPPED;
}

function v4Bytes(text: string): string {
  const parts = text.split(".");
  if (parts.length !== 4) return "";
  let out = "";
  for (const part of parts) {
    const value = decimal(part, 255);
    if (value < 0) return "";
    out = out + String.fromCharCode(value);
  }
  return out;
}

/** Groups of hexadecimal digits parted by ":", the last of which may be an IPv4 address. "" when they are not. */
function groupBytes(text: string): string {
  const groups = text.split(":");
  if (groups.length > 8) return "";
  let out = "";
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i] ?? "";
    if (i === groups.length - 1 && group.includes(".")) {
      const dotted = v4Bytes(group);
      if (dotted === "") return "";
      out = out + dotted;
      continue;
    }
    if (group.length === 0 || group.length > 4) return "";
    let value = 0;
    for (let at = 0; at < group.length; at++) {
      const digit = HEX.indexOf(group.charAt(at).toLowerCase());
      if (digit < 0) return "";
      value = value * 16 + digit;
    }
    out = out + String.fromCharCode(Math.floor(value / 256)) + String.fromCharCode(value % 256);
  }
  return out;
}

/** A whole number without leading zeros up to `max`, or -1. */
function decimal(text: string, max: number): number {
  if (text.length === 0 || text.length > 3 || (text.length > 1 && text.charAt(0) === "0")) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = "0123456789".indexOf(text.charAt(i));
    if (digit < 0) return -1;
    value = value * 10 + digit;
  }
  return value <= max ? value : -1;
}
