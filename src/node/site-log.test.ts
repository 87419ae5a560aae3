import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { readSiteLog } from "./site-log.ts";

const A = "site_aaaaaaaaaaaaaaaaaaaaaaaaaa";
const B = "site_bbbbbbbbbbbbbbbbbbbbbbbbbb";
const line = (site: string, path: string): string => JSON.stringify({ at: "t", site, path });

function withLog<T>(files: Record<string, string>, work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "parapet-log-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return work(dir).finally(() => rmSync(dir, { recursive: true, force: true }));
}

test("a site gets its own lines, oldest first, from both files, and nobody else's", async () => {
  const files = {
    "access.log.1": `${line(A, "/1")}\n${line(B, "/2")}\n`,
    "access.log": `${line(B, `/"site":"${A}"`)}\n${line(A, "/3")}\n{"site":"${A}"`,
  };
  await withLog(files, async (dir) => {
    const all = [join(dir, "access.log.1"), join(dir, "access.log")];
    assert.deepEqual(await readSiteLog(all, A), [line(A, "/1"), line(A, "/3")]);
    assert.deepEqual(await readSiteLog([join(dir, "gone"), ...all], B), [
      line(B, "/2"),
      line(B, `/"site":"${A}"`),
    ]);
  });
});

test("the newest lines are kept, within both bounds", async () => {
  const lines = Array.from({ length: 50 }, (_, i) => line(A, `/${String(i).padStart(2, "0")}`));
  await withLog({ log: `${lines.join("\n")}\n` }, async (dir) => {
    const files = [join(dir, "log")];
    assert.deepEqual(await readSiteLog(files, A, { linesMax: 3, bytesMax: 10_000 }), lines.slice(-3));
    const one = Buffer.byteLength(lines[0] ?? "");
    assert.deepEqual(await readSiteLog(files, A, { linesMax: 100, bytesMax: one * 5 }), lines.slice(-5));
    assert.deepEqual(await readSiteLog(files, A, { linesMax: 100, bytesMax: one - 1 }), []);
  });
});

test("whatever bytes a log holds, every line that comes out is one of the site's", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.string(),
          fc.string().map((path) => line(B, path)),
          fc.constant(line(A, "/")),
        ),
      ),
      async (lines) => {
        await withLog({ log: lines.join("\n") }, async (dir) => {
          const found = await readSiteLog([join(dir, "log")], A);
          assert.ok(found.every((one) => (JSON.parse(one) as { site: string }).site === A));
          assert.equal(found.length, lines.filter((one) => one === line(A, "/")).length);
        });
      },
    ),
    { numRuns: 30 },
  );
});
