/** The world of `bench flood`: seeds give the same again, addresses tell nothing by their prefix, and half a page is no page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BROWSERS, commonVoice, requestOf, someVoice, type Wish } from "../../bench/flood-browsers.ts";
import { addresses, seededRandom } from "../../bench/flood-random.ts";
import { floodRequests, type FloodShape } from "../../bench/flood-shapes.ts";
import { fileBytes, filesOf, pageEnd, pageOf, served, somePage } from "../../bench/flood-site.ts";

const SHAPES: readonly FloodShape[] = ["cache-buster", "odd-heads", "logins", "imitation"];

test("a seed gives the same flood again, and another seed another one", () => {
  for (const shape of SHAPES.filter((one) => one !== "imitation")) {
    const some = (seed: number): string[] => {
      const next = floodRequests(shape, { random: seededRandom(seed, "bots"), host: "flood.example" });
      return Array.from({ length: 20 }, next);
    };
    assert.deepEqual(some(1), some(1), shape);
    assert.notDeepEqual(some(1), some(2), shape);
  }
});

test("addresses are different ones, good and bad side by side in all of 127.0.0.0/8, and none of the servers' own", () => {
  const taken = new Set<string>();
  const random = seededRandom(1, "addresses");
  const good = addresses(random, { count: 400, taken });
  const bad = addresses(random, { count: 2000, taken });
  assert.equal(new Set([...good, ...bad]).size, 2400);
  assert.ok([...good, ...bad].every((address) => /^127\.(?!0\.)\d+\.\d+\.\d+$/.test(address)));
  const halves = (list: readonly string[]): Set<string> =>
    new Set(list.map((address) => address.split(".")[1] ?? ""));
  assert.ok(halves(good).intersection(halves(bad)).size > 100);
});

test("a page that was cut off anywhere does not count as whole", () => {
  const page = pageOf("/news/7");
  assert.ok(page.endsWith(pageEnd("/news/7")));
  assert.ok(!page.slice(0, -1).endsWith(pageEnd("/news/7")));
  assert.ok(!pageOf("/news/8").endsWith(pageEnd("/news/7")));
});

test("every page that visitors open exists, and so does every file of it", () => {
  const random = seededRandom(1, "pages");
  for (let i = 0; i < 500; i++) {
    const path = somePage(random).split("?", 1)[0] ?? "";
    assert.equal(served("GET", path).kind, "page", path);
    for (const file of filesOf(path)) {
      assert.equal(served("GET", file).kind, "file", file);
      assert.ok(fileBytes(file) > 0);
    }
  }
});

test("the imitation is byte for byte what the most common browser sends", () => {
  const wish: Wish = { host: "flood.example", target: "/", kind: "page", referrer: "", cookie: "", etag: "" };
  const next = floodRequests("imitation", { random: seededRandom(1, "bots"), host: "flood.example" });
  assert.equal(next(), requestOf(commonVoice(), wish));
});

test("browsers differ in the order of their fields, and every head is one", () => {
  const orders = new Set<string>();
  const random = seededRandom(1, "voices");
  for (let i = 0; i < 300; i++) {
    const wish: Wish = {
      host: "flood.example",
      target: "/",
      kind: "page",
      referrer: "",
      cookie: "",
      etag: "",
    };
    const head = requestOf(someVoice(random), wish);
    assert.match(head, /^GET \/ HTTP\/1\.1\r\n(?:[A-Za-z-]+: [^\r\n]+\r\n)+\r\n$/);
    orders.add([...head.matchAll(/\r\n([A-Za-z-]+):/g)].map((found) => found[1]).join(" "));
  }
  assert.ok(orders.size >= 3, `${orders.size} orders for ${BROWSERS.length} browsers`);
});
