/**
 * The stage for scenarios on a real edge: a node with real nginx in a fresh folder, real origins on the loopback, policies with real
 * receipts from a test log. Everything it starts it also ends.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import {
  createServer,
  request,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLocalBus, type Bus } from "../../src/bus/bus.ts";
import { buildEdge } from "../../src/cli/build-edge.ts";
import {
  newId,
  type CaseId,
  type DecisionId,
  type MeasureId,
  type NodeId,
  type SiteId,
} from "../../src/contract/ids.ts";
import type { MeasureRecord } from "../../src/contract/measure.ts";
import { newPolicy } from "../../src/contract/new-policy.ts";
import { singleOrigin } from "../../src/contract/origin-pool.ts";
import type { Alarm, PolicyAck, SitePolicy } from "../../src/contract/policy.ts";
import { ackTopic, policyTopic } from "../../src/contract/topics.ts";
import { TEST_VKEY } from "../../src/ledger/core/testing.ts";
import { cacheRoomOf } from "../../src/node/cache-room.ts";
import { startNode, type NodeOptions, type RunningNode } from "../../src/node/node.ts";

const EDGE_LUA_DIR = fileURLToPath(new URL("../../build/edge", import.meta.url));
const random = (n: number): Uint8Array => randomBytes(n);

export type Stage = {
  readonly bus: Bus;
  readonly dataDir: string;
  readonly alarms: Alarm[];
  readonly options: NodeOptions;
  node: RunningNode;
  /** Publishes the policy and resolves with this node's word on that version. */
  apply(policy: SitePolicy): Promise<PolicyAck>;
  send(input: Ask): Promise<Answer>;
  end(): Promise<void>;
};

export type Ask = {
  readonly host: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
  /** Another address of the loopback to come from. */
  readonly localAddress?: string;
};
export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

export async function openStage(overrides: Partial<NodeOptions> = {}): Promise<Stage> {
  await buildEdge({ outDir: EDGE_LUA_DIR });
  const dataDir = overrides.dataDir ?? mkdtempSync(join(tmpdir(), "parapet-edge-"));
  const alarms: Alarm[] = [];
  const bus =
    overrides.bus ??
    createLocalBus({
      onError: (error) => {
        throw error;
      },
    });
  const options: NodeOptions = {
    bus,
    nodeId: newId<NodeId>("node", random),
    nodeName: "edge under test",
    dataDir,
    listen: "127.0.0.1:0",
    listenTls: null,
    workers: 2,
    edgeLuaDir: EDGE_LUA_DIR,
    pinnedVkey: TEST_VKEY,
    originPrivateRanges: ["127.0.0.0/8", "::1/128"],
    onAlarm: (alarm) => alarms.push(alarm),
    now: () => Date.now(),
    ...overrides,
  };
  const stage: Stage = {
    bus,
    dataDir,
    alarms,
    options,
    node: await startNode(options),
    apply: (policy) => applyTo(bus, options.nodeId, policy),
    send: (input) => ask(stage.node.address, input),
    async end() {
      await stage.node.stop();
      await bus.close();
      const cacheDir = cacheRoomOf(join(dataDir, "edge"));
      if (cacheDir !== null) rmSync(cacheDir, { recursive: true, force: true });
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return stage;
}

function applyTo(bus: Bus, nodeId: NodeId, policy: SitePolicy): Promise<PolicyAck> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      off();
      reject(new Error("The node said nothing within 15 s."));
    }, 15_000);
    const off = bus.subscribe(ackTopic(nodeId, policy.siteId), ({ value }) => {
      const ack = value as PolicyAck;
      if (ack.version !== policy.version || ack.atMs < asked) return;
      clearTimeout(late);
      setImmediate(() => off());
      resolve(ack);
    });
    const asked = Date.now();
    void bus.publish(policyTopic(policy.siteId), policy, { keep: true });
  });
}

export function ask(address: string, input: Ask): Promise<Answer> {
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replaceAll(/[[\]]/g, "");
  const port = address.slice(at + 1);
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        host,
        port,
        path: input.path ?? "/",
        method: input.method ?? "GET",
        headers: { host: input.host, ...input.headers },
        ...(input.localAddress === undefined ? {} : { localAddress: input.localAddress }),
        agent: false,
      },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(parts).toString("utf8"),
          }),
        );
      },
    );
    asking.on("error", reject);
    asking.end(input.body);
  });
}

/** Sends bytes as they are and resolves with all that comes back until the edge closes, or `untilMs` passed. */
export function sendRaw(address: string, bytes: string, untilMs = 1500): Promise<string> {
  const [host = "", port] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host);
    let text = "";
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(done, untilMs);
    socket.on("data", (part) => (text += part.toString("latin1")));
    socket.on("end", done);
    socket.on("error", reject);
    socket.write(bytes, "latin1");
  });
}

export type Origin = {
  readonly port: number;
  readonly requests: {
    method: string;
    url: string;
    headers: IncomingHttpHeaders;
    raw: string[];
    body: string;
  }[];
  readonly server: Server;
  end(): Promise<void>;
};

/** A real HTTP server on the loopback that keeps what it was asked. */
export async function openOrigin(
  listener: RequestListener = (_, answer) => void answer.end("hello from the origin"),
): Promise<Origin> {
  const requests: Origin["requests"] = [];
  const server = createServer((asked, answer) => {
    const parts: Buffer[] = [];
    asked.on("data", (part: Buffer) => parts.push(part));
    asked.on("end", () => {
      requests.push({
        method: asked.method ?? "",
        url: asked.url ?? "",
        headers: asked.headers,
        raw: asked.rawHeaders,
        body: Buffer.concat(parts).toString("utf8"),
      });
      listener(asked, answer);
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("The origin has no port.");
  return {
    port: bound.port,
    requests,
    server,
    end: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

let nextVersion = 1;

/** A policy that is right, save for what the test changes. Versions count up over the whole test. */
export function policyFor(port: number, changes: Partial<SitePolicy> = {}): SitePolicy {
  return newPolicy({
    siteId: newSiteId(),
    version: nextVersion++,
    hostnames: ["forum.example"],
    origin: singleOrigin("http", "127.0.0.1", port),
    ...changes,
  });
}

export function newSiteId(): SiteId {
  return newId<SiteId>("site", random);
}

export function recordFor(siteId: SiteId, changes: Partial<MeasureRecord> = {}): MeasureRecord {
  return {
    schema: 1,
    measureId: newId<MeasureId>("meas", random),
    decisionId: newId<DecisionId>("deci", random),
    caseId: newId<CaseId>("case", random),
    caseNumber: "2026-000012",
    kind: "withhold",
    scope: "path",
    subject: { siteId, hostname: "forum.example", path: "/threads/7" },
    clause: "life-threat",
    facts: "A named person's home address was posted beside a call to go there.",
    territory: ["*"],
    startsAt: new Date(Date.now() - 60_000).toISOString(),
    endsAt: null,
    reviewAt: new Date(Date.now() + 86_400_000).toISOString(),
    appealBy: ["customer", "reporter"],
    appealUrl: "https://parapet.example/appeals/2026-000012",
    blockedByUrl: "https://parapet.example/",
    operatorName: "Example Edge Operator",
    brake: false,
    ...changes,
  };
}

/** Waits until `condition` holds, and fails after `ms`. */
export async function until(condition: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("The condition did not come true in time.");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
