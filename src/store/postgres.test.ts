/**
 * The same tests on both databases: a slice of the suite (store, ledger, sites, two laws with whole decisions) once more, on a
 * PostgreSQL that this file starts for itself and stops again. PostgreSQL does not run as root, so as root it runs as `postgres`.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../node/free-port.ts";

const BIN = "/usr/lib/postgresql/15/bin";
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const READY_MS = 20_000;
const SLICE_MS = 100_000;
const SLICE = [
  "src/store/db.test.ts",
  "src/store/many-transactions.test.ts",
  "src/ledger/open-ledger.test.ts",
  "src/sites/open-sites.test.ts",
  "src/sites/hostnames.test.ts",
  "src/sites/site-settings.test.ts",
  "src/sites/protection.test.ts",
  "test/laws/law-2-two-humans.test.ts",
];

let home = "";
let url = "";
let server: ReturnType<typeof spawn> | null = null;

const isRoot = process.getuid?.() === 0;

/** The command line of `program`, as somebody that PostgreSQL agrees to run as. */
function unprivileged(program: string, args: readonly string[]): [string, string[]] {
  const file = join(BIN, program);
  return isRoot
    ? ["setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", file, ...args]]
    : [file, [...args]];
}

before(async () => {
  assert.ok(existsSync(BIN), "PostgreSQL 15 is missing: ./parapet install-for-tests");
  home = mkdtempSync(join(tmpdir(), "parapet-postgres-"));
  chmodSync(home, 0o700);
  if (isRoot) execFileSync("chown", ["postgres:postgres", home]);
  const data = join(home, "data");
  const init = ["-D", data, "-A", "trust", "-U", "parapet", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
  execFileSync(...unprivileged("initdb", init), { stdio: "ignore", cwd: "/" });
  const port = await freePort();
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${home}`,
    "fsync=off",
  ];
  const args = ["-D", data, ...settings.flatMap((setting) => ["-c", setting])];
  server = spawn(...unprivileged("postgres", args), { stdio: "ignore", cwd: "/" });
  url = `postgres://parapet@127.0.0.1:${port}/postgres`;
  const deadline = Date.now() + READY_MS;
  while (spawnSync(join(BIN, "pg_isready"), ["-q", "-h", "127.0.0.1", "-p", String(port)]).status !== 0) {
    assert.ok(Date.now() < deadline, "PostgreSQL did not start in time");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

after(async () => {
  if (server !== null && server.exitCode === null) {
    server.kill("SIGINT"); // Fast shutdown: connections are cut, the data written.
    await once(server, "exit");
  }
  rmSync(home, { recursive: true, force: true });
});

test("the slice of the suite passes on PostgreSQL as it does on PGlite", { timeout: SLICE_MS + 5000 }, () => {
  for (const file of SLICE) assert.ok(existsSync(join(ROOT, file)), file);
  const env: NodeJS.ProcessEnv = { ...process.env, PARAPET_TEST_DATABASE: url };
  delete env["NODE_TEST_CONTEXT"]; // A test run inside a test run reports for itself.
  const args = ["--test", "--test-reporter=tap", "--test-concurrency=2", ...SLICE];
  const ran = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: "utf8", timeout: SLICE_MS });
  assert.equal(ran.status, 0, `${ran.stdout}\n${ran.stderr}`.slice(-20_000));
  const passed = Number(/^# pass (\d+)$/m.exec(ran.stdout)?.[1]);
  assert.ok(passed >= 20, `only ${passed} tests ran`);
});
