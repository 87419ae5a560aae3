/**
 * Ports that are free just now, for a program that has to be told its port before it listens. A port that the kernel hands out by
 * itself may be taken by any outgoing connection between the asking and the listening, so these lie below the range that the
 * kernel takes from (ip(7), ip_local_port_range), and are chosen by chance: two who ask at the same moment do not get the same.
 */
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { splitListen } from "./origin-address.ts";

const LOWEST = 10_240;
/** What Linux begins with when nobody changed it. */
const KERNEL_LOWEST = 32_768;
const TRIES_MAX = 100;

/** A free port of `host`; the kernel's own choice when a hundred others were taken. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const end = kernelLowest();
  const room = end > LOWEST ? TRIES_MAX : 0;
  for (let tries = 0; tries < room; tries++) {
    const port = await tryPort(host, randomInt(LOWEST, end)).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "EADDRINUSE" || cause.code === "EACCES") return null;
      throw cause;
    });
    if (port !== null) return port;
  }
  return tryPort(host, 0);
}

/** An address to listen on in which port 0 was replaced by one that is free just now. */
export async function freeListen(listen: string): Promise<string> {
  const { host, port } = splitListen(listen);
  if (port !== 0) return listen;
  return `${host.includes(":") ? `[${host}]` : host}:${await freePort(host)}`;
}

function kernelLowest(): number {
  try {
    const [lowest] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s/);
    const port = Number(lowest);
    return Number.isInteger(port) && port > 0 && port <= 65_535 ? port : KERNEL_LOWEST;
  } catch {
    return KERNEL_LOWEST;
  }
}

async function tryPort(host: string, port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (bound === null || typeof bound === "string") throw new Error("The listener has no port.");
  return bound.port;
}
