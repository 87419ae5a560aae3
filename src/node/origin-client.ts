/**
 * Certificates that this edge shows to origins, on disk as they came from the control plane: `DIR/origin-client/ID.pem`, leaf first, and
 * `ID.key` beside it. Whoever takes certificates in writes them here with `saveOriginClient` and has the site fed again.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  CERTIFICATE_CHAIN_BYTES_MAX,
  CERTIFICATE_KEY_BYTES_MAX,
  type EdgeCertificate,
} from "../contract/certificate.ts";
import { ID_PATTERN, type SiteId } from "../contract/ids.ts";

export type ClientCertificate = {
  readonly chainPem: string;
  readonly keyPem: string;
  /** What tells it from every other one, in the identity of a connection. */
  readonly identity: string;
};

/** Keeps a certificate; one without hostnames is let go of. The site it belongs to stands in its first line, and only that site gets it. */
export function saveOriginClient(
  stateDir: string,
  certificate: Pick<EdgeCertificate, "certificateId" | "siteId" | "hostnames" | "chainPem" | "keyPem">,
): void {
  const { pem, key } = filesOf(stateDir, certificate.certificateId);
  if (certificate.hostnames.length === 0) {
    rmSync(key, { force: true });
    rmSync(pem, { force: true });
    return;
  }
  mkdirSync(join(stateDir, "origin-client"), { recursive: true, mode: 0o700 });
  // The key first: a chain without its key is not used.
  writeWhole(key, certificate.keyPem);
  writeWhole(pem, `${ownerLine(certificate.siteId)}\n${certificate.chainPem}`);
}

/** Null when there is none for this site, or it is not whole. */
export function readOriginClient(
  stateDir: string,
  wanted: { readonly certificateId: string; readonly siteId: SiteId },
): ClientCertificate | null {
  const { pem, key } = filesOf(stateDir, wanted.certificateId);
  if (!existsSync(pem) || !existsSync(key)) return null;
  const chainPem = readFileSync(pem, "utf8");
  const keyPem = readFileSync(key, "utf8");
  if (!chainPem.startsWith(`${ownerLine(wanted.siteId)}\n`)) return null;
  if (chainPem.length > 2 * CERTIFICATE_CHAIN_BYTES_MAX || keyPem.length > CERTIFICATE_KEY_BYTES_MAX)
    return null;
  const identity = createHash("sha256").update(`${chainPem}\0${keyPem}`).digest("hex");
  return { chainPem, keyPem, identity };
}

function filesOf(stateDir: string, certificateId: string): { pem: string; key: string } {
  if (!ID_PATTERN.test(certificateId)) throw new Error(`"${certificateId}" is not a certificate's id.`);
  const base = join(stateDir, "origin-client", certificateId);
  return { pem: `${base}.pem`, key: `${base}.key` };
}

/** Text before a PEM block is for people (RFC 7468 §5.2): readers skip it. */
const ownerLine = (siteId: string): string => `site: ${siteId}`;

function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
