/**
 * Which certificate does this handshake get? Chosen by SNI before any costly arithmetic: a name that is missing, unknown or without a certificate
 * ends the handshake. Truth lies in two shared dictionaries, written by `feed`: `cert_names` (hostname → certificate id) and `certs`
 * (certificate id → JSON). A certificate is shown only for names of the site that it belongs to, whatever the dictionaries say. Parsed
 * chains and keys are kept by worker, in bounded number, until the journal names them; nothing here waits for anything.
 */
import * as cjson from "cjson.safe";
import * as ssl from "ngx.ssl";
import type { EdgeCertificateShown } from "../../contract/edge-site.ts";
import { isHostname, wildcardOf } from "../hostname.ts";
import { mayShakeHands } from "./handshakes.ts";
import { siteIdOf } from "./preview.ts";

type Parsed = { readonly siteId: string; readonly chain: object; readonly key: object };

const hosts = ngx.shared["parapet_hosts"]!;
const names = ngx.shared["parapet_cert_names"]!;
const certs = ngx.shared["parapet_certs"]!;

/** Two halves: when the young one is full it becomes the old one, and what is used again moves back. */
const PARSED_HALF_MAX = 1000;
const NAMES_HALF_MAX = 5000;
let young: Record<string, Parsed | undefined> = {};
let old: Record<string, Parsed | undefined> = {};
let youngCount = 0;
let youngNames: Record<string, Parsed | undefined> = {};
let oldNames: Record<string, Parsed | undefined> = {};
let youngNamesCount = 0;

/** In `ssl_certificate_by_lua`. */
export function showCertificate(): void {
  if (!mayShakeHands()) return ngx.exit(ngx.ERROR);
  const [name] = ssl.server_name();
  const parsed = name === undefined ? undefined : certificateFor(name);
  if (parsed === undefined) return ngx.exit(ngx.ERROR);
  ssl.clear_certs();
  const [chainSet] = ssl.set_cert(parsed.chain);
  const [keySet] = ssl.set_priv_key(parsed.key);
  if (chainSet !== true || keySet !== true) {
    ngx.log(ngx.ERR, "a certificate cannot be used by TLS, so the handshake ends: ", name);
    return ngx.exit(ngx.ERROR);
  }
}

export function forgetCertificate(certificateId: string): void {
  young[certificateId] = undefined;
  old[certificateId] = undefined;
}

/** After any change: which certificate a name gets is asked anew. What was parsed stays. */
export function forgetNames(): void {
  youngNames = {};
  oldNames = {};
  youngNamesCount = 0;
}

export function forgetCertificates(): void {
  forgetNames();
  young = {};
  old = {};
  youngCount = 0;
}

function certificateFor(name: string): Parsed | undefined {
  const known = youngNames[name];
  if (known !== undefined) return known;
  const found = oldNames[name] ?? find(name);
  if (found === undefined) return undefined;
  if (youngNamesCount >= NAMES_HALF_MAX) {
    oldNames = youngNames;
    youngNames = {};
    youngNamesCount = 0;
  }
  youngNames[name] = found;
  youngNamesCount += 1;
  return found;
}

/** Exact name first, then the one wildcard that can stand for it; for the site and for the certificate alike. */
function find(name: string): Parsed | undefined {
  const host = name.toLowerCase();
  if (!isHostname(host)) return undefined;
  const wildcard = wildcardOf(host);
  let [holder] = hosts.get(host);
  if (holder === undefined && wildcard !== null) [holder] = hosts.get(wildcard);
  if (holder === undefined) return undefined;
  const siteId = siteIdOf(holder as string);
  const [exact] = names.get(host);
  if (exact !== undefined) {
    const parsed = parsedById(exact as string);
    if (parsed !== undefined && parsed.siteId === siteId) return parsed;
  }
  if (wildcard === null) return undefined;
  const [wider] = names.get(wildcard);
  const parsed = wider === undefined ? undefined : parsedById(wider as string);
  return parsed !== undefined && parsed.siteId === siteId ? parsed : undefined;
}

function parsedById(certificateId: string): Parsed | undefined {
  const known = young[certificateId];
  if (known !== undefined) return known;
  const parsed = old[certificateId] ?? parse(certificateId);
  if (parsed === undefined) return undefined;
  if (youngCount >= PARSED_HALF_MAX) {
    old = young;
    young = {};
    youngCount = 0;
  }
  young[certificateId] = parsed;
  youngCount += 1;
  return parsed;
}

function parse(certificateId: string): Parsed | undefined {
  const [json] = certs.get(certificateId);
  if (json === undefined) return undefined;
  const [value] = cjson.decode(json as string);
  if (value === undefined) return undefined;
  const shown = value as EdgeCertificateShown;
  const [chain, chainWhy] = ssl.parse_pem_cert(shown.chainPem);
  const [key, keyWhy] = ssl.parse_pem_priv_key(shown.keyPem);
  if (chain === undefined || key === undefined) {
    ngx.log(ngx.ERR, "certificate ", certificateId, " cannot be parsed: ", chainWhy ?? keyWhy);
    return undefined;
  }
  return { siteId: shown.siteId, chain, key };
}
