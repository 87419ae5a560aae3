/** What people do with a site beside its settings: kept by name, shown to its members, taken along when it leaves. */
export const SITE_DEEDS = [
  "hostname-added",
  "hostname-removed",
  "member-put",
  "member-removed",
  "certificate-uploaded",
  "certificate-removed",
  "certificate-renewed",
  "notifications-changed",
  "exported",
  "left",
] as const;
export type SiteDeedKind = (typeof SITE_DEEDS)[number];
export const DEED_ABOUT_CHARS_MAX = 300;

export type SiteDeed = {
  /** Grows with each deed of the instance. */
  readonly number: number;
  readonly at: string;
  readonly who: string;
  readonly deed: SiteDeedKind;
  /** The hostname, the member and their role, the certificate's names, the webhook's host; "" for nothing. */
  readonly about: string;
  /** False: it runs now, or it was cut off and may have been done in part. */
  readonly isDone: boolean;
};
