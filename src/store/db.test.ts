import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { Fault } from "../contract/fault.ts";
import { openDb } from "./db.ts";
import { migrate } from "./migrate.ts";
import { openTestDb } from "./testing.ts";

test("a transaction that throws leaves nothing behind", async () => {
  const t = await openTestDb();
  await assert.rejects(
    t.db.transaction(async (tx) => {
      await tx.query("insert into account (account_id, name) values ($1, $2)", ["acct_1", "one"]);
      throw new Error("stop");
    }),
    /stop/,
  );
  assert.deepEqual(await t.db.query("select account_id from account"), []);
  await t.close();
});

test("two transactions that both read before they write do not lose an update", async () => {
  const t = await openTestDb();
  await t.db.query("insert into account (account_id, name, email) values ('a', 'n', '0')");
  const bump = (): Promise<void> =>
    t.db.transaction(async (tx) => {
      const [row] = await tx.query<{ email: string }>("select email from account where account_id = 'a'");
      await tx.query("update account set email = $1 where account_id = 'a'", [
        String(Number(row?.email) + 1),
      ]);
    });
  await Promise.all([bump(), bump(), bump()]);
  assert.deepEqual(await t.db.query("select email from account"), [{ email: "3" }]);
  await t.close();
});

test("migrations run once, and a database of a newer program is refused", async () => {
  const t = await openTestDb();
  const { applied, version } = await migrate(t.db);
  assert.equal(applied, 0);
  await t.db.query("insert into migration (number, name) values ($1, 'from the future')", [version + 1]);
  await assert.rejects(migrate(t.db), (error) => error instanceof Fault && error.code === "state.conflict");
  await t.close();
});

test("an address that is no database is refused with what to do", async () => {
  await assert.rejects(
    openDb({ url: "mysql://x", dataDir: "/nonexistent" }),
    (error) => error instanceof Fault && /databaseUrl/.test(error.detail),
  );
  await assert.rejects(
    openDb({ url: "postgres://nobody@127.0.0.1:1/none", dataDir: "/nonexistent" }),
    (error) => error instanceof Fault && error.code === "machine.incomplete",
  );
});

test("what the embedded database acknowledged survives kill -9", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "parapet-kill-"));
  const writer = fileURLToPath(new URL("./kill-writer.ts", import.meta.url));
  let acknowledged = 0;
  for (const round of [1, 2]) {
    const child = spawn(process.execPath, [writer, dataDir], { stdio: ["ignore", "pipe", "inherit"] });
    const gone = once(child, "exit");
    const wanted = acknowledged + 25 * round;
    for await (const chunk of child.stdout.setEncoding("utf8")) {
      acknowledged = Number((chunk as string).trim().split("\n").at(-1));
      if (acknowledged >= wanted) child.kill("SIGKILL");
    }
    await gone;
  }
  const db = await openDb({ url: "", dataDir });
  const [row] = await db.query<{ newest: number; total: number }>(
    "select max(n) as newest, count(*)::int as total from acknowledged",
  );
  assert.ok((row?.newest ?? 0) >= acknowledged, `${row?.newest} of ${acknowledged}`);
  assert.equal(row?.total, row?.newest);
  await db.close();
  rmSync(dataDir, { recursive: true, force: true });
});

test("a full disk under the embedded database is a clear error, loses nothing, and is over when there is room", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parapet-full-"));
  const writer = fileURLToPath(new URL("./full-disk-writer.ts", import.meta.url));
  // A small file system of the test's own, in a mount namespace of the test's own.
  const child = spawn(
    "unshare",
    [
      "--map-root-user",
      "--mount",
      "sh",
      "-c",
      'mount -t tmpfs -o size=80m tmpfs "$1" && exec "$2" "$3" "$1"',
      "sh",
      folder,
      process.execPath,
      writer,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 0, output);
  const told = JSON.parse(output) as {
    code: string;
    detail: string;
    acknowledged: number;
    kept: number;
    afterwards: number;
  };
  assert.equal(told.code, "limit.full");
  assert.match(told.detail, /free some space/);
  assert.equal(told.kept, told.acknowledged);
  assert.equal(told.afterwards, told.acknowledged + 1);
  rmSync(folder, { recursive: true, force: true });
});
