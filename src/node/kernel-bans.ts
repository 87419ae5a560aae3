/**
 * Bans in the kernel: whoever keeps coming although refused finds no connection any more, which costs far less than a page that says so. Only addresses that
 * watch reported as persistent on this node go there, which are never ones that good clients share, and only if the ban holds for every site of the node,
 * as a packet names no site. Nobody can read why from a dropped packet: so at most ten minutes for each word of watch, and nginx's page again afterwards.
 * Optional: without nft or the right to use it, and for what finds no room, the ban in nginx stands as before.
 */
import ipaddr from "ipaddr.js";
import type { BanRecord } from "../contract/ban.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import {
  changeScript,
  KERNEL_BANS_MAX,
  kernelKeyOf,
  removalScript,
  runNft,
  tableNameOf,
  tableScript,
  type KernelChange,
  type KernelKey,
  type RunNft,
} from "./kernel-table.ts";

export const KERNEL_SECONDS_MAX = 600;
const BATCH_MAX = 500;
const QUEUE_MAX = 5000;

export type KernelBansOptions = {
  readonly mode: "auto" | "off";
  readonly nodeId: NodeId;
  readonly stateDir: string;
  /** "HOST:PORT" of each. */
  readonly listeners: readonly string[];
  readonly now: () => number;
  /** Those that are served. */
  readonly sites: () => Iterable<SiteId>;
  /** All bans in force that speak of this address, whoever made them. */
  readonly bansOf: (address: string) => readonly Pick<BanRecord, "siteId">[];
  /** Every range (CIDR) that somebody may come in from, on whichever site. */
  readonly allowed: () => readonly string[];
  readonly tell: (code: string, what: string) => void;
  readonly run?: RunNft;
};

type Entry = KernelKey & { readonly record: BanRecord; readonly untilMs: number };

export class KernelBans {
  readonly #options: KernelBansOptions;
  readonly #run: RunNft;
  readonly #table: string;
  /** By ban. */
  readonly #entries = new Map<string, Entry>();
  readonly #queue = new Map<string, KernelKey>();
  #running: Promise<void> | null = null;
  #isOn = false;

  constructor(options: KernelBansOptions) {
    this.#options = options;
    this.#run = options.run ?? runNft;
    this.#table = tableNameOf(options.stateDir);
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Takes away what a node that was killed left, and tries whether the kernel takes a table from this process. */
  async start(): Promise<void> {
    try {
      if (this.#options.mode === "off") return await this.#run(removalScript(this.#table));
      await this.#run(tableScript(this.#table, this.#options.listeners));
      this.#isOn = true;
    } catch (error) {
      if (this.#options.mode === "off") return; // There was nothing to take away, or nobody who could.
      this.#options.tell(
        "edge.kernel-bans-off",
        `Bans stay in nginx alone, as the kernel takes none from this process (${wordsOf(error)}): install nftables and grant CAP_NET_ADMIN, or set "kernelBans" to "off"`,
      );
    }
  }

  onBan(record: BanRecord): void {
    if (!this.#isOn) return;
    const key = this.#keyFor(record);
    if (key === null) return;
    const before = this.#entries.get(record.banId);
    // The same word, heard again over the bus, is no news of the client.
    if (before !== undefined && before.record.endsAtMs >= record.endsAtMs) return;
    const nowMs = this.#options.now();
    if (this.#entries.size >= KERNEL_BANS_MAX || this.#queue.size >= QUEUE_MAX) return;
    const untilMs = Math.min(record.endsAtMs, nowMs + KERNEL_SECONDS_MAX * 1000);
    this.#entries.set(record.banId, { ...key, record, untilMs });
    this.#enqueue(key);
  }

  onLift(record: BanRecord): void {
    const entry = this.#entries.get(record.banId);
    if (entry === undefined) return;
    this.#entries.delete(record.banId);
    // What ended there by itself needs no word. Lifts have room always: there are never more than entries.
    if (entry.untilMs > this.#options.now()) this.#enqueue(entry);
  }

  /** Every few seconds: whoever was allowed since, or stays banned on one site of several only, is let through. */
  tick(): void {
    for (const [banId, entry] of this.#entries) {
      if (entry.untilMs > this.#options.now() && this.#keyFor(entry.record) === null) {
        this.#entries.delete(banId);
        this.#enqueue(entry);
      }
    }
  }

  /** Resolves when the kernel knows all. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async stop(): Promise<void> {
    if (!this.#isOn) return;
    this.#isOn = false;
    this.#queue.clear();
    await this.settled();
    await this.#run(removalScript(this.#table)).catch((error: unknown) => this.#failed(error));
  }

  #keyFor(record: BanRecord): KernelKey | null {
    const { nodeId, allowed } = this.#options;
    if (record.kind !== "address" || record.by !== "watch" || record.nodeId !== nodeId) return null;
    if (!this.#isOutEverywhere(record)) return null;
    const key = kernelKeyOf(record.value);
    return key === null || touches(key, allowed()) ? null : key;
  }

  /** A packet names no site. */
  #isOutEverywhere(record: BanRecord): boolean {
    if (record.siteId === null) return true;
    const others = [...this.#options.sites()].filter((site) => site !== record.siteId);
    if (others.length === 0) return true;
    const bans = this.#options.bansOf(record.value);
    if (bans.some(({ siteId }) => siteId === null)) return true;
    const banned = new Set(bans.map(({ siteId }) => siteId));
    return others.every((site) => banned.has(site));
  }

  #enqueue({ family, key }: KernelKey): void {
    this.#queue.set(key, { family, key });
    this.#running ??= this.#work().finally(() => {
      this.#running = null;
    });
  }

  async #work(): Promise<void> {
    // What comes in the same turn goes in one batch.
    await Promise.resolve();
    while (this.#queue.size > 0 && this.#isOn) {
      const batch = [...this.#queue.values()].slice(0, BATCH_MAX);
      for (const { key } of batch) this.#queue.delete(key);
      const ends = this.#ends();
      const nowMs = this.#options.now();
      const changes: KernelChange[] = batch.map(({ family, key }) => {
        return { family, key, seconds: Math.max(0, ((ends.get(key) ?? 0) - nowMs) / 1000) };
      });
      await this.#run(changeScript(this.#table, changes)).catch((error: unknown) => this.#failed(error));
    }
  }

  /** Two bans of one client hold until the later one ends. */
  #ends(): Map<string, number> {
    const ends = new Map<string, number>();
    for (const { key, untilMs } of this.#entries.values()) {
      ends.set(key, Math.max(untilMs, ends.get(key) ?? 0));
    }
    return ends;
  }

  #failed(error: unknown): void {
    this.#options.tell(
      "edge.kernel-bans-failed",
      `The kernel did not take a change of bans (${wordsOf(error)}): they stand in nginx; what was to be lifted ends in the kernel within ten minutes`,
    );
  }
}

/** Also true for one allowed address within a banned /64. */
function touches({ family, key }: KernelKey, ranges: readonly string[]): boolean {
  const banned = ipaddr.parse(key);
  return ranges.some((range) => {
    if (!ipaddr.isValidCIDR(range)) return false;
    const [network, bits] = ipaddr.parseCIDR(range);
    if (network.kind() === "ipv6" && (network as ipaddr.IPv6).isIPv4MappedAddress() && bits >= 96) {
      return family === 4 && banned.match((network as ipaddr.IPv6).toIPv4Address(), bits - 96);
    }
    if (network.kind() !== banned.kind()) return false;
    return banned.match(network, family === 6 ? Math.min(64, bits) : bits);
  });
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : String(error);
}
