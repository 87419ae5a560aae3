import assert from "node:assert/strict";
import { test } from "node:test";
import type { SiteId } from "../../contract/ids.ts";
import type { Draft } from "./draft.ts";
import { dropDrafts, heldDraft, holdDraft } from "./held-drafts.ts";

const SITE = "site_a" as SiteId;
const base = { cache: { mode: "off" } } as unknown as Draft["base"];
const wanted = { cache: { mode: "static" } } as unknown as Draft["base"];

test("A touched draft is held by its site alone, and an untouched one takes its place away", () => {
  holdDraft(SITE, { revision: 2, base, wanted });
  assert.deepEqual(heldDraft(SITE), { revision: 2, base, wanted });
  assert.equal(heldDraft("site_b" as SiteId), null);
  holdDraft(SITE, { revision: 3, base: wanted, wanted });
  assert.equal(heldDraft(SITE), null);
});

test("The end of a session leaves no draft", () => {
  holdDraft(SITE, { revision: 2, base, wanted });
  dropDrafts();
  assert.equal(heldDraft(SITE), null);
});

test("The browser is asked to wait only while something would be lost", () => {
  const bound: string[] = [];
  const scope = globalThis as unknown as Record<string, unknown>;
  scope["addEventListener"] = (name: string) => void bound.push(name);
  scope["removeEventListener"] = () => void bound.splice(0);
  try {
    holdDraft(SITE, { revision: 2, base, wanted });
    holdDraft(SITE, { revision: 2, base, wanted });
    assert.deepEqual(bound, ["beforeunload"]);
    dropDrafts();
    assert.deepEqual(bound, []);
  } finally {
    delete scope["addEventListener"];
    delete scope["removeEventListener"];
  }
});
