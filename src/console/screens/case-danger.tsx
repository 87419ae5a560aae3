/** Why the case has its level: each dimension with its score, and below it the lines of evidence that say so. */
import { Button } from "@mantine/core";
import { useState } from "react";
import { DIMENSIONS, type Dimension, type EvidencePointer, type Score } from "../../contract/danger.ts";
import type { CaseView } from "../../contract/http.ts";
import { useWords } from "../language.tsx";
import { DangerMark } from "../parts/danger-mark.tsx";
import { Panel } from "../parts/head.tsx";
import { Moment } from "../parts/times.tsx";

function Pips({ score }: { readonly score: Score | null }) {
  const words = useWords();
  if (score === null) return <span className="pips-unknown">{words.danger.unknownScore}</span>;
  return (
    <span className="pips" role="img" aria-label={words.danger.score(score)}>
      {[1, 2, 3].map((n) => (
        <i key={n} data-on={n <= score ? "yes" : "no"} />
      ))}
    </span>
  );
}

function Pointer({ pointer, covered }: { readonly pointer: EvidencePointer; readonly covered: boolean }) {
  const words = useWords();
  return (
    <div className="pointer">
      <span className="quote veil-text" data-covered={covered ? "yes" : "no"} aria-hidden={covered}>
        {pointer.quote}
      </span>
      <span>{pointer.why}</span>
      <span className="small quiet">
        {words.certainty[pointer.certainty]} · <code>{pointer.source.slice(0, 12)}</code> ·{" "}
        {words.danger.line(pointer.line)}
      </span>
    </div>
  );
}

export function DangerPanel({ view }: { readonly view: CaseView }) {
  const words = useWords();
  const [covered, setCovered] = useState(true);
  const { danger } = view;
  return (
    <Panel
      title={words.danger.title}
      aside={
        danger.evidence.length === 0 ? null : (
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => setCovered(!covered)}
            aria-pressed={!covered}
          >
            {covered ? words.veil.revealQuotes : words.veil.veilQuotes}
          </Button>
        )
      }
    >
      <div className="stack">
        <dl className="facts">
          <dt>{words.queue.danger}</dt>
          <dd className="row">
            <DangerMark level={danger.level} />
            {danger.confirmedBy.length === 0 ? (
              <span className="state" data-tone="warn">
                {words.danger.notConfirmed}
              </span>
            ) : (
              <span className="state" data-tone="good">
                {words.danger.confirmedBy} {words.danger.confirmedCount(danger.confirmedBy.length)}
              </span>
            )}
          </dd>
          <dt>{words.danger.rule}</dt>
          <dd>
            <code>{danger.rule}</code> <span className="small quiet">{danger.rubric}</span>
          </dd>
          <dt>{words.danger.credibility}</dt>
          <dd>
            K{danger.credibility}
            {words.common.colon}
            {words.credibility[danger.credibility]}
          </dd>
          <dt>{words.danger.proposedBy}</dt>
          <dd>
            {danger.proposedBy}, <Moment at={danger.assessedAt} />
          </dd>
          <dt>{words.danger.nextReview}</dt>
          <dd>
            <Moment at={danger.nextReviewAt} />
          </dd>
        </dl>
        {Object.values(danger.scores).includes(null) ? (
          <p className="small quiet">{words.danger.unknownMeans}</p>
        ) : null}
        <div className="dims">
          {(Object.keys(DIMENSIONS) as Dimension[]).map((dimension) => {
            const score = danger.scores[dimension];
            const pointers = danger.evidence.filter((p) => p.dimension === dimension);
            return (
              <div className="dim" key={dimension}>
                <span className="dim-letter">{dimension}</span>
                <span>{words.dimension[dimension]}</span>
                <Pips score={score} />
                <div className="dim-lines">
                  {pointers.length > 0 ? (
                    pointers.map((p, i) => (
                      <Pointer key={`${p.source} ${String(i)}`} pointer={p} covered={covered} />
                    ))
                  ) : score === null || score === 0 ? null : (
                    <span className="small quiet">{words.danger.noPointer}</span>
                  )}
                </div>
              </div>
            );
          })}
        </div>
      </div>
    </Panel>
  );
}
