/** One look at the whole instance, for operators and for the command line. */
import { DANGER_LEVELS, type DangerLevel } from "../contract/danger.ts";
import type { OverviewView } from "../contract/http.ts";
import type { Services } from "./services.ts";

const BEGINNING = "1970-01-01T00:00:00.000Z";

export async function overviewOf(services: Services): Promise<OverviewView> {
  const { desk, sites, ledger, mail, settings, db } = services;
  const [all, edges, queue, waitingForSecond, totals, checkpoint, vault, mailStatus] = await Promise.all([
    sites.list(),
    sites.nodes(),
    desk.queueByLevel(),
    desk.waitingForSecond(),
    desk.transparency({ from: BEGINNING, until: new Date(services.now()).toISOString() }),
    ledger.checkpoint(),
    desk.vault(),
    mail.status(),
  ]);
  return {
    operatorName: settings.operatorName,
    sites: {
      active: all.items.filter((site) => site.state === "active").length,
      held: all.items.filter((site) => site.state === "held").length,
    },
    edges,
    queue: queue.filter((row): row is typeof row & { level: DangerLevel } =>
      (DANGER_LEVELS as readonly string[]).includes(row.level),
    ),
    waitingForSecond,
    appealsOpen: Math.max(0, totals.appeals.made - totals.appeals.granted - totals.appeals.refused),
    log: {
      origin: ledger.origin,
      vkey: ledger.vkey,
      size: checkpoint?.size ?? 0,
      checkpointAt: checkpoint?.signedAt ?? null,
      // No witness takes part yet: one signature, our own, is not a witness.
      witnessed: false,
    },
    vault: { ready: vault.ready, fingerprint: vault.fingerprint },
    mail: mailStatus,
    database: db.kind,
    alarms: services.alarms(),
  };
}
