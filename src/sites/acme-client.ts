/**
 * The wire to a certificate authority (RFC 8555). `acme-client` signs and knows the order of messages; the transport below it is
 * ours, so that answers are bounded in size and time, the authority's own certificate is checked against the file that the operator
 * named, and a refusal keeps what the library drops: its type and its Retry-After. Nothing waits or repeats in here but the one
 * repetition of the protocol itself, a fresh nonce (§6.5): when to try again is for the caller, who remembers it durably.
 */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Client } from "acme-client";
import { parseRetryAfter } from "./certificates-life.ts";

const REQUEST_MS = 20_000;
const ANSWER_BYTES_MAX = 1024 * 1024;
const DETAIL_CHARS_MAX = 300;
const ERROR_PREFIX = "urn:ietf:params:acme:error:";

/** What an authority refused, or could not do. `message` is safe to show; it quotes at most a bounded, printable detail. */
export class AcmeProblem extends Error {
  readonly status: number;
  /** Without the prefix "urn:ietf:params:acme:error:"; "" for none. */
  readonly type: string;
  readonly retryAfterMs: number | null;
  /** Whether it answered a new order, whose limits are those of one name rather than of the whole account. */
  readonly atNewOrder: boolean;

  constructor(given: {
    readonly status: number;
    readonly type: string;
    readonly detail: string;
    readonly retryAfterMs: number | null;
    readonly atNewOrder: boolean;
  }) {
    super(`The authority answered ${given.status}${given.detail === "" ? "" : `: ${given.detail}`}`);
    this.name = "AcmeProblem";
    this.status = given.status;
    this.type = given.type;
    this.retryAfterMs = given.retryAfterMs;
    this.atNewOrder = given.atNewOrder;
  }
}

export type AcmeChallenge = {
  readonly type: string;
  readonly url: string;
  readonly token: string;
  readonly status: string;
  readonly error?: unknown;
};
export type AcmeAuthorization = {
  readonly url: string;
  readonly status: string;
  readonly identifier: { readonly type: string; readonly value: string };
  readonly challenges: readonly AcmeChallenge[];
  readonly wildcard?: boolean;
  readonly retryAfterMs?: number;
};
export type AcmeOrder = {
  readonly url: string;
  readonly status: string;
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate?: string;
  readonly error?: unknown;
  readonly retryAfterMs?: number;
};

export type AcmeSession = {
  /** Registers the account, or finds the one that this key has already (§7.3.1). Answers its address. */
  register(contact: string): Promise<string>;
  newOrder(hostname: string): Promise<AcmeOrder>;
  order(url: string): Promise<AcmeOrder>;
  authorizations(order: AcmeOrder): Promise<readonly AcmeAuthorization[]>;
  /** http-01: the key authorization; dns-01: the value of the record. */
  proof(challenge: AcmeChallenge): Promise<string>;
  /** Tells the authority that it may look now. */
  ready(challenge: AcmeChallenge): Promise<void>;
  finalize(order: AcmeOrder, csrPem: string): Promise<void>;
  download(order: AcmeOrder): Promise<string>;
};

type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: unknown;
};
type Transport = (url: string, method: string, options?: { readonly data?: unknown }) => Promise<Answer>;

export async function openAcmeSession(options: {
  readonly directory: string;
  readonly accountKeyPem: string;
  readonly accountUrl: string | null;
  /** PEM of the authority that the directory's certificate is checked against; null for the public ones. */
  readonly caPem: string | null;
  readonly externalAccount: { readonly keyId: string; readonly macKey: string } | null;
  readonly now: () => number;
  readonly signal: AbortSignal;
}): Promise<AcmeSession> {
  // Loaded when a certificate is asked for: an instance that asks for none starts without it.
  const { Client: AcmeClient } = await import("acme-client");
  const { externalAccount } = options;
  const client = new AcmeClient({
    directoryUrl: options.directory,
    accountKey: options.accountKeyPem,
    ...(options.accountUrl === null ? {} : { accountUrl: options.accountUrl }),
    ...(externalAccount === null
      ? {}
      : { externalAccountBinding: { kid: externalAccount.keyId, hmacKey: externalAccount.macKey } }),
  });
  let newOrderUrl = "";
  const transport: Transport = async (url, method, { data } = {}) => {
    const answer = await exchange(url, { ...options, method, data });
    if (url === options.directory) newOrderUrl = textOf(fieldOf(answer.data, "newOrder"));
    const type = textOf(fieldOf(answer.data, "type")).replace(ERROR_PREFIX, "");
    // A bad nonce goes back to the library, which knows the next one (§6.5).
    if (answer.status < 400 || (answer.status === 400 && type === "badNonce")) return answer;
    throw new AcmeProblem({
      status: answer.status,
      type: printable(type),
      detail: printable(textOf(fieldOf(answer.data, "detail"))),
      retryAfterMs: parseRetryAfter(answer.headers["retry-after"], options.now()),
      atNewOrder: url === newOrderUrl && url !== "",
    });
  };
  useTransport(client, transport);
  return sessionOf(client);
}

/** The one door through which the library reaches the network, in the version that package.json pins. */
function useTransport(client: Client, transport: Transport): void {
  const { http } = client as unknown as { readonly http: { request?: unknown } };
  if (typeof http.request !== "function") {
    throw new Error("acme-client has no http.request any more: see where its requests go now");
  }
  http.request = transport;
}

function sessionOf(client: Client): AcmeSession {
  return {
    async register(contact) {
      await client.createAccount({
        termsOfServiceAgreed: true,
        ...(contact === "" ? {} : { contact: [`mailto:${contact}`] }),
      });
      return client.getAccountUrl();
    },
    newOrder: async (hostname) =>
      checkedOrder(await client.createOrder({ identifiers: [{ type: "dns", value: hostname }] })),
    order: async (url) => checkedOrder(await client.getOrder({ url } as never)),
    async authorizations(order) {
      return (await client.getAuthorizations(order as never)) as unknown as AcmeAuthorization[];
    },
    proof: (challenge) => client.getChallengeKeyAuthorization(challenge as never),
    async ready(challenge) {
      await client.completeChallenge(challenge as never);
    },
    async finalize(order, csrPem) {
      await client.finalizeOrder(order as never, csrPem);
    },
    download: async (order) => String(await client.getCertificate(order as never)),
  };
}

const AUTHORIZATIONS_MAX = 10;

function checkedOrder(given: unknown): AcmeOrder {
  const order = given as AcmeOrder;
  const right =
    typeof order.url === "string" &&
    typeof order.status === "string" &&
    typeof order.finalize === "string" &&
    Array.isArray(order.authorizations) &&
    order.authorizations.length <= AUTHORIZATIONS_MAX;
  if (!right) throw new Error("The authority answered with something that is no order");
  return order;
}

function exchange(
  url: string,
  options: {
    readonly directory: string;
    readonly method: string;
    readonly data: unknown;
    readonly caPem: string | null;
    readonly signal: AbortSignal;
  },
): Promise<Answer> {
  const target = new URL(url);
  if (target.protocol !== new URL(options.directory).protocol) {
    throw new Error("The authority named an address of another scheme than its directory");
  }
  const body = options.data === undefined ? null : JSON.stringify(options.data);
  const ask = target.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const asking = ask(
      target,
      {
        method: options.method.toUpperCase(),
        signal: AbortSignal.any([options.signal, AbortSignal.timeout(REQUEST_MS)]),
        agent: false,
        ...(options.caPem === null ? {} : { ca: options.caPem }),
        headers: {
          "user-agent": "parapet (acme-client)",
          "accept-language": "en",
          ...(body === null
            ? {}
            : { "content-type": "application/jose+json", "content-length": Buffer.byteLength(body) }),
        },
      },
      (answer) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        answer.on("data", (part: Buffer) => {
          bytes += part.length;
          if (bytes > ANSWER_BYTES_MAX) asking.destroy(new Error("The authority's answer is too large"));
          else parts.push(part);
        });
        answer.on("error", reject);
        answer.on("end", () => resolve(answerOf(answer.statusCode ?? 0, answer.headers, parts)));
      },
    );
    asking.on("error", (cause) =>
      reject(new Error(`The authority cannot be reached (${codeOf(cause)})`, { cause })),
    );
    asking.end(body ?? undefined);
  });
}

function answerOf(
  status: number,
  given: Readonly<Record<string, string | string[] | undefined>>,
  parts: readonly Buffer[],
): Answer {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  const text = Buffer.concat(parts).toString("utf8");
  if (!/^application\/([a-z]+\+)?json\b/i.test(headers["content-type"] ?? "")) {
    return { status, headers, data: text };
  }
  try {
    const data: unknown = JSON.parse(text);
    const retryAfterMs = parseRetryAfter(headers["retry-after"], Date.now());
    if (typeof data === "object" && data !== null && !Array.isArray(data) && retryAfterMs !== null) {
      return { status, headers, data: { ...data, retryAfterMs } };
    }
    return { status, headers, data };
  } catch {
    return { status, headers, data: text };
  }
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const codeOf = (error: unknown): string => {
  const { code, name } = error as { code?: unknown; name?: string };
  return typeof code === "string" ? code : (name ?? "unknown");
};

/** Foreign text for a person to read: one line, printable, bounded. */
export function printable(text: string): string {
  return text
    .replace(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, DETAIL_CHARS_MAX);
}

/** What an authority says went wrong with a validation or an order (§6.7), for a person to read. */
export function wrongOf(error: unknown): string {
  const detail = printable(textOf(fieldOf(error, "detail")));
  const type = printable(textOf(fieldOf(error, "type")).replace(ERROR_PREFIX, ""));
  return [type, detail].filter((part) => part !== "").join(": ") || "no reason given";
}
