import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  CERTIFICATE_CHAIN_BYTES_MAX,
  CERTIFICATE_HOSTNAMES_MAX,
  CERTIFICATE_KEY_BYTES_MAX,
} from "../contract/certificate.ts";
import { checkCertificate } from "./certificate-check.ts";
import { dns, makeTestLeaf, newEcKey, type TestName } from "./certificate-testing.ts";

const NOW = { nowMs: Date.now(), graceMs: 0 };
const DAY_MS = 86_400_000;
const key = newEcKey();
const good = makeTestLeaf({ names: [dns("forum.example"), dns("*.forum.example")], key });

function given(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schema: 1,
    certificateId: `cert_${"0".repeat(26)}`,
    siteId: `site_${"0".repeat(26)}`,
    kind: "server",
    version: 1,
    hostnames: ["forum.example"],
    ...good,
    ...changes,
  };
}

/** "" when it is taken, else why not. */
function whyNot(value: unknown, options = NOW): string {
  const checked = checkCertificate(value, options);
  return checked.ok ? "" : checked.why;
}

test("a whole certificate is taken, and given back in one form", () => {
  assert.equal(whyNot(given()), "");
  const noisy = `subject: somebody\r\n${good.chainPem.replaceAll("\n", "\r\n")}\nthe end\n`;
  const checked = checkCertificate(given({ chainPem: noisy }), NOW);
  assert.ok(checked.ok);
  assert.equal(checked.value.chainPem, good.chainPem);
  // Let go of: nothing of the chain or the key is looked at, and nothing of them is kept.
  const gone = checkCertificate(given({ hostnames: [], chainPem: "x", keyPem: "y" }), NOW);
  assert.ok(gone.ok && gone.value.chainPem === "" && gone.value.keyPem === "");
});

test("what is not shaped as a certificate is refused", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [null, /no certificate/],
    ["text", /no certificate/],
    [[], /no certificate/],
    [given({ more: 1 }), /other fields/],
    [{ ...given(), keyPem: undefined }, /its key/i],
    [given({ schema: 2 }), /older than its control plane/],
    [given({ certificateId: `site_${"0".repeat(26)}` }), /certificate's id/],
    [given({ certificateId: "cert_../../etc/passwd" }), /certificate's id/],
    [given({ siteId: 7 }), /no site/],
    [given({ kind: "client" }), /kind/],
    [given({ version: 0 }), /counting/],
    [given({ version: 1.5 }), /counting/],
    [given({ notAfterMs: Number.NaN }), /end is not a time/],
    [given({ notAfterMs: good.notAfterMs + 1001 }), /another time/],
    [given({ chainPem: 7 }), /its chain/i],
    [given({ chainPem: "é".repeat(CERTIFICATE_CHAIN_BYTES_MAX / 2 + 1) }), /at most 65536 bytes/],
    [given({ chainPem: "x".repeat(CERTIFICATE_CHAIN_BYTES_MAX) }), /not made of whole/],
    [given({ keyPem: "x".repeat(CERTIFICATE_KEY_BYTES_MAX + 1) }), /at most 16384 bytes/],
    [given({ keyPem: "x".repeat(CERTIFICATE_KEY_BYTES_MAX) }), /key cannot be read/],
    [given({ hostnames: "forum.example" }), /hostnames are no list/],
    [given({ hostnames: Array(CERTIFICATE_HOSTNAMES_MAX + 1).fill("forum.example") }), /at most 100/],
    [given({ hostnames: ["forum.example", "forum.example"] }), /twice/],
    ...[
      "Forum.example",
      "forum.example.",
      "*.*.example",
      "*",
      "a.*.example",
      "fo\0rum.example",
      "",
      "ä.example",
      7,
    ].map((name) => [given({ hostnames: [name] }), /lower-case A-labels/] as const),
  ];
  for (const [value, why] of table) assert.match(whyNot(value), why);
});

test("chains that are cut, mixed up, too long or of something else are refused", () => {
  const { chainPem } = good;
  const other = makeTestLeaf({ names: [dns("forum.example")], key: newEcKey(), commonName: "other" });
  const table: readonly (readonly [string, RegExp])[] = [
    ["", /not made of whole/],
    [chainPem.repeat(11), /more than 10/],
    [`${other.chainPem}${chainPem}`, /did not issue|does not belong/],
    [`${chainPem}${other.chainPem}`, /did not issue/],
    [`${chainPem}-----BEGIN CERTIFICATE-----\nAAAA\n`, /not made of whole/],
    [chainPem.replaceAll("CERTIFICATE", "TRUSTED CERTIFICATE"), /not made of whole/],
    [good.keyPem, /not made of whole/],
    [`${chainPem}${good.keyPem}`, /not made of whole/],
    ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", /cannot be read/],
  ];
  for (const [pem, why] of table) assert.match(whyNot(given({ chainPem: pem })), why);
  for (let bytes = 0; bytes < chainPem.length - 1; bytes++) {
    assert.notEqual(whyNot(given({ chainPem: chainPem.slice(0, bytes) })), "", `${bytes} bytes`);
  }
});

test("keys that do not belong, or that visitors or the edge should not have to use, are refused", () => {
  const rsa = (bits: number) => generateKeyPairSync("rsa", { modulusLength: bits }).privateKey;
  const names = [dns("forum.example")];
  for (const right of [rsa(2048), newEcKey("secp384r1"), newEcKey("secp521r1")]) {
    assert.equal(whyNot(given({ ...makeTestLeaf({ names, key: right }) })), "");
  }
  for (const wrong of [rsa(1024), newEcKey("secp256k1"), generateKeyPairSync("ed25519").privateKey]) {
    assert.match(whyNot(given({ ...makeTestLeaf({ names, key: wrong }) })), /neither RSA of 2048/);
  }
  const stranger = newEcKey();
  const pem = (type: "pkcs8" | "sec1"): string => stranger.export({ type, format: "pem" }).toString();
  assert.match(whyNot(given({ keyPem: pem("pkcs8") })), /does not belong/);
  assert.match(whyNot(given({ keyPem: pem("sec1") })), /does not belong/);
  const locked = key
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
    .toString();
  for (const unreadable of [locked, "", good.chainPem, good.keyPem.slice(0, 100)]) {
    assert.match(whyNot(given({ keyPem: unreadable })), /cannot be read/);
  }
  // A key of the older form is taken, and kept in the one form that the edge reads.
  const sec1 = checkCertificate(given({ keyPem: key.export({ type: "sec1", format: "pem" }) }), NOW);
  assert.ok(sec1.ok && sec1.value.keyPem === good.keyPem);
});

test("a certificate that has ended or not begun is refused, up to the grace it is given", () => {
  const names = [dns("forum.example")];
  const second = Math.floor(NOW.nowMs / 1000) * 1000;
  const ended = given({ ...makeTestLeaf({ names, key, toMs: second - DAY_MS }) });
  assert.match(whyNot(ended), /ended on/);
  assert.equal(whyNot(ended, { ...NOW, graceMs: 2 * DAY_MS }), "");
  assert.match(whyNot(ended, { ...NOW, graceMs: DAY_MS }), /ended on/);
  const early = given({ ...makeTestLeaf({ names, key, fromMs: second + DAY_MS }) });
  assert.match(whyNot(early), /check the clock/);
});

test("only names that the certificate carries as DNS names count, each for what it stands for", () => {
  const raw = (kind: TestName["kind"], text: string): TestName => ({
    kind,
    bytes: Buffer.from(text, "latin1"),
  });
  const ip: TestName = { kind: "ip", bytes: Buffer.from([192, 0, 2, 1]) };
  const table: readonly (readonly [readonly TestName[], string, boolean])[] = [
    [[dns("FORUM.example")], "forum.example", true],
    [[dns("*.forum.example")], "www.forum.example", true],
    [[dns("*.forum.example")], "*.forum.example", true],
    [[dns("*.forum.example")], "forum.example", false],
    [[dns("*.forum.example")], "a.b.forum.example", false],
    [[dns("www.forum.example")], "*.forum.example", false],
    [[dns("*.example")], "*.forum.example", false],
    [[dns("a.*.example")], "a.forum.example", false],
    [[dns("f*.example")], "forum.example", false],
    [[dns("*")], "forum.example", false],
    [[dns("*.*.example")], "www.forum.example", false],
    [[dns("other.example")], "forum.example", false],
    [[], "forum.example", false],
    [[ip], "192.0.2.1", false],
    [[dns("forum.example\0.evil.test")], "forum.example", false],
    [[dns("evil.test\0, DNS:forum.example, x")], "forum.example", false],
    [[raw("uri", "http://x/, DNS:forum.example, DNS:y")], "forum.example", false],
    [[raw("uri", 'http://x/", DNS:forum.example, "')], "forum.example", false],
    [[raw("email", "a@b.example, DNS:forum.example, c")], "forum.example", false],
    [[raw("uri", "http://x/, DNS:forum.example, y"), dns("forum.example")], "forum.example", true],
    [[dns("forum.example, DNS:other.example")], "forum.example", false],
  ];
  for (const [names, hostname, isTaken] of table) {
    const leaf = makeTestLeaf({ names, key, commonName: hostname });
    const why = whyNot(given({ ...leaf, hostnames: [hostname] }));
    const what = `${hostname} by ${names.map(({ kind, bytes }) => `${kind} ${bytes.toString("latin1")}`).join()}`;
    if (isTaken) assert.equal(why, "", what);
    else assert.match(why, /does not carry the name/, what);
  }
  // Which site a name belongs to is not asked here; a name of the chain that is not asked for does no harm.
  assert.match(whyNot(given({ hostnames: ["forum.example", "other.example"] })), /"other.example"/);
});

test("whatever comes, nothing is thrown, and nothing of a key is said", () => {
  const field = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.array(fc.string()), fc.object());
  const damaged = fc
    .tuple(fc.constantFrom("chainPem", "keyPem"), fc.nat(), fc.string({ maxLength: 20 }))
    .map(([name, at, text]) => {
      const pem = good[name as "chainPem" | "keyPem"];
      const cut = at % pem.length;
      return given({ [name]: pem.slice(0, cut) + text + pem.slice(cut + text.length) });
    });
  const value = fc.oneof(
    fc.anything(),
    fc.tuple(fc.constantFrom(...Object.keys(given())), field).map(([name, to]) => given({ [name]: to })),
    damaged,
  );
  let refused = 0;
  fc.assert(
    fc.property(value, (any) => {
      const checked = checkCertificate(any, NOW);
      if (checked.ok) return;
      refused += 1;
      assert.doesNotMatch(checked.why, /PRIVATE|[A-Za-z0-9+/]{40}/);
    }),
    { numRuns: 1500 },
  );
  assert.ok(refused > 1000);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 4 }), (names) => {
      const bytes = names.map((one): TestName => ({ kind: "dns", bytes: Buffer.from(one) }));
      const leaf = makeTestLeaf({ names: bytes, key });
      assert.match(whyNot(given({ ...leaf })), /does not carry|cannot be read/);
    }),
    { numRuns: 300 },
  );
});
