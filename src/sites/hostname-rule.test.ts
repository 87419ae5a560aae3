import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AccountId, SiteId } from "../contract/ids.ts";
import type { ClaimRow, ReleaseRow } from "../store/hostname-proofs.ts";
import {
  checkClaimant,
  checkHolder,
  CONTEST_MS,
  COOL_MS,
  GRACE_MS,
  shownState,
  SILENT_MS,
  type Finding,
} from "./hostname-rule.ts";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const ago = (ms: number): Date => new Date(NOW - ms);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const TXT: Finding = { proof: "dns-txt", leadsHere: "no" };
const FILE: Finding = { proof: "http-token", leadsHere: "no" };
const MISSING: Finding = { proof: "missing", why: "There is no TXT record", leadsHere: "no" };
const MISSING_HERE: Finding = { ...MISSING, leadsHere: "yes" };
const SILENT: Finding = { proof: "silent", why: "The DNS did not answer", leadsHere: "unknown" };

function claim(changes: Partial<ClaimRow> = {}): ClaimRow {
  return {
    hostname: "shop.example",
    siteId: "site_a" as SiteId,
    accountId: "acct_a" as AccountId,
    siteState: "active",
    claimedAt: ago(30 * DAY),
    provenAt: null,
    provenBy: null,
    seenAt: null,
    checkedAt: null,
    missingSince: null,
    contestedSince: null,
    waitingSince: null,
    tries: 0,
    nextCheckAt: null,
    why: null,
    leadsHere: "unknown",
    ...changes,
  };
}
const holder = (provenBy: "dns-txt" | "http-token" | "operator", changes: Partial<ClaimRow> = {}): ClaimRow =>
  claim({ provenAt: ago(20 * DAY), provenBy, seenAt: ago(DAY), ...changes });
const newcomer = (changes: Partial<ClaimRow> = {}): ClaimRow =>
  claim({ siteId: "site_b" as SiteId, accountId: "acct_b" as AccountId, claimedAt: ago(HOUR), ...changes });
const release = (changes: Partial<ReleaseRow> = {}): ReleaseRow => ({
  accountId: "acct_a" as AccountId,
  siteId: "site_a" as SiteId,
  releasedAt: ago(DAY),
  underMeasure: false,
  ...changes,
});

const claimants: readonly [
  what: string,
  given: {
    finding: Finding;
    holder?: ClaimRow;
    release?: ReleaseRow;
    underWildcard?: boolean;
    claim?: ClaimRow;
  },
  verdict: "takes" | "contests" | "waits" | "unproven",
][] = [
  ["a record, and nobody has it", { finding: TXT }, "takes"],
  ["a file, and nobody has it", { finding: FILE }, "takes"],
  ["nothing shown", { finding: MISSING }, "unproven"],
  [
    "nothing shown, and a holder without a proof",
    { finding: MISSING, holder: holder("dns-txt", { missingSince: ago(3 * DAY) }) },
    "unproven",
  ],
  ["silence is no proof", { finding: SILENT }, "unproven"],
  ["a record against a standing record", { finding: TXT, holder: holder("dns-txt") }, "waits"],
  ["a file against a standing record", { finding: FILE, holder: holder("dns-txt") }, "waits"],
  ["a file against a file", { finding: FILE, holder: holder("http-token") }, "waits"],
  [
    "a file against a missing proof",
    { finding: FILE, holder: holder("dns-txt", { missingSince: ago(6 * DAY) }) },
    "waits",
  ],
  ["a record against a file, just now", { finding: TXT, holder: holder("http-token") }, "contests"],
  [
    "a record against a file, told almost a day ago",
    { finding: TXT, holder: holder("http-token", { contestedSince: ago(CONTEST_MS - 1) }) },
    "contests",
  ],
  [
    "a record against a file, told a day ago",
    { finding: TXT, holder: holder("http-token", { contestedSince: ago(CONTEST_MS) }) },
    "takes",
  ],
  [
    "a record against a proof that is missing since just now",
    { finding: TXT, holder: holder("dns-txt", { missingSince: ago(0) }) },
    "contests",
  ],
  [
    "a record against a proof that is missing for a day",
    { finding: TXT, holder: holder("dns-txt", { missingSince: ago(CONTEST_MS) }) },
    "takes",
  ],
  ["a record against the operator's word", { finding: TXT, holder: holder("operator") }, "contests"],
  [
    "a record against the operator's word, however long",
    { finding: TXT, holder: holder("operator"), claim: newcomer({ waitingSince: ago(99 * DAY) }) },
    "contests",
  ],
  ["a file against the operator's word", { finding: FILE, holder: holder("operator") }, "contests"],
  [
    "another site of the same account",
    { finding: TXT, holder: holder("dns-txt", { accountId: "acct_b" as AccountId }) },
    "waits",
  ],
  ["a file for a name let go of by others yesterday", { finding: FILE, release: release() }, "waits"],
  ["a record for a name let go of by others yesterday", { finding: TXT, release: release() }, "takes"],
  [
    "a file for a name let go of by oneself",
    { finding: FILE, release: release({ accountId: "acct_b" as AccountId }) },
    "takes",
  ],
  [
    "a file for a name let go of a week ago",
    { finding: FILE, release: release({ releasedAt: ago(COOL_MS) }) },
    "takes",
  ],
  ["a name let go of under a measure", { finding: TXT, release: release({ underMeasure: true }) }, "waits"],
  [
    "one's own name let go of under a measure",
    { finding: TXT, release: release({ accountId: "acct_b" as AccountId, underMeasure: true }) },
    "waits",
  ],
  ["a file below another account's wildcard", { finding: FILE, underWildcard: true }, "waits"],
  ["a record below another account's wildcard", { finding: TXT, underWildcard: true }, "takes"],
];

test("who gets a name, as a table", () => {
  for (const [what, given, verdict] of claimants) {
    const outcome = checkClaimant(given.claim ?? newcomer(), {
      finding: given.finding,
      holder: given.holder ?? null,
      release: given.release ?? null,
      underWildcard: given.underWildcard ?? false,
      nowMs: NOW,
      chance: 0.5,
    });
    assert.equal(outcome.verdict, verdict, what);
    assert.equal(outcome.state.provenAt !== null, verdict === "takes", what);
    assert.equal(outcome.state.why === null, verdict === "takes", what);
    assert.doesNotMatch(outcome.state.why ?? "", /acct_|site_/, what);
  }
});

const holders: readonly [
  what: string,
  given: { claim: ClaimRow; finding: Finding; contested?: boolean },
  expected: { shown: string; event: string | null },
][] = [
  ["the record stands", { claim: holder("dns-txt"), finding: TXT }, { shown: "proven", event: null }],
  [
    "a record in place of a file",
    { claim: holder("http-token"), finding: TXT },
    { shown: "proven", event: null },
  ],
  [
    "missing for the first time",
    { claim: holder("dns-txt"), finding: MISSING },
    { shown: "lapsing", event: "lapsing" },
  ],
  [
    "missing again",
    { claim: holder("dns-txt", { missingSince: ago(DAY) }), finding: MISSING },
    { shown: "lapsing", event: null },
  ],
  [
    "missing for almost a week",
    { claim: holder("dns-txt", { missingSince: ago(GRACE_MS - 1) }), finding: MISSING },
    { shown: "lapsing", event: null },
  ],
  [
    "missing for a week",
    { claim: holder("dns-txt", { missingSince: ago(GRACE_MS) }), finding: MISSING },
    { shown: "unproven", event: "released" },
  ],
  [
    "there again",
    { claim: holder("dns-txt", { missingSince: ago(6 * DAY) }), finding: TXT },
    { shown: "proven", event: "found-again" },
  ],
  ["silence", { claim: holder("dns-txt"), finding: SILENT }, { shown: "proven", event: null }],
  [
    "silence while it is missing",
    { claim: holder("dns-txt", { missingSince: ago(DAY) }), finding: SILENT },
    { shown: "lapsing", event: null },
  ],
  [
    "silence for two weeks",
    { claim: holder("dns-txt", { seenAt: ago(SILENT_MS) }), finding: SILENT },
    { shown: "lapsing", event: "lapsing" },
  ],
  [
    "a file, and the name leads here now",
    { claim: holder("http-token"), finding: MISSING_HERE },
    { shown: "proven", event: null },
  ],
  [
    "a record that is gone, though the name leads here",
    { claim: holder("dns-txt"), finding: MISSING_HERE },
    { shown: "lapsing", event: "lapsing" },
  ],
  ["the operator's word", { claim: holder("operator"), finding: MISSING }, { shown: "proven", event: null }],
  [
    "contested, and a record of its own appears",
    { claim: holder("http-token", { contestedSince: ago(HOUR) }), finding: TXT, contested: true },
    { shown: "proven", event: null },
  ],
  [
    "contested, and only the file is there",
    { claim: holder("http-token", { contestedSince: ago(HOUR) }), finding: FILE, contested: true },
    { shown: "conflict", event: null },
  ],
  [
    "contested no longer",
    { claim: holder("http-token", { contestedSince: ago(HOUR) }), finding: FILE, contested: false },
    { shown: "proven", event: null },
  ],
];

test("what becomes of a holder, as a table", () => {
  for (const [what, given, expected] of holders) {
    const { claim: row, finding, contested = false } = given;
    const outcome = checkHolder(row, { finding, contested, nowMs: NOW, chance: 0.5 });
    assert.equal(shownState(outcome.state).state, expected.shown, what);
    assert.equal(outcome.event, expected.event, what);
    assert.equal(outcome.state.provenAt !== null, expected.shown !== "unproven", what);
  }
});

test("whatever happens, a holder is checked again, within a day and a bit and never in the past", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("dns-txt" as const, "http-token" as const, "operator" as const),
      fc.constantFrom(TXT, FILE, MISSING, MISSING_HERE, SILENT),
      fc.option(fc.integer({ min: 0, max: 30 * DAY })),
      fc.boolean(),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (provenBy, finding, missingMs, contested, chance) => {
        const row = holder(provenBy, { missingSince: missingMs === null ? null : ago(missingMs) });
        const { state } = checkHolder(row, { finding, contested, nowMs: NOW, chance });
        const next = state.nextCheckAt?.getTime() ?? 0;
        assert.ok(next > NOW && next <= NOW + 1.2 * DAY + 1);
        assert.ok(state.provenAt !== null || (state.missingSince === null && state.contestedSince === null));
      },
    ),
  );
});
