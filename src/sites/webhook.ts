/**
 * One message to a customer's webhook, signed as Standard Webhooks 1.0.0 says (standardwebhooks.com): HMAC-SHA256 over "ID.TIMESTAMP.BODY". The URL is a
 * customer's, so it is treated like an origin: the name is looked up here, every address must be public (or in a range that the operator allows for origins), and
 * the connection goes to the very address that was checked, so that a name that changes its answer gains nothing. Redirects are not followed, as they would
 * lead around that check; of the answer only the status counts, and no more than ANSWER_BYTES_MAX of it are read.
 */
import { createHmac } from "node:crypto";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { Fault, type Parsed } from "../contract/fault.ts";
import { lookUpName, type NameLook } from "./name-look.ts";
import { addressAllowed } from "./origin.ts";

export const WEBHOOK_URL_CHARS_MAX = 1000;
export const WEBHOOK_MS = 10_000;
const ANSWER_BYTES_MAX = 16 * 1024;
const SECRET_BYTES = 32;

export type WebhookTry = {
  readonly status: number | null;
  /** Null when it was taken. */
  readonly why: string | null;
  /** The receiver says that it wants no more of this (410), or the address may not be used: another try changes nothing. */
  readonly isFinal: boolean;
};
export type WebhookMessage = {
  readonly url: string;
  readonly secret: string;
  readonly id: string;
  /** Seconds since the Unix epoch. */
  readonly timestamp: number;
  readonly body: string;
};

export function newWebhookSecret(random: (bytes: number) => Uint8Array): string {
  return `whsec_${Buffer.from(random(SECRET_BYTES)).toString("base64")}`;
}

/** The value of `webhook-signature`. */
export function signWebhook({ secret, id, timestamp, body }: Omit<WebhookMessage, "url">): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}

export function readWebhookUrl(text: string, privateRanges: readonly string[]): Parsed<string> {
  const value = text.trim();
  const example = "give one like https://hooks.example.org/parapet";
  if (value.length > WEBHOOK_URL_CHARS_MAX || !URL.canParse(value))
    return { ok: false, why: `This is no address: ${example}` };
  const url = new URL(value);
  const host = hostOf(url);
  if (url.username !== "" || url.password !== "" || url.hash !== "")
    return { ok: false, why: `An address without a password and without "#" is needed: ${example}` };
  const isInside = isIP(host) !== 0 && !addressAllowed(host, []) && addressAllowed(host, privateRanges);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isInside))
    return { ok: false, why: `Messages travel over https alone: ${example}` };
  if (isIP(host) !== 0 && !addressAllowed(host, privateRanges))
    return { ok: false, why: `${host} is not a public address: ${example}` };
  return { ok: true, value: url.toString() };
}

/** Tries once. Never rejects. */
export async function sendWebhook(
  message: WebhookMessage,
  options: {
    readonly privateRanges: readonly string[];
    readonly lookUp?: NameLook;
    readonly timeoutMs?: number;
  },
): Promise<WebhookTry> {
  const { privateRanges, lookUp = lookUpName, timeoutMs = WEBHOOK_MS } = options;
  const read = readWebhookUrl(message.url, privateRanges);
  if (!read.ok) return { status: null, why: read.why, isFinal: true };
  const url = new URL(read.value);
  const host = hostOf(url);
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const addresses = isIP(host) === 0 ? await orTimeOut(lookUp(host), signal) : [host];
    const [address] = addresses;
    if (address === undefined) return { status: null, why: `${host} leads nowhere`, isFinal: false };
    const forbidden = addresses.find((one) => !addressAllowed(one, privateRanges));
    if (forbidden !== undefined)
      return {
        status: null,
        why: `${host} leads to ${forbidden}, which is not a public address`,
        isFinal: false,
      };
    return verdictOn(await post(message, { url, host, address, signal }));
  } catch (error) {
    return { status: null, why: signal.aborted ? "It did not answer in time" : whyOf(error), isFinal: false };
  }
}

function verdictOn(status: number): WebhookTry {
  if (status >= 200 && status < 300) return { status, why: null, isFinal: true };
  if (status === 410) return { status, why: "It wants no more of these messages (410)", isFinal: true };
  if (status >= 300 && status < 400)
    return {
      status,
      why: `It leads elsewhere (${status}), which is not followed: give its own address`,
      isFinal: false,
    };
  return { status, why: `It answered ${status}`, isFinal: false };
}

function post(
  message: WebhookMessage,
  to: { readonly url: URL; readonly host: string; readonly address: string; readonly signal: AbortSignal },
): Promise<number> {
  const { url, host, address, signal } = to;
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(
      {
        host: address,
        port: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port),
        path: `${url.pathname}${url.search}`,
        method: "POST",
        agent: false,
        ...(isIP(host) === 0 ? { servername: host } : {}),
        headers: {
          host: url.host,
          "content-type": "application/json",
          "content-length": Buffer.byteLength(message.body),
          "user-agent": "Parapet webhook",
          "webhook-id": message.id,
          "webhook-timestamp": String(message.timestamp),
          "webhook-signature": signWebhook(message),
        },
        signal,
      },
      (answer: IncomingMessage) => {
        let bytes = 0;
        const done = (): void => {
          resolve(answer.statusCode ?? 0);
          request.destroy();
        };
        // The status is known; the rest is read only so that a well-behaved receiver sees its answer taken.
        answer.on("data", (part: Buffer) => {
          bytes += part.length;
          if (bytes >= ANSWER_BYTES_MAX) done();
        });
        answer.on("end", done);
        answer.on("error", done);
      },
    );
    request.on("error", reject);
    request.end(message.body);
  });
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "");

/** A look-up cannot be called off, but nobody has to wait for it. */
async function orTimeOut<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new Fault("state.gone", "It did not answer in time"));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Codes of Node's own say more than its sentences, and hold nothing that a receiver chose. */
function whyOf(error: unknown): string {
  const code = String((error as { code?: unknown }).code ?? "").slice(0, 60);
  const known: Readonly<Record<string, string>> = {
    ENOTFOUND: "Its name is not found",
    EAI_AGAIN: "Its name cannot be looked up at the moment",
    ECONNREFUSED: "It refuses connections",
    ECONNRESET: "It closed the connection",
    EHOSTUNREACH: "It cannot be reached",
    ETIMEDOUT: "It did not answer in time",
    CERT_HAS_EXPIRED: "Its certificate has expired",
    ERR_TLS_CERT_ALTNAME_INVALID: "Its certificate is for another name",
    DEPTH_ZERO_SELF_SIGNED_CERT: "Its certificate is signed by nobody that is trusted",
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: "Its certificate is signed by nobody that is trusted",
  };
  return known[code] ?? `It cannot be reached${code === "" ? "" : ` (${code})`}`;
}
