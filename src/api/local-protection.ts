/** What the command line may ask about bans, incidents and the under-attack switch. What is made here is the operator's. */
import { Hono } from "hono";
import { z } from "@hono/zod-openapi";
import { Fault } from "../contract/fault.ts";
import type { SiteId } from "../contract/ids.ts";
import { HOSTNAME_CHARS_MAX } from "../contract/policy.ts";
import { BY_OPERATOR } from "../sites/site-settings.ts";
import { BODY_BYTES_MAX, parseJson, readBody } from "./bounds.ts";
import { bansQuery, incidentsQuery, newBan, underAttackRequest } from "./protection-views.ts";
import type { Services } from "./services.ts";

const hostname = z.string().min(1).max(HOSTNAME_CHARS_MAX);
const localBan = z.strictObject({ ban: newBan, hostname: hostname.nullable() });
const id = z.string().regex(/^[A-Za-z0-9_-]{1,60}$/, "This is no id: copy one from the list");

export function localProtection(services: Services): Hono {
  const { sites, db } = services;
  const { protection } = sites;
  const app = new Hono();

  async function siteOf(name: string): Promise<SiteId> {
    const wanted = name.slice(0, HOSTNAME_CHARS_MAX).toLowerCase();
    const site = await sites.find(db, wanted);
    if (site !== null) return site.siteId;
    throw new Fault(
      "state.not-found",
      `Cannot find "${wanted}" among the protected hostnames: check the name`,
    );
  }
  const ofSite = async (name: string | undefined): Promise<{ siteId?: SiteId }> =>
    name === undefined ? {} : { siteId: await siteOf(name) };

  app.get("/bans", async (c) => {
    const { site, ...query } = c.req.query();
    const search = must(bansQuery, query);
    return c.json(await protection.bans.list({ ...search, ...(await ofSite(site)) }));
  });
  app.post("/bans", async (c) => {
    const asked = await take(c.req.raw, localBan);
    const siteId = asked.hostname === null ? null : await siteOf(asked.hostname);
    return c.json(await protection.bans.make({ siteId, ban: asked.ban, by: BY_OPERATOR, client: null }));
  });
  app.post("/bans/:banId/lift", async (c) =>
    c.json(await protection.bans.lift({ banId: must(id, c.req.param("banId")), by: BY_OPERATOR })),
  );
  app.get("/incidents", async (c) => {
    const { site, ...query } = c.req.query();
    const search = must(incidentsQuery, query);
    return c.json(await protection.incidents.list({ ...search, ...(await ofSite(site)) }));
  });
  app.get("/incidents/:incidentId", async (c) =>
    c.json(await protection.incidents.view({ incidentId: must(id, c.req.param("incidentId")) })),
  );
  app.put("/under-attack/:hostname", async (c) => {
    const siteId = await siteOf(c.req.param("hostname"));
    return c.json(
      await protection.setUnderAttack(siteId, await take(c.req.raw, underAttackRequest), BY_OPERATOR),
    );
  });
  return app;
}

async function take<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const parsed = parseJson(await readBody(request, BODY_BYTES_MAX));
  if (!parsed.ok) throw new Fault("input.invalid", `${parsed.why}: send one JSON object`);
  return must(schema, parsed.value);
}

function must<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue === undefined || issue.path.length === 0 ? "this" : issue.path.map(String).join(".");
  throw new Fault("input.invalid", `Cannot take ${field}: ${issue?.message ?? "it is not what is expected"}`);
}
