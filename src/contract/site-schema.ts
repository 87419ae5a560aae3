/**
 * The shape and the bounds of what an owner sets, as schemas: the control plane reads input with them, and every node checks with the
 * same ones what came over the wire. They know text and numbers only; whether an address may be connected to, a name is
 * owned or a certificate fits is judged where that is known.
 */
import { z } from "zod";
import {
  CACHE_MODES,
  CACHE_NAMES_MAX,
  CACHE_PURGES_MAX,
  CACHE_RULES_MAX,
  CACHE_SECONDS_MAX,
  type CacheSettings,
  type PolicyCache,
} from "./cache.ts";
import { ID_PATTERN, type CertificateId } from "./ids.ts";
import {
  ORIGIN_CONNECT_SECONDS_MAX,
  ORIGIN_READ_SECONDS_MAX,
  ORIGIN_SERVERS_MAX,
  ORIGIN_WEIGHT_MAX,
  type OriginPool,
} from "./origin-pool.ts";
import { whyHeaderForbidden } from "./header-names.ts";
import {
  BODY_BYTES_MAX_MAX,
  HOSTNAME_CHARS_MAX,
  POLICY_WELL_KNOWN_MAX,
  type PolicyLimit,
  type PolicyPreview,
  type SiteTls,
  type WellKnownAnswer,
} from "./policy.ts";
import {
  ALLOW_NETWORKS_MAX,
  NEVER_CHALLENGE_MAX,
  PROTECTION_RULES_MAX,
  RULE_NAME_CHARS_MAX,
  UNDER_ATTACK_PATHS_MAX,
  type ProtectionSettings,
} from "./protection.ts";
import {
  ACCESS_RULES_MAX,
  ERROR_PAGE_BYTES_MAX,
  GLOB_CHARS_MAX,
  HEADER_RULES_MAX,
  MATCH_ITEMS_MAX,
  OWN_PAGE_REASONS,
  REDIRECTS_MAX,
  ROBOTS_BYTES_MAX,
  type HeaderRule,
  type SiteRules,
} from "./site-rules.ts";
import type { SiteSettings } from "./site-settings.ts";

const RATE_MAX = 1_000_000;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

const whole = (min: number, max: number) => z.int().min(min).max(max);
const seconds = (max: number) => whole(0, max);

/** Lower-case A-labels, without a dot at the end. */
export const isHostname = (name: string): boolean =>
  name.length <= HOSTNAME_CHARS_MAX && name.split(".").every((label) => LABEL.test(label));
const hostname = z.string().refine(isHostname, "not a hostname in lower-case A-labels");
/** What may stand in nginx.conf-free header values and paths: printable ASCII without space at the ends. */
const path = z
  .string()
  .max(1000)
  .regex(/^\/[\x21-\x7e]*$/, "a path begins with a slash and has no spaces");
const fieldName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9-]+$/, "a field name is made of letters, digits and hyphens");
const fieldValue = z
  .string()
  .max(2000)
  .regex(/^([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?$/, "a field value is printable ASCII on one line");
const text = (max: number) =>
  z
    .string()
    .refine((value) => new TextEncoder().encode(value).length <= max, `more than ${max} bytes`)
    .refine((value) => !value.includes("\0"), "holds a zero byte");
const range = z.union([z.cidrv4(), z.cidrv6()], "not a range like 192.0.2.0/24 or 2001:db8::/32");
const certificateId = z
  .string()
  .refine((id) => ID_PATTERN.test(id) && id.startsWith("cert_"), "not a certificate's id")
  .transform((id) => id as CertificateId);

export const ORIGIN_POOL_SCHEMA: z.ZodType<OriginPool> = z.strictObject({
  scheme: z.enum(["http", "https"]),
  servers: z
    .array(
      z.strictObject({
        host: z.string().min(1).max(HOSTNAME_CHARS_MAX),
        port: whole(1, 65_535),
        weight: whole(1, ORIGIN_WEIGHT_MAX),
        backup: z.boolean(),
      }),
    )
    .min(1)
    .max(ORIGIN_SERVERS_MAX)
    .refine(
      (servers) => servers.some(({ backup }) => !backup),
      "every server is a backup: one has to be the main one",
    ),
  hostHeader: z
    .string()
    .refine((value) => {
      const [name = "", port, ...rest] = value.split(":");
      return isHostname(name) && (port === undefined || /^\d{1,5}$/.test(port)) && rest.length === 0;
    }, "not a hostname, with or without a port")
    .nullable(),
  tls: z.strictObject({
    verify: z.enum(["strict", "off"]),
    name: hostname.nullable(),
    clientCertificateId: certificateId.nullable(),
  }),
  health: z
    .strictObject({
      path,
      intervalSeconds: whole(2, 300),
      timeoutSeconds: whole(1, 30),
      statusMin: whole(100, 599),
      statusMax: whole(100, 599),
      rise: whole(1, 10),
      fall: whole(1, 10),
    })
    .refine(({ statusMin, statusMax }) => statusMin <= statusMax, "statusMin is above statusMax")
    .nullable(),
  connectSeconds: whole(1, ORIGIN_CONNECT_SECONDS_MAX),
  readSeconds: whole(1, ORIGIN_READ_SECONDS_MAX),
  signed: z.boolean(),
});

export const SITE_TLS_SCHEMA: z.ZodType<SiteTls> = z.strictObject({
  redirectToHttps: z.boolean(),
  hstsSeconds: seconds(63_072_000),
  hstsSubdomains: z.boolean(),
  hstsPreload: z.boolean(),
});

export const LIMIT_SCHEMA: z.ZodType<PolicyLimit> = z.strictObject({
  requestsPerSecond: z.number().min(0.01).max(RATE_MAX),
  burst: whole(1, RATE_MAX),
});

const names = z
  .array(
    z.string().regex(/^[A-Za-z0-9!#$%&'+.^_|~[\]-]{1,100}\*?$/, "not a name, with or without a * at the end"),
  )
  .max(CACHE_NAMES_MAX);
const CACHE_SHAPE = {
  mode: z.enum(CACHE_MODES),
  rules: z
    .array(
      z
        .strictObject({
          path,
          action: z.enum(["bypass", "origin", "store"]),
          seconds: seconds(CACHE_SECONDS_MAX),
        })
        .refine(
          (rule) => (rule.action === "store") === rule.seconds > 0,
          "seconds belong to store, and to it alone",
        ),
    )
    .max(CACHE_RULES_MAX),
  bypassCookies: names,
  bypassHeaders: z.array(fieldName).max(CACHE_NAMES_MAX),
  ignoreQuery: names,
  sortQuery: z.boolean(),
  staleWhileRevalidateSeconds: seconds(24 * 3600),
  staleIfErrorSeconds: seconds(CACHE_SECONDS_MAX),
};
export const CACHE_SETTINGS_SCHEMA: z.ZodType<CacheSettings> = z.strictObject(CACHE_SHAPE);
export const POLICY_CACHE_SCHEMA: z.ZodType<PolicyCache> = z.strictObject({
  ...CACHE_SHAPE,
  bytesMax: whole(0, 1024 ** 4),
  answersMax: whole(0, 10_000_000),
  generation: whole(0, 2 ** 40),
  purges: z
    .array(
      z.strictObject({
        kind: z.enum(["url", "prefix", "tag"]),
        value: z.string().min(1).max(2000),
        number: whole(1, 2 ** 40),
      }),
    )
    .max(CACHE_PURGES_MAX),
});

const MATCH_SHAPE = {
  paths: z.array(path).max(MATCH_ITEMS_MAX),
  methods: z.array(z.string().regex(/^[A-Z]{1,20}$/, "not a method like GET")).max(20),
  networks: z.array(range).max(MATCH_ITEMS_MAX),
  asns: z.array(whole(1, 2 ** 32 - 1)).max(MATCH_ITEMS_MAX),
  countries: z.array(z.string().regex(/^[A-Z]{2}$/, "not a country code like FR")).max(MATCH_ITEMS_MAX),
};
/** What has to be searched for in a path, and not only compared at its ends. */
function globChars(path: string): number {
  return Math.max(0, path.lastIndexOf("*") - path.indexOf("*") - 1);
}
/** Whether nothing that a visitor chose can become part of the host. */
function isPlainTarget(to: string): boolean {
  const authority = /^https?:\/\/([^/?#]*)/.exec(to)?.[1];
  return authority === undefined || /^[A-Za-z0-9.-]+(:\d{1,5})?$/.test(authority);
}
export const SITE_RULES_SCHEMA: z.ZodType<SiteRules> = z.strictObject({
  access: z
    .array(z.strictObject({ ...MATCH_SHAPE, action: z.enum(["allow", "deny"]) }))
    .max(ACCESS_RULES_MAX)
    .refine(
      (rules) =>
        rules.flatMap(({ paths }) => paths).reduce((sum, one) => sum + globChars(one), 0) <= GLOB_CHARS_MAX,
      `more than ${GLOB_CHARS_MAX} characters between the first and the last "*" of all paths together`,
    ),
  redirects: z
    .array(
      z.strictObject({
        from: path.refine((from) => !from.slice(0, -1).includes("*"), `"*" may stand at the end alone`),
        to: z
          .string()
          .max(2000)
          .regex(/^(\/[\x21-\x7e]*|https?:\/\/[\x21-\x7e]+)$/, "neither a path nor an http(s) address")
          .refine((to) => !to.startsWith("//") && !to.startsWith("/\\"), "leaves the site without saying so")
          .refine(isPlainTarget, `"$1" and "@" have no place in the host: write https://host/$1`),
        status: z.union([z.literal(301), z.literal(302), z.literal(307), z.literal(308)]),
        keepQuery: z.boolean(),
      }),
    )
    .max(REDIRECTS_MAX),
  headers: z
    .array(
      z
        .strictObject({
          on: z.enum(["request", "response"]),
          action: z.enum(["set", "remove"]),
          name: fieldName,
          value: fieldValue,
        })
        .refine((rule) => rule.action === "set" || rule.value === "", {
          path: ["value"],
          error: "a value belongs to set, and to it alone",
        })
        .refine((rule) => whyHeaderForbidden(rule.on, rule.name) === "", {
          path: ["name"],
          error: ({ input }) => {
            const { on, name } = input as HeaderRule;
            return `${name} cannot be changed, as it ${whyHeaderForbidden(on, name)}`;
          },
        }),
    )
    .max(HEADER_RULES_MAX),
  maintenance: z.strictObject({
    on: z.boolean(),
    messageEn: text(2000),
    messageFr: text(2000),
    allowNetworks: z.array(range).max(MATCH_ITEMS_MAX),
    retryAfterSeconds: whole(1, 7 * 24 * 3600),
  }),
  errorPages: z
    .array(z.strictObject({ reason: z.enum(OWN_PAGE_REASONS), html: text(ERROR_PAGE_BYTES_MAX) }))
    .max(OWN_PAGE_REASONS.length),
  robots: z.strictObject({
    mode: z.enum(["origin", "text"]),
    text: text(ROBOTS_BYTES_MAX),
    aiCrawlers: z.enum(["origin", "disallow", "block"]),
  }),
});

const fieldMatch = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, "not the name of a field or cookie"),
    value: z.string().max(500).nullable(),
    isAbsent: z.boolean(),
  })
  .refine((match) => !match.isAbsent || match.value === null, "what is absent has no value");
export const PROTECTION_SCHEMA: z.ZodType<ProtectionSettings> = z.strictObject({
  floods: z.enum(["act", "shadow", "off"]),
  underAttack: z.strictObject({
    on: z.boolean(),
    paths: z.array(path).max(UNDER_ATTACK_PATHS_MAX),
    endsAt: z.iso.datetime().nullable(),
  }),
  allowNetworks: z.array(range).max(ALLOW_NETWORKS_MAX),
  neverChallenge: z.array(path).max(NEVER_CHALLENGE_MAX),
  rules: z
    .array(
      z.strictObject({
        name: z
          .string()
          .max(RULE_NAME_CHARS_MAX)
          .regex(
            /^[A-Za-z0-9][A-Za-z0-9 ._-]*$/,
            "a name is made of letters, digits, spaces, dots and hyphens",
          ),
        match: z.strictObject({
          ...MATCH_SHAPE,
          headers: z.array(fieldMatch).max(20),
          cookies: z.array(fieldMatch).max(20),
          tlsShapes: z.array(z.string().regex(/^[0-9a-f]{1,16}$/, "not a TLS shape")).max(50),
        }),
        rate: z
          .strictObject({
            key: z.union([
              z.strictObject({ by: z.enum(["address", "network", "asn", "country", "tls", "site"]) }),
              z.strictObject({ by: z.enum(["header", "cookie"]), name: fieldMatch.shape.name }),
            ]),
            requests: whole(1, RATE_MAX),
            windowSeconds: whole(1, 3600),
            statuses: z.array(whole(100, 599)).max(20),
          })
          .nullable(),
        action: z.enum(["log", "throttle", "challenge", "block"]),
        isShadow: z.boolean(),
        holdSeconds: seconds(24 * 3600),
        endsAt: z.iso.datetime().nullable(),
        reason: z.string().max(500),
      }),
    )
    .max(PROTECTION_RULES_MAX)
    .refine(
      (rules) => new Set(rules.map(({ name }) => name)).size === rules.length,
      "two rules have one name",
    ),
});

export const SITE_SETTINGS_SCHEMA: z.ZodType<SiteSettings> = z.strictObject({
  origin: ORIGIN_POOL_SCHEMA,
  tls: SITE_TLS_SCHEMA,
  limit: LIMIT_SCHEMA.nullable(),
  bodyBytesMax: whole(0, BODY_BYTES_MAX_MAX),
  cache: CACHE_SETTINGS_SCHEMA,
  rules: SITE_RULES_SCHEMA,
  protection: PROTECTION_SCHEMA,
});

export const WELL_KNOWN_SCHEMA: z.ZodType<readonly WellKnownAnswer[]> = z
  .array(
    z.strictObject({
      path: z
        .string()
        .max(300)
        .regex(/^\/\.well-known\/[\x21-\x7e]+$/, "not below /.well-known/"),
      body: z
        .string()
        .max(1000)
        .regex(/^[\x20-\x7e\n]*$/, "not plain text"),
    }),
  )
  .max(POLICY_WELL_KNOWN_MAX);

export const PREVIEW_SCHEMA: z.ZodType<PolicyPreview> = z.strictObject({ hostname, as: hostname });

export const SIGNING_KEY_SCHEMA = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "not 32 bytes in base64url");

/** The first thing that is wrong, as "where: what"; null when nothing is. */
export function whyNotShaped(schema: z.ZodType, value: unknown, name: string): string | null {
  const parsed = schema.safeParse(value);
  if (parsed.success) return null;
  const issue = parsed.error.issues[0];
  const where = [name, ...(issue?.path ?? []).map(String)].join(".");
  return `${where}: ${issue?.message ?? "is not understood"}`;
}
