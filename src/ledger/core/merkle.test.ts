import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  consistencyProof,
  EMPTY_ROOT,
  inclusionProof,
  leafHash,
  nodeHash,
  rootHash,
  verifyConsistency,
  verifyInclusion,
} from "./merkle.ts";
import { encodeBase64, encodeHex } from "./strict-text.ts";
import { testTree } from "./testing.ts";

/** The entries and roots that Certificate Transparency's implementations have tested against since 2013. */
const CT_ENTRIES = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
];
const CT_ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/** RFC 6962 §2.1, word for word and as slow: what the tiles are held to. */
function slowRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (only === undefined) return EMPTY_ROOT;
  if (leaves.length === 1) return only;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(slowRoot(leaves.slice(0, k)), slowRoot(leaves.slice(k)));
}

const leavesOf = (n: number): Uint8Array[] =>
  Array.from({ length: n }, (_, i) => leafHash(Buffer.from(`entry ${i}`)));

test("The empty tree has the root that RFC 6962 gives it", () => {
  assert.equal(encodeBase64(EMPTY_ROOT), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  assert.deepEqual(testTree([]).root, EMPTY_ROOT);
});

test("Roots agree with the vectors of Certificate Transparency", () => {
  const leaves = CT_ENTRIES.map((hex) => leafHash(Buffer.from(hex, "hex")));
  CT_ROOTS.forEach((root, i) => {
    assert.equal(encodeHex(testTree(leaves.slice(0, i + 1)).root), root, `size ${i + 1}`);
  });
});

test("Roots out of tiles agree with the definition at every boundary size", () => {
  const leaves = leavesOf(1030);
  const sizes = [1, 2, 3, 127, 128, 129, 254, 255, 256, 257, 258, 511, 512, 513, 600, 768, 1023, 1024, 1030];
  for (const size of sizes) {
    const some = leaves.slice(0, size);
    assert.deepEqual(testTree(some).root, slowRoot(some), `size ${size}`);
    assert.deepEqual(rootHash(size, testTree(leaves).at), slowRoot(some), `size ${size} within 1030`);
  }
});

test("Every inclusion proof of every tree up to 40 verifies, and for no other index, size or leaf", () => {
  const leaves = leavesOf(40);
  const { at } = testTree(leaves);
  let checked = 0;
  for (let size = 1; size <= 40; size++) {
    const root = rootHash(size, at);
    for (let index = 0; index < size; index++) {
      const leaf = leaves[index] ?? EMPTY_ROOT;
      const proof = inclusionProof(index, { size, at });
      assert.ok(verifyInclusion({ leaf, index, size, root }, proof));
      assert.ok(!verifyInclusion({ leaf: EMPTY_ROOT, index, size, root }, proof));
      assert.ok(!verifyInclusion({ leaf, index, size, root }, [...proof, EMPTY_ROOT]));
      if (proof.length > 0) assert.ok(!verifyInclusion({ leaf, index, size, root }, proof.slice(1)));
      for (let other = 0; other < size; other++) {
        if (other !== index) assert.ok(!verifyInclusion({ leaf, index: other, size, root }, proof));
      }
      checked += 1;
    }
  }
  assert.equal(checked, 820);
});

test("Every consistency proof of every pair up to 40 verifies, and never for another old root", () => {
  const { at } = testTree(leavesOf(40));
  let checked = 0;
  for (let size = 0; size <= 40; size++) {
    for (let oldSize = 0; oldSize <= size; oldSize++) {
      const claim = { oldSize, oldRoot: rootHash(oldSize, at), size, root: rootHash(size, at) };
      const proof = consistencyProof(oldSize, { size, at });
      assert.ok(verifyConsistency(claim, proof), `${oldSize} in ${size}`);
      assert.ok(!verifyConsistency({ ...claim, oldRoot: leafHash(Buffer.from("no")) }, proof));
      assert.ok(!verifyConsistency({ ...claim, root: leafHash(Buffer.from("no")) }, proof) || oldSize === 0);
      assert.ok(!verifyConsistency(claim, [...proof, EMPTY_ROOT]));
      if (proof.length > 0) assert.ok(!verifyConsistency(claim, proof.slice(0, -1)));
      checked += 1;
    }
  }
  assert.equal(checked, 861);
});

test("Proofs across tile borders verify for random pairs in a tree of 70,000", () => {
  const leaves = leavesOf(70_000);
  const { at, root } = testTree(leaves);
  const size = leaves.length;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: size - 1 }), (index) => {
      const leaf = leaves[index] ?? EMPTY_ROOT;
      assert.ok(verifyInclusion({ leaf, index, size, root }, inclusionProof(index, { size, at })));
      const claim = { oldSize: index, oldRoot: rootHash(index, at), size, root };
      assert.ok(verifyConsistency(claim, consistencyProof(index, { size, at })));
    }),
    { numRuns: 60 },
  );
});

test("Random bytes never pass as a proof, and never throw", () => {
  const hashes = fc.array(fc.uint8Array({ minLength: 0, maxLength: 40 }), { maxLength: 70 });
  const count = fc.oneof(fc.integer({ min: -2, max: 300 }), fc.double());
  fc.assert(
    fc.property(hashes, count, count, (proof, a, b) => {
      const root = leafHash(Buffer.from("root"));
      assert.ok(!verifyInclusion({ leaf: EMPTY_ROOT, index: a, size: b, root }, proof));
      assert.ok(!verifyConsistency({ oldSize: a, oldRoot: EMPTY_ROOT, size: b, root }, proof) || a === 0);
    }),
  );
});

test("Sizes that are not sizes are refused when a proof is made", () => {
  const { at } = testTree(leavesOf(3));
  for (const size of [-1, 1.5, Number.NaN, 2 ** 53]) assert.throws(() => rootHash(size, at));
  assert.throws(() => inclusionProof(3, { size: 3, at }));
  assert.throws(() => inclusionProof(-1, { size: 3, at }));
  assert.throws(() => consistencyProof(4, { size: 3, at }));
  assert.throws(() => rootHash(5, at), /does not hold/);
});
