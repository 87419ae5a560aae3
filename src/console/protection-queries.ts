/**
 * The reads of protection: what is in force at a site, bans, incidents, who hears of floods. Bans and incidents are asked for one site, or for all of
 * them by an operator. While an incident runs it is looked at every two seconds, everything else as calmly as the rest of the console.
 */
import { useQueries, useQuery } from "@tanstack/react-query";
import type { BanQuery, CursorPage, IncidentQuery, IncidentRow } from "../contract/http-protection.ts";
import type { SiteId } from "../contract/ids.ts";
import { CALM_POLL_MS, client, MOVING_POLL_MS, useMe, useSites } from "./queries.ts";

type Asked = { readonly signal: AbortSignal };

export const useProtection = (siteId: SiteId) =>
  useQuery({
    queryKey: ["site", siteId, "protection"],
    queryFn: ({ signal }: Asked) =>
      client.call("GET /sites/{siteId}/protection", { params: { siteId }, signal }),
    refetchInterval: (q) =>
      q.state.data?.incidents.some((row) => row.state === "active") === true ? MOVING_POLL_MS : CALM_POLL_MS,
  });

/** `siteId` null: of every site, for operators. */
export const useBans = (siteId: SiteId | null, query: BanQuery) =>
  useQuery({
    queryKey: ["bans", siteId, query],
    queryFn: ({ signal }: Asked) =>
      siteId === null
        ? client.call("GET /bans", { query, signal })
        : client.call("GET /sites/{siteId}/bans", { params: { siteId }, query, signal }),
    refetchInterval: CALM_POLL_MS,
  });

const incidentsQuery = (siteId: SiteId | null, query: IncidentQuery) => ({
  queryKey: ["incidents", siteId, query],
  queryFn: ({ signal }: Asked) =>
    siteId === null
      ? client.call("GET /incidents", { query, signal })
      : client.call("GET /sites/{siteId}/incidents", { params: { siteId }, query, signal }),
});

const isRunning = (row: IncidentRow): boolean => row.state === "active";
const paceOf = (page: CursorPage<IncidentRow> | undefined): number =>
  page?.items.some(isRunning) === true ? MOVING_POLL_MS : CALM_POLL_MS;

export const useIncidents = (siteId: SiteId | null, query: IncidentQuery) =>
  useQuery({ ...incidentsQuery(siteId, query), refetchInterval: (q) => paceOf(q.state.data) });

export const useIncident = (siteId: SiteId, incidentId: string) =>
  useQuery({
    queryKey: ["incident", siteId, incidentId],
    queryFn: ({ signal }: Asked) =>
      client.call("GET /sites/{siteId}/incidents/{incidentId}", { params: { siteId, incidentId }, signal }),
    refetchInterval: (q) => (q.state.data?.state === "ended" ? CALM_POLL_MS : MOVING_POLL_MS),
  });

export const useNotifications = (siteId: SiteId, enabled: boolean) =>
  useQuery({
    queryKey: ["site", siteId, "notifications"],
    queryFn: ({ signal }: Asked) =>
      client.call("GET /sites/{siteId}/notifications", { params: { siteId }, signal }),
    enabled,
    refetchInterval: (q) =>
      q.state.data?.deliveries.some(({ state }) => state === "waiting") === true
        ? MOVING_POLL_MS
        : CALM_POLL_MS,
  });

/** A customer's sites whose incidents are looked at for a badge; whoever has more finds them on each site. */
const ASKED_SITES_MAX = 20;

/** Incidents under way: of every site for an operator, of one's own first sites for a customer. Of what was not answered nothing is said. */
export function useRunningIncidents(): readonly IncidentRow[] {
  const me = useMe();
  const sites = useSites();
  const isOperator = me.data?.roles.includes("operator") === true;
  const isCustomer = me.data?.roles.includes("customer") === true;
  const asked: readonly (SiteId | null)[] = isOperator
    ? [null]
    : isCustomer
      ? (sites.data?.items ?? []).slice(0, ASKED_SITES_MAX).map(({ siteId }) => siteId)
      : [];
  const answers = useQueries({
    queries: asked.map((siteId) => ({
      ...incidentsQuery(siteId, { state: "active" as const }),
      refetchInterval: CALM_POLL_MS,
    })),
  });
  return answers.flatMap((answer) => answer.data?.items.filter(isRunning) ?? []);
}
