/**
 * The world outside the story: a forum's own server and the mail servers of those whom the desk writes to. Small, but
 * real: they listen on loopback and know nothing of Parapet.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

export type Forum = {
  readonly url: string;
  /** Adds a post to a thread, as its members do. */
  post(thread: string, text: string): void;
  /** Takes a thread down, as its owner can. */
  removeThread(thread: string): void;
  requests(): number;
  stop(): Promise<void>;
};

const escape = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

export async function startForum(): Promise<Forum> {
  const threads = new Map<string, string[]>([
    ["gardens", ["Frost is coming, cover the roses tonight", "Mine are in pots by the south wall already"]],
    [
      "radios",
      ["Which valves still fit the old receiver?", "Look on the back, the number is under the dust"],
    ],
    ["harbour", ["The ferry runs again from Monday", "Bring a coat, it is windy on deck"]],
  ]);
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const name = /^\/t\/([a-z-]+)$/.exec(path)?.[1];
    const posts = name === undefined ? undefined : threads.get(name);
    const body =
      path === "/"
        ? `<nav><a href="/">Home</a></nav><h1>The Lantern Board</h1><p>A place for night people: gardens, radios, boats, and whatever keeps you up. Be as loud as you like, nobody is asleep here anyway.</p><ul>${[...threads.keys()].map((key) => `<li><a href="/t/${key}">${key}</a></li>`).join("")}</ul>`
        : posts === undefined
          ? null
          : `<nav><a href="/">Home</a></nav><h1>${name}</h1>${posts.map((text) => `<article><p>${escape(text)}</p></article>`).join("")}`;
    if (body === null)
      response.writeHead(404, { "content-type": "text/html; charset=utf-8" }).end("<h1>No such thread</h1>");
    else
      response
        .writeHead(200, { "content-type": "text/html; charset=utf-8" })
        .end(`<!doctype html><html lang="en"><title>The Lantern Board</title>${body}</html>`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    post: (thread, text) => void threads.set(thread, [...(threads.get(thread) ?? []), text]),
    removeThread: (thread) => void threads.delete(thread),
    requests: () => requests,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export type Letters = {
  readonly url: string;
  /** Every mail as it came over the wire. */
  received(): readonly { readonly to: readonly string[]; readonly raw: string }[];
  stop(): Promise<void>;
};

export async function startLetters(): Promise<Letters> {
  const mails: { to: readonly string[]; raw: string }[] = [];
  const server = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    size: 1024 * 1024,
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        mails.push({
          to: session.envelope.rcptTo.map((to) => to.address),
          raw: Buffer.concat(chunks).toString("utf8"),
        });
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    received: () => mails,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
