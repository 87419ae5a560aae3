/**
 * One incident, while it runs and afterwards: when it began, was understood, was stopped and ended; what came against what was let through; what the
 * requests had in common; what it cost. Every figure is the server's own; what it did not say is left out or said to be not there yet.
 */
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { IncidentView, SignatureView } from "../../contract/http-protection.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useLanguage, useWords } from "../language.tsx";
import { span } from "../moments.ts";
import { Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { RateChart } from "../parts/rate-chart.tsx";
import { Ago, Moment } from "../parts/times.tsx";
import { useIncident } from "../protection-queries.ts";
import { ratesOf, shareText, sizeText, understoodAt } from "../site/protection-states.ts";
import { IncidentState } from "./incidents.tsx";
import { ProtectionFrame } from "./protection-frame.tsx";

const MINUTE_MS = 60_000;

function Fact({
  name,
  help,
  children,
}: {
  readonly name: string;
  readonly help?: string;
  readonly children: ReactNode;
}) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {children}
        {help === undefined ? null : <div className="small quiet">{help}</div>}
      </dd>
    </>
  );
}

/** A moment, and how long after the beginning it came: in tenths of a second while that matters. */
function After({ at, began }: { readonly at: string; readonly began: string }) {
  const words = useWords();
  const w = words.protection.incident;
  const ms = Math.max(0, Date.parse(at) - Date.parse(began));
  return (
    <>
      <Moment at={at} />, {w.after(ms < MINUTE_MS ? w.seconds(ms / 1000) : span(ms, words.time))}
    </>
  );
}

function Times({ view }: { readonly view: IncidentView }) {
  const w = useWords().protection.incident;
  const running = view.state === "active";
  const understood = understoodAt(view.signatures);
  const missing = running ? w.notYet : w.never;
  const surge = view.kind === "surge";
  return (
    <dl className="facts facts-fold">
      <Fact name={w.began}>
        <Moment at={view.beganAt} />
      </Fact>
      {surge ? null : (
        <>
          <Fact name={w.understood}>
            {understood === null ? missing : <After at={understood} began={view.beganAt} />}
          </Fact>
          <Fact name={w.mitigated}>
            {view.mode === "act" ? (
              view.mitigatedAt === null ? (
                missing
              ) : (
                <After at={view.mitigatedAt} began={view.beganAt} />
              )
            ) : (
              w.nothingDone
            )}
          </Fact>
        </>
      )}
      <Fact name={w.ended}>
        {view.endedAt === null ? w.notYet : <After at={view.endedAt} began={view.beganAt} />}
      </Fact>
      {view.triggers.length === 0 ? null : (
        <Fact name={w.why}>{view.triggers.map((trigger) => w.trigger[trigger]).join(", ")}</Fact>
      )}
    </dl>
  );
}

function Figures({ view }: { readonly view: IncidentView }) {
  const words = useWords();
  const w = words.protection.incident;
  const { locale } = words.time;
  const number = (n: number): string => n.toLocaleString(locale, { maximumFractionDigits: 0 });
  const ofAll = (n: number): string => {
    const share = shareText(n, { of: view.requests, words });
    return share === null ? number(n) : w.ofAll(number(n), share);
  };
  return (
    <dl className="facts facts-fold">
      <Fact name={w.requests}>{number(view.requests)}</Fact>
      <Fact name={w.passed} help={w.passedHelp}>
        <strong>{ofAll(view.passed)}</strong>
      </Fact>
      <Fact name={w.challenged}>{ofAll(view.challenged)}</Fact>
      <Fact name={w.challengesPassed} help={w.challengesPassedHelp}>
        {number(view.challengesPassed)}
      </Fact>
      <Fact name={w.blocked}>{ofAll(view.blocked)}</Fact>
      <Fact name={w.throttled}>{ofAll(view.throttled)}</Fact>
      <Fact name={w.banned}>
        {ofAll(view.banned)} · <Link href={`/sites/${view.siteId}/bans`}>{w.toBans}</Link>
      </Fact>
    </dl>
  );
}

function Cost({ view }: { readonly view: IncidentView }) {
  const words = useWords();
  const w = words.protection.incident;
  return (
    <dl className="facts facts-fold">
      <Fact name={w.originSeconds}>{w.seconds(view.originSecondsExtra)}</Fact>
      <Fact name={w.originErrors}>{view.originErrors.toLocaleString(words.time.locale)}</Fact>
      <Fact name={w.bytes}>{sizeText(view.sentBytes, words.time.locale)}</Fact>
    </dl>
  );
}

function Signature({ signature, shadow }: { readonly signature: SignatureView; readonly shadow: boolean }) {
  const words = useWords();
  const w = words.protection.incident;
  const { language } = useLanguage();
  const cover = shareText(signature.cover, { of: 1, words });
  const collateral = shareText(signature.collateral, { of: 1, words });
  return (
    <li className="grid-row stack-tight">
      <p className="strong begins">{signature.words[language]}</p>
      <div className="row">
        <span className="tag" data-tone={shadow ? "sea" : "warn"}>
          {(shadow ? w.would : w.did)[signature.action]}
        </span>
        <span className="small">{shadow ? w.wouldHold(signature.requests) : w.held(signature.requests)}</span>
        <span className="small quiet">
          {signature.liftedAt === null ? w.since : w.from} <Moment at={signature.since} />
          {signature.liftedAt === null ? null : (
            <>
              {" "}
              {w.to} <Moment at={signature.liftedAt} />
            </>
          )}
        </span>
      </div>
      {cover === null || collateral === null ? null : (
        <p className="small">
          {w.cover(cover)} {w.collateral(collateral)}
        </p>
      )}
      <details>
        <summary>{w.exact}</summary>
        <dl className="facts facts-fold">
          {signature.where.map(({ feature, value }) => (
            <Fact key={feature} name={w.feature[feature]}>
              {value === "" ? <span className="quiet">{w.nothing}</span> : <code>{value}</code>}
            </Fact>
          ))}
          {signature.headerNames === "" ? null : (
            <Fact name={w.headerNames}>
              <code>{signature.headerNames}</code>
            </Fact>
          )}
        </dl>
      </details>
    </li>
  );
}

function Signatures({ view }: { readonly view: IncidentView }) {
  const w = useWords().protection.incident;
  const shadow = view.mode !== "act";
  return (
    <Panel title={w.signatures}>
      {view.kind === "surge" ? (
        <p>{w.surgeSignature}</p>
      ) : view.signatures.length === 0 ? (
        <p className="quiet">{w.noSignature}</p>
      ) : (
        <ul className="flush">
          {view.signatures.map((signature) => (
            <Signature
              key={`${signature.since} ${signature.words.en}`}
              signature={signature}
              shadow={shadow}
            />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function SeenBy({ view }: { readonly view: IncidentView }) {
  const w = useWords().protection.incident;
  // An edge that began anew has several accounts: what it said last counts.
  const latest = new Map<string, IncidentView["reports"][number]>();
  for (const report of view.reports) {
    const before = latest.get(report.nodeId);
    if (before === undefined || before.toldAt < report.toldAt) latest.set(report.nodeId, report);
  }
  return (
    <Panel title={w.edges}>
      <ul className="flush">
        {[...latest.values()].map((report) => (
          <li key={report.nodeId} className="row">
            <strong>{report.nodeName}</strong>
            <span className="small quiet">
              <Ago at={report.toldAt} />
            </span>
            {report.isSilent ? <span className="small bad">{w.silent}</span> : null}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Incident({ view }: { readonly view: IncidentView }) {
  const words = useWords();
  const w = words.protection.incident;
  const { locale } = words.time;
  const number = (n: number): string => n.toLocaleString(locale, { maximumFractionDigits: n < 10 ? 1 : 0 });
  const marks = [
    { atMs: Date.parse(view.beganAt), label: w.began },
    ...(view.mitigatedAt === null ? [] : [{ atMs: Date.parse(view.mitigatedAt), label: w.mitigated }]),
    ...(view.endedAt === null ? [] : [{ atMs: Date.parse(view.endedAt), label: w.ended }]),
  ];
  return (
    <div className="stack">
      <div className="stack-tight">
        <Link className="small" href={`/sites/${view.siteId}/incidents`}>
          {w.back}
        </Link>
        <div className="row">
          <h2 className="incident-title">{words.protection.incidents.kind[view.kind]}</h2>
          <IncidentState row={view} />
        </div>
        <p>{words.protection.incidents.kindMeaning[view.kind]}</p>
        {view.mode === "act" || view.kind === "surge" ? null : (
          <div className="note" data-tone="warn">
            <span>{w.watchedOnly}</span>
          </div>
        )}
        {view.state === "active" ? (
          <p className="small quiet" role="status">
            {w.live}
          </p>
        ) : null}
      </div>
      <Panel
        title={w.rate}
        aside={
          <span className="small quiet">
            {w.peakUsual(number(view.peakPerSecond), number(view.usualPerSecond))}
          </span>
        }
      >
        <RateChart points={ratesOf(view.series)} usual={view.usualPerSecond} marks={marks} />
      </Panel>
      <div className="two">
        <Panel title={w.times}>
          <Times view={view} />
        </Panel>
        <Panel title={w.figures}>
          <Figures view={view} />
        </Panel>
      </div>
      <Signatures view={view} />
      <div className="two">
        <Panel title={w.cost}>
          <Cost view={view} />
        </Panel>
        <SeenBy view={view} />
      </div>
    </div>
  );
}

export function IncidentScreen({
  siteId,
  incidentId,
}: {
  readonly siteId: SiteId;
  readonly incidentId: string;
}) {
  const incident = useIncident(siteId, incidentId);
  return (
    <ProtectionFrame siteId={siteId} part="incidents">
      {() => <Loaded query={incident}>{(view) => <Incident view={view} />}</Loaded>}
    </ProtectionFrame>
  );
}
