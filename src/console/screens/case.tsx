/**
 * One case: what is known on the left, what can be done on the right. A form opens in the right column, at an address of its own, so that
 * the evidence stays beside it while somebody writes.
 */
import { Link, useLocation } from "wouter";
import type { CaseView } from "../../contract/http.ts";
import type { CaseId } from "../../contract/ids.ts";
import { byUrgency, caseButtons, type CaseAct } from "../buttons.ts";
import { useKeys } from "../keys.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { DangerMark } from "../parts/danger-mark.tsx";
import { Panel, useTitle } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { subjectLine } from "../parts/subject.ts";
import { Ago, Clock, Moment } from "../parts/times.tsx";
import { useCase, useMe } from "../queries.ts";
import { AssessForm } from "./case-assess.tsx";
import { DangerPanel } from "./case-danger.tsx";
import { DecisionPanel } from "./case-decision.tsx";
import { EvidencePanel } from "./case-evidence.tsx";
import { CaptureForm, ReferForm, RefuseForm } from "./case-forms.tsx";
import { ProposeForm } from "./case-propose.tsx";
import { OpeningsPanel } from "./case-openings.tsx";
import { ReportsPanel } from "./case-reports.tsx";
import { AppealCard } from "./appeals.tsx";

const ACT_KEYS = {
  propose: "p",
  brake: "b",
  refuse: "x",
  capture: "c",
  refer: "f",
  assess: "a",
} as const satisfies Record<CaseAct, string>;

function CaseHead({ view }: { readonly view: CaseView }) {
  const words = useWords();
  const settled = view.state === "decided" || view.state === "closed";
  return (
    <div className="case-head">
      <div className="row">
        <Link href="/queue" className="small">
          ← {words.queue.title}
        </Link>
        <span className="small quiet mono">{view.number}</span>
      </div>
      <h1>{subjectLine(view.subject)}</h1>
      <div className="row">
        <DangerMark level={view.level} big />
        <span className="tag">{words.harm[view.harm]}</span>
        <span className="tag">{words.caseState[view.state]}</span>
        {view.brigade ? (
          <span className="tag" data-tone="warn" title={words.queue.brigadeMore}>
            {words.queue.brigade}
          </span>
        ) : null}
        <span className="small">{words.reports.counted(view.reports, view.sources)}</span>
        <span className="small quiet">
          {words.case.opened} <Ago at={view.openedAt} />
        </span>
        {settled ? null : (
          <span className="small">
            <span className="quiet">
              {words.case.decisionDue}
              {words.common.colon}
            </span>
            <Clock dueAt={view.decisionDueAt} />
          </span>
        )}
      </div>
    </div>
  );
}

function ActsPanel({ view, go }: { readonly view: CaseView; readonly go: (act: CaseAct) => void }) {
  const words = useWords();
  const me = useMe();
  const buttons = caseButtons({ view, me: me.data ?? null }, words);
  const labels: Record<CaseAct, string> = {
    propose: words.propose.open,
    brake: words.brake.open,
    refuse: words.refuse.open,
    capture: words.evidence.capture,
    refer: words.refer.open,
    assess: words.danger.assess,
  };
  const order: readonly CaseAct[] = ["brake", "propose", "refuse", "refer", "capture", "assess"];
  const shared = order.every((act) => !buttons[act].ok && buttons[act].why === buttons.propose.why)
    ? buttons.propose.why
    : null;
  return (
    <Panel title={words.case.doing}>
      <div className="acts">
        {shared === null ? null : (
          <div className="note" data-tone="warn">
            <span>{words.common.because(shared)}</span>
          </div>
        )}
        {order.map((act) => (
          <ActButton
            key={act}
            label={labels[act]}
            ok={buttons[act].ok}
            why={shared === null ? buttons[act].why : null}
            kbd={ACT_KEYS[act]}
            danger={act === "brake"}
            variant={act === "propose" || act === "brake" ? "filled" : "default"}
            onClick={() => go(act)}
          />
        ))}
      </div>
    </Panel>
  );
}

function ReferralsPanel({ view }: { readonly view: CaseView }) {
  const words = useWords();
  return (
    <Panel title={words.refer.list}>
      <ul className="stack-tight">
        {view.referrals.map((referral) => (
          <li key={referral.referralId} className="stack-tight">
            <div className="row row-apart">
              <span>
                <strong>{words.referralKind[referral.kind]}</strong>{" "}
                <span className="mono">{referral.to}</span>
              </span>
              <span
                className="state"
                data-tone={
                  referral.state === "failed" ? "bad" : referral.state === "acknowledged" ? "good" : "quiet"
                }
              >
                {words.referralState[referral.state]}
              </span>
            </div>
            {referral.note === "" ? null : <p className="small said">{referral.note}</p>}
            <p className="small quiet">
              <Ago at={referral.madeAt} />,{" "}
              {referral.deliveredAt === null ? (
                words.refer.notDelivered
              ) : (
                <>
                  {words.refer.delivered} <Moment at={referral.deliveredAt} />
                </>
              )}
            </p>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function TimelinePanel({ view }: { readonly view: CaseView }) {
  const words = useWords();
  const newestFirst = [...view.timeline].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  return (
    <Panel title={words.timeline.title}>
      <ol className="timeline">
        {newestFirst.map((item, i) => (
          <li key={`${item.at} ${String(i)}`}>
            <div>
              <div>{item.what}</div>
              <div className="small quiet">
                <Moment at={item.at} />
                {item.who === null ? null : ` · ${item.who}`}
              </div>
            </div>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

const isAct = (act: string | null): act is CaseAct => act !== null && Object.hasOwn(ACT_KEYS, act);

function CaseBody({ view, act }: { readonly view: CaseView; readonly act: string | null }) {
  const words = useWords();
  const [, go] = useLocation();
  const me = useMe();
  useTitle(words.case.title(view.number));
  const here = `/cases/${view.caseId}`;
  const open = (next: CaseAct): void => go(`${here}/${next}`);
  const close = (): void => go(here);
  const buttons = caseButtons({ view, me: me.data ?? null }, words);
  const keyed = (Object.entries(ACT_KEYS) as [CaseAct, string][]).map(
    ([name, key]) => [key, () => (buttons[name].ok ? open(name) : undefined)] as const,
  );
  useKeys({ ...Object.fromEntries(keyed), u: () => go("/queue") });

  // An opening that waits for somebody, or runs for its 24 hours, stands with the decisions; otherwise beside the reports.
  const pressing = view.openings.some((each) => each.state === "requested" || each.state === "approved");
  const asked = isAct(act) && buttons[act].ok ? act : null;
  const forms = {
    propose: () => <ProposeForm view={view} mode="proposal" onClose={close} />,
    brake: () => <ProposeForm view={view} mode="brake" onClose={close} />,
    refuse: () => <RefuseForm caseId={view.caseId} onClose={close} />,
    refer: () => <ReferForm caseId={view.caseId} onClose={close} />,
    capture: () => <CaptureForm view={view} onClose={close} />,
    assess: () => <AssessForm view={view} onClose={close} />,
  } satisfies Record<CaseAct, () => React.ReactNode>;

  return (
    <>
      <CaseHead view={view} />
      <div className="case-cols">
        <div className="stack">
          <DangerPanel view={view} />
          <EvidencePanel view={view} />
          <ReportsPanel view={view} />
          {pressing ? null : <OpeningsPanel view={view} />}
          <TimelinePanel view={view} />
        </div>
        <div className="case-side">
          <div className="stack">
            {asked === null ? null : forms[asked]()}
            {asked === null
              ? byUrgency(view.decisions).map((decision) => (
                  <DecisionPanel key={decision.decisionId} decision={decision} view={view} />
                ))
              : null}
            {asked === null && pressing ? <OpeningsPanel view={view} /> : null}
            {asked === null ? <ActsPanel view={view} go={open} /> : null}
            {asked === null && view.appeals.length > 0 ? (
              <Panel title={words.appealsPage.list}>
                <div className="stack">
                  {view.appeals.map((appeal) => (
                    <AppealCard key={appeal.appealId} appeal={appeal} inCase />
                  ))}
                </div>
              </Panel>
            ) : null}
            {asked === null && view.referrals.length > 0 ? <ReferralsPanel view={view} /> : null}
          </div>
        </div>
      </div>
    </>
  );
}

export function CaseScreen({ caseId, act }: { readonly caseId: CaseId; readonly act: string | null }) {
  const query = useCase(caseId);
  return <Loaded query={query}>{(view) => <CaseBody view={view} act={act} />}</Loaded>;
}
