/**
 * Bans on one node, put together: the book, its way into nginx, the words of the control plane, whom nothing stops, and who is asked about an address. What is
 * behind nginx's back, as the kernel is, hangs on two hooks of the book and asks `allowList` before it acts.
 */
import { randomUUID } from "node:crypto";
import ipaddr from "ipaddr.js";
import type { Bus } from "../bus/bus.ts";
import type { BanRecord } from "../contract/ban.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import { BAN_TOPICS } from "../contract/topics.ts";
import { AllowList } from "./allow-list.ts";
import { BanBook } from "./ban-book.ts";
import { postBans } from "./feed-client.ts";
import type { GeoDatabase } from "./geo-database.ts";
import { createGeoLook, type GeoFacts } from "./geo-look.ts";
import type { NodeVoice } from "./node-voice.ts";

export type NodeBansOptions = {
  readonly nodeId: NodeId;
  readonly stateDir: string;
  readonly socketPath: string;
  readonly now: () => number;
  readonly voice: NodeVoice;
  /** The operator's, CIDR. */
  readonly allowNetworks: readonly string[];
  readonly sites: () => Iterable<SiteId>;
  readonly allowNetworksOf: (siteId: SiteId) => readonly string[];
  readonly onBan?: (record: BanRecord) => void;
  readonly onLift?: (record: BanRecord) => void;
};

/** What is known of one address here. */
export type BanSearch = {
  /** Nothing but a measure of the desk stops it on every site (by the operator's list). */
  readonly isAllowedEverywhere: boolean;
  /** Those in force that speak of it, the latest to end first. */
  readonly bans: readonly BanRecord[];
};

export class NodeBans {
  readonly book: BanBook;
  readonly allowList: AllowList;
  #geo: (address: string) => GeoFacts = () => ({});

  constructor(options: NodeBansOptions) {
    const { voice, socketPath, onBan, onLift } = options;
    this.allowList = new AllowList({
      ranges: options.allowNetworks,
      sites: options.sites,
      rangesOf: options.allowNetworksOf,
    });
    this.book = new BanBook({
      nodeId: options.nodeId,
      stateDir: options.stateDir,
      now: options.now,
      newBanId: () => `own_${randomUUID().replaceAll("-", "")}`,
      feed: async (bans) => (await postBans(socketPath, bans)).refused,
      // Not kept by the bus: bans come and go by the thousand, and those in force are said again.
      publish: (topic, value) => voice.say(topic, value),
      alarm: (code, what) => voice.alarm(code, what),
      ...(onBan === undefined ? {} : { onBan }),
      ...(onLift === undefined ? {} : { onLift }),
    });
  }

  /** Once nginx answers: it knows none yet. */
  async start(geo: { readonly country: GeoDatabase; readonly asn: GeoDatabase }): Promise<void> {
    this.#geo = createGeoLook(geo);
    await this.book.feedAll();
  }

  /** Resolves with the way out. */
  async listen(bus: Bus): Promise<() => void> {
    await this.book.sayOwn();
    return bus.subscribe(BAN_TOPICS, ({ value }) => this.book.receive(value));
  }

  search(address: string): BanSearch {
    if (!ipaddr.isValid(address)) return { isAllowedEverywhere: false, bans: [] };
    return {
      isAllowedEverywhere: this.allowList.allowsEverywhere(address),
      bans: this.book.search(address, this.#geo(address)),
    };
  }
}
