/** The headline figures of `bench flood` from what its parts found. A figure whose part was not run is null. */
import { medianOrNever } from "./flood-figures.ts";
import type { EdgeFlood } from "./flood-edge-runs.ts";
import type { FloodRun } from "./flood-run.ts";
import type { FloodFindings } from "./flood.bench.ts";
import { median, rounded } from "./measure.ts";

const COUNTED = ["a", "b", "c"];

export function floodTable(found: FloodFindings): object {
  const { floods, burst, slow, resets, keys, rivals } = found;
  const counted = floods.filter(({ scenario }) => COUNTED.includes(scenario));
  const imitation = floods.find(({ scenario }) => scenario === "d");
  const mitigated = counted.map(({ mitigatedMs }) => mitigatedMs);
  const lifts = floods.map(({ liftMs }) => liftMs);
  return {
    mitigateMsMedian: medianOrNever(mitigated),
    mitigateMs: Object.fromEntries(counted.map((run) => [`${run.scenario}-${run.seed}`, run.mitigatedMs])),
    neverMitigated: mitigated.filter((ms) => ms === null).length,
    goodSuccess: counted.length === 0 ? null : Math.min(...counted.map(({ flood }) => flood.success)),
    goodP99Ratio: worstRatio(counted),
    imitateMs: imitation?.mitigatedMs ?? null,
    imitateOriginBelowSaturation:
      imitation === undefined ? null : imitation.originFlood.saturatedSecondsLater === 0,
    imitateSaturatedSeconds: imitation?.originFlood.saturatedSeconds ?? null,
    imitateGoodSuccess: imitation?.flood.success ?? null,
    falseMitigations: burst?.falseMitigations ?? null,
    liftMsMax: floods.length === 0 || lifts.includes(null) ? null : Math.max(...lifts.map((ms) => ms ?? 0)),
    keysMemoryMb: keys?.memoryMb ?? null,
    bansHeld: keys?.bansHeld ?? null,
    slowGoodSuccess: slow?.flood.success ?? null,
    resetsGoodSuccess: resets?.flood.success ?? null,
    resetsReachedShare: resets?.reachedShare ?? null,
    sideBySide: {
      parapet: Object.fromEntries(
        floods.filter(({ seed }) => seed === floods[0]?.seed).map((run) => [run.scenario, shortOf(run)]),
      ),
      ...Object.fromEntries(
        Object.entries(rivals ?? {}).map(([rival, runs]) => [
          rival,
          Object.fromEntries(Object.entries(runs).map(([name, run]) => [name, shortOf(run)])),
        ]),
      ),
    },
    details: { floods, burst, slow, resets, keys, rivals },
  };
}

/** The worst of the scenarios, each with the median of its seeds: a percentile of one calm rests on a handful of visits. */
function worstRatio(runs: readonly EdgeFlood[]): number | null {
  if (runs.length === 0) return null;
  const scenarios = new Set(runs.map(({ scenario }) => scenario));
  const ratios = [...scenarios].map((name) =>
    median(runs.filter(({ scenario }) => scenario === name).map(({ p99Ratio }) => p99Ratio)),
  );
  return rounded(Math.max(...ratios));
}

function shortOf(run: FloodRun): object {
  return {
    mitigatedMs: run.mitigatedMs,
    reachedShare: run.reachedShare,
    goodSuccess: run.flood.success,
    goodP99Ms: run.flood.p99Ms,
    p99Ratio: run.p99Ratio,
    originSaturatedSeconds: run.originFlood.saturatedSeconds,
    cpu: run.cpu,
  };
}
