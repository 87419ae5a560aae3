/** What a node says of a flood, as it comes over the bus: read with bounds before it is stored or shown. */
import type { Parsed } from "../contract/fault.ts";
import { z } from "zod";
import {
  FEATURE_CHARS_MAX,
  FEATURES,
  FLOOD_SERIES_MAX,
  FLOOD_SIGNATURES_MAX,
  FLOOD_TRIGGERS,
  MITIGATION_ACTIONS,
  MITIGATION_CONDITIONS_MAX,
  type FloodReport,
} from "../contract/flood.ts";
import { ID_PATTERN, type NodeId, type SiteId } from "../contract/ids.ts";

const id = <Id extends string>(prefix: string): z.ZodType<Id> =>
  z
    .string()
    .refine((value) => value.startsWith(`${prefix}_`) && ID_PATTERN.test(value)) as unknown as z.ZodType<Id>;
/** Strangers choose these: what no database holds is replaced, so that nobody blinds the control plane with one odd byte. */
const text = (max: number): z.ZodType<string> =>
  z.string().transform((value) => value.slice(0, max).toWellFormed().replaceAll("\0", "\ufffd"));
const name = z.string().regex(/^[A-Za-z0-9_-]{1,60}$/);
const moment = z.number().int().min(0).max(8.64e15);
const amount = z.number().min(0).max(1e15);
const share = z.number().min(0).max(1);

const SCHEMA: z.ZodType<FloodReport> = z.object({
  schema: z.literal(1),
  incidentId: name,
  nodeId: id<NodeId>("node"),
  siteId: id<SiteId>("site"),
  kind: z.enum(["flood", "surge", "slow"]),
  mode: z.enum(["act", "shadow", "off"]),
  triggers: z.array(z.enum(FLOOD_TRIGGERS)).max(FLOOD_TRIGGERS.length),
  beganAtMs: moment,
  mitigatedAtMs: moment.nullable(),
  endedAtMs: moment.nullable(),
  usualPerSecond: amount,
  peakPerSecond: amount,
  requests: amount,
  passed: amount,
  challenged: amount,
  challengesPassed: amount,
  blocked: amount,
  throttled: amount,
  banned: amount,
  originErrors: amount,
  originSecondsExtra: amount,
  sentBytes: amount,
  signatures: z
    .array(
      z.object({
        mitigationId: name,
        where: z
          .array(z.object({ feature: z.enum(FEATURES), value: text(FEATURE_CHARS_MAX) }))
          .max(MITIGATION_CONDITIONS_MAX),
        headerNames: text(4000),
        action: z.enum(MITIGATION_ACTIONS),
        cover: share,
        collateral: share,
        sinceMs: moment,
        liftedAtMs: moment.nullable(),
        requests: amount,
      }),
    )
    .max(FLOOD_SIGNATURES_MAX),
  series: z.array(z.tuple([moment, amount, amount])).max(FLOOD_SERIES_MAX),
}) as unknown as z.ZodType<FloodReport>;

export function readFloodReport(value: unknown): Parsed<FloodReport> {
  const parsed = SCHEMA.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  return { ok: false, why: `${issue?.path.map(String).join(".") || "it"} is not as it should be` };
}
