import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  afterRetryMs,
  backOffMs,
  FAILED_VALIDATIONS_MAX,
  FAILED_VALIDATIONS_WINDOW_MS,
  parseRetryAfter,
  renewAtMs,
  stateOf,
  validationAllowedAtMs,
} from "./certificates-life.ts";
import { assignNames, covers, namesToAsk, type Candidate } from "./certificates-names.ts";
import { createSeal } from "./certificates-seal.ts";
import { randomBytes } from "node:crypto";

const DAY_MS = 86_400_000;
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a certificate's state follows its life and its attempts", () => {
  const fresh = { notBeforeMs: null, notAfterMs: null, tries: 0, ordered: false };
  const held = { ...fresh, notBeforeMs: 0, notAfterMs: 90 * DAY_MS };
  const table = [
    [fresh, 0, "waiting"],
    [{ ...fresh, ordered: true }, 0, "issuing"],
    [{ ...fresh, tries: 1, ordered: true }, 0, "failed"],
    [held, DAY_MS, "valid"],
    [{ ...held, tries: 9 }, DAY_MS, "valid"],
    [held, 83 * DAY_MS, "valid"],
    [held, 83 * DAY_MS + 1, "expiring"],
    [held, 90 * DAY_MS, "expired"],
    // Six days of life: only the last fifth is near the end.
    [{ ...held, notAfterMs: 6 * DAY_MS }, 4 * DAY_MS, "valid"],
    [{ ...held, notAfterMs: 6 * DAY_MS }, 5 * DAY_MS, "expiring"],
  ] as const;
  for (const [certificate, nowMs, state] of table) assert.equal(stateOf(certificate, nowMs), state);
});

test("renewal is at two thirds of the life, spread, and always before the end", () => {
  fc.assert(
    fc.property(fc.integer({ min: 3600_000, max: 4000 * DAY_MS }), chance, (lifeMs, drawn) => {
      const at = renewAtMs({ notBeforeMs: 0, notAfterMs: lifeMs }, drawn);
      assert.ok(at >= lifeMs * 0.62 - 1 && at <= lifeMs * 0.71 + 1);
    }),
  );
  assert.notEqual(
    renewAtMs({ notBeforeMs: 0, notAfterMs: 90 * DAY_MS }, 0),
    renewAtMs({ notBeforeMs: 0, notAfterMs: 90 * DAY_MS }, 0.9),
  );
});

test("waiting grows, is spread, and has an end", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), chance, (tries, drawn) => {
      const wait = backOffMs(tries, drawn);
      assert.ok(wait >= 30_000 && wait <= 12 * 3600_000);
    }),
  );
  assert.deepEqual(
    [1, 2, 3, 11, 1000].map((tries) => backOffMs(tries, 0) / 30_000),
    [1, 2, 4, 720, 720],
  );
});

test("Retry-After is read as seconds or as a date, bounded, and kept to", () => {
  const now = Date.UTC(2026, 10, 22);
  const table: readonly (readonly [string | undefined, number | null])[] = [
    [undefined, null],
    ["120", 120_000],
    [" 5 ", 5000],
    ["999999999", 7 * DAY_MS],
    ["Sun, 22 Nov 2026 01:00:00 GMT", 3600_000],
    ["Sat, 21 Nov 2026 01:00:00 GMT", 0],
    ["-1", null],
    ["1.5", null],
    ["soon", null],
    ["2", 2000],
    ["x".repeat(200), null],
  ];
  for (const [value, expected] of table) assert.equal(parseRetryAfter(value, now), expected, value ?? "none");
  fc.assert(
    fc.property(fc.string(), (value) => {
      const read = parseRetryAfter(value, now);
      assert.ok(read === null || (read >= 0 && read <= 7 * DAY_MS));
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 7 * DAY_MS }), chance, (asked, drawn) => {
      const wait = afterRetryMs(asked, drawn);
      assert.ok(wait >= asked && wait <= asked * 1.25 + 1);
    }),
  );
});

test("a name is validated at most so many times within any hour, however it is asked", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 600_000 }), { minLength: 1, maxLength: 60 }), (gaps) => {
      const failed: number[] = [];
      let now = 0;
      for (const gap of gaps) {
        now = Math.max(now + gap, validationAllowedAtMs(failed, now + gap));
        failed.push(now);
      }
      for (const at of failed) {
        const within = failed.filter((each) => each >= at && each < at + FAILED_VALIDATIONS_WINDOW_MS);
        assert.ok(within.length <= FAILED_VALIDATIONS_MAX);
      }
    }),
  );
});

test("a wildcard stands for one label, or for itself", () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ["a.example", "a.example", true],
    ["*.a.example", "b.a.example", true],
    ["*.a.example", "*.a.example", true],
    ["*.a.example", "a.example", false],
    ["*.a.example", "c.b.a.example", false],
    ["*.example", "*.a.example", false],
    ["b.a.example", "*.a.example", false],
    ["*.a.example", ".a.example", false],
  ];
  for (const [name, hostname, expected] of table)
    assert.equal(covers(name, hostname), expected, `${name} ${hostname}`);
});

test("each name is shown one certificate: usable before ended, uploaded before asked, the longer one", () => {
  const acme: Candidate = { id: "acme", source: "acme", names: ["a.example"], notAfterMs: 100 };
  const own: Candidate = {
    id: "own",
    source: "uploaded",
    names: ["a.example", "*.a.example"],
    notAfterMs: 50,
  };
  const longer: Candidate = { ...own, id: "longer", notAfterMs: 60 };
  const none: Candidate = { ...acme, id: "none", notAfterMs: null };
  const hostnames = ["a.example", "b.a.example", "c.example"];
  const at = (nowMs: number) => Object.fromEntries(assignNames(hostnames, [acme, own, longer, none], nowMs));
  assert.deepEqual(at(0), { acme: [], own: [], longer: ["a.example", "b.a.example"], none: [] });
  assert.deepEqual(at(70), { acme: ["a.example"], own: [], longer: ["b.a.example"], none: [] });
  assert.deepEqual(namesToAsk(hostnames, [acme, own], 0), ["c.example"]);
  assert.deepEqual(namesToAsk(hostnames, [acme, own], 50), hostnames);
});

test("no name is ever shown two certificates, or one that does not carry it", () => {
  const name = fc.constantFrom<string>("a.example", "b.example", "c.a.example", "*.a.example", "*.example");
  const candidate = fc.record({
    source: fc.constantFrom("acme" as const, "uploaded" as const),
    names: fc.uniqueArray(name, { maxLength: 4 }),
    notAfterMs: fc.option(fc.integer({ min: 0, max: 10 })),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(name),
      fc.array(candidate, { maxLength: 6 }),
      fc.nat(10),
      (hostnames, given, nowMs) => {
        const candidates = given.map((each, i) => ({ ...each, id: String(i) }));
        const shown = assignNames(hostnames, candidates, nowMs);
        const all = [...shown.values()].flat();
        assert.equal(new Set(all).size, all.length);
        for (const [id, names] of shown) {
          const { names: carried = [] } = candidates[Number(id)] ?? {};
          for (const hostname of names)
            assert.ok(hostnames.includes(hostname) && carried.some((each) => covers(each, hostname)));
        }
      },
    ),
  );
});

test("a sealed key opens for its owner alone, whole and unchanged", () => {
  const random = (n: number): Uint8Array => new Uint8Array(randomBytes(n));
  const seal = createSeal(random(32), random);
  const sealed = seal.seal("a key", "cert_1");
  assert.equal(seal.open(sealed, "cert_1"), "a key");
  assert.throws(() => seal.open(sealed, "cert_2"));
  assert.throws(() => createSeal(random(32), random).open(sealed, "cert_1"));
  for (let i = 0; i < sealed.length; i++) {
    const changed = Uint8Array.from(sealed);
    changed[i] = (changed[i] ?? 0) ^ 1;
    assert.throws(() => seal.open(changed, "cert_1"), `byte ${i}`);
    assert.throws(() => seal.open(sealed.slice(0, i), "cert_1"), `cut at ${i}`);
  }
  assert.ok(!Buffer.from(sealed).includes("a key"));
  assert.throws(() => createSeal(random(16), random), /32 bytes/);
});
