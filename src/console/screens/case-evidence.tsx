/** Captured pages, line by line, with the lines that the assessment cites marked. Covered until somebody chooses to read. */
import { Button } from "@mantine/core";
import { useState } from "react";
import type { CaseView, EvidenceView } from "../../contract/http.ts";
import { useWords } from "../language.tsx";
import { Panel } from "../parts/head.tsx";
import { Moment } from "../parts/times.tsx";
import { Veil } from "../parts/veil.tsx";

const LINES_FIRST = 30;

function Capture({
  evidence,
  cited,
}: {
  readonly evidence: EvidenceView;
  readonly cited: ReadonlySet<number>;
}) {
  const words = useWords();
  const [all, setAll] = useState(false);
  const lines = all ? evidence.lines : evidence.lines.slice(0, LINES_FIRST);
  return (
    <div className="source">
      <div className="row row-apart">
        <code>{evidence.url}</code>
        <span className="small quiet">
          <Moment at={evidence.capturedAt} />
        </span>
      </div>
      <p className="small quiet">
        {words.evidence.status(evidence.status)} · {words.evidence.bytes(evidence.bytes)} ·{" "}
        {words.evidence.lines(evidence.lines.length)} · SHA-256{" "}
        <code title={evidence.sha256}>{evidence.sha256.slice(0, 16)}…</code>
      </p>
      <Veil label={words.veil.revealAll}>
        <div className="lines">
          {lines.map((line, i) => {
            const isCited = cited.has(i + 1);
            return [
              <span className="n" key={`n${String(i)}`}>
                {i + 1}
              </span>,
              <span className="l" key={`l${String(i)}`} data-cited={isCited ? "yes" : "no"}>
                {isCited ? (
                  <span className="only-read">
                    {words.evidence.cited}
                    {words.common.colon}
                  </span>
                ) : null}
                {line}
              </span>,
            ];
          })}
        </div>
        {evidence.lines.length > lines.length ? (
          <Button size="compact-sm" variant="default" onClick={() => setAll(true)}>
            {words.evidence.moreLines(evidence.lines.length)}
          </Button>
        ) : null}
      </Veil>
    </div>
  );
}

export function EvidencePanel({ view }: { readonly view: CaseView }) {
  const words = useWords();
  return (
    <Panel title={words.evidence.title}>
      {view.evidence.length === 0 ? (
        <p className="quiet">{words.evidence.none}</p>
      ) : (
        view.evidence.map((evidence) => (
          <Capture
            key={evidence.evidenceId}
            evidence={evidence}
            cited={
              new Set(view.danger.evidence.filter((p) => p.source === evidence.evidenceId).map((p) => p.line))
            }
          />
        ))
      )}
    </Panel>
  );
}
