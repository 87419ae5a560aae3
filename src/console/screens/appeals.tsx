/** Appeals: what somebody says against a decision, answered by a person who took no part in it. */
import { useState } from "react";
import { Link } from "wouter";
import type { AppealView } from "../../contract/http.ts";
import { appealButton } from "../buttons.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { Head } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { Ago, Moment } from "../parts/times.tsx";
import { Veil } from "../parts/veil.tsx";
import { client, useAppeals, useWrite } from "../queries.ts";

export function AppealCard({
  appeal,
  inCase = false,
}: {
  readonly appeal: AppealView;
  readonly inCase?: boolean;
}) {
  const words = useWords();
  const w = words.appealsPage;
  const [asking, setAsking] = useState<"granted" | "refused" | null>(null);
  const send = useWrite<
    "POST /appeals/{appealId}/decision",
    { outcome: "granted" | "refused"; reason: string }
  >(
    (body) =>
      client.call("POST /appeals/{appealId}/decision", { params: { appealId: appeal.appealId }, body }),
    () => {
      setAsking(null);
      sayDone(w.done);
    },
  );
  const button = appealButton(appeal, words);
  return (
    <article className="stack-tight">
      <div className="row row-apart">
        <span className="row">
          <strong>{appeal.by === "customer" ? w.byCustomer : w.byReporter}</strong>
          <span
            className="state"
            data-tone={appeal.state === "open" ? "warn" : appeal.state === "granted" ? "good" : "quiet"}
          >
            {words.appealState[appeal.state]}
          </span>
        </span>
        <span className="small quiet">
          <Ago at={appeal.madeAt} />
        </span>
      </div>
      {inCase ? null : (
        <Link href={`/cases/${appeal.caseId}`} className="small">
          {words.case.title(appeal.caseNumber)} →
        </Link>
      )}
      {appeal.by === "reporter" ? (
        <Veil>
          <p className="said">{appeal.text}</p>
        </Veil>
      ) : (
        <p className="said">{appeal.text}</p>
      )}
      {appeal.state === "open" ? (
        <>
          <div className="row">
            <ActButton
              label={w.grant}
              ok={button.ok}
              why={null}
              fullWidth={false}
              variant="filled"
              onClick={() => setAsking("granted")}
            />
            <ActButton
              label={w.refuse}
              ok={button.ok}
              why={null}
              fullWidth={false}
              onClick={() => setAsking("refused")}
            />
          </div>
          {button.why === null ? null : <p className="why">{words.common.because(button.why)}</p>}
        </>
      ) : (
        <p className="small">
          {appeal.reason}
          <span className="quiet">
            {" "}
            {appeal.decidedBy === null ? null : words.common.by(appeal.decidedBy)}
            {appeal.decidedAt === null ? null : (
              <>
                , <Moment at={appeal.decidedAt} />
              </>
            )}
          </span>
        </p>
      )}
      {asking === null ? null : (
        <AskOnce
          question={{
            title: `${asking === "granted" ? w.grant : w.refuse}${words.common.colon}${words.case.title(appeal.caseNumber)}`,
            consequence: asking === "granted" ? words.ask.appealGranted : words.ask.appealRefused,
            act: asking === "granted" ? w.grant : w.refuse,
            withReason: true,
          }}
          busy={send.isPending}
          fault={send.error}
          onClose={() => setAsking(null)}
          onAct={(reason) => send.mutate({ outcome: asking, reason })}
        />
      )}
    </article>
  );
}

export function AppealsScreen() {
  const words = useWords();
  const appeals = useAppeals();
  return (
    <>
      <Head title={words.appealsPage.title} intro={words.appealsPage.intro} />
      <Loaded query={appeals}>
        {(page) =>
          page.items.length === 0 ? (
            <div className="panel empty">
              <strong>{words.appealsPage.empty}</strong>
            </div>
          ) : (
            <ul className="panel grid-table">
              {[...page.items]
                .sort((a, b) => Number(a.state !== "open") - Number(b.state !== "open"))
                .map((appeal) => (
                  <li className="grid-row" key={appeal.appealId}>
                    <AppealCard appeal={appeal} />
                  </li>
                ))}
            </ul>
          )
        }
      </Loaded>
    </>
  );
}
