/**
 * The typed client of the HTTP contract: one function, generic over `Endpoints`, so that a wrong path, body or answer does not
 * compile. It knows nothing of screens. Every failure is a `ClientFault`: the server's problem document (RFC 9457) if it
 * sent one, otherwise `offline` or `broken`. It never retries and never caches: TanStack Query does that.
 */
import type { Endpoints, Problem } from "../contract/http.ts";
import { FAULT_STATUS, type FaultCode } from "../contract/fault.ts";

export const API_BASE = "/api/v1";

type Parameters_<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Parameters_<Rest>
  : never;

type Options<K extends keyof Endpoints> = {
  readonly signal?: AbortSignal;
  /** What a list is narrowed by; what is undefined or "" is left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
} & (Parameters_<K> extends never ? unknown : { readonly params: Readonly<Record<Parameters_<K>, string>> }) &
  (Endpoints[K]["body"] extends null ? unknown : { readonly body: Endpoints[K]["body"] });

export type ClientFaultCode = FaultCode | "offline" | "broken";

/** A failed call, ready to be shown. `detail` is the server's own sentence, in the language asked for where it has it. */
export class ClientFault extends Error {
  readonly code: ClientFaultCode;
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | null;

  constructor(input: {
    readonly code: ClientFaultCode;
    readonly status: number;
    readonly detail: string;
    readonly fields?: Readonly<Record<string, string>>;
    readonly retryAfterMs?: number | null;
  }) {
    super(input.detail);
    this.name = "ClientFault";
    this.code = input.code;
    this.status = input.status;
    this.fields = input.fields ?? {};
    this.retryAfterMs = input.retryAfterMs ?? null;
  }
}

/** Fills `{name}` in a path. A value that would leave its segment is encoded. */
export function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/\{([^}]+)\}/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined || value === "") throw new Error(`Path "${path}" lacks its parameter "${name}"`);
    return encodeURIComponent(value);
  });
}

/** "?state=active&q=192.0.2.7", or "" where nothing is asked for. */
export function queryOf(query: Readonly<Record<string, string | undefined>>): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== "") asked.set(name, value);
  const text = asked.toString();
  return text === "" ? "" : `?${text}`;
}

const isFaultCode = (code: unknown): code is FaultCode =>
  typeof code === "string" && Object.hasOwn(FAULT_STATUS, code);

/** The code to assume when the server sent no problem document, from the status alone. */
function codeOfStatus(status: number): ClientFaultCode {
  if (status === 401) return "auth.required";
  if (status === 403) return "auth.forbidden";
  if (status === 404) return "state.not-found";
  if (status === 409) return "state.conflict";
  if (status === 429) return "limit.rate";
  if (status === 502 || status === 503 || status === 504) return "offline";
  return "broken";
}

/** Reads Retry-After (RFC 9110 §10.2.3, seconds form only) into milliseconds. */
export function retryAfterMs(header: string | null): number | null {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : null;
}

/** Turns a failed answer into a fault. Anything that is not a well-formed problem document falls back to the status. */
export async function faultOf(response: Response): Promise<ClientFault> {
  const wait = retryAfterMs(response.headers.get("retry-after"));
  const plain = new ClientFault({
    code: codeOfStatus(response.status),
    status: response.status,
    detail: "",
    retryAfterMs: wait,
  });
  if (!/^application\/(problem\+)?json/.test(response.headers.get("content-type") ?? "")) return plain;
  const body = await response.json().then(
    (json: unknown) => json,
    () => null,
  );
  if (typeof body !== "object" || body === null) return plain;
  const problem = body as Partial<Problem>;
  const fields: Record<string, string> = {};
  if (typeof problem.fields === "object" && problem.fields !== null)
    for (const [name, why] of Object.entries(problem.fields)) if (typeof why === "string") fields[name] = why;
  return new ClientFault({
    code: isFaultCode(problem.code) ? problem.code : plain.code,
    status: response.status,
    detail: typeof problem.detail === "string" ? problem.detail : "",
    fields,
    retryAfterMs: wait,
  });
}

export type Client = {
  call<K extends keyof Endpoints>(endpoint: K, options: Options<K>): Promise<Endpoints[K]["answer"]>;
};

/** `language()` is asked at every call, so that the server's sentences follow the switch. */
export function createClient(input: {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly language: () => string;
}): Client {
  return {
    async call(endpoint, options) {
      const given = options as {
        signal?: AbortSignal;
        params?: Readonly<Record<string, string>>;
        query?: Readonly<Record<string, string | undefined>>;
        body?: unknown;
      };
      const space = endpoint.indexOf(" ");
      const init: RequestInit = {
        method: endpoint.slice(0, space),
        credentials: "same-origin",
        headers: {
          accept: "application/json, application/problem+json",
          "accept-language": input.language(),
          ...(given.body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(given.body === undefined ? {} : { body: JSON.stringify(given.body) }),
        ...(given.signal === undefined ? {} : { signal: given.signal }),
      };
      const url =
        API_BASE + fillPath(endpoint.slice(space + 1), given.params ?? {}) + queryOf(given.query ?? {});
      let response: Response;
      try {
        response = await input.fetch(url, init);
      } catch (cause) {
        if (given.signal?.aborted) throw cause;
        throw new ClientFault({ code: "offline", status: 0, detail: "" });
      }
      if (!response.ok) throw await faultOf(response);
      try {
        return await response.json();
      } catch {
        throw new ClientFault({ code: "broken", status: response.status, detail: "" });
      }
    },
  };
}
