/**
 * The flood, a process of its own: many addresses that send at a steady rate, whatever comes back, over connections of their own that they keep for a while. It is as
 * cheap as it can be, since it shares the machine with what it floods; what it used of the processor is told. A bot whose connections all
 * wait sends nothing, as a real one could not either, and what was really sent is what counts.
 */
import { BUCKET_MS } from "./flood-figures.ts";
import { floodRequests, type FloodShape } from "./flood-shapes.ts";
import { seededRandom } from "./flood-random.ts";
import { Wire, type Answer } from "./flood-wire.ts";

export type BotsAsk =
  | {
      readonly ask: "begin";
      readonly port: number;
      readonly host: string;
      readonly seed: number;
      readonly shape: FloodShape;
      readonly addresses: readonly string[];
      readonly requestsPerSecond: number;
    }
  | { readonly ask: "end" };
export type BotsReport = {
  readonly fromMs: number;
  /** Per BUCKET_MS. */
  readonly counts: readonly number[];
  readonly withheld: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly cpuMicros: number;
  readonly lastMs: number;
};

const REQUESTS_PER_CONNECTION = 60;
const CONNECTIONS_PER_BOT = 4;
const TIMEOUT_MS = 10_000;
const TICK_MS = 5;

const now = (): number => performance.timeOrigin + performance.now();

type Bot = { readonly address: string; readonly wires: (Wire | undefined)[] };

function begin(ask: Extract<BotsAsk, { ask: "begin" }>): () => BotsReport {
  const random = seededRandom(ask.seed, "bots");
  const next = floodRequests(ask.shape, { random, host: ask.host });
  const bots: Bot[] = ask.addresses.map((address) => ({ address, wires: [] }));
  const fromMs = now();
  const counts: number[] = [];
  const statuses: Record<string, number> = {};
  let withheld = 0;
  let turn = 0;
  let lastMs = 0;
  let due = 0;

  const done = (answer: Answer | Error): void => {
    const status = answer instanceof Error ? answer.message : String(answer.status);
    statuses[status] = (statuses[status] ?? 0) + 1;
  };
  const send = (): void => {
    const bot = bots[turn % bots.length];
    turn += 1;
    if (bot === undefined) return;
    const wire = freeWire(bot, ask.port);
    if (wire === undefined) {
      withheld += 1;
      return;
    }
    lastMs = now();
    const at = Math.floor((lastMs - fromMs) / BUCKET_MS);
    while (counts.length <= at) counts.push(0);
    counts[at] = (counts[at] ?? 0) + 1;
    wire.send(next(), { keepBody: false, done });
  };
  const timer = setInterval(() => {
    const reached = ((now() - fromMs) / 1000) * ask.requestsPerSecond;
    // After a stall what was missed is not made up for at once.
    due = Math.max(due, reached - ask.requestsPerSecond / 10);
    for (; due < reached; due++) send();
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    for (const bot of bots) for (const wire of bot.wires) wire?.close();
    const { user, system } = process.cpuUsage();
    return { fromMs, counts, withheld, statuses, cpuMicros: user + system, lastMs };
  };
}

function freeWire(bot: Bot, port: number): Wire | undefined {
  for (let i = 0; i < CONNECTIONS_PER_BOT; i++) {
    const wire = bot.wires[i];
    if (wire?.isBusy === true) continue;
    if (wire?.isOpen === true && wire.requests < REQUESTS_PER_CONNECTION) return wire;
    wire?.close();
    return (bot.wires[i] = new Wire({ port, address: bot.address, timeoutMs: TIMEOUT_MS }));
  }
  return undefined;
}

let end: (() => BotsReport) | undefined;
process.on("message", (message: BotsAsk) => {
  if (message.ask === "begin") {
    end = begin(message);
    process.send?.({ begun: true });
  } else {
    const report = end?.();
    process.send?.({ report });
  }
});
process.on("disconnect", () => process.exit(0));
