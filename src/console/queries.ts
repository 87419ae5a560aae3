/**
 * Every read and write of the console, as TanStack queries over the one client. A case in motion is looked at every two seconds,
 * everything else every ten. After a write all reads are stale: what a decision changes is the server's business to know.
 */
import { useMutation, useQuery, useQueryClient, type UseMutationResult } from "@tanstack/react-query";
import type { Endpoints } from "../contract/http.ts";
import type { CaseId } from "../contract/ids.ts";
import { inMotion } from "./buttons.ts";
import { browserPasskeys, createAuth } from "./auth.ts";
import { createClient, type ClientFault } from "./client.ts";
import { currentLanguage } from "./language.tsx";

export const client = createClient({ fetch: (url, init) => fetch(url, init), language: currentLanguage });
export const auth = createAuth({ fetch: (url, init) => fetch(url, init), passkeys: browserPasskeys() });

export const CALM_POLL_MS = 10_000;
export const MOVING_POLL_MS = 2_000;

declare module "@tanstack/react-query" {
  interface Register {
    defaultError: ClientFault;
  }
}

export const useMe = () =>
  useQuery({
    queryKey: ["me"],
    queryFn: ({ signal }) => client.call("GET /me", { signal }),
    refetchInterval: (q) => (q.state.error?.code === "auth.required" ? false : 60_000),
  });

export const useOverview = () =>
  useQuery({
    queryKey: ["overview"],
    queryFn: ({ signal }) => client.call("GET /overview", { signal }),
    refetchInterval: CALM_POLL_MS,
  });

export const useCases = () =>
  useQuery({
    queryKey: ["cases"],
    queryFn: ({ signal }) => client.call("GET /cases", { signal }),
    refetchInterval: CALM_POLL_MS,
  });

export const caseQuery = (caseId: CaseId) => ({
  queryKey: ["case", caseId],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    client.call("GET /cases/{caseId}", { params: { caseId }, signal }),
});

export const useCase = (caseId: CaseId) =>
  useQuery({
    ...caseQuery(caseId),
    refetchInterval: (q) =>
      q.state.data !== undefined && inMotion(q.state.data) ? MOVING_POLL_MS : CALM_POLL_MS,
  });

export const useAppeals = () =>
  useQuery({
    queryKey: ["appeals"],
    queryFn: ({ signal }) => client.call("GET /appeals", { signal }),
    refetchInterval: CALM_POLL_MS,
  });

export const useSites = () =>
  useQuery({
    queryKey: ["sites"],
    queryFn: ({ signal }) => client.call("GET /sites", { signal }),
    refetchInterval: CALM_POLL_MS,
  });

export const useEdges = () =>
  useQuery({
    queryKey: ["edges"],
    queryFn: ({ signal }) => client.call("GET /edges", { signal }),
    refetchInterval: CALM_POLL_MS,
  });

export const usePeople = () =>
  useQuery({
    queryKey: ["people"],
    queryFn: ({ signal }) => client.call("GET /people", { signal }),
    refetchInterval: CALM_POLL_MS,
  });

export const useTransparency = () =>
  useQuery({
    queryKey: ["transparency"],
    queryFn: ({ signal }) => client.call("GET /transparency", { signal }),
    refetchInterval: 60_000,
  });

/** A write: the caller gives the call, and is told when it is done. */
export function useWrite<K extends keyof Endpoints, Input>(
  send: (input: Input) => Promise<Endpoints[K]["answer"]>,
  onDone?: (answer: Endpoints[K]["answer"]) => void,
): UseMutationResult<Endpoints[K]["answer"], ClientFault, Input> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSuccess: (answer) => onDone?.(answer),
    // Also after a refusal: "somebody was faster" is only understood beside how things now stand.
    onSettled: () => queries.invalidateQueries(),
  });
}
