/**
 * The geometry of a chart of requests per second, without a screen: scales that end at round numbers, areas as SVG paths, moments for the axis, and which
 * point lies nearest to where somebody looks. Points come in order of time; whatever they hold, no path leaves its box. Lengths are pixels.
 */

export type ChartPoint = {
  readonly atMs: number;
  /** Requests per second that came, and that were let through. */
  readonly came: number;
  readonly passed: number;
};

export type ChartBox = {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
};

const STEPS = [1, 2, 3, 4, 5, 6, 8, 10] as const;

/** The first of these steps, times a power of ten, that is not below the value; 1 for nothing at all. */
export function roundCeiling(value: number): number {
  if (!Number.isFinite(value) || value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = STEPS.find((each) => each * power >= value) ?? 10;
  return Math.min(factor * power, Number.MAX_VALUE);
}

export type Scale = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly ceiling: number;
};

/** What the axes span: all points, and the usual rate where it is known. A single point still has a second of width. */
export function scaleOf(points: readonly ChartPoint[], usual: number): Scale {
  const fromMs = points[0]?.atMs ?? 0;
  const toMs = Math.max(points[points.length - 1]?.atMs ?? 0, fromMs + 1000);
  const most = points.reduce((max, point) => Math.max(max, point.came, point.passed), usual);
  return { fromMs, toMs, ceiling: roundCeiling(most) };
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
const round = (value: number): number => Math.round(value * 10) / 10;

export function xOf(atMs: number, { scale, box }: { readonly scale: Scale; readonly box: ChartBox }): number {
  const share = clamp((atMs - scale.fromMs) / (scale.toMs - scale.fromMs), 0, 1);
  return round(box.left + share * box.width);
}

export function yOf(
  value: number,
  { scale, box }: { readonly scale: Scale; readonly box: ChartBox },
): number {
  const share = clamp(value / scale.ceiling, 0, 1);
  return round(box.top + (1 - share) * box.height);
}

/** The area below one of the two values, closed along the ground; "" where there is no point. */
export function areaPath(
  points: readonly ChartPoint[],
  input: { readonly what: "came" | "passed"; readonly scale: Scale; readonly box: ChartBox },
): string {
  const line = linePath(points, input);
  const first = points[0];
  const last = points[points.length - 1];
  if (line === "" || first === undefined || last === undefined) return "";
  const ground = round(input.box.top + input.box.height);
  return `${line}L${xOf(last.atMs, input)} ${ground}L${xOf(first.atMs, input)} ${ground}Z`;
}

export function linePath(
  points: readonly ChartPoint[],
  input: { readonly what: "came" | "passed"; readonly scale: Scale; readonly box: ChartBox },
): string {
  return points
    .map((point, i) => `${i === 0 ? "M" : "L"}${xOf(point.atMs, input)} ${yOf(point[input.what], input)}`)
    .join("");
}

/** Moments for the axis of time: both ends and what lies evenly between them. */
export function timeTicks({ fromMs, toMs }: Scale, count: number): readonly number[] {
  const steps = Math.max(1, Math.floor(count) - 1);
  return Array.from({ length: steps + 1 }, (_, i) => Math.round(fromMs + ((toMs - fromMs) * i) / steps));
}

/** The index of the point nearest to a moment; -1 where there is none. */
export function nearest(points: readonly ChartPoint[], atMs: number): number {
  let best = -1;
  points.forEach((point, i) => {
    const found = points[best];
    if (found === undefined || Math.abs(point.atMs - atMs) < Math.abs(found.atMs - atMs)) best = i;
  });
  return best;
}
