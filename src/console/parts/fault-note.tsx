/** A failed call as a person reads it: what, why, and what to do. */
import type { ClientFault } from "../client.ts";
import { wordsOfFault } from "../fault-words.ts";
import { useWords } from "../language.tsx";

export function FaultNote({
  fault,
  shownFields = [],
}: {
  readonly fault: ClientFault | null;
  readonly shownFields?: readonly string[];
}) {
  const words = useWords();
  if (fault === null) return null;
  const { title, detail, todo } = wordsOfFault(fault, { words, shownFields });
  return (
    <div className="note" data-tone="bad" role="alert">
      <strong>{title}</strong>
      {detail === "" ? null : <span>{detail}</span>}
      {todo === null ? null : <span>{todo}</span>}
    </div>
  );
}
