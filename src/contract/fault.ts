/**
 * The one error class of the house. A Fault is an expected failure that a person can act on: its `detail` is safe to
 * show to a stranger and says what to do; its `cause` never leaves the process. `code` is a closed union, mapped to an
 * HTTP problem document (RFC 9457) in one single place, `api/problem.ts`. Broken invariants are not Faults: they throw Error.
 */

export const FAULT_STATUS = {
  "input.invalid": 422,
  "input.too-large": 413,
  "input.unknown-setting": 422,
  "auth.required": 401,
  "auth.second-factor-required": 403,
  "auth.forbidden": 403,
  "auth.two-humans": 403,
  "auth.conflict-of-interest": 403,
  "state.conflict": 409,
  "state.not-found": 404,
  "state.gone": 410,
  "site.hostname-taken": 409,
  "site.held": 409,
  "site.origin-unusable": 422,
  "site.origin-unreachable": 422,
  "site.origin-loop": 422,
  "desk.not-narrowest": 422,
  "desk.brake-spent": 409,
  "desk.level-too-low": 409,
  "desk.no-vault": 409,
  "ledger.behind": 503,
  "ledger.forked": 500,
  "edge.not-running": 503,
  "policy.refused": 422,
  "limit.rate": 429,
  "limit.full": 507,
  "machine.incomplete": 500,
} as const satisfies Record<string, number>;

export type FaultCode = keyof typeof FAULT_STATUS;

export type FaultOptions = {
  /** Which input field is wrong and what to do about it. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Milliseconds after which a retry makes sense. */
  readonly retryAfterMs?: number;
  /** What really happened. Stays inside the process. */
  readonly cause?: unknown;
};

export class Fault extends Error {
  readonly code: FaultCode;
  readonly detail: string;
  readonly fields: Readonly<Record<string, string>> | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: FaultCode, detail: string, options: FaultOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Fault";
    this.code = code;
    this.detail = detail;
    this.fields = options.fields;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The outcome of parsing foreign input: never an exception. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: string; readonly fields?: Readonly<Record<string, string>> };
