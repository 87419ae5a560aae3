/**
 * The policies of one node: taken from the bus or from disk, checked, held, saved, fed to nginx and confirmed. A confirmation means both: every
 * worker has it, and it survives a power cut. A policy that is refused changes nothing: the one before stays, and somebody is told. A
 * hostname belongs to one site at a time; a policy that wants one another site still holds waits until it is free.
 */
import type { EdgeChange, EdgeSite } from "../contract/edge-site.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import type { PolicyAck, SitePolicy } from "../contract/policy.ts";
import { ackTopic } from "../contract/topics.ts";
import type { Outcome } from "./feeder.ts";
import { KeptFiles, POLICY_FILES } from "./kept-files.ts";
import type { NodeVoice } from "./node-voice.ts";
import { isAddress } from "../contract/public-address.ts";
import { isOwnListener } from "./origin-address.ts";
import type { Origins } from "./origins.ts";
import { checkPolicy } from "./policy-check.ts";
import { readSnapshotAddresses } from "./snapshot.ts";

const RETRIES_PER_ROUND = 100;

export type PolicyBookOptions = {
  readonly nodeId: NodeId;
  readonly stateDir: string;
  /** How many of nginx's workers a policy in force has reached. */
  readonly workers: number;
  /** "HOST:PORT" on which this node itself listens: nobody's origin. */
  readonly listeners: readonly string[];
  readonly pinnedVkey: string;
  readonly originPrivateRanges: readonly string[];
  readonly now: () => number;
  readonly origins: Origins;
  readonly voice: NodeVoice;
  /** Into nginx. */
  readonly feed: (change: EdgeChange) => Promise<Outcome>;
  /** A site's policy is another one now. */
  readonly onChanged: (siteId: SiteId) => Promise<void>;
};

export class PolicyBook {
  readonly #options: PolicyBookOptions;
  readonly #lastGood: KeptFiles;
  /** What is in force, by site. Tombstones of removed sites stay, so that an older version cannot bring them back. */
  readonly #policies = new Map<SiteId, SitePolicy>();
  readonly #holders = new Map<string, SiteId>();
  /** In force but not on disk: saving is tried again until it works. */
  readonly #unsaved = new Set<SiteId>();
  readonly #saving = new Map<SiteId, Promise<string | null>>();
  /** nginx did not take what stands: fed again until it does. */
  readonly #unfed = new Set<SiteId>();
  /** Refused as another site still holds a hostname: tried again when a site changes. */
  readonly #blocked = new Map<SiteId, SitePolicy>();

  constructor(options: PolicyBookOptions) {
    this.#options = options;
    this.#lastGood = new KeptFiles(options.stateDir, POLICY_FILES);
  }

  /** In force here, tombstones included; undefined for a site that never was. */
  of(siteId: SiteId): SitePolicy | undefined {
    return this.#policies.get(siteId);
  }

  /** How many sites are served. */
  get servedCount(): number {
    let count = 0;
    for (const { hostnames } of this.#policies.values()) if (hostnames.length > 0) count += 1;
    return count;
  }

  servedSites(): SiteId[] {
    return [...this.#policies].filter(([, { hostnames }]) => hostnames.length > 0).map(([siteId]) => siteId);
  }

  /** By site. */
  versions(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#policies].map(([siteId, { version }]) => [siteId, version]));
  }

  /** From disk, before nginx starts. What cannot be served here is moved aside, never deleted. */
  load(): void {
    const { values, broken } = this.#lastGood.load();
    for (const { file, why } of broken) {
      this.#options.voice.alarm(
        "edge.policy-quarantined",
        `${file} was moved to ${this.#lastGood.quarantine}: ${why}`,
      );
    }
    const remembered = readSnapshotAddresses(this.#options.stateDir);
    for (const { file, value } of values) {
      const checked = checkPolicy(value, this.#options);
      const why = checked.ok ? this.#whyUnservable(checked.value) : checked.why;
      if (!checked.ok || why !== null) {
        this.#lastGood.setAside(file);
        this.#options.voice.alarm(
          "edge.policy-quarantined",
          `${file} was moved to ${this.#lastGood.quarantine}: ${why}`,
        );
        continue;
      }
      this.#hold(checked.value);
      const peers = remembered.get(checked.value.siteId) ?? [];
      for (const server of checked.value.origin.servers) {
        // One name's addresses cannot be told from another's of the same port: they hold until the names are resolved.
        const own = peers.filter(({ port }) => port === server.port).map(({ address }) => address);
        this.#options.origins.remember(server, own);
      }
    }
  }

  /** What disk already gave is in force: say so, for a control plane that starts later than its edges. */
  async sayAll(): Promise<void> {
    for (const policy of this.#policies.values())
      await this.#ack(policy, { ok: true, workers: this.#options.workers });
  }

  /** What nginx did not take, or could not be written, is tried again. */
  async retry(): Promise<void> {
    for (const siteId of Array.from(this.#unfed).slice(0, RETRIES_PER_ROUND)) {
      this.#unfed.delete(siteId);
      const outcome = await this.feed(siteId);
      const policy = this.#policies.get(siteId);
      if (outcome.ok && policy !== undefined && !this.#unsaved.has(siteId)) await this.#ack(policy, outcome);
    }
    for (const siteId of Array.from(this.#unsaved)) {
      const policy = this.#policies.get(siteId);
      if (policy === undefined) continue;
      if ((await this.#save(policy)) === null) {
        await this.#ack(policy, { ok: true, workers: this.#options.workers });
      }
    }
  }

  /** All sites as nginx loads them, a line each. */
  snapshot(): string {
    const lines: string[] = [];
    for (const siteId of this.#policies.keys()) {
      const { site } = this.#changeOf(siteId);
      if (site !== null) lines.push(`${JSON.stringify(site)}\n`);
    }
    return lines.join("");
  }

  /** nginx may know less than it was told. */
  feedAll(): void {
    for (const siteId of this.#policies.keys()) void this.feed(siteId);
  }

  /** Feeds nginx what stands of a site now. */
  async feed(siteId: SiteId): Promise<Outcome> {
    const change = this.#changeOf(siteId);
    const turn = this.#options.origins.turn;
    const outcome = await this.#options.feed(change);
    if (outcome.ok) {
      this.#unfed.delete(siteId);
      this.#options.origins.confirmed(siteId, turn);
    } else this.#unfed.add(siteId);
    return outcome;
  }

  /** Sites do not wait for each other: a thousand changes travel to nginx together. */
  receive(value: unknown): void {
    this.#take(value).catch((error: unknown) => {
      this.#options.voice.alarm(
        "edge.failed",
        `A policy could not be taken in (${String(error)}): it is sent again, or restart this node`,
      );
    });
  }

  async #take(value: unknown): Promise<void> {
    const checked = checkPolicy(value, this.#options);
    if (!checked.ok) {
      await this.#refuse(value, checked.why);
      return;
    }
    await this.#accept(checked.value);
  }

  async #accept(policy: SitePolicy): Promise<void> {
    const before = this.#policies.get(policy.siteId);
    if (before !== undefined && policy.version <= before.version) {
      if (policy.version === before.version && JSON.stringify(policy) === JSON.stringify(before)) {
        // The control plane did not hear our word, or restarted: say it again.
        const stands = !this.#unsaved.has(policy.siteId) && !this.#unfed.has(policy.siteId);
        if (stands) await this.#ack(policy, { ok: true, workers: this.#options.workers });
        return;
      }
      await this.#refuse(
        policy,
        `Version ${policy.version} is not newer than ${before.version}, which stays`,
      );
      return;
    }
    const why = this.#whyUnservable(policy);
    if (why !== null) {
      await this.#refuse(policy, why);
      return;
    }
    const rival = policy.hostnames.find(
      (name) => (this.#holders.get(name) ?? policy.siteId) !== policy.siteId,
    );
    if (rival !== undefined) {
      this.#blocked.set(policy.siteId, policy);
      await this.#refuse(
        policy,
        `"${rival}" is still held by ${this.#holders.get(rival)}: it is tried again`,
      );
      return;
    }
    this.#blocked.delete(policy.siteId);
    this.#hold(policy);
    // From here a crash loses nothing: the control plane has no confirmation and sends the version again.
    const saveError = await this.#save(policy);
    await this.#options.origins.resolveFresh(policy);
    const outcome = await this.feed(policy.siteId);
    void this.#options.onChanged(policy.siteId);
    if (this.#policies.get(policy.siteId) !== policy) return; // A newer version overtook it and has its own confirmation.
    if (!outcome.ok) await this.#refuse(policy, outcome.why);
    else if (saveError !== null) await this.#refuse(policy, `In force, but not on disk: ${saveError}`);
    else await this.#ack(policy, outcome);
    for (const [siteId, waiting] of Array.from(this.#blocked)) {
      this.#blocked.delete(siteId);
      void this.#accept(waiting);
    }
  }

  /** The one thing that depends on this machine: an origin that is this edge itself. */
  #whyUnservable(policy: SitePolicy): string | null {
    const own = policy.origin.servers.find(
      ({ host, port }) =>
        isAddress(host) && this.#options.listeners.some((listener) => isOwnListener(host, port, listener)),
    );
    return own === undefined
      ? null
      : `The origin ${own.host}:${own.port} is this edge itself: set it to the site's own server`;
  }

  #hold(policy: SitePolicy): void {
    for (const name of this.#policies.get(policy.siteId)?.hostnames ?? []) this.#holders.delete(name);
    for (const name of policy.hostnames) this.#holders.set(name, policy.siteId);
    this.#policies.set(policy.siteId, policy);
    this.#options.origins.hold(policy);
  }

  #changeOf(siteId: SiteId): { siteId: string; site: EdgeSite | null } {
    const policy = this.#policies.get(siteId);
    return { siteId, site: policy === undefined ? null : this.#options.origins.edgeSiteOf(policy) };
  }

  /** Null when the policy is durable, else why not. */
  async #save(policy: SitePolicy): Promise<string | null> {
    // One writer per file: versions that come fast are written one after the other, and overtaken ones not at all.
    const before = this.#saving.get(policy.siteId) ?? Promise.resolve(null);
    const saving = before.then(() =>
      this.#policies.get(policy.siteId) === policy ? this.#saveNow(policy) : null,
    );
    this.#saving.set(policy.siteId, saving);
    const outcome = await saving;
    if (this.#saving.get(policy.siteId) === saving) this.#saving.delete(policy.siteId);
    return outcome;
  }

  async #saveNow(policy: SitePolicy): Promise<string | null> {
    try {
      await this.#lastGood.save(policy.siteId, policy);
      this.#unsaved.delete(policy.siteId);
      return null;
    } catch (error) {
      this.#unsaved.add(policy.siteId);
      const what = error instanceof Error ? error.message : String(error);
      this.#options.voice.alarm(
        "edge.not-durable",
        `Policies cannot be written to ${this.#options.stateDir} (${what}): make room. They are in force until this node restarts`,
      );
      return what;
    }
  }

  async #refuse(value: unknown, why: string): Promise<void> {
    const { siteId, version } = (
      typeof value === "object" && value !== null ? value : {}
    ) as Partial<SitePolicy>;
    this.#options.voice.alarm(
      "edge.policy-refused",
      `The policy of ${String(siteId).slice(0, 40)} was not confirmed: ${why}`,
    );
    if (typeof siteId !== "string" || typeof version !== "number") return;
    const kept =
      this.#unsaved.has(siteId) || this.#unfed.has(siteId) ? 0 : (this.#policies.get(siteId)?.version ?? 0);
    await this.#ack({ siteId, version }, { ok: false, why, keptVersion: kept });
  }

  async #ack(
    policy: Pick<SitePolicy, "siteId" | "version">,
    outcome: { ok: true; workers: number } | { ok: false; why: string; keptVersion: number },
  ): Promise<void> {
    const ack: PolicyAck = {
      nodeId: this.#options.nodeId,
      siteId: policy.siteId,
      version: policy.version,
      atMs: this.#options.now(),
      ...outcome,
    };
    await this.#options.voice.publish(ackTopic(this.#options.nodeId, policy.siteId), ack);
  }
}
