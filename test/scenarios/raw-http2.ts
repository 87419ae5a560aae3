/**
 * A visitor over HTTP/2 who writes frames by hand (RFC 9113 §4, RFC 7541 §6.2.2): field lines are sent as they are given, in the order in which they
 * are given, so that they can be as wrong as a test wants. Only one stream a connection, which is all that it takes.
 */
import { connect, type TLSSocket } from "node:tls";

export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const GOAWAY = 7;
const CONTINUATION = 9;
const END_STREAM = 1;
const END_HEADERS = 4;
const STATUSES: Record<number, number> = {
  0x88: 200,
  0x89: 204,
  0x8a: 206,
  0x8b: 304,
  0x8c: 400,
  0x8d: 404,
  0x8e: 500,
};

export type Http2Answer = {
  /** 0: none came. */
  readonly status: number;
  readonly body: string;
  /** How the stream ended if it was not by an answer. */
  readonly broken: "no" | "reset" | "goaway" | "closed";
};

export type Http2Ask = {
  readonly fields: readonly (readonly [string, string])[];
  /** Pieces of the body, each a frame; none: the stream ends with its head. */
  readonly data?: readonly (string | Buffer)[];
  readonly servername: string;
};

export function askByFrames(address: string, asked: Http2Ask): Promise<Http2Answer> {
  const [host = "", port] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({
      host,
      port: Number(port),
      servername: asked.servername,
      ALPNProtocols: ["h2"],
      rejectUnauthorized: false,
    });
    let rest = Buffer.alloc(0);
    let status = 0;
    let body = "";
    const end = (broken: Http2Answer["broken"]): void => {
      clearTimeout(late);
      socket.destroy();
      resolve({ status, body, broken });
    };
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error("The edge said nothing that ends the stream within 8 s."));
    }, 8000);
    socket.on("secureConnect", () => {
      socket.write(PREFACE, "latin1");
      socket.write(frame(SETTINGS, 0, 0, Buffer.alloc(0)));
      const pieces = asked.data ?? [];
      const head = Buffer.concat(
        asked.fields.map(([name, value]) => Buffer.concat([Buffer.of(0), text(name), text(value)])),
      );
      const parts: Buffer[] = [];
      for (let at = 0; at === 0 || at < head.length; at += 16_000) parts.push(head.subarray(at, at + 16_000));
      for (const [i, part] of parts.entries()) {
        const flags =
          (i === parts.length - 1 ? END_HEADERS : 0) + (i === 0 && pieces.length === 0 ? END_STREAM : 0);
        socket.write(frame(i === 0 ? HEADERS : CONTINUATION, flags, 1, part));
      }
      for (const [i, piece] of pieces.entries()) {
        socket.write(frame(DATA, i === pieces.length - 1 ? END_STREAM : 0, 1, Buffer.from(piece)));
      }
    });
    socket.on("data", (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
        const length = rest.readUIntBE(0, 3);
        const [type = 0, flags = 0] = rest.subarray(3, 5);
        const payload = rest.subarray(9, 9 + length);
        rest = rest.subarray(9 + length);
        if (type === HEADERS) status = statusOf(payload);
        if (type === DATA) body += payload.toString("latin1");
        if ((type === HEADERS || type === DATA) && (flags & END_STREAM) !== 0) return end("no");
        if (type === RST_STREAM) return end("reset");
        if (type === GOAWAY && status === 0) return end("goaway");
      }
    });
    socket.on("error", () => end("closed"));
    socket.on("close", () => end("closed"));
  });
}

export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A string literal without Huffman coding, its length with a prefix of seven bits (RFC 7541 §5.1). */
export function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length: number[] = [127];
  let left = bytes.length - 127;
  for (; left >= 128; left = Math.floor(left / 128)) length.push((left % 128) + 128);
  return Buffer.concat([Buffer.of(...length, left), bytes]);
}

/** nginx writes the status first: by its index, or by the name's index and three digits. */
function statusOf(block: Buffer): number {
  let at = 0;
  while (((block[at] ?? 0) & 0xe0) === 0x20) at += 1; // The table's size.
  const first = block[at] ?? 0;
  return STATUSES[first] ?? Number(block.subarray(at + 2, at + 5).toString("latin1"));
}
