/**
 * Writes numbers to a database and says each one after its commit, until it is killed: the other half of the test that
 * nothing acknowledged is lost.
 */
import { openDb } from "./db.ts";

const db = await openDb({ url: "", dataDir: process.argv[2] ?? "" });
await db.script("create table if not exists acknowledged (n integer primary key)");
for (;;) {
  const [row] = await db.query<{ n: number }>(
    "insert into acknowledged (n) select coalesce(max(n), 0) + 1 from acknowledged returning n",
  );
  process.stdout.write(`${row?.n}\n`);
}
