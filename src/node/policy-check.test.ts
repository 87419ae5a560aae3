import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CaseId, DecisionId, MeasureId, SiteId } from "../contract/ids.ts";
import type { MeasureRecord } from "../contract/measure.ts";
import { POLICY_HOSTNAMES_MAX, POLICY_MEASURES_MAX } from "../contract/policy.ts";
import { newPolicy } from "../contract/new-policy.ts";
import { singleOrigin } from "../contract/origin-pool.ts";
import { makeReceipt, TEST_VKEY } from "../ledger/core/testing.ts";
import { checkPolicy } from "./policy-check.ts";

const OPTIONS = { pinnedVkey: TEST_VKEY, originPrivateRanges: ["192.0.2.0/24"] };
const SITE = `site_${"0".repeat(26)}`;
const good = (): Record<string, unknown> => ({
  ...newPolicy({
    siteId: SITE as SiteId,
    version: 1,
    hostnames: ["a.example", "*.b.example"],
    origin: singleOrigin("http", "192.0.2.1", 80),
    limit: { requestsPerSecond: 10, burst: 20 },
    bodyBytesMax: 0,
  }),
});

test("a right policy passes, and each of its fields is needed", () => {
  assert.equal(checkPolicy(good(), OPTIONS).ok, true);
  for (const key of Object.keys(good())) {
    const { [key]: _, ...rest } = good();
    const checked = checkPolicy(rest, OPTIONS);
    assert.ok(!checked.ok && checked.why.includes(`lacks "${key}"`), key);
  }
});

test("a removed site is a policy without hostnames", () => {
  assert.equal(checkPolicy({ ...good(), hostnames: [] }, OPTIONS).ok, true);
});

test("an account's measure stands on each of its sites, any other measure on its own site alone", () => {
  const elsewhere = `site_${"1".repeat(26)}` as SiteId;
  const record: MeasureRecord = {
    schema: 1,
    measureId: `meas_${"0".repeat(26)}` as MeasureId,
    decisionId: `deci_${"0".repeat(26)}` as DecisionId,
    caseId: `case_${"0".repeat(26)}` as CaseId,
    caseNumber: "2026-000001",
    kind: "withhold",
    scope: "account",
    subject: { siteId: elsewhere },
    clause: "life-threat",
    facts: "A plan against a person is made on every site of this account.",
    territory: ["*"],
    startsAt: "2026-11-22T20:00:00.000Z",
    endsAt: null,
    reviewAt: "2026-11-24T20:00:00.000Z",
    appealBy: ["customer"],
    appealUrl: "https://desk.example/appeal",
    blockedByUrl: "https://desk.example/",
    operatorName: "Example Protection",
    brake: false,
  };
  const account = checkPolicy({ ...good(), measures: [makeReceipt(record)] }, OPTIONS);
  assert.ok(account.ok, account.ok ? "" : account.why);
  const site = checkPolicy({ ...good(), measures: [makeReceipt({ ...record, scope: "site" })] }, OPTIONS);
  assert.ok(!site.ok && site.why.includes("about another site"));
});

test("counts stop at their bound", () => {
  const names = (n: number): string[] => Array.from({ length: n }, (_, i) => `h${i}.example`);
  assert.equal(checkPolicy({ ...good(), hostnames: names(POLICY_HOSTNAMES_MAX) }, OPTIONS).ok, true);
  assert.equal(checkPolicy({ ...good(), hostnames: names(POLICY_HOSTNAMES_MAX + 1) }, OPTIONS).ok, false);
  const many = checkPolicy(
    { ...good(), measures: Array.from({ length: POLICY_MEASURES_MAX + 1 }, () => ({})) },
    OPTIONS,
  );
  assert.ok(!many.ok && /more than 100 measures/.test(many.why));
});

test("a name in the operator's network cannot hide behind an address", () => {
  for (const [host, ok] of [
    ["192.0.2.77", true],
    ["198.51.100.7", false],
    ["127.0.0.1", false],
    ["0.0.0.0", false],
    ["100.64.0.1", false],
    ["::1", false],
    ["::ffff:192.0.2.7", true],
    ["::ffff:127.0.0.1", false],
    ["fd00::1", false],
    ["64:ff9b::7f00:1", false],
    ["0x7f.1", true], // Not an address but a name: it is resolved, and the address it leads to is judged.
    ["2130706433", true],
    ["origin.example", true],
    ["[::1]", false],
    ["a b", false],
  ] as const) {
    const checked = checkPolicy({ ...good(), origin: singleOrigin("http", host, 80) }, OPTIONS);
    assert.equal(checked.ok, ok, host);
  }
});

test("whatever comes, the answer is a value and never an exception", () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      assert.equal(checkPolicy(value, OPTIONS).ok, false);
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(good())), fc.anything(), (key, value) => {
      assert.equal(typeof checkPolicy({ ...good(), [key]: value }, OPTIONS).ok, "boolean");
    }),
    { numRuns: 500 },
  );
});
