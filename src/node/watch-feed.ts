/**
 * The watch's way to and from nginx: what its workers counted and sampled since the drain before, and mitigations for them to keep. nginx's answer is checked like
 * any foreign text, and bounded: its samples carry what clients sent. Who asks for a mitigation that cannot be gets told what is wrong with it.
 */
import { Fault } from "../contract/fault.ts";
import {
  noCounts,
  FEATURE_CHARS_MAX,
  FEATURES,
  MITIGATION_ACTIONS,
  MITIGATION_CONDITIONS_MAX,
  MITIGATION_PER_SECOND_MAX,
  MITIGATION_SECONDS_MAX,
  MITIGATIONS_AT_ONCE_MAX,
  type EdgeMitigation,
  type FloodSample,
  type Passage,
  type SiteCounts,
  type WatchBatch,
} from "../contract/flood.ts";
import { ID_PATTERN, type SiteId } from "../contract/ids.ts";
import { CHALLENGE_BITS_MAX } from "../contract/protection.ts";

/** What one drain may hold. More than that of anything is no answer of our nginx. */
export const WATCH_SAMPLES_MAX = 10_000;
export const WATCH_SITES_MAX = 50_000;
const HELD_MAX = 10_000;
const PERSISTENT_MAX = 10_000;
const HEADER_NAMES_CHARS_MAX = 1000;
const REQUEST_ID_CHARS_MAX = 32;
const MITIGATION_ID_PATTERN = /^[A-Za-z0-9-]{1,40}$/;

const PASSAGES: readonly string[] = [
  "passed",
  "challenged",
  "throttled",
  "blocked",
  "banned",
  "limited",
] satisfies Passage[];
const TALLIES = [
  "passed",
  "challenged",
  "throttled",
  "blocked",
  "banned",
  "limited",
  "assets",
  "cleared",
  "challengesPassed",
  "challengesFailed",
] as const satisfies (keyof SiteCounts)[];

type MutableCounts = { -readonly [Key in keyof SiteCounts]: SiteCounts[Key] };

/**
 * nginx's answer to POST /watch. Each worker tells for itself, so counts of one site are added up. Parts that are not as they should be are left out, and
 * count as dropped; an answer that is none at all throws.
 */
export function readWatch(answer: unknown): WatchBatch {
  if (!isRecord(answer) || !isMoment(answer["fromMs"]) || !isMoment(answer["toMs"])) {
    throw new Error("nginx's account of its requests is none");
  }
  const batches = answer["batches"];
  if (!Array.isArray(batches)) throw new Error("nginx's account of its requests has no batches");
  const counts = new Map<string, MutableCounts>();
  const held = new Map<string, number>();
  const samples: FloodSample[] = [];
  const persistent: WatchBatch["persistent"][number][] = [];
  let droppedSamples = 0;
  for (const batch of batches as unknown[]) {
    if (!isRecord(batch)) continue;
    for (const entry of entriesOf(batch["counts"])) addCounts(counts, entry);
    for (const entry of entriesOf(batch["held"])) addHeld(held, entry);
    for (const entry of entriesOf(batch["samples"])) {
      const sample = samples.length < WATCH_SAMPLES_MAX ? readSample(entry) : null;
      if (sample === null) droppedSamples += 1;
      else samples.push(sample);
    }
    for (const entry of entriesOf(batch["persistent"])) {
      const client = readPersistent(entry);
      if (client !== null && persistent.length < PERSISTENT_MAX) persistent.push(client);
    }
    if (isCount(batch["dropped"])) droppedSamples += batch["dropped"];
  }
  return {
    fromMs: answer["fromMs"],
    toMs: answer["toMs"],
    counts: [...counts.values()],
    samples,
    responses: [],
    held: [...held].map(([mitigationId, requests]) => ({ mitigationId, requests })),
    persistent,
    droppedSamples,
  };
}

/** A list without its first item, which nginx puts there so that an empty one is a list as well. */
function entriesOf(list: unknown): unknown[][] {
  if (!Array.isArray(list)) return [];
  return list.slice(1).map((entry: unknown) => (Array.isArray(entry) ? (entry as unknown[]) : []));
}

function addCounts(counts: Map<string, MutableCounts>, entry: readonly unknown[]): void {
  const [siteId, ...tallies] = entry;
  if (!isSiteId(siteId) || tallies.length !== TALLIES.length || !tallies.every(isCount)) return;
  let sum = counts.get(siteId);
  if (sum === undefined) {
    if (counts.size >= WATCH_SITES_MAX) return;
    sum = noCounts(siteId);
    counts.set(siteId, sum);
  }
  for (const [i, name] of TALLIES.entries()) sum[name] += tallies[i] ?? 0;
}

function addHeld(held: Map<string, number>, entry: readonly unknown[]): void {
  const [mitigationId, requests] = entry;
  if (typeof mitigationId !== "string" || !MITIGATION_ID_PATTERN.test(mitigationId) || !isCount(requests))
    return;
  if (!held.has(mitigationId) && held.size >= HELD_MAX) return;
  held.set(mitigationId, (held.get(mitigationId) ?? 0) + requests);
}

function readSample(entry: readonly unknown[]): FloodSample | null {
  const [siteId, atMs, requestId, weight, values, headerNames, isAsset, isCleared, passage] = entry;
  if (!isSiteId(siteId) || !isMoment(atMs) || !isCount(weight) || weight < 1) return null;
  if (!isText(requestId, REQUEST_ID_CHARS_MAX) || !isText(headerNames, HEADER_NAMES_CHARS_MAX)) return null;
  if (!Array.isArray(values) || values.length !== FEATURES.length) return null;
  if (!values.every((value) => isText(value, FEATURE_CHARS_MAX))) return null;
  if (typeof isAsset !== "boolean" || typeof isCleared !== "boolean") return null;
  if (typeof passage !== "string" || !PASSAGES.includes(passage)) return null;
  return {
    siteId,
    atMs,
    requestId,
    weight,
    values,
    headerNames,
    isAsset,
    isCleared,
    passage: passage as Passage,
  };
}

function readPersistent(entry: readonly unknown[]): WatchBatch["persistent"][number] | null {
  const [siteId, address, refusals, isShared] = entry;
  if (!isSiteId(siteId) || !isText(address, 60) || !isCount(refusals) || typeof isShared !== "boolean")
    return null;
  return { siteId, address, refusals, isShared };
}

/** Throws a Fault that says what is wrong with the first mitigation that cannot be kept; then none is. */
export function checkMitigations(mitigations: readonly EdgeMitigation[]): void {
  if (mitigations.length > MITIGATIONS_AT_ONCE_MAX) {
    throw invalid(
      `Cannot take ${mitigations.length} mitigations at once: send at most ${MITIGATIONS_AT_ONCE_MAX}`,
    );
  }
  for (const one of mitigations) {
    const why = whyRefused(one);
    if (why !== "")
      throw invalid(`Cannot keep the mitigation "${String(one.mitigationId).slice(0, 60)}": ${why}`);
  }
}

function whyRefused({
  mitigationId,
  siteId,
  where,
  action,
  difficultyBits,
  perSecond,
  seconds,
}: EdgeMitigation): string {
  if (!MITIGATION_ID_PATTERN.test(mitigationId))
    return "give it an id of at most 40 letters, digits and hyphens";
  if (!isSiteId(siteId)) return `"${String(siteId).slice(0, 60)}" is no site's id`;
  if (!MITIGATION_ACTIONS.includes(action)) return `"${String(action).slice(0, 60)}" is no action`;
  if (!(seconds >= 0 && seconds <= MITIGATION_SECONDS_MAX)) {
    return `let it end within ${MITIGATION_SECONDS_MAX} seconds, or give 0 to lift it`;
  }
  if (!Number.isInteger(difficultyBits) || difficultyBits < 0 || difficultyBits > CHALLENGE_BITS_MAX) {
    return `its difficulty is 0 to ${CHALLENGE_BITS_MAX} bits`;
  }
  if (!(perSecond >= 0 && perSecond <= MITIGATION_PER_SECOND_MAX)) {
    return `it lets 0 to ${MITIGATION_PER_SECOND_MAX} requests a second through`;
  }
  if (where.length > MITIGATION_CONDITIONS_MAX) return `give at most ${MITIGATION_CONDITIONS_MAX} conditions`;
  if (where.length === 0 && action !== "challenge" && seconds > 0) {
    return "without a condition it would speak of every request, which only a challenge may";
  }
  for (const { feature, value } of where) {
    if (!FEATURES.includes(feature)) return `"${String(feature).slice(0, 60)}" is no feature`;
    if (!isText(value, FEATURE_CHARS_MAX) || !/^[\x20-\x7e]*$/.test(value)) {
      return `a value of "${feature}" is printable and of at most ${FEATURE_CHARS_MAX} characters`;
    }
  }
  return "";
}

/** What nginx did not keep. */
export function checkKept(answer: unknown): void {
  const refused = isRecord(answer) ? answer["refused"] : undefined;
  if (!Array.isArray(refused)) throw new Error("nginx did not say which mitigations it keeps");
  if (refused.length === 0) return;
  throw new Fault(
    "limit.full",
    `nginx did not keep ${refused.length} mitigations, as their sites have too many: lift others, or widen them`,
  );
}

function invalid(detail: string): Fault {
  return new Fault("input.invalid", detail);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isMoment(value: unknown): value is number {
  return isCount(value) && value > 0;
}

function isText(value: unknown, charsMax: number): value is string {
  return typeof value === "string" && value.length <= charsMax;
}

function isSiteId(value: unknown): value is SiteId {
  return typeof value === "string" && value.startsWith("site_") && ID_PATTERN.test(value);
}
