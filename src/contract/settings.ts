/**
 * What an operator can set, as one frozen value. Parsed once at start by `cli/settings.ts`, where every field has its
 * sentence and its default; unknown keys are errors. Times in milliseconds, sizes in bytes.
 */
import type { PolicyLimit } from "./policy.ts";

export type Settings = {
  /** Absolute path. Everything Parapet writes lies below it. */
  readonly dataDir: string;
  /** "HOST:PORT" of the control plane: console, public pages, API. */
  readonly controlListen: string;
  /** What people type to reach the control plane, without a trailing slash. */
  readonly publicUrl: string;
  /** "HOST:PORT" of the edge's HTTP listener. */
  readonly edgeListen: string;
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
  /** MMDB files by which rules of sites know a visitor's country and autonomous system; "" for none. */
  readonly countryDatabase: string;
  readonly asnDatabase: string;
  readonly defaultLimit: PolicyLimit | null;
  readonly bodyBytesMax: number;
};
