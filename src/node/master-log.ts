/**
 * What nginx's master says of a reload. It tells nobody but its error log that it kept the configuration before, so the log is read from a mark that
 * is set before the signal: a line of this master's own, of the level [emerg] or of Lua that did not load, is why. Lines of workers are
 * none of it. Reads what is new in bounded pieces; a log that was cut meanwhile is read from its beginning.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const PIECE_BYTES = 256 * 1024;
const LINE_CHARS_MAX = 4096;
const WHY_CHARS_MAX = 300;

export class MasterLog {
  readonly #path: string;
  readonly #line: RegExp;
  #at: number;
  #rest = "";

  /** Marks the end of the log as it is now. */
  constructor(path: string, pid: number) {
    this.#path = path;
    this.#line = new RegExp(`^[0-9/]{10} [0-9:]{8} \\[(emerg|error)\\] ${pid}#\\d+: (.*)$`);
    this.#at = this.#read((fd) => fstatSync(fd).size) ?? 0;
  }

  /** Why the master did not take the configuration, as far as it has said so by now; else null. */
  whyRefused(): string | null {
    const lines = this.#newLines();
    for (const [i, line] of lines.entries()) {
      const [, level, said = ""] = this.#line.exec(line) ?? [];
      const isWhy =
        level === "emerg" ? !said.startsWith("bind() to ") : said.startsWith("init_by_lua error: ");
      // A port that is taken for a moment is tried again, and only then given up with a line of its own.
      if (!isWhy) continue;
      // Lua says the file on one line and the fault on the next, which is set in.
      const next = lines[i + 1] ?? "";
      return (next.startsWith("\t") ? `${said} ${next.trim()}` : said).slice(0, WHY_CHARS_MAX);
    }
    return null;
  }

  #newLines(): readonly string[] {
    const text = this.#read((fd) => {
      const { size } = fstatSync(fd);
      if (size < this.#at) this.#at = 0;
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, size - this.#at));
      const bytes = readSync(fd, piece, 0, piece.length, this.#at);
      this.#at += bytes;
      return piece.toString("latin1", 0, bytes);
    });
    const lines = (this.#rest + (text ?? "")).split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, LINE_CHARS_MAX);
    return lines;
  }

  /** Null when there is no log to read: the reload then takes its time and says less. */
  #read<Value>(look: (fd: number) => Value): Value | null {
    try {
      const fd = openSync(this.#path, "r");
      try {
        return look(fd);
      } finally {
        closeSync(fd);
      }
    } catch {
      return null;
    }
  }
}
