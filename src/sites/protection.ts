/**
 * What protects a site, in one place for those above: bans, incidents, notices, the under-attack switch, and what of all that is in force now. The switch is a change of the
 * site's settings like any other: it stands in the history with who, when and why, and reaches every edge by the same road.
 */
import { Fault } from "../contract/fault.ts";
import type { ProtectionExport, ProtectionView, UnderAttackRequest } from "../contract/http-protection.ts";
import type { SettingsView } from "../contract/http-sites.ts";
import type { SiteId } from "../contract/ids.ts";
import type { RuleCounts } from "../contract/protection.ts";
import type { Tx } from "../store/db.ts";
import type { Bans, BansInside } from "./bans.ts";
import { rowOf, type Incidents, type IncidentsInside } from "./incidents.ts";
import type { Notifications, NotificationsInside } from "./notifications.ts";
import type { ChangedBy, SettingsBook } from "./site-settings.ts";

export interface Protection {
  readonly bans: Bans;
  readonly incidents: Incidents;
  readonly notifications: Notifications;
  view(siteId: SiteId): Promise<ProtectionView>;
  setUnderAttack(siteId: SiteId, request: UnderAttackRequest, by: ChangedBy): Promise<ProtectionView>;
  exportOf(siteId: SiteId): Promise<ProtectionExport>;
  /** Carries on what is under way. Answers how much moved. */
  advance(): Promise<number>;
}

export type ProtectionInside = Protection & {
  /** Puts every ban on the bus again, as an in-process bus remembers nothing. */
  start(): Promise<void>;
  /** Nothing of a site that leaves is kept, and its bans are lifted. */
  removeIn(tx: Tx, siteId: SiteId): Promise<void>;
  close(): Promise<void>;
};

/** What nodes count of a site's rules; null when none says. */
export type AskRuleCounts = (siteId: SiteId) => Promise<readonly RuleCounts[] | null>;

/** Others may change settings at the same moment: the switch is worth a few tries more. */
const SWITCH_TRIES_MAX = 3;

export function openProtection(parts: {
  readonly bans: BansInside;
  readonly incidents: IncidentsInside;
  readonly notifications: NotificationsInside;
  readonly settings: SettingsBook;
  readonly ruleCounts: AskRuleCounts;
  readonly now: () => number;
}): ProtectionInside {
  const { bans, incidents, notifications, settings, now } = parts;

  async function view(siteId: SiteId): Promise<ProtectionView> {
    const [{ revision, settings: set }, active, banned, counts] = await Promise.all([
      settings.read(siteId),
      incidents.active(siteId),
      bans.inForceOn(siteId),
      // An edge that does not answer must not hide the rest.
      parts.ruleCounts(siteId).catch(() => null),
    ]);
    const { underAttack } = set.protection;
    return {
      revision,
      protection: set.protection,
      isUnderAttackNow:
        underAttack.on && (underAttack.endsAt === null || Date.parse(underAttack.endsAt) > now()),
      incidents: active.map(rowOf),
      mitigations: active.flatMap(({ signatures }) => signatures.filter(({ liftedAt }) => liftedAt === null)),
      bans: banned,
      rules: counts === null ? null : summed(counts),
    };
  }

  async function setUnderAttack(
    siteId: SiteId,
    request: UnderAttackRequest,
    by: ChangedBy,
  ): Promise<ProtectionView> {
    const { on, paths } = request;
    const endsAt = on ? request.endsAt : null;
    if (endsAt !== null && Date.parse(endsAt) <= now()) {
      throw new Fault(
        "input.invalid",
        "Cannot switch this on until a moment that has passed: give a later one",
        {
          fields: { endsAt: "This moment has passed" },
        },
      );
    }
    for (let tries = 1; ; tries++) {
      const current: SettingsView = await settings.read(siteId);
      const protection = { ...current.settings.protection, underAttack: { on, paths, endsAt } };
      try {
        await settings.change(siteId, {
          revision: current.revision,
          settings: { ...current.settings, protection },
          note: request.note,
          by,
        });
        return await view(siteId);
      } catch (error) {
        const isMeanwhile = error instanceof Fault && error.code === "state.conflict";
        if (!isMeanwhile || tries >= SWITCH_TRIES_MAX) throw error;
      }
    }
  }

  return {
    bans,
    incidents,
    notifications,
    view,
    setUnderAttack,

    async exportOf(siteId) {
      return {
        bans: await bans.allOf(siteId),
        incidents: await incidents.allOf(siteId),
        notifications: await notifications.exportOf(siteId),
      };
    },

    async advance() {
      const moved = (await bans.publish("changed")) + (await bans.writeHeard());
      const changed = await incidents.advance();
      const told = await notifications.advance();
      await bans.sweep();
      return moved + changed + told;
    },

    async start() {
      await bans.publish("all");
      await bans.publish("changed");
    },

    async removeIn(tx, siteId) {
      await bans.removeIn(tx, siteId);
      await incidents.removeIn(tx, siteId);
      await notifications.removeIn(tx, siteId);
    },

    async close() {
      bans.close();
      incidents.close();
      await notifications.close();
    },
  };
}

/** Over all nodes, a rule a line. */
function summed(counts: readonly RuleCounts[]): NonNullable<ProtectionView["rules"]> {
  const rules = new Map<string, { rule: string; matched: number; met: number; stopped: number }>();
  for (const { rule, matched, met, stopped } of counts) {
    const known = rules.get(rule) ?? { rule, matched: 0, met: 0, stopped: 0 };
    rules.set(rule, {
      rule,
      matched: known.matched + matched,
      met: known.met + met,
      stopped: known.stopped + stopped,
    });
  }
  return [...rules.values()];
}
