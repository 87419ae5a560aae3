/**
 * The edge's third law: no receipt, no measure. A measure is enforced only if the log whose key is pinned on this edge holds an
 * entry that commits to exactly this record, under a checkpoint that it signed, and if entry and record tell the same: what,
 * how wide, by which clause, and whether one officer stands behind it or two. A brake must moreover end within its hour, so
 * that no control plane can make one last. Everything is bounded; nothing here throws, whatever a stranger sends.
 */
import { BRAKE_HOLD_MS, type MeasureRecord, type ReceiptedMeasure } from "../../contract/measure.ts";
import { opens } from "./commitment.ts";
import { ENTRY_BYTES, parseEntry, type LedgerEntry } from "./entry.ts";
import { parseVkey } from "./note.ts";
import { decodeBase64 } from "./strict-text.ts";
import { TLOG_PROOF_CHARS_MAX, verifyTlogProof } from "./tlog-proof.ts";

export type ReceiptVerdict =
  | { readonly ok: true; /** The entry's place in the log. */ readonly index: number }
  | { readonly ok: false; readonly why: string };

const ENTRY_CHARS = Math.ceil(ENTRY_BYTES / 3) * 4;

/** Verifies a measure's receipt against the pinned verifier key (C2SP signed-note vkey). */
export function verifyReceipt(measure: ReceiptedMeasure, options: { readonly vkey: string }): ReceiptVerdict {
  const key = parseVkey(options.vkey);
  if (!key.ok) return refuse(`The pinned key cannot be used: ${key.why}`);
  if (typeof measure !== "object" || measure === null) return refuse("The measure is not an object");
  const { record, salt, entry, proof } = measure;
  if (typeof entry !== "string" || entry.length !== ENTRY_CHARS)
    return refuse("The entry has the wrong size");
  if (typeof proof !== "string" || proof.length > TLOG_PROOF_CHARS_MAX)
    return refuse("The proof is too large");
  if (typeof salt !== "string" || typeof record !== "object" || record === null) {
    return refuse("The record or its salt is missing");
  }
  const bytes = decodeBase64(entry);
  if (bytes === null) return refuse("The entry is not canonical base64");
  const parsed = parseEntry(bytes);
  if (!parsed.ok) return refuse(parsed.why);
  if (!opens(parsed.value.party, { salt, payload: record })) {
    return refuse("The entry's commitment does not open to this record");
  }
  const differs = disagreement(record, parsed.value);
  if (differs !== null) return refuse(differs);
  // The costly part, two elliptic curve operations' worth, comes last.
  const included = verifyTlogProof(proof, { entry: bytes, key: key.value });
  if (!included.ok) return refuse(included.why);
  return { ok: true, index: included.value.index };
}

/** Where record and entry tell different stories, or null. */
function disagreement(record: MeasureRecord, entry: LedgerEntry): string | null {
  if (record.brake === true ? entry.kind !== "brake" : !["decision", "ratification"].includes(entry.kind)) {
    return `The log holds a ${entry.kind}, the record says ${record.brake === true ? "brake" : "decision"}`;
  }
  if (typeof record.brake !== "boolean") return "The record does not say whether it is a brake";
  if (record.kind !== entry.measure) return `The log says "${entry.measure}", the record another measure`;
  if (record.scope !== entry.scope) return `The log says scope "${entry.scope}", the record another`;
  if (record.clause !== entry.clause) return `The log says clause "${entry.clause}", the record another`;
  if (record.brake) {
    const holdsMs = Date.parse(record.endsAt ?? "") - Date.parse(record.startsAt);
    if (!(holdsMs > 0 && holdsMs <= BRAKE_HOLD_MS)) {
      return `A brake must end within ${BRAKE_HOLD_MS / 60_000} minutes of its start`;
    }
  }
  return null;
}

function refuse(why: string): ReceiptVerdict {
  return { ok: false, why };
}
