/**
 * The agent of one edge node, as the rest of the house sees it: what it needs, what it can be asked, and how it is started. It runs nginx with what
 * the control plane decided, or from disk when none lives; a bad policy changes nothing, and what it confirms survives a power cut.
 */
import type { Bus } from "../bus/bus.ts";
import type { EdgeWorker } from "../contract/edge-site.ts";
import type { EdgeMitigation, FloodMode, WatchBatch } from "../contract/flood.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import type { Alarm } from "../contract/policy.ts";
import type { RuleCounts } from "../contract/protection.ts";
import { Agent } from "./agent.ts";
import type { Ban } from "./bans.ts";
import { freeListen } from "./free-port.ts";
import type { BanSearch } from "./node-bans.ts";
import type { Lookup } from "./origin-address.ts";

export type NodeOptions = {
  /** Null: no control plane lives; the node runs from disk. */
  readonly bus: Bus | null;
  readonly nodeId: NodeId;
  readonly nodeName: string;
  /** Everything the node writes lies in `dataDir`/edge, save what nginx's unprivileged workers spool. */
  readonly dataDir: string;
  /** "HOST:PORT"; port 0 takes a free one. */
  readonly listen: string;
  /** The same for TLS; null to serve nobody over it. */
  readonly listenTls: string | null;
  readonly workers: number;
  /** Where `buildEdge` put the request path. */
  readonly edgeLuaDir: string;
  /** The only ledger key whose receipts count here (design law 3). */
  readonly pinnedVkey: string;
  readonly originPrivateRanges: readonly string[];
  readonly onAlarm: (alarm: Alarm) => void;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Instead of DNS. */
  readonly lookup?: Lookup;
  /** "ADDRESS" or "ADDRESS:PORT"; empty for the system's. */
  readonly dnsServers?: readonly string[];
  /** PEM file of authorities that may sign origins' certificates. */
  readonly originCaFile?: string;
  /** Bounds for what sites ask for. */
  readonly originConnectSeconds?: number;
  readonly originReadSeconds?: number;
  /** Puts every site into this slot: for the test that shows what slots prevent. */
  readonly slotForced?: number;
  readonly accessLog?: boolean;
  /** What all sites together may keep in the cache of this node. */
  readonly cacheBytesMax?: number;
  /** How often what each site holds in the cache is counted and bounded. */
  readonly cacheRoundMs?: number;
  /** With less free room than this nothing new is stored. */
  readonly cacheReserveBytes?: number;
  /** MMDB files of the operator's; "" or nothing for none. */
  readonly countryDatabase?: string;
  readonly asnDatabase?: string;
  /** A JSON file of the operator's with crawlers' published ranges; "" or nothing for none. */
  readonly crawlerRanges?: string;
  /** CIDR ranges that no ban, limit, rule or challenge ever stops, on every site. */
  readonly allowNetworks?: readonly string[];
  /** "auto": clients that persist are kept out by the kernel where it lets this process; left out: "off". */
  readonly kernelBans?: "auto" | "off";
  /** Clients, origins and all else that one worker of nginx may be connected to. */
  readonly connectionsPerWorker?: number;
  /** Judge each request's head by its bytes, a plain one's too: see src/edge/nginx/head.ts. */
  readonly everyHead?: boolean;
};

export type NodeStatus = {
  readonly sites: number;
  readonly versions: Readonly<Record<string, number>>;
  readonly workers: readonly EdgeWorker[];
  readonly nginxVersion: string;
  readonly restarts: number;
};

export type RunningNode = {
  readonly nodeId: NodeId;
  /** "HOST:PORT" that really listens. */
  readonly address: string;
  /** The same over TLS; null when nobody is served over it. */
  readonly tlsAddress: string | null;
  /** 0 while nginx is being started again. */
  readonly nginxPid: number;
  status(): Promise<NodeStatus>;
  /** Has nginx read its configuration anew; resolves when new workers answer. Connections live on. */
  reload(): Promise<void>;
  /** Keeps clients out, or lets them in again. In force on every worker within 50 ms, kept on disk, and told to the control plane. */
  ban(bans: readonly Ban[]): Promise<void>;
  /** Is this address kept out here, and by what? */
  searchBans(address: string): BanSearch;
  /** Whether nothing but a measure of the desk may stop this address: on one site, or, with null, on any. */
  allows(address: string, siteId: SiteId | null): boolean;
  /** What protection rules counted since nginx started: of one site, or of all that counted anything (bounded). At most a second old. */
  ruleCounts(siteId?: SiteId | null): Promise<readonly RuleCounts[]>;
  /** What came to every site since the time before, for the watch. Only one may ask: what was handed over is forgotten. */
  drainWatch(): Promise<WatchBatch>;
  /** Takes up, renews and lifts mitigations. In force on every worker within 50 ms; they end by themselves. */
  mitigate(mitigations: readonly EdgeMitigation[]): Promise<void>;
  /** What this site's owner wants done about floods, as far as this node knows. */
  floodMode(siteId: SiteId): FloodMode;
  /** Lines of the access log that are still held of one site, newest last, bounded. */
  siteLog(siteId: string): Promise<readonly string[]>;
  /** Ends nginx and everything it started. What is on disk stays. */
  stop(): Promise<void>;
};

/** Starts a node and resolves when it serves every site it knows from disk. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const listenTls = options.listenTls === null ? null : await freeListen(options.listenTls);
  const node = new Agent(options, await freeListen(options.listen), listenTls);
  try {
    await node.start();
  } catch (error) {
    await node.stop();
    throw error;
  }
  return node;
}
