/**
 * What name did the client ask for? Brings a Host header to the one form under which sites are kept: lower-case
 * A-labels, no port, no final dot. Refuses (null) whatever is not a name or an address: no guessing, since a name read in two
 * ways is a way into somebody else's site. RFC 9110 §7.2, RFC 1123 §2.1, RFC 9525 §6.3 for the wildcard.
 */

const HOST_CHARS_MAX = 253;
const LABEL_CHARS_MAX = 63;
const LABEL_CHARS = "abcdefghijklmnopqrstuvwxyz0123456789-_";

/** "Forum.Example:8080" → "forum.example"; null if it is not a hostname with an optional port. */
export function normaliseHost(raw: string): string | null {
  if (raw.length === 0 || raw.length > HOST_CHARS_MAX + 7) return null;
  if (raw.charAt(0) === "[") return null;
  let host = raw.toLowerCase();
  const colon = host.indexOf(":");
  if (colon >= 0) {
    if (!isPort(host.substring(colon + 1))) return null;
    host = host.substring(0, colon);
  }
  if (host.length > 1 && host.charAt(host.length - 1) === ".") host = host.substring(0, host.length - 1);
  return isHostname(host) ? host : null;
}

/** Whether `host` is lower-case labels of letters, digits, "-" and "_", parted by single dots. */
export function isHostname(host: string): boolean {
  if (host.length === 0 || host.length > HOST_CHARS_MAX) return false;
  let labelChars = 0;
  for (let i = 0; i < host.length; i++) {
    const char = host.charAt(i);
    if (char === ".") {
      if (labelChars === 0) return false;
      labelChars = 0;
    } else {
      if (!LABEL_CHARS.includes(char)) return false;
      labelChars += 1;
      if (labelChars > LABEL_CHARS_MAX) return false;
    }
  }
  return labelChars > 0;
}

/** "a.b.example" → "*.b.example": the only wildcard that can stand for this name. Null for a single label. */
export function wildcardOf(host: string): string | null {
  const dot = host.indexOf(".");
  if (dot < 1 || dot === host.length - 1) return null;
  return "*" + host.substring(dot);
}

/** Whether a kept hostname, exact or wildcard, covers `host`. */
export function hostnameCovers(kept: string, host: string): boolean {
  return kept === host || (kept.charAt(0) === "*" && kept === wildcardOf(host));
}

function isPort(text: string): boolean {
  if (text.length === 0 || text.length > 5) return false;
  for (let i = 0; i < text.length; i++) if (!"0123456789".includes(text.charAt(i))) return false;
  return Number(text) <= 65535;
}
