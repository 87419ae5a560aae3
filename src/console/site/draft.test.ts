import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { singleOrigin } from "../../contract/origin-pool.ts";
import { newSiteSettings } from "../../contract/site-settings.ts";
import {
  changesBetween,
  faultAt,
  moved,
  plainValue,
  rebase,
  unreadNumbers,
  valueAt,
  withValueAt,
} from "./draft.ts";

const base = newSiteSettings({
  origin: singleOrigin("https", "192.0.2.1", 443),
  limit: null,
  bodyBytesMax: 1000,
});

test("a value is read and replaced by its path, and the document that was given stays as it is", () => {
  assert.equal(valueAt(base, "origin.servers.0.port"), 443);
  const next = withValueAt(base, "origin.servers.0.port", 8443);
  assert.equal(valueAt(next, "origin.servers.0.port"), 8443);
  assert.equal(valueAt(base, "origin.servers.0.port"), 443);
  assert.ok(Array.isArray(next.origin.servers));
  assert.equal(next.cache, base.cache);
});

test("a path that the document lacks is a mistake of the screen, never a new setting", () => {
  assert.throws(() => withValueAt(base, "origin.sevrers", []), /nothing named "sevrers"/);
  assert.throws(() => withValueAt(base, "origin.servers.4.port", 1), /nothing named "4"/);
  assert.throws(() => withValueAt(base, "__proto__.x", 1), /nothing named/);
  assert.equal(valueAt(base, "constructor"), undefined);
});

test("the difference names every changed value by its path, and nothing else", () => {
  const next = withValueAt(
    withValueAt(base, "cache.rules", [{ path: "/a", action: "bypass", seconds: 0 }]),
    "tls.redirectToHttps",
    true,
  );
  assert.deepEqual(changesBetween(base, next), [
    { path: "tls.redirectToHttps", before: false, after: true },
    { path: "cache.rules", before: "[]", after: null },
    { path: "cache.rules.0.path", before: null, after: "/a" },
    { path: "cache.rules.0.action", before: null, after: "bypass" },
    { path: "cache.rules.0.seconds", before: null, after: 0 },
  ]);
  assert.deepEqual(changesBetween(base, structuredClone(base)), []);
});

test("two people's changes to different values both stand", () => {
  const mine = withValueAt(base, "cache.mode", "off");
  const theirs = withValueAt(base, "tls.hstsSeconds", 300);
  const { merged, clashes } = rebase({ base, mine, theirs });
  assert.equal(merged.cache.mode, "off");
  assert.equal(merged.tls.hstsSeconds, 300);
  assert.deepEqual(clashes, []);
});

test("what both changed to different things is named, and mine stands; the same change twice is no clash", () => {
  const mine = withValueAt(base, "cache.mode", "off");
  const theirs = withValueAt(base, "cache.mode", "origin");
  assert.deepEqual(rebase({ base, mine, theirs }), { merged: mine, clashes: ["cache.mode"] });
  assert.deepEqual(rebase({ base, mine, theirs: structuredClone(mine) }).clashes, []);
});

test("a list that both changed is one clash, and a limit that one removed is not half there", () => {
  const mine = withValueAt(base, "origin.servers.0.weight", 5);
  const theirs = withValueAt(base, "origin.servers.0.port", 80);
  assert.deepEqual(rebase({ base, mine, theirs }).clashes, ["origin.servers"]);
  const limited = withValueAt(base, "limit", { requestsPerSecond: 5, burst: 10 });
  const off = withValueAt(limited, "limit", null);
  const other = withValueAt(limited, "limit.burst", 99);
  const both = rebase({ base: limited, mine: off, theirs: other });
  assert.equal(both.merged.limit, null);
  assert.deepEqual(both.clashes, ["limit"]);
});

test("for any documents: no change of mine is lost, and without one of mine theirs is the answer", () => {
  const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.array(fc.integer()));
  const doc = fc.record({ a: leaf, b: fc.record({ c: leaf, d: leaf }) });
  fc.assert(
    fc.property(doc, doc, doc, (b, mine, theirs) => {
      const { merged } = rebase({ base: b, mine, theirs });
      for (const path of ["a", "b.c", "b.d"]) {
        const changed = changesBetween({ v: valueAt(b, path) }, { v: valueAt(mine, path) }).length > 0;
        assert.deepEqual(valueAt(merged, path), valueAt(changed ? mine : theirs, path));
      }
    }),
  );
});

test("a field that holds no number is found before it is sent", () => {
  assert.deepEqual(unreadNumbers(withValueAt(base, "origin.readSeconds", Number.NaN)), [
    "origin.readSeconds",
  ]);
  assert.deepEqual(unreadNumbers(base), []);
});

test("what the server says stands at its field: the value itself, a row of its list, and with the body's name before it", () => {
  const fields = {
    "settings.cache.rules.0.path": "Begin with a slash",
    "origin.readSeconds": "At most 3600",
  };
  assert.equal(faultAt(fields, "cache.rules.0.path"), "Begin with a slash");
  assert.equal(faultAt(fields, "cache.rules"), "Begin with a slash");
  assert.equal(faultAt(fields, "origin.readSeconds"), "At most 3600");
  assert.equal(faultAt(fields, "origin.read"), null);
});

test("a value is shown on one line, long text cut, text told from numbers", () => {
  assert.equal(plainValue("5"), '"5"');
  assert.equal(plainValue(5), "5");
  assert.equal(plainValue(null), "–");
  assert.equal(plainValue("[]"), "[]");
  assert.ok(plainValue("x".repeat(5000)).length < 130);
});

test("rows move by one and stay where they are at the ends", () => {
  assert.deepEqual(moved(["a", "b", "c"], 0, 1), ["b", "a", "c"]);
  assert.deepEqual(moved(["a", "b"], 0, -1), ["a", "b"]);
  assert.deepEqual(moved(["a", "b"], 1, 1), ["a", "b"]);
});
