/**
 * Sign-in of staff and customers: password with TOTP, or a passkey; no open sign-up. A person begins with a one-time link that
 * opens nothing but enrolment. Every session remembers how it was begun (`factor`), and only a second factor proven in that
 * session opens the staff's doors. The first factor can be enrolled in a link's session alone, and a further one only in a
 * session that has already proven one: a stolen password can neither decide nor enrol. Links are kept as hashes, work once,
 * and are issued only to a person without a second factor. Addresses and browsers of sessions are not kept.
 */
import { createHash } from "node:crypto";
import { passkey } from "@better-auth/passkey";
import { betterAuth } from "better-auth";
import { APIError } from "better-auth/api";
import { magicLink } from "better-auth/plugins/magic-link";
import { twoFactor } from "better-auth/plugins/two-factor";
import { Fault } from "../contract/fault.ts";
import type { Settings } from "../contract/settings.ts";
import type { Db } from "../store/db.ts";
import {
  deleteExpiredSignIns,
  deleteLinks,
  deletePassword,
  personByEmail,
  personById,
  resetPerson,
  type PersonRow,
} from "../store/people.ts";
import { createRate } from "./rate.ts";

export const FACTORS = ["link", "password", "totp", "passkey", "backup-code"] as const;
export type Factor = (typeof FACTORS)[number];
export const STRONG_FACTORS: readonly Factor[] = ["totp", "passkey", "backup-code"];

export const OPERATOR_LINK_MS = 60 * 60_000;
export const INVITATION_MS = 72 * 60 * 60_000;
export const PASSWORD_CHARS_MIN = 12;
const PASSWORD_CHARS_MAX = 128;
const SESSION_SECONDS = 12 * 60 * 60;
const LINK_SESSION_MS = 60 * 60_000;
const TRY_WINDOW_MS = 10 * 60_000;
const TRIES_PER_CLIENT_MAX = 60;
/** Loose on purpose: a tight bound would let a stranger lock an officer out by trying their address. */
const TRIES_PER_PERSON_MAX = 50;
const KEYS_MAX = 10_000;
const CLEANING_MS = 10 * 60_000;

/** Which endpoint begins which kind of session. What is not here begins the weakest. */
const FACTOR_OF_PATH: Readonly<Record<string, Factor>> = {
  "/magic-link/verify": "link",
  "/sign-in/email": "password",
  "/two-factor/verify-totp": "totp",
  "/two-factor/verify-backup-code": "backup-code",
  "/passkey/verify-authentication": "passkey",
};

type Guard = "open" | "try" | "enrol" | "enrol-or-try" | "strong";

/** The endpoints of sign-in that exist. Everything else that the library offers is not served. */
export const SIGN_IN_ENDPOINTS: Readonly<Record<string, Guard>> = {
  "GET /get-session": "open",
  "POST /sign-out": "open",
  "POST /sign-in/email": "try",
  "POST /two-factor/verify-totp": "enrol-or-try",
  "POST /two-factor/verify-backup-code": "try",
  "GET /passkey/generate-authenticate-options": "try",
  "POST /passkey/verify-authentication": "try",
  "POST /enrol/password": "enrol",
  "POST /two-factor/enable": "enrol",
  "GET /passkey/generate-register-options": "enrol",
  "POST /passkey/verify-registration": "enrol",
  "POST /two-factor/generate-backup-codes": "strong",
  "GET /passkey/list-user-passkeys": "strong",
  "POST /passkey/delete-passkey": "strong",
  "POST /change-password": "strong",
  "GET /list-sessions": "strong",
  "POST /revoke-other-sessions": "strong",
};

export type Visitor = { readonly person: PersonRow; readonly factor: Factor; readonly strong: boolean };

export type SignIn = {
  /** Who sent these headers, or null. */
  visitor(headers: Headers): Promise<Visitor | null>;
  /** Serves /api/auth/…; `client` is the key that tries are counted by. */
  handle(request: Request, client: string): Promise<Response>;
  /** A link that works once, until `lifetimeMs` from now. Earlier links of the same person stop working. */
  issueLink(
    email: string,
    options: { readonly lifetimeMs: number; readonly reset?: boolean },
  ): Promise<string>;
  /** Trades a link's token for a session; answers the Set-Cookie lines, or throws Fault auth.required. */
  enter(token: string, client: string): Promise<readonly string[]>;
  /** For the test that no migration of the library is missing. */
  readonly options: object;
  close(): void;
};

export function createSignIn(deps: {
  readonly db: Db;
  readonly settings: Settings;
  readonly secret: Uint8Array;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
}): SignIn {
  const { db, settings } = deps;
  if (deps.secret.length < 32) throw new Error("the sign-in secret is shorter than 32 bytes");
  const publicUrl = new URL(settings.publicUrl);
  const auth = betterAuth({
    appName: "Parapet",
    baseURL: settings.publicUrl,
    basePath: "/api/auth",
    secret: Buffer.from(deps.secret).toString("base64"),
    telemetry: { enabled: false },
    logger: { disabled: true }, // Its lines would quote addresses and origins that strangers choose.
    database: { db: db.kysely() as never, type: "postgres" },
    trustedOrigins: [publicUrl.origin],
    rateLimit: { enabled: false }, // Counted here, by clients that this server saw itself.
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: PASSWORD_CHARS_MIN,
      maxPasswordLength: PASSWORD_CHARS_MAX,
    },
    account: { modelName: "credential" },
    session: {
      expiresIn: SESSION_SECONDS,
      disableSessionRefresh: true,
      additionalFields: {
        factor: { type: "string", required: true, input: false, defaultValue: "password" },
      },
    },
    advanced: {
      cookiePrefix: "parapet",
      useSecureCookies: publicUrl.protocol === "https:",
      defaultCookieAttributes: { httpOnly: true, sameSite: "strict", path: "/api" },
      ipAddress: { disableIpTracking: true },
    },
    databaseHooks: {
      session: {
        create: {
          before: async (session, context) => {
            const factor = FACTOR_OF_PATH[context?.path ?? ""] ?? "password";
            return {
              data: {
                ...session,
                factor,
                ipAddress: "",
                userAgent: "",
                ...(factor === "link" ? { expiresAt: new Date(Date.now() + LINK_SESSION_MS) } : {}),
              },
            };
          },
        },
      },
    },
    plugins: [
      twoFactor({ issuer: "Parapet" }),
      passkey({
        rpID: publicUrl.hostname,
        rpName: "Parapet",
        origin: publicUrl.origin,
        authenticatorSelection: { residentKey: "required", userVerification: "required" },
        authentication: {
          // A passkey stands for two factors only if the device asked its owner for a PIN or a finger (WebAuthn §6.1, flag UV).
          afterVerification: async ({ verification }) => {
            if (!verification.authenticationInfo.userVerified) {
              throw new APIError("UNAUTHORIZED", {
                message: "Unlock the passkey with its PIN, finger or face",
              });
            }
          },
        },
      }),
      magicLink({
        storeToken: "hashed",
        disableSignUp: true,
        expiresIn: OPERATOR_LINK_MS / 1000,
        sendMagicLink: async () => {
          throw new Error("links are issued by issueLink alone");
        },
      }),
    ],
  });

  const rate = { max: TRIES_PER_CLIENT_MAX, windowMs: TRY_WINDOW_MS, keysMax: KEYS_MAX, now: deps.now };
  const perClient = createRate(rate);
  const perPerson = createRate({ ...rate, max: TRIES_PER_PERSON_MAX });
  const cleaning = setInterval(() => {
    deleteExpiredSignIns(db, new Date(deps.now())).catch(() => undefined); // The next round tries again.
  }, CLEANING_MS);
  cleaning.unref();

  const visitor = async (headers: Headers): Promise<Visitor | null> => {
    if (!headers.has("cookie")) return null;
    const found = await auth.api.getSession({ headers });
    if (!found) return null;
    const person = await personById(db, found.user.id);
    const factor = FACTORS.find((known) => known === (found.session as { factor?: string }).factor);
    if (!person || !factor) return null;
    return { person, factor, strong: STRONG_FACTORS.includes(factor) };
  };

  const guard = async (kind: Guard, request: Request): Promise<Visitor | null> => {
    if (kind === "open" || kind === "try") return null;
    const who = await visitor(request.headers);
    if (!who) {
      if (kind === "enrol-or-try") return null;
      throw new Fault("auth.required", "Sign in first");
    }
    if (who.strong) return who;
    if (kind !== "strong" && who.factor === "link" && !who.person.secondFactor) return who;
    throw new Fault("auth.second-factor-required", whyNotStrong(who));
  };

  return {
    visitor,
    options: auth.options,

    async handle(request, client) {
      const path = new URL(request.url).pathname.slice("/api/auth".length);
      const kind = SIGN_IN_ENDPOINTS[`${request.method} ${path}`];
      if (kind === undefined) throw new Fault("state.not-found", "There is no such step of signing in");
      const who = await guard(kind, request);
      if (kind === "try" || (kind === "enrol-or-try" && !who)) perClient.take(client);
      if (path === "/sign-in/email") perPerson.take(emailKey(await request.clone().text()));
      if (path === "/enrol/password") return setPassword(request, who as Visitor);
      return auth.handler(request);
    },

    async issueLink(email, options) {
      const person = await personByEmail(db, email);
      if (!person) throw new Fault("state.not-found", "Nobody has this address: invite them first");
      if (options.reset === true) await db.transaction((tx) => resetPerson(tx, person.userId));
      else if (person.secondFactor) {
        throw new Fault(
          "state.conflict",
          "Cannot issue a link as this person has a second factor: they sign in with it, or an operator resets them",
        );
      }
      const token = Buffer.from(deps.random(32)).toString("base64url");
      const value = JSON.stringify({ type: "magic-link", email: person.email });
      await deleteLinks(db, value);
      const { internalAdapter } = await auth.$context;
      await internalAdapter.createVerificationValue({
        // The identifier that the plugin looks up: SHA-256 of the token, so that a copy of the database opens nothing.
        identifier: `magic-link:${createHash("sha256").update(token).digest("base64url")}`,
        value,
        expiresAt: new Date(deps.now() + options.lifetimeMs),
      });
      return `${settings.publicUrl}/enter?token=${token}`;
    },

    async enter(token, client) {
      perClient.take(client);
      const spent = new Fault(
        "auth.required",
        "This link was used already, or is too old: ask the person who invited you for a new one",
      );
      if (!/^[A-Za-z0-9_-]{43}$/.test(token)) throw spent;
      const response = await auth.api
        .magicLinkVerify({ query: { token }, headers: new Headers(), asResponse: true })
        .catch(() => null);
      const cookies = response?.headers.getSetCookie() ?? [];
      if (!response?.ok || cookies.length === 0) throw spent;
      return cookies;
    },

    close: () => clearInterval(cleaning),
  };

  async function setPassword(request: Request, who: Visitor): Promise<Response> {
    const body = (await request.json().catch(() => null)) as { password?: unknown } | null;
    const newPassword = body?.password;
    const tooShort = typeof newPassword !== "string" || newPassword.length < PASSWORD_CHARS_MIN;
    if (tooShort || newPassword.length > PASSWORD_CHARS_MAX) {
      // In the library's own shape, as the endpoints beside this one answer so.
      const code = tooShort ? "PASSWORD_TOO_SHORT" : "PASSWORD_TOO_LONG";
      const message = `Use ${PASSWORD_CHARS_MIN} to ${PASSWORD_CHARS_MAX} characters`;
      return Response.json({ code, message }, { status: 400 });
    }
    // An enrolment that was interrupted begins again. Who has proven a second factor changes a password by knowing it.
    if (who.factor === "link") await deletePassword(db, who.person.userId);
    try {
      await auth.api.setPassword({ body: { newPassword }, headers: request.headers });
    } catch (cause) {
      throw new Fault("state.conflict", "There is a password already: change it with the old one", { cause });
    }
    return Response.json({ status: true });
  }
}

/** What a person whose session proves too little has to do. */
export function whyNotStrong(who: Visitor): string {
  if (who.person.secondFactor) return "Sign in again with your authenticator code or your passkey";
  return who.factor === "link"
    ? "Set a password and an authenticator, or a passkey, then go on"
    : "Ask an operator for a new one-time link, and set up an authenticator or a passkey with it";
}

/** Hashed, so that no address is kept as a key. Unreadable bodies share one key. */
function emailKey(body: string): string {
  try {
    const email = (JSON.parse(body) as { email?: unknown }).email;
    if (typeof email === "string")
      return createHash("sha256").update(email.trim().toLowerCase()).digest("hex");
  } catch {
    // Not JSON: the library refuses it.
  }
  return "unreadable";
}
