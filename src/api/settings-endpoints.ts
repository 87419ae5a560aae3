/**
 * What an owner sets, over HTTP: the settings in force, their history, and one step back. The rooms below check what is sent; this file
 * says who may call, and gives answers their shape. To whoever is not a member of a site, it does not exist (design law 10).
 */
import { z } from "@hono/zod-openapi";
import {
  SITE_ROLE_NEEDED,
  SITE_ROLES,
  type RevisionRow,
  type SettingChange,
  type SettingsEndpoints,
  type SettingsView,
  type SiteRole,
} from "../contract/http-sites.ts";
import type { SiteView } from "../contract/http.ts";
import type { SiteId } from "../contract/ids.ts";
import { SITE_SETTINGS_SCHEMA } from "../contract/site-schema.ts";
import type { SiteSettings } from "../contract/site-settings.ts";
import { NOTE_CHARS_MAX, type ChangedBy } from "../sites/site-settings.ts";
import type { Access } from "./access.ts";
import { beforeQuery, noQuery } from "./bodies.ts";
import type { Call, Endpoint } from "./endpoints.ts";
import { mustHaveSiteRole, siteRoleOf } from "./site-access.ts";
import * as views from "./views.ts";

const MEMBERS: Access = ["operator", "customer"];
const nothing: z.ZodType<null> = z.null();
const text = z.string();
const count = z.number();
const value = z.union([text, count, z.boolean(), z.null()]);

/** May be empty: nobody has to explain a change. */
const note = z
  .string()
  .max(NOTE_CHARS_MAX)
  .refine((typed) => !typed.includes("\0"), "Remove the NUL character");

export const changeBody = z.strictObject({ revision: z.int().min(0), settings: SITE_SETTINGS_SCHEMA, note });
export const restoreBody = z.strictObject({ note });

const settingChange: z.ZodType<SettingChange> = z.object({ path: text, before: value, after: value });
const revisionFields = {
  revision: count,
  at: text,
  by: text,
  note: text,
  changes: z.array(settingChange).readonly(),
};
export const revisionRow: z.ZodType<RevisionRow> = z.object(revisionFields);
/** They were checked when they were stored, and leave as they are: an older revision may hold what would not be taken today. */
export const settingsDocument = z.record(z.string(), z.unknown()) as unknown as z.ZodType<SiteSettings>;
export const settingsView: z.ZodType<SettingsView> = z.object({
  revision: count,
  settings: settingsDocument,
  changedAt: text,
  changedBy: text,
  inForce: views.inForce,
  warnings: z.array(text).readonly(),
});
const siteWithRole = (views.site as unknown as z.ZodObject).extend({
  role: z.enum([...SITE_ROLES, "operator"]),
}) as unknown as z.ZodType<SiteView & { readonly role: SiteRole | "operator" }>;

const siteIdOf = (call: Call<unknown>): SiteId => call.params["siteId"] as SiteId;
const changedBy = (call: Call<unknown>): ChangedBy => ({
  name: call.visitor.person.name,
  userId: call.visitor.person.userId,
});

/** Lets in whoever has the role that the contract names for this endpoint. */
async function enter(call: Call<unknown>, key: keyof SettingsEndpoints): Promise<SiteId> {
  const siteId = siteIdOf(call);
  await mustHaveSiteRole(call, siteId, SITE_ROLE_NEEDED[key]);
  return siteId;
}

export const settingsEndpoints: { readonly [Key in keyof SettingsEndpoints]: Endpoint<Key> } = {
  "GET /sites/{siteId}": {
    summary: "One site, and what this person may do with it",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: siteWithRole,
    run: async (call) => {
      const siteId = await enter(call, "GET /sites/{siteId}");
      const role = (await siteRoleOf(call, siteId)) ?? "viewer";
      return { ...(await call.services.sites.view(siteId)), role };
    },
  },
  "GET /sites/{siteId}/settings": {
    summary: "The settings in force, and what should be looked at",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: settingsView,
    run: async (call) => call.services.sites.settings.read(await enter(call, "GET /sites/{siteId}/settings")),
  },
  "PUT /sites/{siteId}/settings": {
    summary: "Changes the settings, unless somebody else changed them meanwhile",
    access: MEMBERS,
    query: noQuery,
    body: changeBody,
    answer: settingsView,
    run: async (call) =>
      call.services.sites.settings.change(await enter(call, "PUT /sites/{siteId}/settings"), {
        ...call.body,
        by: changedBy(call),
      }),
  },
  "GET /sites/{siteId}/revisions": {
    summary: "Who changed what and when, newest first; `before` asks for older ones",
    access: MEMBERS,
    query: beforeQuery("a revision's", 9),
    body: nothing,
    answer: views.page(revisionRow),
    run: async (call) => {
      const before = call.query["before"];
      return call.services.sites.settings.history(
        await enter(call, "GET /sites/{siteId}/revisions"),
        before === undefined ? {} : { before: Number(before) },
      );
    },
  },
  "GET /sites/{siteId}/revisions/{revision}": {
    summary: "The settings as they were",
    access: MEMBERS,
    query: noQuery,
    body: nothing,
    answer: z.object({ ...revisionFields, settings: settingsDocument }),
    run: async (call) => {
      const siteId = await enter(call, "GET /sites/{siteId}/revisions/{revision}");
      return call.services.sites.settings.revision(siteId, Number(call.params["revision"]));
    },
  },
  "POST /sites/{siteId}/revisions/{revision}/restore": {
    summary: "Brings an old revision back, as a new one",
    access: MEMBERS,
    query: noQuery,
    body: restoreBody,
    answer: settingsView,
    run: async (call) => {
      const siteId = await enter(call, "POST /sites/{siteId}/revisions/{revision}/restore");
      return call.services.sites.settings.restore(siteId, Number(call.params["revision"]), {
        note: call.body.note,
        by: changedBy(call),
      });
    },
  },
};
