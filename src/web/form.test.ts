import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELDS_MAX, FIELD_NAME_CHARS_MAX, parseForm } from "./form.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("A form is read as a browser writes it", () => {
  const table: [string, Record<string, string>][] = [
    ["", {}],
    ["a=1", { a: "1" }],
    ["a=1&b=", { a: "1", b: "" }],
    ["a", { a: "" }],
    ["a=b=c", { a: "b=c" }],
    ["a=1+2%2B", { a: "1 2+" }],
    ["a=%C3%A9%F0%9F%95%8A", { a: "é🕊" }],
    ["a=x%0D%0Ay%0Az%0Dw", { a: "x\ny\nz\nw" }],
    ["&&a=1&", { a: "1" }],
    ["a=%EF%BB%BF", { a: "\ufeff" }],
  ];
  for (const [form, expected] of table) {
    const parsed = parseForm(bytes(form));
    assert.ok(parsed.ok, form);
    assert.deepEqual(Object.fromEntries(parsed.value), expected, form);
  }
});

test("What could not be kept exactly is refused", () => {
  const table: [string, string | Uint8Array][] = [
    ["a broken escape", "a=%"],
    ["half an escape", "a=%4"],
    ["an escape of no digits", "a=%zz"],
    ["escaped bytes that are not UTF-8", "a=%FF"],
    ["an overlong encoding", "a=%C0%80"],
    ["a surrogate", "a=%ED%A0%80"],
    ["raw bytes that are not UTF-8", new Uint8Array([0x61, 0x3d, 0xff])],
    ["a NUL", "a=%00"],
    ["an escape character", "a=%1B"],
    ["a control character in a name", "a%01=1"],
    ["the same field twice", "a=1&a=2"],
    ["a name that is too long", `${"n".repeat(FIELD_NAME_CHARS_MAX + 1)}=1`],
    ["too many fields", Array.from({ length: FIELDS_MAX + 1 }, (_, i) => `f${i}=1`).join("&")],
  ];
  for (const [what, form] of table) {
    const parsed = parseForm(typeof form === "string" ? bytes(form) : form);
    assert.equal(parsed.ok, false, what);
  }
  const most = Array.from({ length: FIELDS_MAX }, (_, i) => `f${i}=1`).join("&");
  assert.equal(parseForm(bytes(most)).ok, true);
  assert.equal(parseForm(bytes(`${"n".repeat(FIELD_NAME_CHARS_MAX)}=1`)).ok, true);
});

test("Whatever bytes arrive, the parser answers", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (body) => {
      const parsed = parseForm(body);
      if (parsed.ok) assert.ok(parsed.value.size <= FIELDS_MAX);
      else assert.ok(parsed.why.length > 0);
    }),
    { numRuns: 2000 },
  );
});

test("What the platform's own encoder writes comes back as it was", () => {
  const words = fc.string({ unit: "grapheme", maxLength: 60 }).filter(
    // oxlint-disable-next-line no-control-regex
    (text) => !/[\u0000-\u001f\u007f]/.test(text) && text.isWellFormed(),
  );
  fc.assert(
    fc.property(words, words, (a, b) => {
      const parsed = parseForm(bytes(new URLSearchParams({ a, b }).toString()));
      assert.ok(parsed.ok);
      assert.deepEqual(Object.fromEntries(parsed.value), { a, b });
    }),
    { numRuns: 500 },
  );
});
