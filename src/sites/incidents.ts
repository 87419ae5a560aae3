/**
 * Incidents of all sites, made of what nodes report. The first word of an incident, its mitigation and its end are written at once; what comes between,
 * at most every WRITE_EVERY_MS, so that a long flood costs the database little. Each write is one transaction that merges all nodes' accounts
 * anew, so a crash loses at most the last seconds of numbers, which the next report of the node brings again. A node that says nothing for SILENT_MS has its
 * part ended when it last spoke; when it speaks again, the incident goes on.
 */
import type { FloodReport } from "../contract/flood.ts";
import { Fault } from "../contract/fault.ts";
import type { CursorPage, IncidentRow, IncidentState, IncidentView } from "../contract/http-protection.ts";
import { newId, type NodeId, type SiteId } from "../contract/ids.ts";
import { FLOOD_TOPICS, floodTopic } from "../contract/topics.ts";
import type { Bus } from "../bus/bus.ts";
import type { Db, Tx } from "../store/db.ts";
import * as rows from "../store/incidents.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import { readFloodReport } from "./flood-report.ts";
import { mergeAccounts } from "./incident-merge.ts";

export interface Incidents {
  /** Newest first. `siteId` left out: of all sites. */
  list(search: {
    readonly siteId?: SiteId;
    readonly state?: IncidentState | undefined;
    readonly cursor?: string | undefined;
  }): Promise<CursorPage<IncidentRow>>;
  /** `siteId`: only if it is one of this very site. */
  view(of: { readonly incidentId: string; readonly siteId?: SiteId }): Promise<IncidentView>;
  /** One node's account as it gave it. */
  report(of: {
    readonly incidentId: string;
    readonly siteId: SiteId;
    readonly nodeId: NodeId;
  }): Promise<FloodReport>;
}

export type IncidentsInside = Incidents & {
  active(siteId: SiteId): Promise<readonly IncidentView[]>;
  /** All of a site that are kept. */
  allOf(siteId: SiteId): Promise<readonly IncidentView[]>;
  /** Writes down what was heard and ends what fell silent. Answers how many incidents changed. */
  advance(): Promise<number>;
  removeIn(tx: Tx, siteId: SiteId): Promise<void>;
  close(): void;
};

export const SILENT_MS = 60_000;
export const WRITE_EVERY_MS = 5000;
const LISTED_MAX = 50;
const NODES_MAX = 200;
const HEARD_MAX = 10_000;
/** Written down in one go: the rest waits for the next. */
const WRITE_BATCH = 100;

type Heard = { report: FloodReport; atMs: number; dueAtMs: number; stage: string };

export function openIncidents(deps: {
  readonly db: Db;
  readonly bus: Bus;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly nodeName: (nodeId: NodeId) => string;
  readonly onAlarm: (code: string, what: string) => void;
}): IncidentsInside {
  const { db, bus, now } = deps;
  const waiting = new Map<string, Heard>();
  /** What was last written of those that go on: when, and which stage. */
  const written = new Map<string, { atMs: number; stage: string }>();
  let lookedAtMs = Number.NEGATIVE_INFINITY;

  const off = bus.subscribe(FLOOD_TOPICS, ({ value }) => {
    const parsed = readFloodReport(value);
    if (!parsed.ok)
      return deps.onAlarm("flood.not-understood", `A node's report of a flood was left out: ${parsed.why}`);
    const report = parsed.value;
    const key = floodTopic(report.nodeId, report.incidentId);
    if (waiting.size >= HEARD_MAX && !waiting.has(key)) {
      return deps.onAlarm(
        "flood.too-many",
        `More than ${HEARD_MAX} reports of floods wait to be written down: the newest are left out`,
      );
    }
    const stage = stageOf(report);
    const last = written.get(key);
    const dueAtMs = last === undefined || last.stage !== stage ? 0 : last.atMs + WRITE_EVERY_MS;
    waiting.set(key, { report, atMs: now(), dueAtMs, stage });
  });

  async function writeHeard(): Promise<number> {
    const due = [...waiting].filter(([, heard]) => heard.dueAtMs <= now()).slice(0, WRITE_BATCH);
    let changed = 0;
    let failure: { readonly error: unknown } | null = null;
    for (const [key, heard] of due) {
      try {
        if (await db.transaction((tx) => take(tx, heard))) changed += 1;
      } catch (error) {
        // One that cannot be written must not keep the others back; it is tried again later.
        heard.dueAtMs = now() + WRITE_EVERY_MS;
        failure ??= { error };
        continue;
      }
      if (waiting.get(key) === heard) waiting.delete(key);
      const isOver = heard.report.endedAtMs !== null;
      if (isOver) {
        written.delete(key);
        await bus.forget(key);
      } else written.set(key, { atMs: now(), stage: heard.stage });
    }
    if (failure !== null) throw failure.error;
    return changed;
  }

  /** False for a site that is not there. */
  async function take(tx: Tx, { report, atMs }: Heard): Promise<boolean> {
    const { nodeId, siteId, incidentId: nodeIncidentId } = report;
    if (!(await rows.siteIsThere(tx, siteId))) return false;
    const known = await rows.reportOf(tx, { nodeId, nodeIncidentId });
    // The last value comes again after a start: an account that is over stays as it was written.
    if (known !== null && known.endedAt !== null && !known.isSilent) return false;
    if (known !== null && known.isSilent && sameWords(known.report, report)) return false;
    const endedAt = report.endedAtMs === null ? null : new Date(report.endedAtMs);
    const found =
      known?.incidentId ??
      (await rows.overlapping(tx, {
        siteId,
        isSlow: report.kind === "slow",
        from: new Date(report.beganAtMs),
        until: endedAt ?? new Date(now()),
      }));
    const incidentId = found ?? newId("inci", deps.random);
    const toldAt = new Date(atMs);
    const account = { nodeId, nodeIncidentId, incidentId, report, toldAt, isSilent: false, endedAt };
    // The incident has to be there before its part is: the part refers to it.
    if (found === null) await mergeIn(tx, { incidentId, siteId, accounts: [account] });
    await rows.putReport(tx, account);
    await mergeIn(tx, { incidentId, siteId, accounts: await rows.reportsOf(tx, incidentId, NODES_MAX) });
    if (found === null) await rows.pruneIncidents(tx, siteId, toldAt);
    return true;
  }

  async function mergeIn(
    tx: Tx,
    of: {
      readonly incidentId: string;
      readonly siteId: SiteId;
      readonly accounts: readonly rows.ReportRecord[];
    },
  ): Promise<void> {
    const summary = mergeAccounts(
      of.accounts.map(({ report, endedAt }) => ({ report, endedAtMs: endedAt?.getTime() ?? null })),
    );
    await rows.putIncident(tx, {
      incidentId: of.incidentId,
      siteId: of.siteId,
      kind: summary.kind,
      beganAt: new Date(summary.beganAt),
      mitigatedAt: summary.mitigatedAt === null ? null : new Date(summary.mitigatedAt),
      endedAt: summary.endedAt === null ? null : new Date(summary.endedAt),
      summary,
    });
  }

  /** The clock for nodes that died in the middle of it. */
  async function endSilent(): Promise<number> {
    if (now() - lookedAtMs < 1000) return 0;
    lookedAtMs = now();
    const silent = await rows.silentReports(db, new Date(now() - SILENT_MS), WRITE_BATCH);
    let changed = 0;
    for (const { nodeId, nodeIncidentId } of silent) {
      if (waiting.has(floodTopic(nodeId, nodeIncidentId))) continue;
      await db.transaction(async (tx) => {
        const record = await rows.reportOf(tx, { nodeId, nodeIncidentId });
        if (record === null || record.endedAt !== null) return;
        await rows.putReport(tx, { ...record, isSilent: true, endedAt: record.toldAt });
        const { incidentId } = record;
        const accounts = await rows.reportsOf(tx, incidentId, NODES_MAX);
        await mergeIn(tx, { incidentId, siteId: record.report.siteId, accounts });
      });
      written.delete(floodTopic(nodeId, nodeIncidentId));
      changed += 1;
    }
    return changed;
  }

  async function viewOf(record: rows.IncidentRecord): Promise<IncidentView> {
    const reports = await rows.reportsOf(db, record.incidentId, NODES_MAX);
    return {
      ...namesOf(record),
      ...record.summary,
      reports: reports.map(({ nodeId, report, toldAt, isSilent, endedAt }) => ({
        nodeId,
        nodeName: deps.nodeName(nodeId),
        beganAt: new Date(report.beganAtMs).toISOString(),
        endedAt: endedAt?.toISOString() ?? null,
        toldAt: toldAt.toISOString(),
        isSilent,
      })),
    };
  }

  async function viewsOf(search: Omit<rows.IncidentSearch, "before">): Promise<IncidentView[]> {
    const found = await rows.findIncidents(db, { ...search, before: null });
    return Promise.all(found.map(viewOf));
  }

  async function mustFind(incidentId: string, siteId: SiteId | undefined): Promise<rows.IncidentRecord> {
    const record = await rows.incidentById(db, incidentId);
    if (record === null || (siteId !== undefined && record.siteId !== siteId))
      throw new Fault("state.not-found", "There is no such incident: look for it in the list of incidents");
    return record;
  }

  return {
    async list({ siteId, state = null, cursor }) {
      const before = readCursor(cursor);
      const search = { ...(siteId === undefined ? {} : { siteId }), state };
      const found = await rows.findIncidents(db, {
        ...search,
        before: before === null ? null : { at: before.at, incidentId: before.id },
        limit: LISTED_MAX + 1,
      });
      const page = found.slice(0, LISTED_MAX);
      const last = page.at(-1);
      return {
        items: page.map(rowOf),
        total: await rows.countIncidents(db, search),
        next: found.length > LISTED_MAX && last ? writeCursor(last.beganAt, last.incidentId) : null,
      };
    },

    view: async ({ incidentId, siteId }) => viewOf(await mustFind(incidentId, siteId)),

    async report({ incidentId, siteId, nodeId }) {
      await mustFind(incidentId, siteId);
      const found = await rows.reportsOf(db, incidentId, NODES_MAX);
      const account = found.filter((one) => one.nodeId === nodeId).at(-1);
      if (account !== undefined) return account.report;
      throw new Fault(
        "state.not-found",
        "This edge has reported nothing of this incident: see its list of edges",
      );
    },

    active: (siteId) => viewsOf({ siteId, state: "active", limit: LISTED_MAX }),
    allOf: (siteId) => viewsOf({ siteId, state: null, limit: rows.INCIDENTS_PER_SITE_MAX }),
    async advance() {
      return (await writeHeard()) + (await endSilent());
    },
    removeIn: (tx, siteId) => rows.deleteIncidentsOfSite(tx, siteId),
    close: off,
  };
}

/** What is written at once when it changes. */
function stageOf({ kind, mitigatedAtMs, endedAtMs, signatures }: FloodReport): string {
  return `${kind} ${mitigatedAtMs !== null} ${endedAtMs !== null} ${signatures.length}`;
}

/** A last value that was kept from before and is heard again is no sign of life. */
function sameWords(before: FloodReport, now: FloodReport): boolean {
  return (
    JSON.stringify(before.series.at(-1)) === JSON.stringify(now.series.at(-1)) &&
    before.requests === now.requests &&
    before.endedAtMs === now.endedAtMs
  );
}

function namesOf(
  record: rows.IncidentRecord,
): Pick<IncidentRow, "incidentId" | "siteId" | "siteName" | "state"> {
  const { incidentId, siteId, siteName, endedAt } = record;
  return { incidentId, siteId, siteName, state: endedAt === null ? "active" : "ended" };
}

export function rowOf(record: rows.IncidentRecord | IncidentView): IncidentRow {
  const whole = "summary" in record ? { ...namesOf(record), ...record.summary } : record;
  return {
    incidentId: whole.incidentId,
    siteId: whole.siteId,
    siteName: whole.siteName,
    kind: whole.kind,
    mode: whole.mode,
    state: whole.state,
    beganAt: whole.beganAt,
    mitigatedAt: whole.mitigatedAt,
    endedAt: whole.endedAt,
    usualPerSecond: whole.usualPerSecond,
    peakPerSecond: whole.peakPerSecond,
    requests: whole.requests,
    passed: whole.passed,
    challenged: whole.challenged,
    challengesPassed: whole.challengesPassed,
    blocked: whole.blocked,
    throttled: whole.throttled,
    banned: whole.banned,
    words: whole.words,
    nodes: whole.nodes,
  };
}
