/**
 * One client connection over HTTP/1.1, from an address of its own, as cheap as it can be: requests are bytes that were built by the caller, one at a time, and
 * an answer is read no further than its caller wants. Node's own client would order and add header fields by itself, and what a client sends and in which order is
 * what the bench is about.
 */
import { connect, type Socket } from "node:net";

export type Answer = {
  readonly status: number;
  /** As it came, without the status line. */
  readonly head: string;
  /** Empty unless it was asked for. */
  readonly body: Buffer;
  readonly bytes: number;
};

export type WireOptions = { readonly port: number; readonly address: string; readonly timeoutMs: number };

const HEAD_END = Buffer.from("\r\n\r\n");
const CHUNKS_END = Buffer.from("\r\n0\r\n\r\n");
const NOTHING = Buffer.alloc(0);

export class Wire {
  readonly #options: WireOptions;
  readonly #socket: Socket;
  #parts: Buffer[] = [];
  #bytes = 0;
  #head: string | undefined;
  #headBytes = 0;
  /** Of the whole answer; -1 for chunked, -2 until the connection ends. */
  #expected = 0;
  #keepBody = false;
  #done: ((answer: Answer | Error) => void) | undefined;
  isOpen = true;
  isBusy = false;
  requests = 0;

  constructor(options: WireOptions) {
    this.#options = options;
    this.#socket = connect({
      host: "127.0.0.1",
      port: options.port,
      localAddress: options.address,
      noDelay: true,
    });
    this.#socket.on("data", (part: Buffer) => this.#take(part));
    this.#socket.on("error", (error) => this.#end(error));
    this.#socket.on("close", () => this.#end(new Error("closed")));
    this.#socket.setTimeout(options.timeoutMs, () => {
      this.#end(new Error("timeout"));
      this.#socket.destroy();
    });
  }

  /** `done` is called once: with the answer, or with why there is none. */
  send(
    request: string | Buffer,
    options: { readonly keepBody: boolean; readonly done: (answer: Answer | Error) => void },
  ): void {
    if (this.isBusy || !this.isOpen) throw new Error("This connection cannot take a request now.");
    this.isBusy = true;
    this.requests += 1;
    this.#keepBody = options.keepBody;
    this.#done = options.done;
    this.#socket.setTimeout(this.#options.timeoutMs);
    this.#socket.write(request);
  }

  close(): void {
    this.isOpen = false;
    this.#socket.destroy();
  }

  #take(part: Buffer): void {
    if (!this.isBusy) return;
    this.#bytes += part.length;
    if (this.#head === undefined) {
      this.#parts.push(part);
      if (!this.#readHead()) return;
    } else if (this.#keepBody || this.#expected === -1) this.#parts.push(part);
    const isWhole =
      this.#expected === -1 ? this.#endsChunks() : this.#expected >= 0 && this.#bytes >= this.#expected;
    if (isWhole) this.#finish();
  }

  #readHead(): boolean {
    const all = this.#parts.length === 1 ? (this.#parts[0] ?? NOTHING) : Buffer.concat(this.#parts);
    this.#parts = [all];
    const end = all.indexOf(HEAD_END);
    if (end < 0) {
      if (all.length > 64_000) this.close();
      return false;
    }
    const head = all.toString("latin1", 0, end + 2);
    this.#head = head;
    this.#headBytes = end + 4;
    const status = this.#status();
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (status === 204 || status === 304) this.#expected = this.#headBytes;
    else if (length !== undefined) this.#expected = this.#headBytes + Number(length);
    else this.#expected = /\r\ntransfer-encoding: *chunked/i.test(head) ? -1 : -2;
    return true;
  }

  #status(): number {
    return Number(this.#head?.slice(9, 12));
  }

  #endsChunks(): boolean {
    if (this.#parts.length > 8) this.#parts = [Buffer.concat(this.#parts)];
    const last = this.#parts.at(-1) ?? NOTHING;
    const tail = last.length >= CHUNKS_END.length ? last : Buffer.concat(this.#parts);
    return tail.subarray(-CHUNKS_END.length).equals(CHUNKS_END);
  }

  #finish(): void {
    const head = this.#head ?? "";
    const answer: Answer = {
      status: this.#status(),
      head: head.slice(head.indexOf("\r\n")),
      body: this.#keepBody ? this.#body() : NOTHING,
      bytes: this.#bytes,
    };
    if (this.#expected === -2 || /\r\nconnection: *close/i.test(head)) this.close();
    const done = this.#done;
    this.#parts = [];
    this.#bytes = 0;
    this.#head = undefined;
    this.#done = undefined;
    this.isBusy = false;
    done?.(answer);
  }

  #body(): Buffer {
    const raw = Buffer.concat(this.#parts).subarray(this.#headBytes);
    return this.#expected === -1 ? joinChunks(raw) : raw;
  }

  #end(error: Error): void {
    this.isOpen = false;
    if (!this.isBusy) return;
    if (this.#expected === -2 && this.#head !== undefined) {
      this.#finish();
      return;
    }
    this.isBusy = false;
    this.#done?.(error);
    this.#done = undefined;
  }
}

/** RFC 9112 §7.1, of an answer that is known to be whole. */
function joinChunks(raw: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = raw.indexOf("\r\n", at);
    if (line < 0) break;
    const size = Number.parseInt(raw.toString("latin1", at, line), 16);
    if (!(size > 0)) break;
    parts.push(raw.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return Buffer.concat(parts);
}

/** The first field of this name, or undefined. */
export function fieldOf(answer: Answer, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}: *([^\\r]*)`, "i").exec(answer.head)?.[1];
}
export function fieldsOf(answer: Answer, name: string): string[] {
  return [...answer.head.matchAll(new RegExp(`\\r\\n${name}: *([^\\r]*)`, "gi"))].map(
    (found) => found[1] ?? "",
  );
}
