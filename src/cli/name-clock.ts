/**
 * What looks for the proofs of names that are due, beside the engine: it asks the DNS and strangers' servers, and no decision may wait for
 * those. The schedule itself is in the database, so that a restart loses nothing of it. One round at a time.
 */
import type { Hostnames } from "../sites/hostnames.ts";

const ROUND_MS = 1000;

export function startNameClock(options: {
  readonly hostnames: Pick<Hostnames, "runDue">;
  readonly onAlarm: (code: string, what: string) => void;
}): { close(): Promise<void> } {
  let running: Promise<void> | null = null;
  const round = async (): Promise<void> => {
    try {
      await options.hostnames.runDue();
    } catch (error) {
      options.onAlarm(
        "hostname.check",
        `The checks of names could not be carried on and are tried again: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  const timer = setInterval(() => {
    running ??= round().finally(() => {
      running = null;
    });
  }, ROUND_MS);
  return {
    async close() {
      clearInterval(timer);
      if (running) await running;
    },
  };
}
