/**
 * Which names may be claimed at all. Refused are the operator's own (the control plane, the edge's name, the preview domain, and all
 * below the last two), public suffixes (publicsuffix.org), and wildcards right below one, which would cover everybody's domains.
 */
import { isIP } from "node:net";
import { getPublicSuffix, parse } from "tldts";
import type { Parsed } from "../contract/fault.ts";
import type { Settings } from "../contract/settings.ts";
import { parseHostname } from "./hostname.ts";

export type OwnNames = Pick<Settings, "publicUrl" | "edgeAddresses" | "previewDomain">;

/** The name that DNS is asked about: a wildcard's base, or the name itself. */
export const baseOf = (hostname: string): string =>
  hostname.startsWith("*.") ? hostname.slice(2) : hostname;

/** The domain that was registered: "shop.example" of "www.shop.example". */
export function registrableOf(hostname: string): string {
  const base = baseOf(hostname);
  return parse(base, { allowPrivateDomains: true }).domain ?? base;
}

export function parseClaim(input: string, own: OwnNames): Parsed<string> {
  const parsed = parseHostname(input);
  if (!parsed.ok) return parsed;
  const hostname = parsed.value;
  const why = publicSuffixWhy(hostname) ?? ownNameWhy(hostname, own);
  return why === null ? parsed : { ok: false, why };
}

function publicSuffixWhy(hostname: string): string | null {
  const base = baseOf(hostname);
  const wildcard = base !== hostname;
  // A service that hosts others under its own name may protect that name, but no wildcard over its customers.
  const suffix = getPublicSuffix(base, { allowPrivateDomains: wildcard });
  if (suffix !== base) return null;
  return wildcard
    ? `Cannot add "${hostname}" as it covers domains of different owners: give the names that are yours`
    : `Cannot add "${hostname}" as it is a public suffix, which belongs to nobody alone: give a name below it`;
}

function ownNameWhy(hostname: string, own: OwnNames): string | null {
  const control = new URL(own.publicUrl).hostname.toLowerCase();
  const whole = [...own.edgeAddresses.filter((entry) => isIP(entry) === 0), own.previewDomain].filter(
    (name) => name !== "",
  );
  const base = baseOf(hostname);
  const wildcard = base !== hostname;
  const covers = (name: string): boolean =>
    hostname === name || (wildcard && name.slice(name.indexOf(".") + 1) === base);
  const below = (name: string): boolean => base === name || base.endsWith(`.${name}`);
  if (!covers(control) && !whole.some((name) => covers(name) || below(name))) return null;
  return `Cannot add "${hostname}" as it is the operator's own name: give one of your names`;
}
