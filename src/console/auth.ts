/**
 * Signing in and enrolling, over better-auth's HTTP endpoints below /api/auth, by plain fetch. Its client package is not used: it
 * brings a session store and its own refreshing, where `GET /me` already answers who is here. Passkeys use the browser's own
 * JSON forms of WebAuthn (Level 3 §5.1.8 to 5.1.10); a browser without them is told so. Every refusal is an `AuthRefusal`
 * with a closed set of reasons, so that the screens have words for each; foreign text is never shown.
 */

export const AUTH_BASE = "/api/auth";

export type AuthRefusalReason =
  "wrong" | "wrongCode" | "wrongPassword" | "tooMany" | "passkeyCancelled" | "session" | "offline" | "failed";

export class AuthRefusal extends Error {
  readonly reason: AuthRefusalReason;
  /** better-auth's own code, for the person who has to find out why. */
  readonly code: string;
  /** The server's own sentence, from a problem document (RFC 9457); "" where it sent none. */
  readonly detail: string;

  constructor(reason: AuthRefusalReason, told: { readonly code?: string; readonly detail?: string } = {}) {
    super(reason);
    this.name = "AuthRefusal";
    this.reason = reason;
    this.code = told.code ?? "";
    this.detail = told.detail ?? "";
  }
}

const REASON_OF_CODE: Readonly<Record<string, AuthRefusalReason>> = {
  INVALID_EMAIL_OR_PASSWORD: "wrong",
  INVALID_EMAIL: "wrong",
  USER_NOT_FOUND: "wrong",
  INVALID_PASSWORD: "wrongPassword",
  PASSWORD_TOO_SHORT: "wrongPassword",
  PASSWORD_TOO_LONG: "wrongPassword",
  INVALID_CODE: "wrongCode",
  INVALID_BACKUP_CODE: "wrongCode",
  OTP_HAS_EXPIRED: "wrongCode",
  TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE: "tooMany",
  ACCOUNT_TEMPORARILY_LOCKED: "tooMany",
  INVALID_TWO_FACTOR_COOKIE: "session",
  UNAUTHORIZED: "session",
  SESSION_EXPIRED: "session",
  SESSION_NOT_FRESH: "session",
  // Parapet's own codes, of contract/fault.ts.
  "auth.required": "session",
  "limit.rate": "tooMany",
};

/** The reason for a refusal, from better-auth's code first and the status second. */
export function reasonOf(status: number, code: string): AuthRefusalReason {
  const known = Object.hasOwn(REASON_OF_CODE, code) ? REASON_OF_CODE[code] : undefined;
  if (known !== undefined) return known;
  if (status === 429) return "tooMany";
  if (status === 401) return "session";
  return "failed";
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export type Auth = {
  /** `second-step`: the password was right, a code is wanted. */
  signIn(input: { readonly email: string; readonly password: string }): Promise<"signed-in" | "second-step">;
  verifyTotp(code: string): Promise<void>;
  verifyBackupCode(code: string): Promise<void>;
  signOut(): Promise<void>;
  /** Sets the first password of somebody who came through a one-time link. */
  enrolPassword(password: string): Promise<void>;
  /** Begins the second factor. Nothing is in force before `verifyTotp` succeeds. */
  enableTotp(
    password: string,
  ): Promise<{ readonly totpUri: string; readonly backupCodes: readonly string[] }>;
  signInWithPasskey(): Promise<void>;
  addPasskey(name: string): Promise<void>;
};

/** What a browser offers for passkeys; absent in tests and in old browsers. */
export type PasskeyDevice = {
  create(options: unknown): Promise<unknown>;
  get(options: unknown): Promise<unknown>;
};

type PublicKeyCredentialStatics = {
  parseCreationOptionsFromJSON?(json: unknown): PublicKeyCredentialCreationOptions;
  parseRequestOptionsFromJSON?(json: unknown): PublicKeyCredentialRequestOptions;
};

/** The browser's passkey device, or null where it cannot read WebAuthn's JSON forms. */
export function browserPasskeys(): PasskeyDevice | null {
  const statics = (globalThis as { PublicKeyCredential?: PublicKeyCredentialStatics }).PublicKeyCredential;
  const creation = statics?.parseCreationOptionsFromJSON?.bind(statics);
  const request = statics?.parseRequestOptionsFromJSON?.bind(statics);
  if (creation === undefined || request === undefined) return null;
  return {
    create: async (json) => await navigator.credentials.create({ publicKey: creation(json) }),
    get: async (json) => await navigator.credentials.get({ publicKey: request(json) }),
  };
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function createAuth(input: { readonly fetch: Fetch; readonly passkeys: PasskeyDevice | null }): Auth {
  async function send(
    method: "GET" | "POST",
    path: string,
    body?: unknown,
  ): Promise<Record<string, unknown>> {
    let response: Response;
    try {
      response = await input.fetch(AUTH_BASE + path, {
        method,
        credentials: "same-origin",
        headers: {
          accept: "application/json",
          ...(method === "POST" ? { "content-type": "application/json" } : {}),
        },
        ...(method === "POST" ? { body: JSON.stringify(body ?? {}) } : {}),
      });
    } catch {
      throw new AuthRefusal("offline");
    }
    const json: unknown = await response.json().catch(() => null);
    const record = typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
    if (!response.ok) {
      const code = text(record["code"]);
      // Only Parapet's own sentences are shown, and only where the screens have no words of their own.
      const own = response.headers.get("content-type")?.startsWith("application/problem+json") === true;
      const reason = reasonOf(response.status, code);
      throw new AuthRefusal(reason, {
        code,
        detail: own && reason === "failed" ? text(record["detail"]) : "",
      });
    }
    return record;
  }

  async function ask(make: (device: PasskeyDevice) => Promise<unknown>): Promise<unknown> {
    if (input.passkeys === null) throw new AuthRefusal("passkeyCancelled");
    const credential = await make(input.passkeys).catch(() => null);
    if (credential === null) throw new AuthRefusal("passkeyCancelled");
    const toJson = (credential as { toJSON?: () => unknown }).toJSON;
    return toJson === undefined ? credential : toJson.call(credential);
  }

  return {
    async signIn({ email, password }) {
      const answer = await send("POST", "/sign-in/email", { email, password });
      return answer["twoFactorRedirect"] === true ? "second-step" : "signed-in";
    },
    async verifyTotp(code) {
      await send("POST", "/two-factor/verify-totp", { code });
    },
    async verifyBackupCode(code) {
      await send("POST", "/two-factor/verify-backup-code", { code });
    },
    async signOut() {
      await send("POST", "/sign-out");
    },
    async enrolPassword(password) {
      await send("POST", "/enrol/password", { password });
    },
    async enableTotp(password) {
      const answer = await send("POST", "/two-factor/enable", { password });
      const codes = answer["backupCodes"];
      const totpUri = text(answer["totpURI"]);
      if (!totpUri.startsWith("otpauth://") || !Array.isArray(codes)) throw new AuthRefusal("failed");
      return { totpUri, backupCodes: codes.filter((c): c is string => typeof c === "string") };
    },
    async signInWithPasskey() {
      const options = await send("GET", "/passkey/generate-authenticate-options");
      const response = await ask((device) => device.get(options));
      await send("POST", "/passkey/verify-authentication", { response });
    },
    async addPasskey(name) {
      const options = await send("GET", "/passkey/generate-register-options");
      const response = await ask((device) => device.create(options));
      await send("POST", "/passkey/verify-registration", { response, name });
    },
  };
}

/** The secret in an otpauth:// address, in groups of four, for people without a camera. */
export function totpSecret(totpUri: string): string {
  const secret = URL.canParse(totpUri) ? (new URL(totpUri).searchParams.get("secret") ?? "") : "";
  return secret.replace(/(.{4})(?=.)/g, "$1 ");
}
