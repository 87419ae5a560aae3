/**
 * Who did what with a site, by name: each changing call of a site's endpoints is written down before it runs and marked when it is done, so that a
 * crash leaves a trace and no gap. What is refused leaves nothing. Settings, bans, purges and the switch "under attack" carry their names in
 * lists of their own; DEED_OF says which calls are told here.
 */
import { Fault } from "../contract/fault.ts";
import type { Endpoints } from "../contract/http.ts";
import { PROTECTION_ROLE_NEEDED } from "../contract/http-protection.ts";
import { SITE_ROLE_NEEDED, type CertificateView } from "../contract/http-sites.ts";
import type { CertificateId, SiteId, UserId } from "../contract/ids.ts";
import type { SiteDeedKind } from "../contract/site-deeds.ts";
import { beginDeed, dropDeed, endDeed } from "../store/site-deeds.ts";
import { membersOf } from "../store/site-members.ts";
import type { Call } from "./endpoints.ts";
import { mustHaveSiteRole } from "./site-access.ts";

export const DEED_OF = {
  "POST /sites/{siteId}/hostnames": "hostname-added",
  "DELETE /sites/{siteId}/hostnames/{hostname}": "hostname-removed",
  "PUT /sites/{siteId}/members": "member-put",
  "DELETE /sites/{siteId}/members/{userId}": "member-removed",
  "POST /sites/{siteId}/certificates": "certificate-uploaded",
  "DELETE /sites/{siteId}/certificates/{certificateId}": "certificate-removed",
  "POST /sites/{siteId}/certificates/{certificateId}/renew": "certificate-renewed",
  "PUT /sites/{siteId}/notifications": "notifications-changed",
  "GET /sites/{siteId}/export": "exported",
  "POST /sites/{siteId}/leave": "left",
} as const satisfies Partial<Record<keyof Endpoints, SiteDeedKind>>;
type DeedKey = keyof typeof DEED_OF;

const ROLE_NEEDED = { ...SITE_ROLE_NEEDED, ...PROTECTION_ROLE_NEEDED };

const isDeed = (key: keyof Endpoints): key is DeedKey => key in DEED_OF;

/** Runs the call; what it does is on record by then. */
export async function onRecord<T>(
  key: keyof Endpoints,
  call: Call<unknown>,
  run: () => Promise<T>,
): Promise<T> {
  if (!isDeed(key)) return run();
  const { services, visitor } = call;
  const siteId = call.params["siteId"] as SiteId;
  // Before anything is written: a stranger leaves no trace in somebody's list.
  await mustHaveSiteRole(call, siteId, ROLE_NEEDED[key]);
  const about = await aboutOf(key, call, siteId);
  const { userId, name } = visitor.person;
  const deedId = await services.db.transaction((tx) =>
    beginDeed(tx, {
      siteId,
      at: new Date(services.now()),
      who: { userId, name },
      deed: DEED_OF[key],
      about,
    }),
  );
  let answer: T;
  try {
    answer = await run();
  } catch (cause) {
    if (cause instanceof Fault && leavesNothing(key, cause)) await dropDeed(services.db, deedId);
    throw cause;
  }
  const isUpload = key === "POST /sites/{siteId}/certificates";
  await endDeed(services.db, deedId, isUpload ? namesOf(answer as CertificateView) : null);
  return answer;
}

/** Leaving has steps: what was refused in the middle of it has begun. */
const leavesNothing = (key: DeedKey, fault: Fault): boolean =>
  key !== "POST /sites/{siteId}/leave" || fault.code === "input.invalid";

const namesOf = ({ hostnames }: Pick<CertificateView, "hostnames">): string => hostnames.join(", ");

async function aboutOf(key: DeedKey, call: Call<unknown>, siteId: SiteId): Promise<string> {
  const { services, params } = call;
  const body = (call.body ?? {}) as Record<string, unknown>;
  switch (key) {
    case "POST /sites/{siteId}/hostnames":
      return String(body["hostname"] ?? "").toLowerCase();
    case "DELETE /sites/{siteId}/hostnames/{hostname}":
      return (params["hostname"] ?? "").toLowerCase();
    case "PUT /sites/{siteId}/members":
      return `${String(body["email"] ?? "").toLowerCase()}, ${String(body["role"] ?? "")}`;
    case "DELETE /sites/{siteId}/members/{userId}": {
      const members = await membersOf(services.db, siteId);
      return members.find(({ userId }) => userId === (params["userId"] as UserId))?.email ?? "";
    }
    case "DELETE /sites/{siteId}/certificates/{certificateId}":
    case "POST /sites/{siteId}/certificates/{certificateId}/renew": {
      const { items } = await services.certificates.list(siteId);
      const id = params["certificateId"] as CertificateId;
      return namesOf(items.find(({ certificateId }) => certificateId === id) ?? { hostnames: [] });
    }
    case "PUT /sites/{siteId}/notifications": {
      const { webhook } = body as { webhook?: { url?: unknown } | null };
      return typeof webhook?.url === "string" && URL.canParse(webhook.url) ? new URL(webhook.url).host : "";
    }
    default:
      return "";
  }
}
