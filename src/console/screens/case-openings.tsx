/**
 * Sealed identities of a case: asking to open one, approving it, and the sealed file for those two. No screen ever shows an
 * identity: what is downloaded here is ciphertext, and opens with two shares on a machine of the officers' own.
 */
import { NativeSelect, Textarea } from "@mantine/core";
import { useState } from "react";
import {
  OPENING_GROUNDS,
  PURPOSE_CHARS_MAX,
  PURPOSE_CHARS_MIN,
  type OpeningGround,
} from "../../contract/desk-states.ts";
import type { CaseView, OpeningView, SealedIdentity } from "../../contract/http.ts";
import type { ReportId } from "../../contract/ids.ts";
import { useWords } from "../language.tsx";
import { moment } from "../moments.ts";
import {
  askButton,
  openingButtons,
  sealedFileName,
  sealedReports,
  type HumanOpeningAction,
} from "../opening-buttons.ts";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { Panel } from "../parts/head.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { Clock, Moment } from "../parts/times.tsx";
import { client, useMe, useWrite } from "../queries.ts";
import { SideForm } from "./case-forms.tsx";

/** Hands the answer to the browser as a file; it is never kept on the page. */
function save(name: string, sealed: SealedIdentity): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(sealed)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 0);
}

function AskForm({ view, onClose }: { readonly view: CaseView; readonly onClose: () => void }) {
  const words = useWords();
  const w = words.opening;
  const choices = sealedReports(view);
  const [reportId, setReportId] = useState<string>(choices[0]?.reportId ?? "");
  const [ground, setGround] = useState<OpeningGround>(OPENING_GROUNDS[0]);
  const [purpose, setPurpose] = useState("");
  const send = useWrite<"POST /cases/{caseId}/openings", null>(
    () =>
      client.call("POST /cases/{caseId}/openings", {
        params: { caseId: view.caseId },
        body: { reportId: reportId as ReportId, ground, purpose: purpose.trim() },
      }),
    () => {
      sayDone(w.asked);
      onClose();
    },
  );
  return (
    <div data-part="opening">
      <SideForm
        title={w.askTitle}
        intro={w.askHelp}
        act={w.ask}
        busy={send.isPending}
        ready={purpose.trim().length >= PURPOSE_CHARS_MIN && reportId !== ""}
        fault={send.error}
        shownFields={["reportId", "ground", "purpose"]}
        onSubmit={() => send.mutate(null)}
        onClose={onClose}
      >
        <NativeSelect
          label={w.which}
          value={reportId}
          data={choices.map((report) => ({
            value: report.reportId,
            label: w.of(moment(report.receivedAt, words.time), words.harm[report.harm]),
          }))}
          error={send.error?.fields["reportId"] ?? null}
          onChange={(event) => setReportId(event.currentTarget.value)}
        />
        <NativeSelect
          label={w.ground}
          value={ground}
          data={OPENING_GROUNDS.map((value) => ({ value, label: w.grounds[value] }))}
          error={send.error?.fields["ground"] ?? null}
          onChange={(event) =>
            setGround(OPENING_GROUNDS.find((each) => each === event.currentTarget.value) ?? ground)
          }
        />
        <Textarea
          label={w.purpose}
          description={w.purposeHelp(PURPOSE_CHARS_MIN)}
          autosize
          minRows={3}
          autoFocus
          maxLength={PURPOSE_CHARS_MAX}
          value={purpose}
          error={send.error?.fields["purpose"] ?? null}
          onChange={(event) => setPurpose(event.currentTarget.value)}
        />
      </SideForm>
    </div>
  );
}

function OpeningFacts({ opening, view }: { readonly opening: OpeningView; readonly view: CaseView }) {
  const words = useWords();
  const w = words.opening;
  const report = view.reportList.find((each) => each.reportId === opening.reportId);
  return (
    <dl className="facts">
      <dt>{w.which}</dt>
      <dd>
        {report === undefined ? (
          <code>{opening.reportId}</code>
        ) : (
          w.of(moment(report.receivedAt, words.time), words.harm[report.harm])
        )}
      </dd>
      <dt>{w.ground}</dt>
      <dd>{w.grounds[opening.ground]}</dd>
      <dt>{w.author}</dt>
      <dd>
        {opening.author.name}, <Moment at={opening.madeAt} />
        <div className="small quiet said">{opening.purpose}</div>
      </dd>
      {opening.second === null ? null : (
        <>
          <dt>{w.second}</dt>
          <dd>
            {opening.second.name}
            {opening.settledAt === null ? null : (
              <>
                , <Moment at={opening.settledAt} />
              </>
            )}
            <div className="small quiet said">{opening.secondReason}</div>
          </dd>
        </>
      )}
      {opening.closesAt === null ? null : (
        <>
          <dt>{words.logPage.title}</dt>
          <dd>
            {opening.logIndex === null ? (
              <span className="quiet">{words.decision.noLogEntry}</span>
            ) : (
              <a href={`/log/entry/${opening.logIndex}`}>{words.decision.logEntry(opening.logIndex)}</a>
            )}
          </dd>
        </>
      )}
    </dl>
  );
}

function Opening({ opening, view }: { readonly opening: OpeningView; readonly view: CaseView }) {
  const words = useWords();
  const w = words.opening;
  const [asking, setAsking] = useState<HumanOpeningAction | null>(null);
  const close = (): void => setAsking(null);
  const act = useWrite<
    "POST /openings/{openingId}/{step}",
    { readonly step: HumanOpeningAction; readonly reason: string }
  >(
    ({ step, reason }) =>
      client.call("POST /openings/{openingId}/{step}", {
        params: { openingId: opening.openingId, step },
        body: { reason },
      }),
    () => {
      close();
      sayDone(words.decision.done);
    },
  );
  const file = sealedFileName(opening, view.number);
  const fetch = useWrite<"GET /openings/{openingId}/sealed", null>(
    () => client.call("GET /openings/{openingId}/sealed", { params: { openingId: opening.openingId } }),
    (sealed) => {
      save(file, sealed);
      sayDone(w.fetched);
    },
  );
  const consequences = { approve: w.approveAsk, refuse: w.refuseAsk, withdraw: w.withdrawAsk };
  return (
    <li className="stack">
      <span
        className="state"
        data-tone={opening.state === "requested" ? "warn" : opening.state === "approved" ? "good" : "quiet"}
      >
        {w.states[opening.state]}
      </span>
      <OpeningFacts opening={opening} view={view} />
      {opening.state === "requested" ? (
        <div className="acts">
          {openingButtons(opening, words).map((button) => (
            <ActButton
              key={button.name}
              label={w.action[button.name]}
              ok={button.ok}
              why={button.why}
              variant={button.name === "approve" ? "filled" : "default"}
              onClick={() => setAsking(button.name)}
            />
          ))}
        </div>
      ) : null}
      {opening.state === "approved" ? (
        <>
          {opening.closesAt === null ? null : (
            <p className="small">
              {w.closes}
              {words.common.colon}
              <Clock dueAt={opening.closesAt} />
              {opening.handedOut === 0 ? null : ` · ${w.handedOut(opening.handedOut)}`}
            </p>
          )}
          <div data-act="fetch-sealed">
            <ActButton
              label={w.fetch}
              ok={opening.sealed.ok}
              why={opening.sealed.why}
              onClick={() => fetch.mutate(null)}
            />
          </div>
          <FaultNote fault={fetch.error} shownFields={[]} />
          {opening.sealed.ok ? (
            <div className="stack-tight">
              <p className="small">{w.howToOpen}</p>
              <code className="small">./parapet vault open {file}</code>
            </div>
          ) : null}
        </>
      ) : opening.handedOut === 0 ? null : (
        <p className="small quiet">{w.handedOut(opening.handedOut)}</p>
      )}
      {asking === null ? null : (
        <AskOnce
          key={asking}
          question={{
            title: `${w.action[asking]}${words.common.colon}${w.title}, ${view.number}`,
            consequence: consequences[asking],
            act: w.action[asking],
            withReason: true,
          }}
          busy={act.isPending}
          fault={act.error}
          onClose={close}
          onAct={(reason) => act.mutate({ step: asking, reason })}
        />
      )}
    </li>
  );
}

/** Nothing to see in a case where nobody gave an identity. */
export function OpeningsPanel({ view }: { readonly view: CaseView }) {
  const words = useWords();
  const me = useMe();
  const [asking, setAsking] = useState(false);
  if (view.openings.length === 0 && !view.reportList.some((report) => report.identitySealed)) return null;
  const ask = askButton({ view, me: me.data ?? null }, words);
  if (asking && ask.ok) return <AskForm view={view} onClose={() => setAsking(false)} />;
  return (
    <Panel title={words.opening.title}>
      <div className="stack" data-part="opening">
        <p className="small quiet">{words.opening.intro}</p>
        {view.openings.length === 0 ? null : (
          <ul className="stack">
            {view.openings.map((opening) => (
              <Opening key={opening.openingId} opening={opening} view={view} />
            ))}
          </ul>
        )}
        <div data-act="ask-opening">
          <ActButton label={words.opening.ask} ok={ask.ok} why={ask.why} onClick={() => setAsking(true)} />
        </div>
      </div>
    </Panel>
  );
}
