/** Certificates for the command line of this machine: those of every site, in one list. Bounded, as sites may be many. */
import type { CertificateView } from "../contract/http-sites.ts";
import type { Services } from "./services.ts";

export type CertificateRow = CertificateView & { readonly siteHostnames: readonly string[] };

const ROWS_MAX = 5000;

export async function everyCertificate(services: Services): Promise<readonly CertificateRow[]> {
  const rows: CertificateRow[] = [];
  for (const site of (await services.sites.list()).items) {
    for (const view of (await services.certificates.list(site.siteId)).items) {
      if (rows.length >= ROWS_MAX) return rows;
      rows.push({ ...view, siteHostnames: site.hostnames });
    }
  }
  return rows;
}
