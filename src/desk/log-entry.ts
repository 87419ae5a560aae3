/**
 * What the desk puts into the public log. An entry holds only closed words, numbers and three commitments; the payloads
 * behind them are split by audience, each with a blinding of its own, so that each can be shown or destroyed alone:
 *   public  what anybody may read: clause, kind, scope, level, facts, dates. A hostname only where the whole site is meant.
 *   party   what the affected side and the edges hold: for a measure its record, byte for byte.
 *   court   who signed, with which reasons. Officers are data subjects too, so this is shown to nobody by default.
 * No payload has a field for a reporter (design law 1).
 */
import type { DangerLevel } from "../contract/danger.ts";
import type { AppealId, DecisionId, MeasureId, ReferralId, UserId } from "../contract/ids.ts";
import type { Clause, MeasureKind, MeasureRecord, Scope } from "../contract/measure.ts";
import { canonicalBytes } from "../ledger/core/canonical.ts";
import { commit, newSalt } from "../ledger/core/commitment.ts";
import { dayOf, type EntryKind } from "../ledger/core/entry.ts";
import type { Tx } from "../store/db.ts";
import { nextLogEntry, type CaseRecord } from "../store/desk-cases.ts";
import { insertLogRow } from "../store/desk-log.ts";
import { iso, type DeskContext } from "./context.ts";

export type Signature = { readonly userId: UserId; readonly reason: string };

export type EntryInput = {
  readonly case: CaseRecord;
  readonly kind: EntryKind;
  readonly measure: MeasureKind | null;
  readonly scope: Scope | null;
  readonly clause: Clause | null;
  readonly level: DangerLevel;
  readonly signatures: readonly Signature[];
  /** The case's earlier entry that this one answers. */
  readonly refers: number | null;
  /** Beyond kind, case, level, clause and day, which every public payload has. */
  readonly public: Readonly<Record<string, string>>;
  readonly party: MeasureRecord | Readonly<Record<string, string>>;
  /** Beyond case, decision, measure, rule, signatures and moment, which every court payload has. */
  readonly court?: Readonly<Record<string, string>>;
  readonly decisionId?: DecisionId;
  readonly measureId?: MeasureId;
  readonly appealId?: AppealId;
  readonly referralId?: ReferralId;
};

/** The canonical JSON of a payload (RFC 8785), as it is committed to and kept. */
export function canonicalText(payload: unknown): string {
  const bytes = canonicalBytes(payload);
  if (!bytes.ok) throw new Error(`a payload without a canonical form: ${bytes.why}`);
  return Buffer.from(bytes.value).toString("utf8");
}

/** Asks the log for an entry inside the caller's transaction. Answers the blinding of the party's commitment as well. */
export async function intendEntry(
  tx: Tx,
  desk: DeskContext,
  input: EntryInput,
): Promise<{ readonly intentId: number; readonly partySalt: string; readonly partyText: string }> {
  const seq = await nextLogEntry(tx, input.case.caseId);
  const nowMs = desk.now();
  const day = dayOf(nowMs);
  const payloads = {
    public: {
      case: input.case.number,
      clause: input.clause ?? "",
      day,
      kind: input.kind,
      level: input.level,
      measure: input.measure ?? "",
      operator: desk.settings.operatorName,
      scope: input.scope ?? "",
      signers: String(input.signatures.length),
      ...input.public,
    },
    party: input.party,
    court: {
      case: input.case.number,
      decision: input.decisionId ?? "",
      measure: input.measureId ?? "",
      rule: input.case.danger.rule,
      signatures: input.signatures.map(({ userId, reason }) => ({ userId, reason })),
      at: iso(nowMs),
      ...input.court,
    },
  };
  const salts = { public: newSalt(desk.random), party: newSalt(desk.random), court: newSalt(desk.random) };
  const { intentId } = await desk.ledger.intend(tx, {
    kind: input.kind,
    measure: input.measure,
    scope: input.scope,
    clause: input.clause,
    level: input.level,
    signers: input.signatures.length,
    caseTag: input.case.tag,
    seq,
    refers: input.refers,
    day,
    public: commit(payloads.public, salts.public),
    party: commit(payloads.party, salts.party),
    court: commit(payloads.court, salts.court),
  });
  const partyText = canonicalText(payloads.party);
  await insertLogRow(tx, {
    intentId,
    caseId: input.case.caseId,
    seq,
    kind: input.kind,
    decisionId: input.decisionId ?? null,
    measureId: input.measureId ?? null,
    appealId: input.appealId ?? null,
    referralId: input.referralId ?? null,
    open: {
      public: { payload: canonicalText(payloads.public), salt: salts.public },
      party: { payload: partyText, salt: salts.party },
      court: { payload: canonicalText(payloads.court), salt: salts.court },
    },
    at: iso(nowMs),
  });
  return { intentId, partySalt: salts.party, partyText };
}
