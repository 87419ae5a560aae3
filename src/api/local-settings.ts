/** What the command line may ask about a site's settings, by hostname. Changes made here stand in the history as the operator's. */
import { Hono } from "hono";
import { z } from "@hono/zod-openapi";
import { Fault } from "../contract/fault.ts";
import type { SiteId } from "../contract/ids.ts";
import { HOSTNAME_CHARS_MAX } from "../contract/policy.ts";
import { BY_OPERATOR, NOTE_CHARS_MAX } from "../sites/site-settings.ts";
import { BODY_BYTES_MAX, parseJson, readBody } from "./bounds.ts";
import type { Services } from "./services.ts";

const note = z.string().max(NOTE_CHARS_MAX);
const revision = z.int().min(1);
/** `revision` left out: whatever is in force now is replaced. */
const change = z.strictObject({ settings: z.unknown(), note, revision: revision.exactOptional() });
const restore = z.strictObject({ revision, note });

export function localSettings(services: Services): Hono {
  const { sites, db } = services;
  const app = new Hono();

  async function siteOf(hostname: string): Promise<SiteId> {
    const name = hostname.slice(0, HOSTNAME_CHARS_MAX).toLowerCase();
    const site = await sites.find(db, name);
    if (site !== null) return site.siteId;
    throw new Fault("state.not-found", `Cannot find "${name}" among the protected hostnames: check the name`);
  }

  app.get("/:hostname", async (c) =>
    c.json(await sites.settings.read(await siteOf(c.req.param("hostname")))),
  );
  app.put("/:hostname", async (c) => {
    const siteId = await siteOf(c.req.param("hostname"));
    const asked = await take(c.req.raw, change);
    const current = asked.revision ?? (await sites.settings.read(siteId)).revision;
    return c.json(await sites.settings.change(siteId, { ...asked, revision: current, by: BY_OPERATOR }));
  });
  app.get("/:hostname/history", async (c) =>
    c.json(await sites.settings.history(await siteOf(c.req.param("hostname")))),
  );
  app.get("/:hostname/signing-key", async (c) =>
    c.json({ signingKey: await sites.settings.signingKey(await siteOf(c.req.param("hostname"))) }),
  );
  app.post("/:hostname/restore", async (c) => {
    const siteId = await siteOf(c.req.param("hostname"));
    const asked = await take(c.req.raw, restore);
    return c.json(
      await sites.settings.restore(siteId, asked.revision, { note: asked.note, by: BY_OPERATOR }),
    );
  });
  return app;
}

async function take<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const parsed = parseJson(await readBody(request, BODY_BYTES_MAX));
  if (!parsed.ok) throw new Fault("input.invalid", `${parsed.why}: send one JSON object`);
  const result = schema.safeParse(parsed.value);
  if (result.success) return result.data;
  throw new Fault(
    "input.invalid",
    "Some fields are not right: send settings, note and revision as they should be",
  );
}
