/**
 * The certificates of one node: taken from the bus or from disk, checked, kept, fed to nginx, confirmed. A confirmation means both: every worker
 * has it, and it survives a power cut. One that is refused changes nothing: the version before stays, and somebody is told. A certificate
 * is shown only for names that the policy of its own site holds here; a name that two certificates of a site carry gets the one that ends last.
 * Certificates and policies come in any order: what names are shown is worked out anew whenever one of the two changes.
 */
import type { Bus } from "../bus/bus.ts";
import type { CertificateAck, EdgeCertificate } from "../contract/certificate.ts";
import type { EdgeCertificateShown, EdgeChange } from "../contract/edge-site.ts";
import type { CertificateId, NodeId, SiteId } from "../contract/ids.ts";
import type { SitePolicy } from "../contract/policy.ts";
import { CERTIFICATE_TOPICS, certificateAckTopic } from "../contract/topics.ts";
import { checkCertificate } from "./certificate-check.ts";
import type { Outcome } from "./feeder.ts";
import { CERTIFICATE_FILES, KeptFiles } from "./kept-files.ts";
import { saveOriginClient } from "./origin-client.ts";

export type CertificatesOptions = {
  readonly stateDir: string;
  readonly nodeId: NodeId;
  readonly now: () => number;
  readonly alarm: (code: string, what: string) => void;
  /** In force here, or undefined. */
  readonly policyOf: (siteId: SiteId) => SitePolicy | undefined;
  readonly feed: (change: EdgeChange) => Promise<Outcome>;
  /** A certificate that the site shows to its origin came or went. */
  readonly feedSite: (siteId: SiteId) => Promise<Outcome>;
  readonly publish: (topic: string, value: unknown) => Promise<void>;
};

/** An ended certificate on disk is still shown for so long, with an alarm. */
const GRACE_MS = 30 * 86_400_000;
const CERTIFICATES_MAX = 200_000;
const RETRY_MS = 2000;

export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #store: KeptFiles;
  /** Those that were let go of stay without hostnames, so that an older version cannot bring them back. */
  readonly #held = new Map<CertificateId, EdgeCertificate>();
  readonly #bySite = new Map<SiteId, Set<CertificateId>>();
  /** What nginx was fed last, as text, for those that are shown. */
  readonly #shown = new Map<CertificateId, string>();
  /** Taken in, but not yet confirmed as a whole: names that its site does not hold here, or a full disk. */
  readonly #waiting = new Map<CertificateId, string>();
  /** What nginx said of those that it could not take. */
  readonly #unfit = new Map<CertificateId, string>();
  readonly #saving = new Map<CertificateId, Promise<string | null>>();
  readonly #unsaved = new Set<CertificateId>();
  /** Those on their way into nginx and to the disk. */
  readonly #onTheWay = new Map<CertificateId, Promise<void>>();
  #retriedAtMs = 0;

  constructor(options: CertificatesOptions) {
    this.#options = options;
    this.#store = new KeptFiles(options.stateDir, CERTIFICATE_FILES);
  }

  /** From disk, before nginx starts. */
  load(): void {
    const { values, broken } = this.#store.load();
    for (const { file, why } of broken) this.#tellSetAside(file, why);
    for (const { file, value } of values) {
      const checked = checkCertificate(value, { nowMs: this.#options.now(), graceMs: GRACE_MS });
      if (!checked.ok || this.#store.fileOf(checked.value.certificateId) !== file) {
        this.#store.setAside(file);
        this.#tellSetAside(
          file,
          checked.ok ? "It holds another certificate than its name says" : checked.why,
        );
        continue;
      }
      const certificate = checked.value;
      this.#hold(certificate);
      if (certificate.kind === "origin-client") saveOriginClient(this.#options.stateDir, certificate);
      else if (certificate.hostnames.length > 0 && certificate.notAfterMs <= this.#options.now()) {
        this.#options.alarm(
          "certificate.expired",
          `The certificate of ${certificate.hostnames[0]} ended on ${day(certificate.notAfterMs)} and is still shown: renew it`,
        );
      }
    }
  }

  /** What nginx loads before its workers accept, a line each. */
  snapshot(): string {
    const lines: string[] = [];
    this.#shown.clear();
    for (const siteId of this.#bySite.keys()) {
      for (const shown of this.#shownOf(siteId)) {
        const text = JSON.stringify(shown);
        this.#shown.set(shown.certificateId as CertificateId, text);
        lines.push(`${text}\n`);
      }
    }
    return lines.join("");
  }

  /** Begins to listen, once nginx runs. */
  async listen(bus: Bus): Promise<() => void> {
    for (const certificate of this.#held.values())
      await this.#ack(certificate, this.#whyNotWhole(certificate));
    return bus.subscribe(CERTIFICATE_TOPICS, ({ value }) => {
      this.#receive(value).catch((error: unknown) =>
        this.#options.alarm(
          "edge.failed",
          `A certificate could not be taken in (${String(error)}): it is sent again, or restart this node`,
        ),
      );
    });
  }

  /** The site's policy changed: other names may be shown now. */
  async siteChanged(siteId: SiteId): Promise<void> {
    const waiting = [...(this.#bySite.get(siteId) ?? [])]
      .filter((certificateId) => this.#waiting.has(certificateId))
      .map((certificateId) => this.#held.get(certificateId)!);
    const outcome = await this.#feedShown(siteId);
    for (const certificate of waiting) {
      // A newer version that came meanwhile has its own confirmation.
      if (this.#held.get(certificate.certificateId) === certificate)
        await this.#confirm(certificate, outcome);
    }
  }

  /** nginx may know less than it was told: everything is fed anew. */
  async forgetFed(): Promise<void> {
    this.#shown.clear();
    await Promise.all(Array.from(this.#bySite.keys(), (siteId) => this.siteChanged(siteId)));
  }

  /** What could not be written is tried again. */
  async tick(): Promise<void> {
    if (this.#unsaved.size === 0 || this.#options.now() - this.#retriedAtMs < RETRY_MS) return;
    this.#retriedAtMs = this.#options.now();
    for (const certificateId of Array.from(this.#unsaved)) {
      const certificate = this.#held.get(certificateId);
      if (certificate === undefined) continue;
      if ((await this.#save(certificate)) === null)
        await this.#ack(certificate, this.#whyNotWhole(certificate));
    }
  }

  async #receive(value: unknown): Promise<void> {
    const checked = checkCertificate(value, { nowMs: this.#options.now(), graceMs: 0 });
    if (!checked.ok) return this.#refuse(value, checked.why);
    const certificate = checked.value;
    const before = this.#held.get(certificate.certificateId);
    if (before !== undefined && certificate.version <= before.version) {
      if (JSON.stringify(certificate) === JSON.stringify(before)) {
        // The control plane did not hear our word, or restarted: say it again, once it is true.
        await this.#onTheWay.get(certificate.certificateId);
        return this.#ack(before, this.#whyNotWhole(before));
      }
      return this.#refuse(
        value,
        `Version ${certificate.version} is not newer than ${before.version}, which stays`,
      );
    }
    if (before !== undefined && (before.siteId !== certificate.siteId || before.kind !== certificate.kind)) {
      return this.#refuse(value, "A certificate keeps its site and its kind for ever");
    }
    if (before === undefined && this.#held.size >= CERTIFICATES_MAX) {
      return this.#refuse(value, `This node holds ${CERTIFICATES_MAX} certificates already: let go of some`);
    }
    const taking = this.#takeIn(certificate);
    this.#onTheWay.set(certificate.certificateId, taking);
    await taking.finally(() => {
      if (this.#onTheWay.get(certificate.certificateId) === taking)
        this.#onTheWay.delete(certificate.certificateId);
    });
  }

  async #takeIn(certificate: EdgeCertificate): Promise<void> {
    this.#waiting.delete(certificate.certificateId);
    this.#hold(certificate);
    // From here a crash loses nothing: the control plane has no confirmation and sends the version again.
    await this.#save(certificate);
    let outcome: Outcome;
    if (certificate.kind === "origin-client") {
      saveOriginClient(this.#options.stateDir, certificate);
      outcome = await this.#options.feedSite(certificate.siteId);
    } else outcome = await this.#feedShown(certificate.siteId);
    if (this.#held.get(certificate.certificateId) === certificate) await this.#confirm(certificate, outcome);
  }

  #hold(certificate: EdgeCertificate): void {
    const { certificateId, siteId } = certificate;
    this.#held.set(certificateId, certificate);
    const siblings = this.#bySite.get(siteId);
    if (siblings === undefined) this.#bySite.set(siteId, new Set([certificateId]));
    else siblings.add(certificateId);
  }

  async #confirm(certificate: EdgeCertificate, outcome: Outcome): Promise<void> {
    const unfit = this.#unfit.get(certificate.certificateId);
    if (unfit !== undefined)
      this.#options.alarm(
        "edge.certificate-refused",
        `The certificate ${certificate.certificateId} is not shown: ${unfit}`,
      );
    // A sibling that does not fit is its own affair.
    const isOwn = certificate.kind === "origin-client" && !outcome.ok;
    await this.#ack(certificate, isOwn ? outcome.why : this.#whyNotWhole(certificate));
  }

  /** Null when all that it is for is in force and durable. */
  #whyNotWhole(certificate: EdgeCertificate): string | null {
    if (this.#unsaved.has(certificate.certificateId)) return "In force, but not on disk: it is tried again";
    if (certificate.kind === "origin-client") return null;
    const unfit = this.#unfit.get(certificate.certificateId);
    if (unfit !== undefined) return unfit;
    const names = this.#namesOf(certificate.siteId);
    const stranger = certificate.hostnames.find((hostname) => !isHeld(hostname, names));
    return stranger === undefined
      ? null
      : `"${stranger}" is not a name of its site on this edge: it is shown once it is`;
  }

  #namesOf(siteId: SiteId): ReadonlySet<string> {
    const policy = this.#options.policyOf(siteId);
    const names = new Set(policy?.hostnames ?? []);
    if (policy?.preview) names.add(policy.preview.hostname);
    return names;
  }

  /** Which certificates of the site are shown, each for the names that are its own. */
  #shownOf(siteId: SiteId): EdgeCertificateShown[] {
    const names = this.#namesOf(siteId);
    const all = [...(this.#bySite.get(siteId) ?? [])]
      .map((certificateId) => this.#held.get(certificateId))
      .filter((one) => one !== undefined && one.kind === "server")
      .map((one) => one!)
      .sort((a, b) => b.notAfterMs - a.notAfterMs || (a.certificateId < b.certificateId ? -1 : 1));
    const taken = new Set<string>();
    const shown: EdgeCertificateShown[] = [];
    for (const { certificateId, hostnames, chainPem, keyPem } of all) {
      const own = hostnames.filter((hostname) => isHeld(hostname, names) && !taken.has(hostname));
      for (const hostname of own) taken.add(hostname);
      if (own.length > 0) shown.push({ certificateId, siteId, hostnames: own, chainPem, keyPem });
    }
    return shown;
  }

  /** Feeds what changed: first what is shown, so that a successor stands before its predecessor goes. */
  async #feedShown(siteId: SiteId): Promise<Outcome> {
    const shown = this.#shownOf(siteId);
    const feeding: Promise<Outcome>[] = [];
    for (const one of shown) {
      const text = JSON.stringify(one);
      const certificateId = one.certificateId as CertificateId;
      if (this.#shown.get(certificateId) === text) continue;
      this.#shown.set(certificateId, text);
      feeding.push(this.#fed(certificateId, { certificateId, certificate: one }));
    }
    for (const certificateId of this.#bySite.get(siteId) ?? []) {
      if (shown.some((one) => one.certificateId === certificateId) || !this.#shown.has(certificateId))
        continue;
      this.#shown.delete(certificateId);
      feeding.push(this.#fed(certificateId, { certificateId, certificate: null }));
    }
    const outcomes = await Promise.all(feeding);
    return outcomes.find(({ ok }) => !ok) ?? { ok: true, workers: 0 };
  }

  /** What nginx did not take is fed again with the next change. */
  async #fed(certificateId: CertificateId, change: EdgeChange): Promise<Outcome> {
    const outcome = await this.#options.feed(change);
    if (outcome.ok) this.#unfit.delete(certificateId);
    else {
      this.#shown.delete(certificateId);
      this.#unfit.set(certificateId, outcome.why);
    }
    return outcome;
  }

  /** One writer per file: versions that come fast are written one after the other, and overtaken ones not at all. */
  async #save(certificate: EdgeCertificate): Promise<string | null> {
    const { certificateId } = certificate;
    const before = this.#saving.get(certificateId) ?? Promise.resolve(null);
    const saving = before.then(() =>
      this.#held.get(certificateId) === certificate ? this.#saveNow(certificate) : null,
    );
    this.#saving.set(certificateId, saving);
    const outcome = await saving;
    if (this.#saving.get(certificateId) === saving) this.#saving.delete(certificateId);
    return outcome;
  }

  async #saveNow(certificate: EdgeCertificate): Promise<string | null> {
    try {
      await this.#store.save(certificate.certificateId, certificate);
      this.#unsaved.delete(certificate.certificateId);
      return null;
    } catch (error) {
      this.#unsaved.add(certificate.certificateId);
      const what = error instanceof Error ? error.message : String(error);
      this.#options.alarm(
        "edge.not-durable",
        `Certificates cannot be written to ${this.#options.stateDir} (${what}): make room. They are in force until this node restarts`,
      );
      return what;
    }
  }

  async #refuse(value: unknown, why: string): Promise<void> {
    const given = (typeof value === "object" && value !== null ? value : {}) as Partial<EdgeCertificate>;
    const { certificateId, version } = given;
    this.#options.alarm(
      "edge.certificate-refused",
      `The certificate ${String(certificateId).slice(0, 40)} was not taken: ${why}`,
    );
    if (typeof certificateId !== "string" || !/^cert_[a-z0-9]{1,40}$/.test(certificateId)) return;
    if (!Number.isSafeInteger(version)) return;
    await this.#say({ certificateId, version: version as number }, why);
  }

  async #ack(certificate: EdgeCertificate, why: string | null): Promise<void> {
    if (why === null) this.#waiting.delete(certificate.certificateId);
    else this.#waiting.set(certificate.certificateId, why);
    await this.#say(certificate, why);
  }

  async #say(about: Pick<EdgeCertificate, "certificateId" | "version">, why: string | null): Promise<void> {
    const ack: CertificateAck = {
      nodeId: this.#options.nodeId,
      certificateId: about.certificateId,
      version: about.version,
      atMs: this.#options.now(),
      ...(why === null ? { ok: true } : { ok: false, why }),
    };
    await this.#options.publish(certificateAckTopic(this.#options.nodeId, about.certificateId), ack);
  }

  #tellSetAside(file: string, why: string): void {
    this.#options.alarm(
      "edge.certificate-quarantined",
      `${file} was moved to ${this.#store.quarantine}: ${why}`,
    );
  }
}

/** Whether the name is one of the site's, as it stands or by the wildcard that can stand for it. */
function isHeld(hostname: string, names: ReadonlySet<string>): boolean {
  if (names.has(hostname)) return true;
  return !hostname.startsWith("*.") && names.has(`*.${hostname.slice(hostname.indexOf(".") + 1)}`);
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
