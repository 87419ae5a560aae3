/**
 * Purges of sites' caches. A purge is part of the policy: one transaction writes it, makes the next version and its outbox row, so that it is
 * durable once accepted, reaches every edge like any other change, and is confirmed by each. What the policy carries is bounded: over
 * CACHE_PURGES_MAX purges, or too many bytes of them, everything of the site is purged instead; and a purge that is older than any
 * answer in any cache can be is left out.
 */
import { CACHE_LIFE_SECONDS_MAX, CACHE_PURGES_MAX, type CachePurge } from "../contract/cache.ts";
import { Fault } from "../contract/fault.ts";
import type { PurgeRequest, PurgeView } from "../contract/http-sites.ts";
import type { InForce, Page } from "../contract/http.ts";
import type { SiteId } from "../contract/ids.ts";
import type { Db, Queryable, Tx } from "../store/db.ts";
import * as rows from "../store/purges.ts";
import { nextVersion, siteById } from "../store/sites.ts";
import { parseHostname, wildcardOver } from "./hostname.ts";
import type { ChangedBy } from "./site-settings.ts";

export interface Purges {
  purge(siteId: SiteId, request: PurgeRequest, by: ChangedBy): Promise<PurgeView>;
  /** Newest first, at most PURGES_LISTED_MAX. */
  list(siteId: SiteId): Promise<Page<PurgeView>>;
}

export const PURGE_VALUE_CHARS_MAX = 2048;
const TAG_CHARS_MAX = 128;
export const PURGES_LISTED_MAX = 50;
/** Of a policy's 512 KiB, what purges may take. */
const PURGE_BYTES_MAX = 128 * 1024;

export type PurgeParts = { readonly generation: number; readonly purges: readonly CachePurge[] };

/** What the policy says of purges. */
export async function purgesInForce(q: Queryable, siteId: SiteId, nowMs: number): Promise<PurgeParts> {
  const generation = await rows.cacheGeneration(q, siteId);
  const since = new Date(nowMs - CACHE_LIFE_SECONDS_MAX * 1000);
  const found = await rows.purgesAfter(q, siteId, { after: generation, since });
  const purges = found.flatMap(({ kind, value, number }) =>
    kind === "all" ? [] : [{ kind, value, number }],
  );
  return { generation, purges };
}

export function openPurges(deps: {
  readonly db: Db;
  readonly now: () => number;
  readonly publish: () => Promise<unknown>;
  readonly inForce: (siteId: SiteId, version: number) => Promise<InForce>;
}): Purges {
  const { db } = deps;

  async function viewOf(siteId: SiteId, record: rows.PurgeRecord): Promise<PurgeView> {
    return {
      number: record.number,
      at: record.purged_at.toISOString(),
      by: record.purged_by,
      what: record.kind === "all" ? "everything" : `${record.kind} ${record.value}`,
      inForce: await deps.inForce(siteId, record.version),
    };
  }

  return {
    async purge(siteId, request, by) {
      const at = new Date(deps.now());
      const record = await db.transaction(async (tx) => {
        const site = await siteById(tx, siteId);
        if (site === null) throw new Fault("state.not-found", "There is no such site");
        const value = purgeValue(request, site.hostnames);
        const number = await rows.nextPurgeNumber(tx, siteId);
        const version = await nextVersion(tx, siteId, at);
        const made = {
          siteId,
          number,
          kind: request.kind,
          value,
          by: by.name,
          byUser: by.userId,
          at,
          version,
        };
        await rows.insertPurge(tx, made);
        if (request.kind === "all" || (await tooMany(tx, siteId, deps.now()))) {
          await rows.setCacheGeneration(tx, siteId, number);
        }
        return { number, kind: request.kind, value, purged_by: by.name, purged_at: at, version };
      });
      await deps.publish();
      return viewOf(siteId, record);
    },

    async list(siteId) {
      const found = await rows.newestPurges(db, siteId, PURGES_LISTED_MAX);
      const items = await Promise.all(found.map((record) => viewOf(siteId, record)));
      return { items, total: await rows.countPurges(db, siteId) };
    },
  };
}

async function tooMany(tx: Tx, siteId: SiteId, nowMs: number): Promise<boolean> {
  const { purges } = await purgesInForce(tx, siteId, nowMs);
  return purges.length > CACHE_PURGES_MAX || JSON.stringify(purges).length > PURGE_BYTES_MAX;
}

/** The value as edges compare it, or a refusal that says what to write instead. */
export function purgeValue(request: PurgeRequest, hostnames: readonly string[]): string {
  if (request.kind === "all") return "";
  const value = request.value.trim();
  if (value === "" || value.length > PURGE_VALUE_CHARS_MAX) {
    throw refused(`A purge's value has 1 to ${PURGE_VALUE_CHARS_MAX} characters`);
  }
  if (request.kind === "tag") {
    if (value.length > TAG_CHARS_MAX || !/^[\x21-\x2b\x2d-\x7e]+$/.test(value)) {
      throw refused(
        `A tag is one word of Cache-Tag or Surrogate-Key, at most ${TAG_CHARS_MAX} characters without comma or space`,
      );
    }
    return value;
  }
  const url = readAddress(request.kind, value);
  if (url === null || url.username !== "" || url.password !== "") {
    throw refused(
      request.kind === "url"
        ? 'A URL is written like "https://www.example.org/page?a=1"'
        : 'A prefix is written like "www.example.org/news/"',
    );
  }
  const host = parseHostname(url.hostname);
  if (!host.ok || !isOwn(host.value, hostnames)) {
    throw refused(`"${url.hostname.slice(0, 253)}" is not a hostname of this site`);
  }
  if (request.kind === "prefix") return `${host.value}${url.pathname}`;
  return `${url.protocol}//${host.value}${url.pathname}${url.search}`;
}

function readAddress(kind: "url" | "prefix", value: string): URL | null {
  if (kind === "url" && !/^https?:\/\//i.test(value)) return null;
  if (kind === "prefix" && (value.includes("?") || value.includes("#"))) return null;
  const text = kind === "prefix" && !/^https?:\/\//i.test(value) ? `https://${value}` : value;
  return URL.canParse(text) ? new URL(text) : null;
}

function isOwn(host: string, hostnames: readonly string[]): boolean {
  const wildcard = wildcardOver(host);
  return hostnames.includes(host) || (wildcard !== null && hostnames.includes(wildcard));
}

function refused(why: string): Fault {
  return new Fault("input.invalid", `Cannot purge this. ${why}`, { fields: { value: why } });
}
