/**
 * What the transparency log offers to the rooms above it.
 */
import type { Tx } from "../store/db.ts";
import type { LedgerEntry } from "./core/entry.ts";

export type SequencedEntry = {
  readonly index: number;
  /** The entry's bytes, as they stand in the log. */
  readonly entry: Uint8Array;
  /** A C2SP tlog-proof under the newest checkpoint. */
  readonly proof: string;
};

export interface Ledger {
  readonly origin: string;
  readonly vkey: string;
  /**
   * Writes the intent to log `entry` inside the caller's transaction, so that the decision and its intent live or die
   * together. `intentId` names it for `sequenced`.
   */
  intend(tx: Tx, entry: LedgerEntry): Promise<{ readonly intentId: number }>;
  /** Gives every pending intent its index, publishes tiles and a signed checkpoint. Safe to call at any time, by anyone, repeatedly. */
  sequence(): Promise<{ readonly size: number; readonly added: number }>;
  /** The entry of an intent once it is in a published checkpoint, else null. */
  sequenced(intentId: number): Promise<SequencedEntry | null>;
  /** The published checkpoint (signed note), and when it was signed. */
  checkpoint(): Promise<{ readonly note: string; readonly size: number; readonly signedAt: string } | null>;
  /** Bytes of a published file by its path ("checkpoint", "tile/0/000.p/5", "tile/entries/000"), or null. Refuses any other path. */
  file(path: string): Promise<Uint8Array | null>;
  /** One entry by its index. */
  entry(index: number): Promise<SequencedEntry | null>;
  close(): Promise<void>;
}
