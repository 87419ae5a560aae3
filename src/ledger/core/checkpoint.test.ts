import assert from "node:assert/strict";
import { test } from "node:test";
import { checkpointText, openCheckpoint, parseCheckpointText, signCheckpoint } from "./checkpoint.ts";
import { cosign, cosignerOf, verifyCosignatures } from "./cosignature.ts";
import { EMPTY_ROOT } from "./merkle.ts";
import { formatVkey, parseVkey, signatureLine, signNote, verifierOf } from "./note.ts";
import { testSigner } from "./testing.ts";

/** The example of C2SP tlog-checkpoint. */
const SPEC_TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

const signer = testSigner();
const key = verifierOf(signer);

test("The specification's example reads and writes back to the byte", () => {
  const parsed = parseCheckpointText(SPEC_TEXT);
  assert.ok(parsed.ok);
  assert.equal(parsed.value.origin, "example.com/behind-the-sofa");
  assert.equal(parsed.value.size, 20_852_163);
  assert.equal(checkpointText(parsed.value), SPEC_TEXT);
});

test("Checkpoint texts with any other spelling are refused", () => {
  const table: readonly [string, string][] = [
    ["empty", ""],
    ["no final newline", SPEC_TEXT.slice(0, -1)],
    ["two lines", "example.com\n5\n"],
    ["leading zero", SPEC_TEXT.replace("\n2", "\n02")],
    ["plus sign", SPEC_TEXT.replace("\n2", "\n+2")],
    ["negative", SPEC_TEXT.replace("\n2", "\n-2")],
    ["hexadecimal", SPEC_TEXT.replace("20852163", "0x10")],
    ["above 2^53", SPEC_TEXT.replace("20852163", "9007199254740993")],
    ["twenty digits", SPEC_TEXT.replace("20852163", "18446744073709551615")],
    ["short root", SPEC_TEXT.replace("CsUY", "")],
    ["unpadded root", SPEC_TEXT.replace("2I=", "2I")],
    ["stray bits in the root", SPEC_TEXT.replace("2I=", "2J=")],
    ["empty origin", SPEC_TEXT.replace("example.com/behind-the-sofa", "")],
    ["space in the origin", SPEC_TEXT.replace("-the-", " the ")],
    ["plus in the origin", SPEC_TEXT.replace("-the-", "+")],
    ["empty extension line", `${SPEC_TEXT}\nx\n`],
    ["too many extension lines", SPEC_TEXT + "x\n".repeat(17)],
  ];
  for (const [name, text] of table) assert.equal(parseCheckpointText(text).ok, false, name);
  assert.equal(parseCheckpointText(`${SPEC_TEXT}extension\n`).ok, true, "extension lines are read past");
});

test("A checkpoint opens with its log's key and with no other", () => {
  const note = signCheckpoint({ origin: signer.name, size: 0, root: EMPTY_ROOT }, signer);
  assert.ok(openCheckpoint(note, key).ok);
  assert.ok(!openCheckpoint(note, verifierOf(testSigner(signer.name, 8))).ok);
  assert.ok(!openCheckpoint(note, cosignerOf(signer)).ok, "a cosigner's key is not a log's key");
});

test("A log cannot speak for another origin", () => {
  const foreign = signNote(SPEC_TEXT, signer);
  assert.ok(!openCheckpoint(foreign, key).ok);
  assert.throws(() => signCheckpoint({ origin: "other.test", size: 0, root: EMPTY_ROOT }, signer));
});

test("A witness's cosignature verifies, and only for this text, time and key", () => {
  const witness = testSigner("witness.test/w1", 9);
  const known = [cosignerOf(witness)];
  const note = signCheckpoint({ origin: signer.name, size: 0, root: EMPTY_ROOT }, signer);
  const line = cosign(note, { signer: witness, time: 1_679_315_147 });
  const cosigned = note + line;
  assert.deepEqual(verifyCosignatures(cosigned, known), {
    ok: true,
    value: [{ witness: "witness.test/w1", time: 1_679_315_147 }],
  });
  assert.ok(openCheckpoint(cosigned, key).ok, "the log's own signature still counts");
  assert.deepEqual(verifyCosignatures(note, known), { ok: true, value: [] });
  assert.deepEqual(verifyCosignatures(cosigned, []), { ok: true, value: [] });
  const later = note + line + cosign(note, { signer: witness, time: 1_679_315_999 });
  assert.deepEqual(verifyCosignatures(later, known), {
    ok: true,
    value: [{ witness: "witness.test/w1", time: 1_679_315_999 }],
  });
  assert.ok(!verifyCosignatures(cosigned.replace("\n0\n", "\n1\n"), known).ok, "another size");
  const short = note + signatureLine(cosignerOf(witness), new Uint8Array(64));
  assert.ok(!verifyCosignatures(short, known).ok, "a plain signature is not a cosignature");
  const vkey = formatVkey(cosignerOf(witness));
  const parsed = parseVkey(vkey);
  assert.ok(parsed.ok && parsed.value.type === 4, vkey);
});
