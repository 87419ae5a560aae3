/**
 * Settings: one JSON file, `parapet.json` in the data folder (or where PARAPET_SETTINGS points), parsed once into a frozen value.
 * Every field has a sentence and a default that works. Unknown keys, wrong types and values out of bounds are errors that name the
 * key and say what to do; nothing starts on half-understood settings.
 */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import { resolve } from "node:path";
import ipaddr from "ipaddr.js";
import { Fault } from "../contract/fault.ts";
import { BODY_BYTES_MAX_MAX, type PolicyLimit } from "../contract/policy.ts";
import type { Settings } from "../contract/settings.ts";
import {
  parseAcmeDirectory,
  parseDnsServers,
  parseDnsUpdate,
  parseExternalAccount,
  parseFile,
} from "./settings-acme.ts";
import { parseEdgeAddresses, parsePreviewDomain } from "./settings-names.ts";

const FILE_BYTES_MAX = 64 * 1024;

type Field<T> = {
  readonly about: string;
  /** Gets the fields above it, for defaults that follow from another setting. */
  readonly fallback: (above: Partial<Settings>) => T;
  /** Returns the value, or a sentence that says what is wanted. */
  readonly parse: (value: unknown) => { readonly value: T } | { readonly wanted: string };
};

const wanted = (text: string): { readonly wanted: string } => ({ wanted: text });
const text =
  (pattern: RegExp, what: string) =>
  (value: unknown): { readonly value: string } | { readonly wanted: string } =>
    typeof value === "string" && value.length <= 500 && pattern.test(value) ? { value } : wanted(what);
const whole =
  (min: number, max: number) =>
  (value: unknown): { readonly value: number } | { readonly wanted: string } =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? { value: value as number }
      : wanted(`a whole number from ${min} to ${max}`);

const DATABASE_FILE = /^$|^\/[^\0]+\.mmdb$/;
const RANGES_FILE = /^$|^\/[^\0]+\.json$/;
const LISTEN = /^(\[[0-9a-f:]+\]|[0-9a-z.-]+):\d{1,5}$/i;
const LISTEN_OR_NOT = new RegExp(`^$|${LISTEN.source}`, "i");

export const FIELDS: { readonly [K in Exclude<keyof Settings, "dataDir">]: Field<Settings[K]> } = {
  controlListen: {
    about: "Where the control plane listens: console, public pages, API.",
    fallback: () => "127.0.0.1:8081",
    parse: text(LISTEN, 'an address like "127.0.0.1:8081"'),
  },
  publicUrl: {
    about: "What people type to reach the control plane.",
    fallback: ({ controlListen = "" }) =>
      `http://localhost:${controlListen.slice(controlListen.lastIndexOf(":") + 1)}`,
    parse: text(/^https?:\/\/[^/\s]+$/, 'an address like "https://desk.example", without a slash at the end'),
  },
  edgeListen: {
    about: "Where the edge listens for visitors. 0.0.0.0 opens it to the network.",
    fallback: () => "127.0.0.1:8080",
    parse: text(LISTEN, 'an address like "0.0.0.0:8080"'),
  },
  edgeListenTls: {
    about: "Where the edge listens for visitors over TLS (HTTP/1.1 and HTTP/2). Empty for nowhere.",
    fallback: () => "127.0.0.1:8443",
    parse: text(LISTEN_OR_NOT, 'empty, or an address like "0.0.0.0:8443"'),
  },
  demoListen: {
    about:
      "Where the small demo site listens, which a new instance protects as demo.localhost. Empty for none.",
    fallback: () => "127.0.0.1:8082",
    parse: text(/^$|^127\.\d+\.\d+\.\d+:\d{1,5}$/, 'empty, or a loopback address like "127.0.0.1:8082"'),
  },
  edgeWorkers: {
    about: "How many nginx workers the edge runs.",
    fallback: () => Math.min(64, availableParallelism()),
    parse: whole(1, 64),
  },
  databaseUrl: {
    about:
      'Empty for the embedded database, or "postgres://user@host/name". The embedded one is not for production.',
    fallback: () => "",
    parse: text(/^$|^postgres(ql)?:\/\//, 'empty, or an address like "postgres://parapet@127.0.0.1/parapet"'),
  },
  operatorName: {
    about: "Who runs this edge, as visitors and customers read it.",
    fallback: () => "The operator of this edge",
    parse: text(/^[^\p{C}]{1,120}$/u, "a name of 1 to 120 characters"),
  },
  operatorUrl: {
    about: 'Where the operator is found; named in notices as rel="blocked-by" (RFC 7725).',
    fallback: ({ publicUrl = "" }) => `${publicUrl}/`,
    parse: text(/^https?:\/\/[^\s"<>]+$/, 'an address like "https://operator.example/"'),
  },
  logOrigin: {
    about:
      "The transparency log's name for ever (C2SP checkpoint origin): the address under which it is published, without scheme.",
    fallback: () =>
      `${
        hostname()
          .toLowerCase()
          .replace(/[^a-z0-9.-]/g, "-") || "parapet"
      }.localhost/log`,
    parse: text(/^[a-z0-9][a-z0-9./-]{2,200}$/, 'a name like "desk.example/log"'),
  },
  smtpUrl: {
    about:
      'How mail leaves: "smtp://host:25" or "smtps://user:password@host". Empty: mail waits, and the console says so.',
    fallback: () => "",
    parse: text(/^$|^smtps?:\/\/\S+$/, 'empty, or an address like "smtp://127.0.0.1:25"'),
  },
  mailFrom: {
    about: "The sender of the desk's mail.",
    fallback: () => "desk@parapet.localhost",
    parse: text(/^[^\s@<>"]{1,64}@[a-z0-9.-]{1,200}$/i, "an e-mail address"),
  },
  originPrivateRanges: {
    about:
      "Private address ranges (CIDR) in which origins are allowed. Loopback is allowed by default so that a first try works.",
    fallback: () => ["127.0.0.0/8", "::1/128"],
    parse: (value) =>
      Array.isArray(value) &&
      value.length <= 100 &&
      value.every((range) => typeof range === "string" && ipaddr.isValidCIDR(range))
        ? { value: value as string[] }
        : wanted('a list of ranges like ["10.0.0.0/8"]'),
  },
  acmeDirectory: {
    about:
      'Which authority certificates are asked of (RFC 8555): "letsencrypt", "letsencrypt-staging", the address of a directory, or empty for none. To set it is to agree to the authority\'s terms.',
    fallback: () => "",
    parse: parseAcmeDirectory,
  },
  acmeEmail: {
    about: "Whom the certificate authority writes to when something is wrong. Empty for nobody.",
    fallback: () => "",
    parse: text(/^$|^[^\s@<>",]{1,64}@[a-z0-9.-]{1,200}$/i, "empty, or an e-mail address"),
  },
  acmeCaFile: {
    about:
      "A PEM file with the authority that the directory's own certificate is checked against. Empty for the public ones.",
    fallback: () => "",
    parse: parseFile,
  },
  acmeExternalAccount: {
    about: "The account that some authorities ask for (external account binding), or null.",
    fallback: () => null,
    parse: parseExternalAccount,
  },
  dnsUpdate: {
    about:
      "How a TXT record comes into the DNS, which wildcard certificates need: by RFC 2136 or by a command; null for not at all.",
    fallback: () => null,
    parse: parseDnsUpdate,
  },
  dnsServers: {
    about:
      "The resolvers that customers' names are looked up with, as addresses and ports. Empty: those of this machine.",
    fallback: () => [],
    parse: parseDnsServers,
  },
  edgeAddresses: {
    about:
      "Under what visitors reach this edge: addresses, and names that customers point an alias at. Empty: customers are not told which records to set.",
    fallback: () => [],
    parse: parseEdgeAddresses,
  },
  previewDomain: {
    about:
      "Below it every site has a name of its own for a look before its DNS is switched; all names below it have to lead to this edge. Empty for none.",
    fallback: () => "",
    parse: parsePreviewDomain,
  },
  countryDatabase: {
    about:
      "An MMDB file with countries (GeoLite2-Country, DB-IP, IPinfo), for sites' rules by country. Empty for none; read at start.",
    fallback: () => "",
    parse: text(DATABASE_FILE, "empty, or the path of an .mmdb file from the root"),
  },
  asnDatabase: {
    about:
      "An MMDB file with autonomous system numbers (GeoLite2-ASN, DB-IP), for sites' rules by ASN. Empty for none; read at start.",
    fallback: () => "",
    parse: text(DATABASE_FILE, "empty, or the path of an .mmdb file from the root"),
  },
  crawlerRanges: {
    about:
      "A JSON file with the ranges that crawlers publish, by name: they are let through challenges without asking DNS. Empty for none; read at start.",
    fallback: () => "",
    parse: text(RANGES_FILE, "empty, or the path of a .json file from the root"),
  },
  edgeAllowNetworks: {
    about:
      "Address ranges (CIDR) that no ban, limit, rule or challenge ever stops, on every site: your monitoring, your partners' edges. A measure of the desk still does.",
    fallback: () => [],
    parse: (value) =>
      Array.isArray(value) &&
      value.length <= 500 &&
      value.every((range) => typeof range === "string" && ipaddr.isValidCIDR(range) && !range.endsWith("/0"))
        ? { value: value as string[] }
        : wanted('a list of ranges like ["192.0.2.0/24"], none of which is every address there is'),
  },
  kernelBans: {
    about:
      'Whether clients that keep coming although refused are kept out by the kernel (nftables) for minutes: "auto" where it lets the edge, or "off".',
    fallback: () => "auto",
    parse: (value) => (value === "auto" || value === "off" ? { value } : wanted('"auto" or "off"')),
  },
  defaultLimit: {
    about: "What one client may ask of a new site, per second and at once; null for no limit.",
    fallback: () => ({ requestsPerSecond: 100, burst: 300 }),
    parse: (value) => {
      if (value === null) return { value: null };
      const limit = value as Partial<PolicyLimit>;
      const keys = typeof value === "object" ? Object.keys(value).sort().join() : "";
      const ok = (n: unknown): n is number =>
        Number.isSafeInteger(n) && (n as number) >= 1 && (n as number) <= 1_000_000;
      return keys === "burst,requestsPerSecond" && ok(limit.requestsPerSecond) && ok(limit.burst)
        ? { value: { requestsPerSecond: limit.requestsPerSecond, burst: limit.burst } }
        : wanted('null, or {"requestsPerSecond": 100, "burst": 300}');
    },
  },
  cacheBytesMax: {
    about:
      "What all sites together may keep in one node's cache, in bytes; never more than half of the disk's free room.",
    fallback: () => 10 * 1024 ** 3,
    parse: whole(16 * 1024 ** 2, 1024 ** 5),
  },
  bodyBytesMax: {
    about: "The largest request body a new site takes, in bytes.",
    fallback: () => 1024 * 1024 * 1024,
    parse: whole(0, BODY_BYTES_MAX_MAX),
  },
};

/** Reads the settings for a data folder. Throws a Fault that names the key and says what is wanted. */
export function readSettings(options: {
  readonly dataDir: string;
  readonly file?: string;
  readonly overrides?: Readonly<Record<string, unknown>>;
}): Settings {
  const dataDir = resolve(options.dataDir);
  const file = options.file ?? process.env["PARAPET_SETTINGS"] ?? `${dataDir}/parapet.json`;
  const given = { ...readFile(file), ...options.overrides };
  const fields: Record<string, string> = {};
  const settings: Record<string, unknown> = { dataDir };
  for (const key of Object.keys(given)) {
    if (!(key in FIELDS))
      fields[key] = `There is no setting "${key.slice(0, 60)}": remove it, or see "parapet config show"`;
  }
  for (const [key, field] of Object.entries(FIELDS)) {
    if (!(key in given)) {
      settings[key] = field.fallback(settings as Partial<Settings>);
      continue;
    }
    const parsed = field.parse(given[key]);
    if ("value" in parsed) settings[key] = parsed.value;
    else
      fields[key] =
        `Cannot use ${JSON.stringify(given[key])?.slice(0, 80)} for "${key}": give ${parsed.wanted}`;
  }
  const problems = Object.values(fields);
  if (problems.length > 0) {
    throw new Fault(
      "input.unknown-setting",
      `Cannot start with these settings (${file}):\n  ${problems.join("\n  ")}`,
      { fields },
    );
  }
  return Object.freeze(settings) as Settings;
}

function readFile(file: string): Record<string, unknown> {
  if (!existsSync(file)) return {};
  const bytes = readFileSync(file);
  if (bytes.length > FILE_BYTES_MAX) {
    throw new Fault(
      "input.too-large",
      `Cannot read settings of ${bytes.length} bytes from ${file}: keep the file below ${FILE_BYTES_MAX}`,
    );
  }
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch (cause) {
    throw new Fault(
      "input.invalid",
      `Cannot read ${file} as JSON (${(cause as Error).message}): mend or remove it`,
      { cause },
    );
  }
  throw new Fault("input.invalid", `Cannot use ${file} as settings: it has to hold one JSON object`);
}
