/**
 * Where a name leads that a customer chose: of an origin, of a webhook. DNS is asked directly, since the system's own look-up runs on the four threads that
 * files and passwords need as well, and somebody may choose names whose servers never answer. Only what DNS does not know goes to the system (its hosts
 * file, names of this machine), few at a time.
 */
import { lookup, Resolver } from "node:dns/promises";

export type NameLook = (host: string) => Promise<readonly string[]>;

const ASK_MS = 1500;
const TRIES = 2;
const ADDRESSES_MAX = 16;
const SYSTEM_AT_ONCE = 2;
const SYSTEM_WAITING_MAX = 100;
/** Servers were asked and did not say, as c-ares calls it: the system would wait for the same ones. */
const SILENT = new Set(["ETIMEOUT", "ESERVFAIL", "EREFUSED", "EBADRESP"]);

const ofSystem: NameLook = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/** Answers at most ADDRESSES_MAX addresses, at least one; rejects with what the DNS or the system says. */
export function openNameLook(
  options: { readonly servers?: readonly string[]; readonly system?: NameLook; readonly askMs?: number } = {},
): NameLook {
  const { servers = [], system = ofSystem, askMs = ASK_MS } = options;
  const resolver = new Resolver({ timeout: askMs, tries: TRIES });
  if (servers.length > 0) resolver.setServers([...servers]);
  const waiting: (() => void)[] = [];
  let running = 0;

  async function bySystem(host: string): Promise<readonly string[]> {
    if (running >= SYSTEM_AT_ONCE) {
      if (waiting.length >= SYSTEM_WAITING_MAX)
        throw new Error(`Too many names are being looked up: ${host}`);
      // Whoever is done hands the place on.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return (await system(host)).slice(0, ADDRESSES_MAX);
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  }

  return async (host) => {
    const name = host.toLowerCase().replace(/\.$/, "");
    if (!name.includes(".") || name.endsWith(".localhost")) return bySystem(name);
    const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const found = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    if (found.length > 0) return found.slice(0, ADDRESSES_MAX);
    for (const answer of answers) {
      if (answer.status === "rejected" && SILENT.has((answer.reason as { code?: string }).code ?? ""))
        throw answer.reason;
    }
    return bySystem(name);
  };
}

export const lookUpName = openNameLook();
