/**
 * A signature of a flood in words, in English and in French, for incident pages, mail and webhooks: one noun phrase without a full stop, "GET
 * requests for "/search" with a query of the form …, whose 9 header fields come in this order: …". It says what the requests have in common and nothing of who
 * sent them. Values come from strangers: whoever shows the text escapes it as any other; here they stand in quotation marks that they cannot
 * close, and long ones are cut.
 */
import type { Feature, FloodSignature } from "./flood.ts";

export type SignatureLanguage = "en" | "fr";

const VALUE_CHARS_MAX = 120;
const NAME_CHARS_MAX = 40;
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"];

type Words = {
  readonly requests: (method: string | undefined) => string;
  readonly everything: string;
  readonly headerNames: (names: readonly string[]) => string;
  readonly of: Readonly<Record<Exclude<Feature, "method">, (value: string) => string>>;
  readonly join: (parts: readonly string[]) => string;
};

const ENGLISH: Words = {
  requests: (method) => (method === undefined ? "requests" : `${method} requests`),
  everything: "every request",
  headerNames: (names) => `whose ${names.length} header fields come in this order: ${names.join(", ")}`,
  join: (parts) => parts.join(", "),
  of: {
    path: (value) => `for “${value}”`,
    pathShape: (value) => `for paths of the form “${value}”`,
    queryShape: (value) => (value === "" ? "without a query" : `with a query of the form “${value}”`),
    headers: (value) => `with the set and order of header fields that has the mark ${value}`,
    userAgent: (value) => (value === "" ? "that name no browser" : `that call themselves “${value}”`),
    accept: (value) => {
      const { formats, codings } = acceptOf(value);
      if (formats === "" && codings === "") return "that do not say which formats they accept";
      if (formats === "") return `that name no formats and accept compression by “${codings}”`;
      return codings === ""
        ? `that accept “${formats}” and no compression`
        : `that accept “${formats}”, compressed by “${codings}”`;
    },
    language: (value) => (value === "" ? "that ask for no language" : `that ask for the language “${value}”`),
    referrer: (value) =>
      ({ none: "that follow no link", same: "that come from pages of this site" })[value] ??
      `that follow a link on “${value}”`,
    cookies: (value) => (value === "none" ? "without cookies" : "with cookies"),
    http: (value) => `over ${httpWord(value)}`,
    tls: (value) =>
      value === "" ? "without encryption" : `whose way of setting up TLS has the mark ${value}`,
    address: (value) => `from the address ${value}`,
    network: (value) => `from the network ${value}`,
    asn: (value) => (value === "" ? "from an unknown network operator" : `from ${asnWord(value)}`),
    country: (value) => (value === "" ? "from an unknown country" : `from the country ${value}`),
  },
};

const FRENCH: Words = {
  requests: (method) => (method === undefined ? "requêtes" : `requêtes ${method}`),
  everything: "toutes les requêtes",
  headerNames: (names) =>
    `dont les ${names.length} champs d’en-tête viennent dans cet ordre : ${names.join(", ")}`,
  join: (parts) => parts.join(", "),
  of: {
    path: (value) => `vers « ${value} »`,
    pathShape: (value) => `vers des chemins de la forme « ${value} »`,
    queryShape: (value) =>
      value === "" ? "sans paramètres" : `avec des paramètres de la forme « ${value} »`,
    headers: (value) => `dont les champs d’en-tête et leur ordre portent la marque ${value}`,
    userAgent: (value) =>
      value === "" ? "qui ne nomment aucun navigateur" : `qui se présentent comme « ${value} »`,
    accept: (value) => {
      const { formats, codings } = acceptOf(value);
      if (formats === "" && codings === "") return "qui ne disent pas quels formats elles acceptent";
      if (formats === "") return `qui ne nomment aucun format et acceptent la compression « ${codings} »`;
      return codings === ""
        ? `qui acceptent « ${formats} » et aucune compression`
        : `qui acceptent « ${formats} », compressé par « ${codings} »`;
    },
    language: (value) =>
      value === "" ? "qui ne demandent aucune langue" : `qui demandent la langue « ${value} »`,
    referrer: (value) =>
      ({ none: "qui ne suivent aucun lien", same: "qui viennent de pages de ce site" })[value] ??
      `qui suivent un lien sur « ${value} »`,
    cookies: (value) => (value === "none" ? "sans cookies" : "avec des cookies"),
    http: (value) => `en ${httpWord(value)}`,
    tls: (value) =>
      value === "" ? "sans chiffrement" : `dont la façon d’établir TLS porte la marque ${value}`,
    address: (value) => `depuis l’adresse ${value}`,
    network: (value) => `depuis le réseau ${value}`,
    asn: (value) => (value === "" ? "depuis un opérateur inconnu" : `depuis ${asnWord(value)}`),
    country: (value) => (value === "" ? "depuis un pays inconnu" : `depuis le pays ${value}`),
  },
};

/** The feature joins Accept and Accept-Encoding by a bar. */
function acceptOf(value: string): { readonly formats: string; readonly codings: string } {
  const bar = value.lastIndexOf("|");
  if (bar < 0) return { formats: value.trim(), codings: "" };
  return { formats: value.slice(0, bar).trim(), codings: value.slice(bar + 1).trim() };
}

const WORDS: Readonly<Record<SignatureLanguage, Words>> = { en: ENGLISH, fr: FRENCH };

/** "GET requests for …". With no condition at all: every request. */
export function signatureInWords(
  { where, headerNames }: Pick<FloodSignature, "where" | "headerNames">,
  language: SignatureLanguage,
): string {
  const words = WORDS[language];
  if (where.length === 0) return words.everything;
  const method = where.find(({ feature }) => feature === "method")?.value;
  const parts = where.flatMap(({ feature, value }) => {
    if (feature === "method") return [];
    const names = headerNames
      .split(" ")
      .filter((name) => name !== "")
      .map((name) => cut(name, NAME_CHARS_MAX));
    if (feature === "headers" && names.length > 0)
      return [cut(words.headerNames(names), 4 * VALUE_CHARS_MAX)];
    return [words.of[feature](cut(unquoted(value), VALUE_CHARS_MAX))];
  });
  const subject = words.requests(method === undefined ? undefined : methodWord(method));
  return parts.length === 0 ? subject : `${subject} ${words.join(parts)}`;
}

function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1)}…`;
}

/** A stranger's words end where their quotation ends. */
function unquoted(value: string): string {
  return value.replace(/["“”„«»]/g, "'");
}

function methodWord(method: string): string {
  return METHODS.includes(method) ? method : `“${cut(unquoted(method), 20)}”`;
}

function asnWord(value: string): string {
  return /^\d+$/.test(value) ? `AS${value}` : value;
}

function httpWord(value: string): string {
  return /^[\d.]+$/.test(value) ? `HTTP/${value}` : value;
}
