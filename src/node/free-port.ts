/** An address to listen on in which port 0 was replaced by one that is free just now. */
import { createServer } from "node:net";
import { splitListen } from "./origin-address.ts";

export async function freePort(listen: string): Promise<string> {
  const { host, port } = splitListen(listen);
  if (port !== 0) return listen;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (bound === null || typeof bound === "string") throw new Error("The listener has no port.");
  return `${host.includes(":") ? `[${host}]` : host}:${bound.port}`;
}
