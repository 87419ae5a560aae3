import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { CacheKeeper, fairShares, maxMin, ownerInHead } from "./cache-keeper.ts";

const A = `site_${"a".repeat(26)}`;
const B = `site_${"b".repeat(26)}`;

test("shares are max-min fair", () => {
  assert.deepEqual(maxMin([1, 2, 100], 12), [1, 2, 9]);
  assert.deepEqual(maxMin([50, 50], 40), [20, 20]);
  assert.deepEqual(maxMin([5, 5], 40), [5, 5]);
  fc.assert(
    fc.property(fc.array(fc.nat(1_000_000), { maxLength: 30 }), fc.nat(3_000_000), (wants, whole) => {
      const given = maxMin(wants, whole);
      assert.ok(given.reduce((all, one) => all + one, 0) <= whole + 1e-6);
      wants.forEach((want, i) => {
        assert.ok(given[i]! <= want);
        // Whoever gets less than they want gets at least as much as everybody else.
        if (given[i]! < want - 1e-6) for (const other of given) assert.ok(other <= given[i]! + 1e-6);
      });
    }),
  );
});

test("a site that is gone holds nothing, and one below its bound keeps all it has", () => {
  const use = new Map([
    [A, { bytes: 900, answers: 9 }],
    [B, { bytes: 100, answers: 1 }],
  ]);
  const whole = { bytes: 1000, answers: 1000 };
  const shares = fairShares(use, {
    boundsOf: (siteId) => (siteId === A ? null : { bytes: 5000, answers: 5000 }),
    whole,
  });
  assert.deepEqual(
    [...shares.values()],
    [
      { bytes: 0, answers: 0 },
      { bytes: 100, answers: 1 },
    ],
  );
});

test("a file's tenant is read from its key, and nothing else is taken for one", () => {
  const head = (key: string): Buffer => Buffer.from(`${"\0".repeat(336)}\nKEY: ${key}\nHTTP/1.1 200 OK`);
  assert.equal(ownerInHead(head(`${A} http a.example /x`)), A);
  assert.equal(ownerInHead(head(`${A}.3p7 http a.example /x`)), A);
  for (const salt of ["t5", "p7", "i1790000000000", "/", "/t5"])
    assert.equal(ownerInHead(head(`${A}${salt} http a.example /x`)), A, salt);
  assert.equal(ownerInHead(head(`${A}x http a.example /x`)), null);
  assert.equal(ownerInHead(head("site_short http")), null);
  assert.equal(ownerInHead(Buffer.from("KEY")), null);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      const owner = ownerInHead(Buffer.from(bytes));
      assert.ok(owner === null || /^site_[0-9a-z]{26}$/.test(owner));
    }),
  );
});

test("the oldest answers of the site that holds too much go, and nobody else's", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parapet-keeper-"));
  try {
    const put = (n: number, siteId: string, bytes: number, ageSeconds: number): void => {
      const name = n.toString(16).padStart(32, "0");
      const at = join(folder, name.slice(-1), name.slice(-3, -1));
      mkdirSync(at, { recursive: true });
      writeFileSync(join(at, name), `${"\0".repeat(336)}\nKEY: ${siteId} http x /${n}\n${"x".repeat(bytes)}`);
      const then = Date.now() / 1000 - ageSeconds;
      utimesSync(join(at, name), then, then);
    };
    for (let n = 0; n < 40; n++) put(n, A, 1000, 1000 - n);
    for (let n = 100; n < 110; n++) put(n, B, 1000, 5000);
    mkdirSync(join(folder, "f", "ff"), { recursive: true });
    writeFileSync(join(folder, "f", "ff", `${"0".repeat(32)}.0000000001`), "being written");
    const keeper = new CacheKeeper({
      folder,
      boundsOf: () => ({ bytes: 1_000_000, answers: 15 }),
      whole: { bytes: 1_000_000, answers: 1000 },
      breathe: () => Promise.resolve(),
    });
    assert.equal(await keeper.round(), 25);
    assert.deepEqual([keeper.useOf(A).answers, keeper.useOf(B).answers], [15, 10]);
    const left = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
    assert.equal(left.length, 26, "what is being written stays");
    const numbers = left.map(({ name }) => Number.parseInt(name, 16)).filter((n) => n < 100);
    assert.ok(Math.min(...numbers.filter((n) => n > 0)) >= 25, "the newest stayed");
    assert.equal(await keeper.round(), 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
