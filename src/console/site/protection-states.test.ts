import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { IncidentRow } from "../../contract/http-protection.ts";
import { protectionWorldAt } from "../mock/protection-fixtures.ts";
import type { SiteId } from "../../contract/ids.ts";
import { ENGLISH } from "../words/english.ts";
import { FRENCH } from "../words/french.ts";
import {
  endOf,
  glanceOf,
  glanceOfIncident,
  ratesOf,
  shareText,
  sizeText,
  understoodAt,
  whyNotLift,
} from "./protection-states.ts";

const NOW = Date.parse("2026-11-22T03:00:00.000Z");
const [FLOOD] = protectionWorldAt(NOW).rows;
assert.ok(FLOOD);
const rowOf = (given: Partial<IncidentRow>): IncidentRow => ({ ...FLOOD, state: "active", ...given });
const words = ENGLISH;

test("what a running incident means: a flood is stopped, not yet stopped or only watched; a surge is no flood", () => {
  const table: [Partial<IncidentRow>, string][] = [
    [{}, "flood"],
    [{ mitigatedAt: null }, "floodNotYet"],
    [{ mode: "shadow" }, "floodSeen"],
    [{ mode: "off" }, "floodSeen"],
    [{ kind: "surge" }, "surge"],
    [{ kind: "surge", mode: "shadow" }, "surge"],
    [{ kind: "slow" }, "slow"],
  ];
  for (const [given, glance] of table) assert.equal(glanceOfIncident(rowOf(given)), glance);
});

test("a site shows its most pressing incident under way and how many more there are; what is over counts for nothing", () => {
  assert.deepEqual(glanceOf({ incidents: [] }), { glance: "quiet", incident: null, more: 0 });
  assert.equal(glanceOf({ incidents: [rowOf({ state: "ended" })] }).glance, "quiet");
  const surge = rowOf({ incidentId: "a", kind: "surge" });
  const flood = rowOf({ incidentId: "b" });
  const watched = rowOf({ incidentId: "c", mode: "shadow" });
  assert.deepEqual(glanceOf({ incidents: [surge, flood] }), { glance: "flood", incident: flood, more: 1 });
  assert.deepEqual(glanceOf({ incidents: [surge, flood, watched] }), {
    glance: "floodSeen",
    incident: watched,
    more: 2,
  });
});

test("understood is when the first signature was found, whatever their order", () => {
  const at = (s: number) => ({ since: new Date(NOW + s * 1000).toISOString() });
  assert.equal(understoodAt([]), null);
  assert.equal(understoodAt([at(5), at(1), at(9)]), at(1).since);
});

test("rates are counts by the span of each point, and the first span is taken from the next", () => {
  assert.deepEqual(ratesOf([]), []);
  assert.deepEqual(ratesOf([[5000, 40, 30]]), [{ atMs: 5000, came: 40, passed: 30 }]);
  assert.deepEqual(
    ratesOf([
      [2000, 80, 80],
      [4000, 100, 10],
      [5000, 100, 10],
    ]),
    [
      { atMs: 2000, came: 40, passed: 40 },
      { atMs: 4000, came: 50, passed: 5 },
      { atMs: 5000, came: 100, passed: 10 },
    ],
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 40 }), (series) => {
      const sorted = series.sort(([a], [b]) => a - b);
      for (const { came, passed } of ratesOf(sorted))
        assert.ok(Number.isFinite(came) && Number.isFinite(passed) && came >= 0 && passed >= 0);
    }),
  );
});

test("a share is never said to be nothing or all where it is not quite so", () => {
  const table: [number, number, string | null][] = [
    [0, 0, null],
    [0, 10, "0%"],
    [10, 10, "100%"],
    [1, 1_000_000, "less than 0.1%"],
    [999_999, 1_000_000, "99.9%"],
    [7_930, 1_048_210, "0.8%"],
    [1, 2, "50%"],
    [Number.NaN, 10, null],
  ];
  for (const [part, of, text] of table) assert.equal(shareText(part, { of, words }), text, `${part}/${of}`);
  assert.match(shareText(1, { of: 1_000_000, words: FRENCH }) ?? "", /^moins de 0,1\s%$/);
});

test("sizes are told in thousands, in the reader's language", () => {
  assert.equal(sizeText(0, "en-GB"), "0 byte");
  assert.equal(sizeText(1_467_494_000, "en-GB"), "1.5 GB");
  assert.match(sizeText(1_467_494_000, "fr-FR"), /^1,5\sGo$/);
  assert.match(sizeText(1e20, "en-GB"), /TB$/);
});

test("a ban is lifted by editors of its site, one of every site by operators, and one that has ended by nobody", () => {
  const siteId = "site_a" as SiteId;
  const own = { state: "in-force", siteId } as const;
  const everywhere = { state: "in-force", siteId: null } as const;
  assert.equal(whyNotLift(own, { role: "editor", words }), null);
  assert.notEqual(whyNotLift(own, { role: "viewer", words }), null);
  assert.equal(whyNotLift(everywhere, { role: "owner", words }), words.protection.bans.everywhereLift);
  assert.equal(whyNotLift(everywhere, { role: "operator", words }), null);
  for (const state of ["lifted", "expired"] as const)
    assert.equal(whyNotLift({ state, siteId }, { role: "operator", words }), words.protection.bans.isEnded);
});

test("the switch ends after a while, at a moment to come, or never by itself; a moment that has passed is none", () => {
  const end = (choice: string, moment: string | null = null) => endOf(choice, { nowMs: NOW, moment });
  assert.equal(end("3600"), "2026-11-22T04:00:00.000Z");
  assert.equal(end("never"), null);
  assert.equal(end("at", "2026-11-22T03:00:01.000Z"), "2026-11-22T03:00:01.000Z");
  for (const passed of [null, "2026-11-22T03:00:00.000Z", "no moment"])
    assert.equal(end("at", passed), "missing");
  for (const no of ["", "0", "-5", "soon"]) assert.equal(end(no), "missing", no);
});
