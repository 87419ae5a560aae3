/**
 * What watch knows survives a restart: `watch.json`, one line of JSON a site after a first line that says what it is. Order of durability: a new file is
 * written and flushed, then renamed over the old one; a crash before that leaves the old one. A file that is not understood is set aside, never deleted, and
 * watch begins anew. Visitors' addresses are not in it. Bounded in bytes and sites; written in pieces, so that the loop goes on.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { FEATURE_CHARS_MAX } from "../contract/flood.ts";
import type { Parsed } from "../contract/fault.ts";
import { ID_PATTERN, type SiteId } from "../contract/ids.ts";
import { BASELINE_SHARES, HOURS_OF_WEEK, type KeptBaseline } from "./baseline.ts";
import { REFERENCE_SAMPLES_MAX, type KeptReference } from "./reference.ts";
import { FEATURE_COUNT } from "./shape.ts";

export const WATCH_FILE = "watch.json";
export const KEPT_BYTES_MAX = 32 * 1024 * 1024;
export const KEPT_SAMPLES_MAX = 400;
/** Of what is kept; beyond half of the bytes sites come without samples. */
const WITH_SAMPLES_BYTES = KEPT_BYTES_MAX / 2;
const LINE_BYTES_MAX = 4 * 1024 * 1024;
const KEPT_SITES_MAX = 20_000;
const HEAD = '{"kept":"parapet-watch-2"}';
/** Knew no slow mean, and weighed samples otherwise: of it the rates are taken. */
const HEAD_BEFORE = '{"kept":"parapet-watch-1"}';

export type KeptSite = {
  readonly siteId: SiteId;
  readonly baseline: KeptBaseline;
  readonly reference: KeptReference;
};

/** Resolves when the file survives a power cut. `pause` is awaited after each piece. */
export async function saveKept(
  stateDir: string,
  { sites, pause }: { readonly sites: Iterable<KeptSite>; readonly pause: () => Promise<void> },
): Promise<void> {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const path = join(stateDir, WATCH_FILE);
  const fresh = `${path}.new`;
  try {
    const file = await open(fresh, "w", 0o600);
    try {
      await file.write(`${HEAD}\n`);
      let bytes = 0;
      for (const site of sites) {
        const line = `${JSON.stringify(bytes < WITH_SAMPLES_BYTES ? site : { ...site, reference: [] })}\n`;
        bytes += Buffer.byteLength(line);
        if (bytes > KEPT_BYTES_MAX - 1000) break;
        await file.write(line);
        await pause();
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
    const folder = await open(stateDir, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** What was kept; `why` says what was wrong with a file that is now set aside. */
export function loadKept(stateDir: string): {
  readonly sites: readonly KeptSite[];
  readonly why: string | null;
} {
  const path = join(stateDir, WATCH_FILE);
  const text = readBounded(path);
  if (text === null) return { sites: [], why: null };
  const parsed = text.ok ? parseKept(text.value) : text;
  if (parsed.ok) return { sites: parsed.value, why: null };
  try {
    renameSync(path, `${path}.broken`);
  } catch {
    // It stays, and is written over when there is something to keep.
  }
  return { sites: [], why: parsed.why };
}

function readBounded(path: string): Parsed<string> | null {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    const { code } = error as { code?: string };
    return code === "ENOENT" ? null : { ok: false, why: `It cannot be opened (${code ?? "unknown"})` };
  }
  try {
    const found = fstatSync(file);
    if (!found.isFile()) return { ok: false, why: "It is no file" };
    if (found.size > KEPT_BYTES_MAX) return { ok: false, why: "It is larger than it may be" };
    const bytes = Buffer.alloc(found.size);
    let read = 0;
    while (read < bytes.length) {
      const more = readSync(file, bytes, read, bytes.length - read, read);
      if (more === 0) break;
      read += more;
    }
    return { ok: true, value: bytes.toString("utf8", 0, read) };
  } catch (error) {
    return { ok: false, why: `It cannot be read (${(error as { code?: string }).code ?? "unknown"})` };
  } finally {
    closeSync(file);
  }
}

/** Foreign until proved otherwise: everything is looked at, nothing is trusted for being ours. */
export function parseKept(text: string): Parsed<KeptSite[]> {
  const lines = text.split("\n");
  const isBefore = lines[0] === HEAD_BEFORE;
  if (lines[0] !== HEAD && !isBefore) return { ok: false, why: "It does not begin as it should" };
  if (lines.at(-1) !== "") return { ok: false, why: "Its last line is cut off" };
  if (lines.length - 2 > KEPT_SITES_MAX) return { ok: false, why: "It has more sites than it may have" };
  const sites: KeptSite[] = [];
  const seen = new Set<string>();
  for (const line of lines.slice(1, -1)) {
    const site = line.length > LINE_BYTES_MAX ? null : parseSite(line, isBefore);
    if (site === null) return { ok: false, why: `Line ${sites.length + 2} is not what is kept of a site` };
    if (seen.has(site.siteId))
      return { ok: false, why: `Line ${sites.length + 2} is of a site that was there` };
    seen.add(site.siteId);
    sites.push(site);
  }
  return { ok: true, value: sites };
}

function parseSite(line: string, isBefore: boolean): KeptSite | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  const { siteId, reference } = value;
  const before = isBefore && isRecord(value["baseline"]) ? value["baseline"] : null;
  const baseline = before === null ? value["baseline"] : { ...before, slow: before["level"] };
  if (typeof siteId !== "string" || !ID_PATTERN.test(siteId)) return null;
  if (!isBaseline(baseline) || !isReference(reference)) return null;
  return { siteId: siteId as SiteId, baseline, reference: isBefore ? [] : reference };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && value >= least && value <= most;
}

function isBaseline(value: unknown): value is KeptBaseline {
  if (!isRecord(value)) return false;
  const { level, slow, variance, seconds, peak, peakAtMs, lastMs, shares, means, highs } = value;
  const isHours = (hours: unknown): boolean =>
    Array.isArray(hours) && hours.length === HOURS_OF_WEEK && hours.every((hour) => isNumber(hour, -1, 1e8));
  return (
    isNumber(level, 0, 1e8) &&
    isNumber(slow, 0, 1e8) &&
    isNumber(variance, 0, 1e15) &&
    isNumber(seconds, 0, 1e10) &&
    isNumber(peak, 0, 1e8) &&
    isNumber(peakAtMs, 0, 1e14) &&
    isNumber(lastMs, 0, 1e14) &&
    Array.isArray(shares) &&
    shares.length === BASELINE_SHARES &&
    shares.every(
      (share) =>
        Array.isArray(share) &&
        share.length === 2 &&
        isNumber(share[0], 0, 1e8) &&
        isNumber(share[1], 0, 1e10),
    ) &&
    isHours(means) &&
    isHours(highs)
  );
}

function isReference(value: unknown): value is KeptReference {
  return (
    Array.isArray(value) &&
    value.length <= REFERENCE_SAMPLES_MAX &&
    value.every(
      (sample) =>
        isRecord(sample) &&
        Array.isArray(sample["v"]) &&
        sample["v"].length === FEATURE_COUNT &&
        sample["v"].every((text) => typeof text === "string" && text.length <= 4 * FEATURE_CHARS_MAX) &&
        (sample["a"] === 0 || sample["a"] === 1) &&
        isNumber(sample["k"], -1e9, 1e9),
    )
  );
}
