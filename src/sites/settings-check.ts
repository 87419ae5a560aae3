/**
 * What a schema cannot know of settings: whether an origin's address may be connected to, whether the operator has the database that a
 * rule asks for, whether a certificate is the site's own, whether redirects end. What makes no sense is refused with the field's name;
 * what makes sense and may surprise becomes a warning, shown for as long as it holds.
 */
import { isIP } from "node:net";
import { Fault } from "../contract/fault.ts";
import type { CertificateId, SiteId } from "../contract/ids.ts";
import type { Settings } from "../contract/settings.ts";
import type { AccessRule } from "../contract/site-rules.ts";
import { isHostname, SITE_SETTINGS_SCHEMA } from "../contract/site-schema.ts";
import type { SiteSettings } from "../contract/site-settings.ts";
import type { Queryable } from "../store/db.ts";
import { checkOrigin } from "./origin.ts";
import { checkProtection, protectionWarnings } from "./protection-check.ts";
import { endlessRedirect } from "./redirect-loops.ts";

/** What settings need to know of certificates; they are kept elsewhere. */
export type CertificateFacts = {
  /** Whether the site has a certificate for visitors, or one on its way. */
  hasForVisitors(q: Queryable, siteId: SiteId): Promise<boolean>;
  /** Whether it is a certificate of this very site that is shown to origins. */
  isForOrigins(q: Queryable, siteId: SiteId, certificateId: CertificateId): Promise<boolean>;
};

/** Leaves as much again of a policy for hostnames and measures (POLICY_BYTES_MAX). */
export const SETTINGS_BYTES_MAX = 256 * 1024;
const FIELDS_NAMED_MAX = 20;
const YEAR_SECONDS = 31_536_000;

/** Settings from a stranger's hand, or a Fault that names each wrong field. */
export function readSiteSettings(value: unknown): SiteSettings {
  const parsed = SITE_SETTINGS_SCHEMA.safeParse(value);
  if (!parsed.success) {
    const fields: Record<string, string> = {};
    for (const issue of parsed.error.issues.slice(0, FIELDS_NAMED_MAX)) {
      fields[issue.path.map(String).join(".") || "settings"] ??= issue.message;
    }
    const [[where, what] = ["settings", "is not understood"]] = Object.entries(fields);
    throw new Fault("input.invalid", `Cannot use these settings: ${where}: ${what}`, { fields });
  }
  const bytes = Buffer.byteLength(JSON.stringify(parsed.data));
  if (bytes > SETTINGS_BYTES_MAX) {
    throw new Fault(
      "input.too-large",
      `Cannot keep settings of ${bytes} bytes: use fewer rules or shorter pages, at most ${SETTINGS_BYTES_MAX} bytes`,
    );
  }
  return parsed.data;
}

export type CheckContext = {
  readonly siteId: SiteId;
  readonly hostnames: readonly string[];
  /** Null for a site that has none yet. */
  readonly before: SiteSettings | null;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
};

/** Throws a Fault when the settings cannot work here. Servers that were there before are not asked again. */
export async function checkSettings(
  settings: SiteSettings,
  context: CheckContext,
  operator: Pick<Settings, "originPrivateRanges" | "edgeListen" | "countryDatabase" | "asnDatabase">,
): Promise<void> {
  for (const [i, rule] of settings.rules.access.entries()) mustHaveDatabases(rule, i, operator);
  checkProtection(settings.protection, operator, context.nowMs);
  const endless = endlessRedirect(settings.rules.redirects, context.hostnames);
  if (endless !== null) {
    const why = `The redirect from "${endless.slice(0, 100)}" leads back to itself: send it somewhere that no rule matches`;
    throw new Fault("input.invalid", `Cannot use these redirects: ${why}`, {
      fields: { "rules.redirects": why },
    });
  }
  const known = new Set(
    context.before?.origin.servers.map(
      ({ host, port }) => `${context.before?.origin.scheme} ${host} ${port}`,
    ),
  );
  await Promise.all(
    settings.origin.servers.map(async ({ host, port }, i) => {
      const { scheme } = settings.origin;
      if (known.has(`${scheme} ${host} ${port}`)) return;
      const field = `origin.servers.${i}.host`;
      if (isIP(host) === 0 && !isHostname(host)) {
        const why = `"${host.slice(0, 80)}" is neither an address nor a hostname in lower case: give one of them`;
        throw new Fault("site.origin-unusable", `Cannot use this origin: ${why}`, {
          fields: { [field]: why },
        });
      }
      try {
        await checkOrigin(
          { scheme, host, port },
          { privateRanges: operator.originPrivateRanges, edgeListen: operator.edgeListen },
        );
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        throw new Fault(error.code, error.detail, { fields: { [field]: error.detail }, cause: error });
      }
    }),
  );
}

function mustHaveDatabases(
  rule: AccessRule,
  index: number,
  operator: Pick<Settings, "countryDatabase" | "asnDatabase">,
): void {
  const missing: readonly [boolean, string, string][] = [
    [rule.countries.length > 0 && operator.countryDatabase === "", "countries", "countryDatabase"],
    [rule.asns.length > 0 && operator.asnDatabase === "", "asns", "asnDatabase"],
  ];
  for (const [isMissing, field, setting] of missing) {
    if (!isMissing) continue;
    const why = `This edge has no database for it: ask the operator to set ${setting}, or use networks instead`;
    throw new Fault("input.invalid", `Cannot use a rule by ${field}. ${why}`, {
      fields: { [`rules.access.${index}.${field}`]: why },
    });
  }
}

/** Sentences that each say what to look at and what to do. */
export function settingsWarnings(
  settings: SiteSettings,
  site: { readonly hostnames: readonly string[]; readonly hasCertificate: boolean; readonly nowMs: number },
): readonly string[] {
  const { origin, tls, rules } = settings;
  const robots = rules.robots;
  const table: readonly [boolean, string][] = [
    [
      rules.maintenance.on,
      "Maintenance is on: visitors see the maintenance page. Turn it off when you are done.",
    ],
    [
      origin.scheme === "https" && origin.tls.verify === "off",
      "The origin's certificate is not verified: anybody on the way can answer in its place. Give the origin a certificate and set origin.tls.verify to strict.",
    ],
    [
      origin.scheme === "http" && origin.signed,
      "Requests to the origin are signed but not encrypted: anybody on the way can read them. Use https towards the origin.",
    ],
    [
      tls.hstsSeconds > 0 && !site.hasCertificate,
      "HSTS is on but the site has no certificate: it takes effect only over https. Wait for the certificate before you rely on it.",
    ],
    [
      tls.redirectToHttps && !site.hasCertificate,
      "Visitors are sent to https but the site has no certificate: they will see an error. Get a certificate, or turn tls.redirectToHttps off until then.",
    ],
    [
      tls.hstsPreload && (tls.hstsSeconds < YEAR_SECONDS || !tls.hstsSubdomains),
      `Preload is asked for, but browsers take a site into their list only with hstsSubdomains and at least ${YEAR_SECONDS} seconds.`,
    ],
    [
      origin.servers.some(({ host }) => site.hostnames.includes(host)),
      "An origin has the name of the site itself: once that name leads to this edge, requests run in a circle. Give the server's address or a name of its own.",
    ],
    [
      denyAllAt(rules.access) >= 0,
      "An access rule keeps out everybody that no rule before it lets in: check that you are let in yourself.",
    ],
    [
      denyAllAt(rules.access) >= 0 && denyAllAt(rules.access) < rules.access.length - 1,
      "Access rules stand behind one that keeps out everybody: they are never reached. Move them up or remove them.",
    ],
    [
      robots.mode === "origin" && robots.text !== "",
      "A text for robots.txt is written but not served: set rules.robots.mode to text.",
    ],
    [
      robots.mode === "origin" && robots.aiCrawlers !== "origin",
      "The edge answers /robots.txt itself, with the groups for AI crawlers alone: the origin's own robots.txt is not seen any more. Copy its rules into rules.robots.text and set the mode to text.",
    ],
  ];
  return [
    ...table.filter(([holds]) => holds).map(([, sentence]) => sentence),
    ...protectionWarnings(settings.protection, site.nowMs),
  ];
}

/** Index of the first rule that keeps out whoever reaches it, or -1. */
function denyAllAt(access: readonly AccessRule[]): number {
  return access.findIndex(
    (rule) =>
      rule.action === "deny" &&
      [rule.paths, rule.methods, rule.networks, rule.asns, rule.countries].every((list) => list.length === 0),
  );
}
