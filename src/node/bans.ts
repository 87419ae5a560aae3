/** Bans that this node makes by itself: read here, so that whoever asks for one gets told what is wrong with it. */
import { BAN_SECONDS_MAX, BANS_AT_ONCE_MAX, type BanKind } from "../contract/ban.ts";
import { Fault } from "../contract/fault.ts";
import type { SiteId } from "../contract/ids.ts";
import { targetOf, type BanTarget } from "./ban-record.ts";

export type Ban = {
  /** Null: on every site. */
  readonly siteId: SiteId | null;
  /** An address literal, or a range like 192.0.2.0/24. Of an IPv6 address the /64 is banned, as one household has that many. */
  readonly address: string;
  /** 0 lifts the ban. */
  readonly seconds: number;
  /** For people; left out: that it kept asking after it was refused. */
  readonly reason?: string;
};

export type ReadBan = { readonly ban: Ban; readonly kind: BanKind; readonly target: BanTarget };

const REASON_CHARS_MAX = 300;

/** Throws a Fault when one of them cannot be made; then none is. */
export function readBans(bans: readonly Ban[]): ReadBan[] {
  if (bans.length > BANS_AT_ONCE_MAX) {
    throw new Fault(
      "input.invalid",
      `Cannot take ${bans.length} bans at once: send at most ${BANS_AT_ONCE_MAX}`,
    );
  }
  return bans.map((ban) => {
    const { address, seconds } = ban;
    const kind = address.includes("/") ? "network" : "address";
    const target = targetOf(kind, address);
    if (!target.ok) throw new Fault("input.invalid", `Cannot ban, as ${target.why}`);
    if (!(seconds >= 0 && seconds <= BAN_SECONDS_MAX)) {
      throw new Fault("input.invalid", `Cannot ban for ${seconds} seconds: give 0 to ${BAN_SECONDS_MAX}`);
    }
    if ((ban.reason ?? "").length > REASON_CHARS_MAX) {
      throw new Fault("input.invalid", `Cannot keep a reason of more than ${REASON_CHARS_MAX} characters`);
    }
    return { ban, kind, target: target.value };
  });
}
