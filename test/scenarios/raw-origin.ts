/**
 * An origin that trusts nobody: it keeps every byte of every connection and reads them with a parser of its own, as strict as RFC 9112
 * lets one be. What it cannot read in exactly one way it writes down as a breach and closes the connection. Scenarios ask it what came
 * through the edge, and whether any connection lost step. The parser shares no line with nginx or Node.
 */
import { createServer, type Server, type Socket } from "node:net";

export type RawRequest = {
  readonly method: string;
  readonly target: string;
  /** In order, names as they were sent. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** The bytes of the head, final empty line included. */
  readonly head: string;
  /** Which connection it came on, counted from 0. */
  readonly connection: number;
};

export type RawParse =
  | { readonly state: "request"; readonly request: Omit<RawRequest, "connection">; readonly used: number }
  | { readonly state: "more" }
  | { readonly state: "breach"; readonly why: string };

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// oxlint-disable-next-line no-control-regex -- that is the point
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21\x22\x24-\x7e\x80-\xff]+$/;
/** The edge speaks 1.1 to origins; visitors may say any 1.x. */
const VERSIONS = { refused: /^HTTP\/1\.1$/, read: /^HTTP\/1\.\d$/ };
const HEAD_BYTES_MAX = 256 * 1024;

/** Reads one request from the beginning of `bytes`. Chunks are a breach where nobody should send them. */
export function parseStrictly(bytes: Buffer, chunks: "refused" | "read" = "refused"): RawParse {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) {
    if (bytes.length > HEAD_BYTES_MAX) return { state: "breach", why: "The head does not end" };
    const early = whyLinesBroken(bytes.toString("latin1").replace(/\r$/, ""));
    return early === null ? { state: "more" } : { state: "breach", why: early };
  }
  const head = bytes.subarray(0, end + 4).toString("latin1");
  const broken = whyLinesBroken(head);
  if (broken !== null) return { state: "breach", why: broken };
  const [first = "", ...lines] = head.slice(0, -4).split("\r\n");
  const parts = first.split(" ");
  const [method = "", target = "", version = ""] = parts;
  if (parts.length !== 3 || !TOKEN.test(method) || !TARGET.test(target) || !VERSIONS[chunks].test(version)) {
    return { state: "breach", why: `The request line ${JSON.stringify(first.slice(0, 200))}` };
  }
  const fields: [string, string][] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    if (colon < 1 || !TOKEN.test(name) || !VALUE.test(value)) {
      return { state: "breach", why: `The field line ${JSON.stringify(line.slice(0, 200))}` };
    }
    fields.push([name, value]);
  }
  const of = (name: string): string[] =>
    fields.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
  if (of("host").length !== 1) return { state: "breach", why: `${of("host").length} Host fields` };
  const codings = of("transfer-encoding");
  const lengths = of("content-length");
  if (lengths.length > 1 || !/^\d{0,15}$/.test(lengths[0] ?? "")) {
    return { state: "breach", why: `Content-Length ${lengths.join(" | ")}` };
  }
  if (codings.length > 0) {
    const sound = codings.length === 1 && codings[0]?.toLowerCase() === "chunked" && lengths.length === 0;
    if (!sound || chunks === "refused") {
      return { state: "breach", why: `A Transfer-Encoding: ${codings.join(" | ")}` };
    }
    const read = readChunks(bytes, end + 4);
    if (read === null) return { state: "breach", why: "Chunks that are none" };
    return { state: "request", used: read.used, request: { method, target, fields, head, body: read.body } };
  }
  const used = end + 4 + Number(lengths[0] ?? 0);
  if (bytes.length < used) return { state: "more" };
  return {
    state: "request",
    used,
    request: { method, target, fields, head, body: bytes.subarray(end + 4, used) },
  };
}

/** RFC 9112 §7.1 to the letter, without extensions and trailers. Null: it is not, or not whole. */
function readChunks(bytes: Buffer, from: number): { used: number; body: Buffer } | null {
  const parts: Buffer[] = [];
  let at = from;
  for (;;) {
    const size = /^([0-9A-Fa-f]{1,8})\r\n/.exec(bytes.subarray(at, at + 12).toString("latin1"));
    if (size === null) return null;
    at += size[0].length;
    const length = Number.parseInt(size[1] ?? "", 16);
    const part = bytes.subarray(at, at + length);
    if (part.length !== length || bytes.subarray(at + length, at + length + 2).toString("latin1") !== "\r\n")
      return null;
    at += length + 2;
    if (length === 0) return { used: at, body: Buffer.concat(parts) };
    parts.push(part);
  }
}

function whyLinesBroken(text: string): string | null {
  const head = text.split("\r\n\r\n")[0] ?? "";
  if (/(^|[^\r])\n/.test(head)) return "A bare LF in the head";
  if (/\r(?!\n|$)/.test(head)) return "A bare CR in the head";
  if (/\r\n[ \t]/.test(head)) return "A folded field line";
  // oxlint-disable-next-line no-control-regex -- that is the point
  if (/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(head)) return "A control character in the head";
  return null;
}

export type RawOrigin = {
  readonly port: number;
  readonly requests: RawRequest[];
  readonly breaches: string[];
  /** Every byte that came, all connections in one. */
  readonly bytesSeen: () => string;
  connections: number;
  forget(): void;
  end(): Promise<void>;
};

/** `answer` writes the whole answer to the socket; the default is a short 200 that says which request it answers. */
export async function openRawOrigin(
  answer: (request: RawRequest, socket: Socket) => void = answerPlainly,
): Promise<RawOrigin> {
  const sockets = new Set<Socket>();
  let parts: Buffer[] = [];
  const origin: RawOrigin = {
    port: 0,
    requests: [],
    breaches: [],
    bytesSeen: () => Buffer.concat(parts).toString("latin1"),
    connections: 0,
    forget() {
      origin.requests.length = 0;
      origin.breaches.length = 0;
      parts = [];
    },
    end: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  const server: Server = createServer((socket) => {
    const connection = origin.connections++;
    sockets.add(socket);
    let rest = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      sockets.delete(socket);
      // A request that was begun and never ended is one that the edge should not have begun.
      if (rest.length > 0)
        origin.breaches.push(`Half a request: ${JSON.stringify(rest.toString("latin1").slice(0, 200))}`);
    });
    socket.on("data", (bytes: Buffer) => {
      parts.push(bytes);
      rest = Buffer.concat([rest, bytes]);
      while (rest.length > 0) {
        const parsed = parseStrictly(rest);
        if (parsed.state === "more") return;
        if (parsed.state === "breach") {
          origin.breaches.push(parsed.why);
          rest = Buffer.alloc(0);
          socket.destroy();
          return;
        }
        rest = rest.subarray(parsed.used);
        const request = { ...parsed.request, connection };
        origin.requests.push(request);
        answer(request, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("The origin has no port.");
  return Object.assign(origin, { port: bound.port });
}

export function answerPlainly(request: RawRequest, socket: Socket): void {
  const body = `origin heard ${request.method} ${request.target}`;
  const shown = request.method === "HEAD" ? "" : body;
  socket.write(
    `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nContent-Type: text/plain\r\n\r\n${shown}`,
    "latin1",
  );
}
