import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareLooks, LOOK_SCORE_HELD, takeLook } from "./look.ts";
import { hamming, shingles, simhash, words } from "./simhash.ts";

const encode = (html: string): Uint8Array => new TextEncoder().encode(html);

function page(options: {
  title: string;
  posts: readonly string[];
  address?: string;
  favicon?: string;
}): ReturnType<typeof takeLook> {
  const list = options.posts.map(
    (post) => `<article><h2>${post}</h2><p>${post} and what people say about ${post}</p></article>`,
  );
  return takeLook({
    html: encode(
      `<!doctype html><title>${options.title}</title><nav><a href=/>Home</a></nav><main>${list.join("")}</main>`,
    ),
    favicon: options.favicon === undefined ? null : encode(options.favicon),
    address: options.address ?? "203.0.113.1",
    port: 80,
  });
}

const forum = {
  title: "The Night Forum",
  posts: ["gardens in winter", "how to repair a radio", "songs from the coast", "a map of the old town"],
  favicon: "icon",
};

test("a site that returns under another name at another address is recognised, with reasons", () => {
  const match = compareLooks(page(forum), page({ ...forum, address: "198.51.100.7" }));
  assert.ok(match.score >= LOOK_SCORE_HELD, JSON.stringify(match));
  assert.ok(match.because.length >= 3);
});

test("a site that changed a little is still recognised", () => {
  const changed = {
    ...forum,
    posts: [...forum.posts.slice(0, 3), "a map of the new town"],
    address: "198.51.100.7",
  };
  assert.ok(compareLooks(page(forum), page(changed)).score >= LOOK_SCORE_HELD);
});

test("another site with the same software is not taken for it", () => {
  const other = {
    title: "Bread and Salt",
    posts: ["sourdough for beginners", "which flour", "an oven in the yard", "salt from the sea"],
    address: "198.51.100.7",
    favicon: "other",
  };
  const match = compareLooks(page(forum), page(other));
  assert.ok(match.score < LOOK_SCORE_HELD, JSON.stringify(match));
});

test("two empty pages are not alike", () => {
  const empty = takeLook({ html: encode(""), favicon: null, address: "203.0.113.1", port: 80 });
  assert.equal(compareLooks(empty, { ...empty, address: "198.51.100.1" }).score, 0);
});

test("pages nested a hundred thousand deep and arbitrary bytes are taken without an exception", () => {
  takeLook({ html: encode("<div>".repeat(100_000)), favicon: null, address: "203.0.113.1", port: 80 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (html) => {
      takeLook({ html, favicon: html, address: "203.0.113.1", port: 80 });
    }),
  );
});

test("simhash: the same features give the same hash, one changed word few bits, another text many", () => {
  const base = words(
    "someone posted where I live and people in the thread say they will come tonight with others",
  );
  const hash = simhash(shingles(base, 2));
  assert.equal(hash, simhash(shingles(base, 2)));
  assert.ok(hamming(hash, simhash(shingles([...base.slice(0, -1), "friends"], 2))) <= 12);
  assert.ok(
    hamming(
      hash,
      simhash(shingles(words("the shop sold me a broken lamp and will not take it back at all"), 2)),
    ) > 16,
  );
  assert.equal(simhash([]), "0000000000000000");
});
