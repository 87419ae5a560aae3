/**
 * The `Certificates` service on the database, the bus and, where the operator named one, a certificate authority. This file holds
 * what owners see and ask for; the parts below it compare sites with their certificates, make attempts and publish. The order of
 * durability is theirs: every change is one transaction, and everything that follows from it is repeated until it is done.
 */
import type { Bus } from "../bus/bus.ts";
import { CERTIFICATE_HOSTNAMES_MAX } from "../contract/certificate.ts";
import { Fault } from "../contract/fault.ts";
import type { CertificateView, HostnameView } from "../contract/http-sites.ts";
import { newId, type CertificateId, type NodeId, type SiteId } from "../contract/ids.ts";
import type { Settings } from "../contract/settings.ts";
import { forgetFailures, ordersOfSite } from "../store/acme.ts";
import * as rows from "../store/certificates.ts";
import type { Db } from "../store/db.ts";
import { createAttempts } from "./acme-attempts.ts";
import type { OrderBounds } from "./acme-order.ts";
import { checkCertificate } from "./certificates-check.ts";
import { compareSite } from "./certificates-compare.ts";
import { EXPIRING_MS, expiringMs, FAILED_VALIDATIONS_WINDOW_MS, stateOf } from "./certificates-life.ts";
import { createCertificatePublisher } from "./certificates-publish.ts";
import { createSeal } from "./certificates-seal.ts";
import type { Certificates } from "./certificates.ts";
import type { CertificateFacts } from "./settings-check.ts";
import type { Sites } from "./sites.ts";

const COMPARE_EVERY_MS = 1000;
const COMPARED_MAX = 50;
const TIDY_EVERY_MS = 60_000;
const UPLOADED_MAX = 50;
const ALARM_AGAIN_MS = 24 * 3_600_000;
/** A fresh certificate is not renewed by hand: authorities count those of the same name by the week. */
const RENEW_AGAIN_MS = 24 * 3_600_000;

export type CertificatesOptions = {
  readonly db: Db;
  readonly bus: Bus;
  readonly sites: Pick<Sites, "touch" | "publish" | "inForce" | "nodes">;
  readonly settings: Settings;
  /** 32 bytes that private keys are sealed with: kept by the caller outside of the database, the same at every start. */
  readonly sealingKey: Uint8Array;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly onAlarm: (code: string, what: string) => void;
  readonly bounds?: OrderBounds;
};

export async function openCertificates(options: CertificatesOptions): Promise<Certificates> {
  const { db, settings, sites, now, random, onAlarm } = options;
  const directory = settings.acmeDirectory;
  const seal = createSeal(options.sealingKey, random);
  const publisher = createCertificatePublisher({ db, bus: options.bus, seal, onAlarm });
  const attempts = createAttempts({ ...options, seal });
  let comparedAt = Number.NEGATIVE_INFINITY;
  let tidiedAt = Number.NEGATIVE_INFINITY;
  if (directory !== "") await rows.askAnew(db, { directory, at: new Date(now()) });
  await publisher.publish("all");

  const comparing = (): Parameters<typeof compareSite>[2] => ({ directory, nowMs: now(), random });

  async function compareChanged(): Promise<number> {
    if (performance.now() - comparedAt < COMPARE_EVERY_MS) return 0;
    comparedAt = performance.now();
    const changed = new Set([
      ...(await rows.sitesToCompare(db, { directory, limit: COMPARED_MAX })),
      ...(await rows.sitesWithEnded(db, new Date(now()))),
    ]);
    for (const siteId of changed) await db.transaction((tx) => compareSite(tx, siteId, comparing()));
    if (changed.size >= COMPARED_MAX) comparedAt = Number.NEGATIVE_INFINITY;
    return changed.size;
  }

  async function tidy(): Promise<void> {
    if (performance.now() - tidiedAt < TIDY_EVERY_MS) return;
    tidiedAt = performance.now();
    await attempts.sweep();
    await alarmOfEnding();
    await forgetFailures(db, new Date(now() - FAILED_VALIDATIONS_WINDOW_MS));
    await rows.forgetDeleted(db, new Date(now() - ALARM_AGAIN_MS));
  }

  async function alarmOfEnding(): Promise<void> {
    const at = now();
    const ending = await rows.endingSoon(db, {
      at: new Date(at + EXPIRING_MS),
      toldBefore: new Date(at - ALARM_AGAIN_MS),
    });
    for (const row of ending) {
      if (row.notBefore === null || row.notAfter === null) continue;
      // A certificate that lives for days only is always near its end: it counts by its own measure.
      if (row.notAfter.getTime() - at > expiringMs(row.notBefore.getTime(), row.notAfter.getTime())) continue;
      const what = row.kind === "server" ? row.shown.join(", ").slice(0, 200) : "the origins of its site";
      onAlarm(
        "certificate.ending",
        `The certificate for ${what} ends on ${row.notAfter.toISOString()}: ${row.source === "uploaded" ? "upload its successor" : `its renewal has not succeeded (${row.why ?? "not tried yet"})`}`,
      );
      await rows.markAlarmed(db, row.certificateId, new Date(at));
    }
  }

  async function aliveNodes(): Promise<ReadonlySet<NodeId>> {
    return new Set((await sites.nodes()).filter((node) => node.alive).map((node) => node.nodeId));
  }

  async function viewsOf(siteId: SiteId): Promise<readonly CertificateView[]> {
    const certificates = await rows.certificatesOfSite(db, siteId);
    const ordered = await ordersOfSite(db, siteId);
    const acks = await rows.certificateAcks(db, siteId);
    const alive = await aliveNodes();
    return certificates.map((row) => {
      const good = acks.filter(
        (ack) =>
          ack.certificateId === row.certificateId &&
          ack.ok &&
          ack.version >= row.version &&
          alive.has(ack.nodeId),
      );
      return {
        certificateId: row.certificateId,
        hostnames: row.asked !== null ? [row.asked] : row.names.slice(0, CERTIFICATE_HOSTNAMES_MAX),
        source: row.kind === "origin-client" ? "origin-client" : row.source,
        state: stateOfRow(row, { ordered: ordered.has(row.certificateId), nowMs: now() }),
        notBefore: row.notBefore?.toISOString() ?? null,
        notAfter: row.notAfter?.toISOString() ?? null,
        issuer: row.issuer,
        fingerprint: row.fingerprint,
        nextTryAt: row.nextTryAt?.toISOString() ?? null,
        why: row.why,
        inForce: { acked: row.version === 0 ? 0 : good.length, of: alive.size },
      };
    });
  }

  async function viewOf(siteId: SiteId, certificateId: CertificateId): Promise<CertificateView> {
    const view = (await viewsOf(siteId)).find((each) => each.certificateId === certificateId);
    if (view === undefined) throw notThere();
    return view;
  }

  async function ownRow(siteId: SiteId, certificateId: CertificateId): Promise<rows.CertificateRow> {
    const row = await rows.certificateById(db, certificateId);
    if (row === null || row.siteId !== siteId || row.deletedAt !== null) throw notThere();
    return row;
  }

  async function list(siteId: SiteId): ReturnType<Certificates["list"]> {
    const items = await viewsOf(siteId);
    return { items, total: items.length };
  }

  return {
    list,

    async upload(siteId, given) {
      const certificateId = newId<CertificateId>("cert", random);
      await db.transaction(async (tx) => {
        const site = await rows.namedSite(tx, siteId);
        if (site === null || site.state === "removed" || site.state === "refused") {
          throw new Fault("state.not-found", "There is no such site");
        }
        const hostnames = site.hostnames.filter((name) => name.mayIssue).map((name) => name.hostname);
        const checked = checkCertificate(given, { kind: given.kind, hostnames, nowMs: now() });
        if (!checked.ok) throw new Fault("input.invalid", checked.why, { fields: { chainPem: checked.why } });
        const uploaded = (await rows.certificatesOfSite(tx, siteId)).filter(
          (row) => row.source === "uploaded",
        );
        if (uploaded.length >= UPLOADED_MAX) {
          throw new Fault(
            "limit.full",
            `Cannot keep more than ${UPLOADED_MAX} uploaded certificates for one site: delete one first`,
          );
        }
        const { value } = checked;
        if (uploaded.some((row) => row.fingerprint === value.fingerprint && row.kind === given.kind)) {
          throw new Fault("state.conflict", "This certificate is there already: nothing was changed");
        }
        await rows.insertCertificate(tx, {
          certificateId,
          siteId,
          kind: given.kind,
          source: "uploaded",
          asked: null,
          at: new Date(now()),
          nextTryAt: null,
        });
        await rows.saveIssued(tx, certificateId, {
          ...value,
          directory: null,
          nextTryAt: null,
          keySealed: seal.seal(value.keyPem, certificateId),
        });
        await compareSite(tx, siteId, comparing());
      });
      await publisher.publish("changed");
      return viewOf(siteId, certificateId);
    },

    async remove(siteId, certificateId) {
      await ownRow(siteId, certificateId);
      await db.transaction(async (tx) => {
        await rows.deleteCertificate(tx, certificateId, new Date(now()));
        await compareSite(tx, siteId, comparing());
      });
      await publisher.publish("changed");
      return list(siteId);
    },

    async renew(siteId, certificateId) {
      const row = await ownRow(siteId, certificateId);
      if (row.asked === null) {
        throw new Fault("state.conflict", "Cannot renew an uploaded certificate: upload its successor");
      }
      if (directory === "" || row.nextTryAt === null) {
        throw new Fault(
          "state.conflict",
          `Cannot ask for ${row.asked} now: ${directory === "" ? "no authority is set, so upload a certificate or ask the operator" : "an uploaded certificate covers it, or its ownership is not proven"}`,
        );
      }
      if (attempts.running(certificateId)) return viewOf(siteId, certificateId);
      const at = now();
      const allowedAt = Math.max(
        await attempts.allowedAtMs(row.asked),
        row.notBefore === null ? at : row.notBefore.getTime() + RENEW_AGAIN_MS,
        // What the authority asked for is kept to, whoever is impatient.
        row.tries === 0 && row.why !== null ? row.nextTryAt.getTime() : at,
      );
      if (allowedAt > at) {
        throw new Fault(
          "limit.rate",
          `Cannot ask for ${row.asked} again before ${new Date(allowedAt).toISOString()}: authorities count what is asked for one name`,
          { retryAfterMs: allowedAt - at },
        );
      }
      await rows.setNextTry(db, certificateId, { tries: row.tries, why: row.why, at: new Date(at) });
      await attempts.start();
      return viewOf(siteId, certificateId);
    },

    async forHostnames(siteId) {
      const site = await rows.namedSite(db, siteId);
      const certificates = (await rows.certificatesOfSite(db, siteId)).filter((row) => row.kind === "server");
      const ordered = await ordersOfSite(db, siteId);
      const found = new Map<string, HostnameView["certificate"]>();
      for (const { hostname } of site?.hostnames ?? []) {
        const row =
          certificates.find((each) => each.shown.includes(hostname)) ??
          certificates.find((each) => each.asked === hostname);
        if (row === undefined) continue;
        found.set(hostname, {
          state: stateOfRow(row, { ordered: ordered.has(row.certificateId), nowMs: now() }),
          notAfter: row.notAfter?.toISOString() ?? null,
          why: row.why,
        });
      }
      return found;
    },

    async exportOf(siteId) {
      const taken: { hostnames: readonly string[]; chainPem: string; keyPem: string }[] = [];
      for (const row of await rows.certificatesOfSite(db, siteId)) {
        const secret = await rows.secretOf(db, row.certificateId);
        if (secret === null) continue;
        taken.push({
          hostnames: row.names,
          chainPem: secret.chainPem,
          keyPem: seal.open(secret.keySealed, row.certificateId),
        });
      }
      return taken;
    },

    async advance() {
      const compared = await compareChanged();
      const started = await attempts.start();
      const published = await publisher.publish("changed");
      await tidy();
      return { moved: compared + started + published };
    },

    async close() {
      await attempts.close();
      publisher.close();
    },
  };
}

/** For the rules of settings, which are checked inside of transactions. */
export const CERTIFICATE_FACTS: CertificateFacts = {
  hasForVisitors: async (q, siteId) =>
    (await rows.certificatesOfSite(q, siteId)).some((row) => row.kind === "server"),
  isForOrigins: async (q, siteId, certificateId) => {
    const row = await rows.certificateById(q, certificateId);
    return row?.siteId === siteId && row.kind === "origin-client" && row.deletedAt === null;
  },
};

const notThere = (): Fault => new Fault("state.not-found", "There is no such certificate");

function stateOfRow(
  row: rows.CertificateRow,
  seen: { readonly ordered: boolean; readonly nowMs: number },
): CertificateView["state"] {
  return stateOf(
    {
      notBeforeMs: row.notBefore?.getTime() ?? null,
      notAfterMs: row.notAfter?.getTime() ?? null,
      tries: row.tries,
      ordered: seen.ordered,
    },
    seen.nowMs,
  );
}
