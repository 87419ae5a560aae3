/**
 * The control side of certificates on real parts: database, sites, bus, a certificate authority (acme-stage.ts), and a small edge
 * that does what an edge does with policies and certificates and nothing more: it answers the paths of `wellKnown` over HTTP and
 * acknowledges. The clock can be moved, and the service can be ended and opened again on the same database, also half-way.
 */
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createLocalBus, type Bus } from "../../src/bus/bus.ts";
import type { CertificateAck, EdgeCertificate } from "../../src/contract/certificate.ts";
import { newId, type NodeId, type SiteId } from "../../src/contract/ids.ts";
import type { NodeHello, PolicyAck, SitePolicy } from "../../src/contract/policy.ts";
import type { Settings } from "../../src/contract/settings.ts";
import {
  ackTopic,
  CERTIFICATE_TOPICS,
  certificateAckTopic,
  helloTopic,
  POLICY_TOPICS,
} from "../../src/contract/topics.ts";
import { CERTIFICATE_FACTS, openCertificates } from "../../src/sites/certificates-open.ts";
import type { Certificates } from "../../src/sites/certificates.ts";
import { openSites } from "../../src/sites/open-sites.ts";
import type { Sites } from "../../src/sites/sites.ts";
import type { Db } from "../../src/store/db.ts";
import { openTestDb } from "../../src/store/testing.ts";
import { openAcme, type AcmeStage } from "./acme-stage.ts";
import { openOrigin, type Origin } from "./edge-stage.ts";

export type SmallEdge = {
  readonly port: number;
  readonly nodeId: NodeId;
  readonly policies: Map<SiteId, SitePolicy>;
  readonly certificates: Map<string, EdgeCertificate>;
  /** Every certificate message in order, keys included. */
  readonly received: EdgeCertificate[];
  /** Paths that were asked below /.well-known/, with the status of the answer. */
  readonly asked: { readonly host: string; readonly path: string; readonly status: number }[];
  /** False: policies are taken and never acknowledged. */
  acknowledging: boolean;
  connect(bus: Bus, now: () => number): void;
  end(): Promise<void>;
};

export type CertificatesStage = {
  readonly acme: AcmeStage;
  readonly edge: SmallEdge;
  readonly db: Db;
  readonly origin: Origin;
  readonly alarms: { readonly code: string; readonly what: string }[];
  sites: Sites;
  certificates: Certificates;
  /** Milliseconds that the clock of the control plane is ahead. */
  aheadMs: number;
  protect(hostname: string, account?: string): Promise<SiteId>;
  /** Runs rounds until `done` holds. */
  rounds(done: () => boolean | Promise<boolean>, ms?: number): Promise<void>;
  /** Ends the control side and opens it again on the same database; `with` wraps the database. */
  reopen(options?: { readonly db?: (db: Db) => Db; readonly settings?: Partial<Settings> }): Promise<void>;
  end(): Promise<void>;
};

const random = (n: number): Uint8Array => new Uint8Array(randomBytes(n));
const BOUNDS = { inForceMs: 5000, authorityMs: 30_000 };

export async function openCertificatesStage(
  given: {
    readonly settings?: Partial<Settings>;
    readonly externalAccount?: { readonly keyId: string; readonly macKey: string };
  } = {},
): Promise<CertificatesStage> {
  const testDb = await openTestDb();
  const edge = await openSmallEdge();
  const acme = await openAcme({
    httpPort: edge.port,
    ...(given.externalAccount === undefined ? {} : { externalAccount: given.externalAccount }),
  }).catch(async (cause: unknown) => {
    await edge.end();
    await testDb.close();
    throw cause;
  });
  const origin = await openOrigin();
  const alarms: { code: string; what: string }[] = [];
  const sealingKey = random(32);
  const settings = {
    dataDir: testDb.dataDir,
    edgeListen: "127.0.0.1:0",
    publicUrl: "https://desk.shield.example",
    edgeAddresses: [],
    previewDomain: "",
    originPrivateRanges: ["127.0.0.0/8"],
    defaultLimit: null,
    bodyBytesMax: 1024 * 1024,
    acmeDirectory: acme.directory,
    acmeEmail: "edge@shield.example",
    acmeCaFile: acme.caFile,
    acmeExternalAccount: null,
    dnsUpdate: null,
    dnsServers: [acme.dnsAddress],
    ...given.settings,
  } as unknown as Settings;
  const now = (): number => Date.now() + stage.aheadMs;
  const onAlarm = (code: string, what: string): void => void alarms.push({ code, what });
  let bus: Bus;

  async function open(db: Db, changed: Partial<Settings>): Promise<[Sites, Certificates]> {
    bus = createLocalBus({
      onError: (error, topic) => onAlarm("bus", `${topic}: ${String(error)}`),
    });
    edge.connect(bus, now);
    const shared = { db, bus, settings: { ...settings, ...changed }, now, random, onAlarm };
    const sites = await openSites({ ...shared, certificates: CERTIFICATE_FACTS });
    const certificates = await openCertificates({ ...shared, sites, sealingKey, bounds: BOUNDS });
    return [sites, certificates];
  }

  const stage: CertificatesStage = {
    acme,
    edge,
    db: testDb.db,
    origin,
    alarms,
    aheadMs: 0,
    sites: null as never,
    certificates: null as never,
    async protect(hostname, account = "An owner") {
      const view = await stage.sites.protect({
        hostname,
        originUrl: `http://127.0.0.1:${origin.port}`,
        account,
      });
      return view.siteId;
    },
    async rounds(done, ms = 60_000) {
      const deadline = Date.now() + ms;
      while (!(await done())) {
        if (Date.now() > deadline) {
          throw new Error(`The condition did not come true in time. ${JSON.stringify(alarms)}`);
        }
        await stage.certificates.advance();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async reopen({ db = (same: Db): Db => same, settings: changed = {} } = {}) {
      await stage.certificates.close();
      await stage.sites.close();
      await bus.close();
      [stage.sites, stage.certificates] = await open(db(testDb.db), changed);
    },
    async end() {
      await stage.certificates.close();
      await stage.sites.close();
      await bus.close();
      await acme.end();
      await edge.end();
      await origin.end();
      await testDb.close();
    },
  };
  [stage.sites, stage.certificates] = await open(testDb.db, {});
  return stage;
}

async function openSmallEdge(): Promise<SmallEdge> {
  const server = createServer((asked, answer) => {
    const host = (asked.headers.host ?? "").replace(/:\d+$/, "");
    const path = asked.url ?? "";
    const found = [...edge.policies.values()]
      .filter((policy) => policy.hostnames.includes(host))
      .flatMap((policy) => policy.wellKnown)
      .find((each) => each.path === path);
    edge.asked.push({ host, path, status: found === undefined ? 404 : 200 });
    answer.writeHead(found === undefined ? 404 : 200).end(found?.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const nodeId = newId<NodeId>("node", random);
  const edge: SmallEdge = {
    port: (server.address() as AddressInfo).port,
    nodeId,
    policies: new Map(),
    certificates: new Map(),
    received: [],
    asked: [],
    acknowledging: true,
    connect(bus, now) {
      const hello = (): void => {
        const value: NodeHello = {
          nodeId,
          name: "small edge",
          startedAtMs: now(),
          // Never silent, however far the test moves the clock.
          seenAtMs: Date.UTC(2200, 0),
          nginxVersion: "none",
          workers: 1,
          sites: edge.policies.size,
          pinnedVkey: "",
        };
        void bus.publish(helloTopic(nodeId), value, { keep: true });
      };
      hello();
      bus.subscribe(POLICY_TOPICS, async ({ value }) => {
        const policy = value as SitePolicy;
        edge.policies.set(policy.siteId, policy);
        if (!edge.acknowledging) return;
        const ack: PolicyAck = {
          nodeId,
          siteId: policy.siteId,
          version: policy.version,
          atMs: now(),
          ok: true,
          workers: 1,
        };
        await bus.publish(ackTopic(nodeId, policy.siteId), ack);
      });
      bus.subscribe(CERTIFICATE_TOPICS, async ({ value }) => {
        const certificate = value as EdgeCertificate;
        edge.received.push(certificate);
        if (certificate.hostnames.length === 0) edge.certificates.delete(certificate.certificateId);
        else edge.certificates.set(certificate.certificateId, certificate);
        const ack: CertificateAck = {
          nodeId,
          certificateId: certificate.certificateId,
          version: certificate.version,
          atMs: now(),
          ok: true,
        };
        await bus.publish(certificateAckTopic(nodeId, certificate.certificateId), ack);
      });
    },
    end: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return edge;
}

/** The certificate that the edge shows for a name, or undefined. */
export function shownFor(stage: CertificatesStage, hostname: string): EdgeCertificate | undefined {
  return [...stage.edge.certificates.values()].find((each) => each.hostnames.includes(hostname));
}
