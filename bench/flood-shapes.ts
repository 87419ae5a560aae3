/**
 * What the floods of scenarios (a) to (d) send. Each seed draws the tool's own way of writing a head, its path and its rate of invention, so that nothing
 * can be tuned to one flood. Nobody at the edge is told what is flood: only the addresses tell, and they are known to the origin alone.
 */
import { BROWSERS, commonVoice, requestOf } from "./flood-browsers.ts";
import { letters, oneOf, whole, type Random } from "./flood-random.ts";
import { LOGIN_PATH, POPULAR_PATH } from "./flood-site.ts";

export type FloodShape = "cache-buster" | "odd-heads" | "logins" | "imitation";

/** A source of requests, each as bytes. */
export function floodRequests(
  shape: FloodShape,
  options: { readonly random: Random; readonly host: string },
): () => string {
  return SHAPES[shape](options);
}

type Source = { readonly random: Random; readonly host: string };
const SHAPES = {
  "cache-buster": cacheBuster,
  "odd-heads": oddHeads,
  logins,
  imitation,
} as const satisfies Record<FloodShape, (source: Source) => () => string>;

const anyAgent = (random: Random): string => oneOf(random, oneOf(random, BROWSERS).agents);

/** As the old tools do it: a random parameter against caches, a random real browser's name, a random referrer, and always the tool's own head. */
function cacheBuster({ random, host }: Source): () => string {
  const path = oneOf(random, [POPULAR_PATH, "/search", "/news/3", "/topics/world"]);
  const head = oneOf(random, [
    (agent: string, referrer: string): string =>
      `User-Agent: ${agent}\r\nAccept: */*\r\nCache-Control: no-cache\r\nAccept-Charset: ISO-8859-1,utf-8;q=0.7,*;q=0.7\r\n` +
      `Referer: ${referrer}\r\nKeep-Alive: ${whole(random, [110, 120])}\r\nConnection: keep-alive\r\nHost: ${host}\r\n`,
    (agent: string, referrer: string): string =>
      `Host: ${host}\r\nConnection: keep-alive\r\nCache-Control: max-age=0\r\nUser-Agent: ${agent}\r\nUpgrade-Insecure-Requests: 1\r\n` +
      `Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nReferer: ${referrer}\r\nAccept-Encoding: gzip, deflate\r\nAccept-Language: en-US,en;q=0.9\r\n`,
    (agent: string, referrer: string): string =>
      `Host: ${host}\r\nUser-Agent: ${agent}\r\nAccept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.7\r\nAccept-Language: en-US,en;q=0.5\r\n` +
      `Referer: ${referrer}\r\nConnection: keep-alive\r\nPragma: no-cache\r\n`,
  ]);
  const sites = [
    "https://www.google.com/?q=",
    "https://www.bing.com/search?q=",
    `http://${host}/`,
    "https://duckduckgo.com/?q=",
  ];
  return () =>
    `GET ${path}?${letters(random, whole(random, [3, 8]))}=${letters(random, whole(random, [3, 10]))} HTTP/1.1\r\n` +
    `${head(anyAgent(random), oneOf(random, sites) + letters(random, 6))}\r\n`;
}

/** Few addresses, each at a pace that a person's browser has, on the pages that people read; only the head's order is nobody's. */
function oddHeads({ random, host }: Source): () => string {
  const agent = anyAgent(random);
  const fields = [
    `Host: ${host}`,
    `User-Agent: ${agent}`,
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.9",
    "Accept-Encoding: gzip, deflate, br",
    "Connection: keep-alive",
    "Upgrade-Insecure-Requests: 1",
    oneOf(random, ["DNT: 1", "X-Requested-With: XMLHttpRequest", "Pragma: no-cache", "TE: trailers"]),
  ];
  for (let i = fields.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [fields[i], fields[j]] = [fields[j] ?? "", fields[i] ?? ""];
  }
  const head = fields.map((field) => `${field}\r\n`).join("");
  return () =>
    `GET ${oneOf(random, [POPULAR_PATH, `/news/${whole(random, [1, 60])}`, `/threads/${whole(random, [1, 400])}`])} HTTP/1.1\r\n${head}\r\n`;
}

/** Stolen names and passwords, tried one after the other. */
function logins({ random, host }: Source): () => string {
  const agent = oneOf(random, [
    anyAgent(random),
    "python-requests/2.32.3",
    "Go-http-client/1.1",
    "okhttp/4.12.0",
  ]);
  const isJson = random() < 0.3;
  return () => {
    const name = `${letters(random, whole(random, [4, 10])).toLowerCase()}@${oneOf(random, ["mail", "post", "web"])}.example`;
    const password = letters(random, whole(random, [8, 14]));
    const body = isJson
      ? JSON.stringify({ name, password })
      : `name=${encodeURIComponent(name)}&password=${password}`;
    return (
      `POST ${LOGIN_PATH} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${agent}\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n` +
      `Content-Type: ${isJson ? "application/json" : "application/x-www-form-urlencoded"}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    );
  };
}

/** Byte for byte what the browser that most people have sends for the front page, as somebody who comes for the first time. */
function imitation({ host }: Source): () => string {
  const request = requestOf(commonVoice(), {
    host,
    target: POPULAR_PATH,
    kind: "page",
    referrer: "",
    cookie: "",
    etag: "",
  });
  return () => request;
}
