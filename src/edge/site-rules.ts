/**
 * An owner's rules, made ready once per change so that a request costs a few lookups. Everything here is a decision without nginx: what a
 * request is comes in as arguments. A rule that asks for a database which this edge does not have judges in the visitor's favour, as
 * a broken file must not close a site; in a database that is there, an address without an entry is of no country.
 */
import type {
  AccessRule,
  HeaderRule,
  Maintenance,
  RobotsSettings,
  SiteRules,
} from "../contract/site-rules.ts";
import { aiRobotsGroup } from "./ai-crawlers.ts";
import type { Language } from "./negotiate.ts";
import { digits, nameSet, type NameSet } from "./name-set.ts";
import { isInNetworks, prepareNetworks, type NetworkSet } from "./network.ts";
import { isInPaths, preparePaths, type PathSet } from "./path-glob.ts";
import { prepareRedirects, type PreparedRedirect } from "./redirect.ts";

export type PreparedAccess = {
  readonly allows: boolean;
  readonly paths: PathSet | undefined;
  readonly methods: NameSet | undefined;
  readonly networks: NetworkSet | undefined;
  readonly asns: NameSet | undefined;
  readonly countries: NameSet | undefined;
};
export type PreparedMaintenance = {
  readonly messageEn: string;
  readonly messageFr: string;
  readonly allowNetworks: NetworkSet | undefined;
  readonly retryAfterSeconds: number;
};
export type PreparedRules = {
  readonly maintenance: PreparedMaintenance | undefined;
  readonly access: readonly PreparedAccess[];
  readonly asksNetwork: boolean;
  readonly asksAsn: boolean;
  readonly asksCountry: boolean;
  readonly blocksAiCrawlers: boolean;
  readonly redirects: readonly PreparedRedirect[];
  /** What /robots.txt is answered with; "" leaves it to the origin. */
  readonly robots: string;
  readonly requestHeaders: readonly HeaderRule[];
};

/** Stands for a country or number that nobody can know here, as there is no database. */
export const UNKNOWN = "?";

/** Undefined when nothing is set that a request has to be asked about. */
export function prepareRules(rules: SiteRules): PreparedRules | undefined {
  const requestHeaders = headersOn(rules.headers, "request");
  const robots = robotsText(rules.robots);
  const { access, maintenance, redirects } = rules;
  if (
    !maintenance.on &&
    access.length === 0 &&
    redirects.length === 0 &&
    requestHeaders.length === 0 &&
    robots === ""
  ) {
    return undefined;
  }
  let asksNetwork = false;
  let asksAsn = false;
  let asksCountry = false;
  const prepared: PreparedAccess[] = [];
  for (const rule of access) {
    if (rule.networks.length > 0) asksNetwork = true;
    if (rule.asns.length > 0) asksAsn = true;
    if (rule.countries.length > 0) asksCountry = true;
    prepared.push(prepareAccess(rule));
  }
  return {
    maintenance: maintenance.on ? prepareMaintenance(maintenance) : undefined,
    access: prepared,
    asksNetwork,
    asksAsn,
    asksCountry,
    blocksAiCrawlers: rules.robots.aiCrawlers === "block",
    redirects: prepareRedirects(redirects),
    robots,
    requestHeaders,
  };
}

export function headersOn(headers: readonly HeaderRule[], on: "request" | "response"): HeaderRule[] {
  const found: HeaderRule[] = [];
  for (const rule of headers) if (rule.on === on) found.push(rule);
  return found;
}

/** The owner's text with the AI crawlers' group behind it; that group alone where the owner wrote none. */
export function robotsText(robots: RobotsSettings): string {
  const group = robots.aiCrawlers === "origin" ? "" : aiRobotsGroup();
  if (robots.mode === "origin") return group;
  if (robots.text === "") return group === "" ? "# Nothing is asked of robots.\n" : group;
  const text = robots.text.endsWith("\n") ? robots.text : robots.text + "\n";
  return group === "" ? text : text + "\n" + group;
}

/**
 * Whether the first rule that matches lets the request in; none does as well. Positional, as it runs for every request of a site with
 * such rules. `path` decoded, `address` in bytes, `asn` in digits and `country` in capitals, "" for no entry, UNKNOWN for no database.
 */
export function isLetIn(
  access: readonly PreparedAccess[],
  path: string,
  method: string,
  address: string,
  asn: string,
  country: string,
): boolean {
  // Whoever speaks of GET speaks of HEAD, which tells of the same page.
  const asked = method === "HEAD" ? "GET" : method;
  for (const rule of access) {
    if (rule.paths !== undefined && !isInPaths(rule.paths, path)) continue;
    if (rule.methods !== undefined && rule.methods[asked] !== true && rule.methods[method] !== true) continue;
    if (rule.networks !== undefined && !isInNetworks(rule.networks, address)) continue;
    const asnFits = rule.asns === undefined || rule.asns[asn] === true;
    const countryFits = rule.countries === undefined || rule.countries[country] === true;
    const asnMayFit = asnFits || asn === UNKNOWN;
    const countryMayFit = countryFits || country === UNKNOWN;
    if (rule.allows ? asnMayFit && countryMayFit : asnFits && countryFits) return rule.allows;
  }
  return true;
}

export function isUnderMaintenance(maintenance: PreparedMaintenance, address: string): boolean {
  return maintenance.allowNetworks === undefined || !isInNetworks(maintenance.allowNetworks, address);
}

/** The owner's words in the visitor's language, else in the other one, else "" for the edge's own. */
export function maintenanceMessage(maintenance: PreparedMaintenance, language: Language): string {
  const { messageEn, messageFr } = maintenance;
  if (language === "fr") return messageFr === "" ? messageEn : messageFr;
  return messageEn === "" ? messageFr : messageEn;
}

function prepareAccess(rule: AccessRule): PreparedAccess {
  return {
    allows: rule.action === "allow",
    paths: rule.paths.length === 0 ? undefined : preparePaths(rule.paths),
    methods: nameSet(rule.methods),
    networks: rule.networks.length === 0 ? undefined : prepareNetworks(rule.networks),
    asns: nameSet(rule.asns.map((asn) => digits(asn))),
    countries: nameSet(rule.countries),
  };
}

function prepareMaintenance(maintenance: Maintenance): PreparedMaintenance {
  const ranges = maintenance.allowNetworks;
  return {
    messageEn: maintenance.messageEn,
    messageFr: maintenance.messageFr,
    allowNetworks: ranges.length === 0 ? undefined : prepareNetworks(ranges),
    retryAfterSeconds: maintenance.retryAfterSeconds,
  };
}
