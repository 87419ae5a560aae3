/**
 * Writes a certificate into the dictionaries. A name goes to the certificate that was fed last: the agent decides which one that is, and a
 * successor takes over without a moment in between. A certificate gives back only names that are still its own.
 */
import * as cjson from "cjson.safe";
import type { EdgeCertificateShown } from "../../contract/edge-site.ts";
import { announce } from "./journal.ts";

const names = ngx.shared["parapet_cert_names"]!;
const certs = ngx.shared["parapet_certs"]!;

/** "" or why the change could not be made; then what was there still is. */
export function applyCertificate(certificateId: string, shown: EdgeCertificateShown | undefined): string {
  const [before] = certs.get(certificateId);
  const old = before === undefined ? undefined : (cjson.decode(before as string)[0] as EdgeCertificateShown);
  if (shown !== undefined) {
    const [json] = cjson.encode(shown);
    const [stored, why] = certs.safe_set(certificateId, json!);
    if (!stored) {
      // A failed set drops the old value first: put it back, there is room for it.
      if (before !== undefined) certs.safe_set(certificateId, before);
      return `There is no memory for the certificate (${why ?? "unknown"}): give the edge more`;
    }
    for (const hostname of shown.hostnames) {
      const [kept] = names.safe_set(hostname, certificateId);
      if (!kept) return `There is no memory for the certificate of "${hostname}": give the edge more`;
    }
  }
  if (old !== undefined) {
    for (const hostname of old.hostnames) {
      if (shown !== undefined && shown.hostnames.includes(hostname)) continue;
      const [holder] = names.get(hostname);
      if (holder === certificateId) names.delete(hostname);
    }
  }
  if (shown === undefined) certs.delete(certificateId);
  announce(certificateId);
  return "";
}
