/** Bans over HTTP: operators ban everywhere, a site's members on their own site. `sites/bans.ts` checks what is sent. */
import { z } from "@hono/zod-openapi";
import type { BanEndpoints } from "../contract/http-protection.ts";
import type { SiteId } from "../contract/ids.ts";
import type { Bans } from "../sites/bans.ts";
import { noQuery } from "./bodies.ts";
import type { Call, Endpoint } from "./endpoints.ts";
import { callerOf, enterSite, MEMBERS, OPERATORS } from "./protection-access.ts";
import { banMade, bansQuery, banView, cursorPage, newBan, newBanAnywhere } from "./protection-views.ts";
import { clientRange } from "./rate.ts";

const nothing: z.ZodType<null> = z.null();
const bansOf = (call: Call<unknown>): Bans => call.services.sites.protection.bans;
const searchOf = ({ query }: Call<unknown>): Omit<Parameters<Bans["list"]>[0], "siteId"> => ({
  q: query["q"],
  state: query["state"] as "in-force" | "ended" | undefined,
  cursor: query["cursor"],
});
const banId = (call: Call<unknown>): string => call.params["banId"] ?? "";

export const banEndpoints: { readonly [Key in keyof BanEndpoints]: Endpoint<Key> } = {
  "GET /bans": {
    summary: "Bans on every site and on each, newest first; `q` also finds the networks that hold an address",
    access: OPERATORS,
    query: bansQuery,
    body: nothing,
    answer: cursorPage(banView),
    run: (call) => bansOf(call).list(searchOf(call)),
  },
  "POST /bans": {
    summary: "Keeps a client out of every site, or of one",
    access: OPERATORS,
    query: noQuery,
    body: newBanAnywhere,
    answer: banMade,
    run: (call) => {
      const { siteId, ...ban } = call.body;
      return bansOf(call).make({ siteId, ban, by: callerOf(call), client: clientRange(call.client) });
    },
  },
  "POST /bans/{banId}/lift": {
    summary: "Ends any ban now, also one that an edge made by itself",
    access: OPERATORS,
    query: noQuery,
    body: nothing,
    answer: banView,
    run: (call) => bansOf(call).lift({ banId: banId(call), by: callerOf(call) }),
  },
  "GET /sites/{siteId}/bans": {
    summary: "Bans on this site, newest first; `q` also finds the networks that hold an address",
    access: MEMBERS,
    query: bansQuery,
    body: nothing,
    answer: cursorPage(banView),
    run: async (call) => {
      const siteId: SiteId = await enterSite(call, "GET /sites/{siteId}/bans");
      return bansOf(call).list({ ...searchOf(call), siteId });
    },
  },
  "POST /sites/{siteId}/bans": {
    summary: "Keeps a client out of this site",
    access: MEMBERS,
    query: noQuery,
    body: newBan,
    answer: banMade,
    run: async (call) => {
      const siteId = await enterSite(call, "POST /sites/{siteId}/bans");
      const client = clientRange(call.client);
      return bansOf(call).make({ siteId, ban: call.body, by: callerOf(call), client });
    },
  },
  "POST /sites/{siteId}/bans/{banId}/lift": {
    summary: "Ends a ban on this site now, also one that an edge made by itself",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: banView,
    run: async (call) => {
      const siteId = await enterSite(call, "POST /sites/{siteId}/bans/{banId}/lift");
      return bansOf(call).lift({ banId: banId(call), siteId, by: callerOf(call) });
    },
  },
};
