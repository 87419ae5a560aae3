import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { CaseId, DecisionId, MeasureId, SiteId } from "../../contract/ids.ts";
import type { MeasureRecord, ReceiptedMeasure } from "../../contract/measure.ts";
import { NO_COMMITMENT, type LedgerEntry } from "./entry.ts";
import { verifyReceipt } from "./receipt.ts";
import { makeReceipt, TEST_VKEY, testSigner, vkeyOf } from "./testing.ts";

const record: MeasureRecord = {
  schema: 1,
  measureId: `meas_${"0".repeat(26)}` as MeasureId,
  decisionId: `deci_${"0".repeat(26)}` as DecisionId,
  caseId: `case_${"0".repeat(26)}` as CaseId,
  caseNumber: "2026-000012",
  kind: "withhold",
  scope: "hostname",
  subject: { siteId: `site_${"0".repeat(26)}` as SiteId, hostname: "forum.example" },
  clause: "life-threat",
  facts: "A named person is threatened at a known place.",
  territory: ["*"],
  startsAt: "2026-11-22T10:00:00.000Z",
  endsAt: null,
  reviewAt: "2026-12-22T10:00:00.000Z",
  appealBy: ["customer"],
  appealUrl: "https://desk.example/appeals",
  blockedByUrl: "https://desk.example/",
  operatorName: "Example Edge",
  brake: false,
};
const brake: MeasureRecord = { ...record, brake: true, endsAt: "2026-11-22T11:00:00.000Z", reviewAt: null };
const pinned = { vkey: TEST_VKEY };

function refused(measure: unknown, options: { vkey: string } = pinned): string {
  const verdict = verifyReceipt(measure as ReceiptedMeasure, options);
  assert.equal(verdict.ok, false);
  return verdict.ok ? "" : verdict.why;
}

test("A receipt that the pinned log gave is accepted, wherever the entry stands", () => {
  for (const [size, index] of [
    [2, 1],
    [257, 256],
    [600, 300],
  ] as const) {
    assert.deepEqual(verifyReceipt(makeReceipt(record, { size, index }), pinned), { ok: true, index });
  }
  assert.ok(verifyReceipt(makeReceipt(brake), pinned).ok);
  assert.ok(verifyReceipt(makeReceipt(record, { entry: { kind: "ratification" } }), pinned).ok);
});

test("A receipt survives the road as JSON, in any order of keys", () => {
  const measure = makeReceipt(record);
  const shuffled = Object.fromEntries(Object.entries(measure.record).reverse());
  const sent = JSON.parse(JSON.stringify({ ...measure, record: shuffled })) as ReceiptedMeasure;
  assert.ok(verifyReceipt(sent, pinned).ok);
});

test("Another log's receipt is refused, whatever its name", () => {
  const stranger = testSigner(undefined, 8);
  assert.match(refused(makeReceipt(record, { signer: stranger })), /No known key/);
  assert.match(refused(makeReceipt(record), { vkey: vkeyOf(stranger) }), /No known key/);
  assert.match(refused(makeReceipt(record), { vkey: "" }), /pinned key/);
});

test("A record that was changed in any field is refused", () => {
  const measure = makeReceipt(record);
  const changes: readonly Partial<MeasureRecord>[] = [
    { kind: "warn" },
    { scope: "url" },
    { clause: "phishing" },
    { subject: { ...record.subject, hostname: "other.example" } },
    { subject: { siteId: record.subject.siteId } },
    { facts: "Something else." },
    { territory: ["FR"] },
    { startsAt: "2026-11-22T10:00:00.001Z" },
    { endsAt: "2027-11-22T10:00:00.000Z" },
    { reviewAt: null },
    { brake: true },
    { appealUrl: "https://evil.example/" },
  ];
  for (const change of changes) {
    assert.match(refused({ ...measure, record: { ...record, ...change } }), /commitment does not open/);
  }
  assert.match(refused({ ...measure, record: { ...record, more: 1 } }), /commitment/);
  assert.match(refused({ ...measure, salt: "00".repeat(32) }), /commitment/);
});

test("An honest log's entry that tells another story than the record is refused", () => {
  const table: readonly [MeasureRecord, Partial<LedgerEntry>, RegExp][] = [
    [record, { kind: "brake", signers: 1 }, /holds a brake/],
    [brake, { kind: "decision", signers: 2 }, /holds a decision/],
    [brake, { kind: "ratification", signers: 2 }, /holds a ratification/],
    [record, { kind: "lift" }, /holds a lift/],
    [record, { kind: "refusal", measure: null }, /holds a refusal/],
    [record, { kind: "referral" }, /holds a referral/],
    [record, { measure: "warn" }, /measure/],
    [record, { scope: "site" }, /scope/],
    [record, { clause: "phishing" }, /clause/],
    [record, { party: "1".repeat(64) }, /commitment/],
    [record, { kind: "lift", party: NO_COMMITMENT }, /commitment/],
  ];
  for (const [about, entry, why] of table) assert.match(refused(makeReceipt(about, { entry })), why);
});

test("A brake that outlasts its hour is refused even with a perfect receipt", () => {
  const ends = (endsAt: string | null): MeasureRecord => ({ ...brake, endsAt });
  assert.ok(verifyReceipt(makeReceipt(ends("2026-11-22T10:00:01.000Z")), pinned).ok);
  for (const endsAt of [
    null,
    "2026-11-22T11:00:00.001Z",
    "2026-11-22T10:00:00.000Z",
    "2025-01-01T00:00:00.000Z",
    "soon",
  ]) {
    assert.match(refused(makeReceipt(ends(endsAt))), /must end within 60 minutes/);
  }
});

test("A proof of another entry does not carry this one", () => {
  const other = makeReceipt({ ...record, facts: "Something else." });
  assert.match(refused({ ...makeReceipt(record), proof: other.proof }), /does not lead/);
  assert.match(refused({ ...makeReceipt(record), entry: other.entry }), /commitment/);
});

test("Missing, oversized and malformed parts are refused without a throw", () => {
  const measure = makeReceipt(record);
  for (const part of ["record", "salt", "entry", "proof"] as const) {
    for (const value of [undefined, null, 5, "", {}, [], "A".repeat(684), "A".repeat(1_000_000)]) {
      refused({ ...measure, [part]: value });
    }
  }
  for (const whole of [null, undefined, 5, "measure", []]) refused(whole);
  assert.match(refused({ ...measure, record: { ...record, facts: "a".repeat(100_000) } }), /commitment/);
  fc.assert(fc.property(fc.anything(), (value) => void refused(value)));
  fc.assert(fc.property(fc.anything(), (value) => void refused({ ...measure, record: value })));
});

test("Changing any character of the entry or the salt breaks the receipt", () => {
  const measure = makeReceipt(record);
  fc.assert(
    fc.property(
      fc.constantFrom("entry", "salt" as const),
      fc.nat(683),
      fc.constantFrom(..."AaZz09+/=f"),
      (part, at, c) => {
        const text = measure[part as "entry" | "salt"];
        const place = at % text.length;
        const changed = text.slice(0, place) + c + text.slice(place + 1);
        if (changed !== text) refused({ ...measure, [part]: changed });
      },
    ),
  );
});
