/**
 * Attempts to get a certificate: at most ATTEMPTS_MAX at once, each remembered in the database before and after, so that a
 * crash loses none and repeats none out of turn. What an attempt learns is written down in one place: a certificate, or why not
 * and when again. An authority that asks to be left alone is left alone: for one name when it refused an order, as another
 * customer's name may be welcome, and altogether when it refused anything else. Nothing that is written here can carry a key.
 */
import { readFile } from "node:fs/promises";
import { Fault } from "../contract/fault.ts";
import type { CertificateId } from "../contract/ids.ts";
import type { Settings } from "../contract/settings.ts";
import * as acme from "../store/acme.ts";
import * as rows from "../store/certificates.ts";
import type { Db } from "../store/db.ts";
import { AcmeProblem, openAcmeSession, printable, type AcmeSession } from "./acme-client.ts";
import { createDnsProof, type DnsProof } from "./acme-dns.ts";
import {
  obtain,
  ORDER_BOUNDS,
  OrderFailed,
  takeAwayOne,
  type Issued,
  type OrderContext,
} from "./acme-order.ts";
import { checkCertificate } from "./certificates-check.ts";
import { chanceOf, compareSite } from "./certificates-compare.ts";
import {
  afterRetryMs,
  ALARM_TRIES,
  backOffMs,
  FAILED_VALIDATIONS_WINDOW_MS,
  renewAtMs,
  validationAllowedAtMs,
} from "./certificates-life.ts";
import type { Seal } from "./certificates-seal.ts";
import type { Sites } from "./sites.ts";

const ATTEMPTS_MAX = 4;
/** An order that is refused for its rate holds back the others for this long: enough to stop a crowd, too short to let one customer starve the rest. */
const NEW_ORDER_PAUSE_MAX_MS = 60_000;
const SWEEP_MAX = 20;
const SECRET_FILE_BYTES_MAX = 64 * 1024;

export type AttemptOptions = {
  readonly db: Db;
  readonly settings: Settings;
  readonly sites: Pick<Sites, "touch" | "publish" | "inForce">;
  readonly seal: Seal;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly onAlarm: (code: string, what: string) => void;
  readonly bounds?: OrderContext["bounds"];
};

export type Attempts = {
  /** Starts what is due. Answers how many. */
  start(): Promise<number>;
  running(certificateId: CertificateId): boolean;
  /** When the authority may be asked for this name again; not later than now when it may. */
  allowedAtMs(hostname: string): Promise<number>;
  /** Takes away proofs that an attempt left behind. */
  sweep(): Promise<void>;
  close(): Promise<void>;
};

export function createAttempts(options: AttemptOptions): Attempts {
  const { db, settings, now, random, onAlarm } = options;
  const directory = settings.acmeDirectory;
  const stop = new AbortController();
  const running = new Map<CertificateId, Promise<void>>();
  const dns: DnsProof | null =
    settings.dnsUpdate === null
      ? null
      : createDnsProof(settings.dnsUpdate, { dnsServers: settings.dnsServers, signal: stop.signal });
  let opening: Promise<AcmeSession> | null = null;

  /** One session for all; opened anew after a failure. Two attempts at once must not register two accounts. */
  function session(): Promise<AcmeSession> {
    opening ??= openSession(options, stop.signal).catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return opening;
  }

  async function attempt(certificate: rows.CertificateRow): Promise<void> {
    try {
      const context: OrderContext = {
        db,
        session: await session(),
        directory,
        seal: options.seal,
        sites: options.sites,
        dns,
        now,
        signal: stop.signal,
        bounds: options.bounds ?? ORDER_BOUNDS,
      };
      await keep(options, certificate, await obtain(context, certificate));
    } catch (error) {
      if (stop.signal.aborted) return; // Goes on at the next start.
      if (error instanceof AcmeProblem && error.type === "accountDoesNotExist") {
        await acme.setAccountUrl(db, directory, null);
        opening = null;
      }
      await giveUpForNow(certificate, error);
    }
  }

  async function giveUpForNow(certificate: rows.CertificateRow, error: unknown): Promise<void> {
    const at = now();
    const hostname = certificate.asked ?? "";
    const limited = error instanceof AcmeProblem && (error.type === "rateLimited" || error.status === 429);
    if (error instanceof OrderFailed && error.validation) {
      await acme.insertFailure(db, hostname, new Date(at));
    }
    const tries = limited ? certificate.tries : certificate.tries + 1;
    const asked = error instanceof AcmeProblem ? error.retryAfterMs : null;
    const chance = chanceOf(random);
    const waitMs = Math.max(
      asked === null ? 0 : afterRetryMs(asked, chance),
      backOffMs(Math.max(1, tries), chance),
      (await allowedAtMs(hostname)) - at,
    );
    if (error instanceof AcmeProblem && (limited || error.status === 503)) {
      const pauseMs = error.atNewOrder ? Math.min(waitMs, NEW_ORDER_PAUSE_MAX_MS) : waitMs;
      await acme.pauseAccount(db, directory, new Date(at + pauseMs));
    }
    const why = whyOf(error);
    await rows.setNextTry(db, certificate.certificateId, { tries, why, at: new Date(at + waitMs) });
    if (tries > 0 && tries % ALARM_TRIES === 0 && !limited) {
      onAlarm("certificate.failing", `No certificate for ${hostname} after ${tries} attempts: ${why}`);
    }
  }

  async function allowedAtMs(hostname: string): Promise<number> {
    const since = new Date(now() - FAILED_VALIDATIONS_WINDOW_MS);
    const failed = await acme.failuresSince(db, hostname, since);
    return validationAllowedAtMs(
      failed.map((at) => at.getTime()),
      now(),
    );
  }

  return {
    async start() {
      const room = ATTEMPTS_MAX - running.size;
      if (directory === "" || room <= 0 || stop.signal.aborted) return 0;
      const at = new Date(now());
      const account = await acme.acmeAccount(db, directory);
      if (account?.pausedUntil !== null && account?.pausedUntil !== undefined && account.pausedUntil > at)
        return 0;
      const due = await rows.dueCertificates(db, { at, limit: ATTEMPTS_MAX });
      let started = 0;
      for (const certificate of due) {
        const { certificateId } = certificate;
        if (running.has(certificateId) || running.size >= ATTEMPTS_MAX || stop.signal.aborted) continue;
        const done = attempt(certificate)
          .catch((error: unknown) => {
            onAlarm(
              "certificate.attempt",
              `An attempt could not be written down: ${printable(String(error))}`,
            );
          })
          .finally(() => running.delete(certificateId));
        running.set(certificateId, done);
        started += 1;
      }
      return started;
    },
    running: (certificateId) => running.has(certificateId),
    allowedAtMs,
    async sweep() {
      for (const row of await acme.strayChallenges(db, SWEEP_MAX)) {
        if (running.has(row.certificateId)) continue;
        await takeAwayOne({ db, sites: options.sites, dns }, row).catch((error: unknown) => {
          onAlarm(
            "certificate.proof-left",
            `A proof at ${row.place} could not be taken away and is tried again: ${whyOf(error)}`,
          );
        });
      }
    },
    async close() {
      stop.abort(new Error("The control plane stops"));
      await Promise.all(running.values());
    },
  };
}

async function openSession(options: AttemptOptions, signal: AbortSignal): Promise<AcmeSession> {
  const { db, settings, seal, now } = options;
  const directory = settings.acmeDirectory;
  await db.transaction(async (tx) => {
    if ((await acme.acmeAccount(tx, directory)) !== null) return;
    const { crypto } = await import("acme-client");
    const key = (await crypto.createPrivateEcdsaKey("P-256")).toString();
    await acme.ensureAccountKey(tx, {
      directory,
      keySealed: seal.seal(key, directory),
      at: new Date(now()),
    });
  });
  const account = await acme.acmeAccount(db, directory);
  if (account === null) throw new Error("an account's key that was stored is not there");
  const { acmeExternalAccount: external } = settings;
  const session = await openAcmeSession({
    directory,
    accountKeyPem: seal.open(account.keySealed, directory),
    accountUrl: account.accountUrl,
    caPem: settings.acmeCaFile === "" ? null : await secretText(settings.acmeCaFile, "acmeCaFile"),
    externalAccount:
      external === null
        ? null
        : {
            keyId: external.keyId,
            macKey: await secretText(external.macKeyFile, "acmeExternalAccount.macKeyFile"),
          },
    now,
    signal,
  });
  if (account.accountUrl === null) {
    await acme.setAccountUrl(db, directory, await session.register(settings.acmeEmail));
  }
  return session;
}

async function secretText(file: string, setting: string): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null || text.length > SECRET_FILE_BYTES_MAX) {
    throw new Fault("machine.incomplete", `Cannot read ${file}: check the setting ${setting}`);
  }
  return text.trim();
}

/** Checks what came and puts it in force, in one transaction with the end of its order. */
async function keep(
  options: AttemptOptions,
  certificate: rows.CertificateRow,
  issued: Issued,
): Promise<void> {
  const { db, settings, seal, now, random } = options;
  const { certificateId, siteId, asked } = certificate;
  const checked = checkCertificate(issued, { kind: "server", hostnames: [asked ?? ""], nowMs: now() });
  if (!checked.ok) {
    await acme.deleteOrder(db, certificateId);
    throw new OrderFailed(`The authority issued something that is of no use. ${checked.why}`);
  }
  const { value } = checked;
  await db.transaction(async (tx) => {
    const row = await rows.certificateById(tx, certificateId);
    await acme.deleteOrder(tx, certificateId);
    if (row === null || row.deletedAt !== null) return;
    const life = { notBeforeMs: value.notBefore.getTime(), notAfterMs: value.notAfter.getTime() };
    await rows.saveIssued(tx, certificateId, {
      names: value.names,
      directory: settings.acmeDirectory,
      notBefore: value.notBefore,
      notAfter: value.notAfter,
      issuer: value.issuer,
      fingerprint: value.fingerprint,
      nextTryAt: new Date(renewAtMs(life, chanceOf(random))),
      chainPem: value.chainPem,
      keySealed: seal.seal(value.keyPem, certificateId),
    });
    await compareSite(tx, siteId, { directory: settings.acmeDirectory, nowMs: now(), random });
  });
}

/** A sentence for the owner. Only our own sentences and what the authority said, bounded, get this far. */
function whyOf(error: unknown): string {
  if (error instanceof Fault) return printable(error.detail);
  return printable(error instanceof Error ? error.message : String(error));
}
