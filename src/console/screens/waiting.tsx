/**
 * What waits for a second person. Each decision is shown with its author's words, and leads to its case: nobody confirms from a list
 * without the evidence beside it.
 */
import { useQueries } from "@tanstack/react-query";
import { Link } from "wouter";
import type { CaseRow, CaseView, DecisionView, OpeningView } from "../../contract/http.ts";
import { byDanger, decisionButtons, LEADING_ACTIONS } from "../buttons.ts";
import { openingButtons } from "../opening-buttons.ts";
import { useWords } from "../language.tsx";
import { DangerMark } from "../parts/danger-mark.tsx";
import { Head } from "../parts/head.tsx";
import { InForceNote } from "../parts/in-force.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { scopedLine, subjectLine } from "../parts/subject.ts";
import { Ago, Clock } from "../parts/times.tsx";
import { CALM_POLL_MS, caseQuery, useCases } from "../queries.ts";
import { useListKeys } from "./queue.tsx";

/** More than this many at once is a queue of its own: the rest is reached through the queue. */
const SHOWN_MAX = 25;

function Waiting({ decision, view }: { readonly decision: DecisionView; readonly view: CaseView }) {
  const words = useWords();
  const what = decision.measure?.record ?? decision.proposal;
  const lead = decisionButtons(decision, words).find((b) => LEADING_ACTIONS.has(b.name));
  return (
    <div className="stack-tight">
      <div className="row">
        <strong>
          {words.decisionKind[decision.kind]}
          {what === null ? "" : `${words.common.colon}${words.kind[what.kind]}`}
        </strong>
        {what === null ? null : (
          <span className="small">
            {scopedLine(what.scope, { siteName: view.subject.siteName, ...what.subject }, words)}
          </span>
        )}
      </div>
      {decision.measure === null ? null : <InForceNote measure={decision.measure} />}
      <p className="small said">
        <span className="quiet">
          {decision.author.name}
          {words.common.colon}
        </span>
        {decision.authorReason}
      </p>
      <p className="small quiet">
        {words.waitingPage.since} <Ago at={decision.madeAt} />
        {decision.lapsesAt === null ? null : (
          <>
            {" "}
            · {words.decision.lapses}
            {words.common.colon}
            <Clock dueAt={decision.lapsesAt} />
          </>
        )}
      </p>
      {lead === undefined || lead.ok ? null : (
        <p className="small quiet">{words.common.because(lead.why ?? "")}</p>
      )}
    </div>
  );
}

function WaitingOpening({ opening }: { readonly opening: OpeningView }) {
  const words = useWords();
  const lead = openingButtons(opening, words).find((b) => b.name === "approve");
  return (
    <div className="stack-tight">
      <strong>
        {words.opening.title}
        {words.common.colon}
        {words.opening.grounds[opening.ground]}
      </strong>
      <p className="small said">
        <span className="quiet">
          {opening.author.name}
          {words.common.colon}
        </span>
        {opening.purpose}
      </p>
      <p className="small quiet">
        {words.waitingPage.since} <Ago at={opening.madeAt} />
      </p>
      {lead === undefined || lead.ok ? null : (
        <p className="small quiet">{words.common.because(lead.why ?? "")}</p>
      )}
    </div>
  );
}

function WaitingList({ rows }: { readonly rows: readonly CaseRow[] }) {
  const words = useWords();
  const list = useListKeys();
  const views = useQueries({
    queries: rows.map((row) => ({ ...caseQuery(row.caseId), refetchInterval: CALM_POLL_MS })),
  });
  return (
    <ul className="panel cases" ref={list}>
      {rows.map((row, i) => {
        const view = views[i]?.data;
        return (
          <li key={row.caseId}>
            <div className="grid-row">
              <div className="row row-apart">
                <span className="row">
                  <DangerMark level={row.level} />
                  <span className="strong">{subjectLine(row.subject)}</span>
                  <span className="small quiet mono">{row.number}</span>
                </span>
                <Link className="case-row case-row-plain" href={`/cases/${row.caseId}`}>
                  {words.waitingPage.openIt} →
                </Link>
              </div>
              {view?.decisions
                .filter((d) => d.state === "proposed" || d.state === "braked")
                .map((d) => (
                  <Waiting key={d.decisionId} decision={d} view={view} />
                ))}
              {view?.openings
                .filter((opening) => opening.state === "requested")
                .map((opening) => (
                  <WaitingOpening key={opening.openingId} opening={opening} />
                ))}
            </div>
          </li>
        );
      })}
    </ul>
  );
}

export function WaitingScreen() {
  const words = useWords();
  const cases = useCases();
  return (
    <>
      <Head title={words.waitingPage.title} intro={words.waitingPage.intro} />
      <Loaded query={cases}>
        {(page) => {
          const rows = byDanger(page.items.filter((row) => row.waitsForSecond)).slice(0, SHOWN_MAX);
          return rows.length === 0 ? (
            <div className="panel empty">
              <strong>{words.waitingPage.empty}</strong>
            </div>
          ) : (
            <WaitingList rows={rows} />
          );
        }}
      </Loaded>
    </>
  );
}
