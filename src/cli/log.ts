/**
 * `log catch-up`: after a database was set back (an older backup, a power cut under the embedded database), takes the entries that
 * are already published back into it, so that the log goes on instead of contradicting itself. Only with the instance stopped.
 */
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import { catchUpLog } from "../ledger/catch-up.ts";
import { openDb } from "../store/db.ts";
import { migrate } from "../store/migrate.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { lockDataDir } from "./data-lock.ts";
import { readSettings } from "./settings.ts";
import type { Verb } from "./verb.ts";

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: DATA_OPTION,
    allowPositionals: true,
  });
  if (positionals[0] !== "catch-up" || positionals.length !== 1) {
    throw new Fault(
      "input.invalid",
      "Cannot tell what to do with the log: ./parapet log catch-up brings it back from its published files",
    );
  }
  const settings = readSettings({ dataDir: dataDirFrom(values.data) });
  const unlock = lockDataDir(settings.dataDir);
  try {
    const db = await openDb({ url: settings.databaseUrl, dataDir: settings.dataDir });
    try {
      await migrate(db);
      const { from, to } = await catchUpLog({
        db,
        dir: `${settings.dataDir}/log`,
        origin: settings.logOrigin,
        keyFile: `${settings.dataDir}/secrets/log.key`,
      });
      process.stdout.write(
        `The log stands at ${to} entries; ${to - from} were taken back from the published files.\n`,
      );
      return 0;
    } finally {
      await db.close();
    }
  } finally {
    unlock();
  }
};
