/**
 * Compares one site with its certificates, in one transaction: names that lost their place lose their certificate, new ones get a
 * row that an attempt will fill, and every certificate learns for which names it is shown now. Repeatable: a second run on the
 * same rows changes nothing. Whoever changes certificates calls it in the same transaction.
 */
import { newId, type CertificateId, type SiteId } from "../contract/ids.ts";
import { deleteOrder } from "../store/acme.ts";
import * as rows from "../store/certificates.ts";
import type { Tx } from "../store/db.ts";
import { backOffMs, renewAtMs } from "./certificates-life.ts";
import { assignNames, namesToAsk, type Candidate } from "./certificates-names.ts";

export type Comparing = {
  /** "" when no authority is asked. */
  readonly directory: string;
  readonly nowMs: number;
  readonly random: (bytes: number) => Uint8Array;
};

/** Certificates of one name that are made and deleted wait ever longer: authorities count them. */
const REMADE_WINDOW_MS = 24 * 3_600_000;

export async function compareSite(tx: Tx, siteId: SiteId, given: Comparing): Promise<void> {
  const site = await rows.namedSite(tx, siteId);
  if (site === null) return;
  const all = await rows.certificatesOfSite(tx, siteId);
  if (site.state === "removed" || site.state === "refused") {
    for (const certificate of all) await remove(tx, certificate.certificateId, given);
  } else {
    const allowed = site.hostnames.filter((name) => name.mayIssue).map((name) => name.hostname);
    const servers = all.filter((certificate) => certificate.kind === "server");
    const candidates = servers.map(candidateOf);
    const wanted = given.directory === "" ? [] : namesToAsk(allowed, candidates, given.nowMs);
    const names = new Set(site.hostnames.map((name) => name.hostname));
    const kept: rows.CertificateRow[] = [];
    for (const certificate of servers) {
      if (certificate.asked !== null && !names.has(certificate.asked)) {
        await remove(tx, certificate.certificateId, given);
        continue;
      }
      kept.push(certificate);
      await schedule(tx, certificate, { ...given, wanted });
    }
    await askForNew(tx, siteId, { ...given, wanted, known: kept });
    const shown = assignNames(allowed, kept.map(candidateOf), given.nowMs);
    for (const certificate of all) {
      if (certificate.kind === "server" && !kept.includes(certificate)) continue;
      // Origins are shown one certificate whichever name a visitor came for.
      const now = certificate.kind === "server" ? (shown.get(certificate.certificateId) ?? []) : allowed;
      if (now.join() !== certificate.shown.join()) await rows.setShown(tx, certificate.certificateId, now);
    }
  }
  await rows.markCompared(tx, siteId, { version: site.version, directory: given.directory });
}

/** Starts or stops the clock of a certificate that is asked for. */
async function schedule(
  tx: Tx,
  certificate: rows.CertificateRow,
  given: Comparing & { readonly wanted: readonly string[] },
): Promise<void> {
  if (certificate.asked === null) return;
  const { certificateId, tries, why, nextTryAt, notBefore, notAfter } = certificate;
  const wanted = given.wanted.includes(certificate.asked);
  if (wanted === (nextTryAt !== null)) return;
  const atMs =
    notBefore === null || notAfter === null
      ? given.nowMs
      : renewAtMs(
          { notBeforeMs: notBefore.getTime(), notAfterMs: notAfter.getTime() },
          chanceOf(given.random),
        );
  await rows.setNextTry(tx, certificateId, { tries, why, at: wanted ? new Date(atMs) : null });
}

async function askForNew(
  tx: Tx,
  siteId: SiteId,
  given: Comparing & { readonly wanted: readonly string[]; readonly known: readonly rows.CertificateRow[] },
): Promise<void> {
  const known = new Set(given.known.map((certificate) => certificate.asked));
  for (const hostname of given.wanted) {
    if (known.has(hostname)) continue;
    const made = await rows.countMade(tx, hostname, new Date(given.nowMs - REMADE_WINDOW_MS));
    const waitMs = made === 0 ? 0 : backOffMs(made, chanceOf(given.random));
    await rows.insertCertificate(tx, {
      certificateId: newId<CertificateId>("cert", given.random),
      siteId,
      kind: "server",
      source: "acme",
      asked: hostname,
      at: new Date(given.nowMs),
      nextTryAt: new Date(given.nowMs + waitMs),
    });
  }
}

async function remove(tx: Tx, certificateId: CertificateId, given: Comparing): Promise<void> {
  await deleteOrder(tx, certificateId);
  await rows.deleteCertificate(tx, certificateId, new Date(given.nowMs));
}

function candidateOf(certificate: rows.CertificateRow): Candidate {
  return {
    id: certificate.certificateId,
    source: certificate.source,
    names: certificate.names,
    notAfterMs: certificate.notAfter?.getTime() ?? null,
  };
}

/** A number from 0 up to 1, from the caller's randomness. */
export function chanceOf(random: (bytes: number) => Uint8Array): number {
  const [high = 0, low = 0] = random(2);
  return (high * 256 + low) / 65_536;
}
