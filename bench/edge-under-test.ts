/** An edge node as the benches measure it: one worker unless said otherwise, every check on, many sites if wanted. */
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { createLocalBus, type Bus } from "../src/bus/bus.ts";
import {
  newId,
  type CaseId,
  type DecisionId,
  type MeasureId,
  type NodeId,
  type SiteId,
} from "../src/contract/ids.ts";
import type { MeasureRecord } from "../src/contract/measure.ts";
import { newPolicy } from "../src/contract/new-policy.ts";
import { singleOrigin } from "../src/contract/origin-pool.ts";
import type { PolicyAck, SitePolicy } from "../src/contract/policy.ts";
import { ACK_TOPICS, policyTopic } from "../src/contract/topics.ts";
import { makeReceipt, TEST_VKEY } from "../src/ledger/core/testing.ts";
import { startNode, type NodeOptions, type RunningNode } from "../src/node/node.ts";

export const EDGE_LUA_DIR = fileURLToPath(new URL("../build/edge", import.meta.url));
const random = (n: number): Uint8Array => randomBytes(n);

export type EdgeUnderTest = {
  readonly node: RunningNode;
  readonly bus: Bus;
  /** Publishes and resolves when the node has confirmed every one. */
  apply(policies: readonly SitePolicy[]): Promise<void>;
  stop(): Promise<void>;
};

export function nodeOptions(
  dataDir: string,
  changes: Partial<NodeOptions> = {},
): Omit<NodeOptions, "bus"> & { nodeId: NodeId } {
  return {
    nodeId: newId<NodeId>("node", random),
    nodeName: "bench",
    dataDir,
    listen: "127.0.0.1:0",
    listenTls: null,
    workers: 1,
    edgeLuaDir: EDGE_LUA_DIR,
    pinnedVkey: TEST_VKEY,
    originPrivateRanges: ["127.0.0.0/8"],
    onAlarm: ({ what }) => process.stderr.write(`alarm: ${what}\n`),
    now: () => Date.now(),
    ...changes,
  };
}

export async function startEdge(dataDir: string, changes: Partial<NodeOptions> = {}): Promise<EdgeUnderTest> {
  const bus = createLocalBus({
    onError: (error) => {
      throw error;
    },
  });
  const waiting = new Map<string, () => void>();
  bus.subscribe(ACK_TOPICS, ({ value }) => {
    const ack = value as PolicyAck;
    if (!ack.ok) throw new Error(ack.why);
    waiting.get(`${ack.siteId} ${ack.version}`)?.();
  });
  const node = await startNode({ ...nodeOptions(dataDir, changes), bus });
  return {
    node,
    bus,
    apply: async (policies) => {
      await Promise.all(
        policies.map(async (policy) => {
          const acked = new Promise<void>((resolve) =>
            waiting.set(`${policy.siteId} ${policy.version}`, resolve),
          );
          await bus.publish(policyTopic(policy.siteId), policy, { keep: true });
          await acked;
          waiting.delete(`${policy.siteId} ${policy.version}`);
        }),
      );
    },
    stop: async () => {
      await node.stop();
      await bus.close();
    },
  };
}

/** Every check on: a limit too wide for the load, and a measure that stands on another path. */
export function benchPolicy(originPort: number, hostname: string): SitePolicy {
  const siteId = newId<SiteId>("site", random);
  const record: MeasureRecord = {
    schema: 1,
    measureId: newId<MeasureId>("meas", random),
    decisionId: newId<DecisionId>("deci", random),
    caseId: newId<CaseId>("case", random),
    caseNumber: "2026-000001",
    kind: "withhold",
    scope: "path",
    subject: { siteId, hostname, path: "/threads/7" },
    clause: "life-threat",
    facts: "A named person's home address was posted beside a call to go there.",
    territory: ["*"],
    startsAt: "2026-01-01T00:00:00.000Z",
    endsAt: null,
    reviewAt: "2027-01-01T00:00:00.000Z",
    appealBy: ["customer", "reporter"],
    appealUrl: "https://parapet.example/appeals/2026-000001",
    blockedByUrl: "https://parapet.example/",
    operatorName: "Example Edge Operator",
    brake: false,
  };
  return newPolicy({
    siteId,
    version: 1,
    hostnames: [hostname],
    origin: singleOrigin("http", "127.0.0.1", originPort),
    limit: { requestsPerSecond: 1_000_000, burst: 1_000_000 },
    measures: [makeReceipt(record)],
  });
}

/** One of many sites: a limit, no measure, as almost all have none, and an origin of its own, as tenants have. */
export function plainPolicy(
  originPort: number,
  site: { readonly hostname: string; readonly address: string },
): SitePolicy {
  return newPolicy({
    siteId: newId<SiteId>("site", random),
    version: 1,
    hostnames: [site.hostname],
    origin: singleOrigin("http", site.address, originPort),
    limit: { requestsPerSecond: 1_000_000, burst: 1_000_000 },
  });
}
