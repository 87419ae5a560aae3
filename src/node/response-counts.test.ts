/** Lines of the access log become counts, whole lines only, each once, and within bounds whatever is written. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import fc from "fast-check";
import { newId, type SiteId } from "../contract/ids.ts";
import { ResponseCounter } from "./response-counts.ts";

const AT_MS = Date.parse("2026-11-23T12:00:00Z");
const LATER_MS = AT_MS + 10_000;
const siteId = newId<SiteId>("site", (n) => new Uint8Array(n).fill(7));
let folder: string;
let log: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parapet-counts-"));
  log = join(folder, "access.log");
  writeFileSync(log, "");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function line(changes: object = {}): string {
  return `${JSON.stringify({
    at: "2026-11-23T12:00:00+00:00",
    request: "0123456789abcdef",
    site: siteId,
    verdict: "pass",
    reason: "",
    status: 200,
    method: "GET",
    host: "a.example",
    path: "/",
    client: "192.0.2.0",
    sentBytes: 1000,
    seconds: 0.02,
    originStatus: "200",
    originSeconds: "0.020",
    cache: "",
    ...changes,
  })}\n`;
}

async function counted(text: string, options: { bytesMax?: number } = {}) {
  const counter = new ResponseCounter(log, options);
  await counter.look();
  appendFileSync(log, text);
  await counter.look();
  const taken = counter.take(LATER_MS);
  await counter.close();
  return taken;
}

test("counts answers, errors, time at the origin and hits of each second", async () => {
  const text =
    line() +
    line({ originStatus: "502, 200", originSeconds: "0.100, 0.300" }) +
    line({ status: 504, originStatus: "504", originSeconds: "5.000" }) +
    line({ cache: "HIT", originStatus: "", originSeconds: "" }) +
    line({ site: `${siteId}/` }) +
    line({ at: "2026-11-23T12:00:01+00:00" });
  const [first, second, ...more] = await counted(text);
  assert.deepEqual(more, []);
  assert.deepEqual(
    { ...first, originSecondsSum: Math.round((first?.originSecondsSum ?? 0) * 1000) },
    {
      siteId,
      second: AT_MS / 1000,
      answers: 5,
      originAnswers: 4,
      originErrors: 1,
      originSecondsSum: 5440,
      originSecondsP95: 5,
      sentBytes: 5000,
      cacheHits: 1,
    },
  );
  assert.equal(second?.second, AT_MS / 1000 + 1);
});

test("says nothing of what the edge answered itself, of other sites' names, or of lines that are none", async () => {
  const text =
    line({ verdict: "block", status: 403 }) +
    line({ verdict: "challenge" }) +
    line({ site: "" }) +
    line({ site: "site_x" }) +
    line({ at: "never" }) +
    '{"verdict":"pass"' +
    "\n\n[]\nnull\n";
  assert.deepEqual(await counted(text), []);
});

test("a line that was cut by a look is counted once, when it is whole", async () => {
  const counter = new ResponseCounter(log);
  await counter.look();
  const whole = line();
  appendFileSync(log, whole.slice(0, 40));
  await counter.look();
  assert.deepEqual(counter.take(LATER_MS), []);
  appendFileSync(log, whole.slice(40));
  await counter.look();
  assert.equal(counter.take(LATER_MS)[0]?.answers, 1);
  assert.deepEqual(counter.take(LATER_MS), []);
  await counter.close();
});

test("hands a second over once it is over", async () => {
  const counter = new ResponseCounter(log);
  await counter.look();
  appendFileSync(log, line());
  await counter.look();
  assert.deepEqual(counter.take(AT_MS + 900), []);
  assert.equal(counter.take(AT_MS + 3000).length, 1);
  await counter.close();
});

test("goes on after the log was cut to nothing, and begins at the end of one that was there", async () => {
  writeFileSync(log, line().repeat(50));
  const counter = new ResponseCounter(log);
  await counter.look();
  assert.deepEqual(counter.take(LATER_MS), []);
  truncateSync(log, 0);
  appendFileSync(log, line());
  await counter.look();
  assert.equal(counter.take(LATER_MS)[0]?.answers, 1);
  await counter.close();
});

test("of more than it may read the newest part stands for all", async () => {
  const [found] = await counted(line().repeat(1000), { bytesMax: line().length * 100 });
  assert.ok(found !== undefined && Math.abs(found.answers - 1000) <= 11, JSON.stringify(found));
});

test("a log that is not there is waited for", async () => {
  rmSync(log);
  const counter = new ResponseCounter(log);
  await counter.look();
  writeFileSync(log, "");
  await counter.look();
  appendFileSync(log, line());
  await counter.look();
  assert.equal(counter.take(LATER_MS)[0]?.answers, 1);
  await counter.close();
});

test("whatever is written, it neither fails nor counts what is not a number", async () => {
  const value = fc.oneof(fc.string(), fc.double(), fc.constant(null), fc.constant(["x"]));
  const huge = { status: 1.7e308, sentBytes: 1.7e308, originStatus: 1.7e308, originSeconds: 1.7e308 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ status: value, sentBytes: value, originStatus: value, originSeconds: value }), {
        maxLength: 20,
      }),
      async (changes) => {
        const taken = await counted(changes.map((change) => line(change)).join(""));
        for (const one of taken) {
          for (const [name, part] of Object.entries(one)) {
            if (name === "siteId") continue;
            assert.ok(Number.isFinite(part) && Number(part) >= 0, `${name}: ${String(part)}`);
          }
        }
      },
    ),
    {
      numRuns: 60,
      examples: [
        [Array.from({ length: 3 }, () => huge)],
        [[{ status: 200, sentBytes: -5, originStatus: 200, originSeconds: "-1" }]],
      ],
    },
  );
});
