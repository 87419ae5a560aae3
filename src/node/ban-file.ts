/**
 * The bans of a node on disk: a file of lines, each a record with a checksum before it, to which changes are added. What was added survives the death of this
 * process at any moment; a power cut may take the last seconds. A line that is cut off or changed is left out, and the others count. When the file
 * holds much more than what is in force it is written anew beside itself, flushed and renamed, so that it never grows without bound.
 */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, renameSync, statSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BanRecord } from "../contract/ban.ts";
import { readBanRecord } from "./ban-record.ts";

/** Far more than the bans that a node holds fill; a larger file is not read. */
const FILE_BYTES_MAX = 256 * 1024 * 1024;
const SPARE_LINES = 2000;

export class BanFile {
  readonly path: string;
  #lines = 0;
  /** What came while the file is written anew. */
  #meanwhile: BanRecord[] | null = null;

  constructor(stateDir: string) {
    this.path = join(stateDir, "bans.log");
  }

  /** The last word on each ban, and how many lines were no record. Throws the system's error when there is a file and it cannot be read. */
  load(): { readonly records: readonly BanRecord[]; readonly broken: number } {
    if (!existsSync(this.path)) return { records: [], broken: 0 };
    if (statSync(this.path).size > FILE_BYTES_MAX)
      throw new Error(`it has more than ${FILE_BYTES_MAX} bytes`);
    const lines = readFileSync(this.path, "utf8").split("\n");
    const records = new Map<string, BanRecord>();
    let broken = 0;
    for (const line of lines) {
      if (line === "") continue;
      this.#lines += 1;
      const record = decodeLine(line);
      if (record === null) broken += 1;
      else records.set(record.banId, record);
    }
    return { records: [...records.values()], broken };
  }

  /** Throws the system's error, for example ENOSPC. */
  add(records: readonly BanRecord[]): void {
    // A line that an earlier crash cut off must not swallow this one.
    appendFileSync(this.path, `\n${records.map(encodeLine).join("\n")}\n`, { mode: 0o600 });
    this.#lines += records.length;
    this.#meanwhile?.push(...records);
  }

  isLong(inForce: number): boolean {
    return this.#lines > inForce * 2 + SPARE_LINES;
  }

  /** Resolves when these are on disk and would survive a power cut, with whatever was added meanwhile behind them. One at a time. */
  async writeAnew(records: readonly BanRecord[]): Promise<void> {
    const fresh = `${this.path}.new`;
    const text = records.map((record) => `${encodeLine(record)}\n`).join("");
    this.#meanwhile = [];
    try {
      const file = await open(fresh, "w", 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      // If we crash here, the old file stands with all it had.
      renameSync(fresh, this.path);
      this.#lines = records.length;
      const added = this.#meanwhile;
      this.#meanwhile = null;
      if (added.length > 0) this.add(added);
    } catch (error) {
      await rm(fresh, { force: true }).catch(() => undefined);
      throw error;
    } finally {
      this.#meanwhile = null;
    }
  }
}

function encodeLine(record: BanRecord): string {
  const json = JSON.stringify(record);
  return `${checksum(json)} ${json}`;
}

function decodeLine(line: string): BanRecord | null {
  const json = line.slice(17);
  if (line.charAt(16) !== " " || checksum(json) !== line.slice(0, 16)) return null;
  try {
    const parsed = readBanRecord(JSON.parse(json));
    return parsed.ok ? parsed.value : null;
  } catch {
    return null;
  }
}

function checksum(json: string): string {
  return createHash("sha256").update(json).digest("hex").slice(0, 16);
}
