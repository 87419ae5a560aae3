/**
 * Incidents and what nodes said of them, as rows. The summary of an incident is written whole with each report that changes it. Bounds:
 * INCIDENTS_PER_SITE_MAX of each site are kept, the newest, and none for longer than INCIDENT_DAYS_MAX days.
 */
import type { FloodReport } from "../contract/flood.ts";
import type { IncidentView } from "../contract/http-protection.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export const INCIDENTS_PER_SITE_MAX = 500;
export const INCIDENT_DAYS_MAX = 180;

/** What all nodes' numbers come to; the names are looked up when it is shown. */
export type IncidentSummary = Omit<IncidentView, "incidentId" | "siteId" | "siteName" | "reports" | "state">;
/** told: `held` waits for its turn, `done` needs no further word. */
export type IncidentTold = "no" | "held" | "began" | "done";

export type IncidentRecord = {
  readonly incidentId: string;
  readonly siteId: SiteId;
  readonly siteName: string;
  readonly kind: FloodReport["kind"];
  readonly beganAt: Date;
  readonly mitigatedAt: Date | null;
  readonly endedAt: Date | null;
  readonly summary: IncidentSummary;
  readonly toldKind: FloodReport["kind"] | null;
  readonly told: IncidentTold;
};
export type ReportRecord = {
  readonly nodeId: NodeId;
  readonly nodeIncidentId: string;
  readonly incidentId: string;
  readonly report: FloodReport;
  readonly toldAt: Date;
  readonly isSilent: boolean;
  readonly endedAt: Date | null;
};

const COLUMNS = `incident.incident_id as "incidentId", incident.site_id as "siteId",
  coalesce((select min(hostname.hostname) from hostname where hostname.site_id = incident.site_id), incident.site_id) as "siteName",
  incident.kind, incident.began_at as "beganAt", incident.mitigated_at as "mitigatedAt", incident.ended_at as "endedAt",
  incident.summary, incident.told_kind as "toldKind", incident.told`;
const REPORT_COLUMNS = `node_id as "nodeId", node_incident_id as "nodeIncidentId", incident_id as "incidentId", report,
  told_at as "toldAt", is_silent as "isSilent", ended_at as "endedAt"`;

const date = (value: Date | null): Date | null => (value === null ? null : new Date(value));
const read = (row: IncidentRecord): IncidentRecord => ({
  ...row,
  beganAt: new Date(row.beganAt),
  mitigatedAt: date(row.mitigatedAt),
  endedAt: date(row.endedAt),
});
const readReport = (row: ReportRecord): ReportRecord => ({
  ...row,
  toldAt: new Date(row.toldAt),
  endedAt: date(row.endedAt),
});

export async function reportOf(
  q: Queryable,
  of: { readonly nodeId: NodeId; readonly nodeIncidentId: string },
): Promise<ReportRecord | null> {
  const [row] = await q.query<ReportRecord>(
    `select ${REPORT_COLUMNS} from incident_report where node_id = $1 and node_incident_id = $2`,
    [of.nodeId, of.nodeIncidentId],
  );
  return row ? readReport(row) : null;
}

export async function putReport(tx: Tx, record: ReportRecord): Promise<void> {
  await tx.query(
    `insert into incident_report (node_id, node_incident_id, incident_id, report, told_at, is_silent, ended_at)
     values ($1, $2, $3, $4::jsonb, $5, $6, $7)
     on conflict (node_id, node_incident_id) do update
        set report = excluded.report, told_at = excluded.told_at, is_silent = excluded.is_silent,
            ended_at = excluded.ended_at`,
    [
      record.nodeId,
      record.nodeIncidentId,
      record.incidentId,
      JSON.stringify(record.report),
      record.toldAt,
      record.isSilent,
      record.endedAt,
    ],
  );
}

export async function reportsOf(q: Queryable, incidentId: string, limit: number): Promise<ReportRecord[]> {
  const rows = await q.query<ReportRecord>(
    `select ${REPORT_COLUMNS} from incident_report where incident_id = $1 order by told_at, node_id limit $2`,
    [incidentId, limit],
  );
  return rows.map(readReport);
}

/** The newest incident of the site that this report is a part of: of the same family of kinds, at overlapping times. */
export async function overlapping(
  q: Queryable,
  of: { readonly siteId: SiteId; readonly isSlow: boolean; readonly from: Date; readonly until: Date },
): Promise<string | null> {
  const [row] = await q.query<{ incidentId: string }>(
    `select incident_id as "incidentId" from incident
      where site_id = $1 and (kind = 'slow') = $2 and began_at <= $4 and (ended_at is null or ended_at >= $3)
      order by began_at desc limit 1`,
    [of.siteId, of.isSlow, of.from, of.until],
  );
  return row?.incidentId ?? null;
}

/** Makes or changes an incident; what people were told of it stays. */
export async function putIncident(
  tx: Tx,
  incident: Pick<IncidentRecord, "incidentId" | "siteId" | "kind" | "beganAt" | "mitigatedAt" | "endedAt"> & {
    readonly summary: IncidentSummary;
  },
): Promise<void> {
  await tx.query(
    `insert into incident (incident_id, site_id, kind, began_at, mitigated_at, ended_at, summary)
     values ($1, $2, $3, $4, $5, $6, $7::jsonb)
     on conflict (incident_id) do update
        set kind = excluded.kind, began_at = excluded.began_at, mitigated_at = excluded.mitigated_at,
            ended_at = excluded.ended_at, summary = excluded.summary`,
    [
      incident.incidentId,
      incident.siteId,
      incident.kind,
      incident.beganAt,
      incident.mitigatedAt,
      incident.endedAt,
      JSON.stringify(incident.summary),
    ],
  );
}

export async function siteIsThere(q: Queryable, siteId: SiteId): Promise<boolean> {
  const rows = await q.query(`select 1 from site where site_id = $1 and state <> 'removed'`, [siteId]);
  return rows.length > 0;
}

export async function incidentById(q: Queryable, incidentId: string): Promise<IncidentRecord | null> {
  const [row] = await q.query<IncidentRecord>(`select ${COLUMNS} from incident where incident_id = $1`, [
    incidentId,
  ]);
  return row ? read(row) : null;
}

export type IncidentSearch = {
  readonly siteId?: SiteId;
  readonly state: "active" | "ended" | null;
  readonly before: { readonly at: Date; readonly incidentId: string } | null;
  readonly limit: number;
};
const SEARCH = `($1::text is null or incident.site_id = $1)
  and ($2::text is null or ($2 = 'active') = (incident.ended_at is null))`;

/** Newest first. */
export async function findIncidents(q: Queryable, search: IncidentSearch): Promise<IncidentRecord[]> {
  const rows = await q.query<IncidentRecord>(
    `select ${COLUMNS} from incident
      where ${SEARCH} and ($3::timestamptz is null or (incident.began_at, incident.incident_id) < ($3, $4))
      order by incident.began_at desc, incident.incident_id desc limit $5`,
    [
      search.siteId ?? null,
      search.state,
      search.before?.at ?? null,
      search.before?.incidentId ?? null,
      search.limit,
    ],
  );
  return rows.map(read);
}

export async function countIncidents(
  q: Queryable,
  search: Pick<IncidentSearch, "siteId" | "state">,
): Promise<number> {
  const [row] = await q.query<{ n: string }>(`select count(*) as n from incident where ${SEARCH}`, [
    search.siteId ?? null,
    search.state,
  ]);
  return Number(row?.n ?? 0);
}

/** Reports of nodes that have said nothing since `before` and did not end. */
export async function silentReports(q: Queryable, before: Date, limit: number): Promise<ReportRecord[]> {
  const rows = await q.query<ReportRecord>(
    `select ${REPORT_COLUMNS} from incident_report where ended_at is null and told_at < $1 order by told_at limit $2`,
    [before, limit],
  );
  return rows.map(readReport);
}

/** Sites with incidents of which something may have to be told. */
export async function sitesToTell(q: Queryable, limit: number): Promise<SiteId[]> {
  const rows = await q.query<{ siteId: SiteId }>(
    `select distinct site_id as "siteId" from incident where told <> 'done' order by 1 limit $1`,
    [limit],
  );
  return rows.map(({ siteId }) => siteId);
}

/** Oldest first. */
export async function untoldIncidents(
  q: Queryable,
  siteId: SiteId,
  limit: number,
): Promise<IncidentRecord[]> {
  const rows = await q.query<IncidentRecord>(
    `select ${COLUMNS} from incident where site_id = $1 and told <> 'done' order by began_at, incident_id limit $2`,
    [siteId, limit],
  );
  return rows.map(read);
}

export async function markTold(
  tx: Tx,
  mark: {
    readonly incidentId: string;
    readonly told: IncidentTold;
    readonly kind: FloodReport["kind"] | null;
  },
): Promise<void> {
  await tx.query(
    `update incident set told = $2, told_kind = coalesce($3, told_kind) where incident_id = $1`,
    [mark.incidentId, mark.told, mark.kind],
  );
}

/** Called when an incident is added. */
export async function pruneIncidents(tx: Tx, siteId: SiteId, now: Date): Promise<void> {
  await tx.query(
    `delete from incident where site_id = $1 and incident_id in (
       select incident_id from incident where site_id = $1 order by began_at desc, incident_id desc offset $2)`,
    [siteId, INCIDENTS_PER_SITE_MAX],
  );
  await tx.query(`delete from incident where began_at < $1`, [
    new Date(now.getTime() - INCIDENT_DAYS_MAX * 24 * 3600_000),
  ]);
}

export async function deleteIncidentsOfSite(tx: Tx, siteId: SiteId): Promise<void> {
  await tx.query(`delete from incident where site_id = $1`, [siteId]);
}
