/**
 * Asks DNS where a name leads that a customer chose, and for how long that holds; nodes and control plane ask alike. The hosts file comes first, as for every program of this machine; then
 * the record's own time to live (RFC 1035 §3.2.1) says when to ask again. Names of this machine (localhost) and names that only the
 * system knows go to the system, which tells no time.
 */
import { Resolver } from "node:dns/promises";
import { readFileSync, statSync } from "node:fs";
import { isAddress } from "../contract/public-address.ts";
import { systemLook, type SystemLook } from "./system-look.ts";

export type Resolved = {
  readonly addresses: readonly string[];
  /** As DNS says it; the caller bounds it. */
  readonly ttlSeconds: number;
};
export type Resolve = (host: string) => Promise<Resolved>;

/** For answers that come without a time. */
export const TTL_UNKNOWN_SECONDS = 30;

const ASK_MS = 2000;
const TRIES = 2;
const HOSTS_BYTES_MAX = 1024 * 1024;
/** There is no such name, or no such record: the others' words for the same. */
const NOTHING = new Set(["ENOTFOUND", "ENODATA"]);

/** `servers`: "ADDRESS" or "ADDRESS:PORT" of DNS servers; empty for those of the system. */
export function createResolver(options: {
  readonly servers: readonly string[];
  readonly hostsFile?: string;
  /** Instead of the system. Left out, it is asked for what DNS does not know only where its own servers were asked. */
  readonly system?: SystemLook;
}): Resolve {
  const { system = systemLook } = options;
  const asksSystem = options.servers.length === 0 || options.system !== undefined;
  const bySystem = async (name: string): Promise<Resolved> => ({
    addresses: await system(name),
    ttlSeconds: TTL_UNKNOWN_SECONDS,
  });
  const resolver = new Resolver({ timeout: ASK_MS, tries: TRIES });
  if (options.servers.length > 0) resolver.setServers(options.servers);
  const hosts = hostsFrom(options.hostsFile ?? "/etc/hosts");
  return async (host) => {
    const name = host.toLowerCase().replace(/\.$/, "");
    const listed = hosts().get(name);
    if (listed !== undefined) return { addresses: listed, ttlSeconds: TTL_UNKNOWN_SECONDS };
    if (!name.includes(".") || name.endsWith(".localhost")) return bySystem(name);
    const answers = await Promise.allSettled([
      resolver.resolve4(name, { ttl: true }),
      resolver.resolve6(name, { ttl: true }),
    ]);
    const found = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    if (found.length > 0) {
      return {
        addresses: found.map(({ address }) => address),
        ttlSeconds: Math.min(...found.map(({ ttl }) => ttl)),
      };
    }
    const failed = answers.find(
      (answer) =>
        answer.status === "rejected" && !NOTHING.has((answer.reason as { code?: string }).code ?? ""),
    );
    if (failed?.status === "rejected") throw failed.reason;
    // Nothing under this name: the system may know other ways, such as multicast DNS.
    if (asksSystem) return bySystem(name);
    return { addresses: [], ttlSeconds: TTL_UNKNOWN_SECONDS };
  };
}

/** The hosts file as a map, read again when it changed. A file that cannot be read is an empty one. */
function hostsFrom(path: string): () => ReadonlyMap<string, readonly string[]> {
  let known: ReadonlyMap<string, readonly string[]> = new Map();
  let stamp = "";
  return () => {
    try {
      const { mtimeMs, size } = statSync(path);
      if (stamp === `${mtimeMs} ${size}`) return known;
      stamp = `${mtimeMs} ${size}`;
      known = size > HOSTS_BYTES_MAX ? new Map() : parseHosts(readFileSync(path, "utf8"));
    } catch {
      known = new Map();
      stamp = "";
    }
    return known;
  };
}

/** "ADDRESS NAME NAME # words", a line each (hosts(5)). Lines that are something else count for nothing. */
export function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = (line.split("#")[0] ?? "").trim().split(/\s+/);
    if (!isAddress(address)) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      hosts.set(key, [...(hosts.get(key) ?? []), address]);
    }
  }
  return hosts;
}
