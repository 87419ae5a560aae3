/**
 * A change of a site's settings, before it is saved: the whole document as it was read (`base`) and as it is wanted (`wanted`). Values are
 * named by paths like "cache.rules.0.action", as the server names them in its answers. Pure: nothing here knows of screens. A list counts
 * as one thing when two people's changes meet, since its rows have no names by which they could be told apart.
 */
import type { SettingChange } from "../../contract/http-sites.ts";
import type { SiteSettings } from "../../contract/site-settings.ts";

export type Draft = {
  readonly revision: number;
  readonly base: SiteSettings;
  readonly wanted: SiteSettings;
};

type Tree = { readonly [key: string]: unknown };
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null;

/** The value at a path; undefined where the document has nothing. */
export function valueAt(document: unknown, path: string): unknown {
  let here: unknown = document;
  for (const key of path.split(".")) {
    if (!isTree(here) || !Object.hasOwn(here, key)) return undefined;
    here = here[key];
  }
  return here;
}

function withIn(here: unknown, keys: readonly string[], value: unknown): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  if (!isTree(here) || !Object.hasOwn(here, key)) throw new Error(`The settings have nothing named "${key}"`);
  const inner = withIn(here[key], rest, value);
  return Array.isArray(here)
    ? here.map((each: unknown, i) => (String(i) === key ? inner : each))
    : { ...here, [key]: inner };
}

/** The same document with another value at a path that it has. The given one stays as it is. */
export function withValueAt<Document>(document: Document, path: string, value: unknown): Document {
  return withIn(document, path.split("."), value) as Document;
}

function leavesOf(document: unknown): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  const visit = (value: unknown, path: string): void => {
    if (!isTree(value)) return void leaves.set(path, value);
    const entries = Object.entries(value);
    if (entries.length === 0) leaves.set(path, Array.isArray(value) ? "[]" : "{}");
    for (const [key, inner] of entries) visit(inner, path === "" ? key : `${path}.${key}`);
  };
  visit(document, "");
  return leaves;
}

/** What changed between two documents, one line a value, in the order of the document. */
export function changesBetween(before: unknown, after: unknown): readonly SettingChange[] {
  const old = leavesOf(before);
  const fresh = leavesOf(after);
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .filter((path) => !Object.is(old.get(path) ?? null, fresh.get(path) ?? null))
    .map((path) => ({ path, before: old.get(path) ?? null, after: fresh.get(path) ?? null }));
}

const same = (a: unknown, b: unknown): boolean => changesBetween({ a }, { a: b }).length === 0;

/**
 * My changes on top of what somebody else saved meanwhile. `clashes` are the values that both changed, to different things: mine stand in
 * the answer, and the screen says so before anything is saved.
 */
export function rebase<Document>(input: {
  readonly base: Document;
  readonly mine: Document;
  readonly theirs: Document;
}): { readonly merged: Document; readonly clashes: readonly string[] } {
  const clashes: string[] = [];
  const merge = (base: unknown, mine: unknown, theirs: unknown, path: string): unknown => {
    if (same(base, mine)) return theirs;
    const trees = [base, mine, theirs];
    if (trees.every((each) => isTree(each) && !Array.isArray(each))) {
      const [b, m, t] = trees as [Tree, Tree, Tree];
      return Object.fromEntries(
        Object.keys(m).map((key) => [
          key,
          merge(b[key], m[key], t[key], path === "" ? key : `${path}.${key}`),
        ]),
      );
    }
    if (!same(base, theirs) && !same(mine, theirs)) clashes.push(path);
    return mine;
  };
  return { merged: merge(input.base, input.mine, input.theirs, "") as Document, clashes };
}

/** Paths that hold no number where one belongs: a field that was emptied or holds letters. */
export function unreadNumbers(document: unknown): readonly string[] {
  return [...leavesOf(document)].filter(([, value]) => Number.isNaN(value)).map(([path]) => path);
}

/** Whether a fault at `field` belongs at the input of `path`: at the very value, or within a list that one input holds. */
export const isWithin = (field: string, path: string): boolean =>
  field === path || field.startsWith(`${path}.`);

/** What the server said about one input, all its sentences together; null when it said nothing. */
export function faultAt(fields: Readonly<Record<string, string>>, path: string): string | null {
  const found = Object.entries(fields)
    .map(([name, why]) => [name.replace(/^settings\./, ""), why] as const)
    .filter(([name]) => isWithin(name, path))
    .map(([, why]) => why);
  return found.length === 0 ? null : [...new Set(found)].join(" ");
}

/** A value as one line for the difference: text in quotes, nothing as a dash, long text cut. */
export function plainValue(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string" && value !== "[]" && value !== "{}") {
    const cut = value.length > 120 ? `${value.slice(0, 120)}…` : value;
    return JSON.stringify(cut);
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value as string | number | boolean);
}

/** A row of a list one place up or down; the same list at its ends. */
export function moved<T>(rows: readonly T[], at: number, by: 1 | -1): readonly T[] {
  const other = at + by;
  const [a, b] = [rows[at], rows[other]];
  if (a === undefined || b === undefined) return rows;
  return rows.map((row, i) => (i === at ? b : i === other ? a : row));
}
