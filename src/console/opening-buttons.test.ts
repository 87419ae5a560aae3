import assert from "node:assert/strict";
import { test } from "node:test";
import { OPENING_STATES } from "../contract/desk-states.ts";
import { worldAt } from "./mock/fixtures.ts";
import { askButton, openingButtons, sealedFileName, sealedReports } from "./opening-buttons.ts";
import { ENGLISH } from "./words/english.ts";

const world = worldAt(Date.parse("2026-11-22T20:00:00Z"));
const [asked, own, released] = world.openings;
const view = world.cases.find((each) => each.openings.length === 0);
const me = { mayDecide: true, whyNot: null };

test("a request shows its three steps, each that is off with the server's reason; an approved one shows none", () => {
  assert.deepEqual(
    openingButtons(own, ENGLISH).map(({ name, ok, why }) => [name, ok, why === null]),
    [
      ["approve", false, false],
      ["refuse", false, false],
      ["withdraw", true, true],
    ],
  );
  for (const state of OPENING_STATES) {
    const count = openingButtons({ state, allowed: asked.allowed }, ENGLISH).length;
    assert.equal(count, state === "requested" ? 3 : 0, state);
  }
  const silent = openingButtons({ state: "requested", allowed: [] }, ENGLISH);
  assert.ok(
    silent.every(({ ok, why }) => !ok && why !== null),
    "what the server did not allow is off",
  );
});

test("asking needs a sealed report without a standing request, no conflict, and a second factor", () => {
  assert.ok(view !== undefined && sealedReports(view).length > 0);
  assert.equal(askButton({ view, me }, ENGLISH).ok, true);
  assert.equal(askButton({ view, me: null }, ENGLISH).ok, false);
  assert.equal(askButton({ view, me: { mayDecide: false, whyNot: "x" } }, ENGLISH).why, "x");
  const conflicted = { ...view, mayAskOpening: { ok: false, why: "too near" } };
  assert.equal(askButton({ view: conflicted, me }, ENGLISH).why, "too near");
  const openings = sealedReports(view).map((report) => ({ ...asked, reportId: report.reportId }));
  assert.equal(askButton({ view: { ...view, openings }, me }, ENGLISH).why, ENGLISH.opening.allStanding);
  const over = openings.map((opening) => ({ ...opening, state: "closed" as const }));
  assert.equal(askButton({ view: { ...view, openings: over }, me }, ENGLISH).ok, true);
});

test("the download is named by case and report", () => {
  assert.equal(sealedFileName(released, "2026-000006"), "sealed-2026-000006-000001.json");
});
