import assert from "node:assert/strict";
import { test } from "node:test";
import { lineOf } from "./certificates.ts";

test("one line a certificate says what a person has to know", () => {
  const row = {
    certificateId: "cert_1" as never,
    hostnames: ["shop.example"],
    siteHostnames: ["shop.example"],
    source: "acme" as const,
    notBefore: null,
    issuer: null,
    fingerprint: null,
    nextTryAt: null,
    inForce: { acked: 1, of: 2 },
  };
  assert.equal(
    lineOf({ ...row, state: "valid", notAfter: "2027-02-20T00:00:00.000Z", why: null }),
    "valid    shop.example (acme, until 2027-02-20, on 1 of 2 edges)",
  );
  assert.equal(
    lineOf({ ...row, state: "failed", notAfter: null, why: "The authority answered 403" }),
    "failed   shop.example (acme): The authority answered 403",
  );
});
