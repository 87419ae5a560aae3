/**
 * A process for the crash tests: opens the log below the given folder and logs three entries a round, for ever. After each
 * round it prints what is now acknowledged, as a line of JSON: [[intent, index], …]. It is meant to be killed.
 */
import { writeSync } from "node:fs";
import { join } from "node:path";
import { openDb } from "../store/db.ts";
import { openLedger } from "./open-ledger.ts";
import { caseEntry, LOG_ORIGIN, seededRandom } from "./testing.ts";

const [home = "", url = "", from = "0"] = process.argv.slice(2);
const db = await openDb({ url, dataDir: home });
const ledger = await openLedger({
  db,
  dir: join(home, "log"),
  origin: LOG_ORIGIN,
  keyFile: join(home, "log.key"),
  now: () => Date.now(),
  random: seededRandom(7),
});
for (let i = Number(from); ; i += 3) {
  const ids = await db.transaction(async (tx) => {
    const made: number[] = [];
    for (let k = i; k < i + 3; k++) {
      const entry = {
        ...caseEntry(k),
        caseTag: `${process.pid.toString(16)}${k.toString(16)}`.padStart(32, "1"),
      };
      made.push((await ledger.intend(tx, entry)).intentId);
    }
    return made;
  });
  await ledger.sequence();
  const acknowledged: [number, number][] = [];
  for (const id of ids) {
    const sequenced = await ledger.sequenced(id);
    if (sequenced === null) throw new Error("sequenced, and yet not in the log");
    acknowledged.push([id, sequenced.index]);
  }
  writeSync(1, `${JSON.stringify(acknowledged)}\n`);
}
