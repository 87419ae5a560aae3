/**
 * `parapet verify SOURCE --vkey VKEY`: checks a published log, from a folder or over HTTP, and says in plain words what was found.
 * Needs nothing of a running instance: whoever has the address and the key can run it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import {
  PUBLISHED_BYTES_MAX,
  verifyLogFiles,
  type LogVerdict,
  type VerifyOptions,
} from "../ledger/verify-log.ts";

const HTTP_TIMEOUT_MS = 30_000;

/** Where the verb writes. */
export type VerifyIo = { readonly out: (text: string) => void; readonly error: (text: string) => void };

const USAGE = "Usage: parapet verify FOLDER|URL --vkey NAME+ID+KEY [--since CHECKPOINT-FILE] [--json]";

/** Verifies the log below `source`, a folder or an http(s) prefix. Throws a Fault when the source cannot be read at all. */
export async function verifyLog(source: string, options: VerifyOptions): Promise<LogVerdict> {
  return verifyLogFiles(/^https?:\/\//.test(source) ? httpReader(source) : folderReader(source), options);
}

/** The verb. Returns the exit code: 0 verified, 1 not verified, 2 not understood. */
export async function verify(args: readonly string[], io: VerifyIo): Promise<number> {
  const parsed = readArgs(args);
  if (parsed === null) {
    io.error(`${USAGE}\n`);
    return 2;
  }
  const older = parsed.since === undefined ? {} : { older: await readNote(parsed.since) };
  const verdict = await verifyLog(parsed.source, { vkey: parsed.vkey, ...older });
  io.out(parsed.json ? `${JSON.stringify(verdict)}\n` : describe(verdict, parsed.since !== undefined));
  return verdict.ok ? 0 : 1;
}

/** The verdict as a person reads it. */
export function describe(verdict: LogVerdict, comparedWithOlder = false): string {
  const lines: string[] = [];
  if (verdict.ok) {
    lines.push(`The log "${verdict.origin}" is whole: all ${verdict.size} entries are as they were signed.`);
  } else {
    lines.push(`The log${verdict.origin === "" ? "" : ` "${verdict.origin}"`} does NOT verify:`);
    lines.push(...verdict.problems.map((problem) => `  - ${problem}`));
  }
  if (verdict.entries > 0) {
    const kinds = Object.entries(verdict.kinds).filter(([, count]) => count > 0);
    lines.push(
      `Read ${verdict.entries} entries of ${verdict.cases} cases, ${verdict.firstDay} to ${verdict.lastDay}:`,
    );
    lines.push(...kinds.map(([kind, count]) => `  ${String(count).padStart(7)}  ${kind}`));
  }
  if (verdict.ok && comparedWithOlder) lines.push("It still contains the older checkpoint that you gave.");
  if (verdict.ok) {
    lines.push(
      "This shows that nothing was changed or removed. It cannot show that everything was logged, nor that you were",
      "shown the same log as others: compare the checkpoint with somebody else's.",
    );
  }
  return `${lines.join("\n")}\n`;
}

function readArgs(
  args: readonly string[],
): { source: string; vkey: string; since: string | undefined; json: boolean } | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        vkey: { type: "string" },
        since: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const [source, ...more] = positionals;
    if (source === undefined || more.length > 0 || values.vkey === undefined) return null;
    return { source, vkey: values.vkey, since: values.since, json: values.json };
  } catch {
    return null;
  }
}

async function readNote(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new Fault("input.invalid", `Cannot read the older checkpoint "${path}": give the file you kept`, {
      cause,
    });
  }
}

function folderReader(folder: string): (path: string) => Promise<Uint8Array | null> {
  return async (path) => {
    try {
      return new Uint8Array(await readFile(join(folder, path)));
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
      throw error;
    }
  };
}

function httpReader(prefix: string): (path: string) => Promise<Uint8Array | null> {
  const base = prefix.replace(/\/+$/, "");
  return async (path) => {
    const url = `${base}/${path}`;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(HTTP_TIMEOUT_MS) });
      if (response.status === 404 || response.status === 410) {
        await response.body?.cancel();
        return null;
      }
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
      return await readBounded(response.body);
    } catch (cause) {
      throw new Fault("input.invalid", `Cannot read ${url}: check the address and that the server answers`, {
        cause,
      });
    }
  };
}

async function readBounded(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > PUBLISHED_BYTES_MAX) throw new Error(`more than ${PUBLISHED_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}
