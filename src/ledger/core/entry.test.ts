import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { DANGER_LEVELS } from "../../contract/danger.ts";
import { CLAUSES, MEASURE_KINDS, SCOPES, type Clause } from "../../contract/measure.ts";
import {
  dayOf,
  encodeEntry,
  ENTRY_BYTES,
  ENTRY_KINDS,
  ENTRY_RULES,
  entryProblem,
  logStart,
  NO_COMMITMENT,
  parseEntry,
  type LedgerEntry,
} from "./entry.ts";

const decision: LedgerEntry = {
  kind: "decision",
  measure: "withhold",
  scope: "hostname",
  clause: "doxxing-with-danger",
  level: "MODERATE",
  signers: 2,
  caseTag: "0123456789abcdef0123456789abcdef",
  seq: 999_999,
  refers: 999_998,
  day: "2026-11-22",
  public: "a".repeat(64),
  party: "b".repeat(64),
  court: "c".repeat(64),
};

/** A valid entry of every kind. */
function sample(kind: LedgerEntry["kind"]): LedgerEntry {
  if (kind === "log-start") return logStart("2026-11-22");
  const rule = ENTRY_RULES[kind];
  return {
    ...decision,
    kind,
    measure: rule.measure === "none" ? null : "withhold",
    level: kind === "brake" ? "IMMINENT" : "HIGH",
    signers: rule.signersMin,
  };
}

test("An entry of every kind has 512 bytes and reads back as it was", () => {
  for (const kind of ENTRY_KINDS) {
    const bytes = encodeEntry(sample(kind));
    assert.equal(bytes.length, ENTRY_BYTES);
    assert.equal(bytes.at(-1), 0x0a);
    assert.deepEqual(parseEntry(bytes), { ok: true, value: sample(kind) });
  }
  assert.equal(ENTRY_KINDS.length, 12);
});

test("The longest possible words still fit", () => {
  const longest = (words: readonly string[]): string =>
    words.toSorted((a, b) => b.length - a.length)[0] ?? "";
  const entry = {
    ...decision,
    kind: "ratification",
    measure: longest(MEASURE_KINDS),
    scope: longest(SCOPES),
    clause: longest(Object.keys(CLAUSES)),
    level: longest(DANGER_LEVELS),
  } as LedgerEntry;
  assert.equal(encodeEntry(entry).length, ENTRY_BYTES);
});

test("Entries that break a rule of their kind are never written", () => {
  const table: readonly [string, Partial<LedgerEntry> | LedgerEntry][] = [
    ["a decision of one", { signers: 1 }],
    ["a brake of two", { kind: "brake", level: "IMMINENT", signers: 2 }],
    ["a brake of nobody", { kind: "brake", level: "IMMINENT", signers: 0 }],
    ["a brake below IMMINENT", { kind: "brake", level: "HIGH", signers: 1 }],
    ["a ratification of one", { kind: "ratification", signers: 1 }],
    ["an opening of one", { kind: "opening", measure: null, signers: 1 }],
    ["an erasure of one", { kind: "erasure", measure: null, signers: 1 }],
    ["a lapse with a signer", { kind: "lapse", signers: 1 }],
    ["a refusal with a measure", { kind: "refusal" }],
    ["a decision without measure", { measure: null }],
    ["a decision without scope", { scope: null }],
    ["a decision without clause", { clause: null }],
    ["a decision without level", { level: null }],
    ["a decision without party", { party: NO_COMMITMENT }],
    ["ten signers", { signers: 10 }],
    ["half a signer", { signers: 2.5 }],
    ["unknown kind", { kind: "note" as "decision" }],
    ["a kind from the prototype", { kind: "constructor" as "decision" }],
    ["unknown measure", { measure: "delete" as "warn" }],
    ["unknown clause", { clause: "toString" as Clause }],
    ["free text as clause", { clause: "life-threat\npad" as Clause }],
    ["short case tag", { caseTag: "ab" }],
    ["no case tag", { caseTag: "0".repeat(32) }],
    ["upper case tag", { caseTag: "A".repeat(32) }],
    ["seq 0", { seq: 0, refers: null }],
    ["seq too large", { seq: 1_000_000 }],
    ["refers to itself", { seq: 5, refers: 5 }],
    ["refers to 0", { refers: 0 }],
    ["no such day", { day: "2026-02-30" }],
    ["a time in the day", { day: "2026-11-22T10:00:00Z" }],
    ["commitment too short", { court: "a" }],
    ["commitment upper case", { court: "A".repeat(64) }],
    ["a log-start with a case", { ...logStart("2026-11-22"), caseTag: "a".repeat(32) }],
    ["a log-start with a commitment", { ...logStart("2026-11-22"), court: "a".repeat(64) }],
  ];
  for (const [name, change] of table) {
    const entry = { ...decision, ...change } as LedgerEntry;
    assert.notEqual(entryProblem(entry), null, name);
    assert.throws(() => encodeEntry(entry), /cannot be logged/, name);
  }
});

test("Bytes that are not an entry to the last one are refused", () => {
  const text = Buffer.from(encodeEntry(decision)).toString();
  const table: readonly [string, string][] = [
    ["empty", ""],
    ["a byte short", text.slice(0, -1)],
    ["a byte long", `${text}.`],
    ["another version", text.replace("/v1", "/v2")],
    ["carriage return", text.replace("\nkind", "\r\nkind").slice(0, -2) + "\n"],
    ["leading zero", text.replace("signers 2", "signers 02").replace("..\n", ".\n")],
    ["hexadecimal", text.replace("signers 2", "signers 0x2").replace("...\n", ".\n")],
    ["plus", text.replace("signers 2", "signers +2").replace("..\n", ".\n")],
    ["lines swapped", text.replace(/(kind .*\n)(measure .*\n)/, "$2$1")],
    ["words in the padding", text.replace("......", "hello.")],
    ["a decision of one", text.replace("signers 2", "signers 1")],
    ["unknown clause", text.replace("doxxing-with-danger", "doxxing-with-dangeR")],
    ["not UTF-8", ""],
  ];
  for (const [name, broken] of table) {
    const bytes = name === "not UTF-8" ? encodeEntry(decision).fill(0xff, 100, 101) : Buffer.from(broken);
    assert.notEqual(broken, text, name);
    assert.equal(parseEntry(new Uint8Array(bytes)).ok, false, name);
  }
});

test("Changing any byte of an entry gives another valid entry or a refusal, never a throw or a second spelling", () => {
  const bytes = encodeEntry(decision);
  fc.assert(
    fc.property(fc.nat(ENTRY_BYTES - 1), fc.nat(255), (at, byte) => {
      const changed = bytes.slice();
      changed[at] = byte;
      const parsed = parseEntry(changed);
      if (parsed.ok) assert.deepEqual(encodeEntry(parsed.value), changed);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 500, maxLength: 520 }), (b) => assert.ok(!parseEntry(b).ok)),
  );
});

test("The day of a moment is its day in UTC", () => {
  assert.equal(dayOf(Date.parse("2026-11-22T23:59:59.999Z")), "2026-11-22");
  assert.equal(dayOf(Date.parse("2026-11-23T00:00:00.000+01:00")), "2026-11-22");
});
