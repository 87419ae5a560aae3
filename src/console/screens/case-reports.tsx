/** The reports: each source once, its copies folded; words covered, identity never more than "sealed". */
import { Button } from "@mantine/core";
import { useState } from "react";
import type { CaseView, ReportView } from "../../contract/http.ts";
import { useWords } from "../language.tsx";
import { Panel } from "../parts/head.tsx";
import { Moment } from "../parts/times.tsx";
import { Veil } from "../parts/veil.tsx";

const FIRST_SHOWN = 4;

function Report({ report }: { readonly report: ReportView }) {
  const words = useWords();
  return (
    <li className="source stack-tight">
      <div className="row row-apart">
        <span className="row">
          <span className="tag">{words.harm[report.harm]}</span>
          <span className="tag" {...(report.identitySealed ? { "data-tone": "sea" } : {})}>
            {report.identitySealed ? words.reports.sealed : words.reports.anonymous}
          </span>
          {report.copyOf === null ? null : <span className="tag">{words.reports.copy}</span>}
          <span className="small quiet">{words.reports.cluster(report.cluster)}</span>
        </span>
        <span className="small quiet">
          <Moment at={report.receivedAt} />, {words.reports.by(words.channel[report.channel])},{" "}
          {report.language}
        </span>
      </div>
      <code className="small">{report.url}</code>
      <Veil>
        <div className="stack-tight">
          <div>
            <div className="small quiet">{words.reports.statement}</div>
            <p className="said" lang={report.language}>
              {report.statement}
            </p>
          </div>
          {report.quoted === "" ? null : (
            <div>
              <div className="small quiet">{words.reports.quoted}</div>
              <p className="said quote" lang={report.language}>
                {report.quoted}
              </p>
            </div>
          )}
        </div>
      </Veil>
      <p className="small quiet">
        {words.reports.hash}
        {words.common.colon}
        <code title={report.sha256}>{report.sha256.slice(0, 16)}…</code>
      </p>
    </li>
  );
}

export function ReportsPanel({ view }: { readonly view: CaseView }) {
  const words = useWords();
  const [shown, setShown] = useState(FIRST_SHOWN);
  // Independent reports first, copies after them: nobody has to read the same horror twice to find what is new.
  const ordered = [...view.reportList].sort(
    (a, b) =>
      Number(a.copyOf !== null) - Number(b.copyOf !== null) ||
      Date.parse(a.receivedAt) - Date.parse(b.receivedAt),
  );
  const left = ordered.length - shown;
  return (
    <Panel
      title={words.reports.title}
      aside={<span className="small quiet">{words.reports.counted(view.reports, view.sources)}</span>}
    >
      <ul>
        {ordered.slice(0, shown).map((report) => (
          <Report key={report.reportId} report={report} />
        ))}
      </ul>
      {left > 0 ? (
        <Button variant="default" size="compact-sm" onClick={() => setShown(shown + 20)}>
          {words.reports.more(Math.min(20, left))}
        </Button>
      ) : null}
    </Panel>
  );
}
