/**
 * Challenges and clearances as pure pieces: what is written is read again and nothing else is, whatever the bytes; the page's own SHA-256 is Node's; the page's
 * policy names the script that it carries. The same pieces run under LuaJIT by the vectors of `vectors.test.ts`.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { CHALLENGE_SCRIPT } from "../contract/challenge-script.ts";
import { CHALLENGE_SCRIPT_HASH } from "../contract/page-csp.ts";
import { isNeverChallenged } from "./challenge-exempt.ts";
import { renderChallenge } from "./challenge-page.ts";
import {
  clearanceMessage,
  formField,
  isClearanceInTime,
  isProofInTime,
  readChallenge,
  readClearance,
  safeTarget,
  secondsToWait,
  waitSecondsOf,
  writeChallenge,
  writeClearance,
} from "./clearance.ts";
import { CHALLENGE_CHARS_MAX, hasZeroBits, isNonce, PROOF_BLOCK_BYTES, proofBlock } from "./proof-of-work.ts";

const base64Url = (chars: number): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), {
      minLength: chars,
      maxLength: chars,
    })
    .map((all) => all.join(""));

test("challenges and clearances are read as they were written, and have one spelling", () => {
  fc.assert(
    fc.property(
      fc.nat(9_999_999_999),
      fc.nat(22),
      fc.nat(900),
      base64Url(22),
      (issuedAt, bits, waitSeconds, mac) => {
        const challenge = { issuedAt, bits, waitSeconds, mac };
        const text = writeChallenge(challenge);
        assert.deepEqual(readChallenge(text), challenge);
        assert.ok(text.length <= CHALLENGE_CHARS_MAX);
        assert.equal(proofBlock(text).length, PROOF_BLOCK_BYTES);
      },
    ),
  );
  fc.assert(
    fc.property(
      fc.nat(9_999_999_999),
      fc.constantFrom("w" as const, "t" as const),
      base64Url(12),
      base64Url(22),
      (expiresAt, kind, id, mac) => {
        const clearance = { expiresAt, kind, id, mac };
        assert.deepEqual(readClearance(writeClearance(clearance)), clearance);
      },
    ),
  );
});

test("whatever else is read is nothing, or what writes itself the same", () => {
  const near = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.string({ unit: fc.constantFrom(..."01.wt-_Aa9\n~ "), maxLength: 80 }),
  );
  fc.assert(
    fc.property(near, (text) => {
      const challenge = readChallenge(text);
      if (challenge !== undefined) assert.equal(writeChallenge(challenge), text);
      const clearance = readClearance(text);
      if (clearance !== undefined) assert.equal(writeClearance(clearance), text);
      isNonce(text);
      formField(text, "token");
    }),
    { numRuns: 2000 },
  );
  for (const text of [
    "",
    ".",
    "1....",
    "1.01.16.10.AAAAAAAAAAAAAAAAAAAAAA",
    "1.1.16.10.AAAAAAAAAAAAAAAAAAAAAA.",
    "2.1.16.10.AAAAAAAAAAAAAAAAAAAAAA",
    "1.-1.16.10.AAAAAAAAAAAAAAAAAAAAAA",
  ]) {
    assert.equal(readChallenge(text), undefined, text);
  }
});

test("a target leads nowhere but to a path of the same host, and is no markup", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.webUrl(),
        fc.webPath(),
        fc.string({ maxLength: 60 }),
        fc.string({ unit: fc.constantFrom(..."/\\:@.a?&%\"'<> \n"), maxLength: 12 }),
      ),
      (text) => {
        const target = safeTarget(text);
        if (target === "") return;
        assert.equal(new URL(target, "http://forum.example").host, "forum.example");
        assert.ok(!/["'<>\\\s]/.test(target));
      },
    ),
    { numRuns: 2000 },
  );
  assert.equal(safeTarget("/threads?page=2&x=a%20b"), "/threads?page=2&x=a%20b");
  for (const text of [
    "",
    "threads",
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "/a b",
    `/${"a".repeat(1500)}`,
  ])
    assert.equal(safeTarget(text), "", text);
});

test("moments have their bounds", () => {
  const challenge = { issuedAt: 1000, bits: 16, waitSeconds: waitSecondsOf(16), mac: "" };
  assert.equal(challenge.waitSeconds, 10);
  assert.equal(waitSecondsOf(22), 40);
  assert.deepEqual(
    [969, 970, 1300, 1301].map((now) => isProofInTime(challenge, now)),
    [false, true, true, false],
  );
  assert.deepEqual(
    [969, 1000, 1009, 1010, 1900, 1901].map((now) => secondsToWait(challenge, now)),
    [-1, 10, 1, 0, 0, -1],
  );
  const clearance = { expiresAt: 5000, kind: "w" as const, id: "", mac: "" };
  assert.deepEqual(
    [3169, 3170, 4999, 5000].map((now) => isClearanceInTime(clearance, now)),
    [false, true, true, false],
  );
  assert.notEqual(
    clearanceMessage("site_1", { ...clearance, network: "abc" }),
    clearanceMessage("site_1\n5000", { ...clearance, network: "abc" }),
  );
});

test("the page's own SHA-256 is SHA-256, for any challenge and place to begin", () => {
  const from = CHALLENGE_SCRIPT.indexOf("function solver");
  const to = CHALLENGE_SCRIPT.indexOf("var d=document");
  assert.ok(from > 0 && to > from);
  // eslint-disable-next-line no-new-func, typescript/no-implied-eval -- it is this house's own script, as a browser gets it
  const solver = new Function(`${CHALLENGE_SCRIPT.slice(from, to)};return solver()`)() as (
    challenge: string,
    bits: number,
    first: number,
  ) => (count: number) => string;
  fc.assert(
    fc.property(base64Url(22), fc.integer({ min: 1, max: 11 }), fc.nat(65_535), (mac, bits, first) => {
      const challenge = writeChallenge({ issuedAt: 1_795_402_442, bits, waitSeconds: 10, mac });
      const nonce = solver(challenge, bits, first)(100_000);
      assert.ok(isNonce(nonce), `"${nonce}"`);
      const digest = createHash("sha256").update(proofBlock(challenge)).update(nonce).digest();
      assert.ok(hasZeroBits(digest.toString("latin1"), bits));
    }),
    { numRuns: 60 },
  );
});

test("zero bits are counted from the front", () => {
  const digest = "\x00\x00\x1f\xff";
  assert.deepEqual(
    [0, 16, 19, 20].map((bits) => hasZeroBits(digest, bits)),
    [true, true, true, false],
  );
  assert.equal(hasZeroBits("\x00\x00", 16), false, "there must be something behind");
});

test("the policy names the script, and the page is small, whole and escaped", () => {
  assert.equal(
    `sha256-${createHash("sha256").update(CHALLENGE_SCRIPT).digest("base64")}`,
    CHALLENGE_SCRIPT_HASH,
  );
  assert.ok(!CHALLENGE_SCRIPT.includes("</script") && !CHALLENGE_SCRIPT.includes("<!--"));
  for (const language of ["en", "fr"] as const) {
    for (const stage of ["first", "early", "failed"] as const) {
      for (const sends of [true, false]) {
        const { before, middle, after } = renderChallenge({ language, stage, sends, waitSeconds: 15 });
        const page = before + middle + after;
        assert.ok(Buffer.byteLength(page) < 12_000, `${Buffer.byteLength(page)} bytes`);
        assert.ok(page.includes("15 s"), "the wait is named");
        assert.ok(
          !page.includes("undefined") && !/src=|url\(|@import/.test(page.replace(CHALLENGE_SCRIPT, "")),
        );
        assert.equal(page.split(CHALLENGE_SCRIPT).length, 2);
      }
    }
  }
});

test("only known paths are never challenged", () => {
  for (const path of [
    "/robots.txt",
    "/favicon.ico",
    "/feed",
    "/blog/feed/",
    "/a.rss",
    "/.well-known/x",
    "/sitemap_index.xml",
  ])
    assert.equal(isNeverChallenged(path), true, path);
  for (const path of [
    "/",
    "/feeds",
    "/robots.txt/x",
    "/a.xml",
    "/.well-known",
    "/favicon.ico.php",
    "/x/robots.txt",
  ])
    assert.equal(isNeverChallenged(path), false, path);
});
