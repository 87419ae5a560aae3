import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Fault } from "../contract/fault.ts";
import { lockDataDir } from "./data-lock.ts";

const folder = (): string => mkdtempSync(join(tmpdir(), "parapet-lock-"));

test("a folder is locked for one instance, and free again after it", () => {
  const dataDir = folder();
  const unlock = lockDataDir(dataDir);
  assert.throws(
    () => lockDataDir(dataDir),
    (error) => error instanceof Fault && error.detail.includes(String(process.pid)),
  );
  unlock();
  lockDataDir(dataDir)();
});

test("the lock of a killed process is taken over, also when its number was given away again", () => {
  const dataDir = folder();
  for (const left of ["999999999 1", `${process.pid} 1`, "", "nonsense"]) {
    writeFileSync(join(dataDir, "lock"), left);
    const unlock = lockDataDir(dataDir);
    assert.ok(readFileSync(join(dataDir, "lock"), "utf8").startsWith(`${process.pid} `));
    unlock();
  }
});

test("a folder that cannot be made is refused with what to do", () => {
  assert.throws(
    () => lockDataDir("/dev/null/parapet"),
    (error) => error instanceof Fault && /--data/.test(error.detail),
  );
});
