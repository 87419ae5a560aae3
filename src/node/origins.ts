/**
 * Everything that this node knows of its sites' origins: where names lead, which addresses answer, whose connections lie in which slot, and
 * which certificate is shown. It turns a checked policy into what nginx gets, has a site fed again when something of that changed,
 * and tells the control plane what it sees.
 */
import { readFileSync } from "node:fs";
import type { EdgeSite } from "../contract/edge-site.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import type { OriginReport } from "../contract/origin-health.ts";
import { ORIGIN_CONNECT_SECONDS_MAX, ORIGIN_READ_SECONDS_MAX } from "../contract/origin-pool.ts";
import type { OriginServer } from "../contract/origin-pool.ts";
import type { SitePolicy } from "../contract/policy.ts";
import { Addresses } from "./addresses.ts";
import { CONNECTION_MS_MAX, PLAIN_SLOTS, TLS_SLOTS } from "./conf-origins.ts";
import { toEdgeSite } from "./edge-site.ts";
import { healthTargets, originReport } from "./health-targets.ts";
import { Health, type AddressHealth } from "./health.ts";
import { readOriginClient, type ClientCertificate } from "./origin-client.ts";
import { peersOf, plainPlacesOf, tlsPlacesOf } from "./peers.ts";
import type { Resolve } from "../names/resolver.ts";
import { NO_SLOT, Slots } from "./slots.ts";

export type OriginsOptions = {
  readonly nodeId: NodeId;
  readonly stateDir: string;
  readonly resolve: Resolve;
  readonly originPrivateRanges: readonly string[];
  /** "HOST:PORT" of this edge. */
  readonly listen: string;
  readonly originCaFile: string;
  /** Bounds for what sites ask for. */
  readonly connectSecondsMax?: number | undefined;
  readonly readSecondsMax?: number | undefined;
  /** Puts every site into this slot: for the test that shows what slots prevent. */
  readonly slotForced?: number | undefined;
  readonly now: () => number;
  /** A sentence that somebody has to know, told once. */
  readonly tell: (code: string, what: string) => void;
  /** Feeds nginx what stands of a site now. */
  readonly feed: (siteId: SiteId) => Promise<unknown>;
  readonly report: (report: OriginReport) => void;
};

/** How far the slots had come when a site was fed. */
export type OriginsTurn = { readonly tls: number; readonly plain: number };

const SWEEP_MS = 60_000;

export class Origins {
  readonly #options: OriginsOptions;
  readonly #addresses: Addresses;
  readonly #health: Health;
  readonly #tlsSlots = new Slots({ slots: TLS_SLOTS, connectionMsMax: CONNECTION_MS_MAX });
  readonly #plainSlots = new Slots({
    slots: PLAIN_SLOTS,
    connectionMsMax: CONNECTION_MS_MAX,
    zeroFirst: true,
  });
  readonly #policies = new Map<SiteId, SitePolicy>();
  /** What nginx and the control plane were told last, so that they hear of changes alone. */
  readonly #fedPeers = new Map<SiteId, string>();
  readonly #reported = new Map<SiteId, string>();
  #sweeper: NodeJS.Timeout | null = null;

  constructor(options: OriginsOptions) {
    this.#options = options;
    this.#addresses = new Addresses({
      resolve: options.resolve,
      originPrivateRanges: options.originPrivateRanges,
      listen: options.listen,
      now: options.now,
      onRefused: (why) => options.tell("origin.refused-address", why),
      onChange: (owners) => this.#changed(owners),
    });
    this.#health = new Health({
      originCaPem: readFileSync(options.originCaFile, "utf8"),
      now: options.now,
      onChange: (sites) => this.#changed(sites),
    });
  }

  /** From now on names are resolved and checks are made. */
  start(): void {
    this.#addresses.start();
    this.#health.start();
    this.#sweeper ??= setInterval(() => {
      this.#tlsSlots.sweep(this.#options.now());
      this.#plainSlots.sweep(this.#options.now());
    }, SWEEP_MS);
  }

  stop(): void {
    this.#addresses.stop();
    this.#health.stop();
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
  }

  /** Takes a policy in; one without hostnames lets go of the site. */
  hold(policy: SitePolicy): void {
    const { siteId } = policy;
    const here = policy.hostnames.length > 0;
    if (here) this.#policies.set(siteId, policy);
    else this.#policies.delete(siteId);
    this.#addresses.want(siteId, here ? policy.origin.servers : []);
    this.#watch(policy);
    if (!here) {
      this.#fedPeers.delete(siteId);
      if (this.#reported.has(siteId)) this.#tell(policy);
      this.#reported.delete(siteId);
    }
  }

  /** Addresses of an earlier run; they hold until the names are resolved. */
  remember(server: OriginServer, addresses: readonly string[]): void {
    this.#addresses.remember(server, addresses);
  }

  /** Resolves every name that is known, as far as it can be. */
  resolveAll(): Promise<void> {
    return this.#addresses.resolveAll();
  }

  /** A new origin is resolved before nginx hears of it; a known one is not waited for. */
  async resolveFresh(policy: SitePolicy): Promise<void> {
    await this.#addresses.resolveFresh(policy.siteId);
    this.#watch(policy);
    if (this.#policies.get(policy.siteId) === policy) this.#tell(policy);
  }

  /** What nginx gets, null for a site that is let go of. Settles the site's slot: `confirmed` has to follow once nginx has it. */
  edgeSiteOf(policy: SitePolicy): EdgeSite | null {
    const { siteId } = policy;
    const now = this.#options.now();
    if (policy.hostnames.length === 0) {
      this.#tlsSlots.place(siteId, [], now);
      this.#plainSlots.place(siteId, [], now);
      return null;
    }
    const peers = peersOf(policy, {
      addressesOf: (server) => this.#addresses.of(server),
      isDown: (server, address) => this.#healthOf(policy, server, address)?.state === "down",
    });
    const client = this.#clientOf(policy);
    if (client !== null) this.#watch(policy); // Checks show the same certificate.
    // Both, since a site that changes its scheme leaves the one and comes to the other.
    const overTls = tlsPlacesOf(policy, peers, client?.identity ?? "");
    const overPlain = plainPlacesOf(policy, peers);
    const tlsSlot = this.#tlsSlots.place(siteId, overTls, now);
    const plainSlot = this.#plainSlots.place(siteId, overPlain, now);
    const placed = policy.origin.scheme === "https" ? tlsSlot : plainSlot;
    const keepsNone = overTls.length === 0 && overPlain.length === 0;
    this.#fedPeers.set(siteId, JSON.stringify(peers));
    return toEdgeSite(policy, {
      peers,
      slot: keepsNone ? NO_SLOT : (this.#options.slotForced ?? placed),
      client,
      connectSecondsMax: this.#options.connectSecondsMax ?? ORIGIN_CONNECT_SECONDS_MAX,
      readSecondsMax: this.#options.readSecondsMax ?? ORIGIN_READ_SECONDS_MAX,
    });
  }

  /** Names what `edgeSiteOf` said last. */
  get turn(): OriginsTurn {
    return { tls: this.#tlsSlots.turn, plain: this.#plainSlots.turn };
  }

  /** Every worker has the site as it stood at `turn`, or newer. */
  confirmed(siteId: SiteId, turn: OriginsTurn): void {
    this.#tlsSlots.confirmed(siteId, turn.tls, this.#options.now());
    this.#plainSlots.confirmed(siteId, turn.plain, this.#options.now());
  }

  #healthOf(policy: SitePolicy, server: OriginServer, address: string): AddressHealth | null {
    return this.#health.of({ siteId: policy.siteId, address, port: server.port });
  }

  #watch(policy: SitePolicy): void {
    const targets = healthTargets(policy, {
      addressesOf: (server) => this.#addresses.of(server),
      client: policy.origin.health === null ? null : this.#clientOf(policy),
      now: this.#options.now,
    });
    this.#health.watch(policy.siteId, targets);
  }

  /** Addresses or health changed: nginx hears of it if its peers are others now. */
  #changed(sites: ReadonlySet<string>): void {
    for (const siteId of sites as ReadonlySet<SiteId>) {
      const policy = this.#policies.get(siteId);
      if (policy === undefined) continue;
      this.#watch(policy);
      this.#tell(policy);
      const before = this.#fedPeers.get(siteId);
      const site = this.edgeSiteOf(policy);
      if (JSON.stringify(site?.peers) !== before) void this.#options.feed(siteId);
    }
  }

  #tell(policy: SitePolicy): void {
    const report = originReport(policy, {
      nodeId: this.#options.nodeId,
      atMs: this.#options.now(),
      addressesOf: (server) => this.#addresses.of(server),
      healthOf: (server, address) => this.#healthOf(policy, server, address),
    });
    const text = JSON.stringify(report.servers);
    if (this.#reported.get(policy.siteId) === text) return;
    this.#reported.set(policy.siteId, text);
    this.#options.report(report);
  }

  #clientOf(policy: SitePolicy): ClientCertificate | null {
    const certificateId = policy.origin.tls.clientCertificateId;
    if (certificateId === null || policy.origin.scheme !== "https") return null;
    const found = readOriginClient(this.#options.stateDir, { certificateId, siteId: policy.siteId });
    if (found === null) {
      this.#options.tell(
        "origin.no-client-certificate",
        `The certificate ${certificateId} that ${policy.siteId} shows to its origin has not come here: until it does, none is shown`,
      );
    }
    return found;
  }
}
