/** The public side in figures, and the way to what anybody can verify. */
import { DANGER_LEVELS } from "../../contract/danger.ts";
import { useWords } from "../language.tsx";
import { DangerMark } from "../parts/danger-mark.tsx";
import { Head, Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Moment } from "../parts/times.tsx";
import { useTransparency } from "../queries.ts";

export function LogScreen() {
  const words = useWords();
  const w = words.logPage;
  const report = useTransparency();
  return (
    <>
      <Head title={w.title} intro={w.intro}>
        <div className="row">
          <a href="/log">{w.open} →</a>
          <a href="/transparency">{w.openReport} →</a>
        </div>
      </Head>
      <Loaded query={report}>
        {(data) => (
          <div className="stack">
            <Panel title={w.title}>
              <dl className="facts">
                <dt>{w.origin}</dt>
                <dd>
                  <code>{data.log.origin}</code>
                </dd>
                <dt>{w.key}</dt>
                <dd>
                  <code>{data.log.vkey}</code>
                </dd>
                <dt>{w.size}</dt>
                <dd>{data.log.size.toLocaleString(words.time.locale)}</dd>
              </dl>
            </Panel>
            <Panel
              title={w.counts}
              aside={
                <span className="small quiet">
                  <Moment at={data.from} /> – <Moment at={data.until} />
                </span>
              }
            >
              <dl className="facts">
                <dt>{w.reports}</dt>
                <dd>{data.reports.toLocaleString(words.time.locale)}</dd>
                <dt>{w.sources}</dt>
                <dd>{data.sources.toLocaleString(words.time.locale)}</dd>
                <dt>{w.cases}</dt>
                <dd>{data.cases.toLocaleString(words.time.locale)}</dd>
                <dt>{w.measures}</dt>
                <dd>
                  {data.measures.length === 0
                    ? w.noMeasures
                    : data.measures
                        .map((m) => `${m.count} × ${words.kind[m.kind]} (${words.scope[m.scope]})`)
                        .join(", ")}
                </dd>
                <dt>{w.refusals}</dt>
                <dd>{data.refusals}</dd>
                <dt>{w.brakes}</dt>
                <dd>{w.brakesOf(data.brakes.pulled, data.brakes.ratified, data.brakes.lapsed)}</dd>
                <dt>{w.appeals}</dt>
                <dd>{w.appealsOf(data.appeals.made, data.appeals.granted, data.appeals.refused)}</dd>
                <dt>{w.referrals}</dt>
                <dd>{w.referralsOf(data.referrals.made, data.referrals.delivered)}</dd>
                <dt>{w.openings}</dt>
                <dd>
                  {w.openingsOf(data.openings.requested, data.openings.approved, data.openings.handedOut)}
                </dd>
                <dt>{w.returnsHeld}</dt>
                <dd>{data.returnsHeld}</dd>
                <dt>{w.brigades}</dt>
                <dd>{data.brigades}</dd>
              </dl>
            </Panel>
            <Panel title={w.byLevel}>
              <ul className="stack-tight">
                {[...DANGER_LEVELS].reverse().map((level) => (
                  <li className="row" key={level}>
                    <span className="level-col">
                      <DangerMark level={level} />
                    </span>
                    <strong>{data.byLevel[level]}</strong>
                  </li>
                ))}
              </ul>
            </Panel>
          </div>
        )}
      </Loaded>
    </>
  );
}
