/** What the API and the public pages are built on: the rooms below, and what the process hands in. */
import type { Desk } from "../desk/desk.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Mail } from "../mail/mail.ts";
import type { SiteId } from "../contract/ids.ts";
import type { Settings } from "../contract/settings.ts";
import type { Certificates } from "../sites/certificates.ts";
import type { Sites } from "../sites/sites.ts";
import type { Db } from "../store/db.ts";

export type Services = {
  readonly db: Db;
  readonly desk: Desk;
  readonly sites: Sites;
  readonly certificates: Certificates;
  readonly ledger: Ledger;
  readonly mail: Mail;
  /** Lines of the access log that nodes still hold of a site, newest last. */
  readonly siteLog: (siteId: SiteId) => Promise<readonly string[]>;
  readonly settings: Settings;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  /** Something a person has to know. `what` never quotes what a stranger sent. */
  readonly onAlarm: (alarm: { readonly code: string; readonly what: string }) => void;
  readonly alarms: () => readonly { readonly at: string; readonly code: string; readonly what: string }[];
};
