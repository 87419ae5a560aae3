/**
 * What a setting is called where a change is told: the words of its field in the forms, with the part and the row that it is in ("Origin · Server 2 · Port").
 * The tree has the form of the settings themselves, so that a new setting does not compile until it has a name.
 */
import type { ProtectionMatch } from "../../contract/protection.ts";
import type { RequestMatch } from "../../contract/site-rules.ts";
import type { SiteSettings } from "../../contract/site-settings.ts";
import type { Words } from "../words/english.ts";
import { plainValue } from "./draft.ts";
import { bytesText } from "./lists.ts";

type Scalar = string | number | boolean | null | undefined;
type KeysOf<T> = T extends unknown ? keyof T : never;
type At<T, K> = T extends unknown ? (K extends keyof T ? T[K] : never) : never;
type Rows<Row> = { readonly own: string; readonly nth: (n: number) => string; readonly row: Named<Row> };
type Parts<T> = { readonly [K in KeysOf<T>]: Named<At<T, K>> };
/** A name for what has no parts; `own` is "" where the parts' names say enough. */
type Named<T> = [T] extends [Scalar]
  ? string
  : NonNullable<T> extends readonly (infer Row)[]
    ? [Row] extends [Scalar]
      ? string
      : Rows<Row>
    : { readonly own: string; readonly parts: Parts<NonNullable<T>> };

type AnyNamed =
  | string
  | { readonly own: string; readonly nth: (n: number) => string; readonly row: AnyNamed }
  | { readonly own: string; readonly parts: Readonly<Record<string, AnyNamed>> };

/** What has no name is called by its path. */
export function settingLabel(path: string, words: Words): string {
  const said: string[] = [];
  let here: AnyNamed | undefined = namesOf(words);
  for (const key of path.split(".")) {
    if (here === undefined || typeof here === "string") break;
    if (here.own !== "") said.push(here.own);
    if ("row" in here) {
      said.push(here.nth(Number(key) + 1));
      here = here.row;
    } else here = Object.hasOwn(here.parts, key) ? here.parts[key] : undefined;
  }
  if (here === undefined) return path;
  said.push(typeof here === "string" ? here : here.own);
  return said.filter((word, i) => word !== "" && word !== said[i - 1]).join(" · ");
}

/** A value as it is told beside its setting's name. */
export function settingValue(path: string, value: unknown, words: Words): string {
  if (typeof value === "boolean") return words.site.draft.is[value ? "true" : "false"];
  return path === "bodyBytesMax" && typeof value === "number" ? bytesText(value) : plainValue(value);
}

function namesOf(words: Words): Named<SiteSettings> {
  const w = words.site;
  const { nth } = w.list;
  const { rule, settings, attack } = words.protection;
  return {
    own: "",
    parts: {
      origin: {
        own: w.part.origin,
        parts: {
          scheme: w.origin.scheme,
          servers: {
            own: "",
            nth: w.origin.nth,
            row: {
              own: "",
              parts: {
                host: w.origin.host,
                port: w.origin.port,
                weight: w.origin.weight,
                backup: w.origin.backup,
              },
            },
          },
          hostHeader: w.origin.hostHeader,
          tls: {
            own: "",
            parts: {
              verify: w.origin.verify,
              name: w.origin.name,
              clientCertificateId: w.origin.client,
            },
          },
          health: {
            own: w.origin.healthTitle,
            parts: {
              path: w.origin.healthPath,
              intervalSeconds: w.origin.interval,
              timeoutSeconds: w.origin.timeout,
              statusMin: w.origin.statusMin,
              statusMax: w.origin.statusMax,
              rise: w.origin.rise,
              fall: w.origin.fall,
            },
          },
          connectSeconds: w.origin.connect,
          readSeconds: w.origin.read,
          signed: w.origin.signed,
        },
      },
      tls: {
        own: w.part.https,
        parts: {
          redirectToHttps: w.https.redirect,
          hstsSeconds: w.https.hsts,
          hstsSubdomains: w.https.subdomains,
          hstsPreload: w.https.preload,
        },
      },
      limit: {
        own: w.limits.rate,
        parts: { requestsPerSecond: w.limits.perSecond, burst: w.limits.burst },
      },
      bodyBytesMax: w.limits.body,
      cache: {
        own: w.part.cache,
        parts: {
          mode: w.cache.mode,
          rules: {
            own: w.cache.rules,
            nth,
            row: { own: "", parts: { path: w.cache.path, action: w.cache.action, seconds: w.cache.seconds } },
          },
          bypassCookies: w.cache.cookies,
          bypassHeaders: w.cache.headers,
          ignoreQuery: w.cache.query,
          sortQuery: w.cache.sort,
          staleWhileRevalidateSeconds: w.cache.whileRevalidate,
          staleIfErrorSeconds: w.cache.ifError,
        },
      },
      rules: {
        own: "",
        parts: {
          access: {
            own: w.part.access,
            nth,
            row: { own: "", parts: { ...matchNames(words), action: w.access.action } },
          },
          redirects: {
            own: w.part.redirects,
            nth,
            row: {
              own: "",
              parts: {
                from: w.redirects.from,
                to: w.redirects.to,
                status: w.redirects.status,
                keepQuery: w.redirects.keepQuery,
              },
            },
          },
          headers: {
            own: w.part.headers,
            nth,
            row: {
              own: "",
              parts: {
                on: w.headers.on,
                action: w.headers.action,
                name: w.headers.name,
                value: w.headers.value,
              },
            },
          },
          maintenance: {
            own: w.part.maintenance,
            parts: {
              on: w.maintenance.on,
              messageEn: w.maintenance.en,
              messageFr: w.maintenance.fr,
              allowNetworks: w.maintenance.allow,
              retryAfterSeconds: w.maintenance.retry,
            },
          },
          errorPages: {
            own: w.part.pages,
            nth: (n) => String(n),
            row: { own: "", parts: { reason: w.pages.own, html: w.pages.html } },
          },
          robots: {
            own: w.part.robots,
            parts: { mode: w.robots.mode, text: w.robots.textLabel, aiCrawlers: w.robots.ai },
          },
        },
      },
      protection: {
        own: "",
        parts: {
          floods: settings.mode,
          underAttack: {
            own: attack.title,
            parts: { on: attack.switchOn, paths: attack.paths, endsAt: attack.ends },
          },
          allowNetworks: settings.allow,
          neverChallenge: settings.never,
          rules: {
            own: w.part.protection,
            nth,
            row: {
              own: "",
              parts: {
                name: rule.name,
                match: {
                  own: rule.which,
                  parts: { ...matchNames(words), ...fieldNames(words), tlsShapes: rule.tlsShapes },
                },
                rate: {
                  own: rule.howMany,
                  parts: {
                    key: { own: rule.key, parts: { by: "", name: rule.keyName } },
                    requests: rule.requests,
                    windowSeconds: rule.window,
                    statuses: rule.statuses,
                  },
                },
                action: rule.action,
                isShadow: rule.shadow,
                holdSeconds: rule.hold,
                endsAt: rule.ends,
                reason: rule.reason,
              },
            },
          },
        },
      },
    },
  };
}

function matchNames(words: Words): Parts<RequestMatch> {
  const w = words.site.access;
  return {
    paths: w.paths,
    methods: w.methods,
    networks: w.networks,
    asns: w.asns,
    countries: w.countries,
  };
}

function fieldNames(words: Words): Pick<Parts<ProtectionMatch>, "headers" | "cookies"> {
  const w = words.protection.rule;
  const row = {
    own: "",
    parts: { name: w.fieldName, value: w.fieldValue, isAbsent: w.fieldStates.absent },
  };
  const nth = (n: number): string => String(n);
  return { headers: { own: w.headers, nth, row }, cookies: { own: w.cookies, nth, row } };
}
