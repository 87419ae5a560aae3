/**
 * What is known of sites' origins: what each node reports (kept in memory, as nodes repeat it) and whether they answer the public
 * directly (checked daily and on demand, kept in the database). Checks run one after another in the background: they hold nobody up.
 */
import { Fault } from "../contract/fault.ts";
import type { OriginsView } from "../contract/http-sites.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import type { OriginReport } from "../contract/origin-health.ts";
import type { Settings } from "../contract/settings.ts";
import { HEALTH_TOPICS } from "../contract/topics.ts";
import type { Bus } from "../bus/bus.ts";
import type { Db } from "../store/db.ts";
import { exposureOf, exposuresDue, saveExposure } from "../store/origin-exposure.ts";
import { siteById } from "../store/sites.ts";
import { checkExposure } from "./exposure.ts";
import { resolveOrigin } from "./origin.ts";

export type OriginWatch = {
  view(siteId: SiteId): Promise<OriginsView>;
  /** Asks the origin directly now. */
  checkExposure(siteId: SiteId): Promise<OriginsView>;
  /** For the settings page. */
  warnings(siteId: SiteId): Promise<readonly string[]>;
  /** Starts checks that are due, unless some run already. Returns at once. */
  checkDue(): void;
  close(): Promise<void>;
};

const DAY_MS = 24 * 3600_000;
/** How often the database is asked which sites are due. */
const LOOK_MS = 60_000;
const AT_A_TIME = 20;
const REPORTS_MAX = 200_000;
const RUNNING_MAX = 20;

export function openOriginWatch(deps: {
  readonly db: Db;
  readonly bus: Bus;
  readonly settings: Settings;
  readonly now: () => number;
  readonly isAlive: (nodeId: NodeId) => boolean;
  readonly check?: typeof checkExposure;
}): OriginWatch {
  const { db, bus, settings, now, check = checkExposure } = deps;
  const reports = new Map<SiteId, Map<NodeId, OriginReport>>();
  let count = 0;
  const running = new Set<SiteId>();
  let background: Promise<void> | null = null;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let closed = false;

  const off = bus.subscribe(HEALTH_TOPICS, ({ value }) => {
    const report = value as OriginReport;
    const ofSite = reports.get(report.siteId) ?? new Map<NodeId, OriginReport>();
    const known = ofSite.has(report.nodeId);
    if (report.servers.length === 0) {
      if (ofSite.delete(report.nodeId)) count -= 1;
      if (ofSite.size === 0) reports.delete(report.siteId);
      return;
    }
    if (!known && count >= REPORTS_MAX) return;
    if (!known) count += 1;
    ofSite.set(report.nodeId, report);
    reports.set(report.siteId, ofSite);
  });

  async function mustFind(siteId: SiteId) {
    const site = await siteById(db, siteId);
    if (site === null)
      throw new Fault("state.not-found", `Cannot find the site "${siteId.slice(0, 40)}": check the address`);
    return { site, origin: site.origin };
  }

  async function view(siteId: SiteId): Promise<OriginsView> {
    const { origin } = await mustFind(siteId);
    const known = [...(reports.get(siteId)?.values() ?? [])].filter(({ nodeId }) => deps.isAlive(nodeId));
    const exposure = await exposureOf(db, siteId);
    return {
      servers: origin.servers.map(({ host, port }) => {
        const seen = known.flatMap(({ nodeId, atMs, servers }) => {
          const found = servers.find((server) => server.host === host && server.port === port);
          return found === undefined ? [] : [{ nodeId, atMs, addresses: found.addresses }];
        });
        return {
          host,
          port,
          addresses: [...new Set(seen.flatMap(({ addresses }) => addresses.map(({ address }) => address)))],
          nodes: seen.map(({ nodeId, atMs, addresses }) => ({ nodeId, ...stateOf(addresses, atMs) })),
        };
      }),
      exposed:
        exposure === null
          ? null
          : { at: exposure.checked_at.toISOString(), exposed: exposure.exposed, what: exposure.what },
    };
  }

  async function checkNow(siteId: SiteId): Promise<void> {
    const { site, origin } = await mustFind(siteId);
    const hostname = site.hostnames[0];
    if (hostname === undefined)
      throw new Fault("state.conflict", "Cannot check an origin that serves no hostname: add one first");
    const found = await check({
      origin,
      hostname,
      resolve: (host) => resolveOrigin({ scheme: origin.scheme, host, port: 0 }),
      edgeAddress: settings.edgeListen.replace(/^(0\.0\.0\.0|\[::\])/, "127.0.0.1"),
    });
    await saveExposure(db, { siteId, at: new Date(now()), ...found });
  }

  async function checkAllDue(): Promise<void> {
    for (const siteId of await exposuresDue(db, new Date(now() - DAY_MS), AT_A_TIME)) {
      if (closed) return;
      await checkNow(siteId).catch(async (error: unknown) => {
        // Whatever went wrong with one site, it is the others' turn.
        const what =
          error instanceof Fault ? error.detail : `This check failed: ${String(error).slice(0, 200)}`;
        await saveExposure(db, { siteId, at: new Date(now()), exposed: false, what });
      });
    }
  }

  return {
    view,
    async checkExposure(siteId) {
      if (running.has(siteId) || running.size >= RUNNING_MAX)
        throw new Fault("limit.full", "Too many checks of origins run already: try again in a minute");
      running.add(siteId);
      try {
        await checkNow(siteId);
      } finally {
        running.delete(siteId);
      }
      return view(siteId);
    },
    async warnings(siteId) {
      const exposure = await exposureOf(db, siteId);
      return exposure?.exposed === true ? [exposure.what] : [];
    },
    checkDue() {
      if (closed || background !== null || now() - lookedAt < LOOK_MS) return;
      lookedAt = now();
      background = checkAllDue()
        .catch(() => undefined) // The database is away: the next look tries again, and the engine has said so already.
        .finally(() => {
          background = null;
        });
    },
    async close() {
      closed = true;
      off();
      await background;
    },
  };
}

/** One word for a server of several addresses: up while one of them is. */
function stateOf(
  addresses: OriginReport["servers"][number]["addresses"],
  atMs: number,
): OriginsView["servers"][number]["nodes"][number] extends infer Row ? Omit<Row, "nodeId"> : never {
  const since = (ms: number): string => new Date(ms === 0 ? atMs : ms).toISOString();
  if (addresses.length === 0)
    return { state: "down", since: since(0), why: "The name leads to no address that may be used" };
  const up = addresses.find(({ state }) => state === "up");
  const down = addresses.find(({ state }) => state === "down");
  if (up !== undefined) return { state: "up", since: since(up.sinceMs), why: down?.why ?? null };
  const unchecked = addresses.find(({ state }) => state === "unchecked");
  if (unchecked !== undefined || down === undefined)
    return { state: "unchecked", since: since(0), why: down?.why ?? null };
  return { state: "down", since: since(down.sinceMs), why: down.why };
}
