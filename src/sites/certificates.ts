/**
 * The certificates of all sites: those that are asked of an authority, renewed by themselves, and those that owners upload. A
 * certificate has a life of its own beside that of its hostname: both are visible, neither hides the other. Each name is asked for by
 * itself, so that one that is broken keeps no other from its certificate, and no certificate tells visitors which names stand together.
 */
import type { CertificateKind } from "../contract/certificate.ts";
import type { CertificateView, HostnameView } from "../contract/http-sites.ts";
import type { Page } from "../contract/http.ts";
import type { CertificateId, SiteId } from "../contract/ids.ts";

export interface Certificates {
  list(siteId: SiteId): Promise<Page<CertificateView>>;
  /** Takes an owner's certificate, or throws a Fault that says what is wrong with it. */
  upload(
    siteId: SiteId,
    given: { readonly kind: CertificateKind; readonly chainPem: string; readonly keyPem: string },
  ): Promise<CertificateView>;
  /** Takes it off every edge and forgets its key. A name that is still the site's is asked for anew. */
  remove(siteId: SiteId, certificateId: CertificateId): Promise<Page<CertificateView>>;
  /** Tries again now, within what the authority allows. */
  renew(siteId: SiteId, certificateId: CertificateId): Promise<CertificateView>;
  /** What a hostname's view tells of its certificate. Names without one are absent: see `NO_CERTIFICATE`. */
  forHostnames(siteId: SiteId): Promise<ReadonlyMap<string, HostnameView["certificate"]>>;
  /** Everything of a site for its owner to take along, private keys included: for that one document alone. */
  exportOf(siteId: SiteId): Promise<
    readonly {
      readonly hostnames: readonly string[];
      readonly chainPem: string;
      readonly keyPem: string;
    }[]
  >;
  /**
   * One round: compares sites that changed with their certificates, starts what is due, publishes what is not. Attempts go on in
   * the background; their outcome is in the database. Safe to call at any time, repeatedly.
   */
  advance(): Promise<{ readonly moved: number }>;
  /** Ends what is under way; the next start goes on with it. */
  close(): Promise<void>;
}

export const NO_CERTIFICATE: HostnameView["certificate"] = { state: "none", notAfter: null, why: null };
