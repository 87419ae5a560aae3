import assert from "node:assert/strict";
import { test } from "node:test";
import type { SiteId } from "../contract/ids.ts";
import { DANGER_LEVELS, type DangerLevel } from "../contract/danger.ts";
import { FACTS_CHARS_MAX, MEASURE_KINDS, SCOPES } from "../contract/measure.ts";
import { toLocalField } from "./moments.ts";
import {
  asksReasonWider,
  firstDraft,
  isWider,
  mildestFor,
  missingIn,
  proposalOf,
  type ProposalDraft,
} from "./proposal.ts";
import { ENGLISH as words } from "./words/english.ts";

const NOW = Date.parse("2026-11-22T03:00:00.000Z");
const subject = { siteId: "site_1" as SiteId, hostname: "forum.example", path: "/t/9?p=2" };
const narrowest = { scope: "url" as const, subject };
const full = (more: Partial<ProposalDraft> = {}): ProposalDraft => ({
  ...firstDraft(narrowest, { now: NOW }),
  clause: "life-threat",
  facts: "A named person is threatened.",
  reason: "Lines 4 and 9.",
  ...more,
});
const missing = (draft: ProposalDraft): string[] =>
  Object.keys(missingIn(draft, { narrowest: "url", level: "HIGH", now: NOW, words })).sort();

test("the first draft is the narrowest scope, and asks for clause, facts and reason alone", () => {
  const draft = firstDraft(narrowest, { now: NOW });
  assert.equal(draft.scope, "url");
  assert.deepEqual(missing(draft), ["clause", "facts", "reason"]);
  assert.deepEqual(missing(full()), []);
});

test("every wider scope asks for a reason, the narrowest does not", () => {
  for (const than of SCOPES)
    for (const scope of SCOPES)
      assert.equal(isWider(scope, than), SCOPES.indexOf(scope) > SCOPES.indexOf(than), `${scope} ${than}`);
  assert.deepEqual(missing(full({ scope: "site" })), ["reasonWider"]);
  assert.deepEqual(missing(full({ scope: "site", reasonWider: "Whole pattern." })), []);
});

test("the mildest kind stands until somebody chooses, follows the clause, and a harder one asks for a reason", () => {
  const kind = (level: DangerLevel, more: Partial<ProposalDraft> = {}): string =>
    proposalOf(full(more), { subject, narrowest: "url", level }).kind;
  assert.equal(kind("LOW"), "warn");
  assert.equal(kind("LOW", { clause: "ncii" }), "withhold");
  assert.equal(kind("IMMINENT"), "withhold");
  assert.equal(kind("IMMINENT", { kind: "warn" }), "warn");
  for (const level of DANGER_LEVELS)
    for (const chosen of MEASURE_KINDS) {
      const draft = full({ kind: chosen });
      const harder = MEASURE_KINDS.indexOf(chosen) > MEASURE_KINDS.indexOf(mildestFor(draft, level));
      assert.equal(asksReasonWider(draft, { narrowest: "url", level }), harder, `${level} ${chosen}`);
    }
});

test("what cannot be sent is named by its field", () => {
  const table: [Partial<ProposalDraft>, string[]][] = [
    [{ facts: "x".repeat(FACTS_CHARS_MAX) }, []],
    [{ facts: "x".repeat(FACTS_CHARS_MAX + 1) }, ["facts"]],
    [{ facts: "   " }, ["facts"]],
    [{ path: "t/9" }, ["path"]],
    [{ hostname: " " }, ["hostname"]],
    [{ when: "" }, ["when"]],
    [{ when: toLocalField(NOW) }, ["when"]],
    [{ everywhere: false, countries: "" }, ["territory"]],
    [{ everywhere: false, countries: "fr, be" }, []],
    [{ everywhere: false, countries: "FRA" }, ["territory"]],
  ];
  for (const [more, wanted] of table)
    assert.deepEqual(missing(full(more)), wanted, JSON.stringify(more).slice(0, 60));
});

test("the body carries the subject that the scope needs, and exactly one of end and review", () => {
  const url = proposalOf(full(), { subject, narrowest: "url", level: "HIGH" });
  assert.deepEqual(url.subject, subject);
  assert.deepEqual([url.endsAt, url.reviewAt], [null, "2026-11-29T03:00:00.000Z"]);
  assert.equal(url.reasonWider, null);
  const site = proposalOf(full({ scope: "site", reasonWider: " Whole pattern. ", end: "ends" }), {
    subject,
    narrowest: "url",
    level: "HIGH",
  });
  assert.deepEqual(site.subject, { siteId: "site_1" });
  assert.equal(site.reasonWider, "Whole pattern.");
  assert.deepEqual([site.endsAt, site.reviewAt], ["2026-11-29T03:00:00.000Z", null]);
  const host = proposalOf(
    full({ scope: "hostname", hostname: "Forum.Example ", everywhere: false, countries: "fr be" }),
    {
      subject,
      narrowest: "hostname",
      level: "HIGH",
    },
  );
  assert.deepEqual(host.subject, { siteId: "site_1", hostname: "forum.example" });
  assert.deepEqual(host.territory, ["FR", "BE"]);
});

test("a draft without a clause is never turned into a body", () => {
  assert.throws(
    () => proposalOf(full({ clause: "" }), { subject, narrowest: "url", level: "HIGH" }),
    /no clause/,
  );
});
