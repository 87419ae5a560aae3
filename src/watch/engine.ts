/**
 * All sites of a node under watch: takes a batch every tenth of a second, hands each site its part, gives the few searches that fit into a tick to the sites
 * with the largest excess, and collects what is to be done. Sites without traffic cost nothing; everything kept has a bound. Pure: the same batches and the
 * same chance give the same orders.
 */
import {
  MITIGATIONS_AT_ONCE_MAX,
  type EdgeMitigation,
  type FloodMode,
  type FloodReport,
  type FloodSample,
  type ResponseCounts,
  type SiteCounts,
  type WatchBatch,
} from "../contract/flood.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import type { KeptSite } from "./kept-state.ts";
import { ClientMemory } from "./client-memory.ts";
import { Persistent, type WatchBan } from "./persistent.ts";
import { ReferenceRoom } from "./reference.ts";
import { SiteWatch, type Shared } from "./site-watch.ts";
import { Texts } from "./texts.ts";

const SITES_MAX = 20_000;
const REFERENCE_BYTES_MAX = 64 * 1024 * 1024;
/** Each takes one to five milliseconds. */
const SEARCHES_PER_TICK = 4;
const SEARCHES_PER_TICK_SHED = 1;
const FRUITLESS_MAX = 10;
const ROOM_EVERY_MS = 2000;
const TICK_SECONDS_MAX = 5;

export type WatchOrders = {
  readonly mitigations: readonly EdgeMitigation[];
  readonly bans: readonly WatchBan[];
  readonly reports: readonly FloodReport[];
};

type Part = { counts: SiteCounts | undefined; samples: FloodSample[]; responses: ResponseCounts[] };

const NOTHING: Part = { counts: undefined, samples: [], responses: [] };

export class Engine {
  readonly #room: ReferenceRoom;
  readonly #shared: Shared;
  readonly #persistent = new Persistent();
  /** The longest silent first. */
  readonly #sites = new Map<SiteId, SiteWatch>();
  readonly #awake = new Set<SiteWatch>();
  readonly #busy = new Set<string>();
  #roomAtMs = 0;
  #oldestFirst = false;

  constructor(options: {
    readonly nodeId: NodeId;
    readonly random: () => number;
    readonly referenceBytesMax?: number;
  }) {
    const texts = new Texts();
    this.#room = new ReferenceRoom(texts, options.referenceBytesMax ?? REFERENCE_BYTES_MAX);
    this.#shared = { nodeId: options.nodeId, texts, clients: new ClientMemory(), random: options.random };
  }

  get sites(): ReadonlyMap<SiteId, SiteWatch> {
    return this.#sites;
  }

  /** Bytes that samples of good traffic hold. */
  get referenceBytes(): number {
    return this.#room.bytes;
  }

  /** `shed`: the ticks before took too long; do less. */
  tick(
    batch: WatchBatch,
    { modeOf, shed }: { readonly modeOf: (siteId: SiteId) => FloodMode; readonly shed: boolean },
  ): WatchOrders {
    const nowMs = batch.toMs;
    const seconds = Math.min(TICK_SECONDS_MAX, Math.max(0, (batch.toMs - batch.fromMs) / 1000));
    const parts = partsOf(batch);
    const held = new Map(batch.held.map(({ mitigationId, requests }) => [mitigationId, requests]));
    for (const siteId of parts.keys()) this.#wake(siteId);
    const wanting: { site: SiteWatch; urgency: number }[] = [];
    for (const site of this.#awake) {
      const { counts, samples, responses } = parts.get(site.siteId) ?? NOTHING;
      const urgency = site.observe({ counts, samples, responses, held, seconds, nowMs });
      if (urgency > 0 && modeOf(site.siteId) !== "off") wanting.push({ site, urgency });
    }
    for (const site of this.#turns(wanting, shed ? SEARCHES_PER_TICK_SHED : SEARCHES_PER_TICK))
      site.search(nowMs);
    const mitigations: EdgeMitigation[] = [];
    const reports: FloodReport[] = [];
    for (const site of this.#awake) {
      const orders = site.conclude(nowMs, modeOf(site.siteId));
      mitigations.push(...orders.mitigations);
      if (orders.report !== null) reports.push(orders.report);
      if (site.isAsleep(nowMs)) this.#awake.delete(site);
    }
    this.#bound(nowMs);
    return {
      mitigations: mitigations.slice(0, MITIGATIONS_AT_ONCE_MAX),
      bans: this.#persistent.bans(
        batch.persistent.filter(({ siteId }) => modeOf(siteId) === "act"),
        nowMs,
      ),
      reports,
    };
  }

  /**
   * Whose turn it is to be searched: the largest excess first, each fruitless search halving its weight. Every second turn, or the last of several, is that of
   * the site that has waited longest: nobody's floods, however many and however odd, keep those of others from being looked at.
   */
  #turns(wanting: { site: SiteWatch; urgency: number }[], turns: number): SiteWatch[] {
    const weight = (one: { site: SiteWatch; urgency: number }): number =>
      one.urgency / 2 ** Math.min(one.site.fruitless, FRUITLESS_MAX);
    wanting.sort((a, b) => weight(b) - weight(a));
    if (wanting.length <= turns) return wanting.map(({ site }) => site);
    this.#oldestFirst = !this.#oldestFirst;
    const byWeight = wanting
      .slice(0, turns > 1 ? turns - 1 : this.#oldestFirst ? 0 : 1)
      .map(({ site }) => site);
    if (byWeight.length === turns) return byWeight;
    const others = wanting.slice(byWeight.length).map(({ site }) => site);
    const oldest = others.reduce((a, b) => (b.searchedAtMs < a.searchedAtMs ? b : a));
    return [...byWeight, oldest];
  }

  /** The edge did not take these: they are told again. */
  unsent(mitigations: readonly EdgeMitigation[]): void {
    for (const siteId of new Set(mitigations.map((mitigation) => mitigation.siteId))) {
      this.#sites.get(siteId)?.unsent();
    }
  }

  #wake(siteId: SiteId): void {
    let site = this.#sites.get(siteId);
    if (site === undefined) {
      if (this.#sites.size >= SITES_MAX) this.#forgetOne();
      site = new SiteWatch(siteId, this.#room.open(siteId), this.#shared);
    } else this.#sites.delete(siteId);
    this.#sites.set(siteId, site);
    this.#awake.add(site);
    this.#busy.add(siteId);
  }

  #forgetOne(): void {
    for (const [siteId, site] of this.#sites) {
      if (this.#awake.has(site) && site.incident !== null) continue;
      this.#sites.delete(siteId);
      this.#awake.delete(site);
      this.#room.close(siteId);
      return;
    }
  }

  #bound(nowMs: number): void {
    if (nowMs - this.#roomAtMs < ROOM_EVERY_MS) return;
    this.#roomAtMs = nowMs;
    this.#room.bound(this.#busy);
    this.#busy.clear();
  }

  /** What is worth keeping of each site, the busiest of late first; one at a time, so that whoever writes can pause. */
  *toKept(referenceSamples: number): Generator<KeptSite> {
    for (const site of [...this.#sites.values()].reverse()) {
      yield {
        siteId: site.siteId,
        baseline: site.baseline.toKept(),
        reference: site.reference.toKept(referenceSamples),
      };
    }
  }

  /** Before the first tick. */
  fromKept(sites: readonly KeptSite[]): void {
    for (const kept of sites.slice(0, SITES_MAX).toReversed()) {
      const site = new SiteWatch(kept.siteId, this.#room.open(kept.siteId), this.#shared);
      site.baseline.fromKept(kept.baseline);
      site.reference.fromKept(kept.reference);
      this.#sites.set(kept.siteId, site);
    }
    this.#room.bound([]);
  }
}

function partsOf(batch: WatchBatch): Map<SiteId, Part> {
  const parts = new Map<SiteId, Part>();
  const of = (siteId: SiteId): Part => {
    let part = parts.get(siteId);
    if (part === undefined) parts.set(siteId, (part = { counts: undefined, samples: [], responses: [] }));
    return part;
  };
  for (const counts of batch.counts) of(counts.siteId).counts = counts;
  for (const sample of batch.samples) of(sample.siteId).samples.push(sample);
  for (const response of batch.responses) of(response.siteId).responses.push(response);
  return parts;
}
