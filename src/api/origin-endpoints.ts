/** A site's origins over HTTP: what nodes see of them, and whether they answer the public directly. */
import { z } from "@hono/zod-openapi";
import { SITE_ROLE_NEEDED, type OriginEndpoints, type OriginsView } from "../contract/http-sites.ts";
import type { NodeId, SiteId } from "../contract/ids.ts";
import { noQuery } from "./bodies.ts";
import type { Call, Endpoint } from "./endpoints.ts";
import { mustHaveSiteRole } from "./site-access.ts";

const text = z.string();

export const originsView: z.ZodType<OriginsView> = z.object({
  servers: z
    .array(
      z.object({
        host: text,
        port: z.number(),
        addresses: z.array(text).readonly(),
        nodes: z
          .array(
            z.object({
              nodeId: text as unknown as z.ZodType<NodeId>,
              state: z.enum(["up", "down", "unchecked"]),
              since: text,
              why: text.nullable(),
            }),
          )
          .readonly(),
      }),
    )
    .readonly(),
  exposed: z.object({ at: text, exposed: z.boolean(), what: text }).nullable(),
});

async function enter(call: Call<unknown>, key: keyof OriginEndpoints): Promise<SiteId> {
  const siteId = call.params["siteId"] as SiteId;
  await mustHaveSiteRole(call, siteId, SITE_ROLE_NEEDED[key]);
  return siteId;
}

export const originEndpoints: { readonly [Key in keyof OriginEndpoints]: Endpoint<Key> } = {
  "GET /sites/{siteId}/origins": {
    summary: "Where the site's origins lie, and what each edge sees of them",
    access: ["operator", "customer"],
    query: noQuery,
    body: z.null(),
    answer: originsView,
    run: async (call) => call.services.sites.origins.view(await enter(call, "GET /sites/{siteId}/origins")),
  },
  "POST /sites/{siteId}/origins/exposure-check": {
    summary: "Asks the site's origins directly, as a stranger would, and says whether they serve the site",
    access: ["operator", "customer"],
    query: noQuery,
    body: z.null(),
    answer: originsView,
    run: async (call) =>
      call.services.sites.origins.checkExposure(
        await enter(call, "POST /sites/{siteId}/origins/exposure-check"),
      ),
  },
};
