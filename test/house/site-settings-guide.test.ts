import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { OWN_PAGE_REASONS } from "../../src/contract/site-rules.ts";
import { SITE_SETTINGS_SCHEMA } from "../../src/contract/site-schema.ts";
import type { SiteSettings } from "../../src/contract/site-settings.ts";

// The guide to a site's settings shows a document that is accepted as it stands, and speaks of everything in it.

const guide = readFileSync(new URL("../../docs/guides/site-settings.md", import.meta.url), "utf8");
const example = JSON.parse(/```json\n(\{[\s\S]*?\n\})\n```/.exec(guide)?.[1] ?? "") as SiteSettings;
const words = guide.slice(guide.indexOf("## `origin`"));

test("the guide's document is one that can be set", () => {
  const parsed = SITE_SETTINGS_SCHEMA.safeParse(example);
  assert.deepEqual(parsed.error?.issues, undefined);
  assert.deepEqual(parsed.data, example);
});

test("every setting of the document is explained by its name", () => {
  const names = new Set<string>();
  const visit = (value: unknown, path: string): void => {
    if (Array.isArray(value)) for (const inner of value) visit(inner, path);
    else if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        names.add(key);
        visit(inner, `${path}.${key}`);
      }
    }
  };
  visit(example, "");
  // Of parts that explain themselves beside their names in the document: the scope and the act of a rule, and its place.
  for (const plain of ["rules", "action", "on", "name", "value", "reason", "html"]) names.delete(plain);
  const missing = [...names].filter(
    (name) => !new RegExp(`\`([a-z]+\\.)*${name}(\\.[A-Za-z.]+)?\``).test(words),
  );
  assert.deepEqual(missing, []);
  assert.ok(names.size >= 50, `${names.size} settings`);
  for (const reason of OWN_PAGE_REASONS) assert.ok(words.includes(`\`${reason}\``), reason);
});
