/**
 * Which addresses mail may go to: one mailbox of RFC 5321 §4.1.2 in its dot-string form, at most 254 characters, with a domain of
 * at least two labels. Quoted local parts, address literals, lists and anything with a control character are refused: they are
 * how a header or a command is smuggled in.
 */
import type { Parsed } from "../contract/fault.ts";

const ATEXT = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]";
const MAILBOX = new RegExp(
  `^(${ATEXT}+(?:\\.${ATEXT}+)*)@((?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\\.)+[a-zA-Z](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)$`,
);

/** RFC 5321 §4.5.3.1: 64 octets before the sign, 254 in all (the path of 256 without its brackets). */
export function parseMailbox(text: string): Parsed<string> {
  if (text.length > 254) return { ok: false, why: "An address has at most 254 characters" };
  const match = MAILBOX.exec(text);
  if (match === null) return { ok: false, why: 'Write one address like "name@host.example"' };
  if ((match[1] ?? "").length > 64)
    return { ok: false, why: 'An address has at most 64 characters before its "@"' };
  return { ok: true, value: `${match[1]}@${(match[2] ?? "").toLowerCase()}` };
}
