/** A control plane with its real desk, for the scenarios of the public pages: database, log, sites, mail, vault and sockets. */
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { freePort } from "../../src/node/free-port.ts";
import { createControl, type Control } from "../../src/api/control.ts";
import { createLocalBus } from "../../src/bus/bus.ts";
import { readSettings } from "../../src/cli/settings.ts";
import { newId, type NodeId } from "../../src/contract/ids.ts";
import type { NodeHello, PolicyAck, SitePolicy } from "../../src/contract/policy.ts";
import { ackTopic, helloTopic, POLICY_TOPICS } from "../../src/contract/topics.ts";
import type { Settings } from "../../src/contract/settings.ts";
import type { Desk } from "../../src/desk/desk.ts";
import { openDesk } from "../../src/desk/open-desk.ts";
import { createVault } from "../../src/desk/vault.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { createLog, openLedger } from "../../src/ledger/open-ledger.ts";
import { openMail } from "../../src/mail/open-mail.ts";
import { openCertificates } from "../../src/sites/certificates-open.ts";
import { openSites } from "../../src/sites/open-sites.ts";
import type { Sites } from "../../src/sites/sites.ts";
import type { Db } from "../../src/store/db.ts";
import { openTestDb } from "../../src/store/testing.ts";

export type WebStage = {
  readonly url: string;
  readonly control: Control;
  readonly desk: Desk;
  readonly sites: Sites;
  readonly ledger: Ledger;
  readonly db: Db;
  readonly dataDir: string;
  readonly alarms: { readonly code: string; readonly what: string }[];
  close(): Promise<void>;
};

export const FORUM = "forum.example";

export async function openWebStage(options: { readonly vault?: boolean } = {}): Promise<WebStage> {
  const t = await openTestDb();
  const { db, dataDir } = t;
  const origin = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<title>Forum</title><p>a page at ${request.url}</p>`);
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const settings: Settings = {
    ...readSettings({ dataDir }),
    dataDir,
    controlListen: `127.0.0.1:${port}`,
    publicUrl: url,
    edgeListen: "127.0.0.1:0",
    edgeListenTls: "",
    demoListen: "",
    edgeWorkers: 1,
    databaseUrl: "",
    operatorName: "Riverside Shield",
    operatorUrl: "https://shield.example",
    logOrigin: "log.shield.example/parapet",
    smtpUrl: "",
    mailFrom: "desk@shield.example",
    originPrivateRanges: ["127.0.0.0/8"],
    acmeDirectory: "",
    acmeEmail: "",
    acmeCaFile: "",
    acmeExternalAccount: null,
    dnsUpdate: null,
    dnsServers: [],
    edgeAddresses: [],
    previewDomain: "",
    countryDatabase: "",
    asnDatabase: "",
    crawlerRanges: "",
    defaultLimit: null,
    bodyBytesMax: 1024 * 1024,
  };
  const alarms: { code: string; what: string }[] = [];
  const onAlarm = (code: string, what: string): void => {
    alarms.push({ code, what });
  };
  const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));
  const now = Date.now;
  const bus = createLocalBus({ onError: (error) => onAlarm("bus.failed", String(error)) });
  const logOptions = {
    db,
    dir: join(dataDir, "log"),
    origin: settings.logOrigin,
    keyFile: join(dataDir, "secrets/log.key"),
    now,
    random,
  };
  await createLog(logOptions);
  const ledger = await openLedger(logOptions);
  const sites = await openSites({ db, bus, settings, now, random, onAlarm });
  const certificates = await openCertificates({
    db,
    bus,
    sites,
    settings,
    sealingKey: random(32),
    now: Date.now,
    random,
    onAlarm,
  });
  const mail = await openMail({ db, settings, now, random, onAlarm });
  // An edge that takes every policy at once: these scenarios end at the bus; edge-*.test.ts go on with a real nginx.
  const nodeId = newId<NodeId>("node", random);
  const started = now();
  await bus.publish(
    helloTopic(nodeId),
    {
      nodeId,
      name: "edge-1",
      startedAtMs: started,
      seenAtMs: started,
      nginxVersion: "none",
      workers: 1,
      sites: 1,
      pinnedVkey: ledger.vkey,
    } satisfies NodeHello,
    { keep: true },
  );
  bus.subscribe(POLICY_TOPICS, async ({ value }) => {
    const { siteId, version } = value as SitePolicy;
    const ack: PolicyAck = { nodeId, siteId, version, atMs: now(), ok: true, workers: 1 };
    await bus.publish(ackTopic(nodeId, siteId), ack, { keep: true });
  });
  const edgeAddress = `127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const desk = await openDesk({ db, ledger, sites, mail, settings, now, random, onAlarm, edgeAddress });
  if (options.vault !== false) await desk.setVaultKey((await createVault(random)).publicKey);
  await sites.protect({
    hostname: FORUM,
    originUrl: `http://${edgeAddress}/`,
    account: "forum",
    accountEmail: "owner@forum.example",
  });
  const control = await createControl({
    db,
    desk,
    sites,
    certificates,
    siteLog: async () => [],
    ledger,
    mail,
    settings,
    now,
    random,
    onAlarm: ({ code, what }) => onAlarm(code, what),
    alarms: () => [],
    onChange: () => undefined,
    consoleDir: join(dataDir, "console"),
    secret: random(32),
  });
  await control.listen();
  return {
    url,
    control,
    desk,
    sites,
    ledger,
    db,
    dataDir,
    alarms,
    async close() {
      await control.close();
      await desk.close();
      await mail.close();
      await certificates.close();
      await sites.close();
      await ledger.close();
      await bus.close();
      origin.closeAllConnections();
      origin.close();
      await t.close();
    },
  };
}
