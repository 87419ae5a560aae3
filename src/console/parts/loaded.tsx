/**
 * What a query yields, or what stands in its place. Old data stays on the screen while the server does not answer, and a
 * line says so: at three in the morning a stale queue is better than an empty one.
 */
import { Button, Loader } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { ClientFault } from "../client.ts";
import { useWords } from "../language.tsx";
import { FaultNote } from "./fault-note.tsx";

export function Loaded<T>({
  query,
  children,
}: {
  readonly query: UseQueryResult<T, ClientFault>;
  readonly children: (data: T) => ReactNode;
}) {
  const words = useWords();
  if (query.data !== undefined)
    return (
      <>
        {query.isError ? (
          <div className="note stale" data-tone="warn" role="status">
            <span>{words.common.stale}</span>
          </div>
        ) : null}
        {children(query.data)}
      </>
    );
  if (query.isError)
    return (
      <div className="stack-tight">
        <FaultNote fault={query.error} />
        <div>
          <Button variant="default" onClick={() => void query.refetch()}>
            {words.common.retry}
          </Button>
        </div>
      </div>
    );
  return (
    <div className="empty" role="status">
      <Loader size="sm" aria-hidden="true" />
      <span className="only-read">{words.common.loading}</span>
    </div>
  );
}
