import assert from "node:assert/strict";
import { test } from "node:test";
import { FEATURES } from "./flood.ts";
import { signatureInWords } from "./flood-words.ts";

const named = {
  where: [
    { feature: "method", value: "GET" },
    { feature: "path", value: "/search" },
    { feature: "queryShape", value: "*=hex" },
    { feature: "headers", value: "a1b2" },
    { feature: "language", value: "ru" },
    { feature: "referrer", value: "none" },
  ],
  headerNames: "host accept user-agent",
} as const;

test("a signature says in words what its requests have in common", () => {
  assert.equal(
    signatureInWords(named, "en"),
    "GET requests for “/search”, with a query of the form “*=hex”, whose 3 header fields come in this order: host, accept, user-agent, that ask for the language “ru”, that follow no link",
  );
  assert.match(
    signatureInWords(named, "fr"),
    /^requêtes GET vers « \/search », .*qui ne suivent aucun lien$/,
  );
});

test("no condition means every request, and a method alone is a sentence too", () => {
  assert.equal(signatureInWords({ where: [], headerNames: "" }, "en"), "every request");
  assert.equal(signatureInWords({ where: [], headerNames: "" }, "fr"), "toutes les requêtes");
  assert.equal(
    signatureInWords({ where: [{ feature: "method", value: "POST" }], headerNames: "" }, "en"),
    "POST requests",
  );
});

test("formats and compression are told apart", () => {
  const say = (value: string): string =>
    signatureInWords({ where: [{ feature: "accept", value }], headerNames: "" }, "en");
  assert.equal(say("*/*|"), "requests that accept “*/*” and no compression");
  assert.equal(say("text/html|gzip, br"), "requests that accept “text/html”, compressed by “gzip, br”");
  assert.equal(say("|gzip"), "requests that name no formats and accept compression by “gzip”");
  assert.equal(say("|"), "requests that do not say which formats they accept");
});

test("what strangers chose ends where its quotation ends", () => {
  const say = (feature: "referrer" | "method" | "userAgent", value: string): string =>
    signatureInWords({ where: [{ feature, value }], headerNames: "" }, "en");
  assert.equal(
    say("referrer", "evil.example call 555"),
    "requests that follow a link on “evil.example call 555”",
  );
  assert.equal(say("method", "CALL-555"), "“CALL-555” requests");
  assert.equal(say("userAgent", "a” and “b"), "requests that call themselves “a' and 'b”");
});

test("every feature has words in both languages, with a value and without, and long values are cut", () => {
  for (const feature of FEATURES) {
    for (const language of ["en", "fr"] as const) {
      for (const value of ["", "x", "x".repeat(5000)]) {
        const text = signatureInWords({ where: [{ feature, value }], headerNames: "" }, language);
        assert.ok(text.length > 3 && text.length < 300, `${feature} ${language}: ${text.length}`);
        assert.doesNotMatch(text, /undefined/);
      }
    }
  }
  const many = { where: [{ feature: "headers", value: "h" }], headerNames: "x ".repeat(4000) } as const;
  assert.ok(signatureInWords(many, "en").length < 600);
});
