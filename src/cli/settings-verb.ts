/**
 * `settings show HOST`, `settings set HOST FILE`, `settings history HOST`, `settings restore HOST REVISION`, `settings key HOST`: what an
 * owner sets for one site, from the machine's own command line. FILE is what `show` prints, changed; "-" reads it from the pipe.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import type { Page } from "../contract/http.ts";
import type { RevisionRow, SettingsView } from "../contract/http-sites.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { callLocal } from "./local-client.ts";
import type { Verb } from "./verb.ts";

const USAGE =
  "Cannot tell what to do with settings: ./parapet settings show HOST, set HOST FILE, history HOST, restore HOST REVISION, or key HOST";
const CHANGES_SHOWN_MAX = 20;

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { ...DATA_OPTION, note: { type: "string", default: "" } },
    allowPositionals: true,
  });
  const [what, host, third] = positionals;
  const needed: Readonly<Record<string, number>> = { show: 2, set: 3, history: 2, restore: 3, key: 2 };
  if (what === undefined || host === undefined || positionals.length !== needed[what]) {
    throw new Fault("input.invalid", USAGE);
  }
  const dataDir = dataDirFrom(values.data);
  const path = `/settings/${encodeURIComponent(host)}`;
  const call = <T>(method: string, at: string, body?: unknown): Promise<T> =>
    callLocal<T>(dataDir, { method, path: at, body });
  if (what === "show") {
    const view = await call<SettingsView>("GET", path);
    process.stdout.write(`${JSON.stringify(view.settings, null, 2)}\n`);
    warn(view);
  } else if (what === "history") {
    const { items, total } = await call<Page<RevisionRow>>("GET", `${path}/history`);
    for (const row of items) process.stdout.write(told(row));
    if (total > items.length) process.stdout.write(`… and ${total - items.length} older ones.\n`);
  } else if (what === "key") {
    const { signingKey } = await call<{ signingKey: string | null }>("GET", `${path}/signing-key`);
    if (signingKey === null)
      throw new Fault(
        "state.not-found",
        `Requests to the origin of ${host} are not signed: set origin.signed`,
      );
    process.stdout.write(`${signingKey}\n`);
  } else if (what === "set") {
    const settings = readJson(third ?? "");
    saved(host, await call<SettingsView>("PUT", path, { settings, note: values.note }));
  } else {
    const body = { revision: Number(third), note: values.note };
    saved(host, await call<SettingsView>("POST", `${path}/restore`, body));
  }
  return 0;
};

function saved(host: string, view: SettingsView): void {
  process.stdout.write(`${host} has revision ${view.revision} of its settings.\n`);
  warn(view);
}

/** Beside what was asked for, so that it does not get into a file that `show` is sent to. */
function warn(view: SettingsView): void {
  for (const warning of view.warnings) process.stderr.write(`Look at this: ${warning}\n`);
}

function told(row: RevisionRow): string {
  const head = `${row.revision}  ${row.at}  ${row.by}${row.note === "" ? "" : `  “${row.note}”`}\n`;
  const lines = row.changes
    .slice(0, CHANGES_SHOWN_MAX)
    .map(({ path, before, after }) => `     ${path}: ${JSON.stringify(before)} → ${JSON.stringify(after)}\n`);
  const more = row.changes.length - lines.length;
  return head + lines.join("") + (more > 0 ? `     … and ${more} more\n` : "");
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file === "-" ? 0 : file, "utf8")) as unknown;
  } catch (cause) {
    throw new Fault(
      "input.invalid",
      `Cannot read ${file.slice(0, 200)} as settings (${(cause as Error).message.slice(0, 200)}): give what "settings show" printed, changed`,
      { cause },
    );
  }
}
