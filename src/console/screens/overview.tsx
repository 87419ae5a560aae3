/** One page to see that all is well, and if not, what needs a person now. */
import { Link } from "wouter";
import { DANGER_LEVELS } from "../../contract/danger.ts";
import type { OverviewView } from "../../contract/http.ts";
import { useWords } from "../language.tsx";
import { needsOf, type Need } from "../needs.ts";
import { DangerMark } from "../parts/danger-mark.tsx";
import { Head, Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Ago } from "../parts/times.tsx";
import { useRunningIncidents } from "../protection-queries.ts";
import { useMe, useOverview } from "../queries.ts";

function NeedLine({ need }: { readonly need: Need }) {
  const words = useWords();
  const inner = (
    <>
      <span className="need-mark" data-tone={need.tone} aria-hidden="true" />
      <span>
        {need.what}
        {need.command === null ? null : (
          <span className="small quiet">
            {" "}
            {words.overview.vaultHow} <span className="command">{need.command}</span>
          </span>
        )}
      </span>
      {need.to === null ? null : (
        <span className="arrow" aria-hidden="true">
          →
        </span>
      )}
    </>
  );
  return (
    <li>{need.to === null ? <div className="need">{inner}</div> : <Link href={need.to}>{inner}</Link>}</li>
  );
}

function Verdict({ needs }: { readonly needs: readonly Need[] }) {
  const words = useWords().overview;
  const calm = needs.length === 0;
  return (
    <section className="panel verdict" data-calm={calm ? "yes" : "no"} aria-live="polite">
      <div>
        <h2>{calm ? words.calm : words.needs(needs.length)}</h2>
        <p className="quiet">{calm ? words.calmMore : words.needsMore}</p>
      </div>
      {calm ? null : (
        <ul className="needs">
          {needs.map((need) => (
            <NeedLine key={need.key} need={need} />
          ))}
        </ul>
      )}
    </section>
  );
}

function QueueTile({ overview }: { readonly overview: OverviewView }) {
  const words = useWords();
  const most = Math.max(1, ...overview.queue.map((q) => q.open));
  const rows = [...DANGER_LEVELS]
    .reverse()
    .map((level) => overview.queue.find((q) => q.level === level) ?? { level, open: 0, overdue: 0 });
  return (
    <div className="tile-wide">
      <Panel title={words.overview.queue} aside={<Link href="/queue">{words.queue.title}</Link>}>
        <ul className="bars">
          {rows.map((q) => (
            <li key={q.level}>
              <DangerMark level={q.level} calm={q.open === 0} />
              <span className="track" aria-hidden="true">
                <span className="fill" data-level={q.level} style={{ width: `${(q.open / most) * 100}%` }} />
              </span>
              <span>
                <strong>{q.open}</strong> {words.overview.open(q.open)}
                {q.overdue > 0 ? (
                  <strong className="bad">, {words.overview.overdue(q.overdue)}</strong>
                ) : null}
              </span>
            </li>
          ))}
        </ul>
      </Panel>
    </div>
  );
}

function Tiles({ overview }: { readonly overview: OverviewView }) {
  const words = useWords();
  const running = useRunningIncidents().length;
  const w = words.overview;
  const alive = overview.edges.filter((edge) => edge.alive).length;
  const silent = overview.edges.filter((edge) => !edge.alive).map((edge) => edge.name);
  const allAlive = alive === overview.edges.length && alive > 0;
  return (
    <div className="tiles">
      <QueueTile overview={overview} />
      <section className="panel tile" aria-label={w.edges}>
        <h2>{w.edges}</h2>
        <p className="figure">{w.edgesAlive(alive, overview.edges.length)}</p>
        <span className="state" data-tone={allAlive ? "good" : "bad"}>
          {allAlive ? words.edgesPage.alive : words.edgesPage.silent}
          {silent.length === 0 ? "" : words.common.colon + silent.join(", ")}
        </span>
      </section>
      <section className="panel tile" aria-label={w.sites}>
        <h2>{w.sites}</h2>
        <p className="figure">{w.sitesActive(overview.sites.active)}</p>
        <span className="state" data-tone={overview.sites.held > 0 ? "warn" : "quiet"}>
          {w.sitesHeld(overview.sites.held)}
        </span>
        {running === 0 ? null : (
          <p>
            <Link className="tag" data-tone="bad" href="/incidents?state=active">
              {words.protection.incidents.badge(running)}
            </Link>
          </p>
        )}
      </section>
      <section className="panel tile" aria-label={w.log}>
        <h2>{w.log}</h2>
        <p className="figure">{w.logSize(overview.log.size)}</p>
        <span className="state" data-tone={overview.log.witnessed ? "good" : "warn"}>
          {overview.log.witnessed ? w.witnessed : w.unwitnessed}
        </span>
        {overview.log.witnessed ? null : <p className="small quiet">{w.unwitnessedMore}</p>}
        <p className="small quiet">
          {overview.log.checkpointAt === null ? (
            w.noCheckpoint
          ) : (
            <>
              {w.logAt}
              {words.common.colon}
              <Ago at={overview.log.checkpointAt} />
            </>
          )}
        </p>
      </section>
      <section className="panel tile" aria-label={w.vault}>
        <h2>{w.vault}</h2>
        <p className="figure">{overview.vault.ready ? w.vaultReady : w.vaultNotReady}</p>
        {overview.vault.ready ? (
          <p className="small quiet">
            {w.fingerprint} <code>{overview.vault.fingerprint}</code>
          </p>
        ) : (
          <p className="small">
            {w.vaultHow} <span className="command">{w.vaultCommand}</span>
          </p>
        )}
      </section>
      <section className="panel tile" aria-label={w.mail}>
        <h2>{w.mail}</h2>
        <p className="figure">{overview.mail.route ? w.mailRoute : w.mailNoRoute}</p>
        <p className="row">
          <span className="state" data-tone={overview.mail.waiting > 0 ? "warn" : "quiet"}>
            {w.mailWaiting(overview.mail.waiting)}
          </span>
          <span className="state" data-tone={overview.mail.failed > 0 ? "bad" : "quiet"}>
            {w.mailFailedShort(overview.mail.failed)}
          </span>
        </p>
      </section>
      <section className="panel tile" aria-label={w.database}>
        <h2>{w.database}</h2>
        <p className="figure">{overview.database === "pglite" ? w.pglite : w.postgresql}</p>
        {overview.database === "pglite" ? <p className="small quiet">{w.pgliteMore}</p> : null}
      </section>
      <div className="tile-wide">
        <Panel title={w.alarms}>
          {overview.alarms.length === 0 ? (
            <p className="quiet">{w.noAlarms}</p>
          ) : (
            <ul className="stack-tight">
              {overview.alarms.map((alarm) => (
                <li key={`${alarm.at} ${alarm.code} ${alarm.what}`} className="note" data-tone="warn">
                  <span>{alarm.what}</span>
                  <span className="small quiet">
                    <Ago at={alarm.at} /> · <code>{alarm.code}</code>
                  </span>
                </li>
              ))}
            </ul>
          )}
        </Panel>
      </div>
    </div>
  );
}

export function OverviewScreen() {
  const words = useWords();
  const overview = useOverview();
  const me = useMe();
  return (
    <>
      <Head title={words.overview.title} />
      <Loaded query={overview}>
        {(data) => (
          <div className="stack">
            {me.data === undefined ? null : <Verdict needs={needsOf(data, { me: me.data, words })} />}
            <Tiles overview={data} />
          </div>
        )}
      </Loaded>
    </>
  );
}
