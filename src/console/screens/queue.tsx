/** The queue: the most dangerous first, one row a case, everything reachable with j, k and Enter. */
import { SegmentedControl } from "@mantine/core";
import { useRef } from "react";
import { Link, useLocation, useSearch } from "wouter";
import type { CaseRow } from "../../contract/http.ts";
import { byDanger } from "../buttons.ts";
import { useKeys } from "../keys.ts";
import { useWords } from "../language.tsx";
import { DangerMark } from "../parts/danger-mark.tsx";
import { Head } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { subjectLine } from "../parts/subject.ts";
import { Ago, Clock } from "../parts/times.tsx";
import { useCases } from "../queries.ts";

export function CaseLine({ row }: { readonly row: CaseRow }) {
  const words = useWords();
  const settled = row.state === "decided" || row.state === "closed";
  return (
    <Link className="case-row" href={`/cases/${row.caseId}`}>
      <span>
        <DangerMark level={row.level} />
        {row.levelConfirmed ? null : (
          <span className="unconfirmed" title={words.queue.unconfirmed}>
            {words.queue.unconfirmedShort}
          </span>
        )}
      </span>
      <span className="case-row-main">
        <span className="subject">{subjectLine(row.subject)}</span>
        <span className="row small quiet">
          <span>{words.harm[row.harm]}</span>
          <span className="mono">{row.number}</span>
          {row.waitsForSecond ? (
            <span className="tag" data-tone="sea">
              {words.queue.waits}
            </span>
          ) : null}
          {row.brigade ? (
            <span className="tag" data-tone="warn" title={words.queue.brigadeMore}>
              {words.queue.brigade}
            </span>
          ) : null}
        </span>
      </span>
      <span className="small said-by">
        {words.queue.reports(row.reports)}
        <br />
        <span className="strong">{words.queue.sources(row.sources)}</span>
      </span>
      <span className="right">
        {settled ? (
          <span className="small quiet">{words.caseState[row.state]}</span>
        ) : (
          <>
            <Clock dueAt={row.decisionDueAt} />
            <br />
            <span className="small quiet">
              {words.case.opened} <Ago at={row.openedAt} />
            </span>
          </>
        )}
      </span>
    </Link>
  );
}

/** Moves the focus along the rows of a list; Enter then opens the link as the browser does. */
export function useListKeys(): React.RefObject<HTMLUListElement | null> {
  const list = useRef<HTMLUListElement>(null);
  const move = (by: 1 | -1): void => {
    const rows = [...(list.current?.querySelectorAll<HTMLAnchorElement>("a.case-row") ?? [])];
    const at = rows.findIndex((row) => row === document.activeElement);
    const next =
      rows[at === -1 ? (by === 1 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  useKeys({ j: () => move(1), k: () => move(-1) });
  return list;
}

export function QueueScreen() {
  const words = useWords();
  const cases = useCases();
  const list = useListKeys();
  const [, go] = useLocation();
  const all = new URLSearchParams(useSearch()).get("show") === "all";
  return (
    <>
      <Head title={words.queue.title} intro={words.queue.intro}>
        <div className="row">
          <span className="small quiet keys-hint">{words.queue.keys}</span>
          <SegmentedControl
            size="xs"
            transitionDuration={0}
            value={all ? "all" : "open"}
            onChange={(value) => go(value === "all" ? "/queue?show=all" : "/queue")}
            data={[
              { value: "open", label: words.queue.filterOpen },
              { value: "all", label: words.queue.filterAll },
            ]}
          />
        </div>
      </Head>
      <Loaded query={cases}>
        {(page) => {
          const rows = byDanger(page.items).filter(
            (row) => all || row.waitsForSecond || row.state === "new" || row.state === "in_review",
          );
          return rows.length === 0 ? (
            <div className="panel empty">
              <strong>{words.queue.empty}</strong>
              {words.queue.emptyMore}
            </div>
          ) : (
            <ul className="panel cases" ref={list}>
              {rows.map((row) => (
                <li key={row.caseId}>
                  <CaseLine row={row} />
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
    </>
  );
}
