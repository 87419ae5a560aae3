/**
 * Who hears of a site's floods, and the outbox of its webhook. Bound: of each site DELIVERIES_PER_SITE_MAX deliveries are kept; the oldest go
 * first, also those that wait.
 */
import type { DeliveryState, WebhookEvent } from "../contract/http-protection.ts";
import type { SiteId, UserId } from "../contract/ids.ts";
import type { Queryable, Tx } from "./db.ts";

export const DELIVERIES_PER_SITE_MAX = 100;
const LISTENERS_MAX = 50;

export type NoticeRow = {
  readonly surges: boolean;
  readonly url: string | null;
  readonly secret: string | null;
  readonly pairBeganAt: Date | null;
};
export type ListenerRow = {
  readonly userId: UserId;
  readonly name: string;
  readonly email: string;
  readonly wants: boolean;
};
export type DeliveryRow = {
  readonly deliveryId: string;
  readonly siteId: SiteId;
  readonly event: WebhookEvent;
  readonly body: string;
  readonly state: DeliveryState;
  readonly madeAt: Date;
  readonly tries: number;
  readonly lastTryAt: Date | null;
  readonly nextTryAt: Date | null;
  readonly status: number | null;
  readonly why: string | null;
};

const DELIVERY = `delivery_id as "deliveryId", site_id as "siteId", event, body, state, made_at as "madeAt", tries,
  last_try_at as "lastTryAt", next_try_at as "nextTryAt", status, why`;
const date = (value: Date | null): Date | null => (value === null ? null : new Date(value));
const read = (row: DeliveryRow): DeliveryRow => ({
  ...row,
  madeAt: new Date(row.madeAt),
  lastTryAt: date(row.lastTryAt),
  nextTryAt: date(row.nextTryAt),
});

export async function noticeOf(q: Queryable, siteId: SiteId): Promise<NoticeRow> {
  const [row] = await q.query<NoticeRow>(
    `select surges, webhook_url as url, webhook_secret as secret, pair_began_at as "pairBeganAt"
       from flood_notice where site_id = $1`,
    [siteId],
  );
  if (row === undefined) return { surges: false, url: null, secret: null, pairBeganAt: null };
  return { ...row, pairBeganAt: date(row.pairBeganAt) };
}

export async function putNotice(
  tx: Tx,
  siteId: SiteId,
  given: Pick<NoticeRow, "surges" | "url" | "secret">,
): Promise<void> {
  await tx.query(
    `insert into flood_notice (site_id, surges, webhook_url, webhook_secret) values ($1, $2, $3, $4)
     on conflict (site_id) do update
        set surges = excluded.surges, webhook_url = excluded.webhook_url, webhook_secret = excluded.webhook_secret`,
    [siteId, given.surges, given.url, given.secret],
  );
}

export async function setPairBegan(tx: Tx, siteId: SiteId, at: Date): Promise<void> {
  await tx.query(
    `insert into flood_notice (site_id, pair_began_at) values ($1, $2)
     on conflict (site_id) do update set pair_began_at = excluded.pair_began_at`,
    [siteId, at],
  );
}

/** The members of a site, and whether they want mail: owners do unless they said otherwise. */
export async function listenersOf(q: Queryable, siteId: SiteId): Promise<ListenerRow[]> {
  return await q.query<ListenerRow>(
    `select site_member.user_id as "userId",
            case when site_member.seen_at is null then "user"."email" else "user"."name" end as name,
            "user"."email" as email, coalesce(flood_mail.wants, site_member.role = 'owner') as wants
       from site_member join "user" on "user"."id" = site_member.user_id
            left join flood_mail on flood_mail.site_id = site_member.site_id and flood_mail.user_id = site_member.user_id
      where site_member.site_id = $1 order by site_member.since, "user"."email" limit $2`,
    [siteId, LISTENERS_MAX],
  );
}

export async function setListeners(tx: Tx, siteId: SiteId, wanting: readonly UserId[]): Promise<void> {
  await tx.query(`delete from flood_mail where site_id = $1`, [siteId]);
  await tx.query(
    `insert into flood_mail (site_id, user_id, wants)
     select site_id, user_id, coalesce($2::jsonb ? user_id, false) from site_member where site_id = $1`,
    [siteId, JSON.stringify(wanting)],
  );
}

export async function insertDelivery(
  tx: Tx,
  made: Pick<DeliveryRow, "deliveryId" | "siteId" | "event" | "body" | "madeAt" | "nextTryAt">,
): Promise<void> {
  await tx.query(
    `insert into webhook_delivery (delivery_id, site_id, event, body, made_at, next_try_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [made.deliveryId, made.siteId, made.event, made.body, made.madeAt, made.nextTryAt],
  );
  await tx.query(
    `delete from webhook_delivery where site_id = $1 and delivery_id in (
       select delivery_id from webhook_delivery where site_id = $1
        order by made_at desc, delivery_id desc offset $2)`,
    [made.siteId, DELIVERIES_PER_SITE_MAX],
  );
}

/** The one of each site that has waited longest. */
export async function deliveriesDue(q: Queryable, now: Date, limit: number): Promise<DeliveryRow[]> {
  const rows = await q.query<DeliveryRow>(
    `select ${DELIVERY} from webhook_delivery
      where delivery_id in (select distinct on (site_id) delivery_id from webhook_delivery
                             where state = 'waiting' and next_try_at <= $1 order by site_id, next_try_at, delivery_id)
      order by next_try_at limit $2`,
    [now, limit],
  );
  return rows.map(read);
}

export async function deliveryOf(q: Queryable, deliveryId: string): Promise<DeliveryRow | null> {
  const [row] = await q.query<DeliveryRow>(
    `select ${DELIVERY} from webhook_delivery where delivery_id = $1`,
    [deliveryId],
  );
  return row ? read(row) : null;
}

/** Newest first. */
export async function deliveriesOf(q: Queryable, siteId: SiteId, limit: number): Promise<DeliveryRow[]> {
  const rows = await q.query<DeliveryRow>(
    `select ${DELIVERY} from webhook_delivery where site_id = $1 order by made_at desc, delivery_id desc limit $2`,
    [siteId, limit],
  );
  return rows.map(read);
}

/** What became of one try. `nextTryAt` null: it is settled. */
export async function markTried(
  q: Queryable,
  tried: {
    readonly deliveryId: string;
    readonly at: Date;
    readonly state: DeliveryState;
    readonly nextTryAt: Date | null;
    readonly status: number | null;
    readonly why: string | null;
  },
): Promise<void> {
  await q.query(
    `update webhook_delivery
        set tries = tries + 1, last_try_at = $2, state = $3, next_try_at = $4, status = $5, why = $6
      where delivery_id = $1 and state = 'waiting'`,
    [tried.deliveryId, tried.at, tried.state, tried.nextTryAt, tried.status, tried.why],
  );
}

/** When nobody listens at the old address any more, what waits for it is over. */
export async function failWaiting(tx: Tx, siteId: SiteId, why: string): Promise<void> {
  await tx.query(
    `update webhook_delivery set state = 'failed', next_try_at = null, why = $2
      where site_id = $1 and state = 'waiting'`,
    [siteId, why],
  );
}

export async function deleteNoticesOfSite(tx: Tx, siteId: SiteId): Promise<void> {
  await tx.query(`delete from webhook_delivery where site_id = $1`, [siteId]);
  await tx.query(`delete from flood_mail where site_id = $1`, [siteId]);
  await tx.query(`delete from flood_notice where site_id = $1`, [siteId]);
}
