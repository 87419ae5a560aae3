/** The same floods, from the same seed, at what the edge is compared with. Shorter, since what a fixed limit does it does from the first second on. */
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "../src/node/free-port.ts";
import type { Child } from "./flood-children.ts";
import { FLOOD_RIVALS, startFloodRival, type FloodRival } from "./flood-rivals.ts";
import {
  endCrowd,
  floodFigures,
  nowMs,
  originReport,
  pause,
  runFlood,
  SEATS,
  startCrowd,
  type FloodRun,
} from "./flood-run.ts";
import type { FloodScenario } from "./flood-scenarios.ts";

export type Comparison = {
  readonly origin: Child;
  readonly originPort: number;
  readonly folder: string;
  readonly workers: number;
  readonly calmSeconds: number;
  readonly floodSeconds: number;
  readonly scenarios: readonly FloodScenario[];
  readonly seed: number;
  readonly say: (line: string) => void;
};

export type RivalRuns = Readonly<Record<FloodRival, Readonly<Record<string, FloodRun>>>>;

export async function compareRivals(c: Comparison): Promise<RivalRuns> {
  const table: Partial<Record<FloodRival, Record<string, FloodRun>>> = {};
  for (const rival of FLOOD_RIVALS) {
    const runs: Record<string, FloodRun> = {};
    table[rival] = runs;
    for (const scenario of c.scenarios) {
      const found = await one(c, { rival, scenario });
      runs[scenario.name] = found;
      c.say(
        `${rival} (${scenario.name}): ${found.mitigatedMs === null ? "never under 5 %" : `under 5 % after ${found.mitigatedMs} ms`}, ` +
          `${found.flood.success} of visits, p99 ${found.flood.p99Ms} ms, origin saturated for ${found.originFlood.saturatedSeconds} s`,
      );
    }
  }
  return table as RivalRuns;
}

/** With a server of its own each time: what one flood left in a table must not help or hurt with the next. */
async function one(
  c: Comparison,
  { rival, scenario }: { readonly rival: FloodRival; readonly scenario: FloodScenario },
): Promise<FloodRun> {
  const port = await freePort();
  const host = `${rival}-${scenario.name}.flood.example`;
  const server = startFloodRival(rival, {
    folder: join(c.folder, `${rival}-${scenario.name}`),
    port,
    originPort: c.originPort,
    workers: c.workers,
  });
  try {
    const stage = {
      origin: c.origin,
      front: { name: rival, port, pid: server.pid ?? 0 },
      host,
      seed: c.seed,
      seats: SEATS,
    };
    await untilListens(port);
    const crowd = await startCrowd(stage, { flood: scenario.addresses, guests: 1 });
    const fromMs = nowMs();
    await pause(c.calmSeconds * 1000);
    const calm = { fromMs, toMs: nowMs() };
    const flood = await runFlood(crowd, { scenario, seconds: c.floodSeconds });
    const { visits } = await endCrowd(crowd);
    return floodFigures(flood, { visits, calm, origin: await originReport(stage) });
  } finally {
    const gone = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    await gone;
  }
}

async function untilListens(port: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isThere) return;
    if (Date.now() > deadline) throw new Error("What is compared with does not listen.");
    await pause(50);
  }
}
