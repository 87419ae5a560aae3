import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const tracked = execFileSync("git", ["ls-files"], { cwd: ROOT, encoding: "utf8" })
  .trim()
  .split("\n")
  .filter((file) => existsSync(join(ROOT, file)));
const sources = tracked.filter((file) => /^(src|test|bench)\/.*\.tsx?$/.test(file));
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

const LINES_MAX = 600;
/** Tables of words and of examples: one entry a line, with nothing to understand between them. */
const TABLES = /^src\/console\/(words\/(english|french)|mock\/fixtures)\.ts$/;

test("the search sees the tracked files", () => assert.ok(sources.length > 100, `${sources.length} sources`));

test("files are kebab-case, and no file or folder has a name that says nothing", () => {
  const nothing = /^(utils?|common|helpers?|misc|shared|index)$/;
  const wrong = sources.filter((file) => {
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*\.tsx?$/.test(basename(file))) return true;
    return file.split("/").some((part) => nothing.test(part.replace(/\.[^.]+$/, "")));
  });
  assert.deepEqual(wrong, []);
});

test("the request path trims in the time that the text's length takes", () => {
  const path = sources.filter((file) => file.startsWith("src/edge/") && !file.endsWith(".test.ts"));
  assert.ok(path.length > 100);
  assert.deepEqual(
    path.filter((file) => /\.trim(Start|End)?\(/.test(read(file))),
    [],
    "use edge/trimmed.ts",
  );
});

test("files hold one idea: none is longer than a few hundred lines", () => {
  assert.deepEqual(
    sources
      .filter((file) => !TABLES.test(file))
      .map((file) => `${file} ${read(file).split("\n").length}`)
      .filter((line) => Number(line.split(" ")[1]) > LINES_MAX),
    [],
  );
});

test("a source file of the house begins by saying what it is for", () => {
  const wrong = sources.filter(
    (file) =>
      file.startsWith("src/") && !file.endsWith(".test.ts") && !/^(#!.*\n)?(\/\/|\/\*\*?)/.test(read(file)),
  );
  assert.deepEqual(wrong, []);
});

test("no test is switched off, focused or left to do, and no code is left open", () => {
  const off = new RegExp(String.raw`\b(it|test|describe)\.(only|skip|todo)\(`);
  const open = new RegExp(
    ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].map((word) => String.raw`\b${word}\b`).join("|"),
  );
  assert.deepEqual(
    sources.filter((file) => off.test(read(file))),
    [],
  );
  assert.deepEqual(
    sources.filter((file) => file.startsWith("src/") && open.test(read(file))),
    [],
  );
});

test("the lock file records no download addresses", () => {
  assert.equal(/"resolved": *"http/.test(read("package-lock.json")), false);
});

test("every dependency has its line, with licence and reason", () => {
  const manifest = JSON.parse(read("package.json")) as Record<string, Record<string, string>>;
  const text = read("docs/decisions/dependencies.md");
  const names = ["dependencies", "devDependencies", "optionalDependencies"].flatMap((kind) =>
    Object.keys(manifest[kind] ?? {}),
  );
  const launcher = read("parapet");
  const debian = [...launcher.matchAll(/^(?:run|test)_packages="([^"]+)"/gm)].flatMap((match) =>
    (match[1] ?? "").split(" "),
  );
  assert.ok(names.length > 30 && debian.length > 8);
  assert.deepEqual(
    [...names, ...debian].filter((name) => !text.includes(`| \`${name}\` |`)),
    [],
  );
});

test("documents link to files that exist", () => {
  const documents = tracked.filter((file) => file.endsWith(".md"));
  assert.ok(documents.length >= 5, `${documents.length} documents`);
  const broken = documents.flatMap((file) =>
    [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map((match) => join(ROOT, file, "..", match[1] ?? ""))
      .filter((target) => !existsSync(target))
      .map((target) => `${file} -> ${target}`),
  );
  assert.deepEqual(broken, []);
});
