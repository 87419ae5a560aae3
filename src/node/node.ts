/**
 * The agent of one edge node. It takes policies from the bus, or from disk when no control plane lives; checks them (shape, size,
 * receipts), keeps the last good ones, feeds nginx and confirms what is in force. A confirmation means both: every worker has
 * it, and it survives a power cut. A policy that is refused changes nothing: the one before stays, and somebody is told.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bus } from "../bus/bus.ts";
import type { EdgePeer, EdgeSite, EdgeWorker } from "../contract/edge-site.ts";
import { Fault } from "../contract/fault.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import type { Alarm, NodeHello, PolicyAck, SitePolicy } from "../contract/policy.ts";
import {
  ackTopic,
  alarmTopic,
  EDGE_SECRETS_TOPIC,
  healthTopic,
  helloTopic,
  POLICY_TOPICS,
} from "../contract/topics.ts";
import { toEdgeBans, type Ban } from "./bans.ts";
import { Certificates } from "./certificates.ts";
import { EdgeTls } from "./edge-tls.ts";
import { askStatus, postBans } from "./feed-client.ts";
import { Feeder, type Outcome } from "./feeder.ts";
import { freePort } from "./free-port.ts";
import { takeGeoDatabases } from "./geo-database.ts";
import { LastGood } from "./last-good.ts";
import { DiskRoom } from "./disk-room.ts";
import { LOG_BYTES_MAX, rotateLogs } from "./log-rotation.ts";
import { readSiteLog } from "./site-log.ts";
import { cacheBytesFor, fetchSocketOf, openCacheRoom } from "./cache-room.ts";
import { startCacheRounds } from "./cache-rounds.ts";
import { renderNginxConf } from "./nginx-conf.ts";
import { isRoot, makeSpool, runFolder } from "./node-folders.ts";
import { endOrphans, NginxProcess, pause } from "./nginx-process.ts";
import { installedNginxVersion, whyVersionUnsafe } from "./nginx-version.ts";
import { isAddress, isOwnListener, type Lookup } from "./origin-address.ts";
import { Origins } from "./origins.ts";
import { checkPolicy } from "./policy-check.ts";
import { Reloads } from "./reload.ts";
import { createResolver, TTL_UNKNOWN_SECONDS, type Resolve } from "./resolver.ts";

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
  readonly tlsSlotForced?: number;
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
  /** Keeps clients out, or lets them in again. In force on every worker within 50 ms. */
  ban(bans: readonly Ban[]): Promise<void>;
  /** Lines of the access log that are still held of one site, newest last, bounded. */
  siteLog(siteId: string): Promise<readonly string[]>;
  /** Ends nginx and everything it started. What is on disk stays. */
  stop(): Promise<void>;
};

const NGINX_BIN = "/usr/sbin/nginx";
const MODULES_DIR = "/usr/lib/nginx/modules";
const SYSTEM_CA_FILE = "/etc/ssl/certs/ca-certificates.crt";
const WORKER_USER = "www-data";
const CACHE_BYTES_MAX_DEFAULT = 1024 * 1024 * 1024;
const HELLO_MS = 2000;
const FIRST_RESOLVE_MS = 2000;
const READY_MS = 15_000;

/** Starts a node and resolves when it serves every site it knows from disk. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const listenTls = options.listenTls === null ? null : await freePort(options.listenTls);
  const node = new Agent(options, await freePort(options.listen), listenTls);
  try {
    await node.start();
  } catch (error) {
    await node.stop();
    throw error;
  }
  return node;
}

class Agent implements RunningNode {
  readonly nodeId: NodeId;
  readonly address: string;
  readonly tlsAddress: string | null;
  readonly #options: NodeOptions;
  readonly #stateDir: string;
  readonly #runDir: string;
  readonly #lastGood: LastGood;
  readonly #origins: Origins;
  readonly #feeder: Feeder;
  readonly #nginx: NginxProcess;
  readonly #certificates: Certificates;
  readonly #tls: EdgeTls;
  readonly #reloads = new Reloads();
  /** What is in force, by site. Tombstones of removed sites stay, so that an older version cannot bring them back. */
  readonly #policies = new Map<SiteId, SitePolicy>();
  readonly #holders = new Map<string, SiteId>();
  /** In force but not on disk: saving is tried again until it works. */
  readonly #unsaved = new Set<SiteId>();
  readonly #saving = new Map<SiteId, Promise<string | null>>();
  /** Refused as another site still holds a hostname: tried again when a site changes. */
  readonly #blocked = new Map<SiteId, SitePolicy>();
  readonly #startedAtMs: number;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #toldRefusals = new Set<string>();
  #unsubscribe: () => void = () => undefined;
  readonly #room = new DiskRoom();
  #spoolDir = "";
  #nginxVersion = "unknown";
  #renderConf: () => string = () => "";
  #restarts = 0;
  #stopped = false;

  constructor(options: NodeOptions, listen: string, listenTls: string | null) {
    this.#options = options;
    this.nodeId = options.nodeId;
    this.address = listen;
    this.tlsAddress = listenTls;
    this.#startedAtMs = options.now();
    this.#stateDir = join(options.dataDir, "edge");
    mkdirSync(this.#stateDir, { recursive: true, mode: 0o700 });
    this.#runDir = runFolder(this.#stateDir);
    this.#lastGood = new LastGood(this.#stateDir);
    this.#origins = new Origins({
      nodeId: options.nodeId,
      stateDir: this.#stateDir,
      resolve: resolveBy(options),
      originPrivateRanges: options.originPrivateRanges,
      listen,
      originCaFile: options.originCaFile ?? SYSTEM_CA_FILE,
      connectSecondsMax: options.originConnectSeconds,
      readSecondsMax: options.originReadSeconds,
      tlsSlotForced: options.tlsSlotForced,
      now: options.now,
      tell: (code, what) => this.#tellOnce(code, what),
      feed: (siteId) => (this.#stopped ? Promise.resolve() : this.#feed(siteId)),
      report: (report) => void this.#publish(healthTopic(report.nodeId, report.siteId), report),
    });
    const socketPath = join(this.#runDir, "control.sock");
    this.#feeder = new Feeder(socketPath);
    const alarm = (code: string, what: string): void => this.#alarm(code, what);
    this.#certificates = new Certificates({
      stateDir: this.#stateDir,
      nodeId: options.nodeId,
      now: options.now,
      alarm,
      policyOf: (siteId) => this.#policies.get(siteId),
      feed: (change) => this.#feeder.feed(change),
      feedSite: (siteId) => this.#feed(siteId),
      publish: (topic, value) => this.#publish(topic, value),
    });
    this.#tls = new EdgeTls({ stateDir: this.#stateDir, listen: listenTls, now: options.now, alarm });
    this.#nginx = new NginxProcess({
      bin: NGINX_BIN,
      stateDir: this.#stateDir,
      confPath: join(this.#stateDir, "nginx.conf"),
      socketPath,
      prepare: () => {
        rmSync(fetchSocketOf(this.#spoolDir, this.#runDir), { force: true });
        this.#writeSnapshot();
      },
      onDeath: (why) => {
        this.#restarts += 1;
        this.#alarm("edge.nginx-died", `${why}. It is started again; look into ${this.#stateDir}/error.log`);
      },
    });
  }

  get nginxPid(): number {
    return this.#nginx.pid;
  }

  async start(): Promise<void> {
    const options = this.#options;
    const orphans = await endOrphans(this.#stateDir);
    if (orphans > 0)
      this.#alarm(
        "edge.orphan-ended",
        `nginx of an earlier run was still there (${orphans} processes) and was ended`,
      );
    await this.#checkVersion();
    this.#loadFromDisk();
    this.#certificates.load();
    await this.#tls.load(options.bus);
    await Promise.race([this.#origins.resolveAll(), pause(FIRST_RESOLVE_MS)]);
    this.#spoolDir = makeSpool(this.#stateDir);
    const cacheDir = openCacheRoom(this.#stateDir);
    const cacheBytesMax = await cacheBytesFor(cacheDir, options.cacheBytesMax ?? CACHE_BYTES_MAX_DEFAULT);
    this.#timers.push(
      startCacheRounds({
        folder: cacheDir,
        bytesMax: cacheBytesMax,
        boundsOf: (siteId) => {
          const policy = this.#policies.get(siteId as SiteId);
          if (policy === undefined || policy.hostnames.length === 0) return null;
          return { bytes: policy.cache.bytesMax, answers: policy.cache.answersMax };
        },
        socketPath: join(this.#runDir, "control.sock"),
        roundMs: options.cacheRoundMs,
        reserveBytes: options.cacheReserveBytes,
        onClosed: (what) => this.#tellOnce("edge.cache-closed", what),
      }),
    );
    const geo = await takeGeoDatabases({
      countryDatabase: options.countryDatabase ?? "",
      asnDatabase: options.asnDatabase ?? "",
      stateDir: this.#stateDir,
      modulesDir: MODULES_DIR,
      nginxBin: NGINX_BIN,
      onAlarm: (code, what) => this.#alarm(code, what),
    });
    this.#renderConf = () => renderNginxConf({
      listen: this.address,
      tls: this.#tls.conf(),
      workers: options.workers,
      stateDir: this.#stateDir,
      runDir: this.#runDir,
      spoolDir: this.#spoolDir,
      edgeLuaDir: options.edgeLuaDir,
      modulesDir: MODULES_DIR,
      user: isRoot() ? WORKER_USER : null,
      cdnId: cdnIdOf(options.pinnedVkey),
      originCaFile: options.originCaFile ?? SYSTEM_CA_FILE,
      originConnectSeconds: options.originConnectSeconds ?? 5,
      originReadSeconds: options.originReadSeconds ?? 60,
      accessLog: options.accessLog ?? true,
      cacheDir,
      fetchSocket: fetchSocketOf(this.#spoolDir, this.#runDir),
      cacheBytesMax,
      geo,
      everyHead: options.everyHead ?? false,
    });
    writeFileSync(join(this.#stateDir, "nginx.conf"), this.#renderConf(), { mode: 0o600 });
    this.#nginx.start();
    await this.#untilReady();
    await this.#hello();
    if (options.bus !== null) {
      // What disk already gave is in force: say so, for a control plane that starts later than its edges.
      for (const policy of this.#policies.values())
        await this.#ack(policy, { ok: true, workers: options.workers });
      const ways = [
        options.bus.subscribe(POLICY_TOPICS, ({ value }) => this.#receiveSoon(value)),
        options.bus.subscribe(EDGE_SECRETS_TOPIC, ({ value }) => this.#tls.receive(value)),
        await this.#certificates.listen(options.bus),
      ];
      this.#unsubscribe = () => ways.forEach((leave) => leave());
    }
    this.#timers.push(setInterval(() => void this.#tick(), HELLO_MS));
    this.#origins.start();
  }

  async ban(bans: readonly Ban[]): Promise<void> {
    const { kept } = await postBans(join(this.#runDir, "control.sock"), toEdgeBans(bans));
    if (kept === bans.length) return;
    throw new Fault("limit.full", `Only ${kept} of ${bans.length} bans fit nginx's memory: ban networks, or fewer`);
  }

  async status(): Promise<NodeStatus> {
    const { workers } = await askStatus(join(this.#runDir, "control.sock"));
    return {
      sites: this.#servedCount(),
      versions: Object.fromEntries([...this.#policies].map(([siteId, { version }]) => [siteId, version])),
      workers,
      nginxVersion: this.#nginxVersion,
      restarts: this.#restarts,
    };
  }

  reload(): Promise<void> {
    return this.#reloads.reload(() => ({
      bin: NGINX_BIN,
      stateDir: this.#stateDir,
      confPath: join(this.#stateDir, "nginx.conf"),
      conf: this.#renderConf(),
      socketPath: join(this.#runDir, "control.sock"),
      workers: this.#options.workers,
      pid: () => this.#nginx.pid,
    }));
  }

  async siteLog(siteId: string): Promise<readonly string[]> {
    const log = join(this.#stateDir, "access.log");
    return readSiteLog([`${log}.1`, log], siteId);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#unsubscribe();
    this.#origins.stop();
    for (const timer of this.#timers) clearInterval(timer);
    await this.#feeder.close();
    await this.#nginx.stop();
    this.#writeSnapshot();
    if (this.#spoolDir !== "") rmSync(this.#spoolDir, { recursive: true, force: true });
    if (!this.#runDir.startsWith(this.#stateDir)) rmSync(this.#runDir, { recursive: true, force: true });
  }

  // --- policies in

  /** Sites do not wait for each other: a thousand changes travel to nginx together. */
  #receiveSoon(value: unknown): void {
    this.#receive(value).catch((error: unknown) => {
      this.#alarm(
        "edge.failed",
        `A policy could not be taken in (${String(error)}): it is sent again, or restart this node`,
      );
    });
  }

  async #receive(value: unknown): Promise<void> {
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
        const saved = !this.#unsaved.has(policy.siteId);
        if (saved) await this.#ack(policy, { ok: true, workers: this.#options.workers });
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
    await this.#origins.resolveFresh(policy);
    const outcome = await this.#feed(policy.siteId);
    void this.#certificates.siteChanged(policy.siteId);
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
      ({ host, port }) => isAddress(host) &&
        (isOwnListener(host, port, this.address) ||
          (this.tlsAddress !== null && isOwnListener(host, port, this.tlsAddress))),
    );
    return own === undefined
      ? null
      : `The origin ${own.host}:${own.port} is this edge itself: set it to the site's own server`;
  }

  #hold(policy: SitePolicy): void {
    for (const name of this.#policies.get(policy.siteId)?.hostnames ?? []) this.#holders.delete(name);
    for (const name of policy.hostnames) this.#holders.set(name, policy.siteId);
    this.#policies.set(policy.siteId, policy);
    this.#origins.hold(policy);
  }

  #changeOf(siteId: SiteId): { siteId: string; site: EdgeSite | null } {
    const policy = this.#policies.get(siteId);
    return { siteId, site: policy === undefined ? null : this.#origins.edgeSiteOf(policy) };
  }

  /** Feeds nginx what stands of a site now. */
  async #feed(siteId: SiteId): Promise<Outcome> {
    const change = this.#changeOf(siteId);
    const turn = this.#origins.turn;
    const outcome = await this.#feeder.feed(change);
    if (outcome.ok) this.#origins.confirmed(siteId, turn);
    return outcome;
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
      await this.#lastGood.save(policy);
      this.#unsaved.delete(policy.siteId);
      return null;
    } catch (error) {
      this.#unsaved.add(policy.siteId);
      const what = error instanceof Error ? error.message : String(error);
      this.#alarm(
        "edge.not-durable",
        `Policies cannot be written to ${this.#stateDir} (${what}): make room. They are in force until this node restarts`,
      );
      return what;
    }
  }

  async #refuse(value: unknown, why: string): Promise<void> {
    const { siteId, version } = (
      typeof value === "object" && value !== null ? value : {}
    ) as Partial<SitePolicy>;
    this.#alarm(
      "edge.policy-refused",
      `The policy of ${String(siteId).slice(0, 40)} was not confirmed: ${why}`,
    );
    if (typeof siteId !== "string" || typeof version !== "number") return;
    const kept = this.#unsaved.has(siteId) ? 0 : (this.#policies.get(siteId)?.version ?? 0);
    await this.#ack({ siteId, version }, { ok: false, why, keptVersion: kept });
  }

  async #ack(
    policy: Pick<SitePolicy, "siteId" | "version">,
    outcome: { ok: true; workers: number } | { ok: false; why: string; keptVersion: number },
  ): Promise<void> {
    const ack: PolicyAck = {
      nodeId: this.nodeId,
      siteId: policy.siteId,
      version: policy.version,
      atMs: this.#options.now(),
      ...outcome,
    };
    await this.#publish(ackTopic(this.nodeId, policy.siteId), ack);
  }

  // --- disk

  #loadFromDisk(): void {
    const { values, broken } = this.#lastGood.load();
    for (const { file, why } of broken) {
      this.#alarm("edge.policy-quarantined", `${file} was moved to ${this.#lastGood.quarantine}: ${why}`);
    }
    const remembered = this.#readSnapshotAddresses();
    for (const { file, value } of values) {
      const checked = checkPolicy(value, this.#options);
      const why = checked.ok ? this.#whyUnservable(checked.value) : checked.why;
      if (!checked.ok || why !== null) {
        this.#lastGood.setAside(file);
        this.#alarm("edge.policy-quarantined", `${file} was moved to ${this.#lastGood.quarantine}: ${why}`);
        continue;
      }
      this.#hold(checked.value);
      const peers = remembered.get(checked.value.siteId) ?? [];
      for (const server of checked.value.origin.servers) {
        // One name's addresses cannot be told from another's of the same port: they hold until the names are resolved.
        const own = peers.filter(({ port }) => port === server.port).map(({ address }) => address);
        this.#origins.remember(server, own);
      }
    }
  }

  /** What nginx loads before its workers accept. Written whole or not at all. */
  #writeSnapshot(): void {
    const lines: string[] = [];
    for (const siteId of this.#policies.keys()) {
      const { site } = this.#changeOf(siteId);
      if (site !== null) lines.push(`${JSON.stringify(site)}\n`);
    }
    try {
      for (const [name, text] of [
        ["snapshot.jsonl", lines.join("")],
        ["certificates.jsonl", this.#certificates.snapshot()],
      ] as const) {
        const path = join(this.#stateDir, name);
        writeFileSync(`${path}.new`, text, { mode: 0o600 });
        renameSync(`${path}.new`, path);
      }
    } catch (error) {
      // A full disk: nginx starts from the older snapshot, and everything newer is fed to it again below.
      this.#alarm("edge.not-durable", `The snapshot cannot be written (${String(error)}): make room`);
      this.#certificates.forgetFed();
      for (const siteId of this.#policies.keys()) void this.#feed(siteId);
    }
  }

  #readSnapshotAddresses(): Map<string, readonly EdgePeer[]> {
    const known = new Map<string, readonly EdgePeer[]>();
    const path = join(this.#stateDir, "snapshot.jsonl");
    if (!existsSync(path)) return known;
    for (const line of readFileSync(path, "utf8").split("\n")) {
      try {
        const site = JSON.parse(line) as Partial<EdgeSite>;
        if (typeof site.siteId !== "string" || !Array.isArray(site.peers)) continue;
        known.set(
          site.siteId,
          site.peers.filter(({ address }) => typeof address === "string"),
        );
      } catch {
        // Only a shortcut: the name is resolved anyway.
      }
    }
    return known;
  }

  // --- being there

  async #tick(): Promise<void> {
    await this.#hello();
    await this.#boundLogs();
    await this.#certificates.tick();
    if (this.#tls.wantsReload()) {
      await this.reload().catch((error: unknown) => {
        this.#tls.reloadFailed();
        this.#alarm("edge.reload-failed", error instanceof Error ? error.message : String(error));
      });
    }
    for (const siteId of Array.from(this.#unsaved)) {
      const policy = this.#policies.get(siteId);
      if (policy === undefined) continue;
      if ((await this.#save(policy)) === null) {
        await this.#ack(policy, { ok: true, workers: this.#options.workers });
      }
    }
  }

  async #boundLogs(): Promise<void> {
    for (const what of await this.#room.newlyShort([this.#stateDir, this.#spoolDir])) {
      this.#alarm("edge.disk-short", what);
    }
    try {
      await rotateLogs(
        [join(this.#stateDir, "access.log"), join(this.#stateDir, "error.log")],
        LOG_BYTES_MAX,
      );
    } catch (error) {
      const code = (error as { code?: string }).code ?? "unknown";
      this.#tellOnce(
        "edge.log-unbounded",
        `Cannot bound the edge's logs (${code}): free some space under ${this.#stateDir}`,
      );
    }
  }

  async #hello(): Promise<void> {
    const hello: NodeHello = {
      nodeId: this.nodeId,
      name: this.#options.nodeName,
      startedAtMs: this.#startedAtMs,
      seenAtMs: this.#options.now(),
      nginxVersion: this.#nginxVersion,
      workers: this.#options.workers,
      sites: this.#servedCount(),
      pinnedVkey: this.#options.pinnedVkey,
    };
    await this.#publish(helloTopic(this.nodeId), hello);
  }

  async #checkVersion(): Promise<void> {
    const version = await installedNginxVersion();
    this.#nginxVersion = version ?? "unknown";
    const why = whyVersionUnsafe(version);
    if (why !== null) this.#alarm("edge.nginx-unsafe", why);
  }

  async #untilReady(): Promise<void> {
    const deadline = Date.now() + READY_MS;
    for (;;) {
      try {
        const { workers } = await askStatus(join(this.#runDir, "control.sock"));
        if (workers.length >= this.#options.workers) return;
      } catch (error) {
        if (this.#restarts > 0 || Date.now() > deadline) {
          throw new Fault(
            "edge.not-running",
            `nginx does not start: read the end of ${this.#stateDir}/error.log, and see whether ${this.address}${this.tlsAddress === null ? "" : ` or ${this.tlsAddress}`} is taken`,
            { cause: error },
          );
        }
      }
      await pause(10);
    }
  }

  #servedCount(): number {
    let count = 0;
    for (const { hostnames } of this.#policies.values()) if (hostnames.length > 0) count += 1;
    return count;
  }

  #tellOnce(code: string, what: string): void {
    if (this.#toldRefusals.has(what)) return;
    if (this.#toldRefusals.size > 1000) this.#toldRefusals.clear();
    this.#toldRefusals.add(what);
    this.#alarm(code, what);
  }

  #alarm(code: string, what: string): void {
    const alarm: Alarm = { nodeId: this.nodeId, atMs: this.#options.now(), code, what };
    this.#options.onAlarm(alarm);
    void this.#publish(alarmTopic(this.nodeId), alarm);
  }

  async #publish(topic: string, value: unknown): Promise<void> {
    try {
      await this.#options.bus?.publish(topic, value, { keep: true });
    } catch {
      // Nobody to tell: the control plane is away. It learns the state from the next hello and the next confirmation.
    }
  }
}

function resolveBy(options: NodeOptions): Resolve {
  const { lookup } = options;
  if (lookup === undefined) return createResolver({ servers: options.dnsServers ?? [] });
  return async (host) => ({ addresses: await lookup(host), ttlSeconds: TTL_UNKNOWN_SECONDS });
}

/** This fleet's name in CDN-Loop (RFC 8586 §2): all nodes that pin one ledger are one provider. */
export function cdnIdOf(pinnedVkey: string): string {
  return `parapet-${createHash("sha256").update(pinnedVkey).digest("hex").slice(0, 16)}`;
}
