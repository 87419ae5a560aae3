/**
 * People of the story who sign in: they open their one-time link, choose a password, enrol an authenticator, and work
 * through the HTTP contract like the console does. Each keeps their own cookies.
 */
import { createHmac } from "node:crypto";
import { ENDPOINTS, type Endpoints, type Problem } from "../../contract/http.ts";

/** One code of an authenticator: RFC 6238, SHA-1, 30 s, six digits. `secret` is base32 (RFC 4648 §6). */
export function totp(secret: string, atMs: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let bits = "";
  for (const char of secret.replace(/=+$/, "")) bits += alphabet.indexOf(char).toString(2).padStart(5, "0");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(atMs / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

export class StaffMember {
  readonly name: string;
  readonly email: string;
  readonly #url: string;
  readonly #onBytes: (text: string) => void;
  readonly #cookies = new Map<string, string>();
  readonly #password: string;
  #secret = "";

  constructor(options: {
    readonly name: string;
    readonly email: string;
    readonly url: string;
    readonly password: string;
    /** Sees every byte that comes back, for the search for leaks. */
    readonly onBytes: (text: string) => void;
  }) {
    this.name = options.name;
    this.email = options.email;
    this.#url = options.url;
    this.#password = options.password;
    this.#onBytes = options.onBytes;
  }

  /** From the one-time link to a session with a second factor. */
  async enrol(link: string): Promise<void> {
    const token = new URL(link).searchParams.get("token") ?? "";
    await this.#send("POST", "/enter", { form: { token } });
    await this.#auth("/enrol/password", { password: this.#password });
    const { totpURI } = await this.#auth<{ totpURI: string }>("/two-factor/enable", {
      password: this.#password,
    });
    this.#secret = new URL(totpURI).searchParams.get("secret") ?? "";
    await this.#auth("/two-factor/verify-totp", { code: totp(this.#secret, Date.now()) });
    this.#cookies.clear();
    await this.signIn();
  }

  async signIn(): Promise<void> {
    await this.#auth("/sign-in/email", { email: this.email, password: this.#password });
    await this.#auth("/two-factor/verify-totp", { code: totp(this.#secret, Date.now()) });
  }

  /** One call of the HTTP contract. Throws the problem's detail. */
  async call<K extends keyof Endpoints>(
    endpoint: K,
    options: {
      readonly params?: Readonly<Record<string, string>>;
      readonly body?: Endpoints[K]["body"];
    } = {},
  ): Promise<Endpoints[K]["answer"]> {
    if (!ENDPOINTS.includes(endpoint)) throw new Error(`there is no endpoint ${endpoint}`);
    const [method = "", template = ""] = endpoint.split(" ");
    const path = template.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(options.params?.[name] ?? ""),
    );
    const text = await this.#send(
      method,
      `/api/v1${path}`,
      options.body == null ? {} : { json: options.body },
    );
    return JSON.parse(text) as Endpoints[K]["answer"];
  }

  /** The same call, answering the problem instead of throwing it. */
  async refused<K extends keyof Endpoints>(
    endpoint: K,
    options: {
      readonly params?: Readonly<Record<string, string>>;
      readonly body?: Endpoints[K]["body"];
    } = {},
  ): Promise<string | null> {
    try {
      await this.call(endpoint, options);
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  }

  async #auth<T>(path: string, body: object): Promise<T> {
    return JSON.parse(await this.#send("POST", `/api/auth${path}`, { json: body })) as T;
  }

  async #send(
    method: string,
    path: string,
    content: { json?: unknown; form?: Record<string, string> },
  ): Promise<string> {
    const headers: Record<string, string> = { origin: this.#url };
    if (this.#cookies.size > 0)
      headers["cookie"] = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    let body: string | null = null;
    if (content.json !== undefined) {
      headers["content-type"] = "application/json";
      body = JSON.stringify(content.json);
    } else if (content.form) {
      headers["content-type"] = "application/x-www-form-urlencoded";
      body = new URLSearchParams(content.form).toString();
    }
    const response = await fetch(`${this.#url}${path}`, { method, headers, body, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const text = await response.text();
    this.#onBytes(`${[...response.headers].join("\n")}\n${text}`);
    if (response.status >= 400) {
      const problem = safeProblem(text);
      throw new Error(problem ?? `${method} ${path} answered ${response.status}: ${text.slice(0, 200)}`);
    }
    return text;
  }
}

function safeProblem(text: string): string | null {
  try {
    const { detail } = JSON.parse(text) as Partial<Problem>;
    return typeof detail === "string" ? detail : null;
  } catch {
    return null;
  }
}
