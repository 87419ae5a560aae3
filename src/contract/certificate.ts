/**
 * A certificate on its way to the edges. It travels apart from policies: it is renewed without a change of the site, and its key is the most
 * secret thing that an edge holds. Versions count up per certificate; a certificate without hostnames is let go of.
 */
import type { CertificateId, NodeId, SiteId } from "./ids.ts";

export const CERTIFICATE_KINDS = ["server", "origin-client"] as const;
/** server: shown to visitors, chosen by SNI. origin-client: shown to the site's own origins. */
export type CertificateKind = (typeof CERTIFICATE_KINDS)[number];

export type EdgeCertificate = {
  readonly schema: 1;
  readonly certificateId: CertificateId;
  readonly siteId: SiteId;
  readonly kind: CertificateKind;
  readonly version: number;
  /** Names of the site that it is shown for, lower-case A-labels; a wildcard stands for one label. Empty: let go of. */
  readonly hostnames: readonly string[];
  /** Leaf first (RFC 8446 §4.4.2), PEM. */
  readonly chainPem: string;
  /** PKCS#8 PEM. */
  readonly keyPem: string;
  /** Milliseconds since the Unix epoch. */
  readonly notAfterMs: number;
};

export type CertificateAck = {
  readonly nodeId: NodeId;
  readonly certificateId: CertificateId;
  readonly version: number;
  readonly atMs: number;
} & ({ readonly ok: true } | { readonly ok: false; readonly why: string });

/** What every node of the edge shares, as the last value of one topic. */
export type EdgeSecrets = {
  readonly schema: 1;
  /** 32 bytes, base64url: the keys of session tickets and of clearances are derived from it and from the time, so that all nodes rotate alike. */
  readonly ticketSecret: string;
};

export const CERTIFICATE_CHAIN_BYTES_MAX = 64 * 1024;
export const CERTIFICATE_KEY_BYTES_MAX = 16 * 1024;
export const CERTIFICATE_HOSTNAMES_MAX = 100;
