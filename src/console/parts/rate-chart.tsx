/**
 * Requests per second against what was let through, as two areas with the usual rate as a dashed line. It can be read in three ways: looked at, walked
 * along with a slider that says each moment aloud, or as a table. It claims nothing between the points it was given.
 */
import { useElementSize } from "@mantine/hooks";
import { useId, useState } from "react";
import { useWords } from "../language.tsx";
import {
  areaPath,
  linePath,
  nearest,
  scaleOf,
  timeTicks,
  xOf,
  yOf,
  type ChartPoint,
} from "../site/chart-scale.ts";

export type ChartMark = { readonly atMs: number; readonly label: string };

const HEIGHT = 220;
const TOP = 14;
const LEFT = 52;
const RIGHT = 10;
const GROUND = 26;
const TABLE_ROWS_MAX = 300;

const clockOf = (atMs: number, locale: string): string =>
  new Intl.DateTimeFormat(locale, { timeStyle: "medium" }).format(atMs);
const rateOf = (value: number, locale: string): string =>
  value.toLocaleString(locale, { maximumFractionDigits: value < 10 ? 1 : 0 });

function Drawing({
  points,
  usual,
  marks,
  at,
  width,
  label,
}: {
  readonly points: readonly ChartPoint[];
  readonly usual: number;
  readonly marks: readonly ChartMark[];
  readonly at: ChartPoint | null;
  readonly width: number;
  readonly label: string;
}) {
  const { locale } = useWords().time;
  const scale = scaleOf(points, usual);
  const box = { left: LEFT, top: TOP, width: width - LEFT - RIGHT, height: HEIGHT - TOP - GROUND };
  const to = { scale, box };
  const ground = TOP + box.height;
  const ticks = timeTicks(scale, width < 520 ? 2 : 4);
  return (
    <svg className="rate-chart" viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={label}>
      {[0, scale.ceiling / 2, scale.ceiling].map((value) => (
        <g key={value}>
          <line className="grid" x1={LEFT} x2={width - RIGHT} y1={yOf(value, to)} y2={yOf(value, to)} />
          <text x={LEFT - 8} y={yOf(value, to) + 4} textAnchor="end">
            {rateOf(value, locale)}
          </text>
        </g>
      ))}
      {ticks.map((tick, i) => (
        <text
          key={tick}
          x={xOf(tick, to)}
          y={HEIGHT - 6}
          textAnchor={i === 0 ? "start" : i === ticks.length - 1 ? "end" : "middle"}
        >
          {clockOf(tick, locale)}
        </text>
      ))}
      <path className="came-area" d={areaPath(points, { what: "came", ...to })} />
      <path className="came-line" d={linePath(points, { what: "came", ...to })} />
      <path className="passed-area" d={areaPath(points, { what: "passed", ...to })} />
      <path className="passed-line" d={linePath(points, { what: "passed", ...to })} />
      {usual > 0 ? (
        <line className="usual" x1={LEFT} x2={width - RIGHT} y1={yOf(usual, to)} y2={yOf(usual, to)} />
      ) : null}
      {marks.map((mark) => (
        <line
          key={mark.label}
          className="mark"
          x1={xOf(mark.atMs, to)}
          x2={xOf(mark.atMs, to)}
          y1={TOP}
          y2={ground}
        />
      ))}
      {at === null ? null : (
        <>
          <line className="here" x1={xOf(at.atMs, to)} x2={xOf(at.atMs, to)} y1={TOP} y2={ground} />
          <circle className="here-came" cx={xOf(at.atMs, to)} cy={yOf(at.came, to)} r="4" />
          <circle className="here-passed" cx={xOf(at.atMs, to)} cy={yOf(at.passed, to)} r="4" />
        </>
      )}
    </svg>
  );
}

export function RateChart({
  points,
  usual,
  marks = [],
}: {
  readonly points: readonly ChartPoint[];
  readonly usual: number;
  readonly marks?: readonly ChartMark[];
}) {
  const words = useWords();
  const w = words.protection.chart;
  const { locale } = words.time;
  const id = useId();
  const { ref, width } = useElementSize<HTMLDivElement>();
  const [lookedAtMs, setLookedAtMs] = useState<number | null>(null);
  if (points.length === 0) return <p className="quiet">{w.none}</p>;
  const peak = points.reduce((best, point) => (point.came > best.came ? point : best));
  // Nobody has looked anywhere yet: the worst moment says most.
  const index = nearest(points, lookedAtMs ?? peak.atMs);
  const at = points[index] ?? peak;
  const say = (point: ChartPoint): string =>
    w.at(clockOf(point.atMs, locale), rateOf(point.came, locale), rateOf(point.passed, locale));
  const summary = w.summary({
    peak: rateOf(peak.came, locale),
    at: clockOf(peak.atMs, locale),
    passed: rateOf(peak.passed, locale),
    usual: rateOf(usual, locale),
  });
  return (
    <div className="stack-tight" ref={ref}>
      <ul className="chart-key" aria-hidden="true">
        <li data-key="came">{w.came}</li>
        <li data-key="passed">{w.passed}</li>
        {usual > 0 ? <li data-key="usual">{w.usual(rateOf(usual, locale))}</li> : null}
      </ul>
      <Drawing
        points={points}
        usual={usual}
        marks={marks}
        at={at}
        width={Math.max(280, width)}
        label={summary}
      />
      <div className="chart-look">
        <label className="small quiet" htmlFor={id}>
          {w.look}
        </label>
        <input
          id={id}
          type="range"
          min={0}
          max={points.length - 1}
          value={index}
          aria-valuetext={say(at)}
          onChange={(event) => setLookedAtMs(points[Number(event.currentTarget.value)]?.atMs ?? null)}
        />
        <output htmlFor={id} className="small">
          {say(at)}
        </output>
      </div>
      <details>
        <summary>{w.table}</summary>
        <div className="table-box" tabIndex={0} role="region" aria-label={w.table}>
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">{w.moment}</th>
                <th scope="col">{w.came}</th>
                <th scope="col">{w.passed}</th>
              </tr>
            </thead>
            <tbody>
              {points.slice(-TABLE_ROWS_MAX).map((point) => (
                <tr key={point.atMs}>
                  <th scope="row">{clockOf(point.atMs, locale)}</th>
                  <td>{rateOf(point.came, locale)}</td>
                  <td>{rateOf(point.passed, locale)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </div>
  );
}
