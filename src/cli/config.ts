/** `config show`: every setting in force, with its sentence; what differs from the default is marked. */
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { FIELDS, readSettings } from "./settings.ts";
import type { Verb } from "./verb.ts";

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: DATA_OPTION,
    allowPositionals: true,
  });
  if (positionals[0] !== "show")
    throw new Fault("input.invalid", "Cannot tell what to do: ./parapet config show prints the settings");
  const settings = readSettings({ dataDir: dataDirFrom(values.data) });
  process.stdout.write(`# ${settings.dataDir}/parapet.json\n`);
  for (const [key, field] of Object.entries(FIELDS)) {
    const value = settings[key as keyof typeof FIELDS];
    const changed = JSON.stringify(value) === JSON.stringify(field.fallback(settings)) ? " " : "*";
    const shown = key === "databaseUrl" || key === "smtpUrl" ? hidePassword(String(value)) : value;
    process.stdout.write(`\n# ${field.about}\n${changed} ${key}: ${JSON.stringify(shown)}\n`);
  }
  return 0;
};

const hidePassword = (url: string): string => url.replace(/\/\/([^:@/]*):[^@/]*@/, "//$1:…@");
