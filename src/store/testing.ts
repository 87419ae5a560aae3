/**
 * A fresh, migrated database for a test. PGlite needs seconds to make a new cluster, so the first test that asks makes
 * one template per set of migrations and the others copy its folder. With PARAPET_TEST_DATABASE=postgres://… every test gets a
 * database of its own on that server instead: the same tests on both.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDb, type Db } from "./db.ts";
import { migrate } from "./migrate.ts";

const BUILD = fileURLToPath(new URL("../../build/", import.meta.url));
const MIGRATIONS = fileURLToPath(new URL("./migrations/", import.meta.url));

export type TestDb = { readonly db: Db; readonly dataDir: string; close(): Promise<void> };

export async function openTestDb(): Promise<TestDb> {
  const dataDir = mkdtempSync(join(tmpdir(), "parapet-db-"));
  const server = process.env["PARAPET_TEST_DATABASE"];
  if (server !== undefined && server !== "") return onServer(server, dataDir);
  cpSync(await templateFolder(), join(dataDir, "database"), { recursive: true });
  const db = await openDb({ url: "", dataDir });
  return {
    db,
    dataDir,
    async close() {
      await db.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A migrated PGlite folder that instances under test may start from. */
export async function templateFolder(): Promise<string> {
  const hash = createHash("sha256");
  for (const file of readdirSync(MIGRATIONS).sort())
    hash.update(file).update(readFileSync(join(MIGRATIONS, file)));
  const folder = join(BUILD, `test-database-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(folder)) return join(folder, "database");
  mkdirSync(BUILD, { recursive: true });
  const making = mkdtempSync(join(BUILD, "making-"));
  const db = await openDb({ url: "", dataDir: making });
  await migrate(db);
  await db.close();
  try {
    renameSync(making, folder);
  } catch {
    rmSync(making, { recursive: true, force: true }); // Another test was first: its template is as good.
  }
  return join(folder, "database");
}

async function onServer(server: string, dataDir: string): Promise<TestDb> {
  const name = `parapet_test_${randomBytes(8).toString("hex")}`;
  const admin = await openDb({ url: server, dataDir });
  await admin.script(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const db = await openDb({ url: url.toString(), dataDir });
  await migrate(db);
  return {
    db,
    dataDir,
    async close() {
      await db.close();
      await admin.script(`drop database ${name} with (force)`);
      await admin.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
