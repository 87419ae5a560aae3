/**
 * Forward-only migrations: `migrations/NNN-name.sql`, each applied once, in order, in one transaction with its mark. A
 * database that is ahead of this program is refused: an older program must not write to it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { Fault } from "../contract/fault.ts";
import type { Db } from "./db.ts";

const FOLDER = new URL("./migrations/", import.meta.url);
const NAME = /^(\d{3})-[a-z-]+\.sql$/;

export async function migrate(db: Db): Promise<{ applied: number; version: number }> {
  await db.script(
    "create table if not exists migration (number integer primary key, name text not null, applied_at timestamptz not null default now())",
  );
  const files = readdirSync(FOLDER)
    .filter((file) => file.endsWith(".sql"))
    .sort();
  const numbers = files.map((file) => Number(NAME.exec(file)?.[1] ?? Number.NaN));
  numbers.forEach((number, i) => {
    if (number !== i + 1) throw new Error(`migration ${files[i]} is not number ${i + 1}`);
  });
  const rows = await db.query<{ number: number }>("select number from migration order by number");
  const done = new Set(rows.map((row) => row.number));
  const newest = Math.max(0, ...done);
  if (newest > files.length) {
    throw new Fault(
      "state.conflict",
      `Cannot use this database as it was written by a newer Parapet (migration ${newest}, this one knows ${files.length}): start the newer one`,
    );
  }
  let applied = 0;
  for (const [i, file] of files.entries()) {
    if (done.has(i + 1)) continue;
    const sql = readFileSync(new URL(file, FOLDER), "utf8");
    await db.script(
      `begin;\n${sql}\n;insert into migration (number, name) values (${i + 1}, '${file}');\ncommit;`,
    );
    applied += 1;
  }
  return { applied, version: files.length };
}
