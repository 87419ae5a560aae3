/** Incidents over HTTP: what happened to a site, for its members; to all of them, for operators. */
import { z } from "@hono/zod-openapi";
import type { IncidentEndpoints, IncidentState } from "../contract/http-protection.ts";
import type { NodeId } from "../contract/ids.ts";
import type { Incidents } from "../sites/incidents.ts";
import { noQuery } from "./bodies.ts";
import type { Call, Endpoint } from "./endpoints.ts";
import { enterSite, MEMBERS, OPERATORS } from "./protection-access.ts";
import { cursorPage, floodReport, incidentRow, incidentsQuery, incidentView } from "./protection-views.ts";

const nothing: z.ZodType<null> = z.null();
const incidentsOf = (call: Call<unknown>): Incidents => call.services.sites.protection.incidents;
const searchOf = ({ query }: Call<unknown>): Omit<Parameters<Incidents["list"]>[0], "siteId"> => ({
  state: query["state"] as IncidentState | undefined,
  cursor: query["cursor"],
});
const incidentId = (call: Call<unknown>): string => call.params["incidentId"] ?? "";

export const incidentEndpoints: { readonly [Key in keyof IncidentEndpoints]: Endpoint<Key> } = {
  "GET /incidents": {
    summary: "Floods, slow attacks and surges on every site, newest first",
    access: OPERATORS,
    query: incidentsQuery,
    body: nothing,
    answer: cursorPage(incidentRow),
    run: (call) => incidentsOf(call).list(searchOf(call)),
  },
  "GET /incidents/{incidentId}": {
    summary: "One incident with its numbers, its course and what its requests had in common",
    access: OPERATORS,
    query: noQuery,
    body: nothing,
    answer: incidentView,
    run: (call) => incidentsOf(call).view({ incidentId: incidentId(call) }),
  },
  "GET /sites/{siteId}/incidents": {
    summary: "Floods, slow attacks and surges on this site, newest first",
    access: MEMBERS,
    query: incidentsQuery,
    body: nothing,
    answer: cursorPage(incidentRow),
    run: async (call) => {
      const siteId = await enterSite(call, "GET /sites/{siteId}/incidents");
      return incidentsOf(call).list({ ...searchOf(call), siteId });
    },
  },
  "GET /sites/{siteId}/incidents/{incidentId}": {
    summary: "One incident with its numbers, its course and what its requests had in common",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: incidentView,
    run: async (call) => {
      const siteId = await enterSite(call, "GET /sites/{siteId}/incidents/{incidentId}");
      return incidentsOf(call).view({ incidentId: incidentId(call), siteId });
    },
  },
  "GET /sites/{siteId}/incidents/{incidentId}/reports/{nodeId}": {
    summary: "What one edge reported of an incident, as it came",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: floodReport,
    run: async (call) => {
      const key = "GET /sites/{siteId}/incidents/{incidentId}/reports/{nodeId}";
      const siteId = await enterSite(call, key);
      const nodeId = call.params["nodeId"] as NodeId;
      return incidentsOf(call).report({ incidentId: incidentId(call), siteId, nodeId });
    },
  },
};
