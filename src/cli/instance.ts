/**
 * One whole instance in one process: database, bus, ledger, sites, mail, desk, control plane, one edge node. This file owns the
 * order: what is opened first is closed last, and a failure half-way closes what was opened. The engine below carries
 * unfinished decisions, unpublished policies and waiting mail on, woken by every request that changed something and by a clock.
 */
import { randomBytes } from "node:crypto";
import { chmodSync } from "node:fs";
import { createControl, type Control } from "../api/control.ts";
import { createLocalBus, type Bus } from "../bus/bus.ts";
import { Fault } from "../contract/fault.ts";
import { newId, type NodeId } from "../contract/ids.ts";
import type { Alarm } from "../contract/policy.ts";
import type { Settings } from "../contract/settings.ts";
import { ALARM_TOPICS } from "../contract/topics.ts";
import type { Desk } from "../desk/desk.ts";
import { openDesk } from "../desk/open-desk.ts";
import { createLog, openLedger } from "../ledger/open-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Mail } from "../mail/mail.ts";
import { openMail } from "../mail/open-mail.ts";
import { cdnIdOf } from "../node/cdn-id.ts";
import { startNode, type RunningNode } from "../node/node.ts";
import type { Certificates } from "../sites/certificates.ts";
import { CERTIFICATE_FACTS, openCertificates } from "../sites/certificates-open.ts";
import { publishEdgeSecrets } from "../sites/edge-secrets.ts";
import { openSites } from "../sites/open-sites.ts";
import type { Sites } from "../sites/sites.ts";
import { publicPages } from "../web/public-pages.ts";
import { openDb, type Db } from "../store/db.ts";
import { migrate } from "../store/migrate.ts";
import { ROOT } from "./data-dir.ts";
import { lockDataDir } from "./data-lock.ts";
import { startEngine, type Engine } from "./engine.ts";
import { socketPath } from "./local-client.ts";
import { startNameClock } from "./name-clock.ts";
import { secretFile } from "./secret-file.ts";
import { watchNode } from "./watch.ts";

export type RaisedAlarm = { readonly at: string; readonly code: string; readonly what: string };

export type Instance = {
  readonly settings: Settings;
  readonly db: Db;
  readonly bus: Bus;
  readonly ledger: Ledger;
  readonly sites: Sites;
  readonly certificates: Certificates;
  readonly mail: Mail;
  readonly desk: Desk;
  readonly control: Control;
  readonly controlUrl: string;
  readonly node: RunningNode;
  readonly engine: Engine;
  readonly alarms: () => readonly RaisedAlarm[];
  stop(): Promise<void>;
};

const ALARMS_KEPT_MAX = 200;

export async function startInstance(options: {
  readonly settings: Settings;
  readonly now?: () => number;
  readonly random?: (bytes: number) => Uint8Array;
  /** The port that files of proof are fetched from; 80 unless a test says otherwise. */
  readonly proofPort?: number;
  /** Called once for each step that takes noticeable time. */
  readonly onStep?: (what: string) => void;
}): Promise<Instance> {
  const {
    settings,
    now = Date.now,
    random = (bytes) => randomBytes(bytes),
    onStep = () => undefined,
  } = options;
  const opened: { close(): Promise<void> }[] = [];
  const alarms: RaisedAlarm[] = [];
  const onAlarm = (code: string, what: string): void => {
    if (alarms[0]?.what === what) return;
    alarms.unshift({ at: new Date(now()).toISOString(), code, what });
    alarms.length = Math.min(alarms.length, ALARMS_KEPT_MAX);
  };
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    opened.unshift(part);
    return part;
  };
  const closeAll = async (): Promise<void> => {
    for (const part of opened.splice(0)) await part.close();
  };

  const unlock = lockDataDir(settings.dataDir);
  keep({ close: async () => unlock() });
  try {
    chmodSync(settings.dataDir, 0o700);
    onStep("Opening the database");
    const db = keep(await openDb({ url: settings.databaseUrl, dataDir: settings.dataDir }));
    await migrate(db);

    const bus = keep(
      createLocalBus({
        onError: (error, topic) => onAlarm("bus.handler", `A handler of ${topic} failed: ${String(error)}`),
      }),
    );
    bus.subscribe(ALARM_TOPICS, ({ value }) => onAlarm((value as Alarm).code, (value as Alarm).what));

    onStep("Opening the log");
    const ledgerOptions = {
      db,
      dir: `${settings.dataDir}/log`,
      origin: settings.logOrigin,
      keyFile: `${settings.dataDir}/secrets/log.key`,
      now,
      random,
    };
    await createLog(ledgerOptions).catch(alreadyThere);
    const ledger = keep(await openLedger(ledgerOptions));

    // The edge starts last: until then nobody counts.
    let running: RunningNode | null = null;
    const mail = keep(await openMail({ db, settings, now, random, onAlarm }));
    const sites = keep(
      await openSites({
        db,
        bus,
        settings,
        now,
        random,
        onAlarm,
        mail,
        cdnId: cdnIdOf(pinnedVkeyOf(settings.dataDir, ledger.vkey)),
        certificates: CERTIFICATE_FACTS,
        ruleCounts: async (siteId) => running?.ruleCounts(siteId) ?? null,
        ...(options.proofPort === undefined ? {} : { proofPort: options.proofPort }),
      }),
    );
    const certificates = keep(
      await openCertificates({
        db,
        bus,
        sites,
        settings,
        sealingKey: secretFile(`${settings.dataDir}/secrets/certificates.key`, () => random(32)),
        now,
        random,
        onAlarm,
      }),
    );
    const desk = keep(
      await openDesk({
        db,
        ledger,
        sites,
        mail,
        settings,
        now,
        random,
        onAlarm,
        edgeAddress: reachable(settings.edgeListen),
      }),
    );

    await publishEdgeSecrets({ db, bus, random });
    onStep("Starting the edge");
    const pinnedVkey = pinnedVkeyOf(settings.dataDir, ledger.vkey);
    const node = await startNode({
      bus,
      nodeId: nodeIdOf(settings.dataDir, random),
      nodeName: "edge-1",
      dataDir: settings.dataDir,
      listen: settings.edgeListen,
      listenTls: settings.edgeListenTls === "" ? null : settings.edgeListenTls,
      workers: settings.edgeWorkers,
      edgeLuaDir: `${ROOT}/build/edge`,
      pinnedVkey,
      originPrivateRanges: settings.originPrivateRanges,
      cacheBytesMax: settings.cacheBytesMax,
      dnsServers: settings.dnsServers,
      countryDatabase: settings.countryDatabase,
      asnDatabase: settings.asnDatabase,
      allowNetworks: settings.edgeAllowNetworks,
      kernelBans: settings.kernelBans,
      crawlerRanges: settings.crawlerRanges,
      onAlarm: () => undefined, // They come over the bus, like those of every other node.
      now,
    });
    running = node;
    keep({ close: () => node.stop() });
    const watch = watchNode(node, {
      bus,
      dataDir: settings.dataDir,
      now,
      onAlarm: ({ code, what }) => onAlarm(code, what),
    });
    keep({ close: () => watch.stop() });

    const engine = keep(startEngine({ desk, sites, mail, certificates, ledger, onAlarm }));
    keep(startNameClock({ hostnames: sites.hostnames, onAlarm }));
    onStep("Starting the control plane");
    const control = await createControl({
      db,
      desk,
      sites,
      certificates,
      siteLog: (siteId) => node.siteLog(siteId),
      mail,
      ledger,
      settings,
      now,
      random,
      onAlarm: ({ code, what }) => onAlarm(code, what),
      publicPages,
      alarms: () => alarms,
      onChange: () => engine.wake(),
      consoleDir: `${ROOT}/build/console`,
      secret: secretFile(`${settings.dataDir}/secrets/sign-in.key`, () => random(32)),
    });
    const listening = keep(await control.listen());
    keep(await control.listenLocal(socketPath(settings.dataDir)));
    return {
      settings,
      db,
      bus,
      ledger,
      sites,
      certificates,
      mail,
      desk,
      control,
      controlUrl: listening.url,
      node,
      engine,
      alarms: () => alarms,
      stop: closeAll,
    };
  } catch (error) {
    await closeAll().catch(() => undefined);
    throw error;
  }
}

/** A log that exists is what we want; anything else is a failure. */
function alreadyThere(error: unknown): void {
  if ((error as { code?: string }).code !== "state.conflict") throw error;
}

function nodeIdOf(dataDir: string, random: (bytes: number) => Uint8Array): NodeId {
  return new TextDecoder().decode(
    secretFile(`${dataDir}/edge/node-id`, () => new TextEncoder().encode(newId<NodeId>("node", random))),
  ) as NodeId;
}

/**
 * The key from which this edge accepts receipts, pinned at its first start and never replaced in silence: whoever
 * swaps the ledger's key must not be able to swap the edge's trust with it (design law 3).
 */
function pinnedVkeyOf(dataDir: string, ledgerVkey: string): string {
  const pinned = new TextDecoder().decode(
    secretFile(`${dataDir}/edge/pinned-vkey`, () => new TextEncoder().encode(ledgerVkey)),
  );
  if (pinned !== ledgerVkey) {
    throw new Fault(
      "ledger.forked",
      `Cannot start as the log's key is not the one this edge pinned: bring back secrets/log.key, or, if the log was begun anew on purpose, remove ${dataDir}/edge/pinned-vkey`,
    );
  }
  return pinned;
}

/** Where this machine reaches its own listener. */
function reachable(listen: string): string {
  return listen.replace(/^(0\.0\.0\.0|\[::\])/, "127.0.0.1");
}
