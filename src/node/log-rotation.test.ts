import assert from "node:assert/strict";
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rotateLogs } from "./log-rotation.ts";

test("a log past its bound is kept once aside, and who appends writes on at the new end", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parapet-logs-"));
  const [large, small, absent] = ["large.log", "small.log", "absent.log"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const writer = openSync(large, "a");
  writeSync(writer, "x".repeat(1001));
  writeFileSync(small, "y".repeat(1000));
  assert.deepEqual(await rotateLogs([large, small, absent], 1000), [large]);
  assert.equal(statSync(`${large}.1`).size, 1001);
  writeSync(writer, "next");
  assert.equal(readFileSync(large, "utf8"), "next");
  assert.equal(statSync(small).size, 1000);
  appendFileSync(large, "z".repeat(2000));
  await rotateLogs([large], 1000);
  assert.equal(statSync(`${large}.1`).size, 2004, "one copy is kept, the newest");
  closeSync(writer);
  rmSync(folder, { recursive: true, force: true });
});
