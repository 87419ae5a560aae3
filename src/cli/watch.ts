/**
 * Puts watch beside a node: what the node counts goes in, mitigations and bans come out, incidents go over the bus if there is one. Watch ends before the
 * node does, so that it never asks a node that is gone. What it learned lies in the node's own folder.
 */
import { randomBytes } from "node:crypto";
import type { Bus } from "../bus/bus.ts";
import type { Alarm } from "../contract/policy.ts";
import type { RunningNode } from "../node/node.ts";
import { startWatch, type RunningWatch } from "../watch/watch.ts";

export function watchNode(
  node: RunningNode,
  options: {
    /** Null: the node is alone, and acts alone (design law 9). */
    readonly bus: Bus | null;
    readonly dataDir: string;
    readonly now: () => number;
    readonly onAlarm: (alarm: Alarm) => void;
  },
): RunningWatch {
  return startWatch({
    nodeId: node.nodeId,
    source: {
      drain: () => node.drainWatch(),
      mitigate: (mitigations) => node.mitigate(mitigations),
      ban: (bans) => node.ban(bans),
      modeOf: (siteId) => node.floodMode(siteId),
    },
    bus: options.bus,
    stateDir: `${options.dataDir}/edge`,
    now: options.now,
    random: (bytes) => randomBytes(bytes),
    onAlarm: options.onAlarm,
  });
}
