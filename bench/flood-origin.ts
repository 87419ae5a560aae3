/**
 * The origin of the flood bench, a process of its own: a fixed number of workers for each site, a queue before them, and a full queue refuses. So it saturates as
 * application servers do: its answers take ever longer, then fail. It alone knows which addresses flood (by what the edge says in X-Real-IP), counts
 * floods and visitors apart, and treats them alike. Work that was begun is finished even when nobody waits for it any more.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { OriginSeries } from "./flood-figures.ts";
import { BUCKET_MS } from "./flood-figures.ts";
import { letters, seededRandom, type Random } from "./flood-random.ts";
import { fileBytes, ORIGIN_QUEUE_MAX, ORIGIN_WORKERS, pageOf, served, type Served } from "./flood-site.ts";

export type OriginAsk =
  | { readonly ask: "listen"; readonly port: number }
  /** Begins to count for one site, from nothing. */
  | {
      readonly ask: "site";
      readonly host: string;
      readonly seed: number;
      readonly flood: readonly string[];
      readonly good: readonly string[];
    }
  | { readonly ask: "report"; readonly host: string };
export type OriginReport = OriginSeries & { readonly cpuMicros: number };

type Waiting = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly what: Served;
  readonly sinceMs: number;
};
type Counts = { -readonly [Key in Exclude<keyof OriginSeries, "fromMs">]: number[] };
type Site = {
  readonly random: Random;
  readonly flood: ReadonlySet<string>;
  readonly good: ReadonlySet<string>;
  readonly fromMs: number;
  readonly counts: Counts;
  readonly queue: Waiting[];
  head: number;
  working: number;
};

const sites = new Map<string, Site>();
const now = (): number => performance.timeOrigin + performance.now();

function add(site: Site, list: keyof Counts, amount: number): void {
  const at = Math.floor((now() - site.fromMs) / BUCKET_MS);
  const counts = site.counts[list];
  while (counts.length <= at) counts.push(0);
  counts[at] = list === "waitMs" ? Math.max(counts[at] ?? 0, amount) : (counts[at] ?? 0) + amount;
}

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  const site = sites.get(request.headers.host ?? "");
  if (site === undefined) {
    response.writeHead(421).end();
    return;
  }
  const client = String(request.headers["x-real-ip"] ?? "");
  add(site, site.flood.has(client) ? "flood" : site.good.has(client) ? "good" : "unknown", 1);
  request.resume();
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  const waiting = { request, response, what: served(request.method ?? "", path), sinceMs: now() };
  if (site.working < ORIGIN_WORKERS) work(site, waiting);
  else if (site.queue.length - site.head < ORIGIN_QUEUE_MAX) site.queue.push(waiting);
  else {
    add(site, "refused", 1);
    response.writeHead(503, { "content-type": "text/plain", "content-length": 5 }).end("busy\n");
  }
});

function work(site: Site, waiting: Waiting): void {
  site.working += 1;
  add(site, "waitMs", now() - waiting.sinceMs);
  const [least, most] = waiting.what.costMs;
  const costMs = least + site.random() * (most - least);
  const beganMs = now();
  setTimeout(() => {
    answer(site, waiting);
    spend(site, { beganMs, endedMs: now() });
    site.working -= 1;
    const next = site.queue[site.head];
    if (next === undefined) return;
    site.head += 1;
    if (site.head > 500) {
      site.queue.splice(0, site.head);
      site.head = 0;
    }
    work(site, next);
  }, costMs);
}

/** One worker's time, spread over the buckets in which it was spent. */
function spend(
  site: Site,
  { beganMs, endedMs }: { readonly beganMs: number; readonly endedMs: number },
): void {
  const counts = site.counts.busy;
  for (let at = beganMs; at < endedMs;) {
    const bucket = Math.floor((at - site.fromMs) / BUCKET_MS);
    const until = Math.min(endedMs, site.fromMs + (bucket + 1) * BUCKET_MS);
    while (counts.length <= bucket) counts.push(0);
    counts[bucket] = (counts[bucket] ?? 0) + (until - at) / (BUCKET_MS * ORIGIN_WORKERS);
    at = Math.max(until, at + 0.001);
  }
}

function answer(site: Site, { request, response, what }: Waiting): void {
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  if (what.kind === "missing") {
    response.writeHead(404, { "content-type": "text/plain", "content-length": 8 }).end("missing\n");
    return;
  }
  if (what.kind === "login") {
    response.writeHead(303, { location: "/", "content-length": 0 }).end();
    return;
  }
  const isFile = what.kind === "file";
  const etag = isFile ? `"f${fileBytes(path)}"` : `"p${path.length}"`;
  const fields: Record<string, string | number> = {
    etag,
    "cache-control": isFile ? "public, max-age=3600" : "private, no-cache",
  };
  if (!isFile && !(request.headers.cookie ?? "").includes("sid=")) {
    fields["set-cookie"] = `sid=${letters(site.random, 20)}; Path=/; HttpOnly`;
  }
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, fields).end();
    return;
  }
  const body = isFile ? Buffer.alloc(fileBytes(path), "x") : Buffer.from(pageOf(path));
  response
    .writeHead(200, {
      ...fields,
      "content-type": isFile ? typeOf(path) : "text/html; charset=utf-8",
      "content-length": body.length,
    })
    .end(body);
}

function typeOf(path: string): string {
  if (path.endsWith(".css")) return "text/css";
  if (path.endsWith(".js")) return "text/javascript";
  if (path.endsWith(".svg")) return "image/svg+xml";
  return path.endsWith(".jpg") ? "image/jpeg" : "font/woff2";
}

function open(ask: Extract<OriginAsk, { ask: "site" }>): void {
  sites.set(ask.host, {
    random: seededRandom(ask.seed, "origin"),
    flood: new Set(ask.flood),
    good: new Set(ask.good),
    fromMs: now(),
    counts: { flood: [], good: [], unknown: [], refused: [], waitMs: [], busy: [] },
    queue: [],
    head: 0,
    working: 0,
  });
}

process.on("message", (message: OriginAsk) => {
  if (message.ask === "listen") {
    server.listen({ port: message.port, host: "127.0.0.1", backlog: 4096 }, () =>
      process.send?.({ listening: true }),
    );
  } else if (message.ask === "site") {
    open(message);
    process.send?.({ opened: message.host });
  } else {
    const site = sites.get(message.host);
    if (site === undefined) throw new Error(`The origin does not know "${message.host}".`);
    const { user, system } = process.cpuUsage();
    const report: OriginReport = { fromMs: site.fromMs, ...site.counts, cpuMicros: user + system };
    process.send?.({ report });
  }
});
process.on("disconnect", () => process.exit(0));
