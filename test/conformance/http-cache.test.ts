/** The public suite of HTTP caches against the real edge, and the page that tells what does not pass. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runSuite } from "./http-cache-suite.ts";
import { REMAINING, renderPage, REQUIRED_PASSED_MIN, REQUIRED_TESTS } from "./reasons.ts";

const PAGE = fileURLToPath(new URL("../../docs/reference/cache-conformance.md", import.meta.url));
/** The suite waits by the clock: a machine that stalls for seconds makes tests fail that pass on every other day. */
const UNEXPLAINED_MAX = 5;

test("of the required tests of http-cache-tests at least 145 pass, and what does not has a reason", async () => {
  const tests = await runSuite();
  const required = tests.filter(({ kind }) => kind === "required");
  assert.equal(required.length, REQUIRED_TESTS);
  const failed = required.filter(({ outcome }) => outcome !== "pass");
  const told = failed.map(({ id, outcome, why }) => `${outcome} ${id}: ${why}`).join("\n");
  assert.ok(required.length - failed.length >= REQUIRED_PASSED_MIN, told);
  const unexplained = failed.filter(({ id }) => REMAINING[id] === undefined);
  assert.ok(unexplained.length <= UNEXPLAINED_MAX, told);
  for (const id of Object.keys(REMAINING))
    assert.ok(
      required.some((one) => one.id === id),
      id,
    );
});

test("the page about conformance is what the reasons say", () => {
  const page = renderPage();
  if (process.env["PARAPET_GOLDEN"] === "write") writeFileSync(PAGE, page);
  assert.equal(readFileSync(PAGE, "utf8"), page);
});
