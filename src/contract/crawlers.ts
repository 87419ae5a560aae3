/**
 * Crawlers that are let through challenges once it is proved that they are who they say: what their User-Agent contains, and under which domains the reverse name of their
 * addresses lies, as their operators publish it. One without domains is known by ranges alone, which the operator of this edge supplies. A name that is claimed
 * and not proved is worth nothing.
 */
export type Crawler = {
  /** As it stands in the User-Agent. */
  readonly name: string;
  readonly domains: readonly string[];
};

export const CRAWLERS: readonly Crawler[] = [
  { name: "Googlebot", domains: ["googlebot.com", "google.com"] },
  { name: "bingbot", domains: ["search.msn.com"] },
  { name: "YandexBot", domains: ["yandex.ru", "yandex.net", "yandex.com"] },
  { name: "Baiduspider", domains: ["baidu.com", "baidu.jp"] },
  { name: "Applebot", domains: ["applebot.apple.com"] },
  { name: "SeznamBot", domains: ["seznam.cz"] },
  { name: "PetalBot", domains: ["petalsearch.com", "aspiegel.com"] },
  { name: "MojeekBot", domains: ["mojeek.com"] },
  { name: "Slurp", domains: ["crawl.yahoo.net"] },
  { name: "DuckDuckBot", domains: [] },
  { name: "Qwantbot", domains: ["qwant.com"] },
  { name: "archive.org_bot", domains: ["archive.org"] },
];

/** Of what nginx asks about in one go. */
export const CRAWLERS_ASKED_MAX = 100;
