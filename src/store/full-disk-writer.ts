/**
 * Fills the small file system that it is given until the database says no, makes room, and goes on: the other half of the
 * test of a full disk. Prints one JSON object.
 */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { Fault } from "../contract/fault.ts";
import { openDb } from "./db.ts";

const dataDir = process.argv[2] ?? "";
const db = await openDb({ url: "", dataDir });
await db.script("create table acknowledged (n integer primary key, filler text not null)");

const ballast = `${dataDir}/ballast`;
const handle = openSync(ballast, "w");
try {
  for (;;) writeSync(handle, Buffer.alloc(64 * 1024));
} catch {
  closeSync(handle); // The file system is full now.
}

let acknowledged = 0;
const insert = async (): Promise<void> => {
  await db.query("insert into acknowledged (n, filler) values ($1, repeat(md5($2), 250))", [
    acknowledged + 1,
    String(acknowledged),
  ]);
  acknowledged += 1;
};
let fault: Fault | null = null;
while (fault === null) {
  try {
    await insert();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    fault = error;
  }
}
const count = async (): Promise<number> =>
  (await db.query<{ n: number }>("select count(*)::int as n from acknowledged"))[0]?.n ?? -1;
const atFault = acknowledged;
rmSync(ballast);
const kept = await count();
await insert();
process.stdout.write(
  JSON.stringify({
    code: fault.code,
    detail: fault.detail,
    acknowledged: atFault,
    kept,
    afterwards: await count(),
  }),
);
await db.close();
