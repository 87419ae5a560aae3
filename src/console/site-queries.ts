/**
 * The reads of a site's own screens. All keys begin with "site" and the site's id. While something is being set up it is looked at
 * every few seconds, everything else as calmly as the rest of the console. An answer of settings never replaces what somebody types:
 * the draft holds its own copy.
 */
import { useQuery } from "@tanstack/react-query";
import type { SiteId } from "../contract/ids.ts";
import { CALM_POLL_MS, client, MOVING_POLL_MS } from "./queries.ts";
import { isMoving } from "./site/states.ts";

type Asked = { readonly signal: AbortSignal };

export const useSite = (siteId: SiteId) =>
  useQuery({
    queryKey: ["site", siteId],
    queryFn: ({ signal }: Asked) => client.call("GET /sites/{siteId}", { params: { siteId }, signal }),
    refetchInterval: CALM_POLL_MS,
  });

export const useSettings = (siteId: SiteId) =>
  useQuery({
    queryKey: ["site", siteId, "settings"],
    queryFn: ({ signal }: Asked) =>
      client.call("GET /sites/{siteId}/settings", { params: { siteId }, signal }),
    refetchInterval: (q) =>
      q.state.data !== undefined && q.state.data.inForce.acked < q.state.data.inForce.of
        ? MOVING_POLL_MS
        : CALM_POLL_MS,
  });

export const useRevisions = (siteId: SiteId) =>
  useQuery({
    queryKey: ["site", siteId, "revisions"],
    queryFn: ({ signal }: Asked) =>
      client.call("GET /sites/{siteId}/revisions", { params: { siteId }, signal }),
    refetchInterval: CALM_POLL_MS,
  });

export const useDeeds = (siteId: SiteId) =>
  useQuery({
    queryKey: ["site", siteId, "deeds"],
    queryFn: ({ signal }: Asked) => client.call("GET /sites/{siteId}/deeds", { params: { siteId }, signal }),
    refetchInterval: CALM_POLL_MS,
  });

export const useHostnames = (siteId: SiteId) =>
  useQuery({
    queryKey: ["site", siteId, "hostnames"],
    queryFn: ({ signal }: Asked) =>
      client.call("GET /sites/{siteId}/hostnames", { params: { siteId }, signal }),
    refetchInterval: (q) =>
      q.state.data !== undefined && isMoving(q.state.data.items) ? MOVING_POLL_MS : CALM_POLL_MS,
  });

export const usePreview = (siteId: SiteId) =>
  useQuery({
    queryKey: ["site", siteId, "preview"],
    queryFn: ({ signal }: Asked) =>
      client.call("GET /sites/{siteId}/preview", { params: { siteId }, signal }),
  });

export const useOrigins = (siteId: SiteId) =>
  useQuery({
    queryKey: ["site", siteId, "origins"],
    queryFn: ({ signal }: Asked) =>
      client.call("GET /sites/{siteId}/origins", { params: { siteId }, signal }),
    refetchInterval: CALM_POLL_MS,
  });

export const useCertificates = (siteId: SiteId) =>
  useQuery({
    queryKey: ["site", siteId, "certificates"],
    queryFn: ({ signal }: Asked) =>
      client.call("GET /sites/{siteId}/certificates", { params: { siteId }, signal }),
    refetchInterval: CALM_POLL_MS,
  });

export const useMembers = (siteId: SiteId) =>
  useQuery({
    queryKey: ["site", siteId, "members"],
    queryFn: ({ signal }: Asked) =>
      client.call("GET /sites/{siteId}/members", { params: { siteId }, signal }),
    refetchInterval: CALM_POLL_MS,
  });

export const usePurges = (siteId: SiteId) =>
  useQuery({
    queryKey: ["site", siteId, "purges"],
    queryFn: ({ signal }: Asked) => client.call("GET /sites/{siteId}/purges", { params: { siteId }, signal }),
    refetchInterval: CALM_POLL_MS,
  });
