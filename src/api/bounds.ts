/**
 * Bounds on what a client may send to the control plane: bytes of a body, depth of JSON, headers, time. Bodies are read here and
 * nowhere else, counted while they arrive, so that no Content-Length has to be believed.
 */
import { Fault, type Parsed } from "../contract/fault.ts";

export const BODY_BYTES_MAX = 1024 * 1024;
export const JSON_DEPTH_MAX = 20;
export const HEADERS_MAX = 60;
export const HEADER_BYTES_MAX = 16 * 1024;
export const URL_CHARS_MAX = 4096;
/** A slow client has this long for its headers, and this long for everything. */
export const HEADERS_MS = 10_000;
export const REQUEST_MS = 60_000;
export const KEEP_ALIVE_MS = 5_000;
export const CONNECTIONS_MAX = 1024;

/** Reads a whole body, or throws Fault input.too-large as soon as it is longer than `bytesMax`. */
export async function readBody(request: Request, bytesMax: number): Promise<Uint8Array> {
  const tooLarge = (): Fault =>
    new Fault(
      "input.too-large",
      `Cannot take more than ${Math.floor(bytesMax / 1024)} KiB at once: send less`,
    );
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > bytesMax) throw tooLarge();
  if (!request.body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
    if (bytes > bytesMax) {
      await reader.cancel().catch(() => undefined);
      throw tooLarge();
    }
    chunks.push(value);
  }
  const body = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.byteLength;
  }
  return body;
}

/** JSON (RFC 8259) from foreign bytes: UTF-8 without a guess, at most JSON_DEPTH_MAX arrays and objects inside each other. */
export function parseJson(body: Uint8Array): Parsed<unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return { ok: false, why: "The body is not UTF-8" };
  }
  if (depthOf(text) > JSON_DEPTH_MAX) {
    return { ok: false, why: `The body has more than ${JSON_DEPTH_MAX} levels of nesting` };
  }
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return { ok: false, why: "The body is not JSON" };
  }
}

/** Deepest nesting of brackets outside of strings, in one pass and without recursion. */
export function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (inString) {
      if (char === 0x5c) i += 1;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (char === 0x7d || char === 0x5d) depth -= 1;
  }
  return deepest;
}
