/**
 * Accounts, sites, hostnames, origins: what customers protect. Compiles a site's settings and measures into one
 * `SitePolicy` and carries it to the edges through the outbox. A policy version is made inside the transaction that
 * changes the site; publishing is repeated until it is done, so a crash between the two loses nothing.
 */
import type { InForce, NodeView, Page, SiteView } from "../contract/http.ts";
import type { AccountId, SiteId } from "../contract/ids.ts";
import type { HostnamePlan } from "../contract/http-sites.ts";
import type { Queryable, Tx } from "../store/db.ts";
import type { Hostnames } from "./hostnames.ts";
import type { OriginWatch } from "./origin-watch.ts";
import type { Protection } from "./protection.ts";
import type { Purges } from "./purges.ts";
import type { ChangedBy, SettingsBook } from "./site-settings.ts";

export type SiteFacts = {
  readonly siteId: SiteId;
  readonly accountId: AccountId;
  readonly accountName: string;
  /** Where notices to the customer go; null when the account has none. */
  readonly accountEmail: string | null;
  /** Those that are proven. */
  readonly hostnames: readonly string[];
  readonly originUrl: string;
  readonly version: number;
};

export interface Sites {
  /** Adds a site, or moves an existing site of the same account to a new origin. A look-alike of a withdrawn site is held. */
  protect(input: {
    readonly hostname: string;
    readonly originUrl: string;
    readonly account: string;
    readonly accountEmail?: string;
    /** Who the history names; the operator when nobody is given. */
    readonly by?: ChangedBy;
    /** The operator says that the name is the account's, and no proof is asked. So it is when nobody is named in `by`. */
    readonly vouch?: boolean;
  }): Promise<SiteView>;
  /** The site of an account that claims a name; null when there is none. */
  ofAccount(input: { readonly hostname: string; readonly account: string }): Promise<SiteId | null>;
  /** Claims of names and their proofs. */
  readonly hostnames: Hostnames;
  /** What the DNS says of a name before it is added. */
  plan(hostname: string): Promise<HostnamePlan>;
  /** What owners set, and its history. */
  readonly settings: SettingsBook;
  readonly purges: Purges;
  /** Bans, incidents, who hears of them. */
  readonly protection: Protection;
  readonly origins: OriginWatch;
  /** Takes the hostname off every edge. */
  unprotect(hostname: string): Promise<SiteView>;
  /** Takes the whole site off every edge: names, members and settings' key. Its history stays with the operator. */
  leave(siteId: SiteId): Promise<SiteView>;
  list(of?: { readonly among: ReadonlySet<SiteId> }): Promise<Page<SiteView>>;
  view(siteId: SiteId): Promise<SiteView>;
  /** The site that serves `hostname` (exact before wildcard), or null. */
  find(q: Queryable, hostname: string): Promise<SiteFacts | null>;
  facts(q: Queryable, siteId: SiteId): Promise<SiteFacts | null>;
  /** Makes the next policy version of a site inside the caller's transaction. Call `publish` after the commit. */
  touch(tx: Tx, siteId: SiteId): Promise<{ readonly version: number }>;
  /** Sends every policy version that no bus has yet. Safe to call at any time, repeatedly. */
  publish(): Promise<{ readonly published: number }>;
  /** How many edges confirmed `version` or a later one. */
  inForce(siteId: SiteId, version: number): Promise<InForce>;
  nodes(): Promise<readonly NodeView[]>;
  /** A human lets a held site go live, or refuses it. Reasons are kept. */
  release(siteId: SiteId, input: { readonly by: string; readonly reason: string }): Promise<SiteView>;
  refuse(siteId: SiteId, input: { readonly by: string; readonly reason: string }): Promise<SiteView>;
  /** Remembers what the site looks like now, so that its return under another name is recognised. Called at a withdrawal. */
  rememberLook(siteId: SiteId, input: { readonly caseNumber: string }): Promise<void>;
  close(): Promise<void>;
}
