/**
 * The small news site that the flood bench protects: a front page that most people come to, articles, threads, a search, a login, and the files that
 * belong to a page. Origin and visitors share this description, so that a visitor knows whether a page arrived whole. What each thing costs the
 * origin is of the usual order: a page tens of milliseconds of one of its workers, a file almost nothing.
 */
import { byShare, oneOf, whole, type Random } from "./flood-random.ts";

export const ORIGIN_WORKERS = 20;
/** What can wait for a worker; one more is refused with 503, as application servers do. */
export const ORIGIN_QUEUE_MAX = 1000;

export type Served = {
  readonly kind: "page" | "file" | "login" | "missing";
  /** Milliseconds of one worker, from and to. */
  readonly costMs: readonly [number, number];
};

const PAGE: Served = { kind: "page", costMs: [40, 90] };
const FILE: Served = { kind: "file", costMs: [2, 4] };
const LOGIN: Served = { kind: "login", costMs: [50, 100] };
const MISSING: Served = { kind: "missing", costMs: [20, 40] };

/** Requests a second that the workers can serve, for the usual page. */
export const ORIGIN_PER_SECOND = Math.round(
  (ORIGIN_WORKERS * 1000) / ((PAGE.costMs[0] + PAGE.costMs[1]) / 2),
);

export const LOGIN_PATH = "/login";
export const POPULAR_PATH = "/";
/** The article that the link of scenario (e) leads to. */
export const LINKED_PATH = "/news/7";
const PAGES_PATTERN = /^\/(?:|news\/\d{1,4}|threads\/\d{1,5}|topics\/[a-z]{1,20}|search)$/;

export function served(method: string, path: string): Served {
  if (method === "POST") return path === LOGIN_PATH ? LOGIN : MISSING;
  if (FILES.has(path) || /^\/images\/\d{1,3}\.jpg$/.test(path)) return FILE;
  return PAGES_PATTERN.test(path) || path === LOGIN_PATH ? PAGE : MISSING;
}

const FILES = new Map([
  ["/assets/site.css", 18_000],
  ["/assets/site.js", 42_000],
  ["/assets/logo.svg", 2400],
  ["/assets/text.woff2", 24_000],
]);
export const fileBytes = (path: string): number => FILES.get(path) ?? 12_000;

/** What a browser fetches beside the page. */
export function filesOf(path: string): readonly string[] {
  const number = Number(/\d+$/.exec(path)?.[0] ?? path.length);
  return [...FILES.keys(), `/images/${number % 40}.jpg`, `/images/${(number * 7 + 3) % 40}.jpg`];
}

const TOPICS = ["world", "region", "culture", "sport", "science", "letters"] as const;
const WORDS = ["harbour", "council", "train", "school", "winter", "market", "bridge", "election"] as const;

/** Where somebody goes: mostly to the front page, and to what is new. */
export function somePage(random: Random): string {
  const { kind } = byShare(random, [
    { kind: "front", share: 40 },
    { kind: "news", share: 28 },
    { kind: "thread", share: 18 },
    { kind: "topic", share: 9 },
    { kind: "search", share: 5 },
  ] as const);
  if (kind === "front") return POPULAR_PATH;
  if (kind === "news") return `/news/${Math.floor(1 + 60 * random() ** 2)}`;
  if (kind === "thread") return `/threads/${whole(random, [1, 400])}`;
  if (kind === "topic") return `/topics/${oneOf(random, TOPICS)}`;
  return `/search?q=${oneOf(random, WORDS)}`;
}

/** The last line of a page that arrived whole. */
export const pageEnd = (path: string): string => `<!-- all of ${path} -->\n</html>\n`;

const FILLER =
  "<p>The council met on Tuesday to talk about the harbour, and adjourned until Thursday.</p>\n".repeat(90);
export function pageOf(path: string): string {
  const files = filesOf(path)
    .map((file) =>
      file.endsWith(".css") ? `<link rel="stylesheet" href="${file}">` : `<img src="${file}" alt="">`,
    )
    .join("\n");
  return `<!doctype html>\n<html lang="en">\n<title>${path}</title>\n${files}\n${FILLER}${pageEnd(path)}`;
}
