/**
 * What carries on by itself: decisions through ledger and policy, policies to the bus, mail on its way, a checkpoint when
 * nothing happens. One round at a time; a wake during a round starts another one right after. A round that fails raises an
 * alarm and is tried again at the next tick: no step is lost, as each part keeps its own unfinished work in the database.
 */
import type { Desk } from "../desk/desk.ts";
import type { Mail } from "../mail/mail.ts";
import type { Certificates } from "../sites/certificates.ts";
import type { Sites } from "../sites/sites.ts";

const TICK_MS = 250;
/** A checkpoint at least this often, also when nothing happens: silence of the log is then a sign of its own. */
const CHECKPOINT_MS = 10 * 60_000;

export type Engine = {
  /** Something changed: carry on now. */
  wake(): void;
  /** Resolves when nothing moved in a whole round. */
  settled(): Promise<void>;
  close(): Promise<void>;
};

export function startEngine(options: {
  readonly desk: Desk;
  readonly sites: Sites;
  readonly mail: Mail;
  readonly certificates: Certificates;
  readonly ledger: { refresh(): Promise<void> };
  readonly onAlarm: (code: string, what: string) => void;
}): Engine {
  const { desk, sites, mail, certificates, ledger, onAlarm } = options;
  let refreshedAt = performance.now();
  let running: Promise<boolean> | null = null;
  let again = false;
  let closed = false;

  async function round(): Promise<boolean> {
    let moved = 0;
    for (const [name, step] of [
      ["desk", async () => (await desk.advance()).moved],
      ["sites", async () => (await sites.publish()).published],
      ["protection", async () => sites.protection.advance()],
      ["origins", async () => lookAtOrigins()],
      ["certificates", async () => (await certificates.advance()).moved],
      ["mail", async () => (await mail.deliver()).sent],
      ["log", refreshIfDue],
    ] as const) {
      try {
        moved += await step();
      } catch (error) {
        onAlarm(
          `engine.${name}`,
          `The ${name} could not carry on and tries again: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
    return moved > 0;
  }

  /** They run beside the rounds, a few a minute. */
  function lookAtOrigins(): number {
    sites.origins.checkDue();
    return 0;
  }

  async function refreshIfDue(): Promise<number> {
    if (performance.now() - refreshedAt < CHECKPOINT_MS) return 0;
    await ledger.refresh();
    refreshedAt = performance.now();
    return 0;
  }

  function run(): Promise<boolean> {
    if (running) {
      again = true;
      return running;
    }
    running = round().finally(() => {
      running = null;
      if (again && !closed) {
        again = false;
        void run();
      }
    });
    return running;
  }

  const timer = setInterval(() => void run(), TICK_MS);
  return {
    wake: () => void run(),
    async settled() {
      let moved = true;
      while (moved) {
        if (running) await running;
        moved = await run();
      }
    },
    async close() {
      closed = true;
      clearInterval(timer);
      if (running) await running;
    },
  };
}
