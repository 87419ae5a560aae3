/**
 * Compiles the request path (src/edge and the constants it shares with the control plane) from TypeScript to Lua. Warnings
 * are errors. When nothing changed since the last build it returns at once: a stamp beside the output holds a hash of all inputs and of the
 * compiler's version. Files are replaced one by one and the stamp comes last, so a build that dies half-way is done again.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Fault } from "../contract/fault.ts";

const SRC = fileURLToPath(new URL("../", import.meta.url));
const CONFIG = join(SRC, "edge", "tsconfig.json");
const STAMP = ".stamp";
/** Reached by `import type` alone, and not expressible in Lua: neither emitted nor complained about. */
const TYPES_ONLY = ["contract/ids.ts"];

/** Builds into `outDir` and says how many Lua files stand there. */
export async function buildEdge(options: { readonly outDir: string }): Promise<{ files: number }> {
  const stamp = stampOf(inputs());
  const known = readStamp(options.outDir);
  if (known !== null && known.hash === stamp) return { files: known.files };

  // Loaded here, as the compiler takes half a second that a start without changes can save.
  const tstl = await import("typescript-to-lua");
  const ts = (await import("typescript")).default;
  const emitted = new Map<string, string>();
  const outDir = join(options.outDir, ".");
  const result = tstl.transpileProject(CONFIG, { outDir, rootDir: SRC }, (name, text) => {
    const module = relative(outDir, name);
    if (!TYPES_ONLY.includes(module.replace(/\.lua$/, ".ts"))) emitted.set(module, text);
  });
  const diagnostics = result.diagnostics.filter(
    ({ file }) => file === undefined || !TYPES_ONLY.includes(relative(SRC, file.fileName)),
  );
  if (diagnostics.length > 0) {
    const text = ts.formatDiagnostics(diagnostics, {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => SRC,
      getNewLine: () => "\n",
    });
    throw new Fault(
      "machine.incomplete",
      "The request path does not compile: the compiler's words are in the cause",
      {
        cause: text,
      },
    );
  }
  if (emitted.size === 0) throw new Error("The compiler emitted nothing.");
  for (const [name, text] of emitted) {
    for (const source of TYPES_ONLY) {
      const wanted = `require("${source.replace(/\.ts$/, "").replaceAll("/", ".")}")`;
      if (text.includes(wanted))
        throw new Error(`"${name}" needs "${source}", which does not compile to Lua.`);
    }
  }
  for (const [name, text] of emitted) writeWhole(join(outDir, name), text);
  for (const stale of filesBelow(outDir)) {
    const name = relative(outDir, stale);
    if (name.endsWith(".lua") && !emitted.has(name)) rmSync(stale, { force: true });
  }
  writeWhole(join(outDir, STAMP), JSON.stringify({ hash: stamp, files: emitted.size }));
  return { files: emitted.size };
}

function inputs(): string[] {
  return [...filesBelow(join(SRC, "edge")), ...filesBelow(join(SRC, "contract"))]
    .filter((name) => !name.endsWith(".test.ts"))
    .sort();
}

function stampOf(files: readonly string[]): string {
  const version: unknown = createRequire(import.meta.url)("typescript-to-lua/package.json").version;
  const hash = createHash("sha256").update(String(version));
  for (const file of files) hash.update(`\0${relative(SRC, file)}\0`).update(readFileSync(file));
  return hash.digest("hex");
}

function readStamp(outDir: string): { hash: string; files: number } | null {
  try {
    const { hash, files } = JSON.parse(readFileSync(join(outDir, STAMP), "utf8")) as Record<string, unknown>;
    const present = filesBelow(outDir).filter((name) => name.endsWith(".lua")).length;
    return typeof hash === "string" && files === present ? { hash, files: present } : null;
  } catch {
    return null; // No stamp, or a broken one: build.
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, text);
  renameSync(fresh, path);
}
