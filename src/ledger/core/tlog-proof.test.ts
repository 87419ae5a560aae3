import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { signCheckpoint } from "./checkpoint.ts";
import { inclusionProof, leafHash } from "./merkle.ts";
import { verifierOf } from "./note.ts";
import { testSigner, testTree } from "./testing.ts";
import { formatTlogProof, parseTlogProof, TLOG_PROOF_CHARS_MAX, verifyTlogProof } from "./tlog-proof.ts";

const signer = testSigner();
const key = verifierOf(signer);
const entries = Array.from({ length: 300 }, (_, i) => new Uint8Array(Buffer.from(`entry ${i}`)));
const tree = testTree(entries.map(leafHash));
const checkpoint = signCheckpoint({ origin: signer.name, size: 300, root: tree.root }, signer);
const proofOf = (index: number): string =>
  formatTlogProof({ index, hashes: inclusionProof(index, { size: 300, at: tree.at }), checkpoint });
const entryAt = (index: number): Uint8Array => entries[index] ?? new Uint8Array(0);

test("A proof verifies for its entry and for no other", () => {
  for (const index of [0, 1, 255, 256, 299]) {
    const verdict = verifyTlogProof(proofOf(index), { entry: entryAt(index), key });
    assert.ok(verdict.ok && verdict.value.index === index && verdict.value.checkpoint.size === 300);
    assert.ok(!verifyTlogProof(proofOf(index), { entry: entryAt((index + 1) % 300), key }).ok);
  }
});

test("The extra line is read, and changes nothing", () => {
  const text = proofOf(7).replace("\nindex", "\nextra aGVsbG8=\nindex");
  const parsed = parseTlogProof(text);
  assert.ok(parsed.ok);
  assert.equal(Buffer.from(parsed.value.extra ?? []).toString(), "hello");
  assert.equal(formatTlogProof(parsed.value), text);
  assert.ok(verifyTlogProof(text, { entry: entryAt(7), key }).ok);
});

test("Broken proofs are refused with a reason", () => {
  const proof = proofOf(5);
  const hashLine = proof.split("\n")[2] ?? "";
  const table: readonly [string, string][] = [
    ["empty", ""],
    ["another version", proof.replace("@v1", "@v2")],
    ["leading newline", `\n${proof}`],
    ["no index", proof.replace("index 5\n", "")],
    ["leading zero", proof.replace("index 5", "index 05")],
    ["another index", proof.replace("index 5", "index 6")],
    ["index beyond the tree", proof.replace("index 5", "index 300")],
    ["a hash left out", proof.replace(`${hashLine}\n`, "")],
    ["a hash twice", proof.replace(hashLine, `${hashLine}\n${hashLine}`)],
    ["70 hashes", proof.replace(hashLine, Array.from({ length: 70 }, () => hashLine).join("\n"))],
    ["a short hash", proof.replace(hashLine, hashLine.slice(4))],
    ["extra after the index", proof.replace("index 5\n", "index 5\nextra aGVsbG8=\n")],
    ["extra twice", proof.replace("\nindex", "\nextra aGVsbG8=\nextra aGVsbG8=\nindex")],
    ["extra not canonical", proof.replace("\nindex", "\nextra aGVsbG9=\nindex")],
    ["carriage returns", proof.replaceAll("\n", "\r\n")],
    ["no checkpoint", proof.slice(0, proof.indexOf("\n\n") + 2)],
    ["no signature", proof.slice(0, proof.lastIndexOf("\n\n") + 2)],
    ["size changed", proof.replace("\n300\n", "\n301\n")],
    ["too large", proof.replace("\nindex", `\nextra ${"A".repeat(TLOG_PROOF_CHARS_MAX)}\nindex`)],
  ];
  for (const [name, text] of table) {
    assert.notEqual(text, proof, name);
    assert.ok(!verifyTlogProof(text, { entry: entryAt(5), key }).ok, name);
  }
});

test("Changing any one character breaks a proof, or leaves it saying the same", () => {
  const proof = proofOf(200);
  fc.assert(
    fc.property(
      fc.nat(proof.length - 1),
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
      (at, c) => {
        const changed = proof.slice(0, at) + c + proof.slice(at + 1);
        const verdict = verifyTlogProof(changed, { entry: entryAt(200), key });
        assert.equal(verdict.ok, changed === proof);
      },
    ),
    { numRuns: 400 },
  );
});
