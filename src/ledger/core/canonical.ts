/**
 * Canonical JSON (RFC 8785) for the values a record is made of: strings, safe integers, booleans, null, arrays and plain
 * objects. One value has one spelling, so a commitment to its bytes is a commitment to the value. Fractions, unsafe
 * numbers, undefined, lone surrogates, foreign classes and deep nesting are refused.
 */
import type { Parsed } from "../../contract/fault.ts";
import { encodeUtf8 } from "./strict-text.ts";

export const CANONICAL_BYTES_MAX = 64 * 1024;
const DEPTH_MAX = 16;

export type CanonicalValue =
  string | number | boolean | null | readonly CanonicalValue[] | { readonly [key: string]: CanonicalValue };

/** The canonical bytes, or why there are none. Never throws, whatever `value` is. */
export function canonicalBytes(value: unknown): Parsed<Uint8Array> {
  const state: State = { out: [], chars: 0, why: null };
  write(value, state, 0);
  if (state.why !== null) return { ok: false, why: state.why };
  const bytes = encodeUtf8(state.out.join(""));
  if (bytes.length > CANONICAL_BYTES_MAX) return { ok: false, why: TOO_LARGE };
  return { ok: true, value: bytes };
}

type State = { readonly out: string[]; chars: number; why: string | null };
const TOO_LARGE = `The value is larger than ${CANONICAL_BYTES_MAX} bytes`;

function put(text: string, state: State): void {
  state.chars += text.length;
  if (state.chars > CANONICAL_BYTES_MAX) state.why ??= TOO_LARGE;
  else state.out.push(text);
}

function write(value: unknown, state: State, depth: number): void {
  if (state.why !== null) return;
  if (depth > DEPTH_MAX) {
    state.why = `The value is nested deeper than ${DEPTH_MAX}`;
  } else if (value === null || typeof value === "boolean") {
    put(String(value), state);
  } else if (typeof value === "number") {
    // RFC 8785 §3.2.2.3 spells -0 as 0; so does String.
    if (Number.isSafeInteger(value)) put(String(value), state);
    else state.why = "A number is not a safe integer";
  } else if (typeof value === "string") {
    writeString(value, state);
  } else if (Array.isArray(value)) {
    put("[", state);
    for (let i = 0; i < value.length && state.why === null; i++) {
      if (i > 0) put(",", state);
      write(value[i], state, depth + 1);
    }
    put("]", state);
  } else if (typeof value === "object" && isPlain(value)) {
    writeObject(value as Record<string, unknown>, state, depth);
  } else {
    state.why = `A value of type ${typeof value} has no canonical form`;
  }
}

/** Keys in the order of their UTF-16 code units (RFC 8785 §3.2.3), which is how the language sorts strings. */
function writeObject(value: Record<string, unknown>, state: State, depth: number): void {
  put("{", state);
  let first = true;
  for (const key of Object.keys(value).sort()) {
    if (state.why !== null) return;
    if (!first) put(",", state);
    first = false;
    writeString(key, state);
    put(":", state);
    write(value[key], state, depth + 1);
  }
  put("}", state);
}

/** RFC 8785 §3.2.2.2 takes the string spelling of ECMAScript's JSON.stringify; ill-formed strings are an error. */
function writeString(value: string, state: State): void {
  if (value.length > CANONICAL_BYTES_MAX) state.why = TOO_LARGE;
  else if (!value.isWellFormed()) state.why = "A string holds a lone surrogate";
  else put(JSON.stringify(value), state);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    (prototype === Object.prototype || prototype === null) && Object.getOwnPropertySymbols(value).length === 0
  );
}
