/**
 * What a node needs to speak TLS beside the certificates themselves: the files that nginx.conf names, and the fleet's secret, from which the keys of
 * session tickets are made. The secret comes over the bus, is kept on disk, and outlives the control plane. When its slot of time ends, or
 * the secret changes, new key files are written and nginx is asked to read them (`reload`); until a secret is known nginx draws keys of its own.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bus } from "../bus/bus.ts";
import type { EdgeSecrets } from "../contract/certificate.ts";
import { EDGE_SECRETS_TOPIC } from "../contract/topics.ts";
import type { TlsConfOptions } from "./conf-tls.ts";
import { makePlaceholder, PLACEHOLDER_SEED_BYTES } from "./placeholder-certificate.ts";
import {
  placeholderSeed,
  ticketSlot,
  TICKET_SLOT_MS,
  whyNotSecrets,
  writeTicketKeys,
} from "./ticket-keys.ts";

export type EdgeTlsOptions = {
  readonly stateDir: string;
  /** "HOST:PORT", or null to serve nobody over TLS. */
  readonly listen: string | null;
  readonly now: () => number;
  readonly alarm: (code: string, what: string) => void;
};

const SECRETS_BYTES_MAX = 1024;
const RETRY_MS = 60_000;

export class EdgeTls {
  readonly #options: EdgeTlsOptions;
  readonly #folder: string;
  #secrets: EdgeSecrets | null = null;
  /** What the files were written for: secret and slot. */
  #written = "";
  #triedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: EdgeTlsOptions) {
    this.#options = options;
    this.#folder = join(options.stateDir, "tls");
  }

  /** From disk, then from whoever is there to tell. Before nginx starts, so that its first tickets are already the fleet's. */
  async load(bus: Bus | null): Promise<void> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, "secrets.json");
    if (existsSync(path)) {
      const why = this.#take(readJson(path));
      if (why !== null) {
        renameSync(path, `${path}.broken`);
        this.#options.alarm("edge.secrets-refused", `${path} was moved aside as ${why}: it is sent again`);
      }
    }
    for (const { value } of (await bus?.last(EDGE_SECRETS_TOPIC)) ?? []) this.receive(value);
  }

  receive(value: unknown): void {
    const before = this.#secrets;
    const why = this.#take(value);
    if (why !== null) {
      this.#options.alarm(
        "edge.secrets-refused",
        `The fleet's secrets were not taken as ${why}: those before stay`,
      );
      return;
    }
    if (before !== null && before.ticketSecret === this.#secrets?.ticketSecret) return;
    this.#triedAtMs = Number.NEGATIVE_INFINITY;
    const path = join(this.#folder, "secrets.json");
    try {
      writeFileSync(`${path}.new`, JSON.stringify(this.#secrets), { mode: 0o600, flush: true });
      renameSync(`${path}.new`, path);
    } catch (error) {
      // They are in force all the same, and sent again to a node that starts.
      this.#options.alarm(
        "edge.not-durable",
        `The fleet's secrets cannot be written (${String(error)}): make room`,
      );
    }
  }

  /** What the fleet shares; null until it is known. */
  get ticketSecret(): string | null {
    return this.#secrets?.ticketSecret ?? null;
  }

  /** Writes the files that nginx.conf names; null when nobody is served over TLS. */
  conf(): TlsConfOptions | null {
    const { listen } = this.#options;
    if (listen === null) return null;
    const placeholderCertFile = join(this.#folder, "placeholder.pem");
    const placeholderKeyFile = join(this.#folder, "placeholder.key");
    const seed =
      this.#secrets === null
        ? randomBytes(PLACEHOLDER_SEED_BYTES)
        : placeholderSeed(this.#secrets.ticketSecret);
    const { certPem, keyPem } = makePlaceholder(seed);
    writeFileSync(placeholderKeyFile, keyPem, { mode: 0o600 });
    writeFileSync(placeholderCertFile, certPem, { mode: 0o600 });
    const slot = ticketSlot(this.#options.now());
    const ticketKeyFiles = this.#secrets === null ? [] : writeTicketKeys(this.#folder, this.#secrets, slot);
    this.#written = this.#wanted();
    const ticketSeconds = TICKET_SLOT_MS / 1000;
    return { listen, placeholderCertFile, placeholderKeyFile, ticketKeyFiles, ticketSeconds };
  }

  /** Whether nginx has to read new keys. A reload that failed is tried again, but not at once. */
  wantsReload(): boolean {
    const now = this.#options.now();
    if (this.#options.listen === null || this.#written === this.#wanted()) return false;
    if (Math.abs(now - this.#triedAtMs) < RETRY_MS) return false;
    this.#triedAtMs = now;
    return true;
  }

  /** The files were written, but nginx did not read them. */
  reloadFailed(): void {
    this.#written = "";
  }

  #wanted(): string {
    return this.#secrets === null
      ? "none"
      : `${ticketSlot(this.#options.now())} ${this.#secrets.ticketSecret}`;
  }

  /** Null when they are taken, else why not. */
  #take(value: unknown): string | null {
    const why = whyNotSecrets(value);
    if (why === null) this.#secrets = value as EdgeSecrets;
    return why;
  }
}

function readJson(path: string): unknown {
  const bytes = readFileSync(path);
  if (bytes.length > SECRETS_BYTES_MAX) return null;
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return null;
  }
}
