/**
 * What the DNS says of a customer's name, read through the resolvers of the settings. Every answer is foreign: bounded in number and
 * length, and "there is none" is told apart from "nobody answered", as a proof lapses by the first and never by the second.
 */
import { Resolver } from "node:dns/promises";

export type Looked<T> =
  { readonly ok: true; readonly records: readonly T[] } | { readonly ok: false; readonly why: string };

export type Mx = { readonly exchange: string; readonly priority: number };
export type Caa = { readonly tag: string; readonly value: string; readonly critical: boolean };

export interface DnsLook {
  a(name: string): Promise<Looked<string>>;
  aaaa(name: string): Promise<Looked<string>>;
  cname(name: string): Promise<Looked<string>>;
  txt(name: string): Promise<Looked<string>>;
  mx(name: string): Promise<Looked<Mx>>;
  caa(name: string): Promise<Looked<Caa>>;
  ns(name: string): Promise<Looked<string>>;
  /** A and AAAA together. Fails only when both do. */
  addresses(name: string): Promise<Looked<string>>;
}

const TIMEOUT_MS = 2000;
const TRIES = 2;
const RECORDS_MAX = 30;
const TEXT_CHARS_MAX = 2000;
const NAME_CHARS_MAX = 253;

/** c-ares' words for "the name, or this type of it, does not exist". */
const NONE = new Set(["ENODATA", "ENOTFOUND"]);

export function openDnsLook(servers: readonly string[]): DnsLook {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  if (servers.length > 0) resolver.setServers([...servers]);

  const asked = async <T>(what: string, work: () => Promise<readonly T[]>): Promise<Looked<T>> => {
    try {
      return { ok: true, records: (await work()).slice(0, RECORDS_MAX) };
    } catch (error) {
      const code = String((error as { code?: unknown }).code ?? "no answer");
      if (NONE.has(code)) return { ok: true, records: [] };
      return { ok: false, why: `The DNS did not answer for ${what} (${code.slice(0, 30)})` };
    }
  };
  const names = (list: readonly string[]): string[] =>
    list.map((name) => name.replace(/\.$/, "").toLowerCase().slice(0, NAME_CHARS_MAX));

  const look: DnsLook = {
    a: (name) => asked(`${name} A`, () => resolver.resolve4(name)),
    aaaa: (name) => asked(`${name} AAAA`, () => resolver.resolve6(name)),
    cname: (name) => asked(`${name} CNAME`, async () => names(await resolver.resolveCname(name))),
    txt: (name) =>
      asked(`${name} TXT`, async () =>
        (await resolver.resolveTxt(name)).map((parts) => parts.join("").slice(0, TEXT_CHARS_MAX)),
      ),
    mx: (name) =>
      asked(`${name} MX`, async () =>
        (await resolver.resolveMx(name))
          .map(({ exchange, priority }) => ({ exchange: names([exchange])[0] ?? "", priority }))
          .sort((a, b) => a.priority - b.priority || (a.exchange < b.exchange ? -1 : 1)),
      ),
    caa: (name) =>
      asked(`${name} CAA`, async () => (await resolver.resolveCaa(name)).map((record) => caaOf(record))),
    ns: (name) => asked(`${name} NS`, async () => names(await resolver.resolveNs(name)).sort()),
    async addresses(name) {
      const [a, aaaa] = await Promise.all([look.a(name), look.aaaa(name)]);
      if (!a.ok && !aaaa.ok) return a;
      return { ok: true, records: [...(a.ok ? a.records : []), ...(aaaa.ok ? aaaa.records : [])] };
    },
  };
  return look;
}

/** Node gives the tag as a property: `{ critical: 0, issue: "letsencrypt.org" }`. */
function caaOf(record: object): Caa {
  const entry = Object.entries(record).find(([key]) => key !== "critical" && key !== "type");
  return {
    tag: (entry?.[0] ?? "").toLowerCase().slice(0, 30),
    value: String(entry?.[1] ?? "").slice(0, TEXT_CHARS_MAX),
    critical: Number((record as { critical?: unknown }).critical ?? 0) !== 0,
  };
}
