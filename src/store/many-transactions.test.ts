/** Transactions under strain, on whichever database the tests run: many at the same moment, and a connection that is cut. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openTestDb } from "./testing.ts";

test("a hundred transactions that read and write the same rows at once all go through, in one process", async () => {
  const t = await openTestDb();
  await t.db.query("insert into account (account_id, name, email) values ('a', 'n', '0')");
  const bump = (n: number): Promise<void> =>
    t.db.transaction(async (tx) => {
      const [row] = await tx.query<{ email: string }>("select email from account where account_id = 'a'");
      await tx.query("select count(*) from account");
      await tx.query("insert into account (account_id, name) values ($1, $1)", [`account ${n}`]);
      await tx.query("update account set email = $1 where account_id = 'a'", [
        String(Number(row?.email) + 1),
      ]);
    });
  await Promise.all(Array.from({ length: 100 }, (_, n) => bump(n)));
  assert.deepEqual(await t.db.query("select email from account where account_id = 'a'"), [{ email: "100" }]);
  await t.close();
});

test("a connection that the server cuts fails its own transaction and nothing else", async (context) => {
  const t = await openTestDb();
  context.after(() => t.close());
  if (t.db.kind === "pglite") return context.skip("PGlite has no connection to cut");
  await assert.rejects(
    t.db.transaction(async (tx) => {
      const [row] = await tx.query<{ pid: number }>("select pg_backend_pid() as pid");
      await t.db.query("select pg_terminate_backend($1, 5000)", [row?.pid]);
      await tx.query("insert into account (account_id, name) values ('a', 'n')");
    }),
  );
  await t.db.transaction((tx) => tx.query("insert into account (account_id, name) values ('b', 'n')"));
  assert.deepEqual(await t.db.query("select account_id as id from account"), [{ id: "b" }]);
});
