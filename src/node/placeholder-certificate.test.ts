import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { test } from "node:test";
import fc from "fast-check";
import { makePlaceholder, PLACEHOLDER_SEED_BYTES } from "./placeholder-certificate.ts";

test("the placeholder is a whole certificate of its own key, for a name that is nobody's, without an end", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: PLACEHOLDER_SEED_BYTES, maxLength: PLACEHOLDER_SEED_BYTES }),
      (seed) => {
        const { certPem, keyPem } = makePlaceholder(seed);
        const certificate = new X509Certificate(certPem);
        assert.equal(certificate.subject, "CN=placeholder.invalid");
        assert.equal(certificate.subjectAltName, undefined);
        assert.equal(certificate.validToDate.toISOString(), "9999-12-31T23:59:59.000Z");
        assert.ok(certificate.verify(certificate.publicKey));
        assert.ok(certificate.checkPrivateKey(createPrivateKey(keyPem)));
        createSecureContext({ cert: certPem, key: keyPem });
      },
    ),
    { numRuns: 100 },
  );
});

test("one seed makes the same bytes on every node, another seed others", () => {
  const seed = Buffer.alloc(32, 7);
  assert.deepEqual(makePlaceholder(seed), makePlaceholder(Buffer.from(seed)));
  assert.notEqual(makePlaceholder(seed).certPem, makePlaceholder(Buffer.alloc(32, 8)).certPem);
  // A change of these bytes would end every session of a fleet that is updated node by node.
  const { fingerprint256 } = new X509Certificate(makePlaceholder(seed).certPem);
  assert.equal(fingerprint256.slice(0, 47), "4A:84:4C:AF:68:84:03:90:10:10:BC:EF:E7:68:E1:41");
});

test("a seed of another length is refused", () => {
  for (const bytes of [0, 31, 33, 64]) assert.throws(() => makePlaceholder(Buffer.alloc(bytes)), /32 bytes/);
});
