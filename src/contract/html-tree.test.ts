/** Strangers' pages within bounds: those that ask for millions of elements, and those that nest without end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DefaultTreeAdapterTypes } from "parse5";
import { parse, serialize } from "parse5";
import { ELEMENTS_MAX, parseHtml, type HtmlDocument } from "./html-tree.ts";

function sizeOf(document: HtmlDocument): { elements: number; text: string } {
  let elements = 0;
  const texts: string[] = [];
  const stack: DefaultTreeAdapterTypes.Node[] = [document];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if ("tagName" in node) elements += 1;
    if ("value" in node) texts.push(node.value);
    if ("childNodes" in node) stack.push(...node.childNodes);
  }
  return { elements, text: texts.join(" ") };
}

test("an ordinary page is the tree that browsers build", () => {
  const page =
    "<!doctype html><title>A</title><p>one<b>two<p>three<table>four<tr><td>five</table><script>six</script>";
  assert.equal(serialize(parseHtml(page)), serialize(parse(page)));
});

test("unclosed formatting elements do not multiply without bound, and what the page says is kept", () => {
  const bold = Array.from({ length: 4000 }, (_, n) => `<b a${n}>`).join("");
  const { elements, text } = sizeOf(
    parseHtml(`<!doctype html><title>Harbour</title><p>${bold}</p>${"<p>boats".repeat(4000)}`),
  );
  assert.ok(elements <= ELEMENTS_MAX + 10, `${elements} elements`);
  assert.match(text, /Harbour/);
  assert.equal(text.match(/boats/g)?.length, 4000);
});

test("a page that nests without end is read flat, in time that its length costs", () => {
  const deep = `${"<span>".repeat(20_000)}words${"</foo>".repeat(150_000)}<script>not <b>this</script><p>more`;
  const { elements, text } = sizeOf(parseHtml(deep));
  assert.ok(elements > 20_000 && elements <= ELEMENTS_MAX + 10);
  assert.match(text, /words/);
  assert.match(text, /more/);
  assert.match(text, /not <b>this/, "a script's text stays in the script");
});

test("more tags than the bound: text is kept, tags are not", () => {
  const { elements, text } = sizeOf(parseHtml(`${"<i>".repeat(100_000)}the end`));
  assert.ok(elements <= ELEMENTS_MAX + 10);
  assert.match(text, /the end/);
});
