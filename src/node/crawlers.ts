/**
 * Proves that a client is the crawler that it says it is: its address lies in a range that the operator supplied, or its reverse name lies below a domain of the
 * crawler and leads back to the address (the way that the crawlers' operators document). What was found holds for a day, for ten minutes, or for half a
 * minute when DNS said nothing.
 */
import { Resolver } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { CRAWLERS } from "../contract/crawlers.ts";

export type CrawlerQuestion = { readonly address: string; readonly name: string };
export type CrawlerFinding = CrawlerQuestion & { readonly isProved: boolean; readonly seconds: number };
/** By the crawler's name. */
export type CrawlerRanges = ReadonlyMap<string, BlockList>;

const PROVED_SECONDS = 24 * 3600;
const REFUTED_SECONDS = 600;
/** For how long it is believed that nobody answers. */
export const SILENT_SECONDS = 30;
const DNS_MS = 2000;
const NAMES_MAX = 5;
const RANGES_BYTES_MAX = 1024 * 1024;
const RANGES_MAX = 20_000;
/** Of a /48: twelve digits, and "ip6.arpa". */
const ZONE_LABELS_V6 = 14;

/** What `isCrawler` asks. Null: nobody answered. */
export type CrawlerDns = {
  reverse(address: string): Promise<readonly string[] | null>;
  addresses(name: string): Promise<readonly string[] | null>;
};

export async function findOut(
  question: CrawlerQuestion,
  by: { readonly ranges: CrawlerRanges; readonly dns: CrawlerDns },
): Promise<CrawlerFinding> {
  const { address, name } = question;
  const proved = { ...question, isProved: true, seconds: PROVED_SECONDS };
  const refuted = { ...question, isProved: false, seconds: REFUTED_SECONDS };
  const silent = { ...question, isProved: false, seconds: SILENT_SECONDS };
  const family = isIP(address);
  const crawler = CRAWLERS.find((one) => one.name === name);
  if (crawler === undefined || family === 0) return refuted;
  if (by.ranges.get(name)?.check(address, family === 4 ? "ipv4" : "ipv6") === true) return proved;
  if (crawler.domains.length === 0) return refuted;
  const names = await by.dns.reverse(address);
  if (names === null) return silent;
  for (const found of names.slice(0, NAMES_MAX)) {
    const host = found.toLowerCase().replace(/\.$/, "");
    if (!crawler.domains.some((domain) => host.endsWith(`.${domain}`))) continue;
    const back = await by.dns.addresses(host);
    if (back === null) return silent;
    const same = new BlockList();
    for (const one of back.slice(0, 32))
      if (isIP(one) === family) same.addAddress(one, family === 4 ? "ipv4" : "ipv6");
    if (same.check(address, family === 4 ? "ipv4" : "ipv6")) return proved;
  }
  return refuted;
}

/** `{"Googlebot": ["192.0.2.0/24", …], …}`, names as in contract/crawlers.ts. Throws with a sentence about what is wrong. */
export function parseCrawlerRanges(text: string): CrawlerRanges {
  if (text.length > RANGES_BYTES_MAX) throw new Error(`it is larger than ${RANGES_BYTES_MAX} bytes`);
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("it is not a JSON object");
  const ranges = new Map<string, BlockList>();
  let count = 0;
  for (const [name, list] of Object.entries(value)) {
    if (!CRAWLERS.some((one) => one.name === name))
      throw new Error(`it names "${name.slice(0, 40)}", which is no known crawler`);
    if (!Array.isArray(list)) throw new Error(`the ranges of ${name} are not a list`);
    const block = new BlockList();
    for (const range of list as unknown[]) {
      count += 1;
      if (count > RANGES_MAX) throw new Error(`it has more than ${RANGES_MAX} ranges`);
      const parts = typeof range === "string" ? /^([0-9A-Fa-f.:]+)\/(\d{1,3})$/.exec(range) : null;
      const family = parts === null ? 0 : isIP(parts[1]!);
      const bits = Number(parts?.[2] ?? -1);
      if (family === 0 || bits < 8 || bits > (family === 4 ? 32 : 128)) {
        throw new Error(`"${String(range).slice(0, 50)}" is no CIDR range of at least eight bits`);
      }
      block.addSubnet(parts![1]!, bits, family === 4 ? "ipv4" : "ipv6");
    }
    ranges.set(name, block);
  }
  return ranges;
}

/** RFC 1035 §3.5, RFC 3596 §2.5. */
export function reverseName(address: string): string {
  if (isIP(address) === 4) return `${address.split(".").reverse().join(".")}.in-addr.arpa`;
  const host = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [left = "", right] = host.split("::");
  const before = left === "" ? [] : left.split(":");
  const behind = right === undefined || right === "" ? [] : right.split(":");
  const zeros = Array<string>(8 - before.length - behind.length).fill("0");
  const groups = [...before, ...(right === undefined ? [] : zeros), ...behind];
  const digits = groups.map((group) => group.padStart(4, "0")).join("");
  return `${[...digits].reverse().join(".")}.ip6.arpa`;
}

/** The zone that a /24 or /48 has its reverse names in, which is one owner's and answers or does not. */
export function reverseZone(address: string): string {
  const labels = reverseName(address).split(".");
  return labels.slice(labels.length > 10 ? -ZONE_LABELS_V6 : 1).join(".");
}

export function crawlerDns(servers: readonly string[]): CrawlerDns {
  const resolver = new Resolver({ timeout: DNS_MS, tries: 1 });
  if (servers.length > 0) resolver.setServers([...servers]);
  const orNothing = async (asked: Promise<string[]>): Promise<readonly string[] | null> => {
    try {
      return await asked;
    } catch (error) {
      const code = (error as { code?: string }).code;
      return code === "ENOTFOUND" || code === "ENODATA" ? [] : null;
    }
  };
  return {
    // Not `reverse`: that believes this machine's own file of hosts before it asks.
    reverse: (address) => orNothing(resolver.resolvePtr(reverseName(address))),
    async addresses(name) {
      const [v4, v6] = await Promise.all([
        orNothing(resolver.resolve4(name)),
        orNothing(resolver.resolve6(name)),
      ]);
      return v4 === null && v6 === null ? null : [...(v4 ?? []), ...(v6 ?? [])];
    },
  };
}
