/** What protects a site now, the under-attack switch, and who hears of floods, over HTTP. */
import { z } from "@hono/zod-openapi";
import type { ProtectionEndpoints } from "../contract/http-protection.ts";
import type { Protection } from "../sites/protection.ts";
import { noQuery } from "./bodies.ts";
import type { Call, Endpoint } from "./endpoints.ts";
import { callerOf, enterSite, MEMBERS } from "./protection-access.ts";
import {
  deliveryView,
  notificationsChanged,
  notificationsRequest,
  notificationsView,
  protectionView,
  underAttackRequest,
} from "./protection-views.ts";

const nothing: z.ZodType<null> = z.null();
const protectionOf = (call: Call<unknown>): Protection => call.services.sites.protection;

export const protectionEndpoints: { readonly [Key in keyof ProtectionEndpoints]: Endpoint<Key> } = {
  "GET /sites/{siteId}/protection": {
    summary: "What protects the site, and what is in force now",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: protectionView,
    run: async (call) => protectionOf(call).view(await enterSite(call, "GET /sites/{siteId}/protection")),
  },
  "PUT /sites/{siteId}/under-attack": {
    summary:
      "Asks every visitor of the site, or of some paths, to prove that they are a browser; or no longer",
    access: MEMBERS,
    query: noQuery,
    body: underAttackRequest,
    answer: protectionView,
    run: async (call) => {
      const siteId = await enterSite(call, "PUT /sites/{siteId}/under-attack");
      return protectionOf(call).setUnderAttack(siteId, call.body, callerOf(call));
    },
  },
  "GET /sites/{siteId}/notifications": {
    summary: "Who hears of floods, and what became of the last messages",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: notificationsView,
    run: async (call) =>
      protectionOf(call).notifications.read(await enterSite(call, "GET /sites/{siteId}/notifications")),
  },
  "PUT /sites/{siteId}/notifications": {
    summary: "Says who hears of floods; a new secret of the webhook is answered this once",
    access: MEMBERS,
    query: noQuery,
    body: notificationsRequest,
    answer: notificationsChanged,
    run: async (call) => {
      const siteId = await enterSite(call, "PUT /sites/{siteId}/notifications");
      return protectionOf(call).notifications.change(siteId, call.body);
    },
  },
  "POST /sites/{siteId}/notifications/test": {
    summary: "Sends a test to the webhook now, and says what became of it",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: deliveryView,
    run: async (call) => {
      const siteId = await enterSite(call, "POST /sites/{siteId}/notifications/test");
      return protectionOf(call).notifications.test(siteId);
    },
  },
};
