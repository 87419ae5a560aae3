/**
 * Is this a certificate that an edge may show? Takes what came from the bus or from disk and believes nothing of it: shape and sizes first,
 * then the chain, the key that belongs to its leaf, the dates, and that each hostname is one of the leaf's names (RFC 9525 §6.3). To
 * which site a name belongs is judged where the policies are (`certificates.ts`). No sentence quotes any of the key.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import {
  CERTIFICATE_CHAIN_BYTES_MAX,
  CERTIFICATE_HOSTNAMES_MAX,
  CERTIFICATE_KEY_BYTES_MAX,
  CERTIFICATE_KINDS,
  type EdgeCertificate,
} from "../contract/certificate.ts";
import type { Parsed } from "../contract/fault.ts";
import { ID_PATTERN } from "../contract/ids.ts";
import { isHostname } from "../contract/site-schema.ts";

const KEYS = "certificateId,chainPem,hostnames,keyPem,kind,notAfterMs,schema,siteId,version"; // In alphabetical order.
const CHAIN_MAX = 10;
const NAMES_MAX = 1000;
/** A larger key costs the edge more per handshake than an attacker pays. */
const RSA_BITS_MIN = 2048;
const RSA_BITS_MAX = 8192;
const CURVES = ["prime256v1", "secp384r1", "secp521r1"];
const CLOCK_MS = 10 * 60_000;
/** The same second, written by two programs. */
const NOT_AFTER_MS = 1000;
const BLOCK = /-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]{1,65536}?-----END CERTIFICATE-----/g;

type Refusal = { readonly ok: false; readonly why: string };
const refuse = (why: string): Refusal => ({ ok: false, why });

/**
 * Checks a foreign value. Never throws. `graceMs`: for how long after its end a certificate is taken all the same; for those on disk, as a
 * warning in the visitor's browser is better than no answer.
 */
export function checkCertificate(
  value: unknown,
  options: { readonly nowMs: number; readonly graceMs: number },
): Parsed<EdgeCertificate> {
  const shape = whyNotShaped(value);
  if (shape !== null) return refuse(shape);
  const given = value as EdgeCertificate;
  if (given.hostnames.length === 0) return { ok: true, value: { ...given, chainPem: "", keyPem: "" } };
  const chain = readChain(given.chainPem);
  if (!chain.ok) return chain;
  const key = readKey(given.keyPem);
  if (!key.ok) return key;
  const leaf = chain.value[0]!;
  if (!leaf.checkPrivateKey(key.value)) {
    return refuse("The key does not belong to the first certificate of the chain");
  }
  const dates = whyNotNow(leaf, given, options);
  if (dates !== null) return refuse(dates);
  if (given.kind === "server") {
    const names = namesOf(leaf);
    const stranger = given.hostnames.find((hostname) => !isNamed(hostname, names));
    if (stranger !== undefined) return refuse(`The certificate does not carry the name "${stranger}"`);
  }
  return {
    ok: true,
    value: {
      ...given,
      chainPem: chain.value.map((one) => one.toString()).join(""),
      keyPem: key.value.export({ type: "pkcs8", format: "pem" }).toString(),
    },
  };
}

function whyNotShaped(value: unknown): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "It is no certificate";
  const given = value as Record<string, unknown>;
  if (Object.keys(given).sort().join() !== KEYS) return "It has other fields than a certificate";
  if (given["schema"] !== 1) return "Its schema is not 1: this edge is older than its control plane";
  if (!isId(given["certificateId"], "cert_")) return "It has no certificate's id";
  if (!isId(given["siteId"], "site_")) return "It names no site";
  if (!CERTIFICATE_KINDS.some((kind) => kind === given["kind"])) return "Its kind is not known";
  const version = given["version"];
  if (!Number.isSafeInteger(version) || (version as number) < 1)
    return "Its version is not a counting number";
  if (!Number.isSafeInteger(given["notAfterMs"])) return "Its end is not a time";
  const { chainPem, keyPem, hostnames } = given;
  if (typeof chainPem !== "string" || Buffer.byteLength(chainPem) > CERTIFICATE_CHAIN_BYTES_MAX)
    return `Its chain is no text of at most ${CERTIFICATE_CHAIN_BYTES_MAX} bytes`;
  if (typeof keyPem !== "string" || Buffer.byteLength(keyPem) > CERTIFICATE_KEY_BYTES_MAX)
    return `Its key is no text of at most ${CERTIFICATE_KEY_BYTES_MAX} bytes`;
  if (!Array.isArray(hostnames) || hostnames.length > CERTIFICATE_HOSTNAMES_MAX)
    return `Its hostnames are no list of at most ${CERTIFICATE_HOSTNAMES_MAX}`;
  if (!hostnames.every((name) => typeof name === "string" && isHostname(name.replace(/^\*\./, ""))))
    return "One of its hostnames is not in lower-case A-labels";
  if (new Set(hostnames).size < hostnames.length) return "One of its hostnames is there twice";
  return null;
}

const isId = (value: unknown, prefix: string): boolean =>
  typeof value === "string" && ID_PATTERN.test(value) && value.startsWith(prefix);

/** Certificates in the order in which they are sent (RFC 8446 §4.4.2); what stands between them is dropped. */
function readChain(pem: string): Parsed<readonly X509Certificate[]> {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0 || blocks.length !== pem.split("-----BEGIN ").length - 1) {
    return refuse("The chain is not made of whole certificates in PEM");
  }
  if (blocks.length > CHAIN_MAX) return refuse(`The chain has more than ${CHAIN_MAX} certificates`);
  const chain: X509Certificate[] = [];
  for (const [i, block] of blocks.entries()) {
    try {
      chain.push(new X509Certificate(block));
    } catch {
      return refuse(`Certificate ${i + 1} of the chain cannot be read`);
    }
    const before = chain.at(-2);
    if (before !== undefined && !before.checkIssued(chain[i]!)) {
      return refuse(`Certificate ${i + 1} of the chain did not issue certificate ${i}`);
    }
  }
  return { ok: true, value: chain };
}

function readKey(pem: string): Parsed<KeyObject> {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    return refuse("The key cannot be read");
  }
  const details = key.asymmetricKeyDetails ?? {};
  const bits = details.modulusLength ?? 0;
  const isRsa = key.asymmetricKeyType === "rsa" && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
  const isEc = key.asymmetricKeyType === "ec" && CURVES.includes(details.namedCurve ?? "");
  return isRsa || isEc
    ? { ok: true, value: key }
    : refuse(
        `The key is neither RSA of ${RSA_BITS_MIN} to ${RSA_BITS_MAX} bits nor ECDSA on a curve of the NIST`,
      );
}

function whyNotNow(
  leaf: X509Certificate,
  given: EdgeCertificate,
  options: { readonly nowMs: number; readonly graceMs: number },
): string | null {
  const endsAtMs = leaf.validToDate.getTime();
  if (!(Math.abs(endsAtMs - given.notAfterMs) <= NOT_AFTER_MS)) {
    return "The certificate ends at another time than it was announced with";
  }
  if (endsAtMs + options.graceMs <= options.nowMs) {
    return `The certificate ended on ${leaf.validToDate.toISOString().slice(0, 10)}: renew it`;
  }
  if (leaf.validFromDate.getTime() > options.nowMs + CLOCK_MS) {
    return `The certificate begins on ${leaf.validFromDate.toISOString().slice(0, 10)}: check the clock of this machine`;
  }
  return null;
}

/** DNS names of the leaf. Node writes names with odd characters as quoted strings: those are no hostnames, and left out. */
function namesOf(leaf: X509Certificate): ReadonlySet<string> {
  const names = (leaf.subjectAltName ?? "")
    .split(", ")
    .filter((entry) => entry.startsWith("DNS:"))
    .map((entry) => entry.slice(4).toLowerCase());
  return new Set(names.slice(0, NAMES_MAX));
}

/** A wildcard stands for exactly one label, and a wildcard is covered by itself alone. */
function isNamed(hostname: string, names: ReadonlySet<string>): boolean {
  if (names.has(hostname)) return true;
  return !hostname.startsWith("*.") && names.has(`*.${hostname.slice(hostname.indexOf(".") + 1)}`);
}
