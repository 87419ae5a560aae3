/**
 * Bans of networks, autonomous systems and countries. Each prefix length in force costs a request one look, so the workers share which lengths those are
 * and until when; a length beyond BAN_LENGTHS_MAX is not taken. Systems and countries are asked about only where this edge has the database. None of it
 * is looked at while only addresses are banned.
 */
import { BAN_LENGTHS_MAX, type EdgeBan } from "../../contract/ban.ts";
import { asnName, countryName, networkName } from "../ban-key.ts";
import { databases } from "./rules.ts";

const bans = ngx.shared["parapet_bans"]!;
const control = ngx.shared["parapet_control"]!;

const V4_BYTES = 4;
const V6_BYTES = 8;
const V4_BITS = { min: 8, max: 32 };
const V6_BITS = { min: 16, max: 64 };

type Lengths = { readonly onSite: number[]; readonly everywhere: number[] };

/** Kept by `catchUpWideBans`. */
export const wideBans = { any: false };
let v4: Lengths = { onSite: [], everywhere: [] };
let v6: Lengths = { onSite: [], everywhere: [] };
let hasAsns = false;
let hasCountries = false;
let seenChange = -1;
/** The moment at which the first of what is known here ends. */
let nextEnd = 0;

export function isWide(ban: EdgeBan): boolean {
  return ban.asn !== undefined || ban.country !== undefined || ban.bits !== undefined;
}

/** `prefix`: of the site, or of all. `bytes`: of a network. */
export function applyWideBan(ban: EdgeBan, prefix: string, bytes: string, isEverywhere: boolean): boolean {
  const kind = kindOf(ban, bytes, isEverywhere);
  const name = prefix + nameOf(ban, bytes);
  if (ban.seconds <= 0) {
    bans.delete(name);
    if (ban.isLast === true) {
      control.delete(kind);
      control.incr("bans-wide-changes", 1, 0);
    }
    return true;
  }
  const now = ngx.now();
  if (ban.bits !== undefined && !isLengthInForce(bytes.length, ban.bits, now)) {
    if (lengthsInForce(now) >= BAN_LENGTHS_MAX) return false;
  }
  const [kept] = bans.set(name, 1, ban.seconds);
  if (!kept) return false;
  const end = now + ban.seconds;
  if (until(kind) < end) control.set(kind, end);
  if (until("bans-wide-until") < end) control.set("bans-wide-until", end);
  control.incr("bans-wide-changes", 1, 0);
  return true;
}

/** Reads anew which kinds are in force, once something changed or the first of them ended. */
export function catchUpWideBans(now: number): void {
  wideBans.any = now < until("bans-wide-until");
  if (!wideBans.any) return;
  const change = until("bans-wide-changes");
  if (change === seenChange && now < nextEnd) return;
  seenChange = change;
  nextEnd = Infinity;
  v4 = readLengths(V4_BYTES, now);
  v6 = readLengths(V6_BYTES, now);
  hasAsns = holds("bans-wide-asn", now);
  hasCountries = holds("bans-wide-country", now);
}

/** `address`: four or eight bytes. */
export function isBannedWidely(sitePrefix: string, everywhere: string, address: string): boolean {
  const lengths = address.length === V4_BYTES ? v4 : v6;
  for (const bits of lengths.onSite) if (isKnown(sitePrefix + networkName(address, bits))) return true;
  for (const bits of lengths.everywhere) if (isKnown(everywhere + networkName(address, bits))) return true;
  if (hasAsns && databases.asn) {
    const asn = ngx.var["p_asn"] ?? "";
    if (asn !== "") {
      const name = asnName(asn);
      if (isKnown(sitePrefix + name) || isKnown(everywhere + name)) return true;
    }
  }
  if (!hasCountries || !databases.country) return false;
  const country = ngx.var["p_country"] ?? "";
  if (country === "") return false;
  const name = countryName(country);
  return isKnown(sitePrefix + name) || isKnown(everywhere + name);
}

function isKnown(name: string): boolean {
  const [found] = bans.get(name);
  return found !== undefined;
}

function nameOf(ban: EdgeBan, bytes: string): string {
  if (ban.asn !== undefined) return asnName(string.format("%d", ban.asn));
  if (ban.country !== undefined) return countryName(ban.country);
  return networkName(bytes, ban.bits!);
}

/** Under which name the workers share until when such bans are in force. */
function kindOf(ban: EdgeBan, bytes: string, isEverywhere: boolean): string {
  if (ban.asn !== undefined) return "bans-wide-asn";
  if (ban.country !== undefined) return "bans-wide-country";
  return lengthKind(bytes.length, ban.bits!, isEverywhere);
}

function lengthKind(bytes: number, bits: number, isEverywhere: boolean): string {
  return string.format("bans-wide-%d-%d-%s", bytes, bits, isEverywhere ? "all" : "site");
}

function readLengths(bytes: number, now: number): Lengths {
  const { min, max } = bytes === V4_BYTES ? V4_BITS : V6_BITS;
  const lengths: Lengths = { onSite: [], everywhere: [] };
  for (let bits = min; bits <= max; bits++) {
    if (holds(lengthKind(bytes, bits, false), now)) lengths.onSite.push(bits);
    if (holds(lengthKind(bytes, bits, true), now)) lengths.everywhere.push(bits);
  }
  return lengths;
}

function lengthsInForce(now: number): number {
  let count = 0;
  for (const bytes of [V4_BYTES, V6_BYTES]) {
    const { min, max } = bytes === V4_BYTES ? V4_BITS : V6_BITS;
    for (let bits = min; bits <= max; bits++) if (isLengthInForce(bytes, bits, now)) count += 1;
  }
  return count;
}

/** On a site or everywhere: one length counts once. */
function isLengthInForce(bytes: number, bits: number, now: number): boolean {
  return holds(lengthKind(bytes, bits, false), now) || holds(lengthKind(bytes, bits, true), now);
}

function holds(kind: string, now: number): boolean {
  const end = until(kind);
  if (end <= now) return false;
  if (end < nextEnd) nextEnd = end;
  return true;
}

function until(name: string): number {
  const [known] = control.get(name);
  return known === undefined ? 0 : (known as number);
}
