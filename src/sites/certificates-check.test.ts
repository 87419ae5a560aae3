import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { checkCertificate } from "./certificates-check.ts";
import { openTestAuthority } from "./certificates-testing.ts";

const authority = openTestAuthority();
const stranger = openTestAuthority("Somebody else");
test.after(() => {
  authority.end();
  stranger.end();
});

const NOW_MS = Date.UTC(2026, 10, 22);
const good = authority.make({ names: ["shop.example", "*.shop.example"] });
const other = authority.make({ names: ["other.example"] });

const BODIES = [good, other].map((made) => (made.keyPem.split("\n")[1] ?? "").slice(0, 16));
const quotesKey = (why: string): boolean => BODIES.some((body) => why.includes(body));

function check(
  given: { chainPem?: string; keyPem?: string },
  options: Partial<Parameters<typeof checkCertificate>[1]> = {},
): ReturnType<typeof checkCertificate> {
  return checkCertificate(
    { chainPem: good.certPem + authority.certPem, keyPem: good.keyPem, ...given },
    { kind: "server", hostnames: ["shop.example"], nowMs: NOW_MS, ...options },
  );
}

test("a good certificate is taken, its key as PKCS#8", () => {
  const checked = check({});
  assert.ok(checked.ok, checked.ok ? "" : checked.why);
  assert.deepEqual(checked.value.names, ["shop.example", "*.shop.example"]);
  assert.equal(checked.value.notAfter.toISOString(), "2036-01-01T00:00:00.000Z");
  assert.match(checked.value.keyPem, /^-----BEGIN PRIVATE KEY-----\n/);
  assert.match(checked.value.fingerprint, /^[0-9a-f]{64}$/);
  assert.equal(checked.value.issuer, "CN=Test authority");
  assert.equal(checked.value.chainPem.split("BEGIN CERTIFICATE").length, 3);
});

test("keys that people really have are taken: RSA, P-384, a leaf without its chain, Windows line ends", () => {
  for (const key of ["rsa:2048", "rsa:4096", "ec:secp384r1"]) {
    const made = authority.make({ names: ["shop.example"], key });
    const checked = check({ chainPem: made.certPem, keyPem: made.keyPem });
    assert.ok(checked.ok, checked.ok ? "" : `${key}: ${checked.why}`);
  }
  const windows = check({
    chainPem: good.certPem.replaceAll("\n", "\r\n"),
    keyPem: good.keyPem.replaceAll("\n", "\r\n"),
  });
  assert.ok(windows.ok);
  // A wildcard of the certificate stands for one label of the site, and covers the site's own wildcard.
  assert.ok(check({}, { hostnames: ["www.shop.example"] }).ok);
  assert.ok(check({}, { hostnames: ["*.shop.example"] }).ok);
});

const locked = createPrivateKey(good.keyPem)
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
  .toString();

const REFUSED: readonly (readonly [what: string, run: () => ReturnType<typeof check>, why: RegExp])[] = [
  ["another's key", () => check({ keyPem: other.keyPem }), /does not belong to the first certificate/],
  [
    "a locked key",
    () => check({ keyPem: locked }),
    /locked with a password: unlock a copy with openssl pkey/,
  ],
  ["no key", () => check({ keyPem: "hello" }), /give one key, whole/],
  ["two keys", () => check({ keyPem: good.keyPem + other.keyPem }), /give one key, whole/],
  [
    "a broken key",
    () => check({ keyPem: good.keyPem.replace(/\n.{20}/, "\nAAAAAAAAAAAAAAAAAAAA") }),
    /Cannot (read|use)/,
  ],
  ["the key in the chain", () => check({ chainPem: good.certPem + good.keyPem }), /in its own field/],
  ["no chain", () => check({ chainPem: "" }), /as PEM/],
  ["half a chain", () => check({ chainPem: good.certPem.slice(0, -40) }), /as PEM/],
  [
    "a request",
    () => check({ chainPem: good.certPem.replaceAll("CERTIFICATE", "CERTIFICATE REQUEST") }),
    /give certificates alone/,
  ],
  [
    "a broken certificate",
    () => check({ chainPem: good.certPem.replace(/\n.{20}/, "\nAAAAAAAAAAAAAAAAAAAA") }),
    /Cannot read certificate 1/,
  ],
  [
    "the issuer first",
    () => check({ chainPem: authority.certPem + good.certPem }),
    /leaf before its issuers/,
  ],
  [
    "a stranger's issuer",
    () => check({ chainPem: good.certPem + stranger.certPem }),
    /certificate 2 did not issue certificate 1/,
  ],
  ["another leaf after it", () => check({ chainPem: good.certPem + other.certPem }), /did not issue/],
  ["eleven certificates", () => check({ chainPem: good.certPem.repeat(11) }), /at most 10/],
  ["a huge chain", () => check({ chainPem: good.certPem + " ".repeat(65_536) }), /more than 64 KiB/],
  ["a huge key", () => check({ keyPem: good.keyPem + " ".repeat(16_384) }), /more than 16 KiB/],
  [
    "another site's name",
    () => check({}, { hostnames: ["other.example"] }),
    /carries "shop\.example", "\*\.shop\.example", the site has "other\.example"/,
  ],
  ["a name two labels below", () => check({}, { hostnames: ["a.b.shop.example"] }), /any name of the site/],
  ["a site without proven names", () => check({}, { hostnames: [] }), /the site has none/],
  [
    "an ended one",
    () => check({}, { nowMs: Date.UTC(2036, 0, 1) }),
    /ended on 2036-01-01: give its successor/,
  ],
  ["one that has not begun", () => check({}, { nowMs: Date.UTC(2025, 0, 1) }), /begins on 2026-01-01/],
];
for (const [what, run, why] of REFUSED) {
  test(`refused with a sentence: ${what}`, () => {
    const checked = run();
    assert.ok(!checked.ok);
    assert.match(checked.why, why);
    assert.ok(!quotesKey(checked.why), "no key is quoted");
  });
}

test("refused with a sentence: weak keys, weak signatures, wrong uses", () => {
  const table: readonly (readonly [
    Parameters<typeof authority.make>[0],
    "server" | "origin-client",
    RegExp,
  ])[] = [
    [{ names: ["shop.example"], key: "rsa:1024" }, "server", /RSA key of 1024 bits/],
    [{ names: ["shop.example"], key: "ed25519" }, "server", /ed25519/],
    [{ names: ["shop.example"], key: "ec:secp256k1" }, "server", /kind of key/],
    [{ names: ["shop.example"], digest: "sha1" }, "server", /SHA-1 or MD5/],
    [{ names: ["shop.example"], usage: "clientAuth" }, "server", /extended key usage/],
    [{ names: ["shop.example"], usage: "serverAuth" }, "origin-client", /TLS clients/],
    [{ names: ["shop.example"], ca: true }, "server", /authority as a leaf/],
    [{ names: [] }, "server", /without DNS names/],
  ];
  for (const [options, kind, why] of table) {
    const made = authority.make(options);
    const checked = check({ chainPem: made.certPem, keyPem: made.keyPem }, { kind });
    assert.ok(!checked.ok, JSON.stringify(options));
    assert.match(checked.why, why);
  }
  const client = authority.make({ names: [], usage: "clientAuth" });
  const taken = check(
    { chainPem: client.certPem, keyPem: client.keyPem },
    { kind: "origin-client", hostnames: [] },
  );
  assert.ok(taken.ok, "a client certificate needs no names");
});

test("whatever bytes come, the answer is a bounded sentence, and never a throw", () => {
  const pieces = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.constantFrom(
      good.certPem,
      good.keyPem,
      authority.certPem,
      locked,
      "-----BEGIN CERTIFICATE-----",
      "-----END CERTIFICATE-----\n",
      "\0",
      "\n",
    ),
    fc.nat(good.certPem.length).map((at) => good.certPem.slice(at)),
    fc
      .tuple(fc.nat(good.certPem.length), fc.constantFrom("A", "-", "\0", "=", "é"))
      .map(([at, char]) => good.certPem.slice(0, at) + char + good.certPem.slice(at + 1)),
  );
  const text = fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, text, (chainPem, keyPem) => {
      for (const given of [{ chainPem, keyPem }, { chainPem }, { keyPem }]) {
        const checked = check(given);
        if (checked.ok) {
          // Only what is really this certificate with its key gets through, whatever stood around it.
          assert.ok(checked.value.names.includes("shop.example"));
        } else {
          assert.ok(checked.why.length < 1000 && !quotesKey(checked.why));
        }
      }
    }),
    { numRuns: 300 },
  );
});
