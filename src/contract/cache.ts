/**
 * What a site's owner says about its cache, and what the edge is told of purges. What a response itself says (RFC 9111, RFC 9213,
 * RFC 5861) stands first, save where a rule says `store`.
 */

export const CACHE_MODES = ["off", "static", "origin"] as const;
/** off: nothing is kept. static: paths that end like a file (CACHED_EXTENSIONS). origin: whatever the origin's answer allows. */
export type CacheMode = (typeof CACHE_MODES)[number];

/** The first rule whose path matches decides; none leaves it to the mode. */
export type CacheRule = {
  /** A path; "*" stands for any run of characters. */
  readonly path: string;
  /** bypass: never kept. origin: as the origin's answer allows. store: kept for `seconds` whatever the answer says, never with Set-Cookie. */
  readonly action: "bypass" | "origin" | "store";
  /** Only for `store`, 1 to CACHE_SECONDS_MAX; else 0. */
  readonly seconds: number;
};

export type CacheSettings = {
  readonly mode: CacheMode;
  readonly rules: readonly CacheRule[];
  /** A request with one of these cookies (a trailing "*" stands for any ending) is neither answered from the cache nor kept. */
  readonly bypassCookies: readonly string[];
  /** The same for request header fields, by name. */
  readonly bypassHeaders: readonly string[];
  /** Query parameters that do not change the page (a trailing "*" stands for any ending): left out of the key. */
  readonly ignoreQuery: readonly string[];
  /** Whether parameters in another order are the same page. */
  readonly sortQuery: boolean;
  /** Seconds for which an expired answer may still be served while it is fetched anew, if the answer itself does not say (RFC 5861). */
  readonly staleWhileRevalidateSeconds: number;
  /** The same while the origin fails. */
  readonly staleIfErrorSeconds: number;
};

/** One purge that may still matter, as some answer in a cache is older than it. */
export type CachePurge = {
  readonly kind: "url" | "prefix" | "tag";
  /** url: "https://host/path?query" without fragment. prefix: "host/path". tag: one word of Cache-Tag or Surrogate-Key. */
  readonly value: string;
  /** Counts up per site with every purge. */
  readonly number: number;
};

export type PolicyCache = CacheSettings & {
  /** Bytes and answers that the site may hold on one node. */
  readonly bytesMax: number;
  readonly answersMax: number;
  /** Counts up with every purge of everything, from 0: the cache key carries it. */
  readonly generation: number;
  readonly purges: readonly CachePurge[];
};

/** Over this many purges the older ones become one purge of everything. */
export const CACHE_PURGES_MAX = 500;
export const CACHE_RULES_MAX = 50;
export const CACHE_NAMES_MAX = 30;
export const CACHE_SECONDS_MAX = 7 * 24 * 3600;
/** No answer lives longer than this in a cache, whatever it says of itself: after it, a purge is forgotten. */
export const CACHE_LIFE_SECONDS_MAX = 7 * 24 * 3600;
export const CACHE_BYTES_DEFAULT = 1024 * 1024 * 1024;
export const CACHE_ANSWERS_DEFAULT = 50_000;

/** What a page is made of, pictures, fonts, sound, films, and files that are taken away. */
export const CACHED_EXTENSIONS: readonly string[] = (
  "css js mjs map json wasm ico png jpg jpeg gif webp avif svg bmp " +
  "woff woff2 ttf otf eot mp3 mp4 webm ogg oga ogv flac wav m4a " +
  "pdf epub zip gz bz2 xz zst 7z tar dmg iso deb rpm apk exe jar"
).split(" ");

export const CACHE_SETTINGS_DEFAULT: CacheSettings = {
  mode: "static",
  rules: [],
  bypassCookies: [],
  bypassHeaders: [],
  ignoreQuery: [],
  sortQuery: false,
  staleWhileRevalidateSeconds: 60,
  staleIfErrorSeconds: 24 * 3600,
};
