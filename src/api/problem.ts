/**
 * The one place where an error becomes an HTTP answer (RFC 9457). A Fault shows its code, detail and fields. Anything else
 * shows an id and nothing more: the message of an unknown error can quote what a reporter wrote, so it is not even written
 * down here. What is kept of it is its class and the positions in our own source, enough to find the line.
 */
import { STATUS_CODES } from "node:http";
import { FAULT_STATUS, Fault } from "../contract/fault.ts";
import type { Problem } from "../contract/http.ts";

export type RenderedProblem = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly problem: Problem & { readonly instance?: string };
};

export type ProblemContext = {
  readonly random: (bytes: number) => Uint8Array;
  readonly onUnknown: (failure: { readonly id: string; readonly trace: string }) => void;
};

/** RFC 9457 §4.2.1: with "about:blank" the title is the status phrase, and `code` says which problem it is. */
export function problemOf(error: unknown, context: ProblemContext): RenderedProblem {
  if (error instanceof Fault) {
    const status = FAULT_STATUS[error.code];
    return {
      status,
      headers: {
        ...BASE_HEADERS,
        ...(error.retryAfterMs === undefined
          ? {}
          : { "retry-after": String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))) }),
      },
      problem: {
        type: "about:blank",
        title: STATUS_CODES[status] ?? "Error",
        status,
        detail: error.detail,
        code: error.code,
        ...(error.fields === undefined ? {} : { fields: error.fields }),
      },
    };
  }
  const id = Buffer.from(context.random(10)).toString("hex");
  context.onUnknown({ id, trace: traceOf(error) });
  return {
    status: 500,
    headers: BASE_HEADERS,
    problem: {
      type: "about:blank",
      title: STATUS_CODES[500] ?? "Error",
      status: 500,
      detail: `Something failed on this side: try again, and give the operator the number ${id} if it stays`,
      code: "internal.failed",
      instance: id,
    },
  };
}

const BASE_HEADERS = {
  "content-type": "application/problem+json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

export function problemResponse(error: unknown, context: ProblemContext): Response {
  const { status, headers, problem } = problemOf(error, context);
  return new Response(JSON.stringify(problem), { status, headers });
}

const TRACE_LINES_MAX = 8;

/** Class and source positions of an error, and of its causes: never a message, which can quote what somebody typed. */
export function traceOf(error: unknown): string {
  const parts: string[] = [];
  let at: unknown = error;
  for (let depth = 0; depth < 3 && at instanceof Error; depth++) {
    const code = (at as { code?: unknown }).code;
    const positions = (at.stack ?? "")
      .split("\n")
      .flatMap((line) => /\/((?:src|node_modules)\/[^\s():]+:\d+):\d+\)?$/.exec(line)?.[1] ?? [])
      .slice(0, TRACE_LINES_MAX);
    const shown = typeof code === "string" && /^[A-Z0-9_]{1,40}$/.test(code) ? ` ${code}` : "";
    parts.push(`${at.constructor.name}${shown} at ${positions.join(" < ") || "an unknown place"}`);
    at = at.cause;
  }
  return parts.join("; caused by ") || `a thrown ${typeof error}`;
}
