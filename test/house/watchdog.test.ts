/** A test file that never ends is a failure that says what held it, and the files beside it are told of all the same. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const WATCHDOG = fileURLToPath(new URL("../watchdog.ts", import.meta.url));

function runFiles(files: Readonly<Record<string, string>>): { status: number | null; said: string } {
  const folder = mkdtempSync(join(tmpdir(), "parapet-watchdog-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const names = Object.keys(files).map((name) => join(folder, name));
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const run = spawnSync(
      process.execPath,
      ["--test", "--test-reporter=spec", `--import=${WATCHDOG}`, ...names],
      { encoding: "utf8", timeout: 60_000, env: { ...env, PARAPET_TEST_FILE_MS: "1500" } },
    );
    return { status: run.status, said: run.stdout + run.stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("a file that leaves something open is ended, failed and named", () => {
  const { status, said } = runFiles({
    "held.test.mjs": `import { createServer } from "node:net"; import { test } from "node:test";
      createServer().listen(0, "127.0.0.1"); test("is over at once", () => {});`,
    "well.test.mjs": `import { test } from "node:test"; test("stands beside it", () => {});`,
  });
  assert.equal(status, 1, said);
  assert.match(said, /held\.test\.mjs had not ended after 1500 ms\. Still open: [^\n]*TCPServerWrap/);
  assert.match(said, /✔ stands beside it/);
});

test("a test that waits for what never comes is ended as well", () => {
  const { status, said } = runFiles({
    "waits.test.mjs": `import { test } from "node:test";
      test("waits", async () => { setInterval(() => {}, 1000); await new Promise(() => {}); });`,
  });
  assert.equal(status, 1, said);
  assert.match(said, /waits\.test\.mjs had not ended after 1500 ms/);
});

test("files that end in time pass", () => {
  const { status, said } = runFiles({
    "well.test.mjs": `import { test } from "node:test"; test("well", () => {});`,
  });
  assert.equal(status, 0, said);
});
