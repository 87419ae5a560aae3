/**
 * How many bans people may make, so that no tenant can use up what the others and the operator need: on one site, on all sites of one account, on all
 * sites together, and, apart from these, on everything at once, which is the operator's alone. What nodes ban by themselves has a bound of its own
 * and counts nowhere here. A lifted ban makes room at once, but its record stays on the bus until its end: of records there may be RECORDS_TIMES as many.
 */
import { Fault } from "../contract/fault.ts";
import type { AccountId, SiteId } from "../contract/ids.ts";
import * as rows from "../store/bans.ts";
import type { Tx } from "../store/db.ts";

export const BANS_MAX = { site: 1000, account: 3000, sites: 15_000, everywhere: 5000 } as const;
const PER_MINUTE_MAX = { site: 60, account: 120, sites: 600, everywhere: 600 } as const;
const RECORDS_TIMES = 2;
const MINUTE_MS = 60_000;

/** Whom a ban is for: one site and its account, or everybody. */
export type BanScope = { readonly siteId: SiteId; readonly accountId: AccountId } | null;

/** Throws a Fault (limit.full) where there is no room for one more. */
export async function mustHaveRoom(
  tx: Tx,
  of: { readonly scope: BanScope; readonly at: Date },
): Promise<void> {
  const { scope, at } = of;
  if (scope === null) {
    return mustBeBelow(await rows.countBansOfPeople(tx, { everywhere: true, now: at }), BANS_MAX.everywhere);
  }
  const { siteId, accountId } = scope;
  mustBeBelow(await rows.countBansOfPeople(tx, { siteId, now: at }), BANS_MAX.site);
  mustBeBelow(await rows.countBansOfPeople(tx, { accountId, now: at }), BANS_MAX.account);
  mustBeBelow(await rows.countBansOfPeople(tx, { everywhere: false, now: at }), BANS_MAX.sites);
}

function mustBeBelow(count: rows.BanCount, most: number): void {
  if (count.inForce >= most) {
    throw new Fault(
      "limit.full",
      `There are ${count.inForce} bans already: lift some, or ban the network that they come from`,
    );
  }
  if (count.records < most * RECORDS_TIMES) return;
  throw new Fault(
    "limit.full",
    `${count.records} bans were made that would not have ended yet: wait for the next to end, or ban the network that they come from`,
  );
}

/** Counts what is made in each minute. Throws a Fault (limit.rate) beyond that. */
export function minutePace(now: () => number): (scope: BanScope) => void {
  let minute = 0;
  let made = new Map<string, number>();
  return (scope) => {
    const current = Math.floor(now() / MINUTE_MS);
    if (current !== minute) {
      minute = current;
      made = new Map();
    }
    const counted: [name: string, most: number][] =
      scope === null
        ? [["everywhere", PER_MINUTE_MAX.everywhere]]
        : [
            [scope.siteId, PER_MINUTE_MAX.site],
            [scope.accountId, PER_MINUTE_MAX.account],
            ["sites", PER_MINUTE_MAX.sites],
          ];
    if (counted.some(([name, most]) => (made.get(name) ?? 0) >= most)) {
      throw new Fault(
        "limit.rate",
        "Too many bans were made in this minute: wait, or ban the network that they come from",
        { retryAfterMs: MINUTE_MS - (now() % MINUTE_MS) },
      );
    }
    for (const [name] of counted) made.set(name, (made.get(name) ?? 0) + 1);
  };
}
