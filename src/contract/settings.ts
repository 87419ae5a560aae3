/**
 * What an operator can set, as one frozen value. Parsed once at start by `cli/settings.ts`, where every field has its
 * sentence and its default; unknown keys are errors. Times in milliseconds, sizes in bytes.
 */
import type { PolicyLimit } from "./policy.ts";

/**
 * How a TXT record comes into the DNS for DNS-01 (RFC 8555 §8.4). `for`: wildcards alone, which nothing else proves, or every name.
 * `checkServers` ("HOST:PORT") are asked until they show the record; null: the server that was updated, or, for a command, the
 * zone's own name servers.
 */
export type DnsUpdate = {
  readonly for: "wildcards" | "all";
  readonly checkServers: readonly string[] | null;
} & (
  | {
      /** Dynamic update (RFC 2136) through `nsupdate`, signed with TSIG (RFC 8945). */
      readonly kind: "rfc2136";
      /** "HOST:PORT" */
      readonly server: string;
      /** null: nsupdate asks the server which zone a name is in. */
      readonly zone: string | null;
      readonly tsigName: string;
      readonly tsigAlgorithm: string;
      /** A file that holds the secret in base64, and nothing else. */
      readonly tsigSecretFile: string;
    }
  | {
      /** Run without a shell, with three more arguments: "present" or "cleanup", the record's name, its value. */
      readonly kind: "hook";
      readonly command: readonly string[];
    }
);

/** External account binding (RFC 8555 §7.3.4). The file holds the MAC key in base64url. */
export type AcmeExternalAccount = { readonly keyId: string; readonly macKeyFile: string };

export type Settings = {
  /** Absolute path. Everything Parapet writes lies below it. */
  readonly dataDir: string;
  /** "HOST:PORT" of the control plane: console, public pages, API. */
  readonly controlListen: string;
  /** What people type to reach the control plane, without a trailing slash. */
  readonly publicUrl: string;
  /** "HOST:PORT" of the edge's HTTP listener. */
  readonly edgeListen: string;
  /** The same for TLS, or "" for none. */
  readonly edgeListenTls: string;
  /** "HOST:PORT" of the demo site, or "" for none. */
  readonly demoListen: string;
  readonly edgeWorkers: number;
  /** "" for the embedded PGlite, or "postgres://…". */
  readonly databaseUrl: string;
  readonly operatorName: string;
  readonly operatorUrl: string;
  /** The log's origin line (C2SP tlog-checkpoint). For ever: it cannot be changed once the log exists. */
  readonly logOrigin: string;
  /** "smtp://host:port" or "" for none: then mail waits in the outbox and the console says so. */
  readonly smtpUrl: string;
  readonly mailFrom: string;
  /** CIDR ranges of non-public addresses in which origins are allowed. */
  readonly originPrivateRanges: readonly string[];
  /** The directory (RFC 8555 §7.1.1) that certificates are asked of; "" for none. */
  readonly acmeDirectory: string;
  /** Whom the authority writes to; "" for nobody. */
  readonly acmeEmail: string;
  /** A PEM file with the authority that the directory's own certificate is checked against; "" for the public ones. */
  readonly acmeCaFile: string;
  readonly acmeExternalAccount: AcmeExternalAccount | null;
  readonly dnsUpdate: DnsUpdate | null;
  /** "HOST:PORT" of the resolvers that customers' names are looked up with; empty: those of the machine. */
  readonly dnsServers: readonly string[];
  /** Under what visitors reach this edge: addresses, or names that customers point an alias at. */
  readonly edgeAddresses: readonly string[];
  /** Below it every site has a name of its own for a look before its DNS is switched; "" for none. */
  readonly previewDomain: string;
  /** MMDB files by which rules of sites know a visitor's country and autonomous system; "" for none. */
  readonly countryDatabase: string;
  readonly asnDatabase: string;
  /** CIDR ranges that no ban, limit, rule or challenge ever stops, on every site; a measure of the desk does. */
  readonly edgeAllowNetworks: readonly string[];
  /** "auto": clients that keep coming although refused are kept out by the kernel, where it lets the edge. */
  readonly kernelBans: "auto" | "off";
  /** A JSON file with crawlers' published ranges; "" for none. */
  readonly crawlerRanges: string;
  readonly defaultLimit: PolicyLimit | null;
  /** What all sites together may keep in one node's cache, as far as its disk has room. */
  readonly cacheBytesMax: number;
  readonly bodyBytesMax: number;
};
