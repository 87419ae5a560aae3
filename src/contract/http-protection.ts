/**
 * The HTTP contract of protection: bans, incidents, what is in force at a site now, the under-attack switch, and who hears of floods.
 * A site's endpoints are for its members (PROTECTION_ROLE_NEEDED) and operators, to everybody else the site does not exist (design law 10);
 * those without a site are for operators. Times are RFC 3339 strings. Lists come in pages: `next` is the `cursor` of the following one, null after
 * the last. Texts in incidents come from strangers: whoever shows them escapes them.
 */
import type { BanKind } from "./ban.ts";
import type { EdgeMitigation, FloodMode, FloodReport, FloodTrigger, MitigationAction } from "./flood.ts";
import type { SiteRole } from "./http-sites.ts";
import type { Page } from "./http.ts";
import type { NodeId, SiteId, UserId } from "./ids.ts";
import type { ProtectionSettings } from "./protection.ts";

export type CursorPage<T> = Page<T> & { readonly next: string | null };

// --- bans

export const BAN_STATES = ["in-force", "lifted", "expired"] as const;
/** expired: it came to its end; lifted: somebody ended it before. */
export type BanState = (typeof BAN_STATES)[number];

export type BanView = {
  readonly banId: string;
  /** Null: on every site. */
  readonly siteId: SiteId | null;
  /** The site's first hostname. */
  readonly siteName: string | null;
  readonly kind: BanKind;
  /** "192.0.2.7", "2001:db8:1:2::" (of an IPv6 address its /64 is meant), "192.0.2.0/24", "64500", "FR". */
  readonly value: string;
  readonly reason: string;
  /** A person's name, or "watch" for a node itself. */
  readonly by: string;
  readonly createdAt: string;
  readonly endsAt: string;
  readonly liftedAt: string | null;
  readonly liftedBy: string | null;
  /** The node that banned by itself; null: everywhere. */
  readonly nodeId: NodeId | null;
  readonly state: BanState;
};

export const BAN_REASON_CHARS_MAX = 500;
export const BAN_SECONDS_MIN = 60;
/** The widest networks that can be banned: a shorter prefix is refused. */
export const BAN_BITS_MIN = { ipv4: 16, ipv6: 32 } as const;
/** Prefix lengths of networks that are banned on one site: each costs every request of the edge a look. */
export const BAN_BITS_OF_SITES = { ipv4: [16, 18, 20, 22, 24], ipv6: [32, 48, 56] } as const;
/** How many different prefix lengths may be in force on every site; with those of sites as many as an edge takes (BAN_LENGTHS_MAX). */
export const BAN_LENGTHS_EVERYWHERE_MAX = 8;
/** `ended`: lifted or expired; kept for 30 days. `q`: part of a value or reason; an address finds the networks around it, too. */
export type BanQuery = { q?: string; state?: "in-force" | "ended"; cursor?: string };
export type NewBan = {
  readonly kind: BanKind;
  readonly value: string;
  /** BAN_SECONDS_MIN to BAN_SECONDS_MAX. */
  readonly seconds: number;
  readonly reason: string;
  /** Said by who was told that the ban would keep themselves out (409, `fields.force`). */
  readonly force: boolean;
};
export type BanMade = { readonly ban: BanView; /** Sentences. */ readonly warnings: readonly string[] };

// --- incidents

export const INCIDENT_STATES = ["active", "ended"] as const;
export type IncidentState = (typeof INCIDENT_STATES)[number];
/** In the languages of the console; a noun phrase (contract/flood-words.ts). */
export type FloodWords = { readonly en: string; readonly fr: string };

export type IncidentRow = {
  readonly incidentId: string;
  readonly siteId: SiteId;
  readonly siteName: string;
  readonly kind: FloodReport["kind"];
  readonly mode: FloodMode;
  readonly state: IncidentState;
  readonly beganAt: string;
  readonly mitigatedAt: string | null;
  readonly endedAt: string | null;
  /** Of all nodes together, as are all the numbers. */
  readonly usualPerSecond: number;
  readonly peakPerSecond: number;
  /** Beyond what usually comes in such a time, as `passed`. */
  readonly requests: number;
  readonly passed: number;
  readonly challenged: number;
  /**
   * The false alarms that were found: clients that were held up and then proved to be browsers, on this site while it lasted. Programs that can pass count, too,
   * and whoever was held up by the under-attack switch or a rule. Who was held up and went away is not known.
   */
  readonly challengesPassed: number;
  readonly blocked: number;
  readonly throttled: number;
  readonly banned: number;
  /** Of the signature that held most; null while none was found. */
  readonly words: FloodWords | null;
  readonly nodes: number;
};

export type SignatureView = {
  readonly words: FloodWords;
  readonly where: EdgeMitigation["where"];
  readonly headerNames: string;
  readonly action: MitigationAction;
  /** Share of the excess that it holds, and of the good traffic before, each 0 to 1; the worst of the nodes' estimates. */
  readonly cover: number;
  readonly collateral: number;
  readonly since: string;
  /** Null while it is in force on any node. */
  readonly liftedAt: string | null;
  readonly requests: number;
  readonly nodes: readonly NodeId[];
};

export type IncidentView = IncidentRow & {
  readonly triggers: readonly FloodTrigger[];
  readonly originErrors: number;
  /** Seconds of work that the origin did beyond the usual. */
  readonly originSecondsExtra: number;
  readonly sentBytes: number;
  readonly signatures: readonly SignatureView[];
  /** [milliseconds since the Unix epoch, requests, passed], at most FLOOD_SERIES_MAX; each point covers the time since the one before. */
  readonly series: readonly (readonly [number, number, number])[];
  readonly reports: readonly {
    readonly nodeId: NodeId;
    readonly nodeName: string;
    readonly beganAt: string;
    readonly endedAt: string | null;
    /** When the node last said something of it. */
    readonly toldAt: string;
    /** The node fell silent, and the incident was ended without it. */
    readonly isSilent: boolean;
  }[];
};
export type IncidentQuery = { state?: IncidentState; cursor?: string };

// --- what is in force at a site

export type ProtectionView = {
  /** Of the settings; a change of the rest of the protection goes through PUT /sites/{siteId}/settings. */
  readonly revision: number;
  readonly protection: ProtectionSettings;
  /** The switch is on, and its end has not come. */
  readonly isUnderAttackNow: boolean;
  readonly incidents: readonly IncidentRow[];
  /** Mitigations in force on any node. */
  readonly mitigations: readonly SignatureView[];
  /** Bans in force on this site alone. */
  readonly bans: number;
  /** What each rule matched and did, over all nodes that say so; null when none does. */
  readonly rules:
    | readonly {
        readonly rule: string;
        readonly matched: number;
        readonly met: number;
        readonly stopped: number;
      }[]
    | null;
};
export type UnderAttackRequest = {
  readonly on: boolean;
  /** Paths with "*"; empty: the whole site. */
  readonly paths: readonly string[];
  /** RFC 3339; null: until somebody switches it off. */
  readonly endsAt: string | null;
  readonly note: string;
};

// --- who hears of it

export const DELIVERY_STATES = ["waiting", "delivered", "failed"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];
export const WEBHOOK_EVENTS = [
  "flood.began",
  "flood.ended",
  "surge.began",
  "surge.ended",
  "webhook.test",
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** One message to the webhook, with what became of it. */
export type DeliveryView = {
  /** The `webhook-id` it carries. */
  readonly deliveryId: string;
  readonly event: WebhookEvent;
  readonly state: DeliveryState;
  readonly madeAt: string;
  readonly tries: number;
  readonly lastTryAt: string | null;
  readonly nextTryAt: string | null;
  /** HTTP status of the last answer; null when there was none. */
  readonly status: number | null;
  /** Why the last try did not do; null when it did. */
  readonly why: string | null;
};
export type NotificationsView = {
  /** Everybody who can be written to: the members. */
  readonly mail: readonly {
    readonly userId: UserId;
    readonly name: string;
    readonly email: string;
    /** Owners are written to unless they say otherwise. */
    readonly wants: boolean;
  }[];
  /** Also of surges of visitors, against whom nothing is done. */
  readonly surges: boolean;
  /** `secretEnd`: the last four characters. The whole secret is answered once, when it is made. */
  readonly webhook: { readonly url: string; readonly secretEnd: string } | null;
  /** Newest first. */
  readonly deliveries: readonly DeliveryView[];
};
export type NotificationsRequest = {
  /** User ids of the members who want mail. */
  readonly mail: readonly UserId[];
  readonly surges: boolean;
  /** `newSecret`: makes another secret; one is made in any case with the first URL. */
  readonly webhook: { readonly url: string; readonly newSecret: boolean } | null;
};

/** Everything of the above that a leaving owner takes along. */
export type ProtectionExport = {
  readonly bans: readonly BanView[];
  readonly incidents: readonly IncidentView[];
  readonly notifications: {
    readonly mail: readonly string[];
    readonly surges: boolean;
    readonly webhook: { readonly url: string; readonly secret: string } | null;
    readonly deliveries: readonly DeliveryView[];
  };
};

// --- endpoints, by who serves them

export type BanEndpoints = {
  /** Of every site and of all sites together. */
  "GET /bans": { body: null; answer: CursorPage<BanView> };
  /** `siteId` null: on every site. */
  "POST /bans": { body: NewBan & { readonly siteId: SiteId | null }; answer: BanMade };
  "POST /bans/{banId}/lift": { body: null; answer: BanView };
  "GET /sites/{siteId}/bans": { body: null; answer: CursorPage<BanView> };
  "POST /sites/{siteId}/bans": { body: NewBan; answer: BanMade };
  "POST /sites/{siteId}/bans/{banId}/lift": { body: null; answer: BanView };
};
export type IncidentEndpoints = {
  "GET /incidents": { body: null; answer: CursorPage<IncidentRow> };
  "GET /incidents/{incidentId}": { body: null; answer: IncidentView };
  "GET /sites/{siteId}/incidents": { body: null; answer: CursorPage<IncidentRow> };
  "GET /sites/{siteId}/incidents/{incidentId}": { body: null; answer: IncidentView };
  /** One node's account, as it gave it. */
  "GET /sites/{siteId}/incidents/{incidentId}/reports/{nodeId}": { body: null; answer: FloodReport };
};
export type ProtectionEndpoints = {
  "GET /sites/{siteId}/protection": { body: null; answer: ProtectionView };
  "PUT /sites/{siteId}/under-attack": { body: UnderAttackRequest; answer: ProtectionView };
  "GET /sites/{siteId}/notifications": { body: null; answer: NotificationsView };
  /** `secret`: the webhook's, when this made one: it is shown this once. */
  "PUT /sites/{siteId}/notifications": {
    body: NotificationsRequest;
    answer: NotificationsView & { readonly secret: string | null };
  };
  /** Sends an event "webhook.test" now, and answers with what became of the first try. */
  "POST /sites/{siteId}/notifications/test": { body: null; answer: DeliveryView };
};
export type FloodEndpoints = BanEndpoints & IncidentEndpoints & ProtectionEndpoints;

/** The least role that may call each; the others are for operators. */
export const PROTECTION_ROLE_NEEDED: Readonly<
  Record<Extract<keyof FloodEndpoints, `${string} /sites/${string}`>, SiteRole>
> = {
  "GET /sites/{siteId}/bans": "viewer",
  "POST /sites/{siteId}/bans": "editor",
  "POST /sites/{siteId}/bans/{banId}/lift": "editor",
  "GET /sites/{siteId}/incidents": "viewer",
  "GET /sites/{siteId}/incidents/{incidentId}": "viewer",
  "GET /sites/{siteId}/incidents/{incidentId}/reports/{nodeId}": "viewer",
  "GET /sites/{siteId}/protection": "viewer",
  "PUT /sites/{siteId}/under-attack": "editor",
  "GET /sites/{siteId}/notifications": "editor",
  "PUT /sites/{siteId}/notifications": "owner",
  "POST /sites/{siteId}/notifications/test": "editor",
};
