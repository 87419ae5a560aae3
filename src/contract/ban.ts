/**
 * Clients that are kept out for a time: as people and programs ask for it (`BanRecord`, kept by the control plane and told to every node), and
 * as nginx holds it (`EdgeBan`). A node may ban by itself, too: it says so with the same record.
 */
import type { NodeId, SiteId } from "./ids.ts";

export const BAN_KINDS = ["address", "network", "asn", "country"] as const;
export type BanKind = (typeof BAN_KINDS)[number];

export type BanRecord = {
  readonly schema: 1;
  readonly banId: string;
  /** Null: on every site. */
  readonly siteId: SiteId | null;
  readonly kind: BanKind;
  /** An address (of IPv6 its /64 is meant), a CIDR range, a number, ISO 3166-1 alpha-2. */
  readonly value: string;
  /** For people. */
  readonly reason: string;
  /** A person's name, or "watch" for the node itself. */
  readonly by: string;
  /** The node that banned by itself; null for everywhere. */
  readonly nodeId: NodeId | null;
  readonly createdAtMs: number;
  readonly endsAtMs: number;
  /** Lifted before its end. */
  readonly liftedAtMs: number | null;
};

/** A client that nginx keeps out, as the agent hands it over. */
export type EdgeBan = {
  /** Null: on every site of this edge. */
  readonly siteId: SiteId | null;
  /** The address's bytes in hex: 4 of IPv4, the first 8 of IPv6 (a /64). Of a network, those bytes with all behind `bits` zero. */
  readonly addressHex: string;
  /** Prefix length of a network, counted in the bytes above; left out: all of them. */
  readonly bits?: number;
  /** Instead of an address; `addressHex` is "" then. */
  readonly asn?: number;
  readonly country?: string;
  /** How long from now; 0 lifts it. */
  readonly seconds: number;
  /** With a network that is lifted: no other of its length is banned any more, on sites or everywhere, so that nobody need look for one. */
  readonly isLast?: boolean;
};

/** Bounds of what the agent posts in one go, and of one ban. */
export const BANS_AT_ONCE_MAX = 1000;
export const BAN_SECONDS_MAX = 7 * 24 * 3600;
/** How many different prefix lengths may be in force at once: each costs a look per request while any ban is. */
export const BAN_LENGTHS_MAX = 16;
