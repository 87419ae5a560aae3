/** Bans on their way into nginx: addresses are read here, so that the request path gets nothing but bytes. */
import ipaddr from "ipaddr.js";
import { BAN_SECONDS_MAX, BANS_AT_ONCE_MAX, type EdgeBan } from "../contract/ban.ts";
import { Fault } from "../contract/fault.ts";
import type { SiteId } from "../contract/ids.ts";

export type Ban = {
  /** Null: on every site. */
  readonly siteId: SiteId | null;
  /** An address literal. Of IPv6 the /64 is banned, as one household has that many. */
  readonly address: string;
  /** 0 lifts the ban. */
  readonly seconds: number;
};

export function toEdgeBans(bans: readonly Ban[]): EdgeBan[] {
  if (bans.length > BANS_AT_ONCE_MAX) {
    throw new Fault(
      "input.invalid",
      `Cannot take ${bans.length} bans at once: send at most ${BANS_AT_ONCE_MAX}`,
    );
  }
  return bans.map(({ siteId, address, seconds }) => {
    if (!ipaddr.isValid(address)) {
      throw new Fault(
        "input.invalid",
        `Cannot ban "${address.slice(0, 60)}" as it is not an address: give one like 192.0.2.7`,
      );
    }
    if (!(seconds >= 0 && seconds <= BAN_SECONDS_MAX)) {
      throw new Fault("input.invalid", `Cannot ban for ${seconds} seconds: give 0 to ${BAN_SECONDS_MAX}`);
    }
    // nginx sees a mapped IPv4 client as IPv4 only on an IPv4 listener; a ban has to fit what it sees.
    const bytes = ipaddr.process(address).toByteArray();
    return { siteId, addressHex: Buffer.from(bytes.slice(0, 8)).toString("hex"), seconds };
  });
}
