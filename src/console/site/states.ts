/**
 * How a hostname's and a certificate's state look, and how far a new site has come, drawn from the contract's closed lists, so that a new
 * state does not compile before it has a tone and a step.
 */
import type { CertificateState, HostnameState, HostnameView } from "../../contract/http-sites.ts";

export type Tone = "good" | "warn" | "bad" | "quiet";

export const HOSTNAME_TONE = {
  unproven: "warn",
  proven: "good",
  lapsing: "warn",
  conflict: "bad",
} as const satisfies Record<HostnameState, Tone>;

export const CERTIFICATE_TONE = {
  none: "quiet",
  waiting: "quiet",
  issuing: "quiet",
  valid: "good",
  expiring: "warn",
  expired: "bad",
  failed: "bad",
} as const satisfies Record<CertificateState, Tone>;

/** States that a visitor can be served with. */
const SHOWN: ReadonlySet<CertificateState> = new Set(["valid", "expiring"]);

export const SETUP_STEPS = ["proof", "certificate", "look", "records"] as const;
export type SetupStep = (typeof SETUP_STEPS)[number];
export type StepState = "done" | "now" | "later";

/**
 * The steps of one hostname. Several can be open at once: the certificate needs the proof, and so does the look; records can be set
 * before the certificate is there where the site is not in use yet, but the screen advises to wait.
 */
export function setupSteps(
  hostname: Pick<HostnameView, "state" | "leadsHere"> & { certificate: { state: CertificateState } },
): Readonly<Record<SetupStep, StepState>> {
  const proven = hostname.state === "proven" || hostname.state === "lapsing";
  const shown = SHOWN.has(hostname.certificate.state);
  const leads = hostname.leadsHere === "yes";
  return {
    proof: hostname.state === "proven" ? "done" : "now",
    certificate: !proven ? "later" : shown ? "done" : "now",
    look: !proven ? "later" : leads ? "done" : "now",
    records: !proven ? "later" : leads ? "done" : "now",
  };
}

/** Everything a visitor needs: the name is proven, leads here and has a certificate. */
export const isDone = (hostname: HostnameView): boolean =>
  Object.values(setupSteps(hostname)).every((step) => step === "done");

/** Whether something moves by itself soon, so that the screen should look again. */
export const isMoving = (hostnames: readonly HostnameView[]): boolean =>
  hostnames.some((each) => !isDone(each));
