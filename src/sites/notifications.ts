/**
 * Who hears of a site's floods, by mail and by webhook. What is to be told is decided, marked as told and put into both outboxes in one transaction: a crash
 * tells nothing twice and loses nothing. A webhook's message is tried again, ever more rarely, for a day; a crash between its sending and the mark sends it once
 * more with the same `webhook-id`, by which receivers know it. Sending runs beside everything else: a slow receiver holds nobody up, and each site has one
 * message under way at a time.
 */
import { Fault } from "../contract/fault.ts";
import type {
  DeliveryView,
  NotificationsRequest,
  NotificationsView,
  ProtectionExport,
  WebhookEvent,
} from "../contract/http-protection.ts";
import { newId, type SiteId } from "../contract/ids.ts";
import type { Settings } from "../contract/settings.ts";
import type { Db, Tx } from "../store/db.ts";
import * as rows from "../store/flood-notices.ts";
import * as incidents from "../store/incidents.ts";
import type { OwnerMail } from "./hostnames.ts";
import { noticeMail } from "./incident-mail.ts";
import { nextNotices, type Notice } from "./incident-notices.ts";
import type { NameLook } from "./name-look.ts";
import { newWebhookSecret, readWebhookUrl, sendWebhook } from "./webhook.ts";

export interface Notifications {
  read(siteId: SiteId): Promise<NotificationsView>;
  change(
    siteId: SiteId,
    request: NotificationsRequest,
  ): Promise<NotificationsView & { readonly secret: string | null }>;
  /** Sends a message now, once, and answers with what became of it. */
  test(siteId: SiteId): Promise<DeliveryView>;
}

export type NotificationsInside = Notifications & {
  /** Tells what is to be told and starts what is to be sent. Answers how many notices went out. */
  advance(): Promise<number>;
  /** Resolves when nothing is being sent. */
  settled(): Promise<void>;
  exportOf(siteId: SiteId): Promise<ProtectionExport["notifications"]>;
  removeIn(tx: Tx, siteId: SiteId): Promise<void>;
  close(): Promise<void>;
};

/** After the first try, the second and so on; the last is repeated. */
export const WEBHOOK_RETRY_MS = [5_000, 30_000, 2 * 60_000, 10 * 60_000, 30 * 60_000, 3600_000, 2 * 3600_000];
export const WEBHOOK_GIVE_UP_MS = 24 * 3600_000;
const SHOWN_MAX = 20;
const SENDING_MAX = 10;
const SITES_AT_ONCE = 100;
const INCIDENTS_AT_ONCE = 100;
const TESTS_PER_MINUTE_MAX = 6;
const LOOK_MS = 500;

export function openNotifications(deps: {
  readonly db: Db;
  readonly settings: Pick<Settings, "originPrivateRanges" | "publicUrl" | "operatorName">;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  /** Nobody is written to without it. */
  readonly mail: OwnerMail | null;
  readonly lookUp?: NameLook;
}): NotificationsInside {
  const { db, now, settings } = deps;
  const privateRanges = settings.originPrivateRanges;
  const sending = new Map<SiteId, Promise<void>>();
  const tests = { minute: 0, ofSites: new Map<SiteId, number>() };
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let closed = false;

  async function tell(siteId: SiteId): Promise<number> {
    return db.transaction(async (tx) => {
      const { surges, pairBeganAt, url } = await rows.noticeOf(tx, siteId);
      const untold = await incidents.untoldIncidents(tx, siteId, INCIDENTS_AT_ONCE);
      const step = nextNotices(untold, {
        nowMs: now(),
        pairBeganMs: pairBeganAt?.getTime() ?? null,
        surges,
      });
      for (const { incident, told } of step.marks) {
        const kind = told === "began" || told === "done" ? incident.kind : null;
        await incidents.markTold(tx, { incidentId: incident.incidentId, told, kind });
      }
      if (step.pairBegins) await rows.setPairBegan(tx, siteId, new Date(now()));
      for (const notice of step.notices) {
        await writeMails(tx, notice);
        if (url === null) continue;
        const event = `${notice.incident.kind === "surge" ? "surge" : "flood"}.${notice.what}` as const;
        await putDelivery(tx, { siteId, event, data: dataOf(notice, linkTo(notice)) });
      }
      return step.notices.length;
    });
  }

  const linkTo = ({ incident }: Notice): string =>
    `${settings.publicUrl}/console/sites/${incident.siteId}/incidents/${incident.incidentId}`;

  async function writeMails(tx: Tx, notice: Notice): Promise<void> {
    if (deps.mail === null) return;
    const { siteId, incidentId } = notice.incident;
    const { subject, text } = noticeMail(notice, {
      link: linkTo(notice),
      operatorName: settings.operatorName,
    });
    for (const { email, wants } of await rows.listenersOf(tx, siteId)) {
      if (!wants) continue;
      try {
        await deps.mail.send(tx, { to: email, subject, text, about: `incident ${incidentId}` });
      } catch (error) {
        // One address that no mail can go to must not keep the others from hearing of it.
        if (!(error instanceof Fault)) throw error;
      }
    }
  }

  async function putDelivery(
    tx: Tx,
    of: { readonly siteId: SiteId; readonly event: WebhookEvent; readonly data: object },
  ): Promise<string> {
    const at = new Date(now());
    const deliveryId = `msg_${newId("inci", deps.random).slice(5)}`;
    const body = JSON.stringify({ type: of.event, timestamp: at.toISOString(), data: of.data });
    await rows.insertDelivery(tx, {
      deliveryId,
      siteId: of.siteId,
      event: of.event,
      body,
      madeAt: at,
      nextTryAt: at,
    });
    return deliveryId;
  }

  async function tryOnce(delivery: rows.DeliveryRow): Promise<void> {
    const { url, secret } = await rows.noticeOf(db, delivery.siteId);
    const at = new Date(now());
    const tried =
      url === null || secret === null
        ? { status: null, why: "There is no webhook any more", isFinal: true }
        : await sendWebhook(
            {
              url,
              secret,
              id: delivery.deliveryId,
              timestamp: Math.floor(at.getTime() / 1000),
              body: delivery.body,
            },
            { privateRanges, ...(deps.lookUp === undefined ? {} : { lookUp: deps.lookUp }) },
          );
    const nextTryAt = tried.why === null || tried.isFinal ? null : nextTry(delivery, now());
    await rows.markTried(db, {
      deliveryId: delivery.deliveryId,
      at,
      state: tried.why === null ? "delivered" : nextTryAt === null ? "failed" : "waiting",
      nextTryAt,
      status: tried.status,
      why: tried.why,
    });
  }

  /** Returns at once. */
  async function startSending(): Promise<void> {
    if (closed || sending.size >= SENDING_MAX) return;
    for (const delivery of await rows.deliveriesDue(db, new Date(now()), SITES_AT_ONCE)) {
      if (sending.size >= SENDING_MAX) return;
      startOne(delivery);
    }
  }

  function startOne(delivery: rows.DeliveryRow): Promise<void> | null {
    const { siteId } = delivery;
    if (closed || sending.has(siteId)) return null;
    const work = tryOnce(delivery)
      .catch(() => undefined) // The database is away: the message waits there, and the engine has said so already.
      .finally(() => sending.delete(siteId));
    sending.set(siteId, work);
    return work;
  }

  async function read(siteId: SiteId): Promise<NotificationsView> {
    const { surges, url, secret } = await rows.noticeOf(db, siteId);
    return {
      mail: await rows.listenersOf(db, siteId),
      surges,
      webhook: url === null || secret === null ? null : { url, secretEnd: secret.slice(-4) },
      deliveries: (await rows.deliveriesOf(db, siteId, SHOWN_MAX)).map(deliveryView),
    };
  }

  async function change(
    siteId: SiteId,
    request: NotificationsRequest,
  ): Promise<NotificationsView & { readonly secret: string | null }> {
    const url = request.webhook === null ? null : mustBeUrl(request.webhook.url, privateRanges);
    const fresh = await db.transaction(async (tx) => {
      const before = await rows.noticeOf(tx, siteId);
      const members = new Set((await rows.listenersOf(tx, siteId)).map(({ userId }) => userId));
      if (request.mail.some((userId) => !members.has(userId))) {
        throw new Fault("state.conflict", "Somebody in the list is no member any more: reload the page");
      }
      await rows.setListeners(tx, siteId, request.mail);
      const keepsSecret = before.secret !== null && request.webhook?.newSecret !== true;
      const secret = url === null ? null : keepsSecret ? before.secret : newWebhookSecret(deps.random);
      await rows.putNotice(tx, siteId, { surges: request.surges, url, secret });
      if (url === null) await rows.failWaiting(tx, siteId, "There is no webhook any more");
      return keepsSecret ? null : secret;
    });
    return { ...(await read(siteId)), secret: fresh };
  }

  async function test(siteId: SiteId): Promise<DeliveryView> {
    mayTest(siteId);
    const { url } = await rows.noticeOf(db, siteId);
    if (url === null)
      throw new Fault("state.conflict", "There is no webhook to test: give its address first");
    const deliveryId = await db.transaction(async (tx) => {
      const id = await putDelivery(tx, { siteId, event: "webhook.test", data: { siteId } });
      return id;
    });
    await sending.get(siteId);
    const delivery = await rows.deliveryOf(db, deliveryId);
    // The clock may have taken it meanwhile; then its outcome is waited for instead.
    if (delivery?.state === "waiting" && delivery.tries === 0)
      await (startOne(delivery) ?? sending.get(siteId));
    const after = await rows.deliveryOf(db, deliveryId);
    if (after === null) throw new Fault("state.conflict", "The site has left meanwhile: reload the page");
    return deliveryView(after);
  }

  function mayTest(siteId: SiteId): void {
    const minute = Math.floor(now() / 60_000);
    if (minute !== tests.minute) {
      tests.minute = minute;
      tests.ofSites.clear();
    }
    const count = tests.ofSites.get(siteId) ?? 0;
    if (count >= TESTS_PER_MINUTE_MAX) {
      throw new Fault("limit.rate", "Several tests were sent in this minute: wait for the next", {
        retryAfterMs: 60_000 - (now() % 60_000),
      });
    }
    tests.ofSites.set(siteId, count + 1);
  }

  return {
    read,
    change,
    test,

    async advance() {
      if (now() - lookedAtMs < LOOK_MS) return 0;
      lookedAtMs = now();
      let told = 0;
      for (const siteId of await incidents.sitesToTell(db, SITES_AT_ONCE)) told += await tell(siteId);
      await startSending();
      return told;
    },

    async settled() {
      while (sending.size > 0) await Promise.all(sending.values());
    },

    async exportOf(siteId) {
      const { surges, url, secret } = await rows.noticeOf(db, siteId);
      const listeners = await rows.listenersOf(db, siteId);
      const deliveries = await rows.deliveriesOf(db, siteId, rows.DELIVERIES_PER_SITE_MAX);
      return {
        mail: listeners.filter(({ wants }) => wants).map(({ email }) => email),
        surges,
        webhook: url === null || secret === null ? null : { url, secret },
        deliveries: deliveries.map(deliveryView),
      };
    },

    removeIn: (tx, siteId) => rows.deleteNoticesOfSite(tx, siteId),

    async close() {
      closed = true;
      await Promise.all(sending.values());
    },
  };
}

/** Null: it was tried for long enough. A test is tried once. */
function nextTry(delivery: rows.DeliveryRow, nowMs: number): Date | null {
  const after = WEBHOOK_RETRY_MS[Math.min(delivery.tries, WEBHOOK_RETRY_MS.length - 1)] ?? WEBHOOK_GIVE_UP_MS;
  const next = nowMs + after;
  if (delivery.event === "webhook.test" || next > delivery.madeAt.getTime() + WEBHOOK_GIVE_UP_MS) return null;
  return new Date(next);
}

function mustBeUrl(text: string, privateRanges: readonly string[]): string {
  const url = readWebhookUrl(text, privateRanges);
  if (url.ok) return url.value;
  throw new Fault("input.invalid", `Cannot use this webhook. ${url.why}`, {
    fields: { "webhook.url": url.why },
  });
}

function dataOf({ incident, others }: Notice, link: string): object {
  const { incidentId, siteId, siteName, kind, summary } = incident;
  return {
    incidentId,
    siteId,
    siteName,
    kind,
    mode: summary.mode,
    beganAt: summary.beganAt,
    mitigatedAt: summary.mitigatedAt,
    endedAt: summary.endedAt,
    usualPerSecond: summary.usualPerSecond,
    peakPerSecond: summary.peakPerSecond,
    requests: summary.requests,
    passed: summary.passed,
    challenged: summary.challenged,
    blocked: summary.blocked,
    throttled: summary.throttled,
    banned: summary.banned,
    words: summary.words,
    others: others.length,
    link,
  };
}

function deliveryView(row: rows.DeliveryRow): DeliveryView {
  return {
    deliveryId: row.deliveryId,
    event: row.event,
    state: row.state,
    madeAt: row.madeAt.toISOString(),
    tries: row.tries,
    lastTryAt: row.lastTryAt?.toISOString() ?? null,
    nextTryAt: row.nextTryAt?.toISOString() ?? null,
    status: row.status,
    why: row.why,
  };
}
