/**
 * The HTTP API: endpoints.ts served below /api/v1, its OpenAPI document, and sign-in below /api/auth. A request passes
 * these gates in order: its endpoint exists, its sender may call it, it comes from our own pages if it changes something
 * (Origin, RFC 6454), its parts have the right shape. What leaves has passed the endpoint's answer schema.
 */
import { OpenAPIHono, z, type RouteConfig } from "@hono/zod-openapi";
import { Fault, type Parsed } from "../contract/fault.ts";
import { ENDPOINTS, type Endpoints } from "../contract/http.ts";
import { actorOf, admit } from "./access.ts";
import * as bodies from "./bodies.ts";
import { BODY_BYTES_MAX, parseJson, readBody } from "./bounds.ts";
import { onRecord } from "./deeds.ts";
import { endpoints, type Endpoint } from "./endpoints.ts";
import { problemResponse, type ProblemContext } from "./problem.ts";
import type { Services } from "./services.ts";
import type { SignIn, Visitor } from "./sign-in.ts";
import * as views from "./views.ts";

export type ApiEnv = { Bindings: { readonly client: string } };

/** Sign-in's bodies are short; a passkey's answer is the longest of them. */
const SIGN_IN_BYTES_MAX = 64 * 1024;
const CHANGES = new Set(["POST", "PUT", "PATCH", "DELETE"]);
const PRIVATE = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

export function createApi(deps: {
  readonly services: Services;
  readonly signIn: SignIn;
  readonly problems: ProblemContext;
}): OpenAPIHono<ApiEnv> {
  const { services, signIn, problems } = deps;
  const publicOrigin = new URL(services.settings.publicUrl).origin;
  const app = new OpenAPIHono<ApiEnv>();

  for (const key of ENDPOINTS) {
    const [method, path] = split(key);
    const endpoint = endpoints[key] as unknown as Endpoint;
    app.openAPIRegistry.registerPath(describe(key, endpoint));
    app.on(method, `/api/v1${path.replace(/\{(\w+)\}/g, ":$1")}`, async (c) => {
      const visitor = endpoint.access === "public" ? null : await signIn.visitor(c.req.raw.headers);
      admit(visitor, endpoint.access);
      if (CHANGES.has(method)) sameOrigin(c.req.raw, publicOrigin);
      const params = inputOf(paramsSchema(path), c.req.param()) as Record<string, string>;
      const query = inputOf(endpoint.query, queryOf(new URL(c.req.url))) as Record<string, string>;
      const body = CHANGES.has(method) ? inputOf(endpoint.body, await jsonOf(c.req.raw)) : null;
      const call = {
        services,
        signIn,
        visitor: visitor as Visitor,
        actor: visitor ? actorOf(visitor) : { userId: "" as never, name: "", roles: [] },
        params,
        query,
        body: body as never,
        client: c.env.client,
      };
      const answer = await onRecord(key, call, async () => endpoint.run(call));
      return c.json(endpoint.answer.parse(answer) as object, 200, PRIVATE);
    });
  }

  app.get("/api/v1/openapi.json", (c) => c.json(openApiOf(app, services.settings.publicUrl), 200, PRIVATE));

  app.all("/api/auth/*", async (c) => {
    const body = CHANGES.has(c.req.method) ? await readBody(c.req.raw, SIGN_IN_BYTES_MAX) : null;
    if (body) {
      // Strangers may sign in from our own pages alone: the library lets a request without cookies pass.
      sameOrigin(c.req.raw, publicOrigin);
      if (body.length > 0) required(parseJson(body));
    }
    const request = new Request(c.req.url, {
      method: c.req.method,
      headers: c.req.raw.headers,
      body: body && body.length > 0 ? (body as BodyInit) : null,
    });
    const response = await signIn.handle(request, c.env.client);
    response.headers.set("cache-control", "no-store");
    return response;
  });

  app.notFound(() => problemResponse(new Fault("state.not-found", "There is no such endpoint"), problems));
  app.onError((error) => problemResponse(error, problems));
  return app;
}

export function openApiOf(app: OpenAPIHono<ApiEnv>, publicUrl: string): object {
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "Parapet", version: "1", description: "The control plane's HTTP contract" },
    servers: [{ url: publicUrl }],
  });
}

/** Changes come from our own pages: with SameSite=Strict cookies this is the second lock against forged requests. */
function sameOrigin(request: Request, publicOrigin: string): void {
  if (request.headers.get("origin") === publicOrigin) return;
  throw new Fault(
    "auth.forbidden",
    `Cannot take changes from another page: open ${publicOrigin} itself, and send its address as Origin`,
  );
}

/** A call that takes nothing may come with nothing: no body and no type stand for null, which the endpoint's own table then judges. */
async function jsonOf(request: Request): Promise<unknown> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type === undefined && (await readBody(request, BODY_BYTES_MAX)).length === 0) return null;
  if (type !== "application/json") throw new Fault("input.invalid", "Send the body as application/json");
  return required(parseJson(await readBody(request, BODY_BYTES_MAX)));
}

function required<T>(parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.value;
  throw new Fault("input.invalid", `${parsed.why}: send one JSON object`);
}

/** Checks one part of a request; names each wrong field by its path, and never quotes what was sent. */
function inputOf(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const fields: Record<string, string> = {};
  for (const issue of result.error.issues.slice(0, 20)) {
    const unknown = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 5) : null;
    const at = issue.path.map(String).join(".").slice(0, 100) || "body";
    if (unknown) fields[at] = "Remove the fields that do not belong here";
    else fields[at] ??= issue.message;
  }
  throw new Fault("input.invalid", "Some fields are not right: see each of them", { fields });
}

function queryOf(url: URL): Record<string, string> {
  const entries: [string, string][] = [];
  for (const [name, value] of url.searchParams) {
    if (entries.length >= 20) throw new Fault("input.invalid", "Send fewer query parameters");
    entries.push([name, value]);
  }
  if (new Set(entries.map(([name]) => name)).size !== entries.length) {
    throw new Fault("input.invalid", "Send each query parameter once");
  }
  return Object.fromEntries(entries);
}

function split(key: keyof Endpoints): [method: string, path: string] {
  const [method = "", path = ""] = key.split(" ");
  return [method, path];
}

function paramsSchema(path: string): z.ZodObject {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as keyof typeof bodies.params);
  return z.object(Object.fromEntries(names.map((name) => [name, bodies.params[name]])));
}

function describe(key: keyof Endpoints, endpoint: Endpoint): RouteConfig {
  const [method, path] = split(key);
  const takesBody = CHANGES.has(method);
  return {
    method: method.toLowerCase() as RouteConfig["method"],
    path: `/api/v1${path}`,
    summary: endpoint.summary,
    description:
      endpoint.access === "public"
        ? "Anyone"
        : endpoint.access === "signed-in"
          ? "Anyone who signed in"
          : `Roles: ${endpoint.access.join(", ")}`,
    request: {
      params: paramsSchema(path),
      query: endpoint.query as z.ZodObject,
      ...(takesBody
        ? {
            body: {
              required: !endpoint.body.safeParse(null).success,
              content: { "application/json": { schema: endpoint.body } },
            },
          }
        : {}),
    },
    responses: {
      200: { description: "Done", content: { "application/json": { schema: endpoint.answer } } },
      default: {
        description: "A problem",
        content: { "application/problem+json": { schema: views.problem } },
      },
    },
  };
}
