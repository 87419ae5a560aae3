import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  formatVkey,
  keyId,
  NOTE_BYTES_MAX,
  NOTE_SIGNATURES_MAX,
  openNote,
  parseVkey,
  signatureLine,
  signNote,
  splitNote,
  verifierOf,
  type VerifierKey,
} from "./note.ts";

/** The example of C2SP signed-note. */
const SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE =
  "This is an example message.\n\n" +
  "\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
/** The example of golang.org/x/mod/sumdb/note, with its seed. */
const GO_SEED = Buffer.from("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz", "base64").subarray(1);
const GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const GO_LINE =
  "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

function key(vkey: string): VerifierKey {
  const parsed = parseVkey(vkey);
  assert.ok(parsed.ok, vkey);
  return parsed.value;
}

test("The specification's key and note verify", () => {
  const opened = openNote(SPEC_NOTE, [key(SPEC_VKEY)]);
  assert.ok(opened.ok);
  assert.equal(opened.value.text, "This is an example message.\n");
  assert.equal(formatVkey(key(SPEC_VKEY)), SPEC_VKEY);
  assert.equal(keyId(key(SPEC_VKEY)), 0x530d903a);
});

test("Signing gives the very note of the Go implementation's example", () => {
  const signer = { name: "PeterNeumann", seed: new Uint8Array(GO_SEED) };
  assert.equal(formatVkey(verifierOf(signer)), GO_VKEY);
  assert.equal(signNote(GO_TEXT, signer), `${GO_TEXT}\n${GO_LINE}`);
});

test("The text may hold empty lines: the last one splits", () => {
  const signer = { name: "a.test", seed: new Uint8Array(32).fill(1) };
  const text = "one\n\n\u2014 not a signature\n\ntwo\n";
  const opened = openNote(signNote(text, signer), [verifierOf(signer)]);
  assert.ok(opened.ok);
  assert.equal(opened.value.text, text);
});

test("Unknown keys are ignored, a known key that fails spoils the note", () => {
  const good = { name: "a.test", seed: new Uint8Array(32).fill(1) };
  const other = { name: "a.test", seed: new Uint8Array(32).fill(2) };
  const note = signNote("text\n", good);
  const wrong = signatureLine(verifierOf(other), new Uint8Array(64));
  const known = [verifierOf(good)];
  assert.ok(openNote(note + wrong, known).ok, "same name, other ID: unknown");
  assert.ok(openNote(note + wrong.replace("a.test", "b.test"), known).ok, "other name");
  assert.ok(!openNote(note + wrong, [...known, verifierOf(other)]).ok, "known and wrong");
  assert.ok(
    !openNote(note + signatureLine(verifierOf(good), new Uint8Array(64)), known).ok,
    "one right, one wrong",
  );
  assert.ok(!openNote(note, [verifierOf(other)]).ok, "nobody known");
  assert.ok(!openNote(note, []).ok, "no keys");
  const twice = openNote(note + (note.split("\n\n")[1] ?? ""), known);
  assert.ok(twice.ok && twice.value.by.length === 1, "the same signature twice counts once");
});

test("A known key verifies nothing but the exact text", () => {
  const signer = { name: "a.test", seed: new Uint8Array(32).fill(1) };
  const note = signNote("size 5\n", signer);
  assert.ok(!openNote(note.replace("size 5", "size 6"), [verifierOf(signer)]).ok);
  assert.ok(!openNote(note.replace("size 5\n", "size 5\n\n"), [verifierOf(signer)]).ok);
});

test("Malformed notes are refused with a reason", () => {
  const note = SPEC_NOTE;
  const line = note.slice(note.indexOf("\u2014"));
  const table: readonly [string, string][] = [
    ["empty", ""],
    ["no empty line", note.replace("\n\n", "\n")],
    ["no signature", "text\n\n"],
    ["no final newline", note.slice(0, -1)],
    ["hyphen for the dash", note.replace("\u2014", "-")],
    ["en dash", note.replace("\u2014", "\u2013")],
    ["carriage return", note.replaceAll("\n", "\r\n")],
    ["tab in the text", note.replace("example", "\texample")],
    ["NUL", note.replace("example", "\0")],
    ["lone surrogate", note.replace("example", "\ud800")],
    ["base64 without padding", note.replace("=\n", "\n")],
    ["base64 with stray bits", note.replace("aQM=", "aQN=")],
    ["URL base64", note.replace("Uw2Q", "Uw-Q")],
    ["two spaces", note.replace("foo U", "foo  U")],
    ["trailing space", note.replace("=\n", "= \n")],
    ["plus in the name", note.replace("example.com/foo", "example+foo")],
    ["no-break space in the name", note.replace("example.com/foo", "example\u00a0foo")],
    ["no name", note.replace("example.com/foo ", "")],
    ["only a key ID", "text\n\n\u2014 a.test AAAAAA==\n"],
    ["text among the signatures", `${note}text\n`],
    ["too many signatures", note + line.repeat(NOTE_SIGNATURES_MAX)],
    ["too large", `${"a".repeat(NOTE_BYTES_MAX)}\n\n${line}`],
  ];
  for (const [name, broken] of table) {
    const opened = openNote(broken, [key(SPEC_VKEY)]);
    assert.ok(!opened.ok, name);
    assert.notEqual(opened.why, "", name);
  }
  assert.ok(openNote(note + line.repeat(15), [key(SPEC_VKEY)]).ok, "16 signatures are accepted");
});

test("Malformed verifier keys are refused", () => {
  const vkeys = [
    "",
    "example.com/foo",
    "example.com/foo+530d903a",
    "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    SPEC_VKEY.replace("530d903a", "530d903b"),
    SPEC_VKEY.replace("530d903a", "530D903A"),
    SPEC_VKEY.replace("530d903a", "30d903a"),
    SPEC_VKEY.replace("foo", "fop"),
    SPEC_VKEY.replace("foo", "f o"),
    SPEC_VKEY.replace("AekyeR", "AukyeR"),
    SPEC_VKEY.slice(0, -1),
    `${SPEC_VKEY}\n`,
    `${SPEC_VKEY}AAAA`,
    "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
    "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    `${"a".repeat(5000)}+530d903a+AekyeRrm`,
  ];
  for (const vkey of vkeys) assert.equal(parseVkey(vkey).ok, false, vkey.slice(0, 80));
});

test("No string makes the parsers throw", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("\n\n", "\u2014 ", "\n", "a.test ", "AAAAAAAA", "+", "\ud800"),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join("");
      const split = splitNote(text);
      if (split.ok) assert.ok(text.startsWith(`${split.value.text}\n`));
      assert.ok(!openNote(text, [key(SPEC_VKEY)]).ok);
      parseVkey(text);
    }),
  );
});

test("Text that is not a note's text is never signed", () => {
  const signer = { name: "a.test", seed: new Uint8Array(32) };
  for (const text of ["", "no newline", "a\rb\n", "\0\n", "\ud800\n"])
    assert.throws(() => signNote(text, signer));
  assert.throws(() => signNote("a\n", { ...signer, name: "a b" }));
  assert.throws(() => signNote("a\n", { ...signer, seed: new Uint8Array(31) }));
});
