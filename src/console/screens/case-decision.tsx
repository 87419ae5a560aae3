/**
 * One decision: how far its measure has come first, then who stands behind it and why, then the steps that this reader may take. Each
 * step asks once, beside its consequence, for a reason of one's own.
 */
import { useState } from "react";
import type { CaseView, DecisionView } from "../../contract/http.ts";
import { consequence, decisionButtons, LEADING_ACTIONS, liftButton, type HumanAction } from "../buttons.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { Panel } from "../parts/head.tsx";
import { InForceNote } from "../parts/in-force.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { scopedLine } from "../parts/subject.ts";
import { Clock, Moment } from "../parts/times.tsx";
import { client, useMe, useWrite } from "../queries.ts";

function DecisionFacts({ decision, view }: { readonly decision: DecisionView; readonly view: CaseView }) {
  const words = useWords();
  const what = decision.measure?.record ?? decision.proposal;
  const territory = what?.territory.includes("*") ? words.measure.everywhere : what?.territory.join(", ");
  return (
    <dl className="facts">
      {what === null || what === undefined ? null : (
        <>
          <dt>{words.propose.kind}</dt>
          <dd>
            <strong>{words.kind[what.kind]}</strong>
            <br />
            {scopedLine(what.scope, { siteName: view.subject.siteName, ...what.subject }, words)}
          </dd>
          <dt>{words.measure.territory}</dt>
          <dd>{territory}</dd>
          {what.endsAt === null ? null : (
            <>
              <dt>{words.measure.ends}</dt>
              <dd>
                <Moment at={what.endsAt} />
              </dd>
            </>
          )}
          {what.reviewAt === null ? null : (
            <>
              <dt>{words.measure.review}</dt>
              <dd>
                <Moment at={what.reviewAt} />
              </dd>
            </>
          )}
        </>
      )}
      {decision.clause === null ? null : (
        <>
          <dt>{words.propose.clause}</dt>
          <dd>{words.clause[decision.clause]}</dd>
        </>
      )}
      {decision.facts === "" ? null : (
        <>
          <dt>{words.propose.facts}</dt>
          <dd className="said">{decision.facts}</dd>
        </>
      )}
      {decision.reasonWider === null ? null : (
        <>
          <dt>{words.decision.wider}</dt>
          <dd className="said">{decision.reasonWider}</dd>
        </>
      )}
      <dt>{words.decision.author}</dt>
      <dd>
        {decision.author.name}, <Moment at={decision.madeAt} />
        <div className="small quiet said">{decision.authorReason}</div>
      </dd>
      <dt>{words.decision.second}</dt>
      <dd>
        {decision.second === null ? (
          <span className="quiet">{words.decision.noSecond}</span>
        ) : (
          <>
            {decision.second.name}
            {decision.settledAt === null ? null : (
              <>
                , <Moment at={decision.settledAt} />
              </>
            )}
            {decision.secondReason === null ? null : (
              <div className="small quiet said">{decision.secondReason}</div>
            )}
          </>
        )}
      </dd>
      <dt>{words.logPage.title}</dt>
      <dd>
        {decision.logIndex === null ? (
          <span className="quiet">{words.decision.noLogEntry}</span>
        ) : (
          <a href={`/log/entry/${decision.logIndex}`}>{words.decision.logEntry(decision.logIndex)}</a>
        )}
      </dd>
    </dl>
  );
}

const toneOf = (state: DecisionView["state"]): string =>
  state === "confirmed" ? "good" : state === "proposed" || state === "braked" ? "warn" : "quiet";

export function DecisionPanel({
  decision,
  view,
}: {
  readonly decision: DecisionView;
  readonly view: CaseView;
}) {
  const words = useWords();
  const me = useMe();
  const [asking, setAsking] = useState<HumanAction | "lift" | null>(null);
  const close = (): void => setAsking(null);
  const act = useWrite<"POST /decisions/{decisionId}/{action}", { action: HumanAction; reason: string }>(
    ({ action, reason }) =>
      client.call("POST /decisions/{decisionId}/{action}", {
        params: { decisionId: decision.decisionId, action },
        body: { reason },
      }),
    () => {
      close();
      sayDone(words.decision.done);
    },
  );
  const { measure } = decision;
  const lift = useWrite<"POST /measures/{measureId}/lifts", string>(
    (reason) =>
      client.call("POST /measures/{measureId}/lifts", {
        params: { measureId: measure?.measureId ?? "" },
        body: { reason },
      }),
    () => {
      close();
      sayDone(words.measure.liftDone);
    },
  );
  const buttons = decisionButtons(decision, words);
  const lifting =
    measure === null || decision.kind === "lift" || decision.state === "braked"
      ? null
      : liftButton({ measure, decisions: view.decisions, me: me.data ?? null }, words);
  const over = measure?.state === "ended";

  return (
    <Panel
      title={words.decisionKind[decision.kind]}
      aside={
        <span className="state" data-tone={toneOf(decision.state)}>
          {words.decisionState[decision.state]}
        </span>
      }
    >
      <div className="stack">
        {measure === null ? null : <InForceNote measure={measure} />}
        {decision.state === "braked" && decision.lapsesAt !== null ? (
          <p>
            {words.decision.lapses}
            {words.common.colon}
            <Clock dueAt={decision.lapsesAt} />
          </p>
        ) : null}
        {buttons.length === 0 ? null : (
          <div className="acts">
            {buttons.map((button) => (
              <ActButton
                key={button.name}
                label={words.decision.action[button.name]}
                ok={button.ok}
                why={button.why}
                variant={LEADING_ACTIONS.has(button.name) ? "filled" : "default"}
                onClick={() => setAsking(button.name)}
              />
            ))}
          </div>
        )}
        <DecisionFacts decision={decision} view={view} />
        {lifting === null || over ? null : (
          <ActButton
            label={words.measure.lift}
            ok={lifting.ok}
            why={lifting.why}
            onClick={() => setAsking("lift")}
          />
        )}
      </div>
      {asking === null ? null : asking === "lift" ? (
        <AskOnce
          question={{
            title: words.measure.lift,
            consequence: words.propose.intro,
            act: words.measure.lift,
            withReason: true,
          }}
          busy={lift.isPending}
          fault={lift.error}
          onClose={close}
          onAct={(reason) => lift.mutate(reason)}
        />
      ) : (
        <AskOnce
          key={asking}
          question={{
            title: `${words.decision.action[asking]}${words.common.colon}${words.decisionKind[decision.kind]}, ${view.number}`,
            consequence: consequence({ action: asking, kind: decision.kind }, words),
            act: words.decision.action[asking],
            withReason: true,
          }}
          busy={act.isPending}
          fault={act.error}
          onClose={close}
          onAct={(reason) => act.mutate({ action: asking, reason })}
        />
      )}
    </Panel>
  );
}
