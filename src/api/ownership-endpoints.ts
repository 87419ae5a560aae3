/**
 * Names, proofs, members and leaving, over HTTP. The rooms below check and decide; this file says who may call and how often, since
 * some calls ask the DNS and others write mail. To whoever is not a member of a site, it does not exist (design law 10).
 */
import { z } from "@hono/zod-openapi";
import {
  CERTIFICATE_STATES,
  HOSTNAME_STATES,
  PROOF_METHODS,
  SITE_ROLE_NEEDED,
  SITE_ROLES,
  type DnsRecord,
  type HostnamePlan,
  type HostnameView,
  type MemberView,
  type OwnershipEndpoints,
  type SiteExport,
} from "../contract/http-sites.ts";
import type { SiteId, UserId } from "../contract/ids.ts";
import { SITE_DEEDS, type SiteDeed } from "../contract/site-deeds.ts";
import { NO_CERTIFICATE } from "../sites/certificates.ts";
import { countDeeds, deedsOf } from "../store/site-deeds.ts";
import { activeRoles, type Access } from "./access.ts";
import { beforeQuery, hostnameOnly, memberBody, noQuery } from "./bodies.ts";
import type { Call, Endpoint } from "./endpoints.ts";
import { exportOf, leave } from "./leaving.ts";
import { listMembers, putSiteMember, removeSiteMember } from "./members.ts";
import { createRate, type Rate } from "./rate.ts";
import type { Services } from "./services.ts";
import { revisionRow, settingsDocument } from "./settings-endpoints.ts";
import { mustHaveSiteRole } from "./site-access.ts";
import { protectionExport } from "./protection-views.ts";
import * as views from "./views.ts";

const MEMBERS: Access = ["operator", "customer"];
const nothing: z.ZodType<null> = z.null();
const text = z.string();
const maybe = text.nullable();
const lines = z.array(text).readonly();

const DEEDS_PAGE = 100;
const KEYS_MAX = 10_000;

const dnsRecord: z.ZodType<DnsRecord> = z.object({
  type: z.enum(["A", "AAAA", "CNAME", "TXT", "MX", "CAA", "NS"]),
  name: text,
  value: text,
});
const plan: z.ZodType<HostnamePlan> = z.object({
  hostname: text,
  found: z.array(dnsRecord).readonly(),
  proposedOriginUrl: maybe,
  toSet: z.array(dnsRecord).readonly(),
  toKeep: z.array(dnsRecord).readonly(),
  warnings: lines,
  refusedBecause: maybe,
});
const hostname: z.ZodType<HostnameView> = z.object({
  hostname: text,
  state: z.enum(HOSTNAME_STATES),
  provenBy: z.enum(PROOF_METHODS).nullable(),
  checkedAt: maybe,
  lapsesAt: maybe,
  why: maybe,
  proof: z.object({ txt: z.object({ name: text, value: text }), http: z.object({ url: text, body: text }) }),
  leadsHere: z.enum(["yes", "no", "unknown"]),
  certificate: z.object({ state: z.enum(CERTIFICATE_STATES), notAfter: maybe, why: maybe }),
});
const member: z.ZodType<MemberView> = z.object({
  userId: text as unknown as z.ZodType<UserId>,
  name: text,
  email: text,
  role: z.enum(SITE_ROLES),
  since: text,
});
const deed: z.ZodType<SiteDeed> = z.object({
  number: z.number(),
  at: text,
  who: text,
  deed: z.enum(SITE_DEEDS),
  about: text,
  isDone: z.boolean(),
});
const siteExport: z.ZodType<SiteExport> = z.object({
  schema: z.literal(1),
  siteId: text as unknown as z.ZodType<SiteId>,
  hostnames: lines,
  settings: settingsDocument,
  history: z.array(revisionRow).readonly(),
  members: z.array(member).readonly(),
  certificates: z.array(z.object({ hostnames: lines, chainPem: text, keyPem: text })).readonly(),
  protection: protectionExport,
  deeds: z.array(deed).readonly(),
  log: lines,
  madeAt: text,
});

/** What one person may do in a while: ask others' servers or our mail through us, and have whole logs read. */
const TRIES = { asks: 60, exports: 10 } as const;
const TRY_WINDOW_MS = 10 * 60_000;
const rates = new WeakMap<Services, Record<keyof typeof TRIES, Rate>>();

function take(call: Call<unknown>, kind: keyof typeof TRIES = "asks"): void {
  const { services, visitor } = call;
  let ofAll = rates.get(services);
  if (ofAll === undefined) {
    const rateOf = (max: number): Rate =>
      createRate({ max, windowMs: TRY_WINDOW_MS, keysMax: KEYS_MAX, now: services.now });
    ofAll = { asks: rateOf(TRIES.asks), exports: rateOf(TRIES.exports) };
    rates.set(services, ofAll);
  }
  ofAll[kind].take(visitor.person.userId);
}

/** Lets in whoever has the role that the contract names for this endpoint. */
async function enter(
  call: Call<unknown>,
  key: Exclude<keyof OwnershipEndpoints, "POST /hostname-plans">,
): Promise<SiteId> {
  const siteId = call.params["siteId"] as SiteId;
  await mustHaveSiteRole(call, siteId, SITE_ROLE_NEEDED[key]);
  return siteId;
}

const nameOf = (call: Call<unknown>): string => (call.params["hostname"] ?? "").toLowerCase();

/** What owners know of a name and what they know of its certificate are two things, told together. */
async function withCertificate(
  call: Call<unknown>,
  siteId: SiteId,
  views: readonly HostnameView[],
): Promise<HostnameView[]> {
  const certificates = await call.services.certificates.forHostnames(siteId);
  return views.map((view) => ({ ...view, certificate: certificates.get(view.hostname) ?? NO_CERTIFICATE }));
}
const oneWithCertificate = async (
  call: Call<unknown>,
  siteId: SiteId,
  view: HostnameView,
): Promise<HostnameView> => (await withCertificate(call, siteId, [view]))[0] ?? view;

export const ownershipEndpoints: { readonly [Key in keyof OwnershipEndpoints]: Endpoint<Key> } = {
  "POST /hostname-plans": {
    summary: "Reads a name's DNS and proposes an origin and records; nothing is changed",
    access: MEMBERS,
    query: noQuery,
    body: hostnameOnly,
    answer: plan,
    run: async (call) => {
      take(call);
      return call.services.sites.plan(call.body.hostname);
    },
  },
  "GET /sites/{siteId}/hostnames": {
    summary: "The site's names, their proofs and their certificates",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: views.page(hostname),
    run: async (call) => {
      const siteId = await enter(call, "GET /sites/{siteId}/hostnames");
      const { items, total } = await call.services.sites.hostnames.list(siteId);
      return { items: await withCertificate(call, siteId, items), total };
    },
  },
  "POST /sites/{siteId}/hostnames": {
    summary: "Claims a name for the site; it is served once its proof is found",
    access: MEMBERS,
    query: noQuery,
    body: hostnameOnly,
    answer: hostname,
    run: async (call) => {
      const siteId = await enter(call, "POST /sites/{siteId}/hostnames");
      take(call);
      const vouch = activeRoles(call.visitor).includes("operator");
      const view = await call.services.sites.hostnames.add(siteId, { ...call.body, vouch });
      return oneWithCertificate(call, siteId, view);
    },
  },
  "POST /sites/{siteId}/hostnames/{hostname}/check": {
    summary: "Looks for the proof now",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: hostname,
    run: async (call) => {
      const siteId = await enter(call, "POST /sites/{siteId}/hostnames/{hostname}/check");
      take(call);
      return oneWithCertificate(
        call,
        siteId,
        await call.services.sites.hostnames.check(siteId, nameOf(call)),
      );
    },
  },
  "DELETE /sites/{siteId}/hostnames/{hostname}": {
    summary: "Lets go of a name; it is served no longer",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: views.site,
    run: async (call) => {
      const siteId = await enter(call, "DELETE /sites/{siteId}/hostnames/{hostname}");
      await call.services.sites.hostnames.remove(siteId, nameOf(call));
      return call.services.sites.view(siteId);
    },
  },
  "GET /sites/{siteId}/members": {
    summary: "Who may do what with the site",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: views.page(member),
    run: async (call) => listMembers(call, await enter(call, "GET /sites/{siteId}/members")),
  },
  "PUT /sites/{siteId}/members": {
    summary: "Gives somebody a role on the site, and invites them where they are new",
    access: MEMBERS,
    query: noQuery,
    body: memberBody,
    answer: member,
    run: async (call) => {
      const siteId = await enter(call, "PUT /sites/{siteId}/members");
      take(call);
      return putSiteMember(call, siteId, call.body);
    },
  },
  "DELETE /sites/{siteId}/members/{userId}": {
    summary: "Takes somebody's role on the site; the last owner stays",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: views.page(member),
    run: async (call) => {
      const siteId = await enter(call, "DELETE /sites/{siteId}/members/{userId}");
      return removeSiteMember(call, siteId, call.params["userId"] as UserId);
    },
  },
  "GET /sites/{siteId}/deeds": {
    summary: "Who did what beside the settings, newest first; `before` asks for older ones",
    access: MEMBERS,
    query: beforeQuery("a deed's", 15),
    body: nothing,
    answer: views.page(deed),
    run: async (call) => {
      const siteId = await enter(call, "GET /sites/{siteId}/deeds");
      const { db } = call.services;
      const before = call.query["before"] === undefined ? null : Number(call.query["before"]);
      const items = await deedsOf(db, siteId, { before, limit: DEEDS_PAGE });
      return { items, total: await countDeeds(db, siteId) };
    },
  },
  "GET /sites/{siteId}/preview": {
    summary: "An address for a look through the edge before the DNS is switched",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: z.object({ url: maybe, whyNot: maybe }),
    run: async (call) =>
      call.services.sites.hostnames.preview(await enter(call, "GET /sites/{siteId}/preview")),
  },
  "GET /sites/{siteId}/export": {
    summary: "All that is held for the site, private keys included",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: siteExport,
    run: async (call) => {
      const siteId = await enter(call, "GET /sites/{siteId}/export");
      take(call, "exports");
      return exportOf(call, siteId);
    },
  },
  "POST /sites/{siteId}/leave": {
    summary: "Answers the export, and lets go of the site",
    access: MEMBERS,
    query: noQuery,
    body: z.strictObject({ confirm: text.max(300) }),
    answer: siteExport,
    run: async (call) => leave(call, await enter(call, "POST /sites/{siteId}/leave"), call.body.confirm),
  },
};
