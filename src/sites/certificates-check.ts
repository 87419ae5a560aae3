/**
 * Judges a certificate before it goes near an edge: one that an owner uploads, or one that an authority hands out. Foreign
 * bytes: bounded before they are parsed, and whatever is wrong comes back as a sentence that says what to do. No answer
 * quotes any of the key. A chain is taken only in the order in which it is sent (RFC 8446 §4.4.2), leaf first.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import {
  CERTIFICATE_CHAIN_BYTES_MAX,
  CERTIFICATE_KEY_BYTES_MAX,
  type CertificateKind,
} from "../contract/certificate.ts";
import type { Parsed } from "../contract/fault.ts";
import { covers } from "./certificates-names.ts";

export type CheckedCertificate = {
  readonly chainPem: string;
  /** PKCS#8, whatever it came as. */
  readonly keyPem: string;
  /** DNS names of the leaf, lower case. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly issuer: string;
  /** SHA-256 of the leaf, hex. */
  readonly fingerprint: string;
};

const CHAIN_MAX = 10;
const NAMES_MAX = 1000;
const RSA_BITS_MIN = 2048;
/** A larger key costs the edge more per handshake than an attacker pays. */
const RSA_BITS_MAX = 8192;
const CURVES = ["prime256v1", "secp384r1", "secp521r1"];
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
/** Signatures over MD5 or SHA-1, by OID (RFC 8017 appendix C, RFC 5758 §3). */
const WEAK_SIGNATURES = [
  "1.2.840.113549.1.1.4",
  "1.2.840.113549.1.1.5",
  "1.2.840.10045.4.1",
  "1.2.840.10040.4.3",
];
const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([A-Za-z0-9+/=:,\-.\s]*?)-----END \1-----/g;

type Refusal = { readonly ok: false; readonly why: string };
const refuse = (why: string): Refusal => ({ ok: false, why });

export function checkCertificate(
  given: { readonly chainPem: string; readonly keyPem: string },
  options: {
    readonly kind: CertificateKind;
    /** Names of the site for which it may be shown; a server certificate has to cover one of them. */
    readonly hostnames: readonly string[];
    readonly nowMs: number;
  },
): Parsed<CheckedCertificate> {
  const chain = readChain(given.chainPem);
  if (!chain.ok) return chain;
  const key = readKey(given.keyPem);
  if (!key.ok) return key;
  const [leaf] = chain.value;
  if (leaf === undefined) return refuse("Cannot use an empty chain: give the certificate, leaf first");
  if (!leaf.checkPrivateKey(key.value)) {
    return refuse(
      "Cannot use this key as it does not belong to the first certificate: give the key that its request was made with, and the leaf before its issuers",
    );
  }
  const wrong = wrongWithLeaf(leaf, options) ?? wrongWithChain(chain.value, options.nowMs);
  if (wrong !== null) return refuse(wrong);
  const names = namesOf(leaf);
  if (options.kind === "server") {
    if (!options.hostnames.some((hostname) => names.some((name) => covers(name, hostname)))) {
      return refuse(
        `Cannot show this certificate for any name of the site: it carries ${listed(names)}, the site has ${listed(options.hostnames)}`,
      );
    }
  }
  return {
    ok: true,
    value: {
      chainPem: chain.value.map((certificate) => certificate.toString()).join(""),
      keyPem: key.value.export({ type: "pkcs8", format: "pem" }).toString(),
      names,
      notBefore: leaf.validFromDate,
      notAfter: leaf.validToDate,
      issuer: readable(leaf.issuer),
      fingerprint: leaf.fingerprint256.replaceAll(":", "").toLowerCase(),
    },
  };
}

function readChain(pem: string): Parsed<readonly X509Certificate[]> {
  if (Buffer.byteLength(pem) > CERTIFICATE_CHAIN_BYTES_MAX) {
    return refuse(
      `Cannot use a chain of more than ${CERTIFICATE_CHAIN_BYTES_MAX / 1024} KiB: give the leaf and its issuers alone`,
    );
  }
  if (pem.includes("PRIVATE KEY-----")) {
    return refuse("Cannot use a chain with a private key in it: give the key in its own field");
  }
  const blocks = [...pem.matchAll(BLOCK)];
  if (blocks.length === 0 || blocks.length !== pem.split("-----BEGIN ").length - 1) {
    return refuse(
      'Cannot read the chain as PEM: give text that begins with "-----BEGIN CERTIFICATE-----", whole',
    );
  }
  if (blocks.length > CHAIN_MAX) {
    return refuse(`Cannot use a chain of ${blocks.length} certificates: give at most ${CHAIN_MAX}`);
  }
  const chain: X509Certificate[] = [];
  for (const [i, block] of blocks.entries()) {
    if (block[1] !== "CERTIFICATE") {
      return refuse(`Cannot use a chain with "${block[1]}" in it: give certificates alone`);
    }
    try {
      chain.push(new X509Certificate(block[0]));
    } catch {
      return refuse(`Cannot read certificate ${i + 1} of the chain: give the file as it was issued`);
    }
  }
  return { ok: true, value: chain };
}

function readKey(pem: string): Parsed<KeyObject> {
  if (Buffer.byteLength(pem) > CERTIFICATE_KEY_BYTES_MAX) {
    return refuse(
      `Cannot use a key of more than ${CERTIFICATE_KEY_BYTES_MAX / 1024} KiB: give one key alone`,
    );
  }
  if (/ENCRYPTED/.test(pem)) {
    return refuse(
      "Cannot use a key that is locked with a password: unlock a copy with openssl pkey -in key.pem -out unlocked.pem and give that",
    );
  }
  const blocks = [...pem.matchAll(BLOCK)].filter((block) => block[1]?.endsWith("PRIVATE KEY"));
  const [block] = blocks;
  if (block === undefined || blocks.length !== 1) {
    return refuse(
      'Cannot read the key as PEM: give one key, whole, that begins with "-----BEGIN PRIVATE KEY-----"',
    );
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(block[0]);
  } catch {
    return refuse("Cannot read the key: give it as it was made, in PEM");
  }
  const wrong = wrongWithKey(key, "key");
  return wrong === null ? { ok: true, value: key } : refuse(wrong);
}

function wrongWithKey(key: KeyObject, what: string): string | null {
  const details = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "rsa") {
    const bits = details.modulusLength ?? 0;
    if (bits > RSA_BITS_MAX) {
      return `Cannot use an RSA ${what} of ${bits} bits as each handshake would cost too much: use at most ${RSA_BITS_MAX}, or ECDSA on P-256`;
    }
    return bits >= RSA_BITS_MIN
      ? null
      : `Cannot use an RSA ${what} of ${bits} bits as browsers refuse it: have one of ${RSA_BITS_MIN} or more issued`;
  }
  if (key.asymmetricKeyType === "ec" && CURVES.includes(details.namedCurve ?? "")) return null;
  return `Cannot use this kind of ${what} (${key.asymmetricKeyType ?? "unknown"}) as browsers do not take it: use RSA, or ECDSA on P-256 or P-384`;
}

function wrongWithLeaf(
  leaf: X509Certificate,
  options: { readonly kind: CertificateKind; readonly nowMs: number },
): string | null {
  if (leaf.ca) {
    return "Cannot use the certificate of an authority as a leaf: put the certificate of the name first, its issuers after it";
  }
  if (leaf.validToDate.getTime() <= options.nowMs) {
    return `Cannot use this certificate as it ended on ${day(leaf.validToDate)}: give its successor`;
  }
  if (leaf.validFromDate.getTime() > options.nowMs) {
    return `Cannot use this certificate yet as it begins on ${day(leaf.validFromDate)}: check the clocks, or give it then`;
  }
  // keyUsage is Node's name for the extended key usage (RFC 5280 §4.2.1.12); absent, anything goes.
  const usages: readonly string[] = (leaf.keyUsage as readonly string[] | undefined) ?? [];
  const needed = options.kind === "server" ? SERVER_AUTH : CLIENT_AUTH;
  if (usages.length > 0 && !usages.includes(needed)) {
    return `Cannot use this certificate for TLS ${options.kind === "server" ? "servers" : "clients"} as its extended key usage does not allow it: have one issued for that use`;
  }
  if (options.kind === "server" && namesOf(leaf).length === 0) {
    return "Cannot use a certificate without DNS names: browsers ignore its common name, so have one issued with subject alternative names";
  }
  return null;
}

function wrongWithChain(chain: readonly X509Certificate[], nowMs: number): string | null {
  for (const [i, certificate] of chain.entries()) {
    const at = `certificate ${i + 1} of the chain`;
    const weak = wrongWithKey(certificate.publicKey, "key");
    if (weak !== null) return `${weak} (${at})`;
    const selfSigned = certificate.subject === certificate.issuer;
    // The signature of a root is never checked by anybody: it is trusted by its key.
    const oid = certificate.signatureAlgorithmOid ?? "";
    if (WEAK_SIGNATURES.includes(oid) && !(selfSigned && i > 0)) {
      return `Cannot use ${at} as it is signed with SHA-1 or MD5, which browsers refuse: have it issued anew`;
    }
    if (certificate.validToDate.getTime() <= nowMs) {
      return `Cannot use ${at} as it ended on ${day(certificate.validToDate)}: get the authority's present chain`;
    }
    const issuer = chain[i + 1];
    if (issuer === undefined) continue;
    if (!certificate.checkIssued(issuer) || !issuer.ca || !verifies(certificate, issuer)) {
      return `Cannot use this chain as certificate ${i + 2} did not issue certificate ${i + 1}: put the leaf first and each issuer right after what it issued`;
    }
  }
  return null;
}

function verifies(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

/** DNS names of the leaf. Node writes names with odd characters as quoted strings: those are no hostnames, and left out. */
function namesOf(leaf: X509Certificate): readonly string[] {
  const names = (leaf.subjectAltName ?? "")
    .split(", ")
    .filter((entry) => entry.startsWith("DNS:"))
    .map((entry) => entry.slice(4).toLowerCase())
    .filter((name) => /^(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+$/.test(name) && name.length <= 253);
  return [...new Set(names)].slice(0, NAMES_MAX);
}

/** A distinguished name on one line, bounded, printable. */
function readable(name: string): string {
  return name.split("\n").reverse().join(", ").replace(/\p{C}/gu, "").slice(0, 200);
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const shown = names.slice(0, 5).map((name) => `"${name}"`);
  return names.length > 5 ? `${shown.join(", ")} and ${names.length - 5} more` : shown.join(", ");
}

const day = (date: Date): string => date.toISOString().slice(0, 10);
