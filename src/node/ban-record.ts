/**
 * A ban as it comes over the bus or from disk: read with bounds, named by what it keeps out, and turned into what nginx compares. Two records that keep
 * out the same on the same site have one name, however their addresses are written. Of IPv6 a /64 counts as one address, as one household has that many.
 */
import ipaddr from "ipaddr.js";
import { BAN_KINDS, type BanKind, type BanRecord, type EdgeBan } from "../contract/ban.ts";
import type { Parsed } from "../contract/fault.ts";
import { ID_PATTERN, type SiteId } from "../contract/ids.ts";

const BAN_ID = /^[A-Za-z0-9_-]{1,60}$/;
const TEXT_CHARS_MAX = 500;
const V4 = { bytes: 4, min: 8, max: 32 };
const V6 = { bytes: 8, min: 16, max: 64 };

/** What is kept out, as nginx compares it. */
export type BanTarget = Pick<EdgeBan, "addressHex" | "bits" | "asn" | "country">;

export function targetOf(kind: BanKind, value: string): Parsed<BanTarget> {
  if (kind === "address") return addressTarget(value);
  if (kind === "network") return networkTarget(value);
  if (kind === "asn") {
    const asn = /^[1-9]\d{0,9}$/.test(value) ? Number(value) : 0;
    if (asn >= 1 && asn < 2 ** 32) return { ok: true, value: { addressHex: "", asn } };
    return refuse(`"${value.slice(0, 40)}" is no autonomous system number: give one from 1 to 4294967295`);
  }
  if (/^[A-Z]{2}$/.test(value)) return { ok: true, value: { addressHex: "", country: value } };
  return refuse(`"${value.slice(0, 40)}" is no country: give two capital letters like FR`);
}

function addressTarget(value: string): Parsed<BanTarget> {
  if (value.length > 60 || !ipaddr.isValid(value)) {
    return refuse(`"${value.slice(0, 60)}" is not an address: give one like 192.0.2.7`);
  }
  return { ok: true, value: { addressHex: hexOf(value) } };
}

function networkTarget(value: string): Parsed<BanTarget> {
  const shown = value.slice(0, 60);
  if (value.length > 60 || !ipaddr.isValidCIDR(value)) {
    return refuse(`"${shown}" is not a range: give one like 192.0.2.0/24`);
  }
  const [address, length] = ipaddr.parseCIDR(value);
  const isMapped = address.kind() === "ipv6" && (address as ipaddr.IPv6).isIPv4MappedAddress();
  if (isMapped && length < 96) return refuse(`"${shown}" mixes IPv4 and IPv6: give each its own range`);
  const bits = isMapped ? length - 96 : length;
  const { bytes, min, max } = isMapped || address.kind() === "ipv4" ? V4 : V6;
  if (bits < min || bits > max) {
    return refuse(`"${shown}" is too ${bits < min ? "wide" : "narrow"} to ban: give /${min} to /${max}`);
  }
  const whole = Buffer.from(hexOf(address.toString()), "hex");
  for (let i = 0; i < bytes; i++) {
    const kept = Math.min(8, Math.max(0, bits - i * 8));
    whole[i] = (whole[i] ?? 0) & (0xff00 >> kept) & 0xff;
  }
  const addressHex = whole.toString("hex");
  return { ok: true, value: bits === max ? { addressHex } : { addressHex, bits } };
}

/** Four bytes of IPv4, the first eight of IPv6. nginx sees a mapped IPv4 client as IPv4 only on an IPv4 listener; a ban has to fit what it sees. */
export function hexOf(address: string): string {
  return Buffer.from(ipaddr.process(address).toByteArray().slice(0, 8)).toString("hex");
}

/** What is kept out and where, as one text. */
export function nameOf(siteId: SiteId | null, target: BanTarget): string {
  const { addressHex, bits, asn, country } = target;
  const what =
    asn !== undefined ? `asn ${asn}` : (country ?? `${addressHex}/${bits ?? addressHex.length * 4}`);
  return `${siteId ?? "*"} ${what}`;
}

/** The prefix length and place that a look-up of this ban costs each request, like "32 24 site"; "" for one address, a system or a country. */
export function lengthOf(siteId: SiteId | null, { addressHex, bits }: BanTarget): string {
  return bits === undefined ? "" : `${addressHex.length * 4} ${bits} ${siteId === null ? "all" : "site"}`;
}

/** A record from the bus or from disk. */
export function readBanRecord(value: unknown): Parsed<BanRecord> {
  if (typeof value !== "object" || value === null) return refuse("it is no record");
  const given = value as Partial<Record<keyof BanRecord, unknown>>;
  if (given.schema !== 1) return refuse("its schema is not 1");
  if (typeof given.banId !== "string" || !BAN_ID.test(given.banId)) return refuse("it has no id");
  if (given.siteId !== null && !isId(given.siteId, "site_")) return refuse("its site is none");
  if (given.nodeId !== null && !isId(given.nodeId, "node_")) return refuse("its node is none");
  if (!BAN_KINDS.includes(given.kind as BanKind)) return refuse("its kind is not known here");
  if (typeof given.value !== "string") return refuse("it does not say whom it bans");
  const target = targetOf(given.kind as BanKind, given.value);
  if (!target.ok) return target;
  for (const text of [given.reason, given.by]) {
    if (typeof text !== "string" || text.length > TEXT_CHARS_MAX) return refuse("its words are too long");
  }
  for (const moment of [given.createdAtMs, given.endsAtMs, given.liftedAtMs ?? 0]) {
    if (!Number.isSafeInteger(moment)) return refuse("its times are no whole milliseconds");
  }
  const { schema, banId, siteId, kind, reason, by, nodeId, createdAtMs, endsAtMs, liftedAtMs } =
    value as BanRecord;
  return {
    ok: true,
    value: {
      schema,
      banId,
      siteId,
      kind,
      value: given.value,
      reason,
      by,
      nodeId,
      createdAtMs,
      endsAtMs,
      liftedAtMs: liftedAtMs ?? null,
    },
  };
}

function isId(value: unknown, prefix: string): boolean {
  return typeof value === "string" && value.startsWith(prefix) && ID_PATTERN.test(value);
}

function refuse(why: string): { readonly ok: false; readonly why: string } {
  return { ok: false, why };
}
