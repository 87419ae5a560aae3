/**
 * The Merkle tree of RFC 6962 §2.1 over SHA-256: roots, inclusion and consistency proofs, and their verification after
 * RFC 9162 §2.1.3.2 and §2.1.4.2. Leaves and nodes are hashed with different first bytes, so that a node can never pass for
 * an entry. Making a proof asks a `HashAt` for hashes of complete subtrees, wherever they are kept; verifying asks
 * nobody. Sizes and indexes are safe integers; anything else is refused.
 */
import { hash } from "node:crypto";
import { sameBytes } from "./strict-text.ts";

export const HASH_BYTES = 32;
/** A proof in a tree of at most 2^53 entries never has more hashes than this. */
export const PROOF_HASHES_MAX = 64;

/** SHA-256 of nothing: the root of the empty tree (RFC 6962 §2.1). */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array(0));

/** The hash of the complete subtree over entries [index·2^height, (index+1)·2^height). Throws when it is not known. */
export type HashAt = (height: number, index: number) => Uint8Array;

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash("sha256", bytes, "buffer"));
}

/** H(0x00 || entry), RFC 6962 §2.1. */
export function leafHash(entry: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + entry.length);
  bytes.set(entry, 1);
  return sha256(bytes);
}

/** H(0x01 || left || right), RFC 6962 §2.1. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) throw new Error("a tree hash has 32 bytes");
  const bytes = new Uint8Array(1 + 2 * HASH_BYTES);
  bytes[0] = 1;
  bytes.set(left, 1);
  bytes.set(right, 1 + HASH_BYTES);
  return sha256(bytes);
}

/** The root of the tree over the first `size` entries. */
export function rootHash(size: number, at: HashAt): Uint8Array {
  requireSize(size);
  return size === 0 ? EMPTY_ROOT : rangeHash(0, size, at);
}

/** PATH(index, D[size]) of RFC 6962 §2.1.1, from the leaf's sibling up. */
export function inclusionProof(index: number, options: { size: number; at: HashAt }): Uint8Array[] {
  requireSize(options.size);
  if (!Number.isSafeInteger(index) || index < 0 || index >= options.size) {
    throw new Error(`entry ${index} is not in a tree of ${options.size}`);
  }
  const proof: Uint8Array[] = [];
  let start = 0;
  let end = options.size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      proof.push(rangeHash(middle, end, options.at));
      end = middle;
    } else {
      proof.push(rangeHash(start, middle, options.at));
      start = middle;
    }
  }
  return proof.reverse();
}

/** PROOF(oldSize, D[size]) of RFC 6962 §2.1.2. Empty when the sizes are equal or the old tree is empty. */
export function consistencyProof(oldSize: number, options: { size: number; at: HashAt }): Uint8Array[] {
  requireSize(options.size);
  requireSize(oldSize);
  if (oldSize > options.size) throw new Error(`a tree of ${options.size} cannot contain one of ${oldSize}`);
  if (oldSize === 0 || oldSize === options.size) return [];
  const proof: Uint8Array[] = [];
  let start = 0;
  let end = options.size;
  let known = true; // Whether the subtree [start, end) is one whose hash the old root already gives away.
  while (oldSize < end) {
    const middle = start + splitPoint(end - start);
    if (oldSize <= middle) {
      proof.push(rangeHash(middle, end, options.at));
      end = middle;
    } else {
      proof.push(rangeHash(start, middle, options.at));
      start = middle;
      known = false;
    }
  }
  if (!known) proof.push(rangeHash(start, end, options.at));
  return proof.reverse();
}

export type InclusionClaim = {
  /** The leaf hash, not the entry. */
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly root: Uint8Array;
};

/** RFC 9162 §2.1.3.2. */
export function verifyInclusion(claim: InclusionClaim, proof: readonly Uint8Array[]): boolean {
  const { index, size } = claim;
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  if (proof.length > PROOF_HASHES_MAX || !proof.every(isHash) || !isHash(claim.leaf)) return false;
  let fn = index;
  let sn = size - 1;
  let hashed = claim.leaf;
  for (const sibling of proof) {
    if (sn === 0) return false;
    if (isOdd(fn) || fn === sn) {
      hashed = nodeHash(sibling, hashed);
      while (!isOdd(fn) && fn !== 0) {
        fn = half(fn);
        sn = half(sn);
      }
    } else {
      hashed = nodeHash(hashed, sibling);
    }
    fn = half(fn);
    sn = half(sn);
  }
  return sn === 0 && sameBytes(hashed, claim.root);
}

export type ConsistencyClaim = {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
};

/** RFC 9162 §2.1.4.2, and the two cases it leaves to the caller: an empty old tree, and equal sizes. */
export function verifyConsistency(claim: ConsistencyClaim, proof: readonly Uint8Array[]): boolean {
  const { oldSize, oldRoot, size, root } = claim;
  if (!Number.isSafeInteger(oldSize) || !Number.isSafeInteger(size) || oldSize < 0 || oldSize > size)
    return false;
  if (proof.length > PROOF_HASHES_MAX || !proof.every(isHash) || !isHash(oldRoot) || !isHash(root))
    return false;
  if (oldSize === size) return proof.length === 0 && sameBytes(oldRoot, root);
  if (oldSize === 0) return proof.length === 0 && sameBytes(oldRoot, EMPTY_ROOT);
  const path = isPowerOfTwo(oldSize) ? [oldRoot, ...proof] : [...proof];
  const first = path.shift();
  if (first === undefined || proof.length === 0) return false;
  let fn = oldSize - 1;
  let sn = size - 1;
  while (isOdd(fn)) {
    fn = half(fn);
    sn = half(sn);
  }
  let fr = first;
  let sr = first;
  for (const sibling of path) {
    if (sn === 0) return false;
    if (isOdd(fn) || fn === sn) {
      fr = nodeHash(sibling, fr);
      sr = nodeHash(sibling, sr);
      while (!isOdd(fn) && fn !== 0) {
        fn = half(fn);
        sn = half(sn);
      }
    } else {
      sr = nodeHash(sr, sibling);
    }
    fn = half(fn);
    sn = half(sn);
  }
  return sn === 0 && sameBytes(fr, oldRoot) && sameBytes(sr, root);
}

/**
 * MTH(D[start:end]) from complete subtrees. `start` must be aligned as RFC 6962 splits align it, so that the range is a chain of
 * complete subtrees of falling height.
 */
function rangeHash(start: number, end: number, at: HashAt): Uint8Array {
  const chain: Uint8Array[] = [];
  let from = start;
  while (from < end) {
    let height = 0;
    let width = 1;
    while (from % (width * 2) === 0 && from + width * 2 <= end) {
      width *= 2;
      height += 1;
    }
    chain.push(at(height, from / width));
    from += width;
  }
  let hashed = chain.pop();
  if (hashed === undefined) throw new Error("a range of a tree is never empty");
  for (let left = chain.pop(); left !== undefined; left = chain.pop()) hashed = nodeHash(left, hashed);
  return hashed;
}

/** The largest power of two below n, for n > 1. */
function splitPoint(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}

// Sizes pass 2^31, where the bit operators of the language end: arithmetic instead.
const half = (n: number): number => Math.floor(n / 2);
const isOdd = (n: number): boolean => n % 2 === 1;
const isHash = (bytes: Uint8Array): boolean => bytes.length === HASH_BYTES;

function isPowerOfTwo(n: number): boolean {
  let rest = n;
  while (rest > 1 && rest % 2 === 0) rest /= 2;
  return rest === 1;
}

function requireSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new Error(`"${size}" is not a tree size`);
}
