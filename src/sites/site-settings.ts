/**
 * Settings of sites with their history: read, change, compare, bring back. A change is one transaction: revision, policy version and
 * outbox row, so that what the history says is what edges will get. Two people who change the same revision do not overwrite each
 * other: the second is told. Bringing back an old revision makes a new one, so nothing is ever taken out of the history.
 */
import { isDeepStrictEqual } from "node:util";
import { Fault } from "../contract/fault.ts";
import type { InForce, Page } from "../contract/http.ts";
import type { RevisionRow, SettingsView } from "../contract/http-sites.ts";
import type { SiteId } from "../contract/ids.ts";
import type { Settings } from "../contract/settings.ts";
import type { SiteSettings } from "../contract/site-settings.ts";
import type { Db, Queryable, Tx } from "../store/db.ts";
import { holdSite, nextVersion, siteById, type SiteRow } from "../store/sites.ts";
import * as rows from "../store/site-settings.ts";
import { mustBeFreeToSend } from "./host-header.ts";
import type { Recognition } from "./recognition.ts";
import { settingChanges } from "./settings-changes.ts";
import {
  checkSettings,
  readSiteSettings,
  settingsWarnings,
  type CertificateFacts,
} from "./settings-check.ts";

/** Who changes something: the name stands in the history, the id says who had that name. */
export type ChangedBy = { readonly name: string; readonly userId: string | null };
export const BY_OPERATOR: ChangedBy = { name: "operator", userId: null };

export interface SettingsBook {
  read(siteId: SiteId): Promise<SettingsView>;
  /** `settings` may be anything: it is checked here. `revision` is the one that the change was made from. */
  change(
    siteId: SiteId,
    input: {
      readonly revision: number;
      readonly settings: unknown;
      readonly note: string;
      readonly by: ChangedBy;
    },
  ): Promise<SettingsView>;
  /** Newest first, at most REVISIONS_LISTED_MAX below `before`. */
  history(siteId: SiteId, page?: { readonly before?: number }): Promise<Page<RevisionRow>>;
  revision(siteId: SiteId, revision: number): Promise<RevisionRow & { readonly settings: SiteSettings }>;
  restore(
    siteId: SiteId,
    revision: number,
    input: { readonly note: string; readonly by: ChangedBy },
  ): Promise<SettingsView>;
  /** The key by which the site's origins know this edge (RFC 9421, hmac-sha256), base64url; null while nothing is signed. */
  signingKey(siteId: SiteId): Promise<string | null>;
}

export const REVISIONS_LISTED_MAX = 50;
export const NOTE_CHARS_MAX = 500;
const SIGNING_KEY_BYTES = 32;
const REVISION_MAX = 2 ** 31 - 1;

export type SettingsDeps = {
  readonly db: Db;
  readonly settings: Settings;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly certificates: CertificateFacts;
  /** Looks at what a changed origin leads to. */
  readonly recognition: Pick<Recognition, "atChange">;
  /** Carries what was committed to the edges. */
  readonly publish: () => Promise<unknown>;
  readonly inForce: (siteId: SiteId, version: number) => Promise<InForce>;
  /** What was found out about the site's origins. */
  readonly originWarnings: (siteId: SiteId) => Promise<readonly string[]>;
};

const notFound = (siteId: SiteId): Fault =>
  new Fault("state.not-found", `Cannot find the site "${siteId.slice(0, 40)}": check the address`);

/** Puts one more revision into a site's history, in the caller's transaction. The caller makes the policy version. */
export async function addRevision(
  tx: Tx,
  deps: Pick<SettingsDeps, "now" | "random">,
  made: {
    readonly siteId: SiteId;
    readonly before: SiteSettings | null;
    readonly settings: SiteSettings;
    readonly by: ChangedBy;
    readonly note: string;
  },
): Promise<number> {
  const at = new Date(deps.now());
  if (made.settings.origin.signed) {
    const signingKey = Buffer.from(deps.random(SIGNING_KEY_BYTES)).toString("base64url");
    await rows.ensureSigningKey(tx, { siteId: made.siteId, signingKey, at });
  }
  return rows.insertRevision(tx, {
    siteId: made.siteId,
    settings: made.settings,
    changes: made.before === null ? [] : settingChanges(made.before, made.settings),
    by: made.by.name,
    byUser: made.by.userId,
    note: made.note,
    at,
  });
}

export function openSettingsBook(deps: SettingsDeps): SettingsBook {
  const { db } = deps;

  async function mustFind(q: Queryable, siteId: SiteId): Promise<[SiteRow, rows.RevisionWithSettings]> {
    const site = await siteById(q, siteId);
    const current = await rows.currentRevision(q, siteId);
    if (site === null || current === null) throw notFound(siteId);
    return [site, current];
  }

  async function read(siteId: SiteId): Promise<SettingsView> {
    const [site, current] = await mustFind(db, siteId);
    return {
      revision: current.revision,
      settings: current.settings,
      changedAt: current.changed_at.toISOString(),
      changedBy: current.changed_by,
      inForce: await deps.inForce(siteId, site.version),
      warnings: [
        ...(site.state === "held" ? [heldWarning(site)] : []),
        ...settingsWarnings(current.settings, {
          hostnames: site.hostnames,
          hasCertificate: await deps.certificates.hasForVisitors(db, siteId),
          nowMs: deps.now(),
        }),
        ...(await deps.originWarnings(siteId)),
      ],
    };
  }

  async function change(
    siteId: SiteId,
    input: {
      readonly revision: number;
      readonly settings: unknown;
      readonly note: string;
      readonly by: ChangedBy;
    },
  ): Promise<SettingsView> {
    const settings = readSiteSettings(input.settings);
    const [site, before] = await mustFind(db, siteId);
    mustBeUnchanged(before.revision, input.revision);
    mustBeActive(site);
    if (isDeepStrictEqual(settings, before.settings)) return read(siteId);
    // Names are resolved here, before the transaction: nobody else waits for a slow DNS.
    await checkSettings(
      settings,
      { siteId, hostnames: site.hostnames, before: before.settings, nowMs: deps.now() },
      deps.settings,
    );
    await mustSendFreeHost(db, site, { before: before.settings, after: settings });
    // The look, too, and for the same reason. Whoever changes the settings meanwhile makes this change a conflict.
    const match = await deps.recognition.atChange({
      siteId,
      hostnames: site.hostnames,
      before: before.settings.origin,
      after: settings.origin,
    });
    await db.transaction(async (tx) => {
      const [siteNow, current] = await mustFind(tx, siteId);
      mustBeUnchanged(current.revision, input.revision);
      mustBeActive(siteNow);
      await mustOwnCertificate(tx, siteId, settings);
      await mustSendFreeHost(tx, siteNow, { before: current.settings, after: settings });
      const { by, note } = input;
      await addRevision(tx, deps, { siteId, before: current.settings, settings, by, note });
      if (match !== null) await holdSite(tx, siteId, match.because);
      await nextVersion(tx, siteId, new Date(deps.now()));
    });
    await deps.publish();
    return read(siteId);
  }

  /** A Host that was sent before is not asked about again. */
  async function mustSendFreeHost(
    q: Queryable,
    site: SiteRow,
    { before, after }: { readonly before: SiteSettings; readonly after: SiteSettings },
  ): Promise<void> {
    const { hostHeader } = after.origin;
    if (hostHeader === null || hostHeader === before.origin.hostHeader) return;
    await mustBeFreeToSend(q, { siteId: site.site_id, accountId: site.account_id, hostHeader });
  }

  async function mustOwnCertificate(tx: Tx, siteId: SiteId, settings: SiteSettings): Promise<void> {
    const id = settings.origin.tls.clientCertificateId;
    if (id === null || (await deps.certificates.isForOrigins(tx, siteId, id))) return;
    const why =
      "This site has no such certificate for its origins: upload it first, as one of kind origin-client";
    throw new Fault("input.invalid", `Cannot show this certificate to the origin. ${why}`, {
      fields: { "origin.tls.clientCertificateId": why },
    });
  }

  async function revision(
    siteId: SiteId,
    number: number,
  ): Promise<RevisionRow & { readonly settings: SiteSettings }> {
    const found = await rows.revisionOf(db, siteId, number);
    if (found === null) {
      throw new Fault(
        "state.not-found",
        `Cannot find revision ${number} of this site: see its history for those that are kept`,
      );
    }
    return { ...rowOf(found), settings: found.settings };
  }

  return {
    read,
    change,
    revision,

    async history(siteId, page = {}) {
      const found = await rows.listRevisions(db, siteId, {
        before: page.before ?? REVISION_MAX,
        limit: REVISIONS_LISTED_MAX,
      });
      return { items: found.map(rowOf), total: await rows.countRevisions(db, siteId) };
    },

    async restore(siteId, number, input) {
      const [, current] = await mustFind(db, siteId);
      const { settings } = await revision(siteId, number);
      const note = input.note.trim() === "" ? `Brought back revision ${number}` : input.note;
      return change(siteId, { revision: current.revision, settings, note, by: input.by });
    },

    async signingKey(siteId) {
      const [, current] = await mustFind(db, siteId);
      return current.settings.origin.signed ? rows.signingKeyOf(db, siteId) : null;
    },
  };
}

function rowOf(record: rows.RevisionRecord): RevisionRow {
  return {
    revision: record.revision,
    at: record.changed_at.toISOString(),
    by: record.changed_by,
    note: record.note,
    changes: record.changes,
  };
}

const heldWarning = (site: SiteRow): string =>
  `This site is held and served nowhere until a person has looked at it: ${site.held_because.join("; ")}.`;

function mustBeUnchanged(current: number, madeFrom: number): void {
  if (current === madeFrom) return;
  throw new Fault(
    "state.conflict",
    `Cannot save this as the settings were changed meanwhile: revision ${current} is the newest and yours was made from ${madeFrom}. Reload, and make your change again`,
  );
}

function mustBeActive(site: SiteRow): void {
  if (site.state === "active") return;
  throw new Fault(
    site.state === "held" ? "site.held" : "state.conflict",
    `Cannot change the settings of a site that is ${site.state}: ${site.state === "held" ? "a person has to settle it first" : "add it again"}`,
  );
}
