/**
 * FOR DEVELOPMENT ONLY: shows the console without Parapet. Serves the built console and answers the contract from fixtures; it decides nothing,
 * stores nothing and knows no law. Start it with `node src/console/mock/server.ts [--port 4180]`. The cookie `mock`
 * chooses the situation: `signed-out`, `newcomer`, `calm`, `empty`, `collision`, `attack`, or none for a busy night. It sends the strict
 * Content-Security-Policy that the console is built for, so that a breach shows here first.
 */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";
import { parseArgs } from "node:util";
import { FAULT_STATUS } from "../../contract/fault.ts";
import type { Endpoints } from "../../contract/http.ts";
import { fakeId, worldAt } from "./fixtures.ts";
import { PROTECTION_ANSWERS } from "./protection-answers.ts";
import { MockFault, SITE_ANSWERS, type SiteAsked } from "./site-answers.ts";

export const CONSOLE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

type Situation = "signed-out" | "newcomer" | "calm" | "empty" | "busy" | "collision" | "attack";

type Asked = SiteAsked & { readonly situation: Situation };
type Answers = { readonly [K in keyof Endpoints]: (asked: Asked) => Endpoints[K]["answer"] };

const none = { items: [], total: 0 } as const;

const ANSWERS: Answers = {
  ...SITE_ANSWERS,
  ...PROTECTION_ANSWERS,
  "GET /me": ({ world, situation }) => (situation === "newcomer" ? world.newcomer : world.me),
  "GET /overview": ({ world, situation }) => (situation === "calm" ? world.calm : world.overview),
  "GET /sites": ({ world, situation }) => (situation === "empty" ? none : world.sites),
  "POST /sites": () => {
    throw new MockFault("site.origin-unusable", "Cannot use this origin: give the customer's own server.", {
      originUrl: "This address is not public: name a public one, or allow its range in the settings.",
    });
  },
  "POST /sites/{siteId}/release": ({ world }) => first(world.sites.items),
  "POST /sites/{siteId}/refuse": ({ world }) => first(world.sites.items),
  "GET /edges": ({ world, situation }) => (situation === "empty" ? none : world.edges),
  "GET /cases": ({ world, situation }) => (situation === "empty" ? none : world.caseRows),
  "GET /cases/{caseId}": ({ world, part }) => {
    const found = world.cases.find((view) => view.caseId === part(2));
    if (found === undefined)
      throw new MockFault("state.not-found", `There is no case "${part(2)}": open the queue.`);
    return found;
  },
  "POST /cases/{caseId}/captures": ({ world }) => world.page,
  "POST /cases/{caseId}/assessments": ({ world }) => first(world.cases).danger,
  "POST /cases/{caseId}/proposals": ({ world }) => world.proposed,
  "POST /cases/{caseId}/refusals": ({ world }) => world.proposed,
  "POST /cases/{caseId}/brakes": () => {
    throw new MockFault(
      "desk.brake-spent",
      "The brake was pulled in this case before: capture new evidence first.",
    );
  },
  "POST /cases/{caseId}/referrals": ({ world }) => first(first(world.cases).referrals),
  "POST /decisions/{decisionId}/{action}": ({ world }) => world.confirmed,
  "GET /measures/{measureId}": ({ world }) => {
    if (world.confirmed.measure === null) throw new MockFault("state.not-found", "There is no such measure.");
    return world.confirmed.measure;
  },
  "POST /measures/{measureId}/lifts": ({ world }) => world.proposed,
  "GET /appeals": ({ world, situation }) => (situation === "empty" ? none : world.appeals),
  "POST /appeals/{appealId}/decision": ({ world }) => first(world.appeals.items),
  "POST /cases/{caseId}/openings": ({ world }) => world.openings[0],
  "POST /openings/{openingId}/{step}": ({ world }) => world.openings[0],
  "GET /openings/{openingId}/sealed": ({ world }) => world.sealed,
  "GET /people": ({ world }) => world.people,
  "POST /people": ({ body }) => ({
    userId: fakeId("user", 9),
    name: String(body["name"]),
    email: String(body["email"]),
    roles: ["officer"],
    secondFactor: false,
    signInLink:
      "https://edge.example/api/auth/magic-link/verify?token=onlyamock&callbackURL=%2Fconsole%2Fwelcome",
  }),
  "PUT /vault": () => ({ fingerprint: "9c41 07be 5d22 e8f0" }),
  "GET /transparency": ({ world }) => world.transparency,
};

function first<T>(items: readonly T[]): T {
  const item = items[0];
  if (item === undefined) throw new Error("Fixtures are empty");
  return item;
}

const PATTERNS = (Object.keys(ANSWERS) as (keyof Endpoints)[]).map((endpoint) => {
  const [method, path] = endpoint.split(" ");
  return { endpoint, method, pattern: new RegExp(`^${(path ?? "").replace(/\{[^}]+\}/g, "[^/]+")}$`) };
});

const AUTH_ANSWERS: Readonly<Record<string, unknown>> = {
  "/sign-in/email": { twoFactorRedirect: true },
  "/two-factor/enable": {
    totpURI:
      "otpauth://totp/Parapet:new%40desk.example?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Parapet",
    backupCodes: [
      "mK3x-9aQe",
      "pL7r-2bWd",
      "vN5t-8cZf",
      "hJ4y-6gXs",
      "qR9u-3dVk",
      "wT2i-7eBm",
      "zY6o-4fCn",
      "bG8p-5hDl",
    ],
  },
};

function send(res: ServerResponse, status: number, body: unknown, type = "application/json"): void {
  res.writeHead(status, { "content-type": type, "cache-control": "no-store" });
  res.end(JSON.stringify(body));
}

function sendFault(res: ServerResponse, fault: MockFault): void {
  const status = FAULT_STATUS[fault.code];
  const problem = { type: "about:blank", title: "Error", status, detail: fault.message, code: fault.code };
  send(res, status, { ...problem, fields: fault.fields }, "application/problem+json");
}

async function readBody(req: IncomingMessage): Promise<Record<string, unknown>> {
  let text = "";
  for await (const chunk of req) {
    text += String(chunk);
    if (text.length > 100_000) break;
  }
  const parsed: unknown = text === "" ? {} : JSON.parse(text);
  return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
}

async function answer(req: IncomingMessage, res: ServerResponse, dir: string): Promise<void> {
  const { pathname: path, searchParams } = new URL(req.url ?? "/", "http://mock.test");
  const situation = (/(?:^|;\s*)mock=([a-z-]+)/.exec(req.headers.cookie ?? "")?.[1] ?? "busy") as Situation;
  if (path.startsWith("/api/auth/")) {
    const body = await readBody(req);
    if (body["code"] === "000000") return send(res, 401, { code: "INVALID_CODE" });
    return send(res, 200, AUTH_ANSWERS[path.slice("/api/auth".length)] ?? { status: true });
  }
  if (path.startsWith("/api/v1/")) {
    if (situation === "signed-out") return sendFault(res, new MockFault("auth.required", "Sign in."));
    const below = path.slice("/api/v1".length);
    const found = PATTERNS.find((p) => p.method === req.method && p.pattern.test(below));
    if (found === undefined) return sendFault(res, new MockFault("state.not-found", "No such endpoint."));
    const parts = below.split("/");
    try {
      const asked = {
        world: worldAt(Date.now()),
        situation,
        part: (n: number) => parts[n] ?? "",
        query: (name: string) => searchParams.get(name) ?? "",
        body: await readBody(req),
      };
      return send(res, 200, ANSWERS[found.endpoint](asked));
    } catch (error) {
      if (error instanceof MockFault) return sendFault(res, error);
      throw error;
    }
  }
  if (!path.startsWith("/console")) {
    res.writeHead(302, { location: "/console/" });
    res.end();
    return;
  }
  // Every address of the console that is no file is the console's one page.
  const name = normalize(path.slice("/console".length)).replace(/^\/+/, "");
  const file = extname(name) in TYPES && !name.includes("..") ? name : "index.html";
  const bytes = await readFile(join(dir, file)).catch(() => null);
  res.writeHead(bytes === null ? 404 : 200, {
    "content-type": TYPES[extname(file)] ?? "application/octet-stream",
    "content-security-policy": CONSOLE_CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  });
  res.end(bytes ?? "");
}

/** Starts the mock on `port` (0: any free one), serving the console that was built into `dir`. */
export async function startMock(input: {
  readonly dir: string;
  readonly port: number;
}): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((req, res) => {
    answer(req, res, input.dir).catch((error: unknown) => {
      res.statusCode = 500;
      res.end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(input.port, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Mock has no port");
  return { url: `http://127.0.0.1:${address.port}`, server };
}

/** Builds the console into a folder of its own: the mock never touches what a running Parapet serves. */
export async function buildForMock(): Promise<string> {
  const { build } = await import("vite");
  const dir = join(import.meta.dirname, "../../../build/console-mock");
  await build({
    configFile: join(import.meta.dirname, "../vite.config.ts"),
    configLoader: "native",
    logLevel: "warn",
    build: { outDir: dir },
  });
  return dir;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: "string", default: "4180" } } });
  const mock = await startMock({ dir: await buildForMock(), port: Number(values.port) });
  process.stdout.write(`Mock console, made-up data: ${mock.url}/console/\n`);
}
