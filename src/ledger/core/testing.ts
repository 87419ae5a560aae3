/**
 * Receipts for tests: a small log in memory, with real hashes and a real signature, so that what checks receipts is tested
 * against receipts that are right, and against ones that are wrong in one chosen way. Its seed is known to everybody: no
 * node may pin this key outside a test.
 */
import type { MeasureRecord, ReceiptedMeasure } from "../../contract/measure.ts";
import { signCheckpoint } from "./checkpoint.ts";
import { commit } from "./commitment.ts";
import { encodeEntry, logStart, NO_COMMITMENT, type LedgerEntry } from "./entry.ts";
import { inclusionProof, leafHash, rootHash } from "./merkle.ts";
import { formatVkey, verifierOf, type Signer } from "./note.ts";
import { encodeBase64, encodeHex } from "./strict-text.ts";
import { growTiles, hashAtTiles } from "./tile.ts";
import { formatTlogProof } from "./tlog-proof.ts";

export const TEST_ORIGIN = "log.test/parapet";

/** The key of the test log, or of another one that must not be accepted. */
export function testSigner(origin: string = TEST_ORIGIN, seedByte = 7): Signer {
  return { name: origin, seed: new Uint8Array(32).fill(seedByte) };
}

export function vkeyOf(signer: Signer): string {
  return formatVkey(verifierOf(signer));
}

/** What a test node pins. */
export const TEST_VKEY: string = vkeyOf(testSigner());

export type MakeReceiptOptions = {
  readonly signer?: Signer;
  /** Fields of the entry that shall differ from what fits the record. */
  readonly entry?: Partial<LedgerEntry>;
  readonly salt?: string;
  /** How many entries the log has, and where ours stands. */
  readonly size?: number;
  readonly index?: number;
};

/** A record with the receipt that an honest log would give it. */
export function makeReceipt(record: MeasureRecord, options: MakeReceiptOptions = {}): ReceiptedMeasure {
  const { signer = testSigner(), salt = "5a".repeat(32), size = 3, index = 1 } = options;
  const entry = encodeEntry({ ...entryFor(record, salt), ...options.entry });
  const leaves = Array.from({ length: size }, (_, i) =>
    leafHash(i === index ? entry : encodeEntry(otherEntry(i))),
  );
  const tree = testTree(leaves);
  return {
    record,
    salt,
    entry: encodeBase64(entry),
    proof: formatTlogProof({
      index,
      hashes: inclusionProof(index, { size, at: tree.at }),
      checkpoint: signCheckpoint({ origin: signer.name, size, root: tree.root }, signer),
    }),
  };
}

/** The entry that fits a record. */
export function entryFor(record: MeasureRecord, salt: string): LedgerEntry {
  return {
    kind: record.brake ? "brake" : "decision",
    measure: record.kind,
    scope: record.scope,
    clause: record.clause,
    level: "IMMINENT",
    signers: record.brake ? 1 : 2,
    caseTag: "c5".repeat(16),
    seq: 1,
    refers: null,
    day: record.startsAt.slice(0, 10),
    public: NO_COMMITMENT,
    party: commit(record, salt),
    court: NO_COMMITMENT,
  };
}

/** Any other entry, different for each `i`. */
export function otherEntry(i: number): LedgerEntry {
  if (i === 0) return logStart("2026-01-01");
  return {
    ...logStart("2026-01-02"),
    kind: "referral",
    signers: 1,
    caseTag: encodeHex(Uint8Array.from({ length: 16 }, (_, k) => (i * 31 + k * 7 + 1) % 256)),
    seq: (i % 999_998) + 1,
  };
}

/** A whole tree in memory, through the same tiles as the real log. */
export function testTree(leaves: readonly Uint8Array[]): {
  readonly root: Uint8Array;
  readonly at: ReturnType<typeof hashAtTiles>;
} {
  const grown = growTiles(leaves, { size: 0, edge: [] });
  const tiles = new Map(grown.tiles.map((tile) => [`${tile.level}/${tile.index}`, tile.bytes]));
  const at = hashAtTiles((level, index) => tiles.get(`${level}/${index}`));
  return { root: rootHash(leaves.length, at), at };
}
