/**
 * The settings of certificates: which authority, which account, how a TXT record comes into the DNS. Each parser takes foreign
 * JSON and answers the value or a sentence that says what is wanted. Secrets are named by their files and never stand in
 * the settings, which are printed, copied and mailed around.
 */
import { isAbsolute } from "node:path";
import type { AcmeExternalAccount, DnsUpdate } from "../contract/settings.ts";

type Outcome<T> = { readonly value: T } | { readonly wanted: string };

const KNOWN_DIRECTORIES: Readonly<Record<string, string>> = {
  letsencrypt: "https://acme-v02.api.letsencrypt.org/directory",
  "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
};
const SERVER = /^(\[[0-9a-f:]+\]|[0-9a-z][0-9a-z.-]{0,252}):\d{1,5}$/i;
const ADDRESS = /^(\[[0-9a-f:]+\]|\d{1,3}(\.\d{1,3}){3}):\d{1,5}$/i;
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*$/i;
/** RFC 8945 §6: what BIND's nsupdate knows of it and is not broken. */
const TSIG_ALGORITHMS = ["hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"];
const SERVERS_MAX = 8;
const COMMAND_PARTS_MAX = 32;

/** "", a known authority's name, or an https address. */
export function parseAcmeDirectory(value: unknown): Outcome<string> {
  const wanted = {
    wanted:
      'empty, "letsencrypt", "letsencrypt-staging", or an address like "https://acme.example/directory"',
  };
  if (typeof value !== "string" || value.length > 500) return wanted;
  if (value === "") return { value };
  const known = KNOWN_DIRECTORIES[value];
  if (known !== undefined) return { value: known };
  // A signed request is safe in the open, but what it is answered decides whom visitors trust.
  return /^https:\/\/[^\s"<>]+$/.test(value) || /^http:\/\/127\.0\.0\.1:\d+\/[^\s"<>]*$/.test(value)
    ? { value }
    : wanted;
}

/** "" or an absolute path. */
export function parseFile(value: unknown): Outcome<string> {
  return typeof value === "string" && (value === "" || isFile(value))
    ? { value }
    : { wanted: 'empty, or the absolute path of a file, like "/etc/parapet/authority.pem"' };
}

/** Addresses, as a resolver that is found by name needs a resolver. */
export function parseDnsServers(value: unknown): Outcome<readonly string[]> {
  const right =
    Array.isArray(value) &&
    value.length <= SERVERS_MAX &&
    value.every((server) => typeof server === "string" && ADDRESS.test(server));
  return right ? { value: value as string[] } : { wanted: 'a list of addresses like ["192.0.2.53:53"]' };
}

export function parseExternalAccount(value: unknown): Outcome<AcmeExternalAccount | null> {
  if (value === null) return { value: null };
  const given = recordOf(value, ["keyId", "macKeyFile"]);
  const keyId = given?.["keyId"];
  const macKeyFile = given?.["macKeyFile"];
  return typeof keyId === "string" && /^[\x21-\x7e]{1,200}$/.test(keyId) && isFile(macKeyFile)
    ? { value: { keyId, macKeyFile } }
    : { wanted: 'null, or {"keyId": "…", "macKeyFile": "/etc/parapet/acme-mac"}' };
}

export function parseDnsUpdate(value: unknown): Outcome<DnsUpdate | null> {
  if (value === null) return { value: null };
  const kind = (value as { kind?: unknown } | undefined)?.kind;
  const parsed = kind === "rfc2136" ? parseRfc2136(value) : kind === "hook" ? parseHook(value) : null;
  return parsed === null
    ? {
        wanted:
          'null, {"kind": "hook", "command": ["/etc/parapet/dns-hook"]}, or {"kind": "rfc2136", "server": "192.0.2.53:53", "tsigName": "parapet", "tsigAlgorithm": "hmac-sha256", "tsigSecretFile": "/etc/parapet/tsig"}; each may have "for": "wildcards" or "all", and "checkServers"',
      }
    : { value: parsed };
}

function parseRfc2136(value: unknown): DnsUpdate | null {
  const given = recordOf(value, [
    "kind",
    "for",
    "checkServers",
    "server",
    "zone",
    "tsigName",
    "tsigAlgorithm",
    "tsigSecretFile",
  ]);
  const shared = given && parseShared(given);
  if (!given || !shared) return null;
  const { server, zone = null, tsigName, tsigAlgorithm = "hmac-sha256", tsigSecretFile } = given;
  const right =
    typeof server === "string" &&
    SERVER.test(server) &&
    (zone === null || (typeof zone === "string" && DNS_NAME.test(zone))) &&
    typeof tsigName === "string" &&
    DNS_NAME.test(tsigName) &&
    typeof tsigAlgorithm === "string" &&
    TSIG_ALGORITHMS.includes(tsigAlgorithm) &&
    isFile(tsigSecretFile);
  return right
    ? {
        kind: "rfc2136",
        ...shared,
        server: server,
        zone: zone as string | null,
        tsigName: tsigName,
        tsigAlgorithm: tsigAlgorithm,
        tsigSecretFile: tsigSecretFile as string,
      }
    : null;
}

function parseHook(value: unknown): DnsUpdate | null {
  const given = recordOf(value, ["kind", "for", "checkServers", "command"]);
  const shared = given && parseShared(given);
  const command = given?.["command"];
  if (!shared || !Array.isArray(command) || command.length < 1 || command.length > COMMAND_PARTS_MAX) {
    return null;
  }
  const right = command.every(
    (part) => typeof part === "string" && part.length <= 1000 && !part.includes("\0"),
  );
  return right && isFile(command[0]) ? { kind: "hook", ...shared, command: command as string[] } : null;
}

function parseShared(
  given: Readonly<Record<string, unknown>>,
): { readonly for: "wildcards" | "all"; readonly checkServers: readonly string[] | null } | null {
  const { for: names = "wildcards", checkServers = null } = given;
  if (names !== "wildcards" && names !== "all") return null;
  if (checkServers === null) return { for: names, checkServers: null };
  const right =
    Array.isArray(checkServers) &&
    checkServers.length >= 1 &&
    checkServers.length <= SERVERS_MAX &&
    checkServers.every((server) => typeof server === "string" && SERVER.test(server));
  return right ? { for: names, checkServers: checkServers as string[] } : null;
}

/** An object with no other keys than these, or null. */
function recordOf(value: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return Object.keys(value).every((key) => keys.includes(key))
    ? (value as Readonly<Record<string, unknown>>)
    : null;
}

function isFile(value: unknown): value is string {
  return typeof value === "string" && value.length <= 1000 && isAbsolute(value) && !value.includes("\0");
}
