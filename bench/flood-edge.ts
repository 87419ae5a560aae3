/**
 * The edge as `bench flood` puts it under test: a node with two workers and the watch beside it, as `./parapet edge` starts them, and sites with the settings that every site
 * has before its owner sets anything. What the watch reports is kept for each site, and alarms are kept for the account.
 */
import { randomBytes } from "node:crypto";
import { watchNode } from "../src/cli/watch.ts";
import type { FloodReport } from "../src/contract/flood.ts";
import { signatureInWords } from "../src/contract/flood-words.ts";
import { newId, type SiteId } from "../src/contract/ids.ts";
import { newPolicy } from "../src/contract/new-policy.ts";
import { singleOrigin } from "../src/contract/origin-pool.ts";
import type { SitePolicy } from "../src/contract/policy.ts";
import { FLOOD_TOPICS } from "../src/contract/topics.ts";
import type { RunningWatch } from "../src/watch/watch.ts";
import { startEdge, type EdgeUnderTest } from "./edge-under-test.ts";
import { pause } from "./flood-run.ts";
import { childrenOf, memoryOf } from "./measure.ts";

export const EDGE_WORKERS = 2;

export type FloodEdge = {
  readonly under: EdgeUnderTest;
  readonly watch: RunningWatch;
  readonly port: number;
  readonly originPort: number;
  readonly alarms: readonly string[];
  /** Adds a site as it is before its owner sets anything, but for what `changes` says. */
  addSite(host: string, changes?: Partial<SitePolicy>): Promise<SiteId>;
  /** The last account of each incident of this site. */
  reports(siteId: SiteId): FloodReport[];
  /** Resolves when no mitigation of this site is in force, or at the deadline. */
  untilLifted(siteId: SiteId, msMax: number): Promise<void>;
  stop(): Promise<void>;
};

export async function startFloodEdge(folder: string, originPort: number): Promise<FloodEdge> {
  const alarms: string[] = [];
  const under = await startEdge(folder, {
    workers: EDGE_WORKERS,
    listenTls: "127.0.0.1:0",
    onAlarm: ({ what }) => void alarms.push(what),
  });
  const reports = new Map<string, FloodReport>();
  under.bus.subscribe(FLOOD_TOPICS, ({ value }) => {
    const report = value as FloodReport;
    reports.set(report.incidentId, report);
  });
  const { node } = under;
  const watch = watchNode(node, {
    bus: under.bus,
    dataDir: folder,
    now: () => Date.now(),
    onAlarm: ({ what }) => void alarms.push(what),
  });
  const of = (siteId: SiteId): FloodReport[] =>
    [...reports.values()].filter((report) => report.siteId === siteId);
  return {
    under,
    watch,
    port: Number(node.address.split(":")[1]),
    originPort,
    alarms,
    addSite: async (host, changes = {}) => {
      const siteId = newId<SiteId>("site", (bytes) => randomBytes(bytes));
      const origin = singleOrigin("http", "127.0.0.1", originPort);
      await under.apply([newPolicy({ siteId, version: 1, hostnames: [host], origin, ...changes })]);
      return siteId;
    },
    reports: of,
    untilLifted: async (siteId, msMax) => {
      const deadline = Date.now() + msMax;
      while (of(siteId).some(isInForce) && Date.now() < deadline) await pause(100);
    },
    stop: async () => {
      await watch.stop();
      await under.stop();
    },
  };
}

export const isInForce = (report: FloodReport): boolean =>
  report.endedAtMs === null || report.signatures.some(({ liftedAtMs }) => liftedAtMs === null);

/** Milliseconds after the flood's last request at which the last mitigation was gone; null while one is in force. */
export function liftedAfterMs(reports: readonly FloodReport[], lastMs: number): number | null {
  let latest = lastMs;
  for (const { signatures } of reports) {
    for (const { liftedAtMs } of signatures) {
      if (liftedAtMs === null) return null;
      latest = Math.max(latest, liftedAtMs);
    }
  }
  return Math.round(latest - lastMs);
}

/** For people: what was found, how sure it was, what was done. */
export function wordsOf(reports: readonly FloodReport[]): string[] {
  return reports.flatMap((report) =>
    report.signatures.map(
      (signature) =>
        `${signature.action} ${signatureInWords(signature, "en")} (cover ${signature.cover.toFixed(3)}, ` +
        `collateral ${signature.collateral.toFixed(4)}, after ${Math.round(signature.sinceMs - report.beganAtMs)} ms of the incident, held ${signature.requests})`,
    ),
  );
}

/** Of all workers: what is theirs alone, and their part of what they share. */
export function workersMb(edge: FloodEdge): { readonly pssMb: number; readonly rssMb: number } {
  let pssMb = 0;
  let rssMb = 0;
  const { nginxPid } = edge.under.node;
  for (const pid of [nginxPid, ...childrenOf(nginxPid)]) {
    const memory = memoryOf(pid);
    pssMb += memory.pssMb;
    rssMb += memory.rssMb;
  }
  return { pssMb: Math.round(pssMb), rssMb: Math.round(rssMb) };
}
