import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  parseAcmeDirectory,
  parseDnsServers,
  parseDnsUpdate,
  parseExternalAccount,
  parseFile,
} from "./settings-acme.ts";

const RFC2136 = {
  kind: "rfc2136",
  server: "192.0.2.53:53",
  tsigName: "parapet",
  tsigAlgorithm: "hmac-sha256",
  tsigSecretFile: "/etc/parapet/tsig",
};
const HOOK = { kind: "hook", command: ["/etc/parapet/dns-hook", "--zone=a b"] };

test("the known authorities have names, others are addresses", () => {
  assert.deepEqual(parseAcmeDirectory("letsencrypt-staging"), {
    value: "https://acme-staging-v02.api.letsencrypt.org/directory",
  });
  assert.deepEqual(parseAcmeDirectory(""), { value: "" });
  assert.deepEqual(parseAcmeDirectory("https://acme.example/dir"), { value: "https://acme.example/dir" });
  for (const wrong of ["http://acme.example/dir", "acme.example", "https://a b/", 7, null]) {
    assert.ok("wanted" in parseAcmeDirectory(wrong), String(wrong));
  }
});

test("what may be left out of a DNS update has its default", () => {
  assert.deepEqual(parseDnsUpdate(RFC2136), {
    value: { ...RFC2136, zone: null, for: "wildcards", checkServers: null },
  });
  assert.deepEqual(parseDnsUpdate({ ...HOOK, for: "all", checkServers: ["127.0.0.1:5353"] }), {
    value: { ...HOOK, for: "all", checkServers: ["127.0.0.1:5353"] },
  });
  assert.deepEqual(parseDnsUpdate(null), { value: null });
});

test("a DNS update that could smuggle something, or has unknown keys, is refused", () => {
  for (const wrong of [
    undefined,
    7,
    [],
    {},
    { kind: "other" },
    { ...RFC2136, more: 1 },
    { ...RFC2136, server: "192.0.2.53" },
    { ...RFC2136, server: "192.0.2.53 1\nsend:53" },
    { ...RFC2136, zone: "a.example\nsend" },
    { ...RFC2136, tsigName: "a b" },
    { ...RFC2136, tsigAlgorithm: "hmac-md5" },
    { ...RFC2136, tsigSecretFile: "tsig" },
    { ...RFC2136, tsigSecretFile: undefined },
    { ...HOOK, command: [] },
    { ...HOOK, command: ["dns-hook"] },
    { ...HOOK, command: ["/bin/true", 7] },
    { ...HOOK, command: Array.from({ length: 33 }, () => "/bin/true") },
    { ...HOOK, checkServers: [] },
    { ...HOOK, for: "none" },
  ]) {
    assert.ok("wanted" in parseDnsUpdate(wrong), JSON.stringify(wrong));
  }
});

test("external accounts, files and resolvers are taken in one shape alone", () => {
  assert.ok("value" in parseExternalAccount({ keyId: "kid-1", macKeyFile: "/etc/parapet/mac" }));
  for (const wrong of [{}, { keyId: "kid-1" }, { keyId: "a b", macKeyFile: "/x" }, "x", undefined]) {
    assert.ok("wanted" in parseExternalAccount(wrong), JSON.stringify(wrong));
  }
  assert.ok("value" in parseFile("") && "value" in parseFile("/a.pem"));
  assert.ok("wanted" in parseFile("a.pem") && "wanted" in parseFile("/a\0.pem"));
  assert.ok("value" in parseDnsServers(["127.0.0.1:53", "[::1]:5353"]));
  for (const wrong of [["dns.example:53"], ["127.0.0.1"], "127.0.0.1:53", Array(9).fill("127.0.0.1:53")]) {
    assert.ok("wanted" in parseDnsServers(wrong), JSON.stringify(wrong));
  }
});

test("no JSON value makes a parser throw", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      for (const parse of [
        parseAcmeDirectory,
        parseDnsUpdate,
        parseExternalAccount,
        parseFile,
        parseDnsServers,
      ]) {
        const outcome = parse(value);
        assert.ok("value" in outcome || outcome.wanted.length > 0);
      }
    }),
  );
});
