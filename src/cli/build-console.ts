/**
 * Builds the staff console with Vite into `outDir`, once: a stamp over every input (the console's and the contract's source, the
 * lockfile) is kept beside the files, and an unchanged input builds nothing. The build goes to a folder of its own and is moved into
 * place whole, so that a crash or a second build at the same time never leaves half a console.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CONSOLE_DIR = join(ROOT, "src/console");
const STAMP = ".stamp";

/** Files that no browser gets: they do not change the build. */
const isInput = (path: string): boolean =>
  !path.endsWith(".test.ts") && !path.startsWith("src/console/mock/");

async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** SHA-256 over names and contents of all inputs. */
async function stampOfInputs(): Promise<string> {
  const paths = [
    ...(await filesBelow(CONSOLE_DIR)),
    ...(await filesBelow(join(ROOT, "src/contract"))),
    join(ROOT, "package-lock.json"),
    fileURLToPath(import.meta.url),
  ];
  const hash = createHash("sha256");
  let seen = 0;
  for (const path of paths) {
    const name = relative(ROOT, path);
    if (!isInput(name)) continue;
    const bytes = await readFile(path);
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
    seen++;
  }
  if (seen < 20) throw new Error(`Console has only ${seen} input files: the source tree is incomplete`);
  return hash.digest("hex");
}

const countFiles = async (dir: string): Promise<number> =>
  (await filesBelow(dir)).filter((path) => relative(dir, path) !== STAMP).length;

/** `files` counts what a browser can be served. `built` is false when the stamp said that nothing changed. */
export async function buildConsole(input: {
  readonly outDir: string;
}): Promise<{ readonly files: number; readonly built: boolean }> {
  const outDir = resolve(input.outDir);
  const stamp = await stampOfInputs();
  const stampPath = join(outDir, STAMP);
  if (existsSync(stampPath) && readFileSync(stampPath, "utf8") === `${stamp} ${await countFiles(outDir)}\n`)
    return { files: await countFiles(outDir), built: false };

  const { build } = await import("vite");
  await mkdir(dirname(outDir), { recursive: true });
  const fresh = `${outDir}.building-${process.pid}`;
  await rm(fresh, { recursive: true, force: true });
  try {
    await build({
      configFile: join(CONSOLE_DIR, "vite.config.ts"),
      configLoader: "native",
      mode: "production",
      logLevel: "warn",
      build: { outDir: fresh },
    });
    const files = await countFiles(fresh);
    await writeFile(join(fresh, STAMP), `${stamp} ${files}\n`);
    // A crash between these two leaves no console at all, and the next start builds it again.
    await rm(outDir, { recursive: true, force: true });
    await rename(fresh, outDir);
    return { files, built: true };
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}
