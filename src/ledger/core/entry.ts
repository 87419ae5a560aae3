/**
 * One entry of the log: 512 bytes, lines of closed words, numbers and digests. Nothing in it was written by a stranger and
 * nothing in it is free text, so the log can never be made to carry anybody's words. What was decided, about whom and why stands
 * behind three commitments, one for each audience, which can be opened or destroyed one by one. Every entry has the
 * same size and a day instead of a time, so that neither length nor clock points at a person. An entry that its kind does not
 * allow (a brake of two, a decision of one) cannot be written, nor read back as valid.
 */
import { DANGER_LEVELS, type DangerLevel } from "../../contract/danger.ts";
import type { Parsed } from "../../contract/fault.ts";
import {
  CLAUSES,
  MEASURE_KINDS,
  SCOPES,
  type Clause,
  type MeasureKind,
  type Scope,
} from "../../contract/measure.ts";
import { decodeUtf8, encodeUtf8, sameBytes } from "./strict-text.ts";

export const ENTRY_BYTES = 512;
const FIRST_LINE = "parapet/entry/v1";
export const NO_COMMITMENT = "0".repeat(64);
const NO_CASE = "0".repeat(32);
const SEQ_MAX = 999_999;
export const SIGNERS_MAX = 9;

export const ENTRY_KINDS = [
  "log-start",
  "decision",
  "brake",
  "ratification",
  "refusal",
  "lift",
  "lapse",
  "release",
  "appeal",
  "referral",
  "opening",
  "erasure",
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

export type LedgerEntry = {
  readonly kind: EntryKind;
  readonly measure: MeasureKind | null;
  readonly scope: Scope | null;
  readonly clause: Clause | null;
  readonly level: DangerLevel | null;
  /** How many different people stand behind it, 0 to 9. Who they are is behind the court's commitment. */
  readonly signers: number;
  /** 32 hex digits, random for each case: ties a case's entries together and nothing else. */
  readonly caseTag: string;
  /** Counts up within the case from 1, so that a missing entry shows. */
  readonly seq: number;
  /** The `seq` of the entry of the same case that this one answers (a ratification its brake, a lift its decision), or null. */
  readonly refers: number | null;
  /** YYYY-MM-DD, UTC. */
  readonly day: string;
  /** Commitments (see commitment.ts), 64 hex digits, or NO_COMMITMENT. */
  readonly public: string;
  readonly party: string;
  readonly court: string;
};

type Presence = "required" | "optional" | "none";
type KindRule = {
  readonly measure: Presence;
  readonly scope: Presence;
  readonly clause: Presence;
  readonly level: Presence;
  readonly signersMin: number;
  readonly signersMax: number;
  readonly party: Presence;
};

const MEASURE_RULE = {
  measure: "required",
  scope: "required",
  clause: "required",
  level: "required",
  party: "required",
} as const;
const LOOSE_RULE = {
  measure: "optional",
  scope: "optional",
  clause: "optional",
  level: "optional",
  party: "optional",
} as const;

/** What an entry of each kind holds. Two people for what restricts or uncovers, one for a brake, none for the clock. */
export const ENTRY_RULES = {
  "log-start": {
    measure: "none",
    scope: "none",
    clause: "none",
    level: "none",
    signersMin: 0,
    signersMax: 0,
    party: "none",
  },
  decision: { ...MEASURE_RULE, signersMin: 2, signersMax: SIGNERS_MAX },
  brake: { ...MEASURE_RULE, signersMin: 1, signersMax: 1 },
  ratification: { ...MEASURE_RULE, signersMin: 2, signersMax: SIGNERS_MAX },
  refusal: { ...LOOSE_RULE, measure: "none", signersMin: 2, signersMax: SIGNERS_MAX },
  lift: { ...LOOSE_RULE, signersMin: 1, signersMax: SIGNERS_MAX },
  lapse: { ...LOOSE_RULE, signersMin: 0, signersMax: 0 },
  release: { ...LOOSE_RULE, signersMin: 1, signersMax: SIGNERS_MAX },
  appeal: { ...LOOSE_RULE, signersMin: 0, signersMax: SIGNERS_MAX },
  referral: { ...LOOSE_RULE, signersMin: 1, signersMax: SIGNERS_MAX },
  opening: { ...LOOSE_RULE, measure: "none", signersMin: 2, signersMax: SIGNERS_MAX },
  erasure: { ...LOOSE_RULE, measure: "none", signersMin: 2, signersMax: SIGNERS_MAX },
} as const satisfies Record<EntryKind, KindRule>;

/** The first entry of every log: it says that the log was begun, and on which day. */
export function logStart(day: string): LedgerEntry {
  return {
    kind: "log-start",
    measure: null,
    scope: null,
    clause: null,
    level: null,
    signers: 0,
    caseTag: NO_CASE,
    seq: 0,
    refers: null,
    day,
    public: NO_COMMITMENT,
    party: NO_COMMITMENT,
    court: NO_COMMITMENT,
  };
}

/** The entry's 512 bytes. Throws when the entry breaks a rule: that is a fault of the program, not of a person. */
export function encodeEntry(entry: LedgerEntry): Uint8Array {
  const why = entryProblem(entry);
  if (why !== null) throw new Error(`an entry that cannot be logged: ${why}`);
  const lines = [
    FIRST_LINE,
    `kind ${entry.kind}`,
    `measure ${entry.measure ?? "none"}`,
    `scope ${entry.scope ?? "none"}`,
    `clause ${entry.clause ?? "none"}`,
    `level ${entry.level ?? "none"}`,
    `signers ${entry.signers}`,
    `case ${entry.caseTag}`,
    `seq ${entry.seq}`,
    `refers ${entry.refers ?? 0}`,
    `day ${entry.day}`,
    `public ${entry.public}`,
    `party ${entry.party}`,
    `court ${entry.court}`,
  ];
  const head = `${lines.join("\n")}\npad `;
  return encodeUtf8(`${head}${".".repeat(ENTRY_BYTES - head.length - 1)}\n`);
}

/** Reads an entry's bytes. Only what `encodeEntry` would write passes, byte for byte. */
export function parseEntry(bytes: Uint8Array): Parsed<LedgerEntry> {
  if (bytes.length !== ENTRY_BYTES) return refuse(`An entry has ${ENTRY_BYTES} bytes, not ${bytes.length}`);
  const text = decodeUtf8(bytes);
  if (text === null) return refuse("The entry is not text");
  const lines = text.split("\n");
  const field = (line: number, name: string): string =>
    lines[line]?.startsWith(`${name} `) === true ? (lines[line] ?? "").slice(name.length + 1) : "";
  const word = (line: number, name: string): string | null => {
    const value = field(line, name);
    return value === "none" ? null : value;
  };
  const refers = Number(field(9, "refers"));
  // The words are only claimed to be of their enumerations here: `entryProblem` checks each, then the bytes must agree.
  const entry = {
    kind: field(1, "kind"),
    measure: word(2, "measure"),
    scope: word(3, "scope"),
    clause: word(4, "clause"),
    level: word(5, "level"),
    signers: Number(field(6, "signers")),
    caseTag: field(7, "case"),
    seq: Number(field(8, "seq")),
    refers: refers === 0 ? null : refers,
    day: field(10, "day"),
    public: field(11, "public"),
    party: field(12, "party"),
    court: field(13, "court"),
  } as LedgerEntry;
  const why = entryProblem(entry);
  if (why !== null) return refuse(`The entry breaks its rules: ${why}`);
  if (!sameBytes(encodeEntry(entry), bytes)) return refuse("The entry is not spelled canonically");
  return { ok: true, value: entry };
}

/** What is wrong with an entry, or null. */
export function entryProblem(entry: LedgerEntry): string | null {
  if (!ENTRY_KINDS.includes(entry.kind)) return "its kind is unknown";
  const rule: KindRule = ENTRY_RULES[entry.kind];
  const words = [
    ["measure", entry.measure, MEASURE_KINDS, rule.measure],
    ["scope", entry.scope, SCOPES, rule.scope],
    ["clause", entry.clause, Object.keys(CLAUSES), rule.clause],
    ["level", entry.level, DANGER_LEVELS, rule.level],
  ] as const;
  for (const [name, value, allowed, presence] of words) {
    if (value !== null && !(allowed as readonly string[]).includes(value)) return `its ${name} is unknown`;
    if (value === null && presence === "required") return `a ${entry.kind} needs a ${name}`;
    if (value !== null && presence === "none") return `a ${entry.kind} has no ${name}`;
  }
  if (!isCount(entry.signers, SIGNERS_MAX)) return `signers is not 0 to ${SIGNERS_MAX}`;
  if (entry.signers < rule.signersMin || entry.signers > rule.signersMax) {
    return `a ${entry.kind} has ${rule.signersMin} to ${rule.signersMax} signers, not ${entry.signers}`;
  }
  if (entry.kind === "brake" && entry.level !== "IMMINENT") return "a brake needs the level IMMINENT";
  if (!/^[0-9a-f]{32}$/.test(entry.caseTag)) return "its case tag is not 32 hex digits";
  if (!isCount(entry.seq, SEQ_MAX)) return `seq is not 0 to ${SEQ_MAX}`;
  if (entry.refers !== null && !(isCount(entry.refers, SEQ_MAX) && entry.refers > 0)) {
    return `refers is not 1 to ${SEQ_MAX}`;
  }
  if (entry.kind === "log-start") {
    if (entry.caseTag !== NO_CASE || entry.seq !== 0 || entry.refers !== null)
      return "a log-start has no case";
  } else {
    if (entry.caseTag === NO_CASE) return `a ${entry.kind} needs a case tag`;
    if (entry.seq < 1) return "seq counts from 1 within the case";
    if (entry.refers !== null && entry.refers >= entry.seq)
      return "refers names an entry that is not earlier";
  }
  if (!isDay(entry.day)) return "its day is not a date of the form YYYY-MM-DD";
  for (const audience of ["public", "party", "court"] as const) {
    if (!/^[0-9a-f]{64}$/.test(entry[audience])) return `its ${audience} commitment is not 64 hex digits`;
    if (entry.kind === "log-start" && entry[audience] !== NO_COMMITMENT)
      return "a log-start commits to nothing";
  }
  if (rule.party === "required" && entry.party === NO_COMMITMENT)
    return `a ${entry.kind} needs a party commitment`;
  return null;
}

/** The day of a moment, in UTC. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function isCount(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max && !Object.is(value, -0);
}

function isDay(day: string): boolean {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(day)) return false;
  const at = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(at) && dayOf(at) === day;
}

function refuse(why: string): { readonly ok: false; readonly why: string } {
  return { ok: false, why };
}
