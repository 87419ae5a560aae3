import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { FIELDS } from "../../src/cli/settings.ts";
import { FAULT_STATUS } from "../../src/contract/fault.ts";
import { REASON_STATUS } from "../../src/contract/verdict.ts";

// What the documents say can be typed, set and answered has to exist.

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const documents = execFileSync("git", ["ls-files", "*.md"], { cwd: ROOT, encoding: "utf8" })
  .trim()
  .split("\n");
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const verbs = [...read("src/cli/main.ts").matchAll(/^ {2}(\w+): \{/gm)].map((match) => match[1]);

test("every command in the documents is a verb of the command line", () => {
  assert.ok(verbs.length >= 12, verbs.join());
  const typed = documents.flatMap((file) =>
    [...read(file).matchAll(/\.\/parapet ([a-z]+)/g)].map((match) => `${file}: ${match[1]}`),
  );
  assert.ok(typed.length >= 10);
  assert.deepEqual(
    typed.filter((line) => ![...verbs, "install"].includes(line.split(": ")[1])),
    [],
  );
});

test("every file that a document names is there", () => {
  const named = documents.flatMap((file) =>
    [...read(file).matchAll(/`((?:src|test|bench|docs)\/[\w./-]+)`/g)].map(([, path = ""]) => ({
      file,
      path,
    })),
  );
  assert.ok(named.length >= 50, String(named.length));
  assert.deepEqual(
    named.filter(({ path }) => !existsSync(join(ROOT, path))),
    [],
  );
});

test("every setting in the documents exists, and its example is accepted", () => {
  const blocks = documents.flatMap((file) =>
    [...read(file).matchAll(/```json\n(\{[\s\S]*?\n\})\n```/g)].map((match) => match[1] ?? ""),
  );
  const settings = blocks
    .map((block) => JSON.parse(block) as Record<string, unknown>)
    .filter((block) => "edgeListen" in block);
  assert.ok(settings.length >= 1);
  for (const block of settings) {
    for (const [key, value] of Object.entries(block)) {
      const field = FIELDS[key as keyof typeof FIELDS];
      assert.ok(field, `there is no setting "${key}"`);
      assert.ok("value" in field.parse(value), key);
    }
  }
});

test("every code in the documents is one that can be answered, or one of an alarm", () => {
  const known: Record<string, unknown> = { ...FAULT_STATUS, ...REASON_STATUS };
  for (const code of alarmCodes()) known[code] = true;
  const families = new Set(Object.keys(known).map((code) => code.split(".")[0]));
  const named = documents.flatMap((file) =>
    [...read(file).matchAll(/`([a-z]+\.[a-z-]+)`/g)].map((match) => match[1] ?? ""),
  );
  const codes = named.filter(
    (code) => families.has(code.split(".")[0]) && !/\.(ts|md|log|key|json|conf)$/.test(code),
  );
  assert.deepEqual(
    codes.filter((code) => !(code in known)),
    [],
  );
});

/** The codes of alarms that edge nodes raise, as their source names them. */
function alarmCodes(): readonly string[] {
  const files = execFileSync("git", ["ls-files", "src/node/*.ts"], { cwd: ROOT, encoding: "utf8" });
  const codes = files
    .trim()
    .split("\n")
    .filter((file) => !file.endsWith(".test.ts"))
    .flatMap((file) => [
      ...read(file).matchAll(/\b(?:alarm|alarmOnce|onAlarm|tell)\(\s*"([a-z]+\.[a-z-]+)"/g),
    ])
    .map((match) => match[1] ?? "");
  assert.ok(codes.length >= 15, codes.join());
  return codes;
}
