/**
 * What a customer should do to bring a name here, read from the DNS as it is: where the site runs now, which records to set, which to
 * leave alone, and what would go wrong. A proposal: nothing is changed, and nothing of it is trusted later. Bounded in questions
 * and time.
 */
import { connect, isIP } from "node:net";
import { domainToUnicode } from "node:url";
import type { DnsRecord, HostnamePlan } from "../contract/http-sites.ts";
import type { Settings } from "../contract/settings.ts";
import type { Caa, DnsLook, Looked } from "./dns-look.ts";
import { baseOf, parseClaim, registrableOf } from "./hostname-names.ts";
import { canonical, ownAddresses, type ProofLook } from "./hostname-proof.ts";
import { addressAllowed } from "./origin.ts";

const CONNECT_MS = 1500;
const CAA_LEVELS_MAX = 8;

/** Services that stand in front of sites, by the end of the names that they hand out. */
const OTHER_EDGES: readonly (readonly [end: string, who: string])[] = [
  ["cdn.cloudflare.net", "Cloudflare"],
  ["cloudfront.net", "CloudFront"],
  ["fastly.net", "Fastly"],
  ["akamaiedge.net", "Akamai"],
  ["edgekey.net", "Akamai"],
  ["edgesuite.net", "Akamai"],
  ["azureedge.net", "Azure"],
  ["azurefd.net", "Azure"],
  ["b-cdn.net", "bunny.net"],
  ["incapdns.net", "Imperva"],
  ["sucuri.net", "Sucuri"],
  ["ddos-guard.net", "DDoS-Guard"],
  ["netlifyglobalcdn.com", "Netlify"],
  ["vercel-dns.com", "Vercel"],
  ["gcdn.co", "Gcore"],
  ["kxcdn.com", "KeyCDN"],
];

/** What authorities call themselves in CAA records (RFC 8659 §4.2), by the domain of their directory. */
const CAA_OF_AUTHORITY: Readonly<Record<string, string>> = {
  "letsencrypt.org": "letsencrypt.org",
  "zerossl.com": "sectigo.com",
  "pki.goog": "pki.goog",
  "buypass.com": "buypass.com",
  "ssl.com": "ssl.com",
};

type PlanSettings = Pick<
  Settings,
  "publicUrl" | "edgeAddresses" | "previewDomain" | "acmeDirectory" | "originPrivateRanges"
>;

type Read = {
  readonly hostname: string;
  readonly base: string;
  readonly domain: string;
  readonly addresses: Looked<string>;
  readonly a: readonly string[];
  readonly aaaa: readonly string[];
  readonly cname: readonly string[];
  readonly mx: readonly { readonly exchange: string; readonly priority: number }[];
  readonly ns: readonly string[];
  readonly txt: readonly string[];
  readonly caa: { readonly at: string; readonly records: readonly Caa[] } | null;
};

export function openHostnamePlans(deps: {
  readonly look: ProofLook;
  readonly settings: PlanSettings;
}): (hostname: string) => Promise<HostnamePlan> {
  const { look, settings } = deps;
  return async (typed) => {
    const parsed = parseClaim(typed, settings);
    if (!parsed.ok) {
      const hostname = typed.slice(0, 253);
      return {
        hostname,
        found: [],
        proposedOriginUrl: null,
        toSet: [],
        toKeep: [],
        warnings: [],
        refusedBecause: parsed.why,
      };
    }
    const read = await readName(parsed.value, look.dns);
    const ours = await ownAddresses(look);
    const mailAddresses = await mailHosts(read, look.dns);
    const origin = await proposeOrigin(read, { ours, settings });
    return {
      hostname: parsed.value,
      found: foundOf(read),
      proposedOriginUrl: origin.url,
      toSet: toSetOf(read, settings),
      toKeep: toKeepOf(read),
      warnings: [...origin.warnings, ...warningsOf(read, { mailAddresses, ours, settings })],
      refusedBecause: null,
    };
  };
}

const records = <T>(looked: Looked<T>): readonly T[] => (looked.ok ? looked.records : []);

async function readName(hostname: string, dns: DnsLook): Promise<Read> {
  const base = baseOf(hostname);
  // What a wildcard answers is asked with a label that nobody has.
  const asked = base === hostname ? hostname : `parapet-check.${base}`;
  const domain = registrableOf(hostname);
  const [a, aaaa, cname, mx, ns, txt, caa] = await Promise.all([
    dns.a(asked),
    dns.aaaa(asked),
    dns.cname(asked),
    dns.mx(base),
    dns.ns(domain),
    dns.txt(base),
    caaAbove(base, { domain, dns }),
  ]);
  const domainMx = domain === base || records(mx).length > 0 ? [] : records(await dns.mx(domain));
  return {
    hostname,
    base,
    domain,
    addresses: a.ok || aaaa.ok ? { ok: true, records: [...records(a), ...records(aaaa)] } : a,
    a: records(a),
    aaaa: records(aaaa),
    cname: records(cname),
    mx: [...records(mx), ...domainMx],
    ns: records(ns),
    txt: records(txt),
    caa,
  };
}

/** The nearest CAA records on the way up to the registered domain (RFC 8659 §3). */
async function caaAbove(
  base: string,
  at: { readonly domain: string; readonly dns: DnsLook },
): Promise<Read["caa"]> {
  let name = base;
  for (let level = 0; level < CAA_LEVELS_MAX; level++) {
    const found = records(await at.dns.caa(name));
    if (found.length > 0) return { at: name, records: found };
    if (name === at.domain || !name.includes(".")) return null;
    name = name.slice(name.indexOf(".") + 1);
  }
  return null;
}

/** Addresses of the machines that take the domain's mail, of the first three. */
async function mailHosts(read: Read, dns: DnsLook): Promise<ReadonlyMap<string, readonly string[]>> {
  const hosts = [...new Set(read.mx.map((mx) => mx.exchange))].filter((host) => host !== "").slice(0, 3);
  const found = await Promise.all(hosts.map((host) => dns.addresses(host)));
  return new Map(hosts.map((host, i) => [host, found[i]?.ok === true ? found[i].records : []]));
}

async function proposeOrigin(
  read: Read,
  about: { readonly ours: ReadonlySet<string>; readonly settings: PlanSettings },
): Promise<{ readonly url: string | null; readonly warnings: readonly string[] }> {
  const { addresses, base } = read;
  if (!addresses.ok)
    return { url: null, warnings: [`${addresses.why}: try again, or check the name servers`] };
  if (addresses.records.length === 0) {
    const target = read.cname[0];
    return {
      url: null,
      warnings: [
        target === undefined
          ? `"${base}" leads nowhere yet: give the address of your server yourself`
          : `"${base}" is an alias of "${target}", which leads nowhere: whoever can create that name takes over yours, so remove or change the record`,
      ],
    };
  }
  const others = addresses.records.filter((address) => !about.ours.has(canonical(address)));
  if (others.length === 0) {
    return {
      url: null,
      warnings: [`"${base}" leads to this edge already: give the address of your server yourself`],
    };
  }
  const usable = others.filter((address) => addressAllowed(address, about.settings.originPrivateRanges));
  const [address] = usable;
  if (address === undefined) {
    return {
      url: null,
      warnings: [
        `"${base}" leads to ${others[0] ?? ""}, which is no public address: give one that this edge can reach`,
      ],
    };
  }
  const scheme = (await accepts(address, 443)) ? "https" : "http";
  const target = read.cname.at(-1);
  const host = target ?? (isIP(address) === 6 ? `[${address}]` : address);
  return { url: `${scheme}://${host}`, warnings: [] };
}

/** Whether something listens there. */
function accepts(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(CONNECT_MS, () => done(false));
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}

function foundOf(read: Read): DnsRecord[] {
  const name = read.hostname;
  return [
    ...read.cname.map((value): DnsRecord => ({ type: "CNAME", name, value })),
    ...(read.cname.length > 0 ? [] : read.a.map((value): DnsRecord => ({ type: "A", name, value }))),
    ...(read.cname.length > 0 ? [] : read.aaaa.map((value): DnsRecord => ({ type: "AAAA", name, value }))),
    ...mxRecords(read),
    ...read.ns.map((value): DnsRecord => ({ type: "NS", name: read.domain, value })),
    ...(read.caa?.records ?? []).map(({ tag, value, critical }): DnsRecord => ({
      type: "CAA",
      name: read.caa?.at ?? read.base,
      value: `${critical ? 128 : 0} ${tag} "${value}"`,
    })),
    ...read.txt
      .slice(0, 10)
      .map((value): DnsRecord => ({ type: "TXT", name: read.base, value: value.slice(0, 300) })),
  ];
}

const mxRecords = (read: Read): DnsRecord[] =>
  read.mx.map(({ exchange, priority }) => ({
    type: "MX",
    name: read.domain,
    value: `${priority} ${exchange}`,
  }));

/** An apex cannot be an alias (RFC 1034 §3.6.2), so it gets addresses; a name below it gets the edge's name where there is one. */
function toSetOf(read: Read, settings: PlanSettings): DnsRecord[] {
  const name = read.hostname;
  const edgeName = settings.edgeAddresses.find((entry) => isIP(entry) === 0);
  if (name !== read.domain && edgeName !== undefined) return [{ type: "CNAME", name, value: edgeName }];
  return settings.edgeAddresses
    .filter((entry) => isIP(entry) !== 0)
    .map((value) => ({ type: isIP(value) === 6 ? "AAAA" : "A", name, value }));
}

function toKeepOf(read: Read): DnsRecord[] {
  const policies = read.txt
    .filter((text) => /^(v=spf1|v=dmarc1|google-site-verification|ms=)/i.test(text))
    .map((value): DnsRecord => ({ type: "TXT", name: read.base, value: value.slice(0, 300) }));
  return [...mxRecords(read), ...policies];
}

function warningsOf(
  read: Read,
  about: {
    readonly mailAddresses: ReadonlyMap<string, readonly string[]>;
    readonly ours: ReadonlySet<string>;
    readonly settings: PlanSettings;
  },
): string[] {
  const { settings } = about;
  const warnings: string[] = [];
  const edgeName = settings.edgeAddresses.find((entry) => isIP(entry) === 0);
  if (settings.edgeAddresses.length === 0) {
    warnings.push(
      "The operator has not said under which addresses this edge is reached: ask which records to set",
    );
  } else if (read.hostname === read.domain && !settings.edgeAddresses.some((entry) => isIP(entry) !== 0)) {
    warnings.push(
      `"${read.hostname}" is a domain's own name and cannot be an alias: set ALIAS or ANAME to ${edgeName ?? "the edge"} if your DNS has it, or protect "www.${read.hostname}" and redirect to it`,
    );
  }
  warnings.push(...mailWarnings(read, about.mailAddresses));
  const caa = caaWarning(read, settings.acmeDirectory);
  if (caa !== null) warnings.push(caa);
  for (const target of read.cname) {
    const other = OTHER_EDGES.find(([end]) => target === end || target.endsWith(`.${end}`));
    if (other !== undefined) {
      warnings.push(
        `"${read.hostname}" goes through ${other[1]} (${target}): give the address of the server behind it, or visitors pass both`,
      );
    }
  }
  if (
    read.aaaa.length > 0 &&
    !settings.edgeAddresses.some((entry) => isIP(entry) !== 4) &&
    settings.edgeAddresses.length > 0
  ) {
    warnings.push(
      "Remove the AAAA record: this edge has no IPv6 address, and visitors with IPv6 would go past it",
    );
  }
  if (read.base.split(".").some((label) => label.startsWith("xn--"))) {
    warnings.push(
      `"${read.base}" is written "${domainToUnicode(read.base)}": check that no letter only looks like another`,
    );
  }
  return warnings;
}

function mailWarnings(read: Read, addresses: ReadonlyMap<string, readonly string[]>): string[] {
  const site = new Set([...read.a, ...read.aaaa].map(canonical));
  const warnings: string[] = [];
  for (const [host, found] of addresses) {
    if (host === read.hostname) {
      warnings.push(
        `Mail of ${read.domain} goes to "${host}" itself, and this edge takes no mail: give the mail server a name of its own, like "mail.${read.domain}", and let the MX record name that`,
      );
    } else if (found.some((address) => site.has(canonical(address)))) {
      warnings.push(
        `The mail server "${host}" stands at the same address as the site: its record tells attackers where your server is, past this edge`,
      );
    }
  }
  return warnings;
}

/** RFC 8659 §4.3: with any issue property, only those that are named may issue. */
function caaWarning(read: Read, directory: string): string | null {
  if (read.caa === null || directory === "") return null;
  const wildcard = read.hostname.startsWith("*.");
  const of = (tag: string): readonly string[] =>
    (read.caa?.records ?? [])
      .filter((record) => record.tag === tag)
      .map((record) => (record.value.split(";")[0] ?? "").trim().toLowerCase());
  const named = wildcard && of("issuewild").length > 0 ? of("issuewild") : of("issue");
  if (named.length === 0) return null;
  const authority = caaOfDirectory(directory);
  if (authority === null) {
    return `CAA records at ${read.caa.at} say who may issue certificates: check that the operator's authority is among them`;
  }
  if (named.includes(authority)) return null;
  return `CAA records at ${read.caa.at} forbid ${authority} to issue a certificate: add CAA 0 ${wildcard ? "issuewild" : "issue"} "${authority}"`;
}

function caaOfDirectory(directory: string): string | null {
  if (directory.startsWith("letsencrypt")) return "letsencrypt.org";
  if (!URL.canParse(directory)) return null;
  return CAA_OF_AUTHORITY[registrableOf(new URL(directory).hostname)] ?? null;
}
