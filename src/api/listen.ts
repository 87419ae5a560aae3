/**
 * Opens the control plane's listeners, with a bound on headers, connections and the time a client may take. A request that
 * passes them is handed on with the key of its client; no address is kept and nothing is logged.
 */
import { chmodSync, lstatSync, mkdirSync, statSync, unlinkSync } from "node:fs";
import type { IncomingMessage, Server } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { Fault } from "../contract/fault.ts";
import {
  CONNECTIONS_MAX,
  HEADERS_MAX,
  HEADERS_MS,
  HEADER_BYTES_MAX,
  KEEP_ALIVE_MS,
  REQUEST_MS,
  URL_CHARS_MAX,
} from "./bounds.ts";
import { problemResponse, type ProblemContext } from "./problem.ts";
import { clientKey } from "./rate.ts";

export type Listening = { readonly address: string; readonly url: string; close(): Promise<void> };
type Handler = (request: Request, client: string) => Response | Promise<Response>;

const CLOSE_MS = 3_000;

function serverFor(handler: Handler, problems: ProblemContext): Server {
  const server = createAdaptorServer({
    overrideGlobalObjects: false,
    async fetch(request, env) {
      try {
        const { incoming } = env as { incoming: IncomingMessage };
        if (incoming.rawHeaders.length / 2 > HEADERS_MAX) {
          throw new Fault(
            "input.too-large",
            `Cannot take more than ${HEADERS_MAX} header fields: send fewer`,
          );
        }
        if ((incoming.url ?? "").length > URL_CHARS_MAX) {
          throw new Fault(
            "input.too-large",
            `Cannot take an address of more than ${URL_CHARS_MAX} characters`,
          );
        }
        return await handler(request, clientKey(incoming.socket.remoteAddress ?? "local"));
      } catch (error) {
        return problemResponse(error, problems);
      }
    },
    serverOptions: {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 2_000,
    },
  }) as Server;
  server.maxHeadersCount = 0; // Node would drop what is over its count in silence; the check above refuses instead.
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}

/** Listens on "HOST:PORT" or "[v6]:PORT"; port 0 takes a free one. */
export async function listenTcp(
  handler: Handler,
  options: { readonly at: string; readonly problems: ProblemContext },
): Promise<Listening> {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(options.at);
  if (!match) throw new Fault("input.invalid", `Cannot listen on "${options.at}": write HOST:PORT`);
  const host = match[1] ?? match[2] ?? "";
  const server = serverFor(handler, options.problems);
  await opened(server, options.at, () => server.listen(Number(match[3]), host));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("a TCP listener has no address");
  const address =
    bound.family === "IPv6" ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
  return { address, url: `http://${address}`, close: () => closed(server) };
}

/** Listens on a unix socket in a folder that only its owner may enter. A socket left by a dead process is replaced. */
export async function listenUnix(
  handler: Handler,
  options: { readonly path: string; readonly problems: ProblemContext },
): Promise<{ close(): Promise<void> }> {
  const folder = dirname(options.path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if ((statSync(folder).mode & 0o077) !== 0) {
    throw new Fault(
      "machine.incomplete",
      `Cannot listen in ${folder} as others may enter it: run chmod 700 ${folder}`,
    );
  }
  await removeDeadSocket(options.path);
  const server = serverFor(handler, options.problems);
  // The socket is made inside listen(), before it returns: the mask makes it 0600 from its first moment.
  await opened(server, options.path, () => {
    const before = process.umask(0o177);
    try {
      server.listen(options.path);
    } finally {
      process.umask(before);
    }
  });
  chmodSync(options.path, 0o600);
  return { close: () => closed(server) };
}

async function removeDeadSocket(path: string): Promise<void> {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (!facts) return;
  if (!facts.isSocket())
    throw new Fault("state.conflict", `Cannot listen on ${path} as a file stands there: move it away`);
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
  if (alive) throw new Fault("state.conflict", `Another instance answers on ${path}: stop it first`);
  unlinkSync(path);
}

async function opened(server: Server, at: string, open: () => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", (cause: Error & { code?: string }) => {
      const why =
        cause.code === "EADDRINUSE"
          ? "as another program listens there: stop it, or choose another address"
          : "on this machine: choose another address";
      reject(new Fault("machine.incomplete", `Cannot listen on ${at} ${why}`, { cause }));
    });
    open();
  });
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    const hard = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
    server.close(() => {
      clearTimeout(hard);
      resolve();
    });
    server.closeIdleConnections();
  });
}
