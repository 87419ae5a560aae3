/**
 * What changed between two revisions, for people to read: one line a value, by its path. Long texts are cut, and at most CHANGES_MAX lines
 * are kept, as the whole documents are there for whoever needs every byte.
 */
import type { SettingChange } from "../contract/http-sites.ts";
import type { SiteSettings } from "../contract/site-settings.ts";

export const CHANGES_MAX = 200;
const VALUE_CHARS_MAX = 200;

export function settingChanges(before: SiteSettings, after: SiteSettings): readonly SettingChange[] {
  const old = leavesOf(before);
  const fresh = leavesOf(after);
  const changes: SettingChange[] = [];
  for (const path of new Set([...old.keys(), ...fresh.keys()])) {
    const [was, is] = [old.get(path) ?? null, fresh.get(path) ?? null];
    // Compared whole and cut afterwards: two long texts may differ behind the cut.
    if (was === is) continue;
    changes.push({ path, before: shown(was), after: shown(is) });
    if (changes.length >= CHANGES_MAX) break;
  }
  return changes;
}

type Leaf = string | number | boolean | null;

/** Values by path. An empty list or object is a value of its own, so that its coming and going is seen. */
function leavesOf(settings: SiteSettings): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) {
      leaves.set(path, value as Leaf);
      return;
    }
    const entries = Object.entries(value);
    if (entries.length === 0) leaves.set(path, Array.isArray(value) ? "[]" : "{}");
    for (const [key, inner] of entries) visit(inner, path === "" ? key : `${path}.${key}`);
  };
  visit(settings, "");
  return leaves;
}

function shown(value: Leaf): Leaf {
  if (typeof value !== "string" || value.length <= VALUE_CHARS_MAX) return value;
  return `${value.slice(0, VALUE_CHARS_MAX)}… (${value.length} characters)`;
}
