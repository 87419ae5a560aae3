/**
 * Hostnames as customers type them, turned into what policies carry: lower-case A-labels (RFC 5890), at most 253 characters,
 * at least two labels, "*." in front for exactly one label. Refuses addresses, ports, paths and single labels.
 */
import { domainToASCII } from "node:url";
import { isIP } from "node:net";
import { HOSTNAME_CHARS_MAX } from "../contract/policy.ts";
import type { Parsed } from "../contract/fault.ts";

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export function parseHostname(input: string): Parsed<string> {
  const typed = input.trim();
  const shown = typed.slice(0, 80);
  if (typed.length > 4 * HOSTNAME_CHARS_MAX) {
    return {
      ok: false,
      why: `Cannot use a hostname of ${typed.length} characters: give at most ${HOSTNAME_CHARS_MAX}`,
    };
  }
  if (/[/:@?#\s]/.test(typed)) {
    return {
      ok: false,
      why: `Cannot use "${shown}" as a hostname: give the bare name, without scheme, port or path`,
    };
  }
  const wildcard = typed.startsWith("*.");
  const name = domainToASCII((wildcard ? typed.slice(2) : typed).replace(/\.$/, ""));
  if (name === "" || name.includes("*")) {
    return { ok: false, why: `Cannot use "${shown}" as a hostname: it is not a valid domain name` };
  }
  if (isIP(name) !== 0)
    return { ok: false, why: `Cannot protect the bare address "${shown}": give a hostname` };
  const labels = name.split(".");
  if (labels.length < 2) {
    return {
      ok: false,
      why: `Cannot use "${shown}" as a hostname: it needs at least two labels, like shop.example`,
    };
  }
  if (wildcard && labels.length < 2)
    return { ok: false, why: `Cannot use "${shown}": a wildcard needs a domain below it` };
  for (const label of labels) {
    if (!LABEL.test(label)) {
      return {
        ok: false,
        why: `Cannot use "${shown}" as a hostname: the label "${label.slice(0, 63)}" is not valid`,
      };
    }
  }
  const full = wildcard ? `*.${name}` : name;
  if (full.length > HOSTNAME_CHARS_MAX) {
    return {
      ok: false,
      why: `Cannot use a hostname of ${full.length} characters: give at most ${HOSTNAME_CHARS_MAX}`,
    };
  }
  return { ok: true, value: full };
}

/** The wildcard that would match `hostname`, or null for a name of fewer than three labels. */
export function wildcardOver(hostname: string): string | null {
  const rest = hostname.slice(hostname.indexOf(".") + 1);
  return rest.includes(".") ? `*.${rest}` : null;
}
