/**
 * Clients that keep coming although they are refused: they are kept out for ten minutes, twice as long each time, at most a day. Addresses that good clients
 * share are never banned here: the challenge goes on asking them one by one. So many a minute at most, so that no list grows with what somebody
 * invents; the rest goes on being refused as before.
 */
import type { WatchBatch } from "../contract/flood.ts";
import type { SiteId } from "../contract/ids.ts";

export type WatchBan = { readonly siteId: SiteId; readonly address: string; readonly seconds: number };

const FIRST_SECONDS = 600;
const MOST_SECONDS = 24 * 3600;
const BANS_PER_MINUTE_MAX = 1000;
/** Of one site: a flood of one must not use up what another needs. */
const BANS_OF_SITE_MAX = 500;
const REMEMBERED_MAX = 20_000;
/** Who stayed away for so long after a ban begins anew. */
const FORGIVEN_MS = 24 * 3_600_000;
/** A client that a race reports twice is banned once. */
const REPEAT_MS = 5000;

export class Persistent {
  /** The longest ago banned first. */
  readonly #banned = new Map<string, { seconds: number; endsAtMs: number; atMs: number }>();
  #minute = 0;
  #inMinute = 0;
  #ofSites = new Map<SiteId, number>();

  bans(persistent: WatchBatch["persistent"], nowMs: number): WatchBan[] {
    const minute = Math.floor(nowMs / 60_000);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#inMinute = 0;
      this.#ofSites = new Map();
    }
    const bans: WatchBan[] = [];
    for (const { siteId, address, isShared } of persistent) {
      if (isShared || address === "") continue;
      if (this.#inMinute >= BANS_PER_MINUTE_MAX) break;
      const ofSite = this.#ofSites.get(siteId) ?? 0;
      if (ofSite >= BANS_OF_SITE_MAX) continue;
      const key = `${siteId} ${address}`;
      const before = this.#banned.get(key);
      if (before !== undefined && nowMs - before.atMs < REPEAT_MS) continue;
      const isRepeat = before !== undefined && nowMs - before.endsAtMs < FORGIVEN_MS;
      const seconds = isRepeat ? Math.min(MOST_SECONDS, before.seconds * 2) : FIRST_SECONDS;
      this.#banned.delete(key);
      this.#banned.set(key, { seconds, endsAtMs: nowMs + seconds * 1000, atMs: nowMs });
      if (this.#banned.size > REMEMBERED_MAX) this.#banned.delete(this.#banned.keys().next().value!);
      this.#inMinute += 1;
      this.#ofSites.set(siteId, ofSite + 1);
      bans.push({ siteId, address, seconds });
    }
    return bans;
  }
}
