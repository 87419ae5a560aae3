import assert from "node:assert/strict";
import { test } from "node:test";
import { hardLimit, workerFiles } from "./open-files.ts";

test("a worker is told no more files than it may open", () => {
  assert.deepEqual(workerFiles(16_384, Infinity), { connections: 16_384, files: 24_576 });
  assert.deepEqual(workerFiles(16_384, 20_000), { connections: 15_000, files: 20_000 });
  assert.deepEqual(workerFiles(16_384, 4096), { connections: 3072, files: 4096 });
  assert.ok(workerFiles(16_384).connections > 0);
});

test("the hard limit is read, and whatever else stands there is none", () => {
  const line = "Max open files            1024                 524288               files     \n";
  assert.equal(hardLimit(`Limit  Soft Limit  Hard Limit  Units\n${line}`), 524_288);
  assert.equal(hardLimit("Max open files  unlimited  unlimited  files \n"), Infinity);
  for (const text of ["", "Max open files", "Max open files  a  b  files", "max open files 1 2 files"]) {
    assert.equal(hardLimit(text), Infinity);
  }
});
