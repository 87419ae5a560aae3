/**
 * The parts of one edge node, put together: policies in, certificates, origins, the cache's rounds, logs, and the nginx that serves. It starts
 * them in the order in which they need each other, says every two seconds that it is there, and ends all of it again. What each
 * part decides stands with that part.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bus } from "../bus/bus.ts";
import { Fault } from "../contract/fault.ts";
import type { EdgeMitigation, FloodMode, WatchBatch } from "../contract/flood.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import type { NodeHello } from "../contract/policy.ts";
import type { RuleCounts } from "../contract/protection.ts";
import { EDGE_SECRETS_TOPIC, healthTopic, helloTopic, POLICY_TOPICS } from "../contract/topics.ts";
import type { Ban } from "./bans.ts";
import { cacheBytesFor, fetchSocketOf, openCacheRoom } from "./cache-room.ts";
import { startCacheRounds } from "./cache-rounds.ts";
import { cdnIdOf } from "./cdn-id.ts";
import { Certificates } from "./certificates.ts";
import { DiskRoom } from "./disk-room.ts";
import { EdgeTls } from "./edge-tls.ts";
import { ChallengeKeys } from "./challenge-keys.ts";
import { CrawlerChecks } from "./crawler-checks.ts";
import { crawlerDns } from "./crawlers.ts";
import {
  askCrawlers,
  askRuleCounts,
  askStatus,
  postChallengeKeys,
  postCrawlers,
  postGates,
  postMitigations,
  postWatch,
} from "./feed-client.ts";
import { Feeder } from "./feeder.ts";
import { GateKeeper } from "./gate-keeper.ts";
import { takeGeoDatabases } from "./geo-database.ts";
import { KernelBans } from "./kernel-bans.ts";
import { LOG_BYTES_MAX, rotateLogs } from "./log-rotation.ts";
import { renderNginxConf, type NginxConfOptions } from "./nginx-conf.ts";
import { endOrphans, NginxProcess, pause } from "./nginx-process.ts";
import { installedNginxVersion, whyVersionUnsafe } from "./nginx-version.ts";
import { isRoot, makeSpool, runFolder } from "./node-folders.ts";
import type { NodeOptions, NodeStatus, RunningNode } from "./node.ts";
import { NodeBans, type BanSearch } from "./node-bans.ts";
import { NodeVoice } from "./node-voice.ts";
import { workerFiles } from "./open-files.ts";
import { Origins } from "./origins.ts";
import { PolicyBook } from "./policy-book.ts";
import { Reloads } from "./reload.ts";
import { createResolver, TTL_UNKNOWN_SECONDS, type Resolve } from "../names/resolver.ts";
import { readSiteLog } from "./site-log.ts";
import { writeSnapshot } from "./snapshot.ts";
import { checkKept, checkMitigations, readWatch } from "./watch-feed.ts";

const NGINX_BIN = "/usr/sbin/nginx";
const MODULES_DIR = "/usr/lib/nginx/modules";
const SYSTEM_CA_FILE = "/etc/ssl/certs/ca-certificates.crt";
const WORKER_USER = "www-data";
/** nginx takes 432 bytes for each at start; a request that runs takes far more. */
const CONNECTIONS_PER_WORKER = 16_384;
const CACHE_BYTES_MAX_DEFAULT = 1024 * 1024 * 1024;
const HELLO_MS = 2000;
const FIRST_RESOLVE_MS = 2000;
const READY_MS = 15_000;

export class Agent implements RunningNode {
  readonly nodeId: NodeId;
  readonly address: string;
  readonly tlsAddress: string | null;
  readonly #options: NodeOptions;
  readonly #stateDir: string;
  readonly #runDir: string;
  readonly #voice: NodeVoice;
  readonly #book: PolicyBook;
  readonly #origins: Origins;
  readonly #feeder: Feeder;
  readonly #nginx: NginxProcess;
  readonly #certificates: Certificates;
  readonly #tls: EdgeTls;
  readonly #challengeKeys: ChallengeKeys;
  readonly #crawlers: CrawlerChecks;
  readonly #bans: NodeBans;
  readonly #kernelBans: KernelBans;
  readonly #gates: GateKeeper;
  readonly #reloads = new Reloads();
  #mitigating: Promise<void> = Promise.resolve();
  readonly #startedAtMs: number;
  readonly #timers: NodeJS.Timeout[] = [];
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
    const voice = new NodeVoice(options);
    this.#voice = voice;
    this.#origins = new Origins({
      nodeId: options.nodeId,
      stateDir: this.#stateDir,
      resolve: resolveBy(options),
      originPrivateRanges: options.originPrivateRanges,
      listen,
      originCaFile: options.originCaFile ?? SYSTEM_CA_FILE,
      connectSecondsMax: options.originConnectSeconds,
      readSecondsMax: options.originReadSeconds,
      slotForced: options.slotForced,
      now: options.now,
      tell: (code, what) => this.#voice.alarmOnce(code, what),
      feed: (siteId) => (this.#stopped ? Promise.resolve() : this.#book.feed(siteId)),
      report: (report) => void this.#voice.publish(healthTopic(report.nodeId, report.siteId), report),
    });
    const socketPath = join(this.#runDir, "control.sock");
    this.#feeder = new Feeder(socketPath);
    const alarm = (code: string, what: string): void => voice.alarm(code, what);
    this.#book = new PolicyBook({
      nodeId: options.nodeId,
      stateDir: this.#stateDir,
      workers: options.workers,
      listeners: listenTls === null ? [listen] : [listen, listenTls],
      pinnedVkey: options.pinnedVkey,
      originPrivateRanges: options.originPrivateRanges,
      now: options.now,
      origins: this.#origins,
      voice,
      feed: (change) => this.#feeder.feed(change),
      onChanged: (siteId) => this.#certificates.siteChanged(siteId),
    });
    this.#certificates = new Certificates({
      stateDir: this.#stateDir,
      nodeId: options.nodeId,
      now: options.now,
      alarm,
      policyOf: (siteId) => this.#book.of(siteId),
      feed: (change) => this.#feeder.feed(change),
      feedSite: (siteId) => this.#book.feed(siteId),
      publish: (topic, value) => this.#voice.publish(topic, value),
    });
    this.#tls = new EdgeTls({ stateDir: this.#stateDir, listen: listenTls, now: options.now, alarm });
    this.#challengeKeys = new ChallengeKeys({
      stateDir: this.#stateDir,
      now: options.now,
      secret: () => this.#tls.ticketSecret,
      post: (keys) => postChallengeKeys(socketPath, keys),
    });
    this.#crawlers = new CrawlerChecks({
      rangesFile: options.crawlerRanges ?? "",
      dns: crawlerDns(options.dnsServers ?? []),
      ask: () => askCrawlers(socketPath),
      tell: (found) => postCrawlers(socketPath, found),
      alarm,
      now: options.now,
    });
    const sites = (): SiteId[] => Object.keys(this.#book.versions()) as SiteId[];
    this.#kernelBans = new KernelBans({
      mode: options.kernelBans ?? "off",
      nodeId: options.nodeId,
      stateDir: this.#stateDir,
      listeners: listenTls === null ? [listen] : [listen, listenTls],
      now: options.now,
      sites: () => this.#book.servedSites(),
      bansOf: (address) => this.#bans.search(address).bans,
      allowed: () => [
        ...(options.allowNetworks ?? []),
        ...sites().flatMap((siteId) => this.#book.of(siteId)?.protection.allowNetworks ?? []),
      ],
      tell: (code, what) => voice.alarmOnce(code, what),
    });
    this.#bans = new NodeBans({
      nodeId: options.nodeId,
      stateDir: this.#stateDir,
      socketPath,
      now: options.now,
      voice,
      allowNetworks: options.allowNetworks ?? [],
      sites,
      allowNetworksOf: (siteId) => this.#book.of(siteId)?.protection.allowNetworks ?? [],
      onBan: (record) => this.#kernelBans.onBan(record),
      onLift: (record) => this.#kernelBans.onLift(record),
    });
    this.#gates = new GateKeeper({
      accessLog: join(this.#stateDir, "access.log"),
      workers: options.workers,
      now: options.now,
      tell: async (gates) => void (await postGates(socketPath, gates)),
    });
    this.#nginx = new NginxProcess({
      bin: NGINX_BIN,
      stateDir: this.#stateDir,
      confPath: join(this.#stateDir, "nginx.conf"),
      socketPath,
      prepare: () => {
        rmSync(fetchSocketOf(this.#spoolDir, this.#runDir), { force: true });
        // Not before: until then workers of the nginx that died may still answer, and would take the bans with them.
        if (this.#restarts > 0) void this.#bans.book.feedAll();
        this.#challengeKeys.write();
        this.#writeSnapshot();
      },
      onDeath: (why) => {
        this.#restarts += 1;
        this.#gates.forgetTold();
        this.#voice.alarm(
          "edge.nginx-died",
          `${why}. It is started again; look into ${this.#stateDir}/error.log`,
        );
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
      this.#voice.alarm(
        "edge.orphan-ended",
        `nginx of an earlier run was still there (${orphans} processes) and was ended`,
      );
    await this.#checkVersion();
    this.#book.load();
    this.#certificates.load();
    this.#bans.book.load();
    await this.#tls.load(options.bus);
    await Promise.race([this.#origins.resolveAll(), pause(FIRST_RESOLVE_MS)]);
    this.#spoolDir = makeSpool(this.#stateDir);
    const cacheDir = openCacheRoom(this.#stateDir);
    const cacheBytesMax = await cacheBytesFor(cacheDir, options.cacheBytesMax ?? CACHE_BYTES_MAX_DEFAULT);
    this.#boundCache(cacheDir, cacheBytesMax);
    const geo = await takeGeoDatabases({
      countryDatabase: options.countryDatabase ?? "",
      asnDatabase: options.asnDatabase ?? "",
      stateDir: this.#stateDir,
      modulesDir: MODULES_DIR,
      nginxBin: NGINX_BIN,
      onAlarm: (code, what) => this.#voice.alarm(code, what),
    });
    this.#renderConf = () => renderNginxConf(this.#conf({ cacheDir, cacheBytesMax, geo }));
    writeFileSync(join(this.#stateDir, "nginx.conf"), this.#renderConf(), { mode: 0o600 });
    this.#nginx.start();
    const unserved = await this.#untilReady();
    if (unserved > 0) {
      this.#voice.alarm(
        "edge.memory-full",
        `${unserved} sites or certificates do not fit nginx's memory and are not served: spread the sites over more nodes, or use shorter chains`,
      );
      await this.#certificates.forgetFed();
    }
    await this.#bans.start(geo);
    await this.#kernelBans.start();
    await this.#hello();
    if (options.bus !== null) await this.#listen(options.bus);
    this.#timers.push(setInterval(() => void this.#tick(), HELLO_MS));
    this.#origins.start();
    this.#crawlers.start();
    this.#gates.start();
  }

  async #listen(bus: Bus): Promise<void> {
    await this.#book.sayAll();
    const ways = [
      bus.subscribe(POLICY_TOPICS, ({ value }) => this.#book.receive(value)),
      bus.subscribe(EDGE_SECRETS_TOPIC, async ({ value }) => {
        this.#tls.receive(value);
        await this.#challengeKeys.tick();
      }),
      await this.#certificates.listen(bus),
      await this.#bans.listen(bus),
    ];
    this.#unsubscribe = () => ways.forEach((leave) => leave());
  }

  ban(bans: readonly Ban[]): Promise<void> {
    return this.#bans.book.ban(bans);
  }

  searchBans(address: string): BanSearch {
    return this.#bans.search(address);
  }

  allows(address: string, siteId: SiteId | null): boolean {
    return this.#bans.allowList.allows(address, siteId);
  }

  async ruleCounts(siteId: SiteId | null = null): Promise<readonly RuleCounts[]> {
    return (await askRuleCounts(join(this.#runDir, "control.sock"), siteId)).rules;
  }

  async drainWatch(): Promise<WatchBatch> {
    const batch = readWatch(await postWatch(join(this.#runDir, "control.sock")));
    return { ...batch, responses: this.#gates.take() };
  }

  /** One after the other: nginx reads and writes a site's list in two steps. */
  async mitigate(mitigations: readonly EdgeMitigation[]): Promise<void> {
    checkMitigations(mitigations);
    const turn = this.#mitigating.then(async () =>
      checkKept(await postMitigations(join(this.#runDir, "control.sock"), mitigations)),
    );
    this.#mitigating = turn.catch(() => {});
    return turn;
  }

  floodMode(siteId: SiteId): FloodMode {
    return this.#book.of(siteId)?.protection.floods ?? "act";
  }

  async status(): Promise<NodeStatus> {
    const { workers } = await askStatus(join(this.#runDir, "control.sock"));
    return {
      sites: this.#book.servedCount,
      versions: this.#book.versions(),
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
    this.#crawlers.stop();
    for (const timer of this.#timers) clearInterval(timer);
    await this.#bans.book.close();
    await this.#kernelBans.stop();
    await this.#gates.stop();
    await this.#feeder.close();
    await this.#nginx.stop();
    this.#writeSnapshot();
    if (this.#spoolDir !== "") rmSync(this.#spoolDir, { recursive: true, force: true });
    if (!this.#runDir.startsWith(this.#stateDir)) rmSync(this.#runDir, { recursive: true, force: true });
  }

  // --- what nginx starts from

  #conf(found: Pick<NginxConfOptions, "cacheDir" | "cacheBytesMax" | "geo">): NginxConfOptions {
    const options = this.#options;
    const { connections, files } = workerFiles(options.connectionsPerWorker ?? CONNECTIONS_PER_WORKER);
    return {
      ...found,
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
      fetchSocket: fetchSocketOf(this.#spoolDir, this.#runDir),
      everyHead: options.everyHead ?? false,
      connectionsPerWorker: connections,
      filesPerWorker: files,
      allowNetworks: options.allowNetworks ?? [],
    };
  }

  #boundCache(folder: string, bytesMax: number): void {
    this.#timers.push(
      startCacheRounds({
        folder,
        bytesMax,
        boundsOf: (siteId) => {
          const policy = this.#book.of(siteId as SiteId);
          if (policy === undefined || policy.hostnames.length === 0) return null;
          return { bytes: policy.cache.bytesMax, answers: policy.cache.answersMax };
        },
        socketPath: join(this.#runDir, "control.sock"),
        roundMs: this.#options.cacheRoundMs,
        reserveBytes: this.#options.cacheReserveBytes,
        onClosed: (what) => this.#voice.alarmOnce("edge.cache-closed", what),
      }),
    );
  }

  #writeSnapshot(): void {
    const sites = this.#book.snapshot();
    try {
      writeSnapshot(this.#stateDir, { sites, certificates: this.#certificates.snapshot() });
    } catch (error) {
      // A full disk: nginx starts from the older snapshot, and everything newer is fed to it again below.
      this.#voice.alarm("edge.not-durable", `The snapshot cannot be written (${String(error)}): make room`);
      void this.#certificates.forgetFed();
      this.#book.feedAll();
    }
  }

  // --- being there

  async #tick(): Promise<void> {
    await this.#hello();
    await this.#boundLogs();
    await this.#certificates.tick();
    await this.#bans.book.tick();
    this.#kernelBans.tick();
    await this.#challengeKeys.tick();
    if (this.#tls.wantsReload()) {
      await this.reload().catch((error: unknown) => {
        this.#tls.reloadFailed();
        this.#voice.alarm("edge.reload-failed", error instanceof Error ? error.message : String(error));
      });
    }
    await this.#book.retry();
  }

  async #boundLogs(): Promise<void> {
    for (const what of await this.#room.newlyShort([this.#stateDir, this.#spoolDir])) {
      this.#voice.alarm("edge.disk-short", what);
    }
    try {
      await rotateLogs(
        [join(this.#stateDir, "access.log"), join(this.#stateDir, "error.log")],
        LOG_BYTES_MAX,
      );
    } catch (error) {
      const code = (error as { code?: string }).code ?? "unknown";
      this.#voice.alarmOnce(
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
      sites: this.#book.servedCount,
      pinnedVkey: this.#options.pinnedVkey,
    };
    await this.#voice.publish(helloTopic(this.nodeId), hello);
  }

  async #checkVersion(): Promise<void> {
    const version = await installedNginxVersion();
    this.#nginxVersion = version ?? "unknown";
    const why = whyVersionUnsafe(version);
    if (why !== null) this.#voice.alarm("edge.nginx-unsafe", why);
  }

  /** Resolves with how much of the snapshot nginx could not take. */
  async #untilReady(): Promise<number> {
    const deadline = Date.now() + READY_MS;
    for (;;) {
      try {
        const { workers, unserved } = await askStatus(join(this.#runDir, "control.sock"));
        if (workers.length >= this.#options.workers) return unserved;
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
}

function resolveBy(options: NodeOptions): Resolve {
  const { lookup } = options;
  if (lookup === undefined) return createResolver({ servers: options.dnsServers ?? [] });
  return async (host) => ({ addresses: await lookup(host), ttlSeconds: TTL_UNKNOWN_SECONDS });
}
