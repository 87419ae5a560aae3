import assert from "node:assert/strict";
import { test } from "node:test";
import { ENGLISH } from "./english.ts";
import { FRENCH } from "./french.ts";

/** Every leaf of a dictionary by its dotted name. */
function leaves(tree: object, at = ""): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [key, value] of Object.entries(tree)) {
    const name = at === "" ? key : `${at}.${key}`;
    if (typeof value === "object" && value !== null)
      for (const [k, v] of leaves(value, name)) found.set(k, v);
    else found.set(name, value);
  }
  return found;
}

/** Words that are rightly the same in both languages. */
const SAME = new Set(
  `product nav.sites nav.open time.second time.minute time.hour level.IMMINENT harm.swatting dimension.M
  referralKind.police channel.api signIn.code overview.vaultCommand overview.sites overview.postgresql queue.brigade
  queue.danger nav.incidents protection.attack.at case.siteOf propose.clause refer.note sitesPage.title logPage.brigades site.origin.timeouts site.cache.except`.split(
    /\s+/,
  ),
);

const english = leaves(ENGLISH);
const french = leaves(FRENCH);

test("both languages have the same words, and there are hundreds of them", () => {
  assert.deepEqual([...french.keys()].sort(), [...english.keys()].sort());
  assert.ok(english.size > 300, `only ${english.size} words were seen`);
});

test("no word is empty, and words that take values take the same values in both languages", () => {
  for (const [name, word] of english) {
    const other = french.get(name);
    assert.equal(typeof other, typeof word, name);
    if (typeof word === "function") assert.equal((other as () => void).length, word.length, name);
    else assert.ok(String(word).trim() !== "" && String(other).trim() !== "", name);
  }
});

test("a French word that equals the English one is one of the known pairs", () => {
  for (const [name, word] of english)
    if (typeof word === "string" && word === french.get(name)) assert.ok(SAME.has(name), `${name}: ${word}`);
});

test("French keeps a no-break space before double punctuation", () => {
  const source = [...french].map(
    ([name, word]) =>
      [
        name,
        typeof word === "function"
          ? String((word as (...a: unknown[]) => string)(...Array.from({ length: word.length }, () => 3)))
          : String(word),
      ] as const,
  );
  let seen = 0;
  for (const [name, text] of source) {
    if (/[;:!?]/.test(text)) seen++;
    assert.doesNotMatch(text, / [;:!?»]|« /, name);
  }
  assert.ok(seen > 10);
});
