/** Purges of a site's cache over HTTP: who may call, and the shape of answers. `sites/purges.ts` checks what is sent. */
import { z } from "@hono/zod-openapi";
import {
  SITE_ROLE_NEEDED,
  type CacheEndpoints,
  type PurgeRequest,
  type PurgeView,
} from "../contract/http-sites.ts";
import type { SiteId } from "../contract/ids.ts";
import { PURGE_VALUE_CHARS_MAX } from "../sites/purges.ts";
import { noQuery } from "./bodies.ts";
import type { Call, Endpoint } from "./endpoints.ts";
import { mustHaveSiteRole } from "./site-access.ts";
import * as views from "./views.ts";

const text = z.string();
const value = z.string().min(1).max(PURGE_VALUE_CHARS_MAX);

export const purgeBody: z.ZodType<PurgeRequest> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("all") }),
  z.strictObject({ kind: z.enum(["url", "prefix", "tag"]), value }),
]);
export const purgeView: z.ZodType<PurgeView> = z.object({
  number: z.number(),
  at: text,
  by: text,
  what: text,
  inForce: views.inForce,
});

async function enter(call: Call<unknown>, key: keyof CacheEndpoints): Promise<SiteId> {
  const siteId = call.params["siteId"] as SiteId;
  await mustHaveSiteRole(call, siteId, SITE_ROLE_NEEDED[key]);
  return siteId;
}

export const cacheEndpoints: { readonly [Key in keyof CacheEndpoints]: Endpoint<Key> } = {
  "GET /sites/{siteId}/purges": {
    summary: "What was purged of the site's cache, newest first",
    access: ["operator", "customer"],
    query: noQuery,
    body: z.null(),
    answer: views.page(purgeView),
    run: async (call) => call.services.sites.purges.list(await enter(call, "GET /sites/{siteId}/purges")),
  },
  "POST /sites/{siteId}/purges": {
    summary: "Makes every edge fetch a URL, a prefix, a tag or everything anew",
    access: ["operator", "customer"],
    query: noQuery,
    body: purgeBody,
    answer: purgeView,
    run: async (call) =>
      call.services.sites.purges.purge(await enter(call, "POST /sites/{siteId}/purges"), call.body, {
        name: call.visitor.person.name,
        userId: call.visitor.person.userId,
      }),
  },
};
