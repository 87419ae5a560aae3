/**
 * `test [NAME]`: the whole suite, or the files whose path contains NAME. First the checks of the house (format, lint, types,
 * dead code), then every `*.test.ts` under src/ and test/, by name: a run that finds no file fails, and the number found is
 * printed. Each file runs in a process of its own, two at a time, and no longer than test/watchdog.ts allows.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import { buildConsole } from "./build-console.ts";
import { buildEdge } from "./build-edge.ts";
import { ROOT } from "./data-dir.ts";
import type { Verb } from "./verb.ts";

/** Fewer files than this means that the search is broken, not that the suite is small. */
const FILES_MIN = 40;
const CONCURRENCY = 2;

const CHECKS: readonly { readonly name: string; readonly bin: string; readonly args: readonly string[] }[] = [
  { name: "format", bin: "prettier", args: ["--check", "--log-level=warn", "."] },
  { name: "lint", bin: "oxlint", args: ["--deny-warnings", "src", "test", "bench"] },
  { name: "types", bin: "tsc", args: ["-p", "tsconfig.json"] },
  { name: "types of the console", bin: "tsc", args: ["-p", "src/console/tsconfig.json", "--noEmit"] },
  { name: "dead code", bin: "knip", args: ["--no-progress"] },
];

export const verb: Verb = async (args) => {
  const { positionals } = parseArgs({ args: [...args], options: {}, allowPositionals: true });
  const [name] = positionals;
  const all = globSync(["src/**/*.test.ts", "test/**/*.test.ts"], { cwd: ROOT }).sort();
  if (all.length < FILES_MIN) throw new Error(`found only ${all.length} test files: the search is broken`);
  const files = name === undefined ? all : all.filter((file) => file.includes(name));
  if (files.length === 0)
    throw new Fault(
      "input.invalid",
      `There is no test file whose path contains "${name}": give a part of one, like "ledger"`,
    );

  if (name === undefined) {
    for (const check of CHECKS) {
      const startedAt = performance.now();
      const { status } = spawnSync(`${ROOT}/node_modules/.bin/${check.bin}`, check.args, {
        cwd: ROOT,
        stdio: "inherit",
      });
      process.stdout.write(
        `${status === 0 ? "ok" : "NOT OK"}  ${check.name} (${Math.round(performance.now() - startedAt)} ms)\n`,
      );
      if (status !== 0) return 1;
    }
  }
  await buildEdge({ outDir: `${ROOT}/build/edge` });
  await buildConsole({ outDir: `${ROOT}/build/console` });
  process.stdout.write(`Running ${files.length} test files.\n`);
  const { status } = spawnSync(
    process.execPath,
    [
      "--test",
      `--test-concurrency=${CONCURRENCY}`,
      "--test-reporter=spec",
      `--import=${ROOT}/test/watchdog.ts`,
      ...files.map((file) => `${ROOT}/${file}`),
    ],
    { cwd: ROOT, stdio: "inherit", env: { ...process.env, NODE_ENV: "test" } },
  );
  return status ?? 1;
};
