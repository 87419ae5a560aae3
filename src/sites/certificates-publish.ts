/**
 * The way of certificates to the edges: an outbox, like that of policies. A change makes a version, marked unpublished, in its
 * own transaction; publishing repeats until it is marked published. A crash between the two publishes the version once more, which
 * edges take as already known. At the start everything is published again, as an in-process bus remembers nothing. The private
 * key is opened here, for the one message, and nowhere else; a certificate that is shown for no name travels without it.
 */
import type { Bus } from "../bus/bus.ts";
import type { CertificateAck, EdgeCertificate } from "../contract/certificate.ts";
import { CERTIFICATE_ACK_TOPICS, certificateTopic } from "../contract/topics.ts";
import * as rows from "../store/certificates.ts";
import type { Db } from "../store/db.ts";
import type { Seal } from "./certificates-seal.ts";

const BATCH = 200;

export type CertificatePublisher = {
  publish(which: "changed" | "all"): Promise<number>;
  close(): void;
};

export function createCertificatePublisher(options: {
  readonly db: Db;
  readonly bus: Bus;
  readonly seal: Seal;
  readonly onAlarm: (code: string, what: string) => void;
}): CertificatePublisher {
  const { db, bus, seal, onAlarm } = options;

  const unsubscribe = bus.subscribe(CERTIFICATE_ACK_TOPICS, async ({ value }) => {
    const ack = value as CertificateAck;
    await rows.upsertCertificateAck(db, {
      certificateId: ack.certificateId,
      nodeId: ack.nodeId,
      version: ack.version,
      ok: ack.ok,
      why: ack.ok ? null : ack.why,
      at: new Date(ack.atMs),
    });
    if (!ack.ok) {
      onAlarm(
        "certificate.refused",
        `Edge ${ack.nodeId} refused version ${ack.version} of ${ack.certificateId}: ${ack.why}`,
      );
    }
  });

  function messageOf(row: rows.PublishableRow): EdgeCertificate {
    const shown = row.chainPem !== null && row.keySealed !== null && row.shown.length > 0;
    return {
      schema: 1,
      certificateId: row.certificateId,
      siteId: row.siteId,
      kind: row.kind,
      version: row.version,
      hostnames: shown ? row.shown : [],
      chainPem: shown ? (row.chainPem ?? "") : "",
      keyPem: shown && row.keySealed !== null ? seal.open(row.keySealed, row.certificateId) : "",
      notAfterMs: row.notAfter?.getTime() ?? 0,
    };
  }

  async function publishOne(row: rows.PublishableRow): Promise<void> {
    let message: EdgeCertificate;
    try {
      message = messageOf(row);
    } catch {
      // One row that cannot be opened must not keep the others back; edges keep the version that they have.
      onAlarm(
        "certificate.sealed",
        `The key of ${row.certificateId} cannot be opened: bring back secrets/certificates.key, or upload or ask for the certificate anew`,
      );
      await rows.markCertificatePublished(db, row.certificateId, row.version);
      return;
    }
    await bus.publish(certificateTopic(row.certificateId), message, { keep: true });
    await rows.markCertificatePublished(db, row.certificateId, row.version);
  }

  return {
    async publish(which) {
      let published = 0;
      let after = "";
      for (;;) {
        const batch = await rows.certificatesToPublish(db, { which, after, limit: BATCH });
        for (const row of batch) await publishOne(row);
        published += batch.length;
        after = batch.at(-1)?.certificateId ?? "";
        if (batch.length < BATCH) return published;
      }
    },
    close: unsubscribe,
  };
}
