/**
 * `edge [--data DIR]`: one edge node alone, from its last good policy, with the control plane dead or elsewhere (design law 9).
 */
import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import { buildEdge } from "./build-edge.ts";
import { DATA_OPTION, dataDirFrom, ROOT } from "./data-dir.ts";
import { lockDataDir } from "./data-lock.ts";
import { readSettings } from "./settings.ts";
import { watchNode } from "./watch.ts";
import type { Verb } from "./verb.ts";
import { runEdge } from "../node/run-edge.ts";
import type { NodeId } from "../contract/ids.ts";
import type { Alarm } from "../contract/policy.ts";
import type { RunningWatch } from "../watch/watch.ts";

export const verb: Verb = async (args) => {
  const { values } = parseArgs({ args: [...args], options: DATA_OPTION });
  const dataDir = dataDirFrom(values.data);
  const settings = readSettings({ dataDir });
  const keyFile = `${dataDir}/edge/pinned-vkey`;
  if (!existsSync(keyFile) || !existsSync(`${dataDir}/edge/node-id`)) {
    throw new Fault(
      "edge.not-running",
      `Cannot start an edge alone in ${dataDir} as no edge ever ran there: start it once with ./parapet up`,
    );
  }
  const unlock = lockDataDir(dataDir);
  const tell = ({ code, what }: Alarm): void => void process.stderr.write(`! ${what} (${code})\n`);
  let watch: RunningWatch | null = null;
  try {
    await buildEdge({ outDir: `${ROOT}/build/edge` });
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stop.abort());
    await runEdge({
      nodeId: readFileSync(`${dataDir}/edge/node-id`, "utf8") as NodeId,
      nodeName: "edge-1",
      dataDir,
      listen: settings.edgeListen,
      listenTls: settings.edgeListenTls === "" ? null : settings.edgeListenTls,
      workers: settings.edgeWorkers,
      edgeLuaDir: `${ROOT}/build/edge`,
      pinnedVkey: readFileSync(keyFile, "utf8").trim(),
      originPrivateRanges: settings.originPrivateRanges,
      countryDatabase: settings.countryDatabase,
      asnDatabase: settings.asnDatabase,
      allowNetworks: settings.edgeAllowNetworks,
      kernelBans: settings.kernelBans,
      crawlerRanges: settings.crawlerRanges,
      onAlarm: tell,
      now: Date.now,
      signal: stop.signal,
      onReady: (node) => {
        watch = watchNode(node, { bus: null, dataDir, now: Date.now, onAlarm: tell });
        process.stdout.write(
          `The edge runs alone on ${node.address}, from its last good policy. Ctrl-C stops it.\n`,
        );
      },
      onStop: () => watch?.stop(),
    });
    return 0;
  } finally {
    unlock();
  }
};
