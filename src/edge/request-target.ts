/**
 * One path, one spelling. Measures are written once and must hold for every way to spell the same path, so both the
 * measure's path and the request's are brought to the form that nginx gives to `$uri`: percent-decoded once, "." and ".."
 * resolved, slashes merged. In Lua a string is bytes and in Node UTF-16: paths beyond ASCII are therefore compared
 * as percent-encoded bytes in upper-case hex, which is the same in both.
 */

const HEX = "0123456789ABCDEF";
/** RFC 3986 §2.3, and what a path may hold unencoded (§3.3) except "%". */
const PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/";

/** Canonical path of a raw one ("/a/../caf%c3%a9//x" → "/caf%C3%A9/x"). Anything after "?" or "#" must be cut before. */
export function canonicalPath(raw: string): string {
  const kept: string[] = [];
  const segments = recode(raw).split("/");
  let endsInSlash = false;
  for (const segment of segments) {
    endsInSlash = segment === "" || segment === "." || segment === "..";
    if (segment === "" || segment === ".") continue;
    if (segment === "..") kept.pop();
    else kept.push(segment);
  }
  const joined = "/" + kept.join("/");
  return endsInSlash && kept.length > 0 ? joined + "/" : joined;
}

/** Canonical "path?query"; without a query there is no "?". */
export function canonicalTarget(raw: string): string {
  const hash = raw.indexOf("#");
  const whole = hash >= 0 ? raw.substring(0, hash) : raw;
  const mark = whole.indexOf("?");
  if (mark < 0) return canonicalPath(whole);
  const query = whole.substring(mark + 1);
  const path = canonicalPath(whole.substring(0, mark));
  return query === "" ? path : path + "?" + recode(query);
}

/** Whether `path` is `prefix` or lies below it, at a segment border. Both canonical. */
export function isAtOrBelow(path: string, prefix: string): boolean {
  const bare = prefix.charAt(prefix.length - 1) === "/" ? prefix.substring(0, prefix.length - 1) : prefix;
  if (path === bare) return true;
  return path.substring(0, bare.length + 1) === bare + "/";
}

/** Percent-decodes what may stand plain and encodes, in upper case, what may not. */
function recode(raw: string): string {
  const out: string[] = [];
  let i = 0;
  while (i < raw.length) {
    const char = raw.charAt(i);
    if (char === "%") {
      const high = HEX.indexOf(raw.charAt(i + 1).toUpperCase());
      const low = HEX.indexOf(raw.charAt(i + 2).toUpperCase());
      if (raw.length > i + 2 && high >= 0 && low >= 0) {
        out.push(plainOrEncoded(high * 16 + low));
        i += 3;
        continue;
      }
      out.push("%25");
    } else if (PLAIN.includes(char) || char === "?") {
      out.push(char);
    } else {
      for (const byte of bytesOf(raw, i)) out.push(encoded(byte));
      if (isHighSurrogate(raw.charCodeAt(i))) i += 1;
    }
    i += 1;
  }
  return out.join("");
}

function plainOrEncoded(byte: number): string {
  if (byte < 0x80) {
    const char = String.fromCharCode(byte);
    if (PLAIN.includes(char)) return char;
  }
  return encoded(byte);
}

function encoded(byte: number): string {
  return "%" + HEX.charAt(Math.floor(byte / 16)) + HEX.charAt(byte % 16);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** UTF-8 bytes of the character at `i`. In Lua each character is a byte already, below 256. */
function bytesOf(text: string, i: number): number[] {
  const unit = text.charCodeAt(i);
  if (unit < 0x80 || "é".length === 2) return [unit];
  if (unit < 0x800) return [0xc0 + Math.floor(unit / 64), 0x80 + (unit % 64)];
  let point = unit;
  if (isHighSurrogate(unit)) {
    const low = text.charCodeAt(i + 1);
    point = 0x10000 + (unit - 0xd800) * 0x400 + (low - 0xdc00);
    return [
      0xf0 + Math.floor(point / 262144),
      0x80 + (Math.floor(point / 4096) % 64),
      0x80 + (Math.floor(point / 64) % 64),
      0x80 + (point % 64),
    ];
  }
  return [0xe0 + Math.floor(unit / 4096), 0x80 + (Math.floor(unit / 64) % 64), 0x80 + (unit % 64)];
}
