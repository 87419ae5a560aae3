/** `status`: one look at a running instance, for a terminal. Says what needs a person first. */
import { parseArgs } from "node:util";
import type { BanView, CursorPage, IncidentRow } from "../contract/http-protection.ts";
import type { OverviewView } from "../contract/http.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { callLocal } from "./local-client.ts";
import type { Verb } from "./verb.ts";

export const verb: Verb = async (args) => {
  const { values } = parseArgs({
    args: [...args],
    options: { ...DATA_OPTION, json: { type: "boolean", default: false } },
  });
  const dataDir = dataDirFrom(values.data);
  const ask = <T>(path: string): Promise<T> => callLocal<T>(dataDir, { method: "GET", path });
  const overview = await ask<OverviewView>("/status");
  if (values.json) {
    process.stdout.write(`${JSON.stringify(overview)}\n`);
    return 0;
  }
  const incidents = await ask<CursorPage<IncidentRow>>("/incidents?state=active");
  const bans = await ask<CursorPage<BanView>>("/bans?state=in-force");
  const lines = [
    ...overview.alarms.map((alarm) => `! ${alarm.what}`),
    incidents.total === 0
      ? "No site is being flooded"
      : `${counted(incidents.total, "incident")} under way, the latest at ${incidents.items[0]?.siteName ?? "a site"}: see ./parapet incidents`,
    ...overview.queue
      .filter((row) => row.open > 0)
      .map((row) => `${row.level}: ${row.open} open, ${row.overdue} overdue`),
    `${overview.waitingForSecond} decisions wait for a second person, ${overview.appealsOpen} appeals are open`,
    `${overview.sites.active} sites, ${overview.sites.held} held for a human`,
    `${overview.edges.filter((edge) => edge.alive).length} of ${overview.edges.length} edges alive`,
    `${counted(bans.total, "ban")} in force${bans.total === 0 ? "" : ": see ./parapet ban list"}`,
    `Log ${overview.log.origin}: ${overview.log.size} entries, ${overview.log.witnessed ? "witnessed" : "unwitnessed"}`,
    overview.vault.ready
      ? `Vault ready (${overview.vault.fingerprint})`
      : "Vault not ready: run ./parapet vault init",
    overview.mail.route
      ? `Mail: ${overview.mail.waiting} waiting, ${overview.mail.failed} failed`
      : "Mail has no way out: set smtpUrl",
    overview.database === "pglite" ? "Database: embedded, not for production" : "Database: PostgreSQL",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  return overview.alarms.length > 0 ? 1 : 0;
};

const counted = (many: number, what: string): string => `${many} ${what}${many === 1 ? "" : "s"}`;
