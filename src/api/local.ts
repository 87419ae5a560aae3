/**
 * What the command line of this machine may ask, over a unix socket. The credential is the file system: the socket stands
 * in a folder that only its owner may enter. It adds sites and people and sets the vault's key; it has no word for anything that
 * the desk decides, so that whoever owns the machine still cannot decide alone (design law 2).
 */
import { Hono } from "hono";
import type { z } from "@hono/zod-openapi";
import { Fault } from "../contract/fault.ts";
import type { SiteId } from "../contract/ids.ts";
import { HOSTNAME_CHARS_MAX } from "../contract/policy.ts";
import { BY_OPERATOR } from "../sites/site-settings.ts";
import * as bodies from "./bodies.ts";
import { BODY_BYTES_MAX, parseJson, readBody } from "./bounds.ts";
import { purgeBody } from "./cache-endpoints.ts";
import { localProtection } from "./local-protection.ts";
import { localSettings } from "./local-settings.ts";
import { everyCertificate } from "./local-certificates.ts";
import { overviewOf } from "./overview.ts";
import { invite } from "./people.ts";
import { problemResponse, type ProblemContext } from "./problem.ts";
import type { Services } from "./services.ts";
import { OPERATOR_LINK_MS, type SignIn } from "./sign-in.ts";

export function createLocal(deps: {
  readonly services: Services;
  readonly signIn: SignIn;
  readonly problems: ProblemContext;
}): Hono {
  const { services, signIn, problems } = deps;
  const { sites, desk } = services;
  const app = new Hono();
  app.get("/status", async (c) => c.json(await overviewOf(services)));
  app.get("/certificates", async (c) => c.json(await everyCertificate(services)));
  app.get("/sites", async (c) => c.json(await sites.list()));
  app.get("/sites/:siteId", async (c) => {
    const siteId = bodies.params.siteId.safeParse(c.req.param("siteId"));
    if (!siteId.success) throw new Fault("state.not-found", "There is no such site");
    return c.json(await sites.view(siteId.data as SiteId));
  });
  app.post("/protect", async (c) => c.json(await sites.protect(await take(c.req.raw, bodies.newSiteLocal))));
  app.post("/unprotect", async (c) => {
    const { hostname } = await take(c.req.raw, bodies.hostnameOnly);
    return c.json(await sites.unprotect(hostname));
  });
  app.route("/settings", localSettings(services));
  app.post("/purges/:hostname", async (c) => {
    const name = c.req.param("hostname").slice(0, HOSTNAME_CHARS_MAX).toLowerCase();
    const site = await sites.find(services.db, name);
    if (site === null)
      throw new Fault(
        "state.not-found",
        `Cannot find "${name}" among the protected hostnames: check the name`,
      );
    return c.json(await sites.purges.purge(site.siteId, await take(c.req.raw, purgeBody), BY_OPERATOR));
  });
  app.route("/", localProtection(services));
  app.post("/people", async (c) => c.json(await invite(deps, await take(c.req.raw, bodies.newPerson))));
  app.put("/vault", async (c) => {
    const { publicKey } = await take(c.req.raw, bodies.vaultKey);
    return c.json(await desk.setVaultKey(publicKey));
  });
  app.post("/sign-in-link", async (c) => {
    const { email, reset } = await take(c.req.raw, bodies.signInLink);
    const options = { lifetimeMs: OPERATOR_LINK_MS, ...(reset === undefined ? {} : { reset }) };
    return c.json({ signInLink: await signIn.issueLink(email, options) });
  });
  app.notFound(() => problemResponse(new Fault("state.not-found", "There is no such command"), problems));
  app.onError((error) => problemResponse(error, problems));
  return app;
}

async function take<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const parsed = parseJson(await readBody(request, BODY_BYTES_MAX));
  if (!parsed.ok) throw new Fault("input.invalid", `${parsed.why}: send one JSON object`);
  const result = schema.safeParse(parsed.value);
  if (result.success) return result.data;
  const fields = Object.fromEntries(
    result.error.issues.map((issue) => [issue.path.map(String).join(".") || "body", issue.message]),
  );
  throw new Fault("input.invalid", "Some fields are not right: see each of them", { fields });
}
