/** A client that nginx keeps out, as the agent hands it over. */
import type { SiteId } from "./ids.ts";

export type EdgeBan = {
  /** Null: on every site of this edge. */
  readonly siteId: SiteId | null;
  /** The address's bytes in hex: 4 of IPv4, the first 8 of IPv6 (a /64). */
  readonly addressHex: string;
  /** How long from now; 0 lifts it. */
  readonly seconds: number;
};

/** Bounds of what the agent posts in one go, and of one ban. */
export const BANS_AT_ONCE_MAX = 1000;
export const BAN_SECONDS_MAX = 7 * 24 * 3600;
