/**
 * Proves that a client is the crawler that it says it is: its address lies in a range that the operator supplied, or its reverse name lies below a domain of the
 * crawler and leads back to the address (the way that the crawlers' operators document). nginx collects the questions; here they are fetched once a second, a
 * bounded number at a time, and answered for a day, for ten minutes, or for half a minute when DNS said nothing. Nobody waits for an answer: until it is
 * there the client is challenged.
 */
import { Resolver } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { CRAWLERS, CRAWLERS_ASKED_MAX } from "../contract/crawlers.ts";

export type CrawlerQuestion = { readonly address: string; readonly name: string };
export type CrawlerFinding = CrawlerQuestion & { readonly isProved: boolean; readonly seconds: number };
export type CrawlerRanges = ReadonlyMap<string, BlockList>;

const PROVED_SECONDS = 24 * 3600;
const REFUTED_SECONDS = 600;
const SILENT_SECONDS = 30;
const DNS_MS = 2000;
const AT_ONCE = 4;
const NAMES_MAX = 5;
const RANGES_BYTES_MAX = 1024 * 1024;
const RANGES_MAX = 20_000;
const ROUND_MS = 1000;

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

export type CrawlerChecksOptions = {
  /** A file as `parseCrawlerRanges` reads it, "" for none. */
  readonly rangesFile: string;
  readonly dns: CrawlerDns;
  readonly ask: () => Promise<{ readonly asked: readonly CrawlerQuestion[] }>;
  readonly tell: (found: readonly CrawlerFinding[]) => Promise<unknown>;
  readonly alarm: (code: string, what: string) => void;
};

/** Asks nginx whom to prove, and tells what was found, until it is stopped. */
export class CrawlerChecks {
  readonly #options: CrawlerChecksOptions;
  #ranges: CrawlerRanges = new Map();
  #timer: NodeJS.Timeout | undefined;
  #busy = false;

  constructor(options: CrawlerChecksOptions) {
    this.#options = options;
  }

  start(): void {
    const { rangesFile, alarm } = this.#options;
    if (rangesFile !== "") {
      try {
        this.#ranges = parseCrawlerRanges(readFileSync(rangesFile, "utf8"));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        alarm("edge.crawler-ranges", `${rangesFile} is not used as ${why}: crawlers are proved by DNS alone`);
      }
    }
    this.#timer = setInterval(() => void this.round(), ROUND_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One look. While one goes on, another does nothing; while nginx does not answer, the next one asks again. */
  async round(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const waiting = (await this.#options.ask()).asked.slice(0, CRAWLERS_ASKED_MAX);
      const found: CrawlerFinding[] = [];
      const next = waiting[Symbol.iterator]();
      const work = async (): Promise<void> => {
        for (const question of next)
          found.push(await findOut(question, { ranges: this.#ranges, dns: this.#options.dns }));
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      if (found.length > 0) await this.#options.tell(found);
    } catch {
      // nginx is being started: who asks again is asked about again.
    } finally {
      this.#busy = false;
    }
  }
}
