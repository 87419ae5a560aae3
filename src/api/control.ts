/**
 * The control plane's front: the HTTP API, sign-in, the console's files and the public pages behind one listener, and the
 * command line's socket behind another. It owns no decision and no state but sessions: every request goes to a room below.
 */
import { Fault } from "../contract/fault.ts";
import type { PersonView } from "../contract/http.ts";
import { anyoneEnrolled, personByEmail } from "../store/people.ts";
import { createApi } from "./app.ts";
import { consoleFile } from "./console-files.ts";
import { listenTcp, listenUnix, type Listening } from "./listen.ts";
import { createLocal } from "./local.ts";
import { invite, type Invitation } from "./people.ts";
import { problemResponse, type ProblemContext } from "./problem.ts";
import type { Services } from "./services.ts";
import { createSignIn, OPERATOR_LINK_MS } from "./sign-in.ts";
import { publicPages } from "../web/public-pages.ts";

export type PublicPages = (deps: {
  readonly services: Services;
  readonly problems: ProblemContext;
  /** Trades the token of a one-time link for Set-Cookie lines. */
  readonly enter: (token: string, client: string) => Promise<readonly string[]>;
}) => { fetch(request: Request, client: string): Promise<Response> };

export type ControlOptions = Services & {
  /** The console's built files; absolute. */
  readonly consoleDir: string;
  /** 32 bytes that sessions and second factors are sealed with: kept by the caller, the same at every start. */
  readonly secret: Uint8Array;
  /** Another set of public pages, for tests. */
  readonly publicPages?: PublicPages;
  /** Called after each request that may have changed something: there may be work to carry on. */
  readonly onChange: () => void;
};

/** The first person of a fresh instance. ".internal" is no name of the public Internet (ICANN, 2024). */
export const OPERATOR_EMAIL = "operator@parapet.internal";

export type Control = {
  /** Listens on settings.controlListen; `url` is settings.publicUrl. */
  listen(): Promise<Listening>;
  listenLocal(socketPath: string): Promise<{ close(): Promise<void> }>;
  /** A fresh one-time link, good for an hour, for somebody without a second factor; with `reset` for anybody. */
  signInLink(email: string, options?: { readonly reset?: boolean }): Promise<string>;
  /** A link for the first operator; null as soon as any operator has a second factor. */
  operatorSignInLink(): Promise<string | null>;
  invite(invitation: Invitation): Promise<PersonView & { readonly signInLink: string }>;
  /** Trades the token of a one-time link for Set-Cookie lines; `client` is whom tries are counted by. */
  enter(token: string, client: string): Promise<readonly string[]>;
  /** Serves one request in this process. */
  fetch(request: Request, client: string): Promise<Response>;
  close(): Promise<void>;
};

export async function createControl(options: ControlOptions): Promise<Control> {
  const { consoleDir, secret, publicPages: pagesOf = publicPages, onChange, ...services } = options;
  const problems: ProblemContext = {
    random: services.random,
    onUnknown: ({ id, trace }) =>
      services.onAlarm({ code: "control.failed", what: `A request failed with number ${id}: ${trace}` }),
  };
  const signIn = createSignIn({
    db: services.db,
    settings: services.settings,
    secret,
    now: services.now,
    random: services.random,
  });
  const api = createApi({ services, signIn, problems });
  const local = createLocal({ services, signIn, problems });
  const pages = pagesOf({ services, problems, enter: signIn.enter });
  const open: { close(): Promise<void> }[] = [];

  const route = async (request: Request, client: string): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === "/api" || pathname.startsWith("/api/")) return api.fetch(request, { client });
    if (pathname === "/console" || pathname.startsWith("/console/")) {
      if (request.method !== "GET" && request.method !== "HEAD") {
        return problemResponse(new Fault("state.not-found", "The console is read with GET"), problems);
      }
      return consoleFile(consoleDir, pathname);
    }
    return pages.fetch(request, client);
  };

  const announced = async (request: Request, response: Response | Promise<Response>): Promise<Response> => {
    const answer = await response;
    if (request.method !== "GET" && request.method !== "HEAD" && answer.ok) onChange();
    return answer;
  };
  const fetch = (request: Request, client: string): Promise<Response> =>
    announced(request, route(request, client));

  return {
    fetch,
    async listen() {
      const listening = await listenTcp(fetch, { at: services.settings.controlListen, problems });
      open.push(listening);
      // People and browsers know it by its public address alone: that is what changes are checked against.
      return { ...listening, url: services.settings.publicUrl };
    },
    async listenLocal(path) {
      const listening = await listenUnix((request) => announced(request, local.fetch(request)), {
        path,
        problems,
      });
      open.push(listening);
      return listening;
    },
    signInLink: (email, { reset = false } = {}) =>
      signIn.issueLink(email.toLowerCase(), { lifetimeMs: OPERATOR_LINK_MS, reset }),
    async operatorSignInLink() {
      if (await anyoneEnrolled(services.db, "operator")) return null;
      if (!(await personByEmail(services.db, OPERATOR_EMAIL))) {
        await invite(
          { services, signIn },
          { name: "Operator", email: OPERATOR_EMAIL, roles: ["operator", "officer"] },
        );
      }
      return signIn.issueLink(OPERATOR_EMAIL, { lifetimeMs: OPERATOR_LINK_MS });
    },
    enter: signIn.enter,
    invite: (invitation) => invite({ services, signIn }, invitation),
    async close() {
      signIn.close();
      await Promise.all(open.map((listening) => listening.close()));
    },
  };
}
