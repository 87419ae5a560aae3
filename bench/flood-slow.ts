/**
 * Slow attacks, a process of their own: from fifty addresses, connections that send their head byte by byte (slowloris), promise a body and send it byte by byte, ask for
 * much and read nothing, or are opened and held. Whoever is thrown out comes again, as attackers do. What is told is how many connections the server let them hold.
 */
import { connect, type Socket } from "node:net";

export const SLOW_KINDS = ["slowloris", "slow-body", "slow-read", "hoarding"] as const;
export type SlowKind = (typeof SLOW_KINDS)[number];
export type SlowAsk =
  | {
      readonly ask: "begin";
      readonly port: number;
      readonly host: string;
      readonly addresses: readonly string[];
      readonly perAddress: number;
    }
  | { readonly ask: "end" };
export type SlowReport = {
  /** Of each kind, each second: connections that the server let live. */
  readonly held: Readonly<Record<SlowKind, readonly number[]>>;
  readonly opened: Readonly<Record<SlowKind, number>>;
  readonly refused: Readonly<Record<SlowKind, number>>;
  readonly cpuMicros: number;
};

const OPEN_PER_TICK = 40;
const TICK_MS = 20;
/** Between two bytes of a slow sender. */
const DRIP_MS = 4000;

const zeros = (): Record<SlowKind, number> => ({ slowloris: 0, "slow-body": 0, "slow-read": 0, hoarding: 0 });

function begin(ask: Extract<SlowAsk, { ask: "begin" }>): () => SlowReport {
  const alive = zeros();
  const opened = zeros();
  const refused = zeros();
  const held: Record<SlowKind, number[]> = { slowloris: [], "slow-body": [], "slow-read": [], hoarding: [] };
  const sockets = new Set<Socket>();
  const wanted = (ask.addresses.length * ask.perAddress) / SLOW_KINDS.length;
  let turn = 0;

  const open = (kind: SlowKind): void => {
    const localAddress = ask.addresses[turn++ % ask.addresses.length] ?? "";
    const socket = connect({ host: "127.0.0.1", port: ask.port, localAddress });
    sockets.add(socket);
    opened[kind] += 1;
    // Counted from the first on, so that not more are opened than are wanted.
    alive[kind] += 1;
    let drip: NodeJS.Timeout | undefined;
    socket.on("connect", () => {
      drip = BEGIN[kind](socket, ask.host);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearInterval(drip);
      sockets.delete(socket);
      alive[kind] -= 1;
      refused[kind] += 1;
    });
  };
  const opening = setInterval(() => {
    for (let i = 0; i < OPEN_PER_TICK; i++) {
      const kind = SLOW_KINDS[(turn + i) % SLOW_KINDS.length];
      if (kind !== undefined && alive[kind] < wanted) open(kind);
    }
  }, TICK_MS);
  const counting = setInterval(() => {
    for (const kind of SLOW_KINDS) held[kind].push(alive[kind]);
  }, 1000);
  return () => {
    clearInterval(opening);
    clearInterval(counting);
    const { user, system } = process.cpuUsage();
    const report: SlowReport = { held, opened, refused: { ...refused }, cpuMicros: user + system };
    for (const socket of sockets) socket.destroy();
    return report;
  };
}

const AGENT = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n";
const BEGIN: Readonly<Record<SlowKind, (socket: Socket, host: string) => NodeJS.Timeout | undefined>> = {
  slowloris: (socket, host) => {
    socket.resume();
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n${AGENT}`);
    return setInterval(() => socket.write("X-a: b\r\n"), DRIP_MS);
  },
  "slow-body": (socket, host) => {
    socket.resume();
    socket.write(
      `POST /login HTTP/1.1\r\nHost: ${host}\r\n${AGENT}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\nname=`,
    );
    return setInterval(() => socket.write("a"), DRIP_MS);
  },
  "slow-read": (socket, host) => {
    socket.pause();
    socket.write(`GET /assets/site.js HTTP/1.1\r\nHost: ${host}\r\n${AGENT}\r\n`.repeat(60));
    return undefined;
  },
  hoarding: (socket) => {
    socket.resume();
    return undefined;
  },
};

let end: (() => SlowReport) | undefined;
process.on("message", (message: SlowAsk) => {
  if (message.ask === "begin") {
    end = begin(message);
    process.send?.({ begun: true });
  } else process.send?.({ report: end?.() });
});
process.on("disconnect", () => process.exit(0));
