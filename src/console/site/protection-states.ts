/**
 * How the state of a site's protection, of incidents, bans and deliveries looks, drawn from the contract's closed lists, so that a new state does not
 * compile before it has a tone. Pure: the figures are the server's, and what it did not say comes out as null.
 */
import type {
  BanState,
  BanView,
  DeliveryState,
  IncidentRow,
  IncidentView,
  ProtectionView,
  SignatureView,
} from "../../contract/http-protection.ts";
import type { Words } from "../words/english.ts";
import type { ChartPoint } from "./chart-scale.ts";
import { whyNotMay, type Role } from "./may.ts";
import type { Tone } from "./states.ts";

export type Glance = "quiet" | "flood" | "floodNotYet" | "floodSeen" | "slow" | "surge";

export const GLANCE_TONE = {
  quiet: "good",
  flood: "warn",
  floodNotYet: "bad",
  floodSeen: "bad",
  slow: "bad",
  surge: "warn",
} as const satisfies Record<Glance, Tone>;

export const BAN_TONE = { "in-force": "bad", lifted: "quiet", expired: "quiet" } as const satisfies Record<
  BanState,
  Tone
>;

export const DELIVERY_TONE = { waiting: "warn", delivered: "good", failed: "bad" } as const satisfies Record<
  DeliveryState,
  Tone
>;

/** What one running incident means for whoever looks at the site. */
export function glanceOfIncident(row: Pick<IncidentRow, "kind" | "mode" | "mitigatedAt">): Glance {
  if (row.kind !== "flood") return row.kind;
  if (row.mode !== "act") return "floodSeen";
  return row.mitigatedAt === null ? "floodNotYet" : "flood";
}

const PRESSING = ["floodSeen", "floodNotYet", "flood", "slow", "surge"] as const satisfies readonly Glance[];

/** The site at a glance: its most pressing incident under way, and how many more there are. */
export function glanceOf(view: Pick<ProtectionView, "incidents">): {
  readonly glance: Glance;
  readonly incident: IncidentRow | null;
  readonly more: number;
} {
  const running = view.incidents.filter((row) => row.state === "active");
  for (const glance of PRESSING) {
    const incident = running.find((row) => glanceOfIncident(row) === glance);
    if (incident !== undefined) return { glance, incident, more: running.length - 1 };
  }
  return { glance: "quiet", incident: null, more: 0 };
}

/** When the first signature was found; null where none was. */
export function understoodAt(signatures: readonly Pick<SignatureView, "since">[]): string | null {
  return signatures.reduce<string | null>(
    (first, { since }) => (first === null || Date.parse(since) < Date.parse(first) ? since : first),
    null,
  );
}

/** Requests per second from the counts of each span. The first point's span is unknown: it is taken to be as long as the next one's. */
export function ratesOf(series: IncidentView["series"]): readonly ChartPoint[] {
  return series.map(([atMs, requests, passed], i) => {
    const from = series[i - 1]?.[0];
    const next = series[i + 1]?.[0];
    const ms = from !== undefined ? atMs - from : next !== undefined ? next - atMs : 1000;
    const seconds = Math.max(1, ms) / 1000;
    return { atMs, came: requests / seconds, passed: passed / seconds };
  });
}

/**
 * "3%", "0.4%", "less than 0.1%"; null where there was nothing to have a share of. Neither all nor nothing is ever said of what is not quite so.
 */
export function shareText(
  part: number,
  { of, words }: { readonly of: number; readonly words: Words },
): string | null {
  if (of <= 0 || !Number.isFinite(part / of)) return null;
  const share = part / of;
  const percent = (value: number): string =>
    value.toLocaleString(words.time.locale, {
      style: "percent",
      maximumFractionDigits: value < 0.1 || value > 0.95 ? 1 : 0,
    });
  if (share > 0 && share < 0.001) return words.protection.lessThan(percent(0.001));
  return percent(share < 1 ? Math.min(share, 0.999) : share);
}

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** "1.2 GB", in steps of a thousand. */
export function sizeText(bytes: number, locale: string): string {
  const power = bytes < 1000 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log10(bytes) / 3));
  const unit = SIZES[power] ?? "byte";
  return new Intl.NumberFormat(locale, { style: "unit", unit, maximumFractionDigits: 1 }).format(
    bytes / 1000 ** power,
  );
}

/** Why this ban cannot be lifted from here; null when it can. */
export function whyNotLift(
  ban: Pick<BanView, "state" | "siteId">,
  { role, words }: { readonly role: Role; readonly words: Words },
): string | null {
  const w = words.protection.bans;
  if (ban.state !== "in-force") return w.isEnded;
  if (ban.siteId === null) return role === "operator" ? null : w.everywhereLift;
  return whyNotMay(role, { act: "POST /sites/{siteId}/bans/{banId}/lift", words });
}

/** The end that a choice stands for, as the contract wants it; "missing" where the chosen moment is none, or has passed. */
export function endOf(
  choice: string,
  input: { readonly nowMs: number; readonly moment: string | null },
): string | null | "missing" {
  if (choice === "never") return null;
  if (choice === "at")
    return input.moment !== null && Date.parse(input.moment) > input.nowMs ? input.moment : "missing";
  const seconds = Number(choice);
  return Number.isFinite(seconds) && seconds > 0
    ? new Date(input.nowMs + seconds * 1000).toISOString()
    : "missing";
}
