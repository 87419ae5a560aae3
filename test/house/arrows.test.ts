import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import ts from "typescript";
import { ARROWS, PURE, PURE_PACKAGES, ROOMS, type Room } from "./arrows.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SRC = join(ROOT, "src");
/** Fewer than this means that the search is broken. */
const MODULES_MIN = 80;
const IMPORTS_MIN = 250;

type Import = { readonly from: string; readonly to: string };

const files = globSync("**/*.{ts,tsx}", { cwd: SRC })
  .filter((file) => !file.endsWith(".test.ts") && !file.endsWith("testing.ts") && !file.endsWith(".d.ts"))
  .sort();

/** What does not begin with a dot in the source: a package, a built-in, or a module that the bundler makes. */
const packages = new Set<string>();
function noted(name: string): string {
  packages.add(name);
  return name;
}

/** Every static and dynamic import of a file, as the compiler reads them. */
function importsOf(file: string): Import[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(SRC, file), "utf8"), true, true);
  return importedFiles.map(({ fileName }) => ({
    from: file,
    to: fileName.startsWith(".") ? relative(SRC, join(SRC, dirname(file), fileName)) : noted(fileName),
  }));
}
const imports = files.flatMap(importsOf);
const isPackage = (to: string): boolean => packages.has(to);
const roomOf = (path: string): Room => path.split("/")[0] as Room;
const within = (path: string, place: string): boolean => path === place || path.startsWith(`${place}/`);

test("the search sees the house: rooms, modules and imports", () => {
  assert.ok(files.length >= MODULES_MIN, `${files.length} modules`);
  assert.ok(imports.length >= IMPORTS_MIN, `${imports.length} imports`);
  for (const file of files) assert.ok(ROOMS.includes(roomOf(file)), `${file} is in no room`);
});

test("a room imports only what the table of arrows allows", () => {
  const wrong = imports.filter(({ from, to }) => {
    if (isPackage(to)) return false;
    if (to.startsWith("..")) return true;
    return roomOf(from) !== roomOf(to) && !ARROWS[roomOf(from)].some((place) => within(to, place));
  });
  assert.deepEqual(wrong, []);
});

test("pure parts import no I/O and no other room", () => {
  const seen = new Set<string>();
  const wrong = imports.filter(({ from, to }) => {
    const pure = Object.keys(PURE).find((place) => within(from, place));
    if (pure === undefined) return false;
    seen.add(pure);
    if (isPackage(to)) return !PURE_PACKAGES.includes(to);
    return !within(to, pure) && !(PURE[pure] ?? []).some((place) => within(to, place));
  });
  assert.deepEqual(wrong, []);
  assert.deepEqual([...seen].sort(), Object.keys(PURE).sort());
});

test("SQL lives in the store alone", () => {
  const sql =
    /\b(select\s+[\w.*"]+\s*(,|from\b)|insert\s+into\s+\w|update\s+\w+\s+set\b|delete\s+from\s+\w)/i;
  const wrong = files.filter(
    (file) =>
      roomOf(file) !== "store" &&
      roomOf(file) !== "console" &&
      sql.test(readFileSync(join(SRC, file), "utf8")),
  );
  assert.deepEqual(wrong, []);
});
