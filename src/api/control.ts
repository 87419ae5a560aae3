/**
 * The control plane's front: the HTTP API, sign-in, the console's files and the public pages behind one listener, and the
 * command line's socket behind another. It owns no decision and no state but sessions: every request goes to a room below. The
 * public pages come in as an argument, as they live in the room above this one.
 */
import { Fault } from "../contract/fault.ts";
import type { PersonView } from "../contract/http.ts";
import { createApi } from "./app.ts";
import { consoleFile } from "./console-files.ts";
import { listenTcp, listenUnix, type Listening } from "./listen.ts";
import { createLocal } from "./local.ts";
import { invite, type Invitation } from "./people.ts";
import { problemResponse, type ProblemContext } from "./problem.ts";
import type { Services } from "./services.ts";
import { createSignIn, OPERATOR_LINK_MS } from "./sign-in.ts";

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
  readonly publicPages: PublicPages;
};

export type Control = {
  /** Listens on settings.controlListen. */
  listen(): Promise<Listening>;
  listenLocal(socketPath: string): Promise<{ close(): Promise<void> }>;
  /** A fresh one-time link, good for an hour, for somebody without a second factor; with `reset` for anybody. */
  signInLink(email: string, options?: { readonly reset?: boolean }): Promise<string>;
  invite(invitation: Invitation): Promise<PersonView & { readonly signInLink: string }>;
  /** Serves one request in this process. */
  fetch(request: Request, client: string): Promise<Response>;
  close(): Promise<void>;
};

export async function createControl(options: ControlOptions): Promise<Control> {
  const { consoleDir, secret, publicPages, ...services } = options;
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
  const pages = publicPages({ services, problems, enter: signIn.enter });
  const open: { close(): Promise<void> }[] = [];

  const fetch = async (request: Request, client: string): Promise<Response> => {
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

  return {
    fetch,
    async listen() {
      const listening = await listenTcp(fetch, { at: services.settings.controlListen, problems });
      open.push(listening);
      return listening;
    },
    async listenLocal(path) {
      const listening = await listenUnix((request) => local.fetch(request), { path, problems });
      open.push(listening);
      return listening;
    },
    signInLink: (email, { reset = false } = {}) =>
      signIn.issueLink(email.toLowerCase(), { lifetimeMs: OPERATOR_LINK_MS, reset }),
    invite: (invitation) => invite({ services, signIn }, invitation),
    async close() {
      signIn.close();
      await Promise.all(open.map((listening) => listening.close()));
    },
  };
}
