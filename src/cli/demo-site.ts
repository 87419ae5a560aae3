/**
 * The small site that a new instance protects, so that there is something to look at. It stands for a customer's own
 * server: a plain HTTP origin on loopback that knows nothing of the edge, but shows the headers it was given.
 */
import { createServer, type Server } from "node:http";
import { Fault } from "../contract/fault.ts";

const PAGE = (rows: string): string => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The Harbour Society</title>
<style>
:root{color-scheme:light dark;font:1.05rem/1.6 Georgia,serif}
body{max-width:38rem;margin:3rem auto;padding:0 1.2rem}
h1{font-weight:400;letter-spacing:-.01em}table{font:.85rem/1.5 ui-monospace,monospace;border-collapse:collapse;width:100%;display:block;overflow-x:auto}
td{border-top:1px solid color-mix(in srgb,currentColor 20%,transparent);padding:.3rem .8rem .3rem 0;vertical-align:top}
</style>
<h1>The Harbour Society</h1>
<p>This is the demo site. It runs on a port of its own and knows nothing of Parapet; you are reading it through the edge.</p>
<p>What the edge told this server of your request:</p>
<table>${rows}</table>
`;

const escape = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

export async function startDemoSite(
  listen: string,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const at = listen.lastIndexOf(":");
  const server: Server = createServer((request, response) => {
    if (request.url !== "/") {
      response
        .writeHead(404, { "content-type": "text/plain; charset=utf-8" })
        .end("There is nothing here.\n");
      return;
    }
    const rows = Object.entries(request.headers)
      .map(([name, value]) => `<tr><td>${escape(name)}</td><td>${escape(String(value))}</td></tr>`)
      .join("");
    response
      .writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" })
      .end(PAGE(rows));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        new Fault(
          "machine.incomplete",
          `Cannot start the demo site on ${listen} (${cause.code}): set demoListen to another address, or to "" for none`,
          { cause },
        ),
      ),
    );
    server.listen(Number(listen.slice(at + 1)), listen.slice(0, at), resolve);
  });
  return {
    url: `http://${listen}`,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
