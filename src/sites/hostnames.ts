/**
 * Claims of hostnames and their proofs, carried out: what hostname-rule.ts decides becomes rows, policy versions, mail and alarms in
 * one transaction. A name changes hands in two steps, let go of and then taken, each with its own policy versions, so that no edge hears
 * of the new holder before the old one. A crash between the two leaves a name that nobody holds and a claim that is due.
 */
import { Fault } from "../contract/fault.ts";
import type { Page } from "../contract/http.ts";
import type { HostnameView } from "../contract/http-sites.ts";
import type { AccountId, SiteId } from "../contract/ids.ts";
import { POLICY_HOSTNAMES_MAX, type PolicyPreview } from "../contract/policy.ts";
import type { Settings } from "../contract/settings.ts";
import type { Db, Queryable, Tx } from "../store/db.ts";
import * as proofs from "../store/hostname-proofs.ts";
import { ownerEmails } from "../store/site-members.ts";
import { hostnameOfOthersAt, nextVersion, siteById, type SiteRow } from "../store/sites.ts";
import { wildcardOver } from "./hostname.ts";
import { baseOf, parseClaim } from "./hostname-names.ts";
import { findProof, previewLabel, proofOf, type ProofLook } from "./hostname-proof.ts";
import {
  checkClaimant,
  checkHolder,
  COOL_MS,
  isProof,
  letGo,
  shownState,
  type Finding,
} from "./hostname-rule.ts";
import { NO_CERTIFICATE } from "./certificates.ts";
import { hostnameMail, type HostnameEvent } from "./hostname-words.ts";
import type { Recognition } from "./recognition.ts";

const UNPROVEN_PER_ACCOUNT_MAX = 100;
const CHECKS_AT_ONCE_MAX = 8;
const UNIQUE_VIOLATION = "23505";

/** What this room needs of mail. */
export type OwnerMail = {
  send(
    tx: Tx,
    mail: { readonly to: string; readonly subject: string; readonly text: string; readonly about: string },
  ): Promise<unknown>;
};

export interface Hostnames {
  list(siteId: SiteId): Promise<Page<HostnameView>>;
  /** Claims a name for a site. `vouch`: the operator says whose it is, and no proof is asked. */
  add(siteId: SiteId, input: { readonly hostname: string; readonly vouch: boolean }): Promise<HostnameView>;
  /** Looks for the proof now. */
  check(siteId: SiteId, hostname: string): Promise<HostnameView>;
  /** Lets go of a name. */
  remove(siteId: SiteId, hostname: string): Promise<void>;
  preview(siteId: SiteId): Promise<{ readonly url: string | null; readonly whyNot: string | null }>;
  /** Checks what is due, a few at a time. */
  runDue(): Promise<{ readonly checked: number }>;
}

/** For the room itself: what happens inside a transaction that changes a site. */
export interface HostnamesInside extends Hostnames {
  claimIn(
    tx: Tx,
    claim: {
      readonly siteId: SiteId;
      readonly accountId: AccountId;
      readonly hostname: string;
      readonly vouch: boolean;
    },
  ): Promise<void>;
  /** The operator's word for a claim that is there already. */
  vouchIn(tx: Tx, siteId: SiteId, hostname: string): Promise<void>;
  /** Lets go of every name of a site. */
  releaseIn(tx: Tx, siteId: SiteId): Promise<void>;
  previewOf(q: Queryable, site: SiteRow): Promise<PolicyPreview | null>;
}

export type HostnameDeps = {
  readonly db: Db;
  readonly settings: Settings;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly onAlarm: (code: string, what: string) => void;
  readonly publish: () => Promise<unknown>;
  readonly mail: OwnerMail | null;
  readonly look: ProofLook;
  /** Looks at what the site's servers show under a new name. */
  readonly recognition: Pick<Recognition, "atNewName">;
};

const noSuchName = (hostname: string): Fault =>
  new Fault(
    "state.not-found",
    `Cannot find "${hostname.slice(0, 80)}" among the names of this site: reload the page`,
  );

export function openHostnames(deps: HostnameDeps): HostnamesInside {
  const { db, settings, now } = deps;
  let key: Uint8Array | null = null;
  const keyOf = async (q: Queryable): Promise<Uint8Array> =>
    (key ??= await proofs.tokenKey(q, deps.random(32)));
  const chance = (): number => Buffer.from(deps.random(4)).readUInt32BE() / 2 ** 32;
  const at = (): Date => new Date(now());

  async function viewOf(claim: proofs.ClaimRow): Promise<HostnameView> {
    const { state, lapsesAt } = shownState(claim);
    return {
      hostname: claim.hostname,
      state,
      provenBy: claim.provenBy,
      checkedAt: claim.checkedAt?.toISOString() ?? null,
      lapsesAt: lapsesAt?.toISOString() ?? null,
      why: claim.why,
      proof: proofOf(await keyOf(db), claim),
      leadsHere: claim.leadsHere,
      // Whoever answers a person joins it with what the certificates' own book says.
      certificate: NO_CERTIFICATE,
    };
  }

  async function mustFind(siteId: SiteId, hostname: string): Promise<proofs.ClaimRow> {
    const claim = await proofs.claimOf(db, hostname, siteId);
    if (claim === null) throw noSuchName(hostname);
    return claim;
  }

  async function tell(tx: Tx, event: HostnameEvent, claim: proofs.ClaimRow): Promise<void> {
    const site = await siteById(tx, claim.siteId);
    const words = hostnameMail(event, { hostname: claim.hostname, publicUrl: settings.publicUrl });
    if (words.alarm !== null) deps.onAlarm(`hostname.${event}`, words.alarm);
    if (deps.mail === null) return;
    const to = new Set([
      ...(await ownerEmails(tx, claim.siteId)),
      ...(site?.account_email ? [site.account_email] : []),
    ]);
    for (const address of to) {
      await deps.mail
        .send(tx, {
          to: address,
          subject: words.subject,
          text: words.text,
          about: `hostname ${claim.hostname}`,
        })
        .catch((error: unknown) => {
          if (!(error instanceof Fault)) throw error;
          deps.onAlarm("hostname.mail", `An owner of "${claim.hostname}" could not be told: ${error.detail}`);
        });
    }
  }

  async function release(tx: Tx, claim: proofs.ClaimRow, why: string): Promise<void> {
    await proofs.rememberRelease(tx, { hostname: claim.hostname, siteId: claim.siteId, at: at() });
    await proofs.saveClaim(tx, claim, letGo(claim, { why, at: at() }));
    await nextVersion(tx, claim.siteId, at());
  }

  async function settleHolder(key: proofs.ClaimRow, finding: Finding): Promise<void> {
    await db.transaction(async (tx) => {
      const claim = await proofs.claimOf(tx, key.hostname, key.siteId);
      if (claim === null || claim.provenAt === null) return;
      const contested = await proofs.isContested(tx, claim);
      const { state, event } = checkHolder(claim, { finding, contested, nowMs: now(), chance: chance() });
      if (event === "released") await release(tx, claim, state.why ?? "");
      else await proofs.saveClaim(tx, claim, state);
      if (event !== null) await tell(tx, event, claim);
    });
  }

  /** True: the holder was let go of, and the claim is to be looked at again. */
  async function settleClaimant(key: proofs.ClaimRow, finding: Finding): Promise<boolean> {
    return db.transaction(async (tx) => {
      const claim = await proofs.claimOf(tx, key.hostname, key.siteId);
      if (claim === null || claim.provenAt !== null) return false;
      const { hostname, accountId } = claim;
      const over = hostname.startsWith("*.") ? null : wildcardOver(hostname);
      const above = over === null ? null : await proofs.wildcardAbove(tx, { wildcard: over, accountId });
      const holder = await proofs.holderOf(tx, hostname);
      const outcome = checkClaimant(claim, {
        finding,
        holder,
        release: await proofs.releaseOf(tx, hostname),
        underWildcard: above !== null,
        nowMs: now(),
        chance: chance(),
      });
      if (outcome.verdict === "takes" && holder !== null) {
        await release(
          tx,
          holder,
          "Another account has shown a record in the DNS, which outranks what stood before",
        );
        await tell(tx, "taken", holder);
        return true;
      }
      await proofs.saveClaim(tx, claim, outcome.state);
      if (outcome.verdict === "takes") {
        await proofs.forgetRelease(tx, hostname);
        await nextVersion(tx, claim.siteId, at());
        if (above !== null) await tell(tx, "exact-below-wildcard", { ...above, hostname });
      }
      if (outcome.verdict === "contests" && holder !== null) await contest(tx, claim, holder);
      return false;
    });
  }

  async function contest(tx: Tx, claim: proofs.ClaimRow, holder: proofs.ClaimRow): Promise<void> {
    if (holder.provenBy === "operator") {
      if (claim.waitingSince === null) await tell(tx, "vouched-contested", holder);
      return;
    }
    if (holder.contestedSince !== null) return;
    await proofs.saveClaim(tx, holder, { ...holder, contestedSince: at() });
    await tell(tx, "contested", holder);
  }

  const look = async (claim: proofs.ClaimRow): Promise<Finding> =>
    findProof(claim.hostname, proofOf(await keyOf(db), claim), deps.look);

  async function checkNow(claim: proofs.ClaimRow): Promise<void> {
    const finding = await look(claim);
    if (claim.provenAt !== null) await settleHolder(claim, finding);
    else {
      // What the holder has is looked at in the same moment: nobody loses a name by a check of yesterday.
      const holder = await proofs.holderOf(db, claim.hostname);
      if (holder !== null && holder.accountId !== claim.accountId && isProof(finding)) {
        await settleHolder(holder, await look(holder));
      }
      if (await again(() => settleClaimant(claim, finding))) {
        await deps.publish();
        await again(() => settleClaimant(claim, finding));
      }
    }
    await deps.publish();
  }

  /** Servers choose the page by the name: one more name of a harmless site may be a withheld one's way back. */
  async function mustNotBeAReturn(siteId: SiteId, hostname: string): Promise<void> {
    const site = await siteById(db, siteId);
    if (site === null || site.state !== "active" || site.hostnames.includes(hostname)) return;
    const match = await deps.recognition.atNewName({ siteId, hostname, pool: site.origin });
    if (match === null) return;
    throw new Fault(
      "site.held",
      `Cannot add "${hostname}" here as its page looks like that of a site that was withheld: add it as a site of its own, which a person will look at`,
    );
  }

  async function claimIn(
    tx: Tx,
    claim: {
      readonly siteId: SiteId;
      readonly accountId: AccountId;
      readonly hostname: string;
      readonly vouch: boolean;
    },
  ): Promise<void> {
    const { siteId, accountId, hostname, vouch } = claim;
    const own = await proofs.claimsOfSite(tx, siteId);
    if (own.length >= POLICY_HOSTNAMES_MAX) {
      throw new Fault("limit.full", `Cannot add a name to a site of ${own.length}: add another site for it`);
    }
    if (own.some((other) => other.hostname === hostname)) {
      throw new Fault("state.conflict", `Cannot add "${hostname}" as this site has it already`);
    }
    if (vouch) await refuseAmongOthers(tx, { hostname, accountId });
    else if ((await proofs.countUnproven(tx, accountId)) >= UNPROVEN_PER_ACCOUNT_MAX) {
      throw new Fault(
        "limit.full",
        `Cannot add a name as ${UNPROVEN_PER_ACCOUNT_MAX} of this account wait for their proof: prove or remove some first`,
      );
    }
    const nextCheckAt = vouch ? new Date(now() + chance() * 3_600_000) : at();
    await proofs.insertClaim(tx, { hostname, siteId, at: at(), vouched: vouch, nextCheckAt });
  }

  async function vouchIn(tx: Tx, siteId: SiteId, hostname: string): Promise<void> {
    const claim = await proofs.claimOf(tx, hostname, siteId);
    if (claim === null || claim.provenAt !== null) return;
    await refuseAmongOthers(tx, claim);
    await proofs.saveClaim(tx, claim, {
      ...letGo(claim, { why: "", at: at() }),
      provenAt: at(),
      provenBy: "operator",
      why: null,
    });
    await proofs.forgetRelease(tx, hostname);
  }

  /** Where the operator vouches there is no proof that could decide: what overlaps with another account's names is refused. */
  async function refuseAmongOthers(
    tx: Tx,
    input: { readonly hostname: string; readonly accountId: AccountId },
  ): Promise<void> {
    const { hostname, accountId } = input;
    const holder = await proofs.holderOf(tx, hostname);
    if (holder !== null) {
      throw new Fault(
        "site.hostname-taken",
        `Cannot add hostname "${hostname}" as another ${holder.accountId === accountId ? "site" : "account"} owns it: ask for its release`,
      );
    }
    const over = wildcardOver(hostname);
    const taken = hostname.startsWith("*.")
      ? (await hostnameOfOthersAt(tx, { base: baseOf(hostname), accountId })) !== null
      : over !== null && (await proofs.wildcardAbove(tx, { wildcard: over, accountId })) !== null;
    if (!taken) return;
    throw new Fault(
      "site.hostname-taken",
      `Cannot add hostname "${hostname}" as another account owns names that it overlaps with: ask for their release`,
    );
  }

  async function releaseIn(tx: Tx, siteId: SiteId): Promise<void> {
    for (const claim of await proofs.claimsOfSite(tx, siteId)) {
      if (claim.provenAt !== null) {
        await proofs.rememberRelease(tx, { hostname: claim.hostname, siteId, at: at() });
      }
      await proofs.deleteClaim(tx, claim.hostname, siteId);
    }
  }

  async function previewOf(q: Queryable, site: SiteRow): Promise<PolicyPreview | null> {
    const as = site.proven.find((hostname) => !hostname.startsWith("*."));
    if (settings.previewDomain === "" || as === undefined) return null;
    return { hostname: `${previewLabel(await keyOf(q), site.site_id)}.${settings.previewDomain}`, as };
  }

  return {
    claimIn,
    vouchIn,
    releaseIn,
    previewOf,

    async list(siteId) {
      const claims = await proofs.claimsOfSite(db, siteId);
      return { items: await Promise.all(claims.map(viewOf)), total: claims.length };
    },

    async add(siteId, input) {
      const parsed = parseClaim(input.hostname, settings);
      if (!parsed.ok) throw new Fault("input.invalid", parsed.why, { fields: { hostname: parsed.why } });
      const hostname = parsed.value;
      await mustNotBeAReturn(siteId, hostname);
      await db.transaction(async (tx) => {
        const site = await siteById(tx, siteId);
        if (site === null) throw new Fault("state.not-found", "There is no such site");
        if (site.state !== "active") {
          throw new Fault(
            "site.held",
            `Cannot add a name to a site that is ${site.state}: a person has to settle it first`,
          );
        }
        if ((await proofs.releaseOf(tx, hostname))?.underMeasure === true) {
          throw new Fault(
            "site.held",
            `Cannot add "${hostname}" here as a measure stood on it when it was let go of: add it as a site of its own, which a person will look at`,
          );
        }
        await claimIn(tx, { siteId, accountId: site.account_id, hostname, vouch: input.vouch });
        if (input.vouch) await nextVersion(tx, siteId, at());
      });
      if (input.vouch) await deps.publish();
      return viewOf(await mustFind(siteId, hostname));
    },

    async check(siteId, hostname) {
      await checkNow(await mustFind(siteId, hostname));
      return viewOf(await mustFind(siteId, hostname));
    },

    async remove(siteId, hostname) {
      await db.transaction(async (tx) => {
        const claims = await proofs.claimsOfSite(tx, siteId);
        const claim = claims.find((one) => one.hostname === hostname);
        if (claim === undefined) throw noSuchName(hostname);
        if (claims.length === 1) {
          throw new Fault(
            "state.conflict",
            "Cannot remove the last name of a site: add another one first, or leave with the site",
          );
        }
        if (claim.provenAt !== null) {
          await proofs.rememberRelease(tx, { hostname, siteId, at: at() });
          await nextVersion(tx, siteId, at());
        }
        await proofs.deleteClaim(tx, hostname, siteId);
      });
      await deps.publish();
    },

    async preview(siteId) {
      if (settings.previewDomain === "") {
        return { url: null, whyNot: "The operator has set no preview domain: ask for one" };
      }
      const site = await siteById(db, siteId);
      if (site === null) throw new Fault("state.not-found", "There is no such site");
      if (site.state !== "active")
        return { url: null, whyNot: `The site is ${site.state}: a person has to settle it first` };
      const preview = await previewOf(db, site);
      if (preview === null)
        return { url: null, whyNot: "No name of this site is proven yet: prove one, wildcards do not count" };
      const port = settings.edgeListen.slice(settings.edgeListen.lastIndexOf(":") + 1);
      return {
        url: `http://${preview.hostname}${port === "80" || port === "0" ? "" : `:${port}`}/`,
        whyNot: null,
      };
    },

    async runDue() {
      await proofs.deleteReleases(db, new Date(now() - COOL_MS));
      const due = await proofs.dueClaims(db, { at: at(), limit: CHECKS_AT_ONCE_MAX });
      const outcomes = await Promise.allSettled(due.map((claim) => checkNow(claim)));
      const failed = outcomes.find((outcome) => outcome.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      return { checked: due.length };
    },
  };
}

/** Two transactions that prove one name at once: the loser sees the winner on its second look. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if ((error as { code?: string }).code !== UNIQUE_VIOLATION) throw error;
    return work();
  }
}
