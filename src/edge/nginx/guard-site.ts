/**
 * What guards a site, prepared when a worker loads it: the mitigations that are in force, and the owner's switch "under attack". Mitigations lie in a dictionary of
 * their own, so that no key that a client invents pushes one out; a reload and a new policy of the site leave them be. A site that nothing
 * guards has none of this, and costs one comparison.
 */
import * as cjson from "cjson.safe";
import type { EdgeSite } from "../../contract/edge-site.ts";
import {
  FEATURES,
  type EdgeMitigation,
  type FloodMode,
  type MitigationAction,
} from "../../contract/flood.ts";
import { isoMs } from "../iso-time.ts";
import { preparePaths, type PathSet } from "../path-glob.ts";
import { siteIdOf } from "./preview.ts";

/** A mitigation as it is kept. */
export type KeptMitigation = Omit<EdgeMitigation, "siteId" | "seconds"> & { readonly endsAtMs: number };

export type PreparedMitigation = {
  readonly mitigationId: string;
  readonly action: MitigationAction;
  readonly bits: number;
  /** What of it comes through in this worker each second; 0: nothing. */
  readonly perSecond: number;
  readonly endsAtMs: number;
  /** What is compared, the cheapest first: places in FEATURES, and beside them the values. */
  readonly features: readonly number[];
  readonly values: readonly string[];
};

export type PreparedUnderAttack = {
  /** Undefined: the whole site. */
  readonly paths: PathSet | undefined;
  /** Infinity for no end. */
  readonly endsAtMs: number;
};

export type Guard = {
  readonly mode: FloodMode;
  readonly hasRules: boolean;
  readonly underAttack: PreparedUnderAttack | undefined;
  /** The sternest first. */
  readonly mitigations: readonly PreparedMitigation[];
  /** When the last thing that ends by itself has ended; Infinity where something stays. */
  readonly endsAtMs: number;
};

const mitigations = ngx.shared["parapet_mitigations"]!;

/** What a look costs, as a rank: those that nginx has parsed before those that are put together. In the order of FEATURES. */
const COSTS: readonly number[] = [1, 2, 6, 7, 8, 3, 5, 4, 4, 3, 2, 12, 9, 9, 11, 11];
const STERNNESS = { block: 0, challenge: 1, throttle: 2, log: 3 } as const satisfies Record<
  MitigationAction,
  number
>;

/** Those of a site that have not ended. */
export function keptMitigations(siteId: string, nowMs: number): KeptMitigation[] {
  const [json] = mitigations.get(siteId);
  if (json === undefined) return [];
  const [list] = cjson.decode(json as string);
  const kept: KeptMitigation[] = [];
  if (list === undefined) return kept;
  for (const one of list as KeptMitigation[]) if (one.endsAtMs > nowMs) kept.push(one);
  return kept;
}

/** Undefined for a site with nothing to guard. */
export function loadGuard(site: EdgeSite): Guard | undefined {
  const nowMs = ngx.now() * 1000;
  const { floods, rules } = site.protection;
  const kept = floods === "off" ? [] : keptMitigations(siteIdOf(site.siteId), nowMs);
  const underAttack = prepareUnderAttack(site.protection.underAttack, nowMs);
  if (kept.length === 0 && underAttack === undefined && rules.length === 0) return undefined;
  const prepared = kept.map((one) => prepareMitigation(one));
  prepared.sort((a, b) => STERNNESS[a.action] - STERNNESS[b.action]);
  let endsAtMs = rules.length > 0 ? math.huge : 0;
  if (underAttack !== undefined) endsAtMs = math.max(endsAtMs, underAttack.endsAtMs);
  for (const one of prepared) endsAtMs = math.max(endsAtMs, one.endsAtMs);
  return { mode: floods, hasRules: rules.length > 0, underAttack, mitigations: prepared, endsAtMs };
}

function prepareMitigation(one: KeptMitigation): PreparedMitigation {
  const conditions = one.where.map(({ feature, value }) => ({ index: FEATURES.indexOf(feature), value }));
  conditions.sort((a, b) => (COSTS[a.index] ?? 99) - (COSTS[b.index] ?? 99));
  return {
    mitigationId: one.mitigationId,
    action: one.action,
    bits: one.difficultyBits,
    perSecond: math.ceil(one.perSecond / ngx.worker.count()),
    endsAtMs: one.endsAtMs,
    features: conditions.map(({ index }) => index),
    values: conditions.map(({ value }) => value),
  };
}

function prepareUnderAttack(
  settings: EdgeSite["protection"]["underAttack"],
  nowMs: number,
): PreparedUnderAttack | undefined {
  if (!settings.on) return undefined;
  const { paths, endsAt } = settings;
  const end = endsAt as string | null | undefined;
  const endsAtMs = end === null || end === undefined ? math.huge : isoMs(end);
  if (endsAtMs <= nowMs) return undefined;
  return { paths: paths.length === 0 ? undefined : preparePaths(paths), endsAtMs };
}
