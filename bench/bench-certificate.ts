/** A certificate of the benches' own: made by openssl for one name, and handed to an edge as any other. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EdgeCertificate } from "../src/contract/certificate.ts";
import type { CertificateId, SiteId } from "../src/contract/ids.ts";
import { certificateTopic } from "../src/contract/topics.ts";
import type { EdgeUnderTest } from "./edge-under-test.ts";
import { run } from "./measure.ts";

export type Pem = { readonly certFile: string; readonly keyFile: string };

export async function makeCertificate(folder: string, hostname: string): Promise<Pem> {
  const certFile = join(folder, "bench.crt");
  const keyFile = join(folder, "bench.key");
  await run("openssl", [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "30",
    "-subj",
    `/CN=${hostname}`,
    "-addext",
    `subjectAltName=DNS:${hostname}`,
    "-keyout",
    keyFile,
    "-out",
    certFile,
  ]);
  return { certFile, keyFile };
}

/** Gives it to the edge, and waits until the edge shows it. */
export async function showCertificate(
  edge: EdgeUnderTest,
  { siteId, hostname, pem }: { readonly siteId: SiteId; readonly hostname: string; readonly pem: Pem },
): Promise<void> {
  const chainPem = readFileSync(pem.certFile, "utf8");
  const certificate: EdgeCertificate = {
    schema: 1,
    certificateId: `cert_${"0".repeat(26)}` as CertificateId,
    siteId,
    kind: "server",
    version: 1,
    hostnames: [hostname],
    chainPem,
    keyPem: readFileSync(pem.keyFile, "utf8"),
    notAfterMs: Date.parse(new X509Certificate(chainPem).validTo),
  };
  await edge.bus.publish(certificateTopic(certificate.certificateId), certificate, { keep: true });
  const tls = edge.node.tlsAddress ?? "";
  await untilShown(tls, hostname);
}

async function untilShown(address: string, hostname: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const text = await run("sh", [
      "-c",
      `openssl s_client -connect ${address} -servername ${hostname} </dev/null 2>/dev/null | openssl x509 -noout -subject 2>/dev/null || true`,
    ]);
    if (text.includes(hostname)) return;
    if (Date.now() > deadline) throw new Error("The edge does not show the bench's certificate.");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
