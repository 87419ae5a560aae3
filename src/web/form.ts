/**
 * Reads a form (application/x-www-form-urlencoded, WHATWG URL §5.1) from foreign bytes. Strict where a browser is strict: a
 * broken escape, bytes that are not UTF-8, a control character or a field that comes twice is refused with its reason, never
 * mended, as what cannot be kept exactly must not be acknowledged. Line ends become "\n", as a form sends CRLF (HTML §4.10.21.8).
 */
import type { Parsed } from "../contract/fault.ts";

export const FIELDS_MAX = 32;
export const FIELD_NAME_CHARS_MAX = 40;

/** C0 controls but tab and line ends, and DEL. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

export function parseForm(body: Uint8Array): Parsed<ReadonlyMap<string, string>> {
  const fields = new Map<string, string>();
  if (body.length === 0) return { ok: true, value: fields };
  let start = 0;
  let count = 0;
  while (start <= body.length) {
    let end = body.indexOf(0x26, start);
    if (end === -1) end = body.length;
    if (end > start) {
      count += 1;
      if (count > FIELDS_MAX) return { ok: false, why: `The form has more than ${FIELDS_MAX} fields` };
      const equals = body.subarray(start, end).indexOf(0x3d);
      const border = equals === -1 ? end : start + equals;
      const name = decode(body.subarray(start, border));
      const value = decode(body.subarray(Math.min(border + 1, end), end));
      if (name === null || value === null) {
        return { ok: false, why: "The form is not UTF-8, or has a broken escape" };
      }
      if (name.length > FIELD_NAME_CHARS_MAX || CONTROL.test(name)) {
        return { ok: false, why: "A field of the form has an unusable name" };
      }
      if (CONTROL.test(value)) {
        return { ok: false, why: "A field holds a control character: type the text instead of pasting it" };
      }
      if (fields.has(name)) return { ok: false, why: "A field of the form was sent twice" };
      fields.set(name, value.replace(/\r\n?/g, "\n"));
    }
    start = end + 1;
  }
  return { ok: true, value: fields };
}

function decode(bytes: Uint8Array): string | null {
  const out = new Uint8Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === 0x2b) out[length++] = 0x20;
    else if (byte === 0x25) {
      const high = hex(bytes[i + 1]);
      const low = hex(bytes[i + 2]);
      if (high === -1 || low === -1) return null;
      out[length++] = high * 16 + low;
      i += 2;
    } else out[length++] = byte;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(out.subarray(0, length));
  } catch {
    return null;
  }
}

function hex(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
