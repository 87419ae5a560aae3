import assert from "node:assert/strict";
import { test } from "node:test";
import { FAULT_STATUS } from "../contract/fault.ts";
import { ClientFault, type ClientFaultCode } from "./client.ts";
import { wordsOfFault } from "./fault-words.ts";
import { ENGLISH } from "./words/english.ts";
import { FRENCH } from "./words/french.ts";

const fault = (
  code: ClientFaultCode,
  more: Partial<ConstructorParameters<typeof ClientFault>[0]> = {},
): ClientFault => new ClientFault({ code, status: 400, detail: "Ask for its release.", ...more });

test("every fault has a title in both languages and keeps the server's sentence", () => {
  const codes = [...Object.keys(FAULT_STATUS), "offline", "broken"] as ClientFaultCode[];
  assert.ok(codes.length > 25);
  for (const code of codes)
    for (const words of [ENGLISH, FRENCH]) {
      const shown = wordsOfFault(fault(code), { words });
      assert.ok(shown.title.length > 3, code);
      assert.equal(shown.detail, "Ask for its release.");
    }
});

test("a fault without a server's sentence always says what to do", () => {
  for (const code of ["offline", "broken"] as const) {
    const shown = wordsOfFault(fault(code, { detail: "" }), { words: ENGLISH });
    assert.equal(shown.detail, "");
    assert.ok((shown.todo ?? "").length > 20);
  }
});

test("a field that the form does not show is told in the detail", () => {
  const given = fault("input.invalid", { fields: { facts: "Too long.", endsAt: "In the past." } });
  assert.equal(
    wordsOfFault(given, { words: ENGLISH, shownFields: ["facts"] }).detail,
    "Ask for its release. endsAt: In the past.",
  );
});

test("what the server's sentence says already is not said twice", () => {
  const given = fault("input.invalid", {
    detail: "Cannot ban this. Give an address",
    fields: { value: "Give an address" },
  });
  assert.equal(wordsOfFault(given, { words: ENGLISH }).detail, "Cannot ban this. Give an address");
});

test("a limit names its wait when the server named one", () => {
  const shown = wordsOfFault(fault("limit.rate", { retryAfterMs: 90_000 }), { words: FRENCH });
  assert.match(shown.todo ?? "", /1 min 30 s/);
});
