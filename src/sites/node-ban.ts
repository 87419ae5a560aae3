/** A ban that a node made by itself, as it comes over the bus: read with bounds, into a row. */
import { BAN_SECONDS_MAX, type BanKind } from "../contract/ban.ts";
import type { Parsed } from "../contract/fault.ts";
import { BAN_REASON_CHARS_MAX } from "../contract/http-protection.ts";
import { ID_PATTERN, type NodeId, type SiteId } from "../contract/ids.ts";
import type { NewBanRow } from "../store/bans.ts";
import { readBanValue } from "./ban-value.ts";

export type NodeBan = NewBanRow & { readonly nodeId: NodeId; readonly liftedAt: Date | null };

const BAN_ID = /^[A-Za-z0-9_-]{1,60}$/;
const BY_CHARS_MAX = 200;
/** Clocks of machines differ. */
const CLOCK_MS = 3600_000;

export function readNodeBan(value: unknown): Parsed<NodeBan> {
  if (typeof value !== "object" || value === null) return refuse("it is no record");
  const given = value as Record<string, unknown>;
  const { banId, siteId, nodeId, kind, reason, by } = given;
  if (given["schema"] !== 1) return refuse("its schema is not 1");
  if (typeof banId !== "string" || !BAN_ID.test(banId)) return refuse("it has no id");
  if (siteId !== null && !isId(siteId, "site_")) return refuse("its site is none");
  if (!isId(nodeId, "node_")) return refuse("it names no node");
  if (kind !== "address" && kind !== "network") return refuse("a node bans addresses and networks alone");
  if (typeof given["value"] !== "string") return refuse("it does not say whom it bans");
  if (typeof reason !== "string" || typeof by !== "string" || /\0/.test(reason + by))
    return refuse("its words are none");
  const createdAt = momentOf(given["createdAtMs"]);
  const endsAt = momentOf(given["endsAtMs"]);
  const liftedAt = given["liftedAtMs"] === null ? null : momentOf(given["liftedAtMs"]);
  if (createdAt === null || endsAt === null || (liftedAt === null && given["liftedAtMs"] !== null))
    return refuse("its times are none");
  if (endsAt.getTime() - createdAt.getTime() > 60 * BAN_SECONDS_MAX * 1000 + CLOCK_MS)
    return refuse("it never ends");
  const read = rangeOf(kind, given["value"]);
  if (!read.ok) return read;
  return {
    ok: true,
    value: {
      banId,
      siteId: siteId as SiteId | null,
      nodeId: nodeId as NodeId,
      kind,
      ...read.value,
      reason: reason.slice(0, BAN_REASON_CHARS_MAX),
      by: by.slice(0, BY_CHARS_MAX),
      byUser: null,
      createdAt,
      endsAt,
      liftedAt,
    },
  };
}

function rangeOf(
  kind: BanKind,
  text: string,
): Parsed<{ readonly value: string; readonly range: string | null }> {
  const parsed = readBanValue(kind, text, { ofSite: false });
  if (!parsed.ok) return parsed;
  return { ok: true, value: { value: parsed.value.value, range: parsed.value.range } };
}

function momentOf(value: unknown): Date | null {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0 || value > 8.64e15) return null;
  return new Date(value);
}

function isId(value: unknown, prefix: string): boolean {
  return typeof value === "string" && value.startsWith(prefix) && ID_PATTERN.test(value);
}

function refuse(why: string): { readonly ok: false; readonly why: string } {
  return { ok: false, why };
}
