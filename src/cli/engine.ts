/**
 * What carries on by itself: decisions through ledger and policy, policies to the bus, mail on its way, a checkpoint when
 * nothing happens. One round at a time; a wake during a round starts another one right after. A round that fails raises an
 * alarm and is tried again at the next tick: no step is lost, as each part keeps its own unfinished work in the database. Mail has
 * rounds of its own: a mail server that never answers must not hold up a decision.
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

type Step = readonly [name: string, step: () => Promise<number>];

type Lane = {
  /** Now, or right after the round that is on. True when something moved. */
  run(): Promise<boolean>;
  /** To its end, if one is on, and then a whole one. True when something moved in either. */
  runAnew(): Promise<boolean>;
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

  async function stepThrough(steps: readonly Step[]): Promise<boolean> {
    let moved = 0;
    for (const [name, step] of steps) {
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

  const rounds = lane(() =>
    stepThrough([
      ["desk", async () => (await desk.advance()).moved],
      ["sites", async () => (await sites.publish()).published],
      ["protection", async () => sites.protection.advance()],
      ["origins", async () => lookAtOrigins()],
      ["certificates", async () => (await certificates.advance()).moved],
      ["log", refreshIfDue],
    ]),
  );
  const letters = lane(() => stepThrough([["mail", async () => (await mail.deliver()).sent]]));
  const wake = (): void => {
    void rounds.run();
    void letters.run();
  };

  const timer = setInterval(wake, TICK_MS);
  return {
    wake,
    async settled() {
      for (;;) {
        const moved = await rounds.runAnew();
        // What was decided may have written letters.
        if (!(await letters.runAnew()) && !moved) return;
      }
    },
    async close() {
      clearInterval(timer);
      await Promise.all([rounds.close(), letters.close()]);
    },
  };
}

/** One round at a time. */
function lane(round: () => Promise<boolean>): Lane {
  let running: Promise<boolean> | null = null;
  let again = false;
  let closed = false;

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

  return {
    run,
    async runAnew() {
      const moved = running !== null && (await running);
      return (await run()) || moved;
    },
    async close() {
      closed = true;
      if (running) await running;
    },
  };
}
