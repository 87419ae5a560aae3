/**
 * Bans: made and lifted by people, told by nodes, carried to every edge. A ban is one transaction with its outbox flag; `publish` puts it on the bus until
 * that is marked done, so a crash between the two publishes it once more, which edges take as known. A lifted ban stays on the bus until its end, so that
 * a node that was away hears of the lift; then it is forgotten there. A node's own bans are kept for people to see, and lifted by the same road. Bounds:
 * those of `ban-quotas.ts` for people, NODE_BANS_MAX of one node.
 */
import { BAN_SECONDS_MAX, type BanKind, type BanRecord } from "../contract/ban.ts";
import { Fault } from "../contract/fault.ts";
import {
  BAN_LENGTHS_EVERYWHERE_MAX,
  BAN_REASON_CHARS_MAX,
  BAN_SECONDS_MIN,
  type BanMade,
  type BanView,
  type CursorPage,
  type NewBan,
} from "../contract/http-protection.ts";
import { newId, type NodeId, type SiteId } from "../contract/ids.ts";
import type { Settings } from "../contract/settings.ts";
import { banTopic, NODE_BAN_TOPICS, nodeBanTopic } from "../contract/topics.ts";
import type { Bus } from "../bus/bus.ts";
import * as rows from "../store/bans.ts";
import type { Db, Queryable, Tx } from "../store/db.ts";
import { currentRevision } from "../store/site-settings.ts";
import { siteById } from "../store/sites.ts";
import { minutePace, mustHaveRoom, type BanScope } from "./ban-quotas.ts";
import { rangesMeet, readBanValue, readSearchedRange, type BanValue } from "./ban-value.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import { readNodeBan, type NodeBan } from "./node-ban.ts";
import type { ChangedBy } from "./site-settings.ts";

export interface Bans {
  /** Newest first. `siteId` left out: of every site and of all sites together. */
  list(search: {
    readonly siteId?: SiteId;
    readonly q?: string | undefined;
    readonly state?: "in-force" | "ended" | undefined;
    readonly cursor?: string | undefined;
  }): Promise<CursorPage<BanView>>;
  /** `client`: a CIDR range that the person themselves comes from. */
  make(input: {
    readonly siteId: SiteId | null;
    readonly ban: NewBan;
    readonly by: ChangedBy;
    readonly client: string | null;
  }): Promise<BanMade>;
  /** `siteId`: only if it is a ban on this very site. */
  lift(input: { readonly banId: string; readonly siteId?: SiteId; readonly by: ChangedBy }): Promise<BanView>;
}

export type BansInside = Bans & {
  inForceOn(siteId: SiteId): Promise<number>;
  /** All of a site that are kept, newest first. */
  allOf(siteId: SiteId): Promise<readonly BanView[]>;
  /** Puts on the bus what it has not. Answers how many. */
  publish(which: "changed" | "all"): Promise<number>;
  /** Writes down what nodes told since. Answers how many. */
  writeHeard(): Promise<number>;
  /** Lets go of what is over; runs at most once a minute. */
  sweep(): Promise<void>;
  removeIn(tx: Tx, siteId: SiteId): Promise<void>;
  close(): void;
};

const NODE_BANS_MAX = 50_000;
/** More than can be over at once. */
const FORGOTTEN_AT_ONCE_MAX = 100_000;
const LISTED_MAX = 50;
const EXPORTED_MAX = 5000;
const PUBLISH_BATCH = 500;
const WRITE_BATCH = 200;
const SWEEP_MS = 60_000;
const KEPT_MS = 30 * 24 * 3600_000;
const WORDS_CHARS_MAX = 100;

export function openBans(deps: {
  readonly db: Db;
  readonly bus: Bus;
  readonly settings: Pick<Settings, "countryDatabase" | "asnDatabase">;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly onAlarm: (code: string, what: string) => void;
}): BansInside {
  const { db, bus, now } = deps;
  const pace = minutePace(now);
  let sweptAtMs = 0;
  /** A flood's bans come by the thousand: they are written down together. What is lost in a crash is told again by its node. */
  const heard = new Map<string, NodeBan>();
  const off = bus.subscribe(NODE_BAN_TOPICS, ({ value }) => {
    const told = readNodeBan(value);
    if (!told.ok) return deps.onAlarm("ban.not-understood", `A node's ban was left out, as ${told.why}`);
    if (heard.size < NODE_BANS_MAX || heard.has(told.value.banId)) heard.set(told.value.banId, told.value);
  });

  async function writeHeard(): Promise<number> {
    const batch = [...heard.values()].slice(0, WRITE_BATCH);
    if (batch.length === 0) return 0;
    const at = new Date(now());
    await db.transaction(async (tx) => {
      const room = new Map<NodeId, number>();
      for (const ban of batch) {
        const { nodeId } = ban;
        const known = await rows.banById(tx, ban.banId);
        if (known === null && (ban.liftedAt !== null || ban.endsAt <= at)) continue;
        const left =
          room.get(nodeId) ?? NODE_BANS_MAX - (await rows.countBansOfNode(tx, { nodeId, now: at }));
        room.set(nodeId, known === null ? left - 1 : left);
        if (known !== null || left > 0) await rows.putNodeBan(tx, ban);
      }
    });
    for (const ban of batch) if (heard.get(ban.banId) === ban) heard.delete(ban.banId);
    return batch.length;
  }

  async function make(input: Parameters<Bans["make"]>[0]): Promise<BanMade> {
    const { siteId, ban, by, client } = input;
    const value = mustRead(ban, siteId);
    const reason = mustHaveReason(ban.reason);
    mustLast(ban.seconds);
    mustHaveDatabase(value.kind, deps.settings);
    if (!ban.force && client !== null && value.range !== null && rangesMeet(value.range, client)) {
      throw new Fault(
        "state.conflict",
        "This ban would keep yourself out: confirm that you mean it, or ban something else",
        { fields: { force: "Your own address lies in it" } },
      );
    }
    pace(await scopeOf(db, siteId));
    const at = new Date(now());
    const banId = newId("bann", deps.random) as string;
    const warnings = await db.transaction(async (tx) => {
      await mustFit(tx, { scope: await scopeOf(tx, siteId), value, at });
      await rows.insertBan(tx, {
        banId,
        siteId,
        kind: value.kind,
        value: value.value,
        range: value.range,
        reason,
        by: by.name,
        byUser: by.userId,
        nodeId: null,
        createdAt: at,
        endsAt: new Date(at.getTime() + ban.seconds * 1000),
      });
      return warningsOf(tx, siteId, value);
    });
    await publish("changed");
    return { ban: await mustView(db, banId), warnings };
  }

  async function scopeOf(q: Queryable, siteId: SiteId | null): Promise<BanScope> {
    if (siteId === null) return null;
    const site = await siteById(q, siteId);
    if (site === null || site.state === "removed")
      throw new Fault("state.not-found", "There is no such site");
    return { siteId, accountId: site.account_id };
  }

  async function mustFit(
    tx: Tx,
    of: { readonly scope: BanScope; readonly value: BanValue; readonly at: Date },
  ): Promise<void> {
    const { scope, value, at } = of;
    const siteId = scope?.siteId ?? null;
    await mustHaveRoom(tx, { scope, at });
    const same = await rows.sameBan(tx, { siteId, kind: value.kind, value: value.value, now: at });
    if (same !== null) {
      throw new Fault("state.conflict", `${value.value} is banned already (${same}): lift that ban first`);
    }
    if (siteId !== null || value.length === null) return;
    const lengths = await rows.lengthsEverywhere(tx, at);
    if (lengths.has(value.length) || lengths.size < BAN_LENGTHS_EVERYWHERE_MAX) return;
    throw new Fault(
      "limit.full",
      `Ranges of ${BAN_LENGTHS_EVERYWHERE_MAX} different lengths are banned on every site already: use one of ${[...lengths].map((length) => length.slice(1)).join(", ")}`,
    );
  }

  async function warningsOf(tx: Tx, siteId: SiteId | null, value: BanValue): Promise<string[]> {
    if (siteId === null || value.range === null) return [];
    const allowed = (await currentRevision(tx, siteId))?.settings.protection.allowNetworks ?? [];
    const range = value.range;
    const meets = allowed.filter((network) => rangesMeet(asRange(network), range));
    return meets
      .slice(0, 5)
      .map(
        (network) =>
          `The allow-list of this site has ${network}: it wins, and who comes from there is let in all the same. Take it off the list to keep them out.`,
      );
  }

  async function publish(which: "changed" | "all"): Promise<number> {
    let published = 0;
    let after = "";
    for (;;) {
      const batch =
        which === "changed"
          ? await rows.unpublishedBans(db, PUBLISH_BATCH)
          : await rows.unendedBans(db, { now: new Date(now()), after, limit: PUBLISH_BATCH });
      for (const row of batch) {
        await bus.publish(banTopic(row.banId), recordOf(row), { keep: true });
        await rows.markBanPublished(db, row.banId, row.liftedAt);
      }
      published += batch.length;
      after = batch.at(-1)?.banId ?? "";
      if (batch.length < PUBLISH_BATCH) return published;
    }
  }

  async function mustView(q: Queryable, banId: string): Promise<BanView> {
    const row = await rows.banById(q, banId);
    if (row === null) throw noSuchBan();
    return viewOf(row, now());
  }

  return {
    make,
    publish,
    writeHeard,

    async list(search) {
      const words = (search.q ?? "").trim().slice(0, WORDS_CHARS_MAX);
      const before = readCursor(search.cursor);
      const found = {
        ...(search.siteId === undefined ? {} : { siteId: search.siteId }),
        now: new Date(now()),
        state: search.state ?? null,
        words: words === "" ? null : words.replace(/^AS(?=\d+$)/i, ""),
        range: readSearchedRange(words),
        before: before === null ? null : { at: before.at, banId: before.id },
        limit: LISTED_MAX + 1,
      };
      const items = await rows.findBans(db, found);
      const page = items.slice(0, LISTED_MAX);
      const last = page.at(-1);
      return {
        items: page.map((row) => viewOf(row, now())),
        total: await rows.countFound(db, found),
        next: items.length > LISTED_MAX && last ? writeCursor(last.createdAt, last.banId) : null,
      };
    },

    async lift({ banId, siteId, by }) {
      await db.transaction(async (tx) => {
        const row = await rows.banById(tx, banId);
        if (row === null || (siteId !== undefined && row.siteId !== siteId)) throw noSuchBan();
        if (!(await rows.liftBan(tx, { banId, at: new Date(now()), by: by.name }))) {
          throw new Fault("state.conflict", "This ban is over already: reload the page");
        }
      });
      await publish("changed");
      return mustView(db, banId);
    },

    inForceOn: (siteId) => rows.countInForce(db, siteId, new Date(now())),

    async allOf(siteId) {
      const found = await rows.findBans(db, {
        siteId,
        now: new Date(now()),
        state: null,
        words: null,
        range: null,
        before: null,
        limit: EXPORTED_MAX,
      });
      return found.map((row) => viewOf(row, now()));
    },

    async sweep() {
      const at = now();
      if (at - sweptAtMs < SWEEP_MS) return;
      const since = new Date(sweptAtMs === 0 ? at - KEPT_MS : sweptAtMs - SWEEP_MS);
      sweptAtMs = at;
      const over = await rows.forgettableBans(db, {
        since,
        now: new Date(at),
        limit: FORGOTTEN_AT_ONCE_MAX,
      });
      for (const { banId, nodeId } of over) {
        await bus.forget(banTopic(banId));
        if (nodeId !== null) await bus.forget(nodeBanTopic(nodeId, banId));
      }
      await rows.deleteOldBans(db, new Date(at - KEPT_MS));
    },

    removeIn: (tx, siteId) =>
      rows.liftBansOfSite(tx, { siteId, at: new Date(now()), by: "the site's leaving" }),
    close: off,
  };
}

/** Two windows of a minute: bounds what a script, or whoever stole a session, writes to every edge. */
const noSuchBan = (): Fault => new Fault("state.not-found", "There is no such ban: reload the page");

/** An allow-list may name single addresses. */
function asRange(network: string): string {
  if (network.includes("/")) return network;
  return network.includes(":") ? `${network}/128` : `${network}/32`;
}

function mustRead(ban: NewBan, siteId: SiteId | null): BanValue {
  const parsed = readBanValue(ban.kind, ban.value, { ofSite: siteId !== null });
  if (parsed.ok) return parsed.value;
  throw new Fault("input.invalid", `Cannot ban this. ${parsed.why}`, { fields: { value: parsed.why } });
}

function mustHaveReason(text: string): string {
  const reason = text.trim();
  if (reason !== "" && reason.length <= BAN_REASON_CHARS_MAX && !reason.includes("\0")) return reason;
  const why = `Write the reason in 1 to ${BAN_REASON_CHARS_MAX} characters: those who come after need it`;
  throw new Fault("input.invalid", `Cannot ban without a reason. ${why}`, { fields: { reason: why } });
}

function mustLast(seconds: number): void {
  if (Number.isInteger(seconds) && seconds >= BAN_SECONDS_MIN && seconds <= BAN_SECONDS_MAX) return;
  const why = `Give ${BAN_SECONDS_MIN} to ${BAN_SECONDS_MAX} seconds (a week)`;
  throw new Fault("input.invalid", `Cannot ban for this long. ${why}`, { fields: { seconds: why } });
}

function mustHaveDatabase(kind: BanKind, settings: Pick<Settings, "countryDatabase" | "asnDatabase">): void {
  const setting =
    kind === "country" && settings.countryDatabase === ""
      ? "countryDatabase"
      : kind === "asn" && settings.asnDatabase === ""
        ? "asnDatabase"
        : null;
  if (setting === null) return;
  const why = `This edge has no database for it: ask the operator to set ${setting}, or ban networks instead`;
  throw new Fault("input.invalid", `Cannot ban by ${kind === "asn" ? "autonomous system" : kind}. ${why}`, {
    fields: { kind: why },
  });
}

function recordOf(row: rows.BanRow): BanRecord {
  return {
    schema: 1,
    banId: row.banId,
    siteId: row.siteId,
    kind: row.kind,
    value: row.value,
    reason: row.reason,
    by: row.by,
    nodeId: row.nodeId,
    createdAtMs: row.createdAt.getTime(),
    endsAtMs: row.endsAt.getTime(),
    liftedAtMs: row.liftedAt?.getTime() ?? null,
  };
}

function viewOf(row: rows.BanRow, nowMs: number): BanView {
  return {
    banId: row.banId,
    siteId: row.siteId,
    siteName: row.siteName,
    kind: row.kind,
    value: row.value,
    reason: row.reason,
    by: row.by,
    createdAt: row.createdAt.toISOString(),
    endsAt: row.endsAt.toISOString(),
    liftedAt: row.liftedAt?.toISOString() ?? null,
    liftedBy: row.liftedBy,
    nodeId: row.nodeId,
    state: row.liftedAt !== null ? "lifted" : row.endsAt.getTime() <= nowMs ? "expired" : "in-force",
  };
}
