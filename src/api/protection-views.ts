/** The shapes of contract/http-protection.ts as zod schemas: what leaves has passed one of them (see views.ts), and what comes in is bounded here. */
import { z } from "@hono/zod-openapi";
import { BAN_KINDS, BAN_SECONDS_MAX } from "../contract/ban.ts";
import { FEATURES, FLOOD_TRIGGERS, MITIGATION_ACTIONS, type FloodReport } from "../contract/flood.ts";
import {
  BAN_REASON_CHARS_MAX,
  BAN_SECONDS_MIN,
  BAN_STATES,
  DELIVERY_STATES,
  INCIDENT_STATES,
  WEBHOOK_EVENTS,
  type BanMade,
  type BanView,
  type CursorPage,
  type DeliveryView,
  type IncidentRow,
  type IncidentView,
  type NewBan,
  type NotificationsRequest,
  type NotificationsView,
  type ProtectionExport,
  type ProtectionView,
  type SignatureView,
  type UnderAttackRequest,
} from "../contract/http-protection.ts";
import { ID_PATTERN, type NodeId, type SiteId, type UserId } from "../contract/ids.ts";
import { UNDER_ATTACK_PATHS_MAX } from "../contract/protection.ts";
import { PROTECTION_SCHEMA } from "../contract/site-schema.ts";
import { NOTE_CHARS_MAX } from "../sites/site-settings.ts";
import { WEBHOOK_URL_CHARS_MAX } from "../sites/webhook.ts";

const text = z.string();
const count = z.number();
const list = <T>(of: z.ZodType<T>): z.ZodType<readonly T[]> =>
  z.array(of).readonly() as z.ZodType<readonly T[]>;
const id = <Id extends string>(): z.ZodType<Id> => z.string() as unknown as z.ZodType<Id>;
const typed = (max: number): z.ZodString =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes("\0"), "Remove the NUL character") as z.ZodString;

export const cursorPage = <T>(of: z.ZodType<T>): z.ZodType<CursorPage<T>> =>
  z.object({ items: list(of), total: count, next: text.nullable() });

// --- what comes in

const MEMBERS_MAX = 50;
const CURSOR_CHARS_MAX = 80;
const SEARCH_CHARS_MAX = 100;

const cursor = typed(CURSOR_CHARS_MAX).exactOptional();
export const bansQuery = z.strictObject({
  q: typed(SEARCH_CHARS_MAX).exactOptional(),
  state: z.enum(["in-force", "ended"]).exactOptional(),
  cursor,
});
export const incidentsQuery = z.strictObject({ state: z.enum(INCIDENT_STATES).exactOptional(), cursor });

const BAN_LASTS = `A ban lasts at least ${BAN_SECONDS_MIN} seconds and at most ${BAN_SECONDS_MAX / 86_400} days`;
const banFields = {
  kind: z.enum(BAN_KINDS),
  value: typed(60).min(1, "Say whom to ban"),
  seconds: z.int().min(BAN_SECONDS_MIN, BAN_LASTS).max(BAN_SECONDS_MAX, BAN_LASTS),
  reason: typed(BAN_REASON_CHARS_MAX).min(1, "Write the reason"),
  force: z.boolean(),
};
export const newBan: z.ZodType<NewBan> = z.strictObject(banFields);
export const newBanAnywhere: z.ZodType<NewBan & { readonly siteId: SiteId | null }> = z.strictObject({
  ...banFields,
  siteId: z
    .string()
    .refine((value) => value.startsWith("site_") && ID_PATTERN.test(value), "Give a site's id, or null")
    .nullable() as unknown as z.ZodType<SiteId | null>,
});

export const underAttackRequest: z.ZodType<UnderAttackRequest> = z.strictObject({
  on: z.boolean(),
  paths: z.array(typed(2048)).max(UNDER_ATTACK_PATHS_MAX).readonly(),
  endsAt: z.iso.datetime({ message: "Give a time like 2026-11-22T20:00:00.000Z" }).max(40).nullable(),
  note: typed(NOTE_CHARS_MAX),
});

export const notificationsRequest: z.ZodType<NotificationsRequest> = z.strictObject({
  mail: z.array(typed(64)).max(MEMBERS_MAX).readonly() as unknown as z.ZodType<readonly UserId[]>,
  surges: z.boolean(),
  webhook: z.strictObject({ url: typed(WEBHOOK_URL_CHARS_MAX).min(1), newSecret: z.boolean() }).nullable(),
});

// --- what leaves

export const banView: z.ZodType<BanView> = z.object({
  banId: text,
  siteId: id<SiteId>().nullable(),
  siteName: text.nullable(),
  kind: z.enum(BAN_KINDS),
  value: text,
  reason: text,
  by: text,
  createdAt: text,
  endsAt: text,
  liftedAt: text.nullable(),
  liftedBy: text.nullable(),
  nodeId: id<NodeId>().nullable(),
  state: z.enum(BAN_STATES),
});
export const banMade: z.ZodType<BanMade> = z.object({ ban: banView, warnings: list(text) });

const kind = z.enum(["flood", "surge", "slow"]);
const mode = z.enum(["act", "shadow", "off"]);
const words = z.object({ en: text, fr: text });
const rowFields = {
  incidentId: text,
  siteId: id<SiteId>(),
  siteName: text,
  kind,
  mode,
  state: z.enum(INCIDENT_STATES),
  beganAt: text,
  mitigatedAt: text.nullable(),
  endedAt: text.nullable(),
  usualPerSecond: count,
  peakPerSecond: count,
  requests: count,
  passed: count,
  challenged: count,
  challengesPassed: count,
  blocked: count,
  throttled: count,
  banned: count,
  words: words.nullable(),
  nodes: count,
};
export const incidentRow: z.ZodType<IncidentRow> = z.object(rowFields);

const where = list(z.object({ feature: z.enum(FEATURES), value: text }));
export const signatureView: z.ZodType<SignatureView> = z.object({
  words,
  where,
  headerNames: text,
  action: z.enum(MITIGATION_ACTIONS),
  cover: count,
  collateral: count,
  since: text,
  liftedAt: text.nullable(),
  requests: count,
  nodes: list(id<NodeId>()),
});
const series = list(
  z.tuple([count, count, count]).readonly() as unknown as z.ZodType<readonly [number, number, number]>,
);
export const incidentView: z.ZodType<IncidentView> = z.object({
  ...rowFields,
  triggers: list(z.enum(FLOOD_TRIGGERS)),
  originErrors: count,
  originSecondsExtra: count,
  sentBytes: count,
  signatures: list(signatureView),
  series,
  reports: list(
    z.object({
      nodeId: id<NodeId>(),
      nodeName: text,
      beganAt: text,
      endedAt: text.nullable(),
      toldAt: text,
      isSilent: z.boolean(),
    }),
  ),
});

export const floodReport: z.ZodType<FloodReport> = z.object({
  schema: z.literal(1),
  incidentId: text,
  nodeId: id<NodeId>(),
  siteId: id<SiteId>(),
  kind,
  mode,
  triggers: list(z.enum(FLOOD_TRIGGERS)),
  beganAtMs: count,
  mitigatedAtMs: count.nullable(),
  endedAtMs: count.nullable(),
  usualPerSecond: count,
  peakPerSecond: count,
  requests: count,
  passed: count,
  challenged: count,
  challengesPassed: count,
  blocked: count,
  throttled: count,
  banned: count,
  originErrors: count,
  originSecondsExtra: count,
  sentBytes: count,
  signatures: list(
    z.object({
      mitigationId: text,
      where,
      headerNames: text,
      action: z.enum(MITIGATION_ACTIONS),
      cover: count,
      collateral: count,
      sinceMs: count,
      liftedAtMs: count.nullable(),
      requests: count,
    }),
  ),
  series,
});

export const protectionView: z.ZodType<ProtectionView> = z.object({
  revision: count,
  protection: PROTECTION_SCHEMA,
  isUnderAttackNow: z.boolean(),
  incidents: list(incidentRow),
  mitigations: list(signatureView),
  bans: count,
  rules: list(z.object({ rule: text, matched: count, met: count, stopped: count })).nullable(),
});

export const deliveryView: z.ZodType<DeliveryView> = z.object({
  deliveryId: text,
  event: z.enum(WEBHOOK_EVENTS),
  state: z.enum(DELIVERY_STATES),
  madeAt: text,
  tries: count,
  lastTryAt: text.nullable(),
  nextTryAt: text.nullable(),
  status: count.nullable(),
  why: text.nullable(),
});
const notificationFields = {
  mail: list(z.object({ userId: id<UserId>(), name: text, email: text, wants: z.boolean() })),
  surges: z.boolean(),
  webhook: z.object({ url: text, secretEnd: text }).nullable(),
  deliveries: list(deliveryView),
};
export const notificationsView: z.ZodType<NotificationsView> = z.object(notificationFields);
export const notificationsChanged: z.ZodType<NotificationsView & { readonly secret: string | null }> =
  z.object({
    ...notificationFields,
    secret: text.nullable(),
  });

export const protectionExport: z.ZodType<ProtectionExport> = z.object({
  bans: list(banView),
  incidents: list(incidentView),
  notifications: z.object({
    mail: list(text),
    surges: z.boolean(),
    webhook: z.object({ url: text, secret: text }).nullable(),
    deliveries: list(deliveryView),
  }),
});
